"""The one way from frames to scores: a file, a folder and a camera go through the same stream.

Constant memory, and a fixed delay: a frame's score is known `delay_frames` frames after the frame, or sooner at the
end of the clip. Sequences of several frames share a batch. Decoding, finding and cutting regions, the network, and
what follows are stages that overlap, each a few frames ahead of the next.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import tee
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.engine.shared import AnyEngine, SharedEngine
from ssmtl.hardware import cores
from ssmtl.model import Model
from ssmtl.regions.regions import Regions
from ssmtl.regions.union import Union
from ssmtl.scoring.ahead import ahead
from ssmtl.scoring.cutting import ATTRIBUTES, RELEVANCE, Cut, Picture, Sequences, batches, cut_frames
from ssmtl.scoring.interpolation import Partial, fill, match
from ssmtl.scoring.score import calibrate, join_parts
from ssmtl.scoring.settings import ScoringSettings
from ssmtl.scoring.smoothing import Painted, delay, paint, smooth
from ssmtl.scoring.tracks import Followed, average_along_tracks
from ssmtl.tasks.task import REACH
from ssmtl.video.frame import Frame


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What is known of one frame.

    Attributes:
        frame: the frame itself.
        regions: N regions that have scores; of the first and last three frames of a clip those that can be followed to
            the nearest frame with sequences, where their scores are from.
        task_scores: N×K float32, one column per part of the model that scores, in its order; higher = more abnormal.
        object_scores: N float32, the mean over them that the settings ask for.
        complete: whether a sequence of seven frames could be cut around this frame.
        looked_at: what the network was shown of the objects that it was shown.
        score: the frame's smoothed score.
    """

    frame: Frame
    regions: Regions
    task_scores: NDArray[np.float32]
    object_scores: NDArray[np.float32]
    complete: bool
    looked_at: Sequences
    score: float = 0.0


_Asked = tuple[list[Cut], "Future[NDArray[np.float32]]"]
"""Successive frames, and the scores that their sequences will have."""

DEPTH = 4
"""Frames that a stage is ahead of the next: enough for their times to even out."""


FEW_CORES = 2
"""On which OpenCV's own threads only get in the network's way; its flow is the same with one, bit for bit."""


class _FewThreads:
    """While one or several streams run on few cores, OpenCV has one thread, and then as many as before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams, self._before = 0, 0

    def __enter__(self) -> None:
        with self._lock:
            self._streams += 1
            if self._streams == 1:
                self._before = cv2.getNumThreads()
                if cores() <= FEW_CORES:
                    cv2.setNumThreads(1)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._streams -= 1
            if self._streams == 0:
                cv2.setNumThreads(self._before)


_few_threads = _FewThreads()


def delay_frames(settings: ScoringSettings) -> int:
    """At most how many frames after a frame its score comes, the wait for a batch to fill included."""
    return REACH + settings.every - 1 + settings.max_wait - 1 + delay(settings)


Stage = Callable[[Callable[[], Iterator[Any]], int, str], Iterator[Any]]
"""Runs a stream that a call makes, so many items ahead of its reader, under a name."""


def score_stream(frames: Iterable[Frame], model: Model, detector: Union, stage: Stage = ahead) -> Iterator[FrameResult]:
    """Score the frames of one clip or camera, in order; every frame yields one result.

    Args:
        frames: of one size; a clip of fewer than 7 is refused.
        model: the trained model.
        detector: for this clip, fresh or reset.
        stage: how each of the stages "decode", "regions", "crop" and "network" is run: in threads of their own, or
            as a measurement wants it.

    Raises:
        SourceError: fewer than 7 frames, or of another size than what the model's attributes were learnt from.
    """
    settings = model.configuration.scoring
    # Chosen and made before there are threads; what takes the time of each stage wants one after the other.
    engine = model.shared_engine if stage is ahead else model.engine

    def decoded() -> Iterator[Frame]:
        return stage(lambda: iter(frames), DEPTH, "decode")

    def observed() -> Iterator[tuple[Frame, Regions]]:
        return stage(lambda: _observe(decoded(), detector), DEPTH, "regions")

    def sequences() -> Iterator[list[Cut]]:
        return stage(lambda: batches(cut_frames(observed(), model), model), DEPTH, "crop")

    def painted(results: Iterator[FrameResult]) -> Iterator[Painted[None]]:
        for result in results:
            height, width = result.frame.image.shape[:2]
            cells = paint(result.regions.boxes, result.object_scores, height, width) if result.complete else None
            yield Painted(None, cells)

    with _few_threads:
        scored = _answers(stage(lambda: _score(sequences(), model, engine), DEPTH, "network"))
        # Frames that the filters are done with are not kept for them, as their maps are.
        now, later = tee(_along_tracks(_ends(_results(scored, model)), model))
        for (_, score), result in zip(smooth(painted(now), settings), later, strict=True):
            yield replace(result, score=score)


def _observe(frames: Iterable[Frame], detector: Union) -> Iterator[tuple[Frame, Regions]]:
    for frame in frames:
        yield frame, detector.detect(frame)


def _score(batches: Iterable[list[Cut]], model: Model, engine: AnyEngine) -> Iterator[_Asked]:
    """Each batch with the scores of its sequences, one row each, as they come: as many at once as the engine bears."""
    at_once = engine.at_once if isinstance(engine, SharedEngine) else 1
    if at_once == 1:
        for cuts in batches:
            done: Future[NDArray[np.float32]] = Future()
            done.set_result(_batch_scores(cuts, model, engine))
            yield cuts, done
        return
    pool = ThreadPoolExecutor(at_once, "ssmtl-lane")
    stopped = False
    try:
        for cuts in batches:
            yield cuts, pool.submit(_batch_scores, cuts, model, engine)
    except GeneratorExit:
        stopped = True
        raise
    finally:
        # Where the reader has stopped; at the end, and before an error, all batches that came are still scored.
        pool.shutdown(cancel_futures=stopped)


def _answers(asked: Iterator[_Asked]) -> Iterator[tuple[list[Cut], NDArray[np.float32]]]:
    """In the order of the batches; an error of a lane ends the stages before."""
    try:
        for cuts, scores in asked:
            yield cuts, scores.result()
    finally:
        close = getattr(asked, "close", None)
        if close is not None:
            close()


def _batch_scores(cuts: Sequence[Cut], model: Model, engine: AnyEngine) -> NDArray[np.float32]:
    some = [cut.sequences for cut in cuts if len(cut.sequences)]
    if not some:
        return np.zeros((0, len(model.parts)), np.float32)
    given = {name: np.concatenate([one.given[name] for one in some]) for name in some[0].given}
    return score_sequences(_joined([one.pictures for one in some]), given, model, engine)


def _results(scored: Iterable[tuple[list[Cut], NDArray[np.float32]]], model: Model) -> Iterator[FrameResult]:
    """Scores of all objects of all frames."""
    for partial in fill(_partial_scores(scored, len(model.parts))):
        cut = partial.item
        scores = partial.task_scores
        yield FrameResult(cut.frame, cut.regions, scores, join(scores, model), cut.complete, cut.sequences)


def _ends(results: Iterable[FrameResult]) -> Iterator[FrameResult]:
    """The same frames; the objects of a clip's first and last ones, of which no sequences can be cut, have the scores
    that they have in the nearest frame. What cannot be found again there is left out."""
    first: list[FrameResult] = []
    last: FrameResult | None = None
    for result in results:
        if result.complete:
            nearest, known = result, []
            for earlier in reversed(first):
                nearest = _as_in(nearest, earlier)
                known.append(nearest)
            yield from reversed(known)
            first, last = [], result
            yield result
        elif last is None:
            first.append(result)
        else:
            last = _as_in(last, result)
            yield last


def _along_tracks(results: Iterable[FrameResult], model: Model) -> Iterator[FrameResult]:
    """The same frames, the scores of their objects averaged along their tracks."""
    followed = (Followed(result, result.regions.boxes, result.task_scores) for result in results)
    for known in average_along_tracks(followed, model.configuration.scoring.track_frames // 2):
        yield replace(known.item, task_scores=known.scores, object_scores=join(known.scores, model))


def _as_in(near: FrameResult, result: FrameResult) -> FrameResult:
    """A frame with the scores that its objects have in a neighbouring one."""
    there = match(result.regions.boxes, near.regions.boxes, None).before
    found = np.flatnonzero(there >= 0)
    scores, objects = near.task_scores[there[found]], near.object_scores[there[found]]
    return replace(result, regions=result.regions.take(found), task_scores=scores, object_scores=objects)


def join(scores_NK: NDArray[np.float32], model: Model) -> NDArray[np.float32]:
    """The scores of N objects from those of the model's parts."""
    kinds = [part.kind for part in model.parts]
    return join_parts(scores_NK, kinds, model.scales, model.configuration.scoring.mean_power)


def _partial_scores(scored: Iterable[tuple[list[Cut], NDArray[np.float32]]], parts: int) -> Iterator[Partial[Cut]]:
    """Each frame with the scores of those of its objects that went through the network."""
    for cuts, scores in scored:
        start = 0
        for cut in cuts:
            n = len(cut.sequences)
            mine = np.full((len(cut.regions), parts), np.nan, np.float32)
            mine[cut.sequences.index] = scores[start : start + n]
            start += n
            yield Partial(cut, mine, cut.matches, cut.complete)


def _joined(pictures: Sequence[Picture]) -> Picture:
    on_device = [part for part in pictures if isinstance(part, Tensor)]
    return torch.cat(on_device) if on_device else np.concatenate(list(pictures))


def score_sequences(
    sequences: Picture,
    given: Mapping[str, NDArray[np.float32]],
    model: Model,
    engine: AnyEngine | None = None,
) -> NDArray[np.float32]:
    """Scores of N×C×7×64×64 uint8 sequences: N×K float32, a column for each part of the model that scores, calibrated
    where the model's settings say so. `given` holds what tasks need besides, and the scores of attributes; the engine
    is the model's own, or that for several callers."""
    engine = engine or model.engine
    size = model.configuration.scoring.batch
    parts = []
    for i in range(0, len(sequences), size):
        known = {name: rows[i : i + size] for name, rows in given.items()}
        parts.append(engine.scores(sequences[i : i + size], known))
    raw = np.concatenate(parts)
    if model.usual is not None:
        raw = np.concatenate([raw, given[ATTRIBUTES]], axis=1)
    if model.configuration.scoring.combine == "plain":
        return raw
    return calibrate(raw, [part.kind for part in model.parts], model.scales, given.get(RELEVANCE))

"""The one way from frames to scores: a file, a folder and a camera go through the same stream.

Constant memory, and a fixed delay: a frame's score is known `delay_frames` frames after the frame, or sooner at the
end of the clip. Sequences of several frames share a batch. Decoding, finding and cutting regions, the network, and
what follows are stages that overlap, each a few frames ahead of the next.
"""

from collections import deque
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
from ssmtl.errors import SourceError
from ssmtl.hardware import cores
from ssmtl.model import Model
from ssmtl.regions.regions import Regions, apart
from ssmtl.regions.union import Union
from ssmtl.scoring.ahead import ahead
from ssmtl.scoring.attributes import attribute_scores, relevance, whole_relevance
from ssmtl.scoring.interpolation import Matches, Partial, fill, match
from ssmtl.scoring.motion import NEEDED, measure_motion
from ssmtl.scoring.score import at_edge, calibrate, edge_relevance, join_parts
from ssmtl.scoring.settings import ScoringSettings
from ssmtl.scoring.smoothing import Painted, delay, paint, smooth
from ssmtl.scoring.tracks import Followed, average_along_tracks
from ssmtl.sequences.crop import SIZE, crop, prepare_picture
from ssmtl.sequences.crop_device import Uploads, crop_on_device
from ssmtl.tasks.task import FRAMES, REACH
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
    looked_at: "Sequences"
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Sequences:
    """M sequences of a frame's N regions.

    Attributes:
        index: M positions among the regions.
        pictures: M×C×7×64×64 uint8, in memory or on the device.
        given: what else the tasks' scores need, by name, M×... each.
    """

    index: NDArray[np.intp]
    pictures: "Picture"
    given: dict[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A frame, its regions, and the sequences of those that the network must look at.

    Where the network's device cuts, their pictures are yet to be cut from `window`, the seven frames there.
    """

    frame: Frame
    regions: Regions
    sequences: Sequences
    matches: Matches | None
    complete: bool
    window: Sequence[Tensor] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    frame: Frame
    regions: Regions
    picture: "Picture"


_Asked = tuple[list[_Cut], "Future[NDArray[np.float32]]"]
"""Successive frames, and the scores that their sequences will have."""

Picture = NDArray[np.uint8] | Tensor
"""A frame or crops in memory, or on the device where the network computes."""

DEPTH = 4
"""Frames that a stage is ahead of the next: enough for their times to even out."""


ATTRIBUTES = "attributes"
"""Name of what is given of the sequences by attributes: their raw scores."""

RELEVANCE = "relevance"
"""Name of how far each part says something of each sequence."""

FEW_CORES = 2
"""On which OpenCV's own threads only get in the network's way; its flow is the same with one, bit for bit."""


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
        SourceError: fewer than 7 frames.
    """
    settings = model.configuration.scoring
    # Chosen and made before there are threads; what takes the time of each stage wants one after the other.
    engine = model.shared_engine if stage is ahead else model.engine
    threads = cv2.getNumThreads()
    if cores() <= FEW_CORES:
        cv2.setNumThreads(1)

    def decoded() -> Iterator[Frame]:
        return stage(lambda: iter(frames), DEPTH, "decode")

    def observed() -> Iterator[tuple[Frame, Regions]]:
        return stage(lambda: _observe(decoded(), detector), DEPTH, "regions")

    def cut() -> Iterator[list[_Cut]]:
        return stage(lambda: _batches(_cut(observed(), model), model), DEPTH, "crop")

    def painted(results: Iterator[FrameResult]) -> Iterator[Painted[None]]:
        for result in results:
            height, width = result.frame.image.shape[:2]
            cells = paint(result.regions.boxes, result.object_scores, height, width) if result.complete else None
            yield Painted(None, cells)

    try:
        scored = _answers(stage(lambda: _score(cut(), model, engine), DEPTH, "network"))
        # Frames that the filters are done with are not kept for them, as their maps are.
        now, later = tee(_along_tracks(_ends(_results(scored, model)), model))
        for (_, score), result in zip(smooth(painted(now), settings), later, strict=True):
            yield replace(result, score=score)
    finally:
        cv2.setNumThreads(threads)


def on_device(model: Model) -> bool:
    """Whether crops are cut where the network computes: on a GPU, from one upload of each frame."""
    return model.engine.device.type != "cpu"


def _observe(frames: Iterable[Frame], detector: Union) -> Iterator[tuple[Frame, Regions]]:
    for frame in frames:
        yield frame, detector.detect(frame)


def _cut(observed: Iterable[tuple[Frame, Regions]], model: Model) -> Iterator[_Cut]:
    """Each frame with the sequences around it, three frames later."""
    every = model.configuration.scoring.every
    uploads = Uploads(model.engine.device) if on_device(model) else None
    window: deque[_Seen] = deque(maxlen=FRAMES)
    between: list[list[_Seen]] = []
    count = 0
    before: Regions | None = None
    for frame, regions in observed:
        picture = prepare_picture(frame.image, model.picture_channels)
        window.append(_Seen(frame, regions, uploads.send(picture) if uploads else picture))
        count += 1
        if count == FRAMES:
            yield from (_incomplete(seen, model) for seen in list(window)[:REACH])
        if count < FRAMES:
            continue
        if (count - FRAMES) % every:
            between.append(list(window))
            continue
        here = window[REACH].regions
        yield from (_complete(sequence, model, before, here) for sequence in between)
        yield _complete(list(window), model)
        between, before = [], here
    if count < FRAMES:
        raise SourceError(f"the clip has {count} frames; a sequence needs {FRAMES}: give longer footage")
    yield from (_complete(sequence, model, before) for sequence in between)
    yield from (_incomplete(seen, model) for seen in list(window)[-REACH:])


def _complete(
    window: Sequence[_Seen], model: Model, before: Regions | None = None, after: Regions | None = None
) -> _Cut:
    """The middle frame of seven; where the scored ones before or after it are given, only what neither shows is cut."""
    middle = window[REACH]
    boxes = middle.regions.boxes
    matches = None
    index = np.arange(len(boxes))
    if before is not None or after is not None:
        matches = match(boxes, None if before is None else before.boxes, None if after is None else after.boxes)
        index = matches.unmatched
    pictures: list[Any] = [seen.picture for seen in window]
    given = _given(middle.frame, middle.regions, index, model)
    cut = _Cut(middle.frame, middle.regions, Sequences(index, _nothing(model), given), matches, True)
    if on_device(model):
        return replace(cut, window=pictures)
    return _with_pictures(cut, crop(pictures, boxes[index], model.configuration.sequences.padding), model)


def _with_pictures(cut: _Cut, pictures: Picture, model: Model) -> _Cut:
    """With its sequences' pictures, and what is measured in them."""
    given = dict(cut.sequences.given)
    if model.usual is not None:
        motion = look_at_motion(pictures, cut.regions.boxes[cut.sequences.index], model)
        given |= motion | {RELEVANCE: given[RELEVANCE] * motion[RELEVANCE]}
    return replace(cut, sequences=Sequences(cut.sequences.index, pictures, given), window=())


def _cut_on_device(cuts: Sequence[_Cut], model: Model) -> list[_Cut]:
    """Successive frames with the pictures of their sequences, which are cut together."""
    some = [cut for cut in cuts if cut.window]
    if not some:
        return list(cuts)
    pictures = [*some[0].window, *(cut.window[-1] for cut in some[1:])]
    boxes = np.concatenate([cut.regions.boxes[cut.sequences.index] for cut in some])
    counts = [len(cut.sequences) for cut in some]
    first = np.repeat(np.arange(len(some)), counts)
    crops = crop_on_device(pictures, boxes, model.configuration.sequences.padding, first, FRAMES)
    parts = iter(crops.split(counts))
    return [_with_pictures(cut, next(parts), model) if cut.window else cut for cut in cuts]


def _nothing(model: Model) -> NDArray[np.uint8]:
    """No pictures of sequences."""
    return np.zeros((0, model.picture_channels, FRAMES, SIZE, SIZE), np.uint8)


def _given(frame: Frame, every: Regions, index: NDArray[np.intp], model: Model) -> dict[str, NDArray[np.float32]]:
    """What the scores of some of a frame's regions need besides pixels, and what those of what the picture's edge cuts,
    or another region may hide, are worth."""
    regions = every.take(index)
    given = {name: teacher.answer(frame.image, regions.boxes) for name, teacher in model.teachers.items()}
    kinds = [part.kind for part in model.parts]
    height, width = frame.image.shape[:2]
    relevant = edge_relevance(regions.boxes, height, width, kinds, model.scales)
    if model.usual is not None and model.usual.stature is not None:
        whole = apart(every.boxes)[index] & ~at_edge(regions.boxes, height, width)
        relevant *= whole_relevance(kinds, whole)
    return given | {"classes": regions.probabilities, RELEVANCE: relevant}


def look_at_motion(pictures: Picture, boxes: NDArray[np.float32], model: Model) -> dict[str, NDArray[np.float32]]:
    """What the motion of N objects says: raw scores, a column for each attribute, and how relevant each part is."""
    assert model.usual is not None
    seen = pictures[:, :, REACH - NEEDED // 2 : REACH + NEEDED // 2 + 1]
    near = seen.cpu().numpy() if isinstance(seen, Tensor) else seen
    motion = measure_motion(near, boxes, model.configuration.sequences.padding)
    scores = attribute_scores(motion, boxes, model.usual, model.configuration.attributes)
    return {ATTRIBUTES: scores, RELEVANCE: relevance([part.kind for part in model.parts], motion, boxes, model.usual)}


def _incomplete(seen: _Seen, model: Model) -> _Cut:
    return _Cut(seen.frame, seen.regions, Sequences(np.arange(0), _nothing(model), {}), None, False)


def _batches(cuts: Iterable[_Cut], model: Model) -> Iterator[list[_Cut]]:
    """Frames whose sequences go through the network together: until a batch is full, or `max_wait` frames at most."""
    settings = model.configuration.scoring
    waiting: list[_Cut] = []
    objects = 0
    for cut in cuts:
        # What a batch has no place for would be one more, of a few.
        if waiting and objects + len(cut.sequences) > settings.batch:
            yield _cut_on_device(waiting, model)
            waiting, objects = [], 0
        waiting.append(cut)
        objects += len(cut.sequences)
        if objects >= settings.batch or len(waiting) >= settings.max_wait:
            yield _cut_on_device(waiting, model)
            waiting, objects = [], 0
    if waiting:
        yield _cut_on_device(waiting, model)


def _score(batches: Iterable[list[_Cut]], model: Model, engine: AnyEngine) -> Iterator[_Asked]:
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


def _answers(asked: Iterator[_Asked]) -> Iterator[tuple[list[_Cut], NDArray[np.float32]]]:
    """In the order of the batches; an error of a lane ends the stages before."""
    try:
        for cuts, scores in asked:
            yield cuts, scores.result()
    finally:
        close = getattr(asked, "close", None)
        if close is not None:
            close()


def _batch_scores(cuts: Sequence[_Cut], model: Model, engine: AnyEngine) -> NDArray[np.float32]:
    some = [cut.sequences for cut in cuts if len(cut.sequences)]
    if not some:
        return np.zeros((0, len(model.parts)), np.float32)
    given = {name: np.concatenate([one.given[name] for one in some]) for name in some[0].given}
    return score_sequences(_joined([one.pictures for one in some]), given, model, engine)


def _results(scored: Iterable[tuple[list[_Cut], NDArray[np.float32]]], model: Model) -> Iterator[FrameResult]:
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


def _partial_scores(scored: Iterable[tuple[list[_Cut], NDArray[np.float32]]], parts: int) -> Iterator[Partial[_Cut]]:
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

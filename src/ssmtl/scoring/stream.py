"""The one way from frames to scores: a file, a folder and a camera go through the same stream.

Constant memory, and a fixed delay: a frame's score is known `delay_frames` frames after the frame, or sooner at the
end of the clip. Sequences of several frames share a batch.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ssmtl.errors import SourceError
from ssmtl.model import Model
from ssmtl.regions.regions import Regions
from ssmtl.regions.union import Union
from ssmtl.scoring.score import calibrate, raw_scores
from ssmtl.scoring.settings import ScoringSettings
from ssmtl.scoring.smoothing import Painted, delay, paint, smooth
from ssmtl.sequences.crop import crop, prepare_picture
from ssmtl.tasks.task import FRAMES, REACH
from ssmtl.video.frame import Frame


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What is known of one frame.

    Attributes:
        frame: the frame itself.
        regions: N regions that were looked at; none in the first and last three frames of a clip.
        task_scores: N×K float32, one column per task of the model, in its order; higher = more abnormal.
        object_scores: N float32, the mean over tasks.
        complete: whether a sequence of seven frames could be cut around this frame.
        score: the frame's smoothed score.
    """

    frame: Frame
    regions: Regions
    task_scores: NDArray[np.float32]
    object_scores: NDArray[np.float32]
    complete: bool
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class _Cut:
    frame: Frame
    regions: Regions
    sequences: NDArray[np.uint8]
    complete: bool


def delay_frames(settings: ScoringSettings) -> int:
    """Frames by which a frame's score comes after the frame, besides up to `max_wait` for a batch to fill."""
    return REACH + delay(settings)


def score_stream(frames: Iterable[Frame], model: Model, detector: Union) -> Iterator[FrameResult]:
    """Score the frames of one clip or camera, in order; every frame yields one result.

    Args:
        frames: of one size; a clip of fewer than 7 is refused.
        model: the trained model.
        detector: for this clip, fresh or reset.

    Raises:
        SourceError: fewer than 7 frames.
    """
    settings = model.configuration.scoring

    def painted() -> Iterator[Painted[FrameResult]]:
        cuts = _cut(_observe(frames, detector), model)
        for result in _score(cuts, model):
            height, width = result.frame.image.shape[:2]
            cells = paint(result.regions.boxes, result.object_scores, height, width) if result.complete else None
            yield Painted(result, cells)

    for result, score in smooth(painted(), settings):
        yield FrameResult(
            result.frame, result.regions, result.task_scores, result.object_scores, result.complete, score
        )


def _observe(frames: Iterable[Frame], detector: Union) -> Iterator[tuple[Frame, Regions]]:
    for frame in frames:
        yield frame, detector.detect(frame)


def _cut(observed: Iterable[tuple[Frame, Regions]], model: Model) -> Iterator[_Cut]:
    """Each frame with the sequences around it, three frames later."""
    channels, padding = model.picture_channels, model.configuration.sequences.padding
    nothing = Regions.make([], "")
    window: deque[tuple[Frame, Regions, NDArray[np.uint8]]] = deque(maxlen=FRAMES)
    seen = 0
    for frame, regions in observed:
        window.append((frame, regions, prepare_picture(frame.image, channels)))
        seen += 1
        if seen == FRAMES:
            yield from (_Cut(early, nothing, _empty(channels), False) for early, _, _ in list(window)[:REACH])
        if seen >= FRAMES:
            middle, found, _ = window[REACH]
            yield _Cut(middle, found, crop([picture for _, _, picture in window], found.boxes, padding), True)
    if seen < FRAMES:
        raise SourceError(f"the clip has {seen} frames; a sequence needs {FRAMES}: give longer footage")
    yield from (_Cut(late, nothing, _empty(channels), False) for late, _, _ in list(window)[-REACH:])


def _empty(channels: int) -> NDArray[np.uint8]:
    return np.zeros((0, channels, FRAMES, 1, 1), np.uint8)


def _score(cuts: Iterable[_Cut], model: Model) -> Iterator[FrameResult]:
    """Scores of all objects; frames wait until a batch is full, or `max_wait` frames at most."""
    settings = model.configuration.scoring
    waiting: list[_Cut] = []
    objects = 0
    for cut in cuts:
        waiting.append(cut)
        objects += len(cut.sequences)
        if objects >= settings.batch or len(waiting) >= settings.max_wait:
            yield from _score_together(waiting, model)
            waiting, objects = [], 0
    yield from _score_together(waiting, model)


def _score_together(cuts: list[_Cut], model: Model) -> Iterator[FrameResult]:
    some = [cut.sequences for cut in cuts if len(cut.sequences)]
    scores = score_sequences(np.concatenate(some), model) if some else np.zeros((0, len(model.tasks)), np.float32)
    start = 0
    for cut in cuts:
        end = start + len(cut.sequences)
        mine = scores[start:end]
        yield FrameResult(cut.frame, cut.regions, mine, mine.mean(axis=1), cut.complete)
        start = end


def score_sequences(sequences: NDArray[np.uint8], model: Model) -> NDArray[np.float32]:
    """Task scores of N×C×7×64×64 uint8 sequences: N×K float32, calibrated where the model's settings say so."""
    size = model.configuration.scoring.batch
    parts = []
    with torch.inference_mode():
        for i in range(0, len(sequences), size):
            x_BCTHW = torch.from_numpy(sequences[i : i + size]).float().div_(255)
            parts.append(raw_scores(model.network, model.tasks, x_BCTHW).numpy())
    raw = np.concatenate(parts)
    if model.configuration.scoring.combine == "plain":
        return raw
    return calibrate(raw, [task.kind for task in model.tasks], model.scales)

"""From a frame's regions to batches of their sequences: what the network is shown, and what is measured beside.

Sequences are cut where the network computes. Of a frame that is not scored itself only what neither of its scored
neighbours shows is cut. Sequences of several frames share a batch.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.errors import SourceError
from ssmtl.model import Model
from ssmtl.regions.regions import Regions
from ssmtl.scoring.attributes import attribute_scores, relevance, whole_relevance
from ssmtl.scoring.interpolation import Matches, match
from ssmtl.scoring.motion import NEEDED, measure_motion
from ssmtl.scoring.score import at_edge, edge_relevance
from ssmtl.sequences.crop import SIZE, crop, prepare_picture, shown_sizes
from ssmtl.sequences.crop_device import Uploads, crop_on_device
from ssmtl.tasks.task import FRAMES, REACH
from ssmtl.video.frame import Frame

Picture = NDArray[np.uint8] | Tensor
"""A frame or crops in memory, or on the device where the network computes."""

ATTRIBUTES = "attributes"
"""Name of what is given of the sequences by attributes: their raw scores."""

RELEVANCE = "relevance"
"""Name of how far each part says something of each sequence."""


@dataclass(frozen=True, slots=True)
class Sequences:
    """M sequences of a frame's N regions.

    Attributes:
        index: M positions among the regions.
        pictures: M×C×7×64×64 uint8, in memory or on the device.
        given: what else the tasks' scores need, by name, M×... each.
    """

    index: NDArray[np.intp]
    pictures: Picture
    given: dict[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, slots=True)
class Cut:
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
    picture: Picture


def on_device(model: Model) -> bool:
    """Whether crops are cut where the network computes: on a GPU, from one upload of each frame."""
    return model.engine.device.type != "cpu"


def cut_frames(observed: Iterable[tuple[Frame, Regions]], model: Model) -> Iterator[Cut]:
    """Each frame with the sequences around it, three frames later.

    Raises:
        SourceError: fewer than 7 frames, or not of the size of the footage by which the model knows what is usual.
    """
    every = model.configuration.scoring.every
    uploads = Uploads(model.engine.device) if on_device(model) else None
    window: deque[_Seen] = deque(maxlen=FRAMES)
    between: list[list[_Seen]] = []
    count = 0
    before: Regions | None = None
    for frame, regions in observed:
        if count == 0:
            _check_size(frame, model)
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


def _check_size(frame: Frame, model: Model) -> None:
    # Where what is usual lies, how fast and how tall it is, is known in pixels.
    if model.usual is None or model.scene is None:
        return
    (height, width), (tall, wide) = model.scene.background.shape, frame.image.shape[:2]
    if (tall, wide) != (height, width):
        raise SourceError(
            f"pictures of {wide}×{tall}, but this model knows what is usual in those of {width}×{height}: give those "
            "(a camera's other stream, or scaled by ffmpeg), or fit a model to these"
        )


def _complete(
    window: Sequence[_Seen], model: Model, before: Regions | None = None, after: Regions | None = None
) -> Cut:
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
    cut = Cut(middle.frame, middle.regions, Sequences(index, _nothing(model), given), matches, True)
    if on_device(model):
        return replace(cut, window=pictures)
    return _with_pictures(cut, crop(pictures, boxes[index], model.configuration.sequences.padding), model)


def _with_pictures(cut: Cut, pictures: Picture, model: Model) -> Cut:
    """With its sequences' pictures, and what is measured in them."""
    given = dict(cut.sequences.given)
    if model.usual is not None:
        motion = look_at_motion(pictures, cut.regions.boxes[cut.sequences.index], cut.frame.image.shape[:2], model)
        given |= motion | {RELEVANCE: given[RELEVANCE] * motion[RELEVANCE]}
    return replace(cut, sequences=Sequences(cut.sequences.index, pictures, given), window=())


def _cut_on_device(cuts: Sequence[Cut], model: Model) -> list[Cut]:
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
    another region may hide, or may be a piece, are worth."""
    regions = every.take(index)
    given = {name: teacher.answer(frame.image, regions.boxes) for name, teacher in model.teachers.items()}
    kinds = [part.kind for part in model.parts]
    height, width = frame.image.shape[:2]
    relevant = edge_relevance(regions.boxes, height, width, kinds, model.scales)
    if len(index) and model.usual is not None and model.usual.stature is not None:
        whole = model.usual.stature.whole(every.boxes)[index] & ~at_edge(regions.boxes, height, width)
        relevant *= whole_relevance(kinds, whole)
    return given | {"classes": regions.probabilities, RELEVANCE: relevant}


def look_at_motion(
    pictures: Picture, boxes: NDArray[np.float32], shape: tuple[int, int], model: Model
) -> dict[str, NDArray[np.float32]]:
    """What the motion of N objects in a picture of `shape` (height, width) says: raw scores, a column for each
    attribute, and how relevant each part is."""
    assert model.usual is not None
    seen = pictures[:, :, REACH - NEEDED // 2 : REACH + NEEDED // 2 + 1]
    near = seen.cpu().numpy() if isinstance(seen, Tensor) else seen
    motion = measure_motion(near, shown_sizes(boxes, model.configuration.sequences.padding, *shape))
    scores = attribute_scores(motion, boxes, model.usual, model.configuration.attributes)
    return {ATTRIBUTES: scores, RELEVANCE: relevance([part.kind for part in model.parts], motion, boxes, model.usual)}


def _incomplete(seen: _Seen, model: Model) -> Cut:
    return Cut(seen.frame, seen.regions, Sequences(np.arange(0), _nothing(model), {}), None, False)


def batches(cuts: Iterable[Cut], model: Model) -> Iterator[list[Cut]]:
    """Frames whose sequences go through the network together: until a batch is full, or `max_wait` frames at most."""
    settings = model.configuration.scoring
    waiting: list[Cut] = []
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

"""Normal footage in which one object does what none of it does, so that settings can be chosen without labels (ours).

An object that is followed through a clip is cut out, with what is around it, and pasted where and when it was not: the
camera stands still, so that what is behind it fits. Played faster, backwards, or cut in half, it is an anomaly whose
place is known; played as it was, it shows whether pasting alone is found.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from ssmtl.regions.regions import overlaps
from ssmtl.scoring.tracks import Tracker
from ssmtl.video.frame import Frame

How = Literal["as it was", "faster", "backwards", "cut in half"]
"""What a planted object does; `faster` is as many times as `Planting.times` says."""

LEAST_FRAMES = 24
"""Of a walk that can be planted."""

MOST_FRAMES = 48
"""For which an object is planted; of a longer walk the middle part."""

STEADY = 9
"""Frames over which a walk's boxes are averaged: what is pasted must not jump."""

CONTEXT = 0.15
"""Around the box, as a share of its side, that is pasted with it."""

EDGE = 3
"""Pixels over which what is pasted fades into the picture."""

ALONE = 0.1
"""Intersection over union up to which another box leaves a walk alone."""


@dataclass(frozen=True, slots=True)
class Walk:
    """An object that was followed by itself through N successive frames of a clip: their numbers, and N×4 boxes."""

    frames: NDArray[np.intp]
    boxes: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Planting:
    """What is planted: a walk, what it does, how fast, and the frame from which on it is there."""

    walk: Walk
    how: How
    start: int
    times: float = 1.0

    @property
    def places(self) -> NDArray[np.intp]:
        """Which place of the walk each of its frames shows."""
        count = min(MOST_FRAMES, int((len(self.walk.frames) - 1) / self.times) + 1)
        first = (len(self.walk.frames) - 1 - (count - 1) * self.times) / 2
        places = (first + self.times * np.arange(count)).astype(np.intp)
        return places[::-1] if self.how == "backwards" else places

    @property
    def frames(self) -> NDArray[np.intp]:
        """The frames in which it is there."""
        return self.start + np.arange(len(self.places))

    @property
    def boxes(self) -> NDArray[np.float32]:
        """Where it is there: M×4, pixels, half open."""
        boxes = self.walk.boxes[self.places].copy()
        if self.how == "cut in half":
            boxes[:, 3] = boxes[:, [1, 3]].mean(axis=1)
        return boxes


def find_walks(boxes: Sequence[NDArray[np.float32]]) -> list[Walk]:
    """The objects of a clip that are followed long enough, move further than they are high, and are alone meanwhile.

    `boxes` are those of each frame, N×4, pixels, half open.
    """
    tracker = Tracker()
    seen: dict[int, list[tuple[int, NDArray[np.float32]]]] = {}
    for frame, here in enumerate(boxes):
        near = overlaps(here, here) - np.eye(len(here), dtype=np.float32)
        alone = near.max(axis=1, initial=0) <= ALONE
        for number, box, free in zip(tracker.follow(here), here, alone, strict=True):
            if free:
                seen.setdefault(int(number), []).append((frame, box))
    walks = []
    for places in seen.values():
        frames = np.array([frame for frame, _ in places])
        # What was lost for a while is two walks.
        for part in np.split(np.arange(len(frames)), np.flatnonzero(np.diff(frames) > 1) + 1):
            if len(part) >= LEAST_FRAMES:
                mine = np.stack([places[i][1] for i in part])
                walk = Walk(frames[part], uniform_filter1d(mine, STEADY, axis=0, mode="nearest"))
                if _far(walk):
                    walks.append(walk)
    return walks


def _far(walk: Walk) -> bool:
    middle = (walk.boxes[:, :2] + walk.boxes[:, 2:]) / 2
    height = np.median(walk.boxes[:, 3] - walk.boxes[:, 1])
    return bool(np.hypot(*(middle[-1] - middle[0])) > height)


def choose_start(walk: Walk, how: How, times: float, boxes: Sequence[NDArray[np.float32]]) -> int | None:
    """The frame from which on its way is freest of others and of itself; None: there is no room."""
    count = len(Planting(walk, how, 0, times).places)
    best, least = None, np.inf
    for start in range(0, len(boxes) - count + 1, STEADY):
        planting = Planting(walk, how, start, times)
        taken = sum(
            float(overlaps(box[None], boxes[frame]).max(initial=0))
            for frame, box in zip(planting.frames, planting.boxes, strict=True)
        )
        if taken < least:
            best, least = start, taken
    return best


def cut(frames: Iterable[Frame], walks: Sequence[Walk]) -> list[list[NDArray[np.uint8]]]:
    """What is pasted of each walk: a picture for each of its places, with what is around it.

    `frames` are all those of the clip, in order; they pass once, and none is kept.
    """
    wanted: dict[int, list[tuple[int, int]]] = {}
    for number, walk in enumerate(walks):
        for place, frame in enumerate(walk.frames.tolist()):
            wanted.setdefault(frame, []).append((number, place))
    found: list[list[NDArray[np.uint8]]] = [[] for _ in walks]
    for index, frame in enumerate(frames):
        for number, place in wanted.get(index, ()):
            left, top, right, bottom = _around(walks[number].boxes[place], frame.image.shape[:2])
            found[number].append(frame.image[top:bottom, left:right].copy())
    return found


def plant(frames: Iterable[Frame], planting: Planting, pictures: Sequence[NDArray[np.uint8]]) -> Iterator[Frame]:
    """The same frames, with what is planted in those where it is; `pictures` are those that were cut of its walk."""
    places = dict(zip(planting.frames.tolist(), planting.places.tolist(), strict=True))
    for number, frame in enumerate(frames):
        if number not in places:
            yield frame
            continue
        place = places[number]
        image = _paste(frame.image, pictures[place], planting.walk.boxes[place], planting.how == "cut in half")
        yield Frame(frame.index, frame.time_s, image)


def _around(box: NDArray[np.float32], shape: tuple[int, ...], half: bool = False) -> tuple[int, int, int, int]:
    """A box with what is around it, or its upper half: left, top, right, bottom in a picture of height and width."""
    height, width = shape
    pad = (box[2:] - box[:2]) * CONTEXT
    low, high = box[:2] - pad, box[2:] + pad
    if half:
        high[1] = (box[1] + box[3]) / 2
    left, top = np.clip(np.floor(low), 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(high), [left + 1, top + 1], [width, height]).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _paste(image: NDArray[np.uint8], picture: NDArray[np.uint8], box: NDArray[np.float32], half: bool) -> NDArray:
    left, top, right, bottom = _around(box, image.shape[:2], half)
    across, down = (_fading(end - start) for start, end in ((left, right), (top, bottom)))
    share = (down[:, None] * across)[..., None]
    there = image[top:bottom, left:right]
    out = image.copy()
    out[top:bottom, left:right] = np.rint(share * picture[: bottom - top] + (1 - share) * there)
    return out


def _fading(length: int) -> NDArray[np.float64]:
    """How much of the pasted picture counts along one side."""
    inside = np.minimum(np.arange(length), np.arange(length)[::-1]) + 1
    return np.minimum(inside / (EDGE + 1), 1.0)

"""From the scores of objects to the score of each frame (SSMTL, section 3; method in SSMTL++, section 3.5).

Objects are painted into their boxes, the volume is averaged over time and space, the maximum is the frame's score,
and a Gaussian smooths it over time. All of it runs on a stream, with a fixed delay and in constant memory.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.regions.components import picture_scale
from ssmtl.scoring.settings import ScoringSettings

CELL = 4
"""Side in pixels of a cell of the score volume: boxes are no more exact than that."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Painted(Generic[T]):
    """An item of the stream (a frame, say) and its map of scores, or None where no sequence can be cut."""

    item: T
    map_HW: NDArray[np.float32] | None


def delay(settings: ScoringSettings) -> int:
    """Frames by which a frame's score comes after those of its objects: the reach of tracks and of both filters."""
    return settings.track_frames // 2 + settings.mean_frames // 2 + _radius(settings.gaussian_frames)


def paint(boxes: NDArray[np.float32], scores: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Map of cells: each box (N×4, pixels, half open) filled with its score, the maximum on overlap, 0 elsewhere."""
    cells = np.zeros((-(-height // CELL), -(-width // CELL)), np.float32)
    low = np.maximum(np.floor(boxes[:, :2] / CELL), 0).astype(int)
    high = np.maximum(np.ceil(boxes[:, 2:] / CELL), 0).astype(int)
    for (left, top), (right, bottom), score in zip(low, high, scores, strict=True):
        part = cells[top:bottom, left:right]
        np.maximum(part, score, out=part)
    return cells


def smooth(stream: Iterator[Painted[T]], settings: ScoringSettings) -> Iterator[tuple[T, float]]:
    """Every item with its frame's smoothed score, in order.

    Frames without a map (the first and last three of a clip) take that of the nearest frame which has one. At a
    clip's ends the filters average what is there. A clip without any map scores 0.
    """
    return _gaussian(_maxima(_repeat_nearest(stream), settings), settings.gaussian_frames)


def _repeat_nearest(stream: Iterator[Painted[T]]) -> Iterator[Painted[T]]:
    waiting: list[T] = []
    last: NDArray[np.float32] | None = None
    for painted in stream:
        if painted.map_HW is None and last is None:
            waiting.append(painted.item)
            continue
        if painted.map_HW is not None:
            last = painted.map_HW
        yield from (Painted(item, last) for item in waiting)
        waiting = []
        yield Painted(painted.item, last)
    yield from (Painted(item, np.zeros((1, 1), np.float32)) for item in waiting)


def _maxima(stream: Iterator[Painted[T]], settings: ScoringSettings) -> Iterator[tuple[T, float]]:
    """Mean of the volume over time and space, and its maximum per frame."""
    half = settings.mean_frames // 2

    def average(window: list[Painted[T]]) -> float:
        # As np.mean, without a stack of copies; the volume over all frames of the window is large.
        maps = [painted.map_HW for painted in window if painted.map_HW is not None]
        mean = maps[0].copy()
        for cells in maps[1:]:
            mean += cells
        mean /= len(maps)
        side = round(settings.mean_pixels * picture_scale((mean.shape[0] * CELL, mean.shape[1] * CELL)) / CELL)
        return float((cv2.blur(mean, (side, side)) if side > 1 else mean).max())

    for window, middle in windows(stream, half):
        yield window[middle].item, average(window)


def _gaussian(stream: Iterator[tuple[T, float]], deviation: float) -> Iterator[tuple[T, float]]:
    radius = _radius(deviation)
    offsets = np.arange(-radius, radius + 1)
    whole = np.exp(-0.5 * (offsets / deviation) ** 2) if deviation else np.ones(1)
    for window, middle in windows(stream, radius):
        # At a clip's ends the window is cut.
        weights = whole[radius - middle : radius - middle + len(window)]
        scores = np.array([score for _, score in window])
        yield window[middle][0], float(weights @ scores / weights.sum())


def _radius(deviation: float) -> int:
    return math.ceil(3 * deviation)


def windows(stream: Iterator[T], half: int) -> Iterator[tuple[list[T], int]]:
    """For each item those up to `half` before and after it, as far as there are any, and its place among them."""
    window: deque[T] = deque()
    place = 0
    for item in stream:
        window.append(item)
        if len(window) - place > half:
            yield list(window), place
            place = _forget(window, place, half)
    while place < len(window):
        yield list(window), place
        place = _forget(window, place, half)


def _forget(window: deque[T], place: int, half: int) -> int:
    """Drop what the next item does not reach back to; the next item's place."""
    if place < half:
        return place + 1
    window.popleft()
    return place

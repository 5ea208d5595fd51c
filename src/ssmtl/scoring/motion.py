"""The motion within an object's crops, in pixels of the picture, which attributes are made of (ours).

Sequences are cut at a fixed size, whatever the size of the box: what a task sees of two people who walk as fast, near
and far, differs. So flow is measured between the crops and brought back to the picture's pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.sequences.crop import SIZE

SIDE = SIZE // 2
"""Pixels of a crop at half its size, at which flow is found."""

STEP = 2
"""Frames between the two pictures that flow is found for: over one, walkers far away move by a pixel, and half of what
is measured is noise; over three, a cyclist is out of the crop. Chosen by people planted in training footage who walk
1.5 and 2 times as fast (docs/accuracy.md)."""

NEEDED = 5
"""Frames of a sequence that motion is measured in, the middle ones: from the first to the third, and on to the last."""

COARSE = SIZE // 4
"""Pixels of a crop at a quarter of its size, at which it is found how far things go, roughly."""

REACH = 3
"""Pixels at half of a crop's size that flow over two frames is sure to find without that."""

CLEARLY = 0.7
"""Of the difference between two pictures, what flow must leave at most to be believed."""

AROUND = 5
"""Pixels at a quarter of a crop's size, along each side, over which that difference is averaged."""

MARGIN = 8
"""Of a crop, one pixel in so many on each side does not count for the speed: there it is mostly not the object."""

FASTER_HALF = 75
"""Percentile of the pixels' speeds that is the object's: half of a crop or more may be what stands still behind it."""

GRID = 4
"""Cells of a crop along each side, in which motion is averaged."""

PLACES = np.stack(np.meshgrid(np.arange(COARSE), np.arange(COARSE)), axis=-1).astype(np.float32)
"""(x, y) of each pixel at a quarter of a crop's size."""

Picture = NDArray[np.uint8]
"""H×W, grey."""

Flow = NDArray[np.float32]
"""H×W×2, pixels across and along."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How N objects move.

    Attributes:
        speed_N: pixels of the picture per frame, the upper quartile within the crop.
        cells_NK: the means of speed and of motion across and along the picture, without its sign, in each cell of a
            grid over the crop: N×(3·16), pixels per frame.
    """

    speed_N: NDArray[np.float32]
    cells_NK: NDArray[np.float32]


def measure_motion(pictures_NCTHW: NDArray[np.uint8], boxes_N4: NDArray[np.float32], padding: float) -> Motion:
    """The motion of N objects: the mean over the two frames before and after.

    Args:
        pictures_NCTHW: N×C×5×64×64, C 1 (grey) or 3 (RGB).
        boxes_N4: the boxes, in pixels, of which they are crops.
        padding: context on each side of the crops, as a share of the box's side.
    """
    search, coarse = _search(), _search()
    scale_N2 = (boxes_N4[:, 2:] - boxes_N4[:, :2]) * (1 + 2 * padding) / SIDE
    speed_N = np.zeros(len(boxes_N4), np.float32)
    cells_NK = np.zeros((len(boxes_N4), 3 * GRID**2), np.float32)
    for n, (pictures_CTHW, scale) in enumerate(zip(pictures_NCTHW, scale_N2.astype(np.float32), strict=True)):
        pictures = [_grey(pictures_CTHW[:, t]) for t in range(NEEDED)]
        halves = [_resized(picture, SIDE) for picture in pictures[::STEP]]
        starts = _starts(coarse, pictures)
        mean = np.zeros((SIDE, SIDE, 2), np.float32)
        for one, later, start in zip(halves[:-1], halves[1:], starts, strict=True):
            flow = np.asarray(search.calc(one, later, start) * (scale / (STEP * len(starts))), np.float32)
            speed_N[n] += _upper_quartile(flow)
            mean += flow
        across, along = cv2.split(mean)
        planes = cv2.merge([cv2.magnitude(across, along), np.abs(across), np.abs(along)])
        # Of whole blocks the mean, in which area interpolation is exact.
        cells_NK[n] = cv2.resize(planes, (GRID, GRID), interpolation=cv2.INTER_AREA).transpose(2, 0, 1).ravel()
    return Motion(speed_N, cells_NK)


def _search() -> cv2.DISOpticalFlow:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # It makes flow smooth, takes half of the time, and changes nothing here.
    search.setVariationalRefinementIterations(0)
    # The preset finds flow at half of its pictures' size; these come reduced.
    search.setFinestScale(0)
    # Half of the preset's, which is cheaper and finds nearly the same.
    search.setGradientDescentIterations(12)
    return search


def _starts(search: cv2.DISOpticalFlow, pictures: Sequence[Picture]) -> list[Flow]:
    """Where the search for flow from the first to the third and from the third to the last of five pictures begins.

    Of 32 pixels it has but one scale, and finds no more than an eighth of their side: as far as who walks past a camera
    of ten frames a second goes in two of them, so that who runs would be no faster. At a quarter of a crop's size, and
    over one frame first, it finds four times as much. From there it goes on where the pictures are clearly more alike.
    """
    firsts = range(0, NEEDED - STEP, STEP)
    middle = NEEDED // 2
    small = {t: _resized(pictures[t], COARSE) for t in (middle, middle + 1)}
    still = np.zeros((COARSE, COARSE, 2), np.float32)
    # Most objects are slow, and one look at the middle tells which.
    glance = np.asarray(search.calc(small[middle], small[middle + 1], still) * (STEP * SIDE / COARSE), np.float32)
    if _upper_quartile(glance) < REACH:
        return [np.zeros((SIDE, SIDE, 2), np.float32) for _ in firsts]
    small |= {t: _resized(picture, COARSE) for t, picture in enumerate(pictures) if t not in small}
    starts = []
    for first in firsts:
        one, between, later = (small[t] for t in range(first, first + STEP + 1))
        flow = np.asarray(search.calc(one, later, STEP * search.calc(one, between, still)), np.float32)
        believed_HW = _difference(one, later, flow) < CLEARLY * _difference(one, later, still)
        start = np.where(believed_HW[..., None], flow, 0) * (SIDE / COARSE)
        starts.append(np.asarray(cv2.resize(start, (SIDE, SIDE)), np.float32))
    return starts


def _difference(one: Picture, later: Picture, flow: Flow) -> NDArray[np.float32]:
    """Around each pixel, between a picture and a later one from which the flow is taken back."""
    x, y = cv2.split(PLACES + flow)
    back = cv2.remap(later, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.blur(cv2.absdiff(one, back).astype(np.float32), (AROUND, AROUND)), np.float32)


def _upper_quartile(flow: Flow) -> np.floating:
    """Of the speeds in a square crop less its margin: what `np.percentile` gives, at a fifth of the cost."""
    margin = len(flow) // MARGIN
    lengths = np.asarray(cv2.magnitude(*cv2.split(flow)))[margin : len(flow) - margin, margin : len(flow) - margin]
    rank, rest = divmod(FASTER_HALF / 100 * (lengths.size - 1), 1)
    below, above = np.partition(lengths, (int(rank), int(rank) + 1), axis=None)[int(rank) : int(rank) + 2]
    return below + rest * (above - below)


def _grey(picture_CHW: NDArray[np.uint8]) -> Picture:
    if len(picture_CHW) == 1:
        return np.asarray(picture_CHW[0], np.uint8)
    colour = np.ascontiguousarray(picture_CHW.transpose(1, 2, 0))
    return np.asarray(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), np.uint8)


def _resized(picture: Picture, side: int) -> Picture:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)

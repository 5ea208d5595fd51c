"""The motion within an object's crops, in pixels of the picture, which attributes are made of (ours).

Sequences are cut at a fixed size, whatever the size of the box: what a task sees of two people who walk as fast, near
and far, differs. So flow is measured between the crops and brought back to the picture's pixels.
"""

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

MARGIN = SIDE // 8
"""Pixels of that on each side that do not count for the speed: what is there is mostly not the object."""

FASTER_HALF = 75
"""Percentile of the pixels' speeds that is the object's: half of a crop or more may be what stands still behind it."""

GRID = 4
"""Cells of a crop along each side, in which motion is averaged."""


Picture = NDArray[np.uint8]
"""H×W, grey."""


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
    fine, coarse = _search(), _search()
    scale_N2 = (boxes_N4[:, 2:] - boxes_N4[:, :2]) * (1 + 2 * padding) / SIDE
    speed_N = np.zeros(len(boxes_N4), np.float32)
    cells_NK = np.zeros((len(boxes_N4), 3 * GRID**2), np.float32)
    firsts = range(0, NEEDED - STEP, STEP)
    for n, (pictures_CTHW, scale) in enumerate(zip(pictures_NCTHW, scale_N2.astype(np.float32), strict=True)):
        halves = [_halved(_grey(pictures_CTHW[:, t])) for t in range(NEEDED)]
        quarters = [_halved(picture) for picture in halves]
        mean = np.zeros((2, SIDE, SIDE), np.float32)
        for first in firsts:
            guess = _guess(coarse, *quarters[first : first + STEP + 1])
            flow = fine.calc(halves[first], halves[first + STEP], guess) * (scale / (STEP * len(firsts)))
            across, along = cv2.split(flow)
            inner = cv2.magnitude(across, along)[MARGIN : SIDE - MARGIN, MARGIN : SIDE - MARGIN]
            speed_N[n] += _upper_quartile(np.asarray(inner, np.float32))
            mean += across, along
        planes = cv2.merge([cv2.magnitude(*mean), *np.abs(mean)])
        # Of whole blocks the mean, in which area interpolation is exact.
        cells_NK[n] = cv2.resize(planes, (GRID, GRID), interpolation=cv2.INTER_AREA).transpose(2, 0, 1).ravel()
    return Motion(speed_N, cells_NK)


def _search() -> cv2.DISOpticalFlow:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # It makes flow smooth, takes half of the time, and changes nothing here.
    search.setVariationalRefinementIterations(0)
    # The preset finds flow at half of its pictures' size; these come halved.
    search.setFinestScale(0)
    # Patches one pixel further apart than the preset's cost two thirds.
    search.setPatchStride(4)
    return search


def _guess(search: cv2.DISOpticalFlow, first: Picture, between: Picture, last: Picture) -> NDArray[np.float32]:
    """Where to begin to look for the flow from the first to the last picture of twice that size.

    In pictures of 32 pixels the search has but one scale, and finds no more than an eighth of their side: as far as who
    walks past a camera of ten frames a second goes in two of them, so that who runs would be no faster. At half the
    size, and over half the time first, that is a quarter of it.
    """
    flow = 2 * search.calc(first, between, np.zeros((*first.shape, 2), np.float32))
    flow = 2 * search.calc(first, last, flow)
    return np.asarray(cv2.resize(flow, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.float32)


def _upper_quartile(lengths: NDArray[np.float32]) -> np.floating:
    """What `np.percentile` gives, at a fifth of the cost."""
    rank, rest = divmod(FASTER_HALF / 100 * (lengths.size - 1), 1)
    below, above = np.partition(lengths, (int(rank), int(rank) + 1), axis=None)[int(rank) : int(rank) + 2]
    return below + rest * (above - below)


def _grey(picture_CHW: NDArray[np.uint8]) -> Picture:
    if len(picture_CHW) == 1:
        return np.asarray(picture_CHW[0], np.uint8)
    colour = np.ascontiguousarray(picture_CHW.transpose(1, 2, 0))
    return np.asarray(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), np.uint8)


def _halved(picture_HW: Picture) -> Picture:
    height, width = picture_HW.shape
    return np.asarray(cv2.resize(picture_HW, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)

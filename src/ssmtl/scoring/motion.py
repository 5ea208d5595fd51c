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


def measure_motion(pictures_NCTHW: NDArray[np.uint8], shown_N2: NDArray[np.float32]) -> Motion:
    """The motion of N objects: the mean over the two frames before and after.

    Args:
        pictures_NCTHW: N×C×5×64×64, C 1 (grey) or 3 (RGB).
        shown_N2: width and height in pixels of what each shows (`ssmtl.sequences.crop.shown_sizes`): boxes near the
            picture's edge have less context.
    """
    search, coarse = _search(), _search()
    objects = [[_grey(pictures_CTHW[:, t]) for t in range(NEEDED)] for pictures_CTHW in pictures_NCTHW]
    flow_NPHW2 = np.zeros((len(objects), NEEDED // STEP, SIDE, SIDE, 2), np.float32)
    for pictures, flow_PHW2, far in zip(objects, flow_NPHW2, _go_far(coarse, objects), strict=True):
        if far:
            flow_PHW2[:] = _starts(coarse, pictures)
        halves = [_resized(picture, SIDE) for picture in pictures[::STEP]]
        for flow_HW2, one, later in zip(flow_PHW2, halves[:-1], halves[1:], strict=True):
            flow_HW2[:] = search.calc(one, later, flow_HW2)
    flow_NPHW2 *= (shown_N2 / (STEP * SIDE))[:, None, None, None]
    mean_NHW2 = flow_NPHW2.mean(axis=1)
    across_NHW, along_NHW = mean_NHW2[..., 0], mean_NHW2[..., 1]
    planes_NKHW = np.stack([np.hypot(across_NHW, along_NHW), np.abs(across_NHW), np.abs(along_NHW)], axis=1)
    cell = SIDE // GRID
    cells_NK = planes_NKHW.reshape(len(objects), 3, GRID, cell, GRID, cell).mean(axis=(3, 5))
    return Motion(_upper_quartile(flow_NPHW2).mean(axis=1), cells_NK.reshape(len(objects), 3 * GRID**2))


def _search() -> cv2.DISOpticalFlow:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # It makes flow smooth, takes half of the time, and changes nothing here.
    search.setVariationalRefinementIterations(0)
    # The preset finds flow at half of its pictures' size; these come reduced.
    search.setFinestScale(0)
    return search


def _go_far(search: cv2.DISOpticalFlow, objects: Sequence[Sequence[Picture]]) -> NDArray[np.bool_]:
    """Of each of N objects' pictures, whether something goes far: a glance at the middle tells that most do not."""
    glance_NHW2 = np.zeros((len(objects), COARSE, COARSE, 2), np.float32)
    for pictures, glance_HW2 in zip(objects, glance_NHW2, strict=True):
        one, later = (_resized(picture, COARSE) for picture in pictures[NEEDED // 2 : NEEDED // 2 + 2])
        glance_HW2[:] = search.calc(one, later, glance_HW2)
    return np.asarray(_upper_quartile(glance_NHW2) * (STEP * SIDE / COARSE) >= REACH)


def _starts(search: cv2.DISOpticalFlow, pictures: Sequence[Picture]) -> list[Flow]:
    """Where the search for flow from the first to the third and from the third to the last of five pictures begins.

    Of 32 pixels it has but one scale, and finds no more than an eighth of their side: as far as who walks past a camera
    of ten frames a second goes in two of them, so that who runs would be no faster. At a quarter of a crop's size, and
    over one frame first, it finds four times as much. From there it goes on where the pictures are clearly more alike.
    """
    small = [_resized(picture, COARSE) for picture in pictures]
    starts = []
    for first in range(0, NEEDED - STEP, STEP):
        one, between, later = small[first : first + STEP + 1]
        # The search writes over what it begins with.
        near = search.calc(one, between, np.zeros((COARSE, COARSE, 2), np.float32))
        flow = np.asarray(search.calc(one, later, STEP * near), np.float32)
        believed_HW = _difference(one, _taken_back(later, flow)) < CLEARLY * _difference(one, later)
        start = np.where(believed_HW[..., None], flow, 0) * (SIDE / COARSE)
        starts.append(np.asarray(cv2.resize(start, (SIDE, SIDE)), np.float32))
    return starts


def _taken_back(picture: Picture, flow: Flow) -> Picture:
    """A picture with the flow to it taken back: what was where it comes from."""
    x, y = cv2.split(PLACES + flow)
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _difference(one: Picture, other: Picture) -> NDArray[np.float32]:
    """Between two pictures, around each pixel."""
    return np.asarray(cv2.blur(cv2.absdiff(one, other).astype(np.float32), (AROUND, AROUND)), np.float32)


def _upper_quartile(flow_NHW2: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the speeds in square crops less their margin: …×H×W×2 → …"""
    margin = flow_NHW2.shape[-2] // MARGIN
    within_NHW2 = flow_NHW2[..., margin:-margin, margin:-margin, :]
    speeds_NHW = np.hypot(within_NHW2[..., 0], within_NHW2[..., 1])
    speeds_NP = speeds_NHW.reshape(*speeds_NHW.shape[:-2], speeds_NHW.shape[-2] * speeds_NHW.shape[-1])
    return np.asarray(np.percentile(speeds_NP, FASTER_HALF, axis=-1), np.float32)


def _grey(picture_CHW: NDArray[np.uint8]) -> Picture:
    if len(picture_CHW) == 1:
        return np.asarray(picture_CHW[0], np.uint8)
    return np.asarray(cv2.cvtColor(cv2.merge(list(picture_CHW)), cv2.COLOR_RGB2GRAY), np.uint8)


def _resized(picture: Picture, side: int) -> Picture:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)

"""An attribute that no proxy task sees: how fast an object moves, against what is usual at its place (ours).

Sequences are cut at a fixed size, whatever the size of the box and wherever it is: what a task sees of two people who
walk as fast, near and far, differs. So the flow within the crop is measured in pixels of the picture, and compared with
that of the training footage's objects nearby: there, perspective, lanes and habits are the same.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial import cKDTree

from ssmtl.config import Settings
from ssmtl.regions.components import picture_scale
from ssmtl.scoring.score import Form
from ssmtl.sequences.crop import SIZE

MARGIN = SIZE // 8
"""Pixels of a crop on each side that do not count: what is there is mostly not the object."""

STEP = 2
"""Frames between the two pictures that flow is found for: over one, walkers far away move by a pixel, and half of what
is measured is noise; over three, a cyclist is out of the crop. Chosen by people planted in training footage who walk
1.5 and 2 times as fast (docs/accuracy.md)."""

NEEDED = 5
"""Frames of a sequence that speed is measured in, the middle ones: from the first to the third, and on to the last."""

FASTER_HALF = 75
"""Percentile of the pixels' speeds that is the object's: half of a crop or more may be what stands still behind it."""

CELL = 1 / 24
"""Side of a cell of the map of usual speeds, as a share of the picture's longer side."""

LEAST_SPREAD = 0.16
"""Pixels per frame at 360×640 by which usual speeds are taken to differ at least; flow is no more exact."""


class SpeedSettings(Settings):
    """Speed in pixels per frame against that of the nearest objects of the training footage."""

    kind: Literal["speed"] = "speed"
    neighbours: int = Field(500, ge=10, description="objects of the training footage that say what is usual at a place")
    weight: float = Field(1.0, gt=0, le=100, description="against that of all tasks together, on the calibrated scale")
    form: ClassVar[Form] = "linear"
    title: ClassVar[str] = "Speed"
    words: ClassVar[str] = "moves faster than is usual here"


@dataclass(frozen=True)
class UsualSpeed:
    """What speeds are usual where, in pixels per frame.

    Attributes:
        median_HW, high_HW: the median and the 95th percentile in each cell of a map over the picture; one cell where
            the training footage shows several scenes.
        cell: the side of a cell in pixels.
    """

    median_HW: NDArray[np.float32]
    high_HW: NDArray[np.float32]
    cell: float

    def scores(self, speed_N: NDArray[np.float32], boxes_N4: NDArray[np.float32]) -> NDArray[np.float32]:
        """N speeds of boxes in pixels → N scores: 0 is usual at the place, 1 is what one in twenty exceeds there."""
        rows, columns = self._places(boxes_N4)
        return (speed_N - self.median_HW[rows, columns]) / (self.high_HW - self.median_HW)[rows, columns]

    def _places(self, boxes_N4: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row and column of the cell on which each box stands."""
        last = np.array(self.median_HW.shape)[::-1] - 1
        columns, rows = np.clip(_feet(boxes_N4) // self.cell, 0, last).astype(np.intp).T
        return rows, columns


def _feet(boxes_N4: NDArray[np.float32]) -> NDArray[np.float32]:
    """N×2 (x, y): the middle of each box's lower side."""
    return np.stack([boxes_N4[:, [0, 2]].mean(axis=1), boxes_N4[:, 3]], axis=1)


def learn_usual_speed(
    speed_N: NDArray[np.float32],
    boxes_N4: NDArray[np.float32],
    shape: tuple[int, int] | None,
    settings: SpeedSettings,
) -> UsualSpeed:
    """What is usual where, from N ≥ 1 objects of normal footage.

    Args:
        speed_N: pixels per frame.
        boxes_N4: pixels, half open.
        shape: height and width of the pictures of one scene; None: several scenes, where a place says nothing.
        settings: how many neighbours are asked.
    """
    height, width = shape or (1, 1)
    cell = max(1.0, max(height, width) * CELL)
    rows, columns = (max(1, int(np.ceil(side / cell))) for side in (height, width))
    y, x = np.mgrid[:rows, :columns]
    middles = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * cell
    count = min(settings.neighbours, len(speed_N)) if shape else len(speed_N)
    near = cKDTree(_feet(boxes_N4)).query(middles, range(1, count + 1))[1]
    median, high = np.quantile(speed_N[near], [0.5, 0.95], axis=1).astype(np.float32)
    least = LEAST_SPREAD * (picture_scale(shape) if shape else 1.0)
    high = np.maximum(high, median + np.float32(least))
    return UsualSpeed(median.reshape(rows, columns), high.reshape(rows, columns), cell)


def measure_speeds(
    pictures_NCTHW: NDArray[np.uint8], boxes_N4: NDArray[np.float32], padding: float
) -> NDArray[np.float32]:
    """Speed of N objects in pixels of the picture per frame: the mean over the two frames before and after.

    Args:
        pictures_NCTHW: N×C×5×64×64, C 1 (grey) or 3 (RGB).
        boxes_N4: the boxes, in pixels, of which they are crops.
        padding: context on each side of the crops, as a share of the box's side.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # It makes flow smooth, takes half of the time, and changes nothing here.
    search.setVariationalRefinementIterations(0)
    scale_N2 = (boxes_N4[:, 2:] - boxes_N4[:, :2]) * (1 + 2 * padding) / SIZE
    speeds = np.zeros(len(boxes_N4), np.float32)
    inner = slice(MARGIN, SIZE - MARGIN)
    for n, (pictures_CTHW, scale) in enumerate(zip(pictures_NCTHW, scale_N2, strict=True)):
        pictures = [_grey(pictures_CTHW[:, t]) for t in range(0, NEEDED, STEP)]
        pairs = list(pairwise(pictures))
        for one, later in pairs:
            flow = search.calc(one, later, np.zeros((SIZE, SIZE, 2), np.float32))[inner, inner]
            squares = ((flow[..., 0] * scale[0]) ** 2 + (flow[..., 1] * scale[1]) ** 2).ravel()
            # What np.percentile gives, at a fifth of its cost.
            rank, rest = divmod(FASTER_HALF / 100 * (len(squares) - 1), 1)
            below, above = np.sqrt(np.partition(squares, (int(rank), int(rank) + 1))[int(rank) : int(rank) + 2])
            speeds[n] += (below + rest * (above - below)) / (STEP * len(pairs))
    return speeds


def _grey(picture_CHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if len(picture_CHW) == 1:
        return np.ascontiguousarray(picture_CHW[0])
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture_CHW.transpose(1, 2, 0)), cv2.COLOR_RGB2GRAY), np.uint8)

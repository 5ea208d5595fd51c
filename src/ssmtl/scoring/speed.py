"""An attribute that no proxy task sees: how fast an object moves, against what is usual at its place (ours).

It is compared with that of the training footage's objects nearby: there, perspective, lanes and habits are the same.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial import cKDTree

from ssmtl.regions.components import picture_scale
from ssmtl.scoring.attribute import AttributeSettings

CELL = 1 / 24
"""Side of a cell of the map of usual speeds, as a share of the picture's longer side."""

LEAST_SPREAD = 0.16
"""Pixels per frame at 360×640 by which usual speeds are taken to differ at least; flow is no more exact."""


class SpeedSettings(AttributeSettings):
    """Speed in pixels per frame against that of the nearest objects of the training footage."""

    kind: Literal["speed"] = "speed"
    neighbours: int = Field(500, ge=10, description="objects of the training footage that say what is usual at a place")
    title: ClassVar[str] = "Speed"
    sees: ClassVar[str] = "the frames before and after"
    words: ClassVar[str] = "moves faster than is usual here"


@dataclass(frozen=True)
class UsualSpeed:
    """What speeds are usual where, in pixels per frame.

    Attributes:
        median_HW, high_HW: the median and the 95th percentile in each cell of a map over the picture; one cell where
            the training footage shows several scenes.
        cell: the side of a cell in pixels.
        least: pixels per frame by which speeds are taken to differ at least.
    """

    median_HW: NDArray[np.float32]
    high_HW: NDArray[np.float32]
    cell: float
    least: float

    def scores(self, speed_N: NDArray[np.float32], boxes_N4: NDArray[np.float32]) -> NDArray[np.float32]:
        """N speeds of boxes in pixels → N scores: 0 is usual at the place, 1 is what one in twenty exceeds there."""
        rows, columns = self._places(boxes_N4)
        return (speed_N - self.median_HW[rows, columns]) / (self.high_HW - self.median_HW)[rows, columns]

    def median(self, boxes_N4: NDArray[np.float32]) -> NDArray[np.float32]:
        """The median, in pixels per frame, at the places of N boxes in pixels."""
        return self.median_HW[self._places(boxes_N4)]

    def _places(self, boxes_N4: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row and column of the cell on which each box stands."""
        last = np.array(self.median_HW.shape)[::-1] - 1
        columns, rows = np.clip(feet(boxes_N4) // self.cell, 0, last).astype(np.intp).T
        return rows, columns


def least_spread(shape: tuple[int, int] | None) -> float:
    """LEAST_SPREAD in pictures of a height and width; None: of several."""
    return LEAST_SPREAD * (picture_scale(shape) if shape else 1.0)


def feet(boxes_N4: NDArray[np.float32]) -> NDArray[np.float32]:
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
    near = cKDTree(feet(boxes_N4)).query(middles, range(1, count + 1))[1]
    median, high = np.quantile(speed_N[near], [0.5, 0.95], axis=1).astype(np.float32)
    least = least_spread(shape)
    high = np.maximum(high, median + np.float32(least))
    return UsualSpeed(median.reshape(rows, columns), high.reshape(rows, columns), cell, least)

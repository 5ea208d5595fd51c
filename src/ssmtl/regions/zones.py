"""Zones of the picture: where to look, and where not to (ours)."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from ssmtl.config import Settings
from ssmtl.regions.regions import Regions


class Zone(Settings):
    """A polygon. Objects that stand in a zone that is ignored are; where zones are watched, only objects in them count.

    An object stands where the middle of its box's lower edge is. Points are shares of the picture's width and height.
    """

    name: str = Field("", max_length=80)
    kind: Literal["watch", "ignore"] = "ignore"
    points: tuple[tuple[float, float], ...] = Field(min_length=3, max_length=200)

    @field_validator("points")
    @classmethod
    def _inside(cls, points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if any(not 0 <= value <= 1 for point in points for value in point):
            raise ValueError("points are shares of the picture's width and height, each from 0 to 1")
        return points


def inside(boxes_N4: NDArray[np.float32], zone: Zone, height: int, width: int) -> NDArray[np.bool_]:
    """Which of N boxes (pixels) of a picture stand in the zone, its border included."""
    polygon = np.array(zone.points, np.float32) * np.array([width, height], np.float32)
    feet = np.stack([(boxes_N4[:, 0] + boxes_N4[:, 2]) / 2, boxes_N4[:, 3]], axis=1)
    # A box that is cut off by the lower edge of the picture stands there.
    feet = np.minimum(feet, np.array([width, height], np.float32))
    return np.array([cv2.pointPolygonTest(polygon, (float(x), float(y)), False) >= 0 for x, y in feet], bool)


def keep_zones(regions: Regions, zones: Sequence[Zone], height: int, width: int) -> Regions:
    """The regions of a picture that count."""
    if not zones or not len(regions):
        return regions
    watched = [zone for zone in zones if zone.kind == "watch"]
    keep = np.full(len(regions), not watched)
    for zone in watched:
        keep |= inside(regions.boxes, zone, height, width)
    for zone in zones:
        if zone.kind == "ignore":
            keep &= ~inside(regions.boxes, zone, height, width)
    return regions.take(keep)

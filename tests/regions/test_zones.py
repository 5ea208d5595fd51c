"""Zones by feet, on a picture of 100 × 50 pixels."""

import numpy as np
import pytest
from pydantic import ValidationError

from ssmtl.regions.regions import Regions
from ssmtl.regions.union import Union
from ssmtl.regions.zones import Zone, inside, keep_zones
from ssmtl.video.frame import Frame

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
CORNER = ((0.0, 0.6), (0.3, 0.6), (0.0, 1.0))
# Feet at (15, 40), (60, 40), (10, 50; cut off by the lower edge).
BOXES = np.array([[10, 10, 20, 40], [55, 10, 65, 40], [5, 20, 15, 60]], np.float32)


@pytest.mark.parametrize(("points", "expected"), [(LEFT, [True, False, True]), (CORNER, [True, False, False])])
def test_an_object_stands_where_its_feet_are(points: tuple, expected: list[bool]) -> None:
    assert inside(BOXES, Zone(points=points), 50, 100).tolist() == expected


def test_a_zone_in_the_corner() -> None:
    box = np.array([[0, 10, 8, 35]], np.float32)
    assert inside(box, Zone(points=CORNER), 50, 100).tolist() == [True]


@pytest.mark.parametrize(
    ("zones", "left"),
    [
        ([], [0, 1, 2]),
        ([Zone(points=LEFT)], [1]),
        ([Zone(kind="watch", points=LEFT)], [0, 2]),
        ([Zone(kind="watch", points=LEFT), Zone(points=((0, 0.9), (0.2, 0.9), (0.2, 1), (0, 1)))], [0]),
        ([Zone(kind="watch", points=((0.9, 0), (1, 0), (1, 0.1)))], []),
    ],
)  # fmt: skip
def test_what_counts(zones: list[Zone], left: list[int]) -> None:
    regions = Regions.make(BOXES, "known")
    assert keep_zones(regions, zones, 50, 100).boxes.tolist() == BOXES[left].tolist()


@pytest.mark.parametrize("points", [((0, 0), (1, 1)), ((0, 0), (1, 1), (1.2, 0)), ((0, 0), (1, 1), (-0.1, 0))])
def test_no_zone(points: tuple) -> None:
    with pytest.raises(ValidationError):
        Zone(points=points)


def test_the_union_of_detectors_heeds_zones_that_change() -> None:
    class All:
        def detect(self, frame: Frame, known: Regions) -> Regions:
            return Regions.make(BOXES, "known")

        def reset(self) -> None:
            pass

    union = Union([All()])
    frame = Frame(0, 0.0, np.zeros((50, 100, 3), np.uint8))
    assert len(union.detect(frame)) == 3
    union.zones = (Zone(points=LEFT),)
    assert union.detect(frame).boxes.tolist() == [BOXES[1].tolist()]

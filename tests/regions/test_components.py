"""From masks to boxes, with boxes known by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ssmtl.regions.components import (
    ComponentSettings,
    black_out,
    component_boxes,
    join_fragments,
    picture_scale,
    split_component,
)
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene

FULL = (360, 640)
HALF = (180, 320)
EVERYTHING = ComponentSettings(min_area=1, min_width=0, min_height=0)


def mask(shape: tuple[int, int], *boxes: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """1 inside the boxes."""
    result = np.zeros(shape, np.uint8)
    for x_min, y_min, x_max, y_max in boxes:
        result[y_min:y_max, x_min:x_max] = 1
    return result


@pytest.mark.parametrize(
    "boxes",
    [
        [],
        [(10, 20, 40, 60)],
        [(0, 0, 640, 360)],
        [(639, 359, 640, 360)],
        [(10, 20, 40, 60), (41, 20, 60, 60)],
        [(0, 0, 30, 30), (100, 200, 160, 300), (610, 340, 640, 360)],
    ],
    ids=["none", "one", "whole picture", "last pixel", "one pixel apart", "three"],
)
def test_each_component_is_one_exact_box(boxes: list[tuple[int, int, int, int]]) -> None:
    found = component_boxes(mask(FULL, *boxes), EVERYTHING, None)
    assert found.dtype == np.float32 and found.shape == (len(boxes), 4)
    assert sorted(map(tuple, found.tolist())) == sorted(boxes)


def test_corners_connect() -> None:
    found = component_boxes(mask(FULL, (10, 10, 20, 20), (20, 20, 30, 30)), EVERYTHING, None)
    assert found.tolist() == [[10, 10, 30, 30]]


@pytest.mark.parametrize("value", [1, 255])
def test_any_value_but_zero_moves(value: int) -> None:
    assert len(component_boxes(mask(FULL, (5, 5, 30, 40)) * np.uint8(value), EVERYTHING, None)) == 1


@pytest.mark.parametrize(
    ("settings", "box", "kept"),
    [
        ({"min_area": 600}, (0, 0, 20, 30), True),
        ({"min_area": 601}, (0, 0, 20, 30), False),
        ({"min_width": 20}, (0, 0, 20, 30), True),
        ({"min_width": 21}, (0, 0, 20, 30), False),
        ({"min_height": 30}, (0, 0, 20, 30), True),
        ({"min_height": 31}, (0, 0, 20, 30), False),
    ],
)
@pytest.mark.parametrize("shape", [FULL, HALF])
def test_limits_scale_with_the_picture(
    settings: dict[str, float], box: tuple[int, int, int, int], kept: bool, shape: tuple[int, int]
) -> None:
    scale = shape[0] / 360
    scaled = tuple(int(side * scale) for side in box)
    limits = EVERYTHING.model_copy(update=settings)
    assert len(component_boxes(mask(shape, scaled), limits, None)) == kept


@pytest.mark.parametrize(("shape", "scale"), [(FULL, 1), (HALF, 0.5), ((720, 1280), 2), ((640, 360), 1)])
def test_picture_scale(shape: tuple[int, int], scale: float) -> None:
    assert picture_scale(shape) == pytest.approx(scale)


@pytest.mark.parametrize(
    ("known", "left"),
    [
        ([], 100),
        ([[0, 0, 10, 10]], 0),
        ([[2, 3, 4, 7]], 92),
        ([[2.9, 3.9, 3.1, 4.1]], 96),
        ([[-5, -5, 2, 2]], 96),
        ([[8, 8, 99, 99]], 96),
        ([[0, 0, 2, 10], [1, 0, 3, 10]], 70),
        ([[20, 20, 30, 30]], 100),
        ([[-30, 0, -5, 10]], 100),
        ([[0, -30, 10, -5]], 100),
    ],
    ids=["none", "all", "inside", "fractions", "low edge", "high edge", "overlap", "beyond", "left of it", "above it"],
)
def test_black_out(known: list[list[float]], left: int) -> None:
    picture = np.ones((10, 10), np.uint8)
    black_out(picture, Regions.make(known, "known"))
    assert picture.sum() == left


# Things at row 100 are 40 pixels high; a person is 16 wide, by `split_aspect`.
SCENE = Scene(np.zeros(HALF, np.uint8), 0.0, 40.0)


@pytest.mark.parametrize(
    ("people", "boxes"),
    [
        ([(100, 60, 116, 100)], [(100, 60, 116, 100)]),
        ([(100, 60, 122, 100)], [(100, 60, 122, 100)]),
        ([(100, 60, 116, 100), (116, 60, 132, 100)], [(100, 60, 116, 100), (116, 60, 132, 100)]),
        ([(100, 60, 116, 100), (116, 50, 132, 100)], [(100, 60, 116, 100), (116, 50, 132, 100)]),
        (
            [(100, 60, 116, 100), (116, 60, 132, 100), (132, 60, 148, 100)],
            [(100, 60, 116, 100), (116, 60, 132, 100), (132, 60, 148, 100)],
        ),
        ([(100, 20, 116, 60), (100, 60, 116, 100)], [(100, 20, 116, 60), (100, 60, 116, 100)]),
    ],
    ids=["one", "a stout one", "two", "two of two heights", "three", "one above the other"],
)
def test_people_side_by_side_are_taken_apart(
    people: list[tuple[int, int, int, int]], boxes: list[tuple[int, int, int, int]]
) -> None:
    picture = mask(HALF)
    for x_min, y_min, x_max, y_max in people:
        # Rounded at the sides, so that the mask is thinnest where two people touch.
        picture[y_min:y_max, x_min + 1 : x_max - 1] = 1
        picture[y_min + 4 : y_max - 4, x_min:x_max] = 1
    found = sorted(map(tuple, component_boxes(picture, ComponentSettings(split_aspect=0.4), SCENE).tolist()))
    assert len(found) == len(boxes)
    assert np.abs(np.array(found) - np.array(sorted(boxes))).max() <= 3


def test_nothing_is_taken_apart_without_a_scene_or_if_not_asked() -> None:
    picture = mask(HALF, (100, 60, 132, 100))
    for settings, scene in (
        (ComponentSettings(), None),
        (ComponentSettings(split=False), SCENE),
        (ComponentSettings(), Scene(np.zeros(HALF, np.uint8))),
    ):
        assert component_boxes(picture, settings, scene).tolist() == [[100, 60, 132, 100]]


PERSON = [100, 60, 116, 100]


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([], []),
        ([[100, 90, 110, 100]], [[100, 90, 110, 100]]),
        ([PERSON, [112, 80, 119, 98]], [[100, 60, 119, 100]]),
        ([PERSON, [117, 80, 122, 98]], [[100, 60, 122, 100]]),
        ([[100, 60, 116, 72], [102, 74, 115, 86], [100, 86, 112, 100]], [PERSON]),
        ([PERSON, [116, 60, 132, 100]], [PERSON, [116, 60, 132, 100]]),
        ([PERSON, [121, 80, 124, 98]], [PERSON, [121, 80, 124, 98]]),
        ([PERSON, [116, 80, 128, 98]], [PERSON, [116, 80, 128, 98]]),
        ([PERSON, [118, 80, 120, 98], [120, 60, 134, 100]], [PERSON, [118, 60, 134, 100]]),
    ],
    ids=["none", "one", "overlapping", "beside", "three pieces", "two people", "too far", "too wide", "the better fit"],
)
def test_fragments_join_a_neighbour(boxes: list[list[float]], expected: list[list[float]]) -> None:
    found = join_fragments(np.array(boxes, np.float32).reshape(-1, 4), ComponentSettings(split_aspect=0.4), SCENE)
    assert sorted(found.tolist()) == sorted(expected)


def test_fragments_stay_where_it_is_not_asked_or_sizes_are_not_known() -> None:
    picture = mask(HALF, (100, 60, 116, 100), (118, 70, 121, 98))
    both = [[100, 60, 116, 100], [118, 70, 121, 98]]
    settings = ComponentSettings(min_area=1, min_width=1)
    assert component_boxes(picture, settings, SCENE).tolist() == [[100, 60, 121, 100]]
    unknown = Scene(np.zeros(HALF, np.uint8))
    for other, scene in ((settings.model_copy(update={"fragment": 0}), SCENE), (settings, None), (settings, unknown)):
        assert component_boxes(picture, other, scene).tolist() == both


def test_another_component_in_the_same_box_is_not_cut_with_it() -> None:
    picture = mask(HALF, (100, 60, 140, 64), (100, 60, 104, 100), (120, 80, 132, 100))
    part = component_boxes(picture, EVERYTHING, SCENE)
    assert [120, 80, 132, 100] in part.tolist()
    # The long one: an angle whose lower right is empty.
    assert max(box[3] for box in part.tolist() if box[0] > 106 and box[0] != 120) <= 66


@pytest.mark.parametrize("size", [(1.6, 4.0), (3.0, 7.0), (100.0, 100.0)])
@pytest.mark.parametrize("seed", range(3))
def test_pieces_cover_the_component_once(size: tuple[float, float], seed: int) -> None:
    part = np.random.default_rng(seed).random((23, 37)) < 0.7
    count = np.zeros(part.shape, int)
    for left, top, right, bottom in split_component(part, *size):
        assert left < right and top < bottom
        count[top:bottom, left:right] += 1
    assert count.max() == 1 and (count[part] == 1).all()

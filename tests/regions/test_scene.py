"""What ordinary footage tells of a scene."""

import numpy as np
import pytest

from ssmtl.regions.scene import Scene, fit_heights, grey, median_background

from .pictures import texture, with_square


@pytest.mark.parametrize(
    ("scene", "rows"),
    [
        ((0.0, 0.0), {0: 0, 100: 0}),
        ((0.0, 40.0), {0: 40, 300: 40}),
        ((0.5, 10.0), {0: 10, 100: 60}),
        ((0.5, -40.0), {0: 4, 80: 4, 200: 60}),
    ],
)
def test_typical_height(scene: tuple[float, float], rows: dict[int, float]) -> None:
    known = Scene(np.zeros((4, 4), np.uint8), *scene)
    assert {row: known.typical_height(row) for row in rows} == rows


def test_grey_is_luminance() -> None:
    image = np.array([[[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert grey(image).tolist() == [[255, 76, 150, 29]]


def test_the_median_has_no_passers_by() -> None:
    background = texture()
    pictures = [with_square(background, 10 + 21 * i, 30) for i in range(6)]
    assert np.array_equal(median_background(pictures), background)


@pytest.mark.parametrize("count", [1, 2])
def test_the_median_of_few(count: int) -> None:
    assert np.array_equal(median_background([texture()] * count), texture())


@pytest.mark.parametrize(
    ("pictures"),
    [
        [],
        [texture(), texture(45, 80)],
        [np.full((8, 8), value, np.uint8) for value in [0] * 5 + [200] * 5],
        [np.full((8, 8), value, np.uint8) for value in [0] * 8 + [200] * 2],
    ],
    ids=["none", "two sizes", "two scenes", "a fifth from another scene"],
)
def test_no_median(pictures: list[np.ndarray]) -> None:
    assert median_background(pictures) is None


def test_one_odd_picture_does_not_spoil_the_scene() -> None:
    pictures = [np.full((8, 8), value, np.uint8) for value in [0] * 19 + [200]]
    assert np.array_equal(median_background(pictures), np.zeros((8, 8)))


def boxes_on_a_line(n: int, slope: float, offset: float, outliers: int = 0) -> np.ndarray:
    """Boxes whose height is `offset + slope * y_max`, but for some of twice or half of it."""
    rng = np.random.default_rng(0)
    bottom = rng.uniform(100, 400, n)
    height = offset + slope * bottom
    height[:outliers] *= rng.choice([0.5, 2.0], outliers)
    boxes = np.stack([np.zeros(n), bottom - height, np.full(n, 10.0), bottom], axis=1)
    return boxes.astype(np.float32)


@pytest.mark.parametrize(("slope", "offset"), [(0.3, 5.0), (0.0, 40.0), (0.5, -30.0)])
@pytest.mark.parametrize(("n", "outliers"), [(30, 0), (200, 50), (1000, 250)])
def test_fit_heights(slope: float, offset: float, n: int, outliers: int) -> None:
    scene = Scene(np.zeros((4, 4), np.uint8), *fit_heights(boxes_on_a_line(n, slope, offset, outliers)))
    for row in (120, 250, 380):
        assert scene.typical_height(row) == pytest.approx(max(4, offset + slope * row), rel=0.15)


@pytest.mark.parametrize("n", [0, 1, 29])
def test_too_few_boxes_say_nothing(n: int) -> None:
    assert fit_heights(boxes_on_a_line(n, 0.3, 5.0)) == (0.0, 0.0)


def test_all_at_one_depth() -> None:
    boxes = np.tile(np.array([[0, 60, 10, 100]], np.float32), (40, 1))
    assert fit_heights(boxes) == (0.0, 40.0)


def test_nothing_looks_smaller_the_nearer_it_stands() -> None:
    slope, offset = fit_heights(boxes_on_a_line(200, -0.1, 80.0))
    assert slope == 0 and 40 < offset < 70

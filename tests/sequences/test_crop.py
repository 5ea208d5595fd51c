"""Crops, compared with what was cut by hand."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ssmtl.sequences.crop import SIZE, crop, prepare_picture

HEIGHT, WIDTH = 100, 160


def pictures(count: int, channels: int, height: int = HEIGHT, width: int = WIDTH) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, width, channels), np.uint8) for _ in range(count)]


def boxes(*rows: tuple[float, float, float, float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 7])
def test_a_box_of_the_crops_size_is_copied(channels: int, count: int) -> None:
    seen = pictures(count, channels)
    cut = crop(seen, boxes((10, 20, 74, 84), (96, 36, 160, 100)), 0.0)
    assert cut.shape == (2, channels, count, SIZE, SIZE) and cut.dtype == np.uint8
    for t, picture in enumerate(seen):
        assert np.array_equal(cut[0, :, t], picture[20:84, 10:74].transpose(2, 0, 1))
        assert np.array_equal(cut[1, :, t], picture[36:100, 96:160].transpose(2, 0, 1))


def test_the_box_is_not_tracked() -> None:
    """Each frame shows what was in the same place, whatever moved through it."""
    seen = [np.zeros((HEIGHT, WIDTH, 1), np.uint8) for _ in range(7)]
    for t, picture in enumerate(seen):
        picture[20:84, 10 + 8 * t : 18 + 8 * t] = 255
    cut = crop(seen, boxes((10, 20, 74, 84)), 0.0)[0, 0]
    assert [int(np.flatnonzero(frame[0])[0]) for frame in cut] == [8 * t for t in range(7)]


@pytest.mark.parametrize("channels", [1, 3])
def test_no_boxes(channels: int) -> None:
    assert crop(pictures(7, channels), boxes(), 0.1).shape == (0, channels, 7, SIZE, SIZE)


@pytest.mark.parametrize(
    ("box", "padding", "part"),
    [
        ((30, 20, 50, 60), 0.0, (30, 20, 50, 60)),
        ((30, 20, 50, 60), 0.5, (20, 0, 60, 80)),
        ((30.5, 20.2, 49.5, 59.1), 0.0, (30, 20, 50, 60)),
        ((-20, -10, 30, 40), 0.0, (0, 0, 30, 40)),
        ((140, 80, 200, 120), 0.0, (140, 80, 160, 100)),
        ((0, 0, 20, 20), 0.5, (0, 0, 30, 30)),
        ((150, 90, 160, 100), 1.0, (140, 80, 160, 100)),
        ((0, 0, 160, 100), 2.0, (0, 0, 160, 100)),
        ((40, 40, 41, 41), 0.0, (40, 40, 41, 41)),
        ((159, 99, 160, 100), 0.0, (159, 99, 160, 100)),
        ((40, 40, 40.2, 90), 0.0, (40, 40, 41, 90)),
        ((200, 10, 220, 30), 0.0, (159, 10, 160, 30)),
        ((10, -40, 30, -20), 0.0, (10, 0, 30, 1)),
    ],
    ids=[
        "inside", "padded", "fractions", "over the upper left", "over the lower right", "padding cut, upper left",
        "padding cut, lower right", "all", "one pixel", "last pixel", "a fifth of a pixel", "right of it", "above it",
    ],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 3])
def test_which_part_is_cut(
    box: tuple[float, ...], padding: float, part: tuple[int, int, int, int], channels: int
) -> None:
    # Smooth pictures, so that the way of resizing does not matter and the place does.
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = np.stack([x * 1.5, y * 2.5, (x + y) * 0.9][:channels], axis=-1).astype(np.uint8)
    left, top, right, bottom = part
    expected = cv2.resize(picture[top:bottom, left:right], (SIZE, SIZE)).reshape(SIZE, SIZE, channels)
    cut = crop([picture], boxes(box), padding)[0, :, 0].transpose(1, 2, 0)
    assert np.abs(cut.astype(int) - expected).max() <= 4


def test_shrinking_averages() -> None:
    """A fine checkerboard becomes grey: no single pixels are picked."""
    y, x = np.mgrid[:128, :128]
    board = ((x + y) % 2 * 254).astype(np.uint8)[..., None]
    assert set(np.unique(crop([board], boxes((0, 0, 128, 128)), 0.0))) == {127}


def test_prepare_picture() -> None:
    image = pictures(1, 3)[0]
    assert prepare_picture(image, 3) is image
    assert np.array_equal(prepare_picture(image, 1), cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None])

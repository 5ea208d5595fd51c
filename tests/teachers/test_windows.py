"""What a teacher sees, and maps brought onto the crop, compared with what the crop shows."""

import cv2
import numpy as np
import pytest

from ssmtl.sequences.crop import crop
from ssmtl.teachers.windows import Window, crop_windows, look, onto_crop, whole, without_distortion

from .networks import HEIGHT, WIDTH, boxes, noise, ramps


def window(left: int, top: int, right: int, bottom: int) -> Window:
    return np.array([left, top]), np.array([right, bottom])


def flat(corners: Window) -> list[int]:
    return np.concatenate(corners).tolist()


@pytest.mark.parametrize(
    ("given", "size", "expected"),
    [
        ((10, 20, 30, 60), (64, 64), (0, 20, 40, 60)),
        ((10, 20, 50, 40), (64, 64), (10, 10, 50, 50)),
        ((10, 20, 40, 60), (192, 256), (10, 20, 40, 60)),
        ((10, 20, 20, 60), (192, 256), (0, 20, 30, 60)),
        ((0, 0, 10, 50), (64, 64), (-20, 0, 30, 50)),
        ((0, 0, 160, 100), (64, 64), (0, -30, 160, 130)),
        ((5, 5, 6, 6), (192, 256), (5, 5, 6, 6)),
    ],
    ids=["tall", "wide", "fits", "tall for a person", "beyond the left", "whole frame", "one pixel"],
)
def test_without_distortion(given: tuple[int, ...], size: tuple[int, int], expected: tuple[int, ...]) -> None:
    assert flat(without_distortion(window(*given), *size)) == list(expected)


def test_look_copies_a_window_of_its_size() -> None:
    picture = noise()
    assert np.array_equal(look(picture, window(10, 20, 42, 36), 32, 16), picture[20:36, 10:42])


def test_beyond_the_picture_its_edge_is_repeated() -> None:
    picture = noise()
    seen = look(picture, window(-2, -3, 8, 7), 10, 10)
    assert np.array_equal(seen[3:, 2:], picture[:7, :8])
    assert (seen[:3, :2] == picture[0, 0]).all() and np.array_equal(seen[0, 2:], picture[0, :8])
    seen = look(picture, window(WIDTH - 6, HEIGHT - 5, WIDTH + 4, HEIGHT + 5), 10, 10)
    assert np.array_equal(seen[:5, :6], picture[-5:, -6:])
    assert (seen[5:, 6:] == picture[-1, -1]).all()


def test_look_averages_where_it_shrinks() -> None:
    """Every fourth column is bright: no single pixels are picked."""
    lines = np.repeat((np.indices((64, 64))[1] % 4 == 0)[..., None] * np.uint8(252), 3, axis=2)
    assert set(np.unique(look(lines, window(0, 0, 64, 64), 16, 16))) == {63}


def test_a_part_of_the_crops_size_is_copied() -> None:
    maps = np.random.default_rng(0).random((3, HEIGHT, WIDTH), np.float32)
    answer = onto_crop(maps, whole(noise()), window(30, 20, 94, 84))
    assert answer.dtype == np.float32 and np.array_equal(answer, maps[:, 20:84, 30:94])


@pytest.mark.parametrize("part", [(10, 20, 30, 60), (0, 0, 7, 3), (150, 90, 160, 100), (12, 12, 13, 13)])
def test_enlarging_is_linear(part: tuple[int, int, int, int]) -> None:
    maps = np.random.default_rng(0).random((1, HEIGHT, WIDTH), np.float32)
    left, top, right, bottom = part
    # OpenCV sees the part alone; the pixels at its edges have neighbours in the map that it does not know of.
    expected = cv2.resize(maps[0, top:bottom, left:right], (64, 64))
    answer = onto_crop(maps[:, top:bottom, left:right], window(*part), window(*part))
    assert np.abs(answer[0] - expected).max() < 1e-5


def test_shrinking_averages() -> None:
    lines = (np.indices((256, 256))[1] % 4 == 0).astype(np.float32)[None]
    answer = onto_crop(lines, window(0, 0, 256, 256), window(0, 0, 256, 256))
    assert np.abs(answer[..., 1:-1] - 0.25).max() < 1e-6


def test_maps_of_another_size_than_their_window() -> None:
    """A map with a quarter of the window's pixels: each cell becomes the pixels that it stands for."""
    maps = np.zeros((1, 32, 32), np.float32)
    maps[0, 8, 20] = 1
    answer = onto_crop(maps, window(100, 50, 164, 114), window(100, 50, 164, 114))[0]
    rows, columns = np.nonzero(answer == answer.max())
    assert (set(rows), set(columns)) == ({16, 17}, {40, 41})


def test_answers_stay_in_range() -> None:
    maps = np.array([[[-0.1, 1.2], [1.0, 1.0]]], np.float32)
    answer = onto_crop(maps, window(0, 0, 2, 2), window(0, 0, 2, 2))
    assert answer.min() == 0 and answer.max() == 1


@pytest.mark.parametrize("padding", [0.0, 0.1, 0.5])
def test_crop_windows_are_what_crop_shows(padding: float) -> None:
    picture = ramps()
    some = boxes((30.5, 20.2, 49.5, 59.1), (-20, -10, 30, 40), (140, 80, 200, 120), (0, 0, 160, 100), (40, 40, 41, 41))
    cut = crop([picture], some, padding)[:, :, 0]
    maps = picture.transpose(2, 0, 1).astype(np.float32) / 255
    for n, part in enumerate(crop_windows(picture, some, padding)):
        assert np.abs(onto_crop(maps, whole(picture), part) * 255 - cut[n]).max() <= 2


def test_no_boxes_no_windows() -> None:
    assert crop_windows(noise(), boxes(), 0.1) == []

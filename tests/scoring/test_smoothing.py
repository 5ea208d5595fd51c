"""The streaming filters against plain NumPy and SciPy on whole arrays."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from ssmtl.scoring.settings import ScoringSettings
from ssmtl.scoring.smoothing import CELL, Painted, delay, paint, smooth

Map = NDArray[np.float32] | None


def settings(mean_frames: int = 1, mean_pixels: float = 0.0, gaussian_frames: float = 0.0) -> ScoringSettings:
    return ScoringSettings(mean_frames=mean_frames, mean_pixels=mean_pixels, gaussian_frames=gaussian_frames)


def random_maps(count: int, early: int = 0, late: int = 0, shape: tuple[int, int] = (9, 16)) -> list[Map]:
    """Maps with some boxes on them; none for the `early` first and `late` last frames."""
    rng = np.random.default_rng(count)
    maps: list[Map] = [(rng.random(shape) * (rng.random(shape) < 0.2)).astype(np.float32) for _ in range(count)]
    return [None if i < early or i >= count - late else cells for i, cells in enumerate(maps)]


def stream(maps: list[Map]) -> Iterator[Painted[int]]:
    return (Painted(i, cells) for i, cells in enumerate(maps))


def reference(maps: list[Map], mean_frames: int, side: int, deviation: float) -> NDArray[np.float64]:
    """Smoothed scores from whole arrays."""
    known = [i for i, cells in enumerate(maps) if cells is not None]
    if not known:
        return np.zeros(len(maps))
    volume = np.stack([maps[min(known, key=lambda k: abs(k - i))] for i in range(len(maps))]).astype(float)
    half = mean_frames // 2
    means = np.stack([volume[max(0, i - half) : i + half + 1].mean(axis=0) for i in range(len(maps))])
    if side > 1:
        means = np.stack([ndimage.uniform_filter(mean, side, mode="mirror") for mean in means])
    scores = means.max(axis=(1, 2))
    if deviation:
        radius = math.ceil(3 * deviation)

        def blur(x: NDArray[np.float64]) -> NDArray[np.float64]:
            return ndimage.gaussian_filter1d(x, deviation, mode="constant", radius=radius)

        scores = blur(scores) / blur(np.ones(len(scores)))
    return scores


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 40])
@pytest.mark.parametrize("mean_frames", [1, 3, 9])
@pytest.mark.parametrize("gaussian_frames", [0.0, 0.4, 2.0, 8.0])
def test_as_on_whole_arrays(count: int, mean_frames: int, gaussian_frames: float) -> None:
    for early, late in ((0, 0), (3, 3), (1, 0), (0, 2)):
        maps = random_maps(count, early, late)
        found = list(smooth(stream(maps), settings(mean_frames, 0, gaussian_frames)))
        assert [item for item, _ in found] == list(range(count))
        expected = reference(maps, mean_frames, 1, gaussian_frames)
        np.testing.assert_allclose([score for _, score in found], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("pixels", "side"), [(0.0, 1), (16.0, 1), (80.0, 2), (120.0, 3), (200.0, 5), (999.0, 25)])
def test_the_mean_over_space(pixels: float, side: int) -> None:
    """Maps of 9×16 cells are pictures of 36×64 pixels: a tenth of 360×640, so 40 of the pixels there are a cell."""
    maps = random_maps(12)
    found = [score for _, score in smooth(stream(maps), settings(3, pixels, 1.0))]
    np.testing.assert_allclose(found, reference(maps, 3, side, 1.0), rtol=1e-5, atol=1e-7)


def test_nothing_in_nothing_out() -> None:
    assert list(smooth(stream([]), settings(9, 0, 8.0))) == []


@pytest.mark.parametrize("count", [1, 5])
def test_a_clip_without_any_map_scores_zero(count: int) -> None:
    assert list(smooth(stream([None] * count), settings(9, 40, 8.0))) == [(i, 0.0) for i in range(count)]


def test_a_constant_stays_what_it_is() -> None:
    maps: list[Map] = [np.full((4, 4), 0.7, np.float32)] * 20
    scores = [score for _, score in smooth(stream(maps), settings(9, 100, 4.0))]
    assert scores == pytest.approx([0.7] * 20)


@pytest.mark.parametrize(
    ("mean_frames", "gaussian_frames", "expected"),
    [(1, 0, 0), (3, 0, 1), (9, 0, 4), (1, 0.1, 1), (1, 1, 3), (9, 8, 28), (5, 2.5, 10)],
)
def test_delay(mean_frames: int, gaussian_frames: float, expected: int) -> None:
    """A score comes exactly that many frames after its map, and no earlier one is held back."""
    widths = settings(mean_frames, 0, gaussian_frames)
    assert delay(widths) == expected
    given = 0

    def counted(maps: list[Map]) -> Iterator[Painted[int]]:
        nonlocal given
        for item in stream(maps):
            given += 1
            yield item

    count = 90
    for i, _ in smooth(counted(random_maps(count)), widths):
        assert given == min(count, i + 1 + expected)


def test_memory_is_constant() -> None:
    """An hour of footage holds no more maps at a time than a minute does."""
    alive: set[int] = set()
    most = 0

    class Cells(np.ndarray):
        def __del__(self) -> None:
            alive.discard(id(self))

    def maps() -> Iterator[Painted[int]]:
        for i in range(400):
            cells = np.zeros((2, 2), np.float32).view(Cells)
            alive.add(id(cells))
            yield Painted(i, cells)

    for _ in smooth(maps(), settings(9, 0, 8.0)):
        most = max(most, len(alive))
    assert most <= 12


@pytest.mark.parametrize(
    ("boxes", "scores", "cells"),
    [
        ([], [], [[0, 0, 0], [0, 0, 0]]),
        ([(0, 0, 4, 4)], [0.5], [[0.5, 0, 0], [0, 0, 0]]),
        ([(4, 4, 12, 8)], [0.5], [[0, 0, 0], [0, 0.5, 0.5]]),
        ([(3, 3, 5, 5)], [0.5], [[0.5, 0.5, 0], [0.5, 0.5, 0]]),
        ([(0, 0, 12, 8)], [2.0], [[2, 2, 2], [2, 2, 2]]),
        ([(0, 0, 8, 8), (4, 0, 12, 4)], [0.5, 1.0], [[0.5, 1, 1], [0.5, 0.5, 0]]),
        ([(4, 0, 12, 4), (0, 0, 8, 8)], [1.0, 0.5], [[0.5, 1, 1], [0.5, 0.5, 0]]),
        ([(-9, -9, 4, 4)], [0.5], [[0.5, 0, 0], [0, 0, 0]]),
        ([(8, 4, 99, 99)], [0.5], [[0, 0, 0], [0, 0, 0.5]]),
        ([(20, 0, 30, 8)], [0.5], [[0, 0, 0], [0, 0, 0]]),
        ([(-20, 0, -8, 8)], [0.5], [[0, 0, 0], [0, 0, 0]]),
        ([(0, -20, 8, -4)], [0.5], [[0, 0, 0], [0, 0, 0]]),
    ],
    ids=[
        "none", "one cell", "two cells", "parts of cells", "all", "overlap", "overlap, the other way",
        "upper left edge", "lower right edge", "right of it", "left of it", "above it",
    ],
)  # fmt: skip
def test_paint(boxes: list[tuple[float, ...]], scores: list[float], cells: list[list[float]]) -> None:
    array = np.array(boxes, np.float32).reshape(-1, 4)
    painted = paint(array, np.array(scores, np.float32), 8, 12)
    assert painted.dtype == np.float32 and painted.tolist() == cells


@pytest.mark.parametrize(("size", "shape"), [((1, 1), (1, 1)), ((4, 5), (1, 2)), ((240, 360), (60, 90))])
def test_the_size_of_the_map(size: tuple[int, int], shape: tuple[int, int]) -> None:
    assert CELL == 4
    assert paint(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), *size).shape == shape

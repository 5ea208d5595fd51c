"""What motion regions do for speed alone, against the plain way: the results are the same to the last bit."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ssmtl.datasets.street import StreetConfig, write_street
from ssmtl.regions.background import Background, BackgroundSettings
from ssmtl.regions.components import ComponentSettings, Runs, black_out, component_boxes, split_component
from ssmtl.regions.flow import Flow, FlowSettings
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene
from ssmtl.regions.union import build_detector
from ssmtl.video.sources import Clip, open_source

from .pictures import NOTHING, to_frames

Boxes = list[tuple[float, ...]]


def blobs(seed: int, shape: tuple[int, int] = (91, 133)) -> NDArray[np.uint8]:
    """Something of every kind: from single pixels to blobs with holes, at the borders too; some masks are empty."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.random(shape).astype(np.float32), (0, 0), rng.choice([0.5, 1.0, 2.0, 4.0]))
    mask = (noise > np.quantile(noise, rng.choice([0.3, 0.5, 0.7, 0.9, 1.0]))).astype(np.uint8)
    # Every second one has nothing at its left and upper sides.
    mask[: rng.integers(0, 40) * (seed % 2)] = 0
    mask[:, : rng.integers(0, 60) * (seed % 2)] = 0
    return mask


def some_boxes(seed: int, shape: tuple[int, int] = (91, 133)) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-10, 140, (rng.integers(0, 6), 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)


def plain_components(mask: NDArray[np.uint8], settings: ComponentSettings, typical: float) -> Boxes:
    """By OpenCV's statistics of every component, each of which is put through the cutting."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    scale = np.sqrt(mask.size / (360 * 640))
    boxes: Boxes = []
    for number, (x, y, width, height, area) in enumerate(stats.tolist()):
        if not number or area < settings.min_area * scale**2:
            continue
        parts = [(0, 0, width, height)]
        if typical and width >= settings.min_width * scale and height >= settings.min_height * scale:
            part = labels[y : y + height, x : x + width] == number
            parts = split_component(part, typical * settings.split_aspect, typical)
        boxes += [
            (x + left, y + top, x + right, y + bottom)
            for left, top, right, bottom in parts
            if right - left >= settings.min_width * scale and bottom - top >= settings.min_height * scale
        ]
    return boxes


@pytest.mark.parametrize("typical", [0.0, 8.0, 25.0, 500.0])
@pytest.mark.parametrize("value", [1, 255])
def test_components_by_runs(typical: float, value: int) -> None:
    settings = ComponentSettings(min_area=100, fragment=0)
    found = 0
    for seed in range(40):
        mask = blobs(seed) * np.uint8(value)
        boxes = component_boxes(mask, settings, Scene(mask, 0.0, typical))
        assert boxes.tolist() == [list(box) for box in plain_components(mask, settings, typical)]
        found += len(boxes)
    assert found > 100


@pytest.mark.parametrize("seed", range(20))
def test_runs_are_the_mask(seed: int) -> None:
    mask = blobs(seed)
    runs = Runs.of(mask * np.uint8(7))
    painted = np.zeros_like(mask)
    for y, start, end in zip(runs.y, runs.start, runs.end, strict=True):
        assert start < end and (start == 0 or not mask[y, start - 1]) and (end == 133 or not mask[y, end])
        painted[y, start:end] = 1
    assert np.array_equal(painted, mask)


@pytest.mark.parametrize("max_known", [0.0, 0.2, 0.7, 1.0])
def test_known_flow_is_dropped(max_known: float) -> None:
    """Against sums over all pixels of each component."""
    settings = FlowSettings(max_known=max_known, min_area=1, min_width=0, min_height=0, min_change=0)
    found = 0
    for seed in range(40):
        mask, known = blobs(seed), Regions.make(some_boxes(seed), "known")
        _, labels = cv2.connectedComponents(mask, connectivity=8)
        left = mask.copy()
        black_out(left, known)
        outside = np.bincount(labels.ravel(), left.ravel())
        dropped = outside < (1 - max_known) * np.bincount(labels.ravel())
        expected = np.where(dropped[labels], 0, left).astype(np.uint8) if len(known) else mask

        moves = np.stack([mask * 3.0, mask * -4.0], axis=2).astype(np.float32)
        detector = Flow(settings, flow=lambda now, before, moves=moves: moves)
        first, second = to_frames([mask, mask])
        detector.detect(first, NOTHING)
        boxes = detector.detect(second, known).boxes.tolist()
        assert boxes == [list(box) for box in plain_components(expected, settings, 0.0)]
        found += len(boxes)
    assert found > 40


@pytest.mark.parametrize("other", [(45, 80), (200, 300)])
def test_the_size_may_change(other: tuple[int, int]) -> None:
    """Flow uses its memory again from frame to frame."""
    detector = Flow(FlowSettings(min_change=0), flow=lambda now, before: np.full((*now.shape[:2], 2), 3, np.float32))
    for height, width in [(90, 160), other, (90, 160)]:
        frames = to_frames([np.zeros((height, width), np.uint8)] * 2)
        found = [detector.detect(frame, NOTHING).boxes.tolist() for frame in frames]
        assert found == [[], [[0, 0, width, height]]]


@pytest.mark.parametrize(
    ("known", "min_change", "asked"),
    [
        ([], 8.0, [False, True, True, False]),
        ([[0, 0, 320, 240]], 8.0, [False, False, False, False]),
        ([[0, 0, 110, 240]], 8.0, [False, False, True, False]),
        ([], 250.0, [False, False, False, False]),
        ([], 0.0, [False, True, True, True]),
        ([[0, 0, 320, 240]], 0.0, [False, True, True, True]),
    ],
)
def test_flow_is_asked_where_something_changed(known: list[list[int]], min_change: float, asked: list[bool]) -> None:
    """A bright square moves, then another one elsewhere, then nothing but noise and a single pixel."""
    pictures = np.full((4, 240, 320), 60, np.uint8)
    pictures[0, 100:140, 40:60] = pictures[1:, 100:140, 50:70] = 200
    pictures[2:, 100:140, 200:220] = 200
    pictures += np.random.default_rng(0).integers(0, 4, pictures.shape, np.uint8)
    pictures[3, 10, 10] = 255
    calls = []

    def flow(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> NDArray[np.float32]:
        calls.append(now)
        return np.zeros((*now.shape[:2], 2), np.float32)

    detector = Flow(FlowSettings(min_change=min_change), flow=flow)
    frames = to_frames(list(pictures))
    for frame in frames:
        detector.detect(frame, Regions.make(known, "known"))
    assert [any(frame.image is call for call in calls) for frame in frames] == asked


def test_flow_finds_the_same_where_it_is_asked_less(tmp_path: Path) -> None:
    """All that moves in a street, beside what the background has found already and alone."""
    write_street(tmp_path, StreetConfig(), 3, 1, 120, 0, 0)
    (clip,) = tmp_path.rglob("*.mp4")
    frames = list(open_source(Clip("clip", clip)))
    for before in ([], [BackgroundSettings()]):
        found = []
        for min_change in (0.0, 8.0):
            detector = build_detector([*before, FlowSettings(min_change=min_change)], "clip", None)
            found.append([detector.detect(frame).boxes.tolist() for frame in frames])
        assert found[0] == found[1]
        assert sum(map(len, found[0])) > 50


@pytest.mark.parametrize("size", [(1.0, 1.0), (4.5, 11.0), (40.0, 3.0), (30.0, 90.0)])
def test_closing_where_something_moves(size: tuple[float, float]) -> None:
    detector = Background(BackgroundSettings(closing_width=size[0], closing_height=size[1]))
    scale = np.sqrt(91 * 133 / (360 * 640))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, [max(1, round(side * scale)) for side in size])
    for seed in range(40):
        mask = blobs(seed)
        expected = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel)
        assert np.array_equal(detector._close(mask), expected)


@pytest.mark.parametrize("shape", [(90, 160), (89, 157), (5, 5)])
def test_the_mask_of_what_differs(shape: tuple[int, int]) -> None:
    """Against NumPy's median and mask, for an even and an odd number of pixels in the sample."""
    rng = np.random.default_rng(0)
    background, picture = (rng.normal(100, 20, shape).astype(np.float32) for _ in range(2))
    detector = Background(BackgroundSettings(), Scene(np.zeros(shape, np.uint8)))
    detector._background = background
    difference = picture - background
    difference -= np.median(difference[::4, ::4])
    moving = (np.abs(difference) > 16).astype(np.uint8)
    expected = cv2.morphologyEx(moving, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    assert expected.any() and np.array_equal(detector.mask(picture), expected)

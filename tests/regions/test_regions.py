"""The record of regions."""

import numpy as np
import pytest

from ssmtl.regions.regions import MOTION, Regions, apart


@pytest.mark.parametrize("boxes", [[], [[1, 2, 3, 4]], [[1, 2, 3, 4], [5, 6, 7, 8]]])
def test_make(boxes: list[list[float]]) -> None:
    regions = Regions.make(boxes, "flow", confidence=0.5)
    n = len(boxes)
    assert len(regions) == n and regions.boxes.shape == (n, 4) and regions.boxes.tolist() == boxes
    assert regions.confidence.tolist() == [0.5] * n
    assert regions.label.tolist() == [MOTION] * n and regions.origin.tolist() == ["flow"] * n


@pytest.mark.parametrize("sizes", [[], [0], [2], [0, 1, 0, 2]])
def test_join_keeps_the_order(sizes: list[int]) -> None:
    parts = [Regions.make([[i, 0, i + 1, 1]] * n, f"detector number {i}") for i, n in enumerate(sizes)]
    joined = Regions.join(parts)
    assert joined.origin.tolist() == [f"detector number {i}" for i, n in enumerate(sizes) for _ in range(n)]
    assert joined.boxes.shape == (sum(sizes), 4) and joined.boxes.dtype == np.float32
    assert len(joined.label) == len(joined.confidence) == sum(sizes)


@pytest.mark.parametrize(("index", "left"), [([2, 0], [2, 0]), ([], []), ([True, False, True], [0, 2])])
def test_take(index: list[int], left: list[int]) -> None:
    regions = Regions(
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.array([0, 0.5, 1], np.float32),
        np.array(["a", "b", "c"]),
        np.array(["x", "y", "z"]),
        np.eye(3, 81, dtype=np.float32),
    )
    taken = regions.take(np.array(index, None if index else int))
    assert taken.boxes[:, 0].tolist() == [4 * i for i in left]
    assert taken.confidence.tolist() == [i / 2 for i in left]
    assert taken.label.tolist() == ["abc"[i] for i in left]
    assert taken.origin.tolist() == ["xyz"[i] for i in left]
    assert taken.probabilities.argmax(axis=1).tolist() == left


@pytest.mark.parametrize(
    ("label", "confidence", "expected"), [("motion", 1.0, {80: 1.0}), ("bicycle", 0.5, {1: 0.5}), ("ghost", 0.9, {})]
)
def test_a_label_has_its_confidence_as_probability(label: str, confidence: float, expected: dict[int, float]) -> None:
    regions = Regions.make([[0, 0, 1, 1]], "x", label, confidence)
    assert {i: float(p) for i, p in enumerate(regions.probabilities[0]) if p} == expected


def test_apart() -> None:
    """Who stands by themselves, and who another box reaches to within a tenth of their height: in front, or beside."""
    boxes = np.array(
        [[10, 10, 30, 60], [100, 10, 120, 60], [100, 62, 125, 120], [200, 10, 220, 60], [226, 10, 246, 60]], np.float32
    )
    assert apart(boxes).tolist() == [True, False, False, True, True]
    assert apart(boxes[:1]).tolist() == [True] and apart(boxes[:0]).shape == (0,)
    assert apart(np.array([[0, 0, 10, 10], [0, 0, 10, 10]], np.float32)).tolist() == [False, False]

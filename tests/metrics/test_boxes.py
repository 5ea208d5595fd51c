"""Overlap of boxes, against hand-made cases and against counting pixels."""

import numpy as np
import pytest

from ssmtl.metrics.boxes import intersection_over_union

BOX = [10, 10, 20, 20]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (BOX, 1.0),
        ([20, 10, 30, 20], 0.0),  # side by side: half-open boxes share no pixel
        ([19, 10, 29, 20], 10 / 190),
        ([10, 10, 20, 15], 0.5),
        ([12, 12, 14, 14], 0.04),
        ([30, 30, 40, 40], 0.0),
        ([15, 15, 15, 15], 0.0),
    ],
    ids=["same", "touching", "one column", "half", "inside", "apart", "empty"],
)
def test_overlap_by_hand(other: list[float], expected: float) -> None:
    assert intersection_over_union(BOX, other) == pytest.approx(expected)
    assert intersection_over_union(other, BOX) == pytest.approx(expected)


def test_overlap_counts_pixels() -> None:
    chance = np.random.default_rng(0)
    low = chance.integers(0, 20, (40, 2))
    boxes = np.concatenate([low, low + chance.integers(1, 12, (40, 2))], axis=1)
    masks = np.zeros((40, 32, 32), bool)
    for mask, (x_min, y_min, x_max, y_max) in zip(masks, boxes, strict=True):
        mask[y_min:y_max, x_min:x_max] = True
    counted = [[(a & b).sum() / (a | b).sum() for b in masks[25:]] for a in masks[:25]]
    assert np.allclose(intersection_over_union(boxes[:25, None], boxes[None, 25:]), counted)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (2, 0)])
def test_overlap_of_no_boxes(n: int, m: int) -> None:
    assert intersection_over_union(np.zeros((n, 1, 4)), np.zeros((1, m, 4))).shape == (n, m)

"""Recall of regions, against hand-made cases."""

import math

import numpy as np
import pytest

from ssmtl.metrics.recall import OVERLAPS, region_recall

BOX = [10, 10, 20, 20]


@pytest.mark.parametrize(
    ("truth", "found", "overlap", "expected"),
    [
        ([[BOX]], [[BOX]], 1.0, 1.0),
        ([[BOX]], [[]], 0.1, 0.0),
        ([[BOX], []], [[], [BOX]], 0.1, 0.0),
        ([[BOX, [50, 50, 60, 60]]], [[BOX]], 0.5, 0.5),
        ([[BOX]], [[[10, 10, 20, 15]]], 0.5, 1.0),
        ([[BOX]], [[[10, 10, 20, 14.9]]], 0.5, 0.0),
        ([[BOX]], [[[40, 40, 50, 50], [11, 11, 20, 20]]], 0.5, 1.0),
        ([[[10, 10, 20, 20], [10, 20, 20, 30]]], [[[10, 10, 20, 30]]], 0.5, 1.0),
        ([[BOX], [BOX], [], [BOX]], [[BOX], [], [BOX], []], 0.1, 1 / 3),
        ([[], []], [[BOX], []], 0.1, math.nan),
        ([], [], 0.1, math.nan),
    ],
    ids=[
        "same",
        "nothing found",
        "in another frame",
        "one of two",
        "at the threshold",
        "below it",
        "any of several",
        "one for two",
        "over frames",
        "no truth",
        "no frames",
    ],
)
def test_recall_by_hand(
    truth: list[list[list[float]]], found: list[list[list[float]]], overlap: float, expected: float
) -> None:
    assert region_recall(truth, found, overlap) == pytest.approx(expected, nan_ok=True)


def test_a_higher_threshold_finds_no_more() -> None:
    chance = np.random.default_rng(1)
    low = chance.random((2, 30, 5, 2)) * 20
    truth, found = np.concatenate([low, low + 2 + chance.random((2, 30, 5, 2)) * 10], axis=3)
    shares = [region_recall(list(truth), list(found), overlap) for overlap in (*OVERLAPS, 0.9)]
    assert shares == sorted(shares, reverse=True) and 1 >= shares[0] > shares[1] > shares[2] >= 0


@pytest.mark.parametrize(
    ("found", "overlap", "message"),
    [([], 0.1, "1 frames but regions of 0"), ([[]], 0.0, "0.0 is not in"), ([[]], 1.5, "1.5 is not in")],
)
def test_refused(found: list[list[list[float]]], overlap: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        region_recall([[BOX]], found, overlap)

"""Scores of objects in the frames between those that go through the network."""

import numpy as np
import pytest

from ssmtl.regions.regions import overlaps
from ssmtl.scoring.interpolation import Matches, Partial, fill, match

NAN = float("nan")


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("box", "other", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1),
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0),
        ((0, 0, 10, 10), (30, 30, 40, 40), 0),
        ((0, 0, 10, 10), (2, 2, 7, 7), 0.25),
    ],
)
def test_overlaps(box: tuple[float, ...], other: tuple[float, ...], expected: float) -> None:
    for found in (overlaps(boxes(box), boxes(other)), overlaps(boxes(other), boxes(box))):
        assert found.shape == (1, 1) and found[0, 0] == pytest.approx(expected)


A, B, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (80, 80, 90, 90)


@pytest.mark.parametrize(
    ("here", "before", "after", "expected"),
    [
        ([], [A], [A], ([], [])),
        ([A], None, None, ([-1], [-1])),
        ([A], [], [], ([-1], [-1])),
        ([A], [B, A], [A, B], ([1], [0])),
        ([A, B], [B], [A], ([-1, 0], [0, -1])),
        ([FAR, A], [A, B], None, ([-1, 0], [-1, -1])),
        ([A], [(0, 0, 10, 4), (0, 0, 10, 8)], None, ([1], [-1])),
    ],
    ids=["none", "no frames", "empty frames", "both", "one in each", "new", "the best"],
)
def test_match(here: list, before: list | None, after: list | None, expected: tuple[list[int], list[int]]) -> None:
    found = match(boxes(*here), None if before is None else boxes(*before), None if after is None else boxes(*after))
    assert (found.before.tolist(), found.after.tolist()) == expected
    assert found.unmatched.tolist() == [i for i, pair in enumerate(zip(*expected, strict=True)) if pair == (-1, -1)]


def scored(item: int, *scores: float) -> Partial[int]:
    return Partial(item, np.array(scores, np.float32).reshape(-1, 1), None)


def between(item: int, scores: list[float], before: list[int], after: list[int]) -> Partial[int]:
    return Partial(item, np.array(scores, np.float32).reshape(-1, 1), Matches(np.array(before), np.array(after)))


def incomplete(item: int) -> Partial[int]:
    return Partial(item, np.zeros((0, 1), np.float32), None, False)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ([], []),
        ([incomplete(0), scored(1, 5.0)], [[], [5]]),
        ([scored(0, 2.0), between(1, [NAN], [0], [0]), scored(2, 4.0)], [[2], [3], [4]]),
        ([scored(0, 2.0), between(1, [NAN, 7.0], [0, -1], [-1, -1]), scored(2)], [[2], [2, 7], []]),
        ([scored(0, 1.0, 2.0), between(1, [NAN, NAN], [1, 0], [-1, 0]), scored(2, 5.0)], [[1, 2], [2, 3], [5]]),
        (
            [scored(0, 2.0), between(1, [NAN], [0], [0]), between(2, [NAN], [0], [0]), scored(3, 6.0)],
            [[2], [4], [4], [6]],
        ),
        ([scored(0, 2.0), between(1, [NAN], [0], [0]), incomplete(2), incomplete(3)], [[2], [2], [], []]),
        ([scored(0, 2.0), between(1, [NAN], [0], [0])], [[2], [2]]),
    ],
    ids=["nothing", "nothing between", "mean", "one side and none", "crossed", "two between", "clip's end", "end"],
)
def test_fill(stream: list[Partial[int]], expected: list[list[float]]) -> None:
    found = list(fill(stream))
    assert [partial.item for partial in found] == [partial.item for partial in stream]
    assert [partial.task_scores[:, 0].tolist() for partial in found] == expected

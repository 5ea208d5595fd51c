"""RBDC and TBDC against the definition, written out plainly, and against hand-made cases."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from ssmtl.metrics.regions import MatchedVideo, RegionMeasures, area_to_one, match_video, measure_regions

Row = tuple[float, ...]
"""Inclusive pixels. Ground truth: track, frame, x_min, y_min, x_max, y_max; found: frame, the same four, score."""


def inclusive_overlap(a: Row, b: Row) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0]) + 1
    down = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    sizes = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return both / (sizes[0] + sizes[1] - both)


def rates(truth: Sequence[Sequence[Row]], found: Sequence[Sequence[Row]], frames: int, threshold: float) -> list[float]:
    """False positives per frame, and the shares of regions and tracks detected, at one threshold: the definition."""
    false = regions = tracks = 0
    for true_rows, found_rows in zip(truth, found, strict=True):
        detections = [row for row in found_rows if row[5] >= threshold]
        hit = [any(d[0] == t[1] and inclusive_overlap(t[2:], d[1:5]) >= 0.1 for d in detections) for t in true_rows]
        regions += sum(hit)
        for track in {row[0] for row in true_rows}:
            own = [h for row, h in zip(true_rows, hit, strict=True) if row[0] == track]
            tracks += sum(own) / len(own) >= 0.1
        for d in detections:
            false += all(t[1] != d[0] or inclusive_overlap(t[2:], d[1:5]) < 0.1 for t in true_rows)
    all_regions = sum(len(rows) for rows in truth)
    all_tracks = sum(len({row[0] for row in rows}) for rows in truth)
    return [
        false / frames,
        regions / all_regions if all_regions else math.nan,
        tracks / all_tracks if all_tracks else math.nan,
    ]


def plain_area(points: list[tuple[float, float]]) -> float:
    """Area below the lines between the points, from 0 to 1, flat after the last."""
    area = 0.0
    for (x, y), (next_x, next_y) in pairwise(points):
        if x >= 1:
            break
        if next_x > 1:
            next_y = y + (next_y - y) * (1 - x) / (next_x - x)
            next_x = 1.0
        area += (next_x - x) * (y + next_y) / 2
    last_x, last_y = points[-1]
    return area + max(0.0, 1 - last_x) * last_y


def by_definition(truth: Sequence[Sequence[Row]], found: Sequence[Sequence[Row]], frames: int) -> tuple[float, float]:
    thresholds = sorted({row[5] for rows in found for row in rows}, reverse=True)
    points = [rates(truth, found, frames, threshold) for threshold in [math.inf, *thresholds]]
    return plain_area([(p[0], p[1]) for p in points]), plain_area([(p[0], p[2]) for p in points])


def match(truth: Sequence[Row], found: Sequence[Row]) -> MatchedVideo:
    """The same rows as our functions take them: half open."""
    wanted, guess = np.array(truth, float).reshape(-1, 6), np.array(found, float).reshape(-1, 6)
    return match_video(
        wanted[:, 1],
        wanted[:, 0],
        wanted[:, 2:] + [0, 0, 1, 1],
        guess[:, 0],
        guess[:, 1:5] + [0, 0, 1, 1],
        guess[:, 5],
    )


def measured(truth: Sequence[Sequence[Row]], found: Sequence[Sequence[Row]], frames: int) -> RegionMeasures:
    return measure_regions([match(*rows) for rows in zip(truth, found, strict=True)], frames)


BOX = (10.0, 10.0, 19.0, 19.0)
FAR = (50.0, 50.0, 59.0, 59.0)


def test_the_toy_case_is_exactly_one() -> None:
    truth = [[(0, f, *BOX) for f in range(5)], [(0, f, *FAR) for f in range(5)]]
    found = [[(f, *BOX, 0.9 - f / 10) for f in range(5)], [(f, *FAR, 0.3) for f in range(5)]]
    done = measured(truth, found, 10)
    assert (done.rbdc, done.tbdc) == (1.0, 1.0)
    assert (done.regions, done.tracks, done.detections, done.frames) == (10, 2, 10, 10)


ONE = [(0, 0, *BOX)]


@pytest.mark.parametrize(
    ("truth", "found", "frames", "rbdc", "tbdc"),
    [
        ([ONE], [[]], 5, 0.0, 0.0),
        ([ONE], [[(0, *BOX, 0.5)]], 5, 1.0, 1.0),
        ([ONE], [[(1, *BOX, 0.5)]], 5, 0.0, 0.0),  # the right box in another frame
        ([ONE], [[(0, *FAR, 0.5)]], 5, 0.0, 0.0),
        # A false positive above the hit: nothing until 1 per frame, then all, on a curve that leaves at once.
        ([ONE], [[(0, *FAR, 0.9), (0, *BOX, 0.5)]], 1, 0.0, 0.0),
        ([ONE], [[(0, *FAR, 0.9), (0, *BOX, 0.5)]], 2, 0.5, 0.5),
        # Of one score they pass together: a straight line from (0, 0) to (1, 1).
        ([ONE], [[(0, *FAR, 0.5), (0, *BOX, 0.5)]], 1, 0.5, 0.5),
        # The same in half as many frames: the line leaves the range half way up.
        ([ONE], [[(0, *FAR, 0.5), (0, *FAR, 0.5), (0, *BOX, 0.5)]], 1, 0.25, 0.25),
        # Ten regions of one track, one of them found: a tenth is enough for the track.
        ([[(0, f, *BOX) for f in range(10)]], [[(3, *BOX, 0.5)]], 10, 0.1, 1.0),
        ([[(0, f, *BOX) for f in range(11)]], [[(3, *BOX, 0.5)]], 11, 1 / 11, 0.0),
        ([[(0, f, *BOX) for f in range(30)]], [[(f, *BOX, 0.5) for f in range(3)]], 30, 0.1, 1.0),
        # Several hits of one region are no false positives.
        ([ONE], [[(0, *BOX, 0.5), (0, *BOX, 0.4), (0, 11, 10, 19, 19, 0.9)]], 1, 1.0, 1.0),
        # One found region may detect two of the truth.
        ([[(0, 0, *BOX), (1, 0, 20, 10, 29, 19)]], [[(0, 10, 10, 29, 19, 0.5)]], 1, 1.0, 1.0),
    ],
)
def test_by_hand(truth: list[list[Row]], found: list[list[Row]], frames: int, rbdc: float, tbdc: float) -> None:
    done = measured(truth, found, frames)
    assert (done.rbdc, done.tbdc) == (pytest.approx(rbdc, abs=1e-12), pytest.approx(tbdc, abs=1e-12))
    assert by_definition(truth, found, frames) == pytest.approx((rbdc, tbdc), abs=1e-12)


@pytest.mark.parametrize(
    ("other", "hit"),
    [
        # 100 pixels each; 10 of one and 100 of the other: 10 / 100.
        ((10, 10, 10, 19), True),
        # 10 shared of 10 x 10 and 10: at exactly 0.1; one more pixel outside: 10 / 101.
        ((9, 19, 19, 19), False),
        # 20 shared of 120 + 100 - 20: exactly 0.1.
        ((18, 10, 29, 19), True),
        ((18, 10, 29, 20), False),
    ],
)
def test_an_overlap_of_exactly_a_tenth_counts(other: Row, hit: bool) -> None:
    done = match([(0, 0, *BOX)], [(0, *other, 0.5)])
    assert (len(done.false_positives) == 0, np.isfinite(done.regions[0])) == (hit, hit)


def test_without_ground_truth_the_rates_are_undefined() -> None:
    for found in ([], [(0, *BOX, 0.5)]):
        done = measured([[]], [found], 4)
        assert math.isnan(done.rbdc) and math.isnan(done.tbdc)
        assert done.curves.false_positives[-1] == len(found) / 4


def random_case(chance: np.random.Generator) -> tuple[list[list[Row]], list[list[Row]], int]:
    """Some videos with all that files in the wild may have; boxes on a coarse grid, so that overlaps tie at 0.1."""
    truth: list[list[Row]] = []
    found: list[list[Row]] = []
    lengths = chance.integers(1, 8, chance.integers(1, 4))
    step = int(chance.choice([1, 3, 10]))
    levels = int(chance.choice([1, 2, 5, 1000]))

    def box() -> list[float]:
        low = chance.integers(0, 4, 2) * step
        return [*low, *(low + chance.integers(0, 4, 2) * step)]

    for length in lengths:
        rows: list[Row] = []
        for track in range(chance.integers(0, 4)):
            keep = [f for f in range(length) if chance.random() < 0.7]  # tracks with gaps
            rows += [(track, f, *box()) for f in keep]
        seen: list[Row] = []
        for _ in range(chance.choice([0, 1, 3, 12])):
            near = rows and chance.random() < 0.5
            frame, *corners = rows[chance.integers(len(rows))][1:] if near else (chance.integers(length), *box())
            seen.append((frame, *corners, chance.integers(levels) / levels))
        seen += seen[: chance.integers(0, 2)]  # doubled rows
        truth.append([rows[i] for i in chance.permutation(len(rows))])
        found.append([seen[i] for i in chance.permutation(len(seen))])
    # Beside short sets, long ones, whose curves never reach one false positive per frame.
    return truth, found, int(sum(lengths)) * int(chance.choice([1, 1, 20]))


def test_thousands_of_cases_agree_with_the_definition() -> None:
    chance = np.random.default_rng(0)
    seen = {"undefined": 0, "short": 0, "cut": 0, "ties": 0}
    for _ in range(3000):
        truth, found, frames = random_case(chance)
        done = measured(truth, found, frames)
        wanted = by_definition(truth, found, frames)
        assert (done.rbdc, done.tbdc) == pytest.approx(wanted, abs=1e-9, nan_ok=True), (truth, found, frames)
        seen["undefined"] += math.isnan(done.rbdc)
        seen["short"] += done.curves.false_positives[-1] < 1
        seen["cut"] += done.curves.false_positives[-1] > 1
        scores = [row[5] for rows in found for row in rows]
        seen["ties"] += len(set(scores)) < len(scores)
    assert min(seen.values()) > 100, seen


def test_pairs_in_small_portions_are_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(1)
    cases = [random_case(chance) for _ in range(50)]
    whole = [measured(*case) for case in cases]
    monkeypatch.setattr("ssmtl.metrics.regions._PAIRS_AT_ONCE", 3)
    for case, before in zip(cases, whole, strict=True):
        after = measured(*case)
        assert (after.rbdc, after.tbdc) == pytest.approx((before.rbdc, before.tbdc), abs=0, nan_ok=True)


@pytest.mark.parametrize("length", range(1, 202))
def test_a_track_needs_the_least_count_that_is_a_tenth(length: int) -> None:
    """As the definition divides: 3 of 30 are a tenth, although 0.1 x 30 is a little more than 3."""
    truth = [(0, f, *BOX) for f in range(length)]
    needed = next(n for n in range(1, length + 1) if n / length >= 0.1)
    for count, detected in ((needed - 1, False), (needed, True)):
        done = match(truth, [(f, *BOX, 0.5) for f in range(count)])
        assert bool(np.isfinite(done.tracks[0])) is detected


@pytest.mark.parametrize(
    ("x", "y", "area"),
    [
        ([0], [0], 0.0),
        ([0], [0.4], 0.4),
        ([0, 0], [0, 1], 1.0),
        ([0, 0.5], [0, 1], 0.75),
        ([0, 1], [0, 1], 0.5),
        ([0, 2], [0, 1], 0.25),
        ([0, 1, 1], [0, 0, 1], 0.0),
        ([0, 0.5, 5], [0.2, 0.2, 0.2], 0.2),
    ],
)
def test_area_to_one(x: list[float], y: list[float], area: float) -> None:
    assert area_to_one(x, y) == pytest.approx(area, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"truth_tracks": [0, 1]}, "ground truth: 1 frames, 2 tracks"),
        ({"scores": []}, "found regions: 1 frames, 1 boxes, 0 scores"),
        ({"scores": [math.nan]}, "not finite"),
        ({"boxes": [[5, 5, 4, 9]]}, "found box ends before it begins"),
        ({"truth_boxes": [[5, 5, math.nan, 9]]}, "ground-truth box ends before"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, said: str) -> None:
    fine = {
        "truth_frames": [0],
        "truth_tracks": [0],
        "truth_boxes": [BOX],
        "frames": [0],
        "boxes": [BOX],
        "scores": [0.5],
    }
    match_video(**fine)
    with pytest.raises(ValueError, match=said):
        match_video(**{**fine, **change})


def test_a_set_without_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="all its frames"):
        measure_regions([], 0)

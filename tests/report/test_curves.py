"""Curves: spans of the ground truth, thinning, SVG and PNG."""

import math
import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pytest

from ssmtl.errors import DataError, OutputError
from ssmtl.report.curves import (
    best_epoch,
    label_spans,
    losses_png,
    plot_losses,
    plot_scores,
    score_top,
    scores_png,
    scores_svg,
    thin_out,
)

TIMES = np.arange(10) / 10


def decode(png: bytes) -> np.ndarray:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def parts(svg: str, kind: str) -> list[ElementTree.Element]:
    return [part for part in ElementTree.fromstring(svg) if part.get("class") == kind]


@pytest.mark.parametrize(
    ("times", "labels", "expected"),
    [
        ([], [], []),
        ([0.0, 0.1], None, []),
        ([3.0], [True], [(3.0, 3.04)]),
        ([3.0], [False], []),
        ([0, 1, 2, 3], [0, 0, 0, 0], []),
        ([0, 1, 2, 3], [1, 1, 1, 1], [(0, 4)]),
        ([0, 1, 2, 3], [0, 1, 1, 0], [(1, 3)]),
        ([0, 1, 2, 3], [1, 0, 0, 1], [(0, 1), (3, 4)]),
        ([0, 1, 5, 6], [0, 1, 0, 0], [(1, 5)]),  # variable frame rate: a frame lasts until the next
    ],
)
def test_label_spans(times: list[float], labels: list | None, expected: list[tuple[float, float]]) -> None:
    spans = label_spans(times, labels)
    assert np.shape(spans) == np.shape(expected)
    assert np.allclose(spans, expected)


def test_labels_of_other_frames_are_refused() -> None:
    with pytest.raises(DataError, match="labels: 3 for 10 frames"):
        label_spans(TIMES, [True] * 3)
    with pytest.raises(DataError, match="scores: 3 for 10 frames"):
        scores_svg(TIMES, np.zeros(3))


@pytest.mark.parametrize("n", [0, 1, 49, 50, 51, 1000])
def test_thinning_keeps_the_peak_and_the_order(n: int) -> None:
    scores = np.full(n, np.nan)
    scores[n // 3 :] = 0.1
    scores[n // 2 : n // 2 + 1] = 7.0
    times, kept = thin_out(np.arange(n) / 25, scores, 50)
    assert len(kept) == min(n, 50)
    assert (np.diff(times) > 0).all()
    assert n == 0 or np.nanmax(kept) == 7.0


@pytest.mark.parametrize(("scores", "expected"), [([], 2.0), ([0.5], 2.0), ([4.0], 4.2), ([math.nan, math.inf], 2.0)])
def test_score_axis_reaches_at_least_high(scores: list[float], expected: float) -> None:
    assert score_top(scores) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scores", "runs"),
    [
        (np.zeros(10), 1),
        (np.full(10, np.nan), 0),
        (np.array([0, 1, np.nan, 1, np.nan, np.nan, 1, 1, 1, 1]), 3),
        (np.zeros(0), 0),
        (np.zeros(1), 1),
    ],
)
def test_svg_leaves_gaps_where_there_is_no_score(scores: np.ndarray, runs: int) -> None:
    assert len(parts(scores_svg(TIMES[: len(scores)], scores), "area")) == runs


def test_svg_shades_the_ground_truth() -> None:
    labels = np.arange(10) // 2 == 2
    (truth,) = parts(scores_svg(TIMES, np.ones(10), labels), "truth")
    assert (float(truth.get("x")), float(truth.get("width"))) == pytest.approx((400, 200))


def test_svg_heights_are_scores_cut_at_the_top() -> None:
    (area,) = parts(scores_svg([0, 1, 2], [0.5, 1.0, 9.0], top=3.0), "area")
    heights = [-float(point.split()[1]) for point in area.get("d").strip("MZ").split("L")]
    assert heights == pytest.approx([0, 0.5, 1, 3, 3, 0])


def test_svg_says_its_name_or_hides() -> None:
    named = ElementTree.fromstring(scores_svg(TIMES, np.ones(10), name='<clip> & "co"'))
    assert named.get("aria-label") == '<clip> & "co"'
    assert ElementTree.fromstring(scores_svg(TIMES, np.ones(10))).get("aria-hidden") == "true"


def shaded_columns(png: bytes) -> int:
    tint = np.array([226, 220, 242])  # the ground truth's colour at its opacity, on white
    near = (np.abs(decode(png)[:230].astype(int) - tint) <= 2).all(-1)
    return int((near.sum(0) > 40).sum())


def test_png_shades_as_much_as_the_labels_say() -> None:
    times, scores = np.arange(100) / 25, np.zeros(100)
    none, half, full = (shaded_columns(scores_png(times, scores, np.arange(100) < n)) for n in (0, 50, 100))
    assert none == 0
    assert full > 700
    assert half == pytest.approx(full / 2, abs=5)


@pytest.mark.parametrize("scores", [[], [0.4], [math.nan] * 5, [0.1, 30.0]])
def test_png_of_odd_curves(scores: list[float]) -> None:
    picture = decode(scores_png(np.arange(len(scores)) / 25, scores, None, "costs $5 or $6_x caf\udce9"))
    assert picture.shape == (320, 1000, 3)


ROWS = [
    {"epoch": e, "train/a": 1 / e, "held_out/a": 2 / e, "train/b_c": 1.0, "held_out/total": abs(e - 3) + 1.0}
    for e in range(1, 6)
]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], None),
        ([{"epoch": 1, "train/a": 0.5}], None),
        ([{"epoch": 1, "held_out/total": math.nan}], None),
        ([{"epoch": 4, "held_out/total": 0.5}], 4),
        (ROWS, 3),
    ],
)
def test_best_epoch(rows: list[dict[str, float]], expected: float | None) -> None:
    assert best_epoch(rows) == expected


def test_losses_have_a_panel_per_task_and_mark_the_best_epoch() -> None:
    def marked(picture: np.ndarray) -> int:
        columns = (np.abs(picture.astype(int) - (232, 163, 61)) <= 30).all(-1).sum(0) > 100
        return int((np.diff(columns.astype(int)) == 1).sum())

    three, one = decode(losses_png(ROWS)), decode(losses_png([{"epoch": 1, "train/a": 0.5}]))
    assert marked(three) == 3
    assert marked(one) == 0
    assert three.shape[1] > 2 * one.shape[1]
    assert decode(losses_png([])).min() < 200, "says that there is nothing yet"


def test_plots_are_written_whole_or_not_at_all(tmp_path) -> None:
    plot_scores(tmp_path / "new" / "scores.png", TIMES, np.ones(10))
    plot_losses(tmp_path / "losses.png", ROWS)
    assert (tmp_path / "new" / "scores.png").read_bytes() == scores_png(TIMES, np.ones(10))
    assert (tmp_path / "losses.png").read_bytes() == losses_png(ROWS)
    with pytest.raises(DataError):
        plot_scores(tmp_path / "bad.png", TIMES, np.ones(9))
    with pytest.raises(OutputError, match="new"):
        plot_losses(tmp_path / "new", ROWS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["losses.png", "new"]

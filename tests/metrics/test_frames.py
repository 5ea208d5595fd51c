"""Areas under the ROC curve, against counting pairs and against hand-made cases."""

import math
import subprocess
import sys

import numpy as np
import pytest

from ssmtl.metrics.frames import anchored_auc, auc, measure_frames


def by_counting(labels: np.ndarray, scores: np.ndarray) -> float:
    """The definition: how often an abnormal frame scores higher than a normal one, equal scores counting half."""
    pairs = [(a > n) + 0.5 * (a == n) for a in scores[labels] for n in scores[~labels]]
    return float(np.mean(pairs)) if pairs else math.nan


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([0, 1], [0.1, 0.9], 1.0),
        ([0, 1], [0.9, 0.1], 0.0),
        ([0, 1], [0.5, 0.5], 0.5),
        ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),
        ([0, 0, 1], [1, 2, 2], 0.75),
        ([1, 1], [0.1, 0.9], math.nan),
        ([0], [0.5], math.nan),
        ([], [], math.nan),
    ],
)
def test_auc_by_hand(labels: list[int], scores: list[float], expected: float) -> None:
    assert auc(labels, scores) == pytest.approx(expected, nan_ok=True)


def test_auc_counts_pairs() -> None:
    chance = np.random.default_rng(0)
    for _ in range(300):
        n = int(chance.integers(1, 30))
        labels = chance.random(n) < chance.random()
        scores = chance.integers(0, int(chance.integers(1, 12)), n) / 7
        assert auc(labels, scores) == pytest.approx(by_counting(labels, scores), nan_ok=True, abs=1e-12)


def test_auc_depends_on_the_order_of_scores_alone() -> None:
    chance = np.random.default_rng(1)
    labels, scores = chance.random(200) < 0.3, chance.normal(size=200)
    assert auc(labels, np.exp(scores) * 1e-9) == auc(labels, scores) == pytest.approx(1 - auc(labels, -scores))


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([1, 1, 1], [3, 1, 2], 1.0),
        ([0, 0], [5, 5], 1.0),
        ([0, 1], [0.9, 0.1], 0.75),  # of 2 x 2 pairs the only wrong one is that of the two frames
        ([0, 1], [0.5, 0.5], 0.875),
        ([], [], math.nan),
    ],
)
def test_anchors_count_as_frames(labels: list[int], scores: list[float], expected: float) -> None:
    """One frame of each class, beyond all scores; a video of one class gets exactly 1."""
    assert anchored_auc(labels, scores) == pytest.approx(expected, nan_ok=True)


def test_measures_over_videos() -> None:
    labels = [[0, 1, 1], [0, 0], [0, 1]]
    scores = [[0.1, 0.5, 0.9], [0.2, 0.3], [0.8, 0.4]]
    found = measure_frames(labels, scores)
    assert (found.videos, found.undefined) == (3, 1)
    assert found.per_video == pytest.approx([1.0, math.nan, 0.0], nan_ok=True)
    assert found.macro_defined == pytest.approx(0.5)
    each = [anchored_auc(*video) for video in zip(labels, scores, strict=True)]
    assert found.macro_anchored == pytest.approx(np.mean(each))
    assert found.micro == pytest.approx(auc(np.concatenate(labels), np.concatenate(scores)))


def test_no_videos_have_no_measures() -> None:
    found = measure_frames([], [])
    assert math.isnan(found.micro) and math.isnan(found.macro_anchored) and found.videos == 0


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [([0, 1], [0.5], "2 labels but 1 scores"), ([0, 1], [0.5, math.nan], "finite"), ([0], [math.inf], "finite")],
)
def test_refused(labels: list[int], scores: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        auc(labels, scores)


def test_needs_no_pytorch() -> None:
    code = "import sys, ssmtl.metrics.frames; assert not {'torch', 'cv2', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

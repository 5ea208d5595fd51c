"""Areas under the ROC curve, against counting pairs and against hand-made cases."""

import math
import subprocess
import sys

import numpy as np
import pytest

from ssmtl.metrics.frames import anchored_auc, auc, average_precision, equal_error_rate, measure_frames, roc


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
        ([1, 1, 1], [1e17, 1e17, 1e17], 1.0),
        ([0, 1], [1e17, 1e17], 0.875),
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


def both_classes(chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    n = int(chance.integers(2, 30))
    labels = np.append(chance.random(n) < chance.random(), [True, False])
    return labels, chance.integers(0, int(chance.integers(1, 12)), n + 2) / 7


def test_roc_counts_at_each_threshold() -> None:
    chance = np.random.default_rng(2)
    for _ in range(100):
        labels, scores = both_classes(chance)
        curve = roc(labels, scores)
        assert curve.thresholds.tolist() == [math.inf, *sorted(set(scores), reverse=True)]
        for threshold, false, true in zip(curve.thresholds, curve.false_positives, curve.true_positives, strict=True):
            assert false == pytest.approx(np.mean(scores[~labels] >= threshold))
            assert true == pytest.approx(np.mean(scores[labels] >= threshold))
        steps = np.diff(curve.false_positives)
        middles = (curve.true_positives[1:] + curve.true_positives[:-1]) / 2
        assert float(steps @ middles) == pytest.approx(auc(labels, scores))


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([0, 1], [0.1, 0.9], 0.0),
        ([0, 1], [0.9, 0.1], 1.0),
        ([0, 1], [0.5, 0.5], 0.5),
        ([0, 0, 1, 1], [1, 3, 2, 4], 0.5),
        ([0, 0, 0, 0, 1], [1, 2, 3, 5, 4], 0.25),  # the curve rises upright at one normal frame of four
        ([1, 1], [1, 2], math.nan),
        ([0], [1], math.nan),
        ([], [], math.nan),
    ],
)
def test_equal_error_rate_by_hand(labels: list[int], scores: list[float], expected: float) -> None:
    assert equal_error_rate(labels, scores) == pytest.approx(expected, nan_ok=True)


def test_at_the_equal_error_rate_both_errors_are_equal() -> None:
    chance = np.random.default_rng(3)
    for _ in range(100):
        labels, scores = both_classes(chance)
        rate, curve = equal_error_rate(labels, scores), roc(labels, scores)
        # At that share of false positives the curve passes through one minus it, be it on an upright part.
        below = np.interp(rate - 1e-9, curve.false_positives, curve.true_positives)
        above = np.interp(rate + 1e-9, curve.false_positives, curve.true_positives)
        assert below - 1e-6 <= 1 - rate <= above + 1e-6


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([0, 1], [0.1, 0.9], 1.0),
        ([0, 1], [0.9, 0.1], 0.5),
        ([1, 0, 1], [3, 2, 1], (1 + 2 / 3) / 2),
        ([1, 0, 1, 0], [1, 1, 1, 1], 0.5),
        ([1], [1], 1.0),
        ([0], [1], math.nan),
        ([], [], math.nan),
    ],
)
def test_average_precision_by_hand(labels: list[int], scores: list[float], expected: float) -> None:
    assert average_precision(labels, scores) == pytest.approx(expected, nan_ok=True)


def test_average_precision_is_the_mean_over_abnormal_frames() -> None:
    chance = np.random.default_rng(4)
    for _ in range(100):
        labels, scores = both_classes(chance)
        each = [np.mean(labels[scores >= score]) for score in scores[labels]]
        assert average_precision(labels, scores) == pytest.approx(np.mean(each))


def test_a_random_scorer_is_anchored_at_0_63_on_ubnormals_split() -> None:
    """53 of 211 videos of one class count as 1, the others as chance; each anchor adds a little."""
    chance = np.random.default_rng(5)
    n = 200
    labels = [np.arange(2 * n) < (0 if video < 53 else n) for video in range(211)]
    found = measure_frames(labels, [chance.random(2 * n) for _ in labels])
    assert (found.videos, found.undefined) == (211, 53)
    one_video = (n * n / 2 + 2 * n + 1) / (n + 1) ** 2
    assert found.macro_anchored == pytest.approx((53 + 158 * one_video) / 211, abs=0.005)
    assert found.macro_anchored == pytest.approx(0.63, abs=0.005)
    assert found.macro_defined == pytest.approx(0.5, abs=0.01)
    assert found.micro == pytest.approx(0.5, abs=0.01)

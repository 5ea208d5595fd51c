"""Frame-level measures: the area under the ROC curve, over all frames (micro) or per video (macro), and the like.

Conventions of the field (SSMTL++, section 4): micro is one ROC over the frames of all test videos. Macro is the mean of
the videos' own areas; a video of one class has none. The field's usual macro is *anchored*: each video gets one more
frame with label 0 and a score below all others, and one with label 1 and a score above all, which makes the area of a
video of one class exactly 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve, equal scores counting half.

    Args:
        labels: N, true or 1 = abnormal.
        scores: N finite numbers, higher = more abnormal.

    Returns:
        In [0, 1]; NaN where one class is missing.

    Raises:
        ValueError: the lengths differ, or a score is not finite.
    """
    truth, values = _checked(labels, scores)
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    # The area is the chance that an abnormal frame scores higher than a normal one: Mann and Whitney's U.
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(count) - (count - 1) / 2
    rank_sum = mean_rank[place][truth].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def anchored_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area after adding a normal frame below all scores and an abnormal one above all; exactly 1 for one class.

    An empty video has none: NaN.
    """
    truth, values = _checked(labels, scores)
    if not len(truth):
        return float("nan")
    positives = int(truth.sum())
    negatives = len(truth) - positives
    # Each anchor is right against all that it meets; scores may be too large for one to be put beyond them.
    pairs = positives * negatives * auc(truth, values) if positives and negatives else 0.0
    return (pairs + positives + negatives + 1) / ((positives + 1) * (negatives + 1))


@dataclass(frozen=True, slots=True)
class Roc:
    """P+1 points of a ROC curve, from the highest threshold, which no score reaches, to the lowest.

    Attributes:
        thresholds: the distinct scores, falling; the first is infinite.
        false_positives: share of normal frames that score at least so much, in [0, 1]; NaN where there are none.
        true_positives: share of abnormal frames that do, likewise.
    """

    thresholds: NDArray[np.float64]
    false_positives: NDArray[np.float64]
    true_positives: NDArray[np.float64]


def roc(labels: ArrayLike, scores: ArrayLike) -> Roc:
    """The ROC curve; equal scores make one point. Arguments and errors as those of `auc`."""
    truth, values = _checked(labels, scores)
    thresholds, abnormal, normal = _counts(truth, values)
    with np.errstate(invalid="ignore"):
        return Roc(
            np.append(np.inf, thresholds),
            np.append(0, normal) / (len(truth) - truth.sum()),
            np.append(0, abnormal) / truth.sum(),
        )


def equal_error_rate(labels: ArrayLike, scores: ArrayLike) -> float:
    """The share of normal frames above the threshold where it equals that of abnormal frames below it.

    Between two points of the ROC curve it is found on the straight line. Arguments and errors as those of `auc`.

    Returns:
        In [0, 1]; NaN where one class is missing.
    """
    curve = roc(labels, scores)
    missed = 1 - curve.true_positives
    surplus = curve.false_positives - missed  # rises from -1 to 1
    if np.isnan(surplus).any() or len(surplus) < 2:
        return float("nan")
    after = int(np.argmax(surplus >= 0))
    share = -surplus[after - 1] / (surplus[after] - surplus[after - 1])
    step = curve.false_positives[after] - curve.false_positives[after - 1]
    return float(curve.false_positives[after - 1] + share * step)


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean precision over the abnormal frames, each at its own score as the threshold: the area of the steps.

    Arguments and errors as those of `auc`.

    Returns:
        In [0, 1]; NaN where nothing is abnormal.
    """
    truth, values = _checked(labels, scores)
    if not truth.any():
        return float("nan")
    _, abnormal, normal = _counts(truth, values)
    precision = abnormal / (abnormal + normal)
    return float(np.sum(np.diff(abnormal, prepend=0) * precision) / truth.sum())


@dataclass(frozen=True, slots=True)
class FrameMeasures:
    """Measures over V videos, in [0, 1] or NaN.

    Attributes:
        micro: one ROC over all frames.
        macro_anchored: mean of the videos' anchored areas, comparable with published numbers.
        macro_defined: mean of the plain areas over the videos that have one.
        equal_error_rate: of the ROC over all frames.
        average_precision: likewise.
        videos: V.
        undefined: videos of one class, which have no area of their own.
        frames: frames of all videos.
        abnormal: those of them that are abnormal.
        per_video: V plain areas, NaN where undefined.
    """

    micro: float
    macro_anchored: float
    macro_defined: float
    equal_error_rate: float
    average_precision: float
    videos: int
    undefined: int
    frames: int
    abnormal: int
    per_video: list[float]


def measure_frames(labels: Sequence[ArrayLike], scores: Sequence[ArrayLike]) -> FrameMeasures:
    """All frame-level measures of V videos, given each one's labels and scores.

    Raises:
        ValueError: the numbers of videos or of frames differ, or a score is not finite.
    """
    if len(labels) != len(scores):
        raise ValueError(f"labels of {len(labels)} videos but scores of {len(scores)}")
    each = [auc(*video) for video in zip(labels, scores, strict=True)]
    anchored = [anchored_auc(*video) for video in zip(labels, scores, strict=True)]
    defined = [area for area in each if not np.isnan(area)]
    truth, values = _checked(_joined(labels), _joined(scores))
    return FrameMeasures(
        micro=auc(truth, values),
        macro_anchored=float(np.mean(anchored)) if anchored else float("nan"),
        macro_defined=float(np.mean(defined)) if defined else float("nan"),
        equal_error_rate=equal_error_rate(truth, values),
        average_precision=average_precision(truth, values),
        videos=len(each),
        undefined=len(each) - len(defined),
        frames=len(truth),
        abnormal=int(truth.sum()),
        per_video=each,
    )


def _counts(
    truth: NDArray[np.bool_], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """The distinct scores, falling, and how many abnormal and normal frames score at least each of them."""
    thresholds = np.unique(values)[::-1]
    abnormal, normal = np.sort(values[truth]), np.sort(values[~truth])
    return (
        thresholds,
        len(abnormal) - np.searchsorted(abnormal, thresholds),
        len(normal) - np.searchsorted(normal, thresholds),
    )


def _joined(parts: Sequence[ArrayLike]) -> NDArray[np.float64]:
    return np.concatenate([np.asarray(part, np.float64) for part in parts]) if len(parts) else np.empty(0)


def _checked(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    truth, values = np.asarray(labels).astype(bool).ravel(), np.asarray(scores, np.float64).ravel()
    if len(truth) != len(values):
        raise ValueError(f"{len(truth)} labels but {len(values)} scores")
    if not np.isfinite(values).all():
        raise ValueError("a score is not finite")
    return truth, values

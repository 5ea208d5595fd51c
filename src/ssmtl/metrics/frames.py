"""Frame-level measures: the area under the ROC curve, over all frames (micro) or per video (macro).

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
    return auc(np.append(truth, [False, True]), np.append(values, [values.min() - 1, values.max() + 1]))


@dataclass(frozen=True, slots=True)
class FrameMeasures:
    """Measures over V videos, in [0, 1] or NaN.

    Attributes:
        micro: one ROC over all frames.
        macro_anchored: mean of the videos' anchored areas, comparable with published numbers.
        macro_defined: mean of the plain areas over the videos that have one.
        videos: V.
        undefined: videos of one class, which have no area of their own.
        per_video: V plain areas, NaN where undefined.
    """

    micro: float
    macro_anchored: float
    macro_defined: float
    videos: int
    undefined: int
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
    return FrameMeasures(
        micro=auc(_joined(labels), _joined(scores)),
        macro_anchored=float(np.mean(anchored)) if anchored else float("nan"),
        macro_defined=float(np.mean(defined)) if defined else float("nan"),
        videos=len(each),
        undefined=len(each) - len(defined),
        per_video=each,
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

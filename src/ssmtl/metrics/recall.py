"""How many of the ground-truth regions a detector looks at: the recall in SSMTL++'s Table 1.

What no region covers cannot be found by any score. The paper does not say how much a region must overlap the ground
truth to count. Our choice is to report two thresholds: 0.1, that of the region-based detection criterion (RBDC), below
which a region can never count as detected, and 0.5, that of object detection.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ssmtl.metrics.boxes import intersection_over_union

OVERLAPS = (0.1, 0.5)
"""Intersection over union at which recall is reported."""


def region_recall(truth: Sequence[ArrayLike], found: Sequence[ArrayLike], overlap: float) -> float:
    """Share of ground-truth regions that some found region of the same frame overlaps enough.

    Args:
        truth: for each of T frames, M×4 boxes of the ground truth, xyxy pixels, half open.
        found: for each of the same frames, N×4 boxes that were found.
        overlap: least intersection over union that counts, in (0, 1].

    Returns:
        In [0, 1]; NaN where there is no ground-truth region. One found region may count for several of the truth.

    Raises:
        ValueError: the numbers of frames differ, or `overlap` is out of range.
    """
    if len(truth) != len(found):
        raise ValueError(f"ground truth of {len(truth)} frames but regions of {len(found)}")
    if not 0 < overlap <= 1:
        raise ValueError(f"an overlap of {overlap} is not in (0, 1]")
    best = [
        intersection_over_union(_boxes(wanted)[:, None], _boxes(boxes)[None]).max(axis=1, initial=0)
        for wanted, boxes in zip(truth, found, strict=True)
    ]
    each = np.concatenate(best) if best else np.empty(0)
    return float(np.mean(each >= overlap)) if len(each) else float("nan")


def _boxes(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, np.float64).reshape(-1, 4)

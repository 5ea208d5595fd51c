"""How many of the ground-truth regions a detector looks at: the recall in SSMTL++'s Table 1.

What no region covers cannot be found by any score. The paper does not say how much a region must overlap the ground
truth to count. Our choice is to report two thresholds: 0.1, that of the region-based detection criterion (RBDC), below
which a region can never count as detected, and 0.5, that of object detection.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

OVERLAPS = (0.1, 0.5)
"""Intersection over union at which recall is reported."""


def intersection_over_union(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Overlap of every box of `first` with every box of `second`.

    Args:
        first: N×4 boxes, xyxy pixels, half open.
        second: M×4 boxes.

    Returns:
        N×M in [0, 1]; 0 where both boxes are empty.
    """
    a, b = _boxes(first)[:, None], _boxes(second)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.maximum(sides, 0), axis=-1)
    union = np.prod(a[..., 2:] - a[..., :2], axis=-1) + np.prod(b[..., 2:] - b[..., :2], axis=-1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


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
        intersection_over_union(wanted, boxes).max(axis=1, initial=0)
        for wanted, boxes in zip(truth, found, strict=True)
    ]
    each = np.concatenate(best) if best else np.empty(0)
    return float(np.mean(each >= overlap)) if len(each) else float("nan")


def _boxes(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, np.float64).reshape(-1, 4)

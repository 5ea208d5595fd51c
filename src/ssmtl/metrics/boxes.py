"""How much boxes overlap."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def intersection_over_union(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of boxes, element by element; the two arrays are broadcast against each other.

    For pixels that are counted inclusively, add 1 to the right and lower sides: the box is half open then.

    Args:
        first: ...×4 boxes, xyxy pixels, half open.
        second: likewise; `first[:, None]` and `second[None]` compare every box with every other.

    Returns:
        Array of the broadcast shape without its last axis, in [0, 1]; 0 where both boxes are empty.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.maximum(sides, 0), axis=-1)
    union = np.prod(a[..., 2:] - a[..., :2], axis=-1) + np.prod(b[..., 2:] - b[..., :2], axis=-1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)

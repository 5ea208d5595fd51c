"""Which part of a picture a teacher sees, and how its maps are brought onto the crop that our network sees.

A window is a part of a picture in whole pixels: its corners `x_min, y_min` and `x_max, y_max`, half open. It may
reach beyond the picture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.sequences.crop import SIZE, padded_boxes

Window = tuple[NDArray[np.int_], NDArray[np.int_]]


def crop_windows(picture: NDArray[np.uint8], boxes: NDArray[np.float32], padding: float) -> list[Window]:
    """What the crop of each box (N×4, `x_min, y_min, x_max, y_max`) shows with that padding; within the picture."""
    return list(zip(*padded_boxes(boxes, padding, *picture.shape[:2]), strict=True))


def whole(picture: NDArray[np.uint8]) -> Window:
    """All of the picture."""
    return np.zeros(2, int), np.array(picture.shape[1::-1])


def without_distortion(window: Window, width: int, height: int) -> Window:
    """The window widened about its middle to the aspect ratio of `width`×`height`."""
    low, high = window
    side, shape = high - low, np.array([width, height])
    wide = np.maximum(side, np.round((side / shape).max() * shape).astype(int))
    low = low - (wide - side) // 2
    return low, low + wide


def look(picture: NDArray[np.uint8], window: Window, width: int, height: int) -> NDArray[np.uint8]:
    """The window of an H×W×C picture, resized to height×width×C; what is beyond the picture repeats its edge."""
    low, high = window
    limit = np.array(picture.shape[1::-1])
    (left, top), (right, bottom) = np.maximum(-low, 0), np.maximum(high - limit, 0)
    (x_min, y_min), (x_max, y_max) = np.maximum(low, 0), np.minimum(high, limit)
    inside = picture[y_min:y_max, x_min:x_max]
    part = cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_REPLICATE)
    shrinks = part.shape[0] * part.shape[1] > width * height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (width, height), interpolation=how), np.uint8)


def onto_crop(maps: NDArray[np.float32], window: Window, part: Window) -> NDArray[np.float32]:
    """K maps (K×h×w) in [0, 1] that cover a `window`, resampled to a `part` of it: K×64×64 in [0, 1]."""
    start, side = window[0], window[1] - window[0]
    begin, end = (part[0] - start) / side, (part[1] - start) / side
    x = _interpolation(begin[0], end[0], maps.shape[2])
    y = _interpolation(begin[1], end[1], maps.shape[1])
    # What a network gives, and the rounding of weights, may lie slightly outside.
    return np.asarray(np.clip(y @ maps @ x.T, 0, 1), np.float32)


def _interpolation(begin: float, end: float, cells: int) -> NDArray[np.float32]:
    """64×cells: the weights that resample `cells` values, from share `begin` to share `end` of them, to 64.

    Linear interpolation between the middles of cells; where values are many, over as many as fall on one.
    """
    step = (end - begin) * cells / SIZE
    middles = begin * cells + step * (np.arange(SIZE) + 0.5) - 0.5
    distance = np.abs(np.arange(cells) - np.clip(middles, 0, cells - 1)[:, None])
    weights = np.maximum(0, 1 - distance / max(step, 1))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)

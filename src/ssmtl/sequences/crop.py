"""Crops of boxes over neighbouring frames (SSMTL, section 3)."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = 64
"""Height and width of a crop in pixels (SSMTL, section 3)."""


def prepare_picture(image: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """H×W×3 RGB → H×W×channels: as it is, or one channel of luminance."""
    if channels == 3:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]


def padded_boxes(
    boxes: NDArray[np.float32], padding: float, height: int, width: int
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """The part of a picture of `height`×`width` that each box's crop shows.

    Args:
        boxes: N×4, `x_min, y_min, x_max, y_max` in pixels, half open; padded, then cut to the picture.
        padding: context on each side, as a share of the box's side.

    Returns:
        The corners, half open, each N×2 (x, y): at least one pixel, within the picture.
    """
    pad = (boxes[:, 2:] - boxes[:, :2]) * padding
    low = np.clip(np.floor(boxes[:, :2] - pad), 0, [width - 1, height - 1]).astype(int)
    high = np.clip(np.ceil(boxes[:, 2:] + pad), low + 1, [width, height]).astype(int)
    return low, high


def shown_sizes(boxes: NDArray[np.float32], padding: float, height: int, width: int) -> NDArray[np.float32]:
    """Widths and heights in pixels, N×2, of the parts of a picture that crops of N boxes show (`padded_boxes`)."""
    low, high = padded_boxes(boxes, padding, height, width)
    return (high - low).astype(np.float32)


def crop(pictures: Sequence[NDArray[np.uint8]], boxes: NDArray[np.float32], padding: float) -> NDArray[np.uint8]:
    """Cut the same boxes from each picture and resize to 64×64; boxes are not tracked.

    Args:
        pictures: T pictures of one size, H×W×C uint8.
        boxes: N×4, `x_min, y_min, x_max, y_max` in pixels, half open; padded, then cut to the picture.
        padding: context on each side, as a share of the box's side.

    Returns:
        N×C×T×64×64 uint8.
    """
    height, width, channels = pictures[0].shape
    out = np.empty((len(boxes), len(pictures), SIZE, SIZE, channels), np.uint8)
    low, high = padded_boxes(boxes, padding, height, width)
    for n, ((x_min, y_min), (x_max, y_max)) in enumerate(zip(low, high, strict=True)):
        shrinks = (x_max - x_min) * (y_max - y_min) > SIZE * SIZE
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        for t, picture in enumerate(pictures):
            part = cv2.resize(picture[y_min:y_max, x_min:x_max], (SIZE, SIZE), interpolation=how)
            out[n, t] = part.reshape(SIZE, SIZE, channels)
    return out.transpose(0, 4, 1, 2, 3)

"""What a fixed camera's ordinary footage tells about the scene: its background and how tall things are.

The papers start the background anew in each clip. A camera that does not move shows the same background in training
and afterwards, so it is learnt once, in `fit`, and a clip's first frames are searched as well as its last (our choice).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

DIFFERENT_SCENE = 0.5
"""Share of pixels that differ above which two pictures are not taken to be of one scene."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A fixed camera's scene.

    Attributes:
        background: H×W uint8, grey; median of many frames of normal footage.
        height_slope, height_offset: typical height in pixels of what moves, given the row of its lowest pixel:
            `height_offset + height_slope * y_max`. Both 0 where too little moved to say.
    """

    background: NDArray[np.uint8]
    height_slope: float = 0.0
    height_offset: float = 0.0

    def typical_height(self, y_max: float) -> float:
        """Typical height in pixels (at least 4) of a mover whose lowest pixel is in row `y_max`; 0 = unknown."""
        if self.height_slope == 0 and self.height_offset == 0:
            return 0.0
        return max(4.0, self.height_offset + self.height_slope * y_max)


def grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """H×W uint8 luminance of an H×W×3 RGB picture."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def median_background(pictures: Iterable[NDArray[np.uint8]]) -> NDArray[np.uint8] | None:
    """Median of H×W grey pictures, or None where they are none, of several sizes, or of several scenes."""
    stack = list(pictures)
    if not stack or any(picture.shape != stack[0].shape for picture in stack):
        return None
    background = np.median(np.stack(stack), axis=0).astype(np.uint8)
    differ = [np.mean(cv2.absdiff(picture, background) > 25) for picture in stack]
    return None if np.mean(np.array(differ) > DIFFERENT_SCENE) > 0.1 else background


STEEPEST, SLOPES = 1.5, 151
"""Slopes that are tried: from 0, since nothing looks smaller the nearer it stands."""

SINGLE = 0.4
"""Share of the boxes, at least, that are taken to hold one person, whole."""


def fit_heights(boxes: NDArray[np.float32]) -> tuple[float, float]:
    """Slope and offset of the typical height over the row of the lowest pixel, from N×4 boxes.

    Many boxes hold several people, one behind the other, and reach down to the nearest of them, so that means and
    medians grow far faster with the row than people do; some hold less than one. But only the boxes of one whole person
    lie along a line: that along which the narrowest strip holds enough of them (least quantile regression; Rousseeuw
    and Leroy, 1987). Fewer than 30 boxes say nothing: (0, 0).
    """
    if len(boxes) < 30:
        return 0.0, 0.0
    bottom, height = boxes[:, 3].astype(np.float64), (boxes[:, 3] - boxes[:, 1]).astype(np.float64)
    if np.ptp(np.quantile(bottom, [0.05, 0.95])) < np.median(height) / 2:
        return 0.0, _densest(height)[1]
    slopes = np.linspace(0, STEEPEST, SLOPES)
    strips = [_densest(height - slope * bottom) for slope in slopes]
    best = min(range(SLOPES), key=lambda i: strips[i][0])
    return float(slopes[best]), strips[best][1]


def _densest(values: NDArray[np.float64]) -> tuple[float, float]:
    """Width and median of the narrowest interval that holds `SINGLE` of the values."""
    ordered = np.sort(values)
    count = int(SINGLE * len(ordered))
    widths = ordered[count:] - ordered[: len(ordered) - count]
    start = int(widths.argmin())
    return float(widths[start]), float(np.median(ordered[start : start + count + 1]))

"""Textured pictures and squares that move over them, so that the right box of each frame is known."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.regions.regions import Regions
from ssmtl.video.frame import Frame

HEIGHT, WIDTH = 180, 320
NOTHING = Regions.make([], "")


def texture(
    height: int = HEIGHT, width: int = WIDTH, seed: int = 0, low: int = 20, high: int = 150
) -> NDArray[np.uint8]:
    """H×W grey texture with details of about three pixels, its levels from `low` to `high`."""
    noise = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 1.5)
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    return (low + noise * (high - low)).astype(np.uint8)


def with_square(
    background: NDArray[np.uint8], x: int, y: int, side: int = 32, low: int = 180, high: int = 250
) -> NDArray[np.uint8]:
    """`background` with a textured square, its upper left corner at (x, y)."""
    picture = background.copy()
    part = picture[max(0, y) : y + side, max(0, x) : x + side]
    part[:] = texture(side, side, 7, low, high)[: part.shape[0], : part.shape[1]]
    return picture


def to_frames(pictures: Sequence[NDArray[np.uint8]]) -> list[Frame]:
    """H×W grey pictures as frames, 25 a second."""
    return [Frame(i, i / 25, np.repeat(picture[..., None], 3, axis=2)) for i, picture in enumerate(pictures)]


def moving_square(count: int, x: int = 20, y: int = 30, step: int = 3, side: int = 32) -> list[Frame]:
    """A square that moves right by `step` pixels per frame over a texture."""
    return to_frames([with_square(texture(), x + step * i, y, side) for i in range(count)])


def square_box(index: int, x: int = 20, y: int = 30, step: int = 3, side: int = 32) -> tuple[int, int, int, int]:
    """The box of the square in frame `index` of `moving_square`."""
    return x + step * index, y, x + step * index + side, y + side


def covered(box: Sequence[float], by: Sequence[float]) -> float:
    """Share of `box` that lies in the box `by`."""
    width = min(box[2], by[2]) - max(box[0], by[0])
    height = min(box[3], by[3]) - max(box[1], by[1])
    return float(max(0, width) * max(0, height) / ((box[2] - box[0]) * (box[3] - box[1])))


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two half-open boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    return float(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))

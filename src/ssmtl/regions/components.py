"""From a mask of moving pixels to boxes: connected components, small ones dropped, crowds taken apart."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ssmtl.config import Settings
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene

REFERENCE_AREA = 360 * 640

WHOLE = 1.5
"""Widths and heights of a person up to which a piece is one, and not cut."""

APART = 0.1
"""Heights of a person by which the pieces of one may lie apart."""

OPENING = np.ones((2, 2), np.uint8)
"""What is opened by this has no single pixels and no lines of one."""


class ComponentSettings(Settings):
    """Which components of a motion mask become regions (SSMTL++, section 3.2; sizes scale with the picture)."""

    min_area: float = Field(300.0, gt=0, description="pixels at 360x640 (1500 in the paper)")
    min_width: float = Field(4.0, ge=0, description="pixels at 360x640")
    min_height: float = Field(8.0, ge=0, description="pixels at 360x640")
    split: bool = Field(True, description="cut components that are wider or taller than one person")
    split_aspect: float = Field(0.5, gt=0, le=4, description="width of one person over the height")
    fragment: float = Field(
        0.6, ge=0, le=1, description="share of one person's area below which a piece joins a neighbour; 0: none does"
    )


def picture_scale(shape: tuple[int, ...]) -> float:
    """Length scale of a picture of H×W pixels against 360×640."""
    return float(np.sqrt(shape[0] * shape[1] / REFERENCE_AREA))


def black_out(mask: NDArray[np.uint8], known: Regions) -> None:
    """Clear the boxes of regions that are known already, in place."""
    if not len(known):
        return
    low = np.maximum(known.boxes[:, :2].astype(int), 0)
    high = np.maximum(np.ceil(known.boxes[:, 2:]).astype(int), 0)
    for (x_min, y_min), (x_max, y_max) in zip(low.tolist(), high.tolist(), strict=True):
        mask[y_min:y_max, x_min:x_max] = 0


def moving_part(mask: NDArray[np.uint8], margin: tuple[int, int] = (0, 0)) -> tuple[slice, slice]:
    """Rows and columns of all nonzero pixels, and at least `margin` (x, y) more to each side; empty where none is.

    It begins at an even row and column: OpenCV numbers components by the first block of 2×2 pixels that they are in,
    so that those of the part come in the order of those of the whole.
    """
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return slice(0), slice(0)
    top, left = max(0, y - margin[1]), max(0, x - margin[0])
    return slice(top - top % 2, y + height + margin[1]), slice(left - left % 2, x + width + margin[0])


@dataclass(frozen=True, slots=True)
class Runs:
    """The R runs of neighbouring nonzero pixels in the rows of a mask, row by row; many pixels are few runs.

    Attributes:
        y: R rows.
        start, end: R columns, half open.
    """

    y: NDArray[np.intp]
    start: NDArray[np.intp]
    end: NDArray[np.intp]

    @staticmethod
    def of(mask: NDArray[np.uint8]) -> "Runs":
        """The runs of an H×W mask."""
        height, width = mask.shape
        # A zero before the picture and one after each row: no run begins at the front or goes over a row's end.
        flat = np.zeros(1 + height * (width + 1), np.bool_)
        flat[1:].reshape(height, width + 1)[:, :width] = mask
        changes = np.flatnonzero(flat[1:] != flat[:-1])
        y, start = np.divmod(changes[::2], width + 1)
        return Runs(y, start, changes[1::2] - y * (width + 1))

    def numbers(self, labels: NDArray[np.generic]) -> NDArray[np.intp]:
        """The component that each run is of (R), from the mask's H×W labels."""
        return np.asarray(labels[self.y, self.start], np.intp)

    def areas(self, numbers: NDArray[np.intp], count: int) -> NDArray[np.float64]:
        """Pixels of each of `count` components, of which the runs are those of `numbers`."""
        return np.asarray(np.bincount(numbers, self.end - self.start, count), np.float64)


def component_boxes(mask: NDArray[np.uint8], settings: ComponentSettings, scene: Scene | None) -> NDArray[np.float32]:
    """N×4 float32 boxes of the 8-connected components of an H×W mask (nonzero = moving)."""
    scale = picture_scale(mask.shape)
    min_area, min_width = settings.min_area * scale**2, settings.min_width * scale
    min_height = settings.min_height * scale
    boxes: list[tuple[float, float, float, float]] = []
    rows, columns = moving_part(mask)
    mask = mask[rows, columns]
    if not mask.size:
        return np.zeros((0, 4), np.float32)
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    # By runs, not by OpenCV's statistics: those look at every pixel and take several times as long as the labels.
    runs = Runs.of(mask)
    numbers = runs.numbers(labels)
    area = runs.areas(numbers, count)
    low, high = np.full((2, count), max(mask.shape)), np.zeros((2, count), int)
    for axis, first, end in ((0, runs.start, runs.end), (1, runs.y, runs.y + 1)):
        np.minimum.at(low[axis], numbers, first)
        np.maximum.at(high[axis], numbers, end)
    width_N, height_N = high - low
    # The background, number 0, has no run and so no area.
    for number in np.flatnonzero((area >= min_area) & (width_N >= min_width) & (height_N >= min_height)).tolist():
        (x, y), (x_end, y_end) = low[:, number].tolist(), high[:, number].tolist()
        width, height = x_end - x, y_end - y
        parts = [(0, 0, width, height)]
        typical = scene.typical_height(rows.start + y_end) if scene and settings.split else 0.0
        if typical and (_spans(width, typical * settings.split_aspect) > 1 or _spans(height, typical) > 1):
            parts = split_component(labels[y:y_end, x:x_end] == number, typical * settings.split_aspect, typical)
        for left, top, right, bottom in parts:
            if right - left >= min_width and bottom - top >= min_height:
                boxes.append((x + left, y + top, x + right, y + bottom))
    corner = np.array([columns.start, rows.start] * 2, np.float32)
    found = np.asarray(boxes, np.float32).reshape(-1, 4) + corner
    return join_fragments(found, settings, scene) if scene and settings.split else found


def join_fragments(boxes: NDArray[np.float32], settings: ComponentSettings, scene: Scene) -> NDArray[np.float32]:
    """N×4 boxes, of which those that are too small for a person are joined with a neighbour, M ≤ N.

    Where the background shows through a person, or is as bright, the rest is in pieces. A piece joins that neighbour
    which grows least by it, if both together are no larger than one person.
    """
    while len(boxes) > 1:
        height_N = np.array([scene.typical_height(bottom) for bottom in boxes[:, 3].tolist()])
        small = np.flatnonzero(_areas(boxes) < settings.fragment * settings.split_aspect * height_N**2)
        low = np.minimum(boxes[small, None, :2], boxes[:, :2])
        high = np.maximum(boxes[small, None, 2:], boxes[:, 2:])
        size = high - low
        tall = np.maximum(height_N[small, None], height_N)
        apart = size - (boxes[small, None, 2:] - boxes[small, None, :2]) - (boxes[:, 2:] - boxes[:, :2])
        fits = (apart.max(axis=2) <= APART * tall) & (size[..., 1] <= WHOLE * tall)
        fits &= size[..., 0] <= WHOLE * settings.split_aspect * tall
        fits[np.arange(len(small)), small] = False
        if not fits.any():
            break
        growth = np.where(fits, size.prod(axis=2) - _areas(boxes), np.inf)
        which, other = np.unravel_index(growth.argmin(), growth.shape)
        boxes[other] = np.concatenate([low[which, other], high[which, other]])
        boxes = np.delete(boxes, small[which], axis=0)
    return boxes


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))


def split_component(part: NDArray[np.bool_], width: float, height: float) -> list[tuple[int, int, int, int]]:
    """Boxes of a component's pieces, each about `width` × `height` pixels, cut where the mask is thinnest."""
    pieces = []
    for left, right in _cuts(part.sum(axis=0), width):
        column = part[:, left:right]
        rows = np.flatnonzero(column.any(axis=1))
        top, end = int(rows[0]), int(rows[-1]) + 1
        for low, high in _cuts(column[top:end].sum(axis=1), height):
            inside = np.flatnonzero(column[top + low : top + high].any(axis=0))
            if len(inside):
                pieces.append((left + int(inside[0]), top + low, left + int(inside[-1]) + 1, top + high))
    return pieces


def _spans(length: int, size: float) -> int:
    """Into how many spans of about `size` a length is cut; one or none: it stays whole."""
    return round(length / size)


def _cuts(profile: NDArray[np.intp], size: float) -> list[tuple[int, int]]:
    """Cut a profile of pixel counts into about `len(profile) / size` spans, each cut at a nearby minimum."""
    n = _spans(len(profile), size)
    if n < 2:
        return [(0, len(profile))]
    smooth = cv2.GaussianBlur(profile.astype(np.float32)[None], (0, 0), 1.5)[0]
    step = len(profile) / n
    edges = [0]
    for i in range(1, n):
        low, high = int(step * (i - 0.35)), int(step * (i + 0.35)) + 1
        edges.append(low + int(np.argmin(smooth[low:high])))
    edges.append(len(profile))
    return [(a, b) for a, b in pairwise(edges) if b > a]

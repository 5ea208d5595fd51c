"""From a mask of moving pixels to boxes: connected components, small ones dropped, crowds taken apart."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ssmtl.config import Settings
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene

REFERENCE_AREA = 360 * 640


class ComponentSettings(Settings):
    """Which components of a motion mask become regions (SSMTL++, section 3.2; sizes scale with the picture)."""

    min_area: float = Field(300.0, gt=0, description="pixels at 360x640 (1500 in the paper)")
    min_width: float = Field(4.0, ge=0, description="pixels at 360x640")
    min_height: float = Field(8.0, ge=0, description="pixels at 360x640")
    split: bool = Field(True, description="cut components that are wider or taller than one person")
    split_aspect: float = Field(0.4, gt=0, le=4, description="width of one person over the height")


def picture_scale(shape: tuple[int, ...]) -> float:
    """Length scale of a picture of H×W pixels against 360×640."""
    return float(np.sqrt(shape[0] * shape[1] / REFERENCE_AREA))


def black_out(mask: NDArray[np.uint8], known: Regions) -> None:
    """Clear the boxes of regions that are known already, in place."""
    for x_min, y_min, x_max, y_max in known.boxes:
        rows = slice(max(0, int(y_min)), max(0, int(np.ceil(y_max))))
        mask[rows, max(0, int(x_min)) : max(0, int(np.ceil(x_max)))] = 0


def component_boxes(mask: NDArray[np.uint8], settings: ComponentSettings, scene: Scene | None) -> NDArray[np.float32]:
    """N×4 float32 boxes of the 8-connected components of an H×W mask (nonzero = moving)."""
    scale = picture_scale(mask.shape)
    min_area, min_width = settings.min_area * scale**2, settings.min_width * scale
    min_height = settings.min_height * scale
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    boxes: list[tuple[float, float, float, float]] = []
    for number, (x, y, width, height, area) in enumerate(stats.tolist()):
        if number == 0 or area < min_area or width < min_width or height < min_height:
            continue
        parts = [(0, 0, width, height)]
        typical = scene.typical_height(y + height) if scene and settings.split else 0.0
        if typical:
            part = labels[y : y + height, x : x + width] == number
            parts = split_component(part, typical * settings.split_aspect, typical)
        for left, top, right, bottom in parts:
            if right - left >= min_width and bottom - top >= min_height:
                boxes.append((x + left, y + top, x + right, y + bottom))
    return np.asarray(boxes, np.float32).reshape(-1, 4)


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


def _cuts(profile: NDArray[np.intp], size: float) -> list[tuple[int, int]]:
    """Cut a profile of pixel counts into about `len(profile) / size` spans, each cut at a nearby minimum."""
    n = round(len(profile) / size)
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

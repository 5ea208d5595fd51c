"""Regions and tracks from what names neither: pixel masks and plain boxes.

Regions are the 8-connected components of at least `LEAST_REGION` pixels. A region continues the track of the previous
frame's region that it overlaps most, if their intersection over union is above `LEAST_OVERLAP`. Where two regions
overlap the same one most, our choice is that it continues in at most one of them, the one of higher overlap; the other
takes the next best that is free, or begins a track. What is hidden for a frame begins a new track after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmtl.errors import DataError
from ssmtl.formats.records import Tracks
from ssmtl.metrics.boxes import intersection_over_union

LEAST_REGION = 10
"""Pixels: smaller specks of a mask are slips of the pen, not regions."""

LEAST_OVERLAP = 0.1
"""Intersection over union with the previous frame's region, above which a region continues its track."""


@dataclass(frozen=True, slots=True)
class MaskTruth:
    """What the T masks of a clip say.

    Attributes:
        labels: T, True where any pixel is set.
        tracks: regions and tracks, derived.
    """

    labels: NDArray[np.bool_]
    tracks: Tracks


def read_masks(masks: Iterable[NDArray[np.generic]]) -> MaskTruth:
    """Labels and tracks of a clip's masks, H×W each and nonzero = abnormal, of which one is held at a time."""
    labels: list[bool] = []
    boxes: list[NDArray[np.float64]] = []
    for mask in masks:
        labels.append(bool(np.any(mask)))
        boxes.append(component_boxes(mask) if labels[-1] else np.empty((0, 4)))
    return MaskTruth(np.array(labels, bool), link_boxes(boxes))


def read_mask_picture(path: Path, flags: int = cv2.IMREAD_GRAYSCALE) -> NDArray[Any]:
    """A mask in a picture file, H×W, or H×W×3 as the file is if `flags` say so.

    Raises:
        DataError: it cannot be read.
    """
    try:
        mask = cv2.imdecode(np.fromfile(path, np.uint8), flags)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check disk and permissions") from error
    except cv2.error:  # an empty file
        mask = None
    if mask is None:
        raise DataError(f"{path}: is no picture; copy it anew")
    return mask


def derive_tracks(masks: Iterable[NDArray[np.generic]]) -> Tracks:
    """Regions and tracks of a clip's masks, one mask per frame, H×W and nonzero = abnormal.

    A track is numbered by when it begins, from 0.
    """
    return read_masks(masks).tracks


def component_boxes(mask: NDArray[np.generic]) -> NDArray[np.float64]:
    """Boxes of the regions of an H×W mask: M×4, xyxy pixels, half open."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((mask != 0).astype(np.uint8), connectivity=8)
    left, top, width, height, area = stats[1:].T
    boxes = np.stack([left, top, left + width, top + height], axis=1)
    return boxes[area >= LEAST_REGION].astype(np.float64)


def link_boxes(boxes: Iterable[ArrayLike]) -> Tracks:
    """Tracks of the boxes of consecutive frames, frame 0 first: M×4 each, xyxy pixels, half open."""
    frames: list[int] = []
    ids: list[int] = []
    rows: list[NDArray[np.float64]] = []
    before, its_ids, taken = np.empty((0, 4)), np.empty(0, np.int64), 0
    for index, found in enumerate(boxes):
        now = np.asarray(found, np.float64).reshape(-1, 4)
        linked = _continue(before, its_ids, now)
        new = linked < 0
        linked[new] = taken + np.arange(new.sum())
        taken += int(new.sum())
        frames += [index] * len(now)
        ids += linked.tolist()
        rows.append(now)
        before, its_ids = now, linked
    every = np.concatenate(rows) if rows else np.empty((0, 4))
    return Tracks(np.array(frames, np.int64), np.array(ids, np.int64), every, derived=True)


def _continue(before: NDArray[np.float64], ids: NDArray[np.int64], now: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each box the id of the one before that it continues, or -1."""
    linked = np.full(len(now), -1, np.int64)
    free = np.ones(len(before), bool)
    overlaps = intersection_over_union(before[:, None], now[None])
    for place in np.argsort(-overlaps, axis=None, kind="stable"):
        old, new = np.unravel_index(place, overlaps.shape)
        if overlaps[old, new] <= LEAST_OVERLAP:
            break
        if free[old] and linked[new] < 0:
            linked[new] = ids[old]
            free[old] = False
    return linked

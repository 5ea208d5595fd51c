"""From what object detectors answer to boxes: one pure function for each of the usual forms.

All of them return N×4 float32 boxes `x_min, y_min, x_max, y_max` in pixels of the network's input, and N×C float32
class probabilities. N counts candidates: what overlaps or is improbable is dropped by `to_regions`.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import ConfigError
from ssmtl.regions.classes import CLASSES, COCO
from ssmtl.regions.regions import Regions

Floats = NDArray[np.float32]
Candidates = tuple[Floats, Floats]
"""N×4 boxes and N×C class probabilities."""

STRIDES = (8, 16, 32)

ANCHORS = {
    8: ((10, 13), (16, 30), (33, 23)),
    16: ((30, 61), (62, 45), (59, 119)),
    32: ((116, 90), (156, 198), (373, 326)),
}
"""Width and height in pixels of YOLOv3's nine anchors, by the stride of the map that they belong to."""

# fmt: off
COCO_IDS = (
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 27, 28, 31, 32, 33, 34,
    35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
    64, 65, 67, 70, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 84, 85, 86, 87, 88, 89, 90,
)
# fmt: on
"""The ids of COCO's annotations (1 to 90, ten of them unused) of the 80 classes, in the order of `COCO`."""

LONGEST = 10.0
"""Largest exponent of a box's side: whatever a network says, no box is 20 000 times its anchor."""


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), np.float32)


def corners(boxes_N4: Floats) -> Floats:
    """`x_min, y_min, x_max, y_max` of boxes given as centre x, centre y, width, height."""
    half = boxes_N4[:, 2:4] / 2
    return np.concatenate([boxes_N4[:, :2] - half, boxes_N4[:, :2] + half], axis=1).astype(np.float32)


def count_cells(height: int, width: int, strides: Sequence[int] = STRIDES) -> int:
    """How many cells the grids of `strides` have on an input of that size."""
    return sum((height // stride) * (width // stride) for stride in strides)


def decode_yolox(rows_ND: Floats, height: int, width: int) -> Candidates:
    """YOLOX before its grid is decoded, one row for each cell of strides 8, 16, 32, row by row.

    A row is the centre's offset from its cell and the logarithm of width and height, in strides; objectness; classes.
    """
    cells, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((cells[-1].shape[0], 1), stride))
    stride_N1 = np.concatenate(strides).astype(np.float32)
    centres = (rows_ND[:, :2] + np.concatenate(cells)) * stride_N1
    sides = np.exp(np.minimum(rows_ND[:, 2:4], LONGEST)) * stride_N1
    return corners(np.concatenate([centres, sides], axis=1)), rows_ND[:, 5:] * rows_ND[:, 4:5]


def decode_yolov5(rows_ND: Floats) -> Candidates:
    """YOLOv5, and all that is exported like it: centre, width and height in pixels, objectness, classes."""
    return corners(rows_ND[:, :4]), rows_ND[:, 5:] * rows_ND[:, 4:5]


def decode_yolov8(columns_DN: Floats) -> Candidates:
    """Ultralytics' later form, transposed and without objectness: centre, width and height in pixels, classes."""
    return corners(columns_DN[:4].T), np.ascontiguousarray(columns_DN[4:].T)


def arrange_map(map_: Floats, classes: int) -> Floats | None:
    """One of YOLOv3's maps as h×w×3×(5+C), from B×3(5+C)×h×w, B×h×w×3(5+C) or B×3×h×w×(5+C); None if it is neither."""
    depth = 5 + classes
    if map_.ndim == 5 and (map_.shape[1], map_.shape[4]) == (3, depth):
        return map_[0].transpose(1, 2, 0, 3)
    if map_.ndim == 4 and map_.shape[1] == 3 * depth:
        return map_[0].reshape(3, depth, *map_.shape[2:]).transpose(2, 3, 0, 1)
    if map_.ndim == 4 and map_.shape[3] == 3 * depth:
        return map_[0].reshape(*map_.shape[1:3], 3, depth)
    return None


def decode_yolov3(maps: Sequence[Floats]) -> Candidates:
    """YOLOv3's raw maps of strides 8, 16 and 32, each h×w×3×(5+C), in any order."""
    boxes, scores = [], []
    for map_, stride in zip(sorted(maps, key=lambda map_: -map_.shape[0]), STRIDES, strict=True):
        rows, columns = map_.shape[:2]
        y, x = np.mgrid[:rows, :columns]
        cells = np.stack([x, y], axis=2)[:, :, None]
        centres = (sigmoid(map_[..., :2]) + cells) * stride
        sides = np.exp(np.minimum(map_[..., 2:4], LONGEST)) * np.asarray(ANCHORS[stride], np.float32)
        boxes.append(corners(np.concatenate([centres, sides], axis=3).reshape(-1, 4)))
        scores.append((sigmoid(map_[..., 5:]) * sigmoid(map_[..., 4:5])).reshape(len(boxes[-1]), -1))
    return np.concatenate(boxes), np.concatenate(scores)


def decode_selected(boxes_N4: Floats, scores_CN: Floats, indices_K3: NDArray[np.integer]) -> Candidates:
    """YOLOv3 of the ONNX model zoo: boxes as y_min, x_min, y_max, x_max; chosen ones as (batch, class, box).

    A box that was chosen for several classes is one candidate, with all of its class probabilities.
    """
    chosen = np.unique(indices_K3[:, 2])
    return boxes_N4[chosen][:, [1, 0, 3, 2]], np.ascontiguousarray(scores_CN[:, chosen].T)


def decode_labelled(boxes_N4: Floats, scores_N: Floats, labels_N: NDArray[np.integer], classes: int) -> Candidates:
    """One score and one label for each box, as RT-DETR, D-FINE and YOLO without suppression answer.

    Raises:
        ConfigError: a label is beyond the `classes`.
    """
    if len(labels_N) and labels_N.max() >= classes:
        raise ConfigError(
            f"detectors.onnx.classes: names {classes} classes, but the network answers with class "
            f"{labels_N.max()} (from 0); name all of its classes, in its order"
        )
    return boxes_N4, np.asarray((labels_N[:, None] == np.arange(classes)) * scores_N[:, None], np.float32)


def decode_rfdetr(boxes_N4: Floats, logits_NC: Floats, height: int, width: int) -> Candidates:
    """RF-DETR: centre, width and height as shares of the input; a logit for each class."""
    return corners(boxes_N4) * np.array([width, height, width, height], np.float32), sigmoid(logits_NC)


def known_names(keep: tuple[str, ...], names: Sequence[str]) -> tuple[str, ...]:
    """`keep`, if all of it is in `names`.

    Raises:
        ValueError: it is not; for the validators of settings.
    """
    for name in keep:
        if name not in names:
            raise ValueError(f"the detector has no class '{name}'; it has: {', '.join(names)}")
    return keep


def to_regions(
    boxes: Floats,
    scores: Floats,
    names: Sequence[str],
    shape: tuple[int, ...],
    min_confidence: float,
    keep: Sequence[str] = (),
    max_overlap: float | None = None,
) -> Regions:
    """The candidates that are worth looking at, the surest first.

    Args:
        boxes: N×4 float32, x_min, y_min, x_max, y_max in pixels of the picture; may reach beyond it.
        scores: N×C float32, class probabilities.
        names: the C classes; those outside COCO become labels, but have no column in the regions' probabilities.
        shape: the picture's, H×W×3.
        min_confidence: smallest probability of a region's most probable class.
        keep: classes to keep; empty for all.
        max_overlap: intersection over union above which the less probable of two boxes of a class is dropped;
            None where the network answers without doubles.
    """
    confidence, best = scores.max(axis=1), scores.argmax(axis=1)
    likely = (confidence >= min_confidence) & (confidence > 0) & np.isfinite(boxes).all(axis=1)
    if keep:
        likely &= np.isin(np.asarray(names)[best], keep)
    index = np.flatnonzero(likely)
    index = index[np.argsort(-confidence[index], kind="stable")]
    if max_overlap is not None and len(index):
        sides = np.concatenate([boxes[index, :2], boxes[index, 2:] - boxes[index, :2]], axis=1)
        index = index[
            np.sort(cv2.dnn.NMSBoxesBatched(sides.tolist(), confidence[index], best[index], 0.0, max_overlap))
        ]
    height, width = shape[:2]
    inside = np.clip(boxes[index], 0, np.array([width, height, width, height], np.float32))
    large = (inside[:, 2] - inside[:, 0] >= 1) & (inside[:, 3] - inside[:, 1] >= 1)
    index, inside = index[large], inside[large]
    probabilities = np.zeros((len(index), len(CLASSES)), np.float32)
    for column, name in enumerate(names):
        if name in COCO:
            probabilities[:, CLASSES.index(name)] = np.clip(scores[index, column], 0, 1)
    labels = np.asarray(names, np.str_)[best[index]]
    return Regions.make(inside, "detector", labels, np.clip(confidence[index], 0, 1), probabilities)

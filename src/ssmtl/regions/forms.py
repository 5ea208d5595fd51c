"""The forms of object detectors' answers: which there are, how each is told, fed and read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.regions.decoders import (
    COCO_IDS,
    STRIDES,
    Candidates,
    Floats,
    arrange_map,
    count_cells,
    decode_labelled,
    decode_rfdetr,
    decode_selected,
    decode_yolov3,
    decode_yolov5,
    decode_yolov8,
    decode_yolox,
)

Form = Literal["yolov3", "yolov5", "yolox", "end_to_end"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a network answers to one picture.

    Attributes:
        outputs: arrays by name, floats as float32.
        height, width: of the network's input, in pixels.
        classes: how many it is said to know.
    """

    outputs: dict[str, NDArray[Any]]
    height: int
    width: int
    classes: int

    def find(self, kind: str, *shape: int | None) -> NDArray[Any] | None:
        """The first output of NumPy kind "f" or "i" and that shape, where None stands for any length."""
        for array in self.outputs.values():
            fits = [want in (None, have) for want, have in zip(shape, array.shape, strict=False)]
            if array.dtype.kind == kind and array.ndim == len(shape) and all(fits):
                return array
        return None


@dataclass(frozen=True, slots=True)
class Feed:
    """How a picture becomes a network's input.

    `place`: scaled with its aspect kept and put into the upper left corner or the centre, or stretched to the input.
    """

    place: Literal["corner", "centre", "stretch"]
    fill: int = 114
    bgr: bool = False
    divisor: float = 255.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def prepare(self, picture: NDArray[np.uint8]) -> Floats:
        """H×W×3 float32 input from an H×W×3 uint8 RGB picture of the input's size."""
        ordered = picture[..., ::-1] if self.bgr else picture
        scaled = ordered.astype(np.float32) / np.float32(self.divisor)
        mean, deviation = np.array([self.mean, self.deviation], np.float32)
        return np.asarray((scaled - mean) / deviation, np.float32)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a picture lies in a network's input: pixel x of the picture is at `left + x * scale_x`."""

    scale_x: float
    scale_y: float
    left: int = 0
    top: int = 0

    def back(self, boxes: Floats) -> Floats:
        """N×4 boxes in pixels of the picture, from pixels of the input."""
        shift = np.array([self.left, self.top] * 2, np.float32)
        return np.asarray((boxes - shift) / np.array([self.scale_x, self.scale_y] * 2), np.float32)


def place_picture(
    picture: NDArray[np.uint8], height: int, width: int, feed: Feed
) -> tuple[NDArray[np.uint8], Placement]:
    """`picture` (H×W×3) on an input of `height` × `width` pixels, as `feed` wants it, and where it lies there."""
    rows, columns = picture.shape[:2]
    if feed.place == "stretch":
        stretched = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(stretched, np.uint8), Placement(width / columns, height / rows)
    scale = min(height / rows, width / columns)
    high, wide = max(1, round(rows * scale)), max(1, round(columns * scale))
    top, left = ((height - high) // 2, (width - wide) // 2) if feed.place == "centre" else (0, 0)
    result = np.full((height, width, 3), feed.fill, np.uint8)
    result[top : top + high, left : left + wide] = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_LINEAR)
    return result, Placement(wide / columns, high / rows, left, top)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a network's answer, and how a network of that kind is fed.

    `decode` returns None where the answer is of another kind.
    """

    form: Form
    feed: Feed
    doubles: bool
    decode: Callable[[Answer], Candidates | None]


def _read_selected(answer: Answer) -> Candidates | None:
    """YOLOv3 of the ONNX model zoo. Asked with the input's own size, it answers in pixels of the input."""
    boxes, scores = answer.find("f", 1, None, 4), answer.find("f", 1, answer.classes, None)
    indices = next((a for a in answer.outputs.values() if a.dtype.kind == "i" and a.shape[-1:] == (3,)), None)
    if boxes is None or scores is None or indices is None:
        return None
    return decode_selected(boxes[0], scores[0], indices.reshape(-1, 3))


def _read_maps(answer: Answer) -> Candidates | None:
    if len(answer.outputs) != len(STRIDES):
        return None
    maps = [arrange_map(array, answer.classes) for array in answer.outputs.values()]
    fitting = [array for array in maps if array is not None]
    sizes = sorted((array.shape[:2] for array in fitting), reverse=True)
    if sizes != [(answer.height // stride, answer.width // stride) for stride in STRIDES]:
        return None
    return decode_yolov3(fitting)


def _read_labelled(answer: Answer) -> Candidates | None:
    """RT-DETR and D-FINE. Asked with the input's own size, they answer in pixels of the input."""
    boxes, scores, labels = answer.find("f", 1, None, 4), answer.find("f", 1, None), answer.find("i", 1, None)
    if boxes is None or scores is None or labels is None:
        return None
    return decode_labelled(boxes[0], scores[0], labels[0], answer.classes)


def _read_rfdetr(answer: Answer) -> Candidates | None:
    """RF-DETR, told by the names of its outputs: others of these shapes are fed otherwise."""
    boxes, logits = answer.outputs.get("dets"), answer.outputs.get("labels")
    if boxes is None or logits is None or logits.ndim != 3:
        return None
    if (logits.shape[2], answer.classes) == (COCO_IDS[-1] + 1, len(COCO_IDS)):
        logits = logits[:, :, COCO_IDS]
    if logits.shape[2] != answer.classes:
        return None
    return decode_rfdetr(boxes[0], logits[0], answer.height, answer.width)


def _read_yolox(answer: Answer) -> Candidates | None:
    rows = answer.find("f", 1, count_cells(answer.height, answer.width), 5 + answer.classes)
    return None if rows is None else decode_yolox(rows[0], answer.height, answer.width)


def _read_yolov5(answer: Answer) -> Candidates | None:
    """Three anchors a cell, on three strides, on four (the "6" networks) or on two ("tiny"), or none (YOLOv6)."""
    cells = count_cells(answer.height, answer.width)
    grids = [count_cells(answer.height, answer.width, strides) for strides in (STRIDES, (*STRIDES, 64), STRIDES[1:])]
    for count in (cells, *(3 * grid for grid in grids)):
        rows = answer.find("f", 1, count, 5 + answer.classes)
        if rows is not None:
            return decode_yolov5(rows[0])
    return None


def _read_yolov8(answer: Answer) -> Candidates | None:
    columns = answer.find("f", 1, 4 + answer.classes, None)
    return None if columns is None else decode_yolov8(columns[0])


def _read_rows(answer: Answer) -> Candidates | None:
    """YOLOv10, YOLO26: x_min, y_min, x_max, y_max in pixels of the input, score, class."""
    rows = answer.find("f", 1, None, 6)
    if rows is None:
        return None
    return decode_labelled(rows[0, :, :4], rows[0, :, 4], rows[0, :, 5].round().astype(np.int64), answer.classes)


IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

READINGS = (
    Reading("yolov3", Feed("centre", fill=128), False, _read_selected),
    Reading("yolov3", Feed("centre", fill=128), True, _read_maps),
    Reading("end_to_end", Feed("stretch"), False, _read_labelled),
    Reading("end_to_end", Feed("stretch", mean=IMAGENET[0], deviation=IMAGENET[1]), False, _read_rfdetr),
    Reading("yolox", Feed("corner", bgr=True, divisor=1.0), True, _read_yolox),
    Reading("yolov5", Feed("centre"), True, _read_yolov5),
    Reading("yolov5", Feed("centre"), True, _read_yolov8),
    Reading("end_to_end", Feed("centre"), False, _read_rows),
)
"""All forms; the first that fits is taken. YOLOX comes before YOLOv6, whose answer has the same shape."""

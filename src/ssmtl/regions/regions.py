"""The record of where to look in one frame, and the contract of everything that finds it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ssmtl.regions.classes import CLASSES, MOTION
from ssmtl.video.frame import Frame

_CLASSES = np.asarray(CLASSES)


@dataclass(frozen=True, slots=True)
class Regions:
    """N regions of one frame, as parallel arrays.

    Attributes:
        boxes: N×4 float32, `x_min, y_min, x_max, y_max` in pixels, half open.
        confidence: N float32 in [0, 1]; 1 for regions in motion.
        label: N strings: the detector's class name, or "motion".
        origin: N strings: the detector that found it ("flow", "background", "boxes", ...).
        probabilities: N×81 float32 in [0, 1], one column per class of `CLASSES`, as the detector gives them.
    """

    boxes: NDArray[np.float32]
    confidence: NDArray[np.float32]
    label: NDArray[np.str_]
    origin: NDArray[np.str_]
    probabilities: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.boxes)

    @staticmethod
    def make(
        boxes: object,
        origin: str,
        label: object = MOTION,
        confidence: object = 1.0,
        probabilities: NDArray[np.float32] | None = None,
    ) -> "Regions":
        """Regions of one origin; `boxes` is anything that reads as N×4, `label` and `confidence` one for all or N.

        Without `probabilities` a region's label has its confidence, and every other class 0.
        """
        array = np.asarray(boxes, np.float32).reshape(-1, 4)
        n = len(array)
        labels, confidences = np.asarray(label, np.str_), np.asarray(confidence, np.float32)
        if probabilities is None:
            # One row for one label, N for N.
            chosen = (labels[..., None] == _CLASSES).astype(np.float32)
            probabilities = chosen * np.full((n, 1), confidences.reshape(-1, 1))
        return Regions(array, np.full(n, confidences), np.full(n, labels), np.full(n, origin), probabilities)

    @staticmethod
    def join(parts: "list[Regions]") -> "Regions":
        """All regions of `parts`, in order."""
        parts = [part for part in parts if len(part)]
        if len(parts) < 2:
            return parts[0] if parts else Regions.make([], "")
        return Regions(
            np.concatenate([p.boxes for p in parts]),
            np.concatenate([p.confidence for p in parts]),
            np.concatenate([p.label for p in parts]),
            np.concatenate([p.origin for p in parts]),
            np.concatenate([p.probabilities for p in parts]),
        )

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> "Regions":
        """The regions that `index` (positions or a mask) picks."""
        return Regions(
            self.boxes[index],
            self.confidence[index],
            self.label[index],
            self.origin[index],
            self.probabilities[index],
        )


def common_areas(
    boxes_N4: NDArray[np.float32], others_M4: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """N×M areas in common of half-open boxes, and the areas N and M of either."""
    low = np.maximum(boxes_N4[:, None, :2], others_M4[None, :, :2])
    high = np.minimum(boxes_N4[:, None, 2:], others_M4[None, :, 2:])
    area_N, area_M = ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (boxes_N4, others_M4))
    return np.clip(high - low, 0, None).prod(axis=2), area_N, area_M


def overlaps(boxes_N4: NDArray[np.float32], others_M4: NDArray[np.float32]) -> NDArray[np.float32]:
    """N×M intersection over union of half-open boxes."""
    common_NM, area_N, area_M = common_areas(boxes_N4, others_M4)
    return np.asarray(common_NM / (area_N[:, None] + area_M[None] - common_NM), np.float32)


TOUCHING = 0.1
"""Share of a box's height within which another box touches it."""


def apart(boxes_N4: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of a frame's N boxes no other one touches: what those show is neither hidden by another nor cut off from
    it."""
    near_N1 = TOUCHING * (boxes_N4[:, 3] - boxes_N4[:, 1])[:, None]
    common_NN = common_areas(boxes_N4 + near_N1 * np.array([-1, -1, 1, 1], np.float32), boxes_N4)[0]
    return np.count_nonzero(common_NN, axis=1) == 1


class RegionDetector(Protocol):
    """Finds regions in frames that are given in order; may remember earlier frames."""

    def detect(self, frame: Frame, known: Regions) -> Regions:
        """Regions of `frame` beyond those already `known`, whose boxes a motion detector blacks out."""
        ...

    def reset(self) -> None:
        """Forget all earlier frames: the next one is the first of another clip."""
        ...

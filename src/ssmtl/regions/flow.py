"""Regions by dense optical flow (SSMTL++, section 3.2)."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ssmtl.regions.components import ComponentSettings, black_out, component_boxes
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene, grey
from ssmtl.video.frame import Frame

PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


LEAST_SIDE = 32
"""Pixels: OpenCV's DIS flow crashes on pictures that are lower or narrower."""


class FlowSettings(ComponentSettings):
    """A pixel moves when its flow is longer than `min_magnitude` pixels per frame, at the footage's own size."""

    kind: Literal["flow"] = "flow"
    preset: Literal["ultrafast", "fast", "medium"] = "fast"
    min_magnitude: float = Field(1.0, gt=0, description="pixels per frame")
    max_known: float = Field(
        0.2, ge=0, le=1, description="share of a component within known boxes above which it is their blurred edge"
    )


class Flow:
    """Dense inverse search flow from each frame back to the one before it, as a region detector."""

    def __init__(self, settings: FlowSettings, scene: Scene | None = None):
        self.settings = settings
        self.scene = scene
        self._flow = cv2.DISOpticalFlow.create(PRESETS[settings.preset])
        self.reset()

    def reset(self) -> None:
        """Forget the frame before."""
        self._before: NDArray[np.uint8] | None = None

    def detect(self, frame: Frame, known: Regions) -> Regions:
        """Regions that move, outside the boxes of `known`; none in the first frame."""
        now, before = grey(frame.image), self._before
        self._before = now
        if before is None or before.shape != now.shape or min(now.shape) < LEAST_SIDE:
            return Regions.make([], "flow")
        flow = np.asarray(self._flow.calc(now, before, np.zeros((*now.shape, 2), np.float32)))
        mask = (cv2.magnitude(flow[..., 0], flow[..., 1]) > self.settings.min_magnitude).astype(np.uint8)
        self._drop_known(mask, known)
        scene = self.scene if self.scene and self.scene.background.shape == mask.shape else None
        return Regions.make(component_boxes(mask, self.settings, scene), "flow")

    def _drop_known(self, mask: NDArray[np.uint8], known: Regions) -> None:
        """Black out known boxes and, since flow spreads beyond what moves, all that hangs together with them."""
        if not len(known):
            return
        count, labels = cv2.connectedComponents(mask, connectivity=8)
        left = mask.copy()
        black_out(left, known)
        whole = np.bincount(labels.ravel(), minlength=count)
        outside = np.bincount(labels.ravel(), weights=left.ravel(), minlength=count)
        edge = outside < (1 - self.settings.max_known) * whole
        mask[...] = np.where(edge[labels], 0, left)

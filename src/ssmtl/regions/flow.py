"""Regions by dense optical flow (SSMTL++, section 3.2)."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ssmtl.regions.components import ComponentSettings, black_out, component_boxes, picture_scale
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene, grey
from ssmtl.video.frame import Frame

PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


class FlowSettings(ComponentSettings):
    """A pixel moves when its flow is longer than `min_magnitude` pixels per frame, at the footage's own size."""

    kind: Literal["flow"] = "flow"
    preset: Literal["ultrafast", "fast", "medium"] = "fast"
    min_magnitude: float = Field(1.0, gt=0, description="pixels per frame")
    margin: float = Field(6.0, ge=0, description="pixels at 360x640 by which known boxes grow: flow is blurred")


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
        if before is None or before.shape != now.shape or min(now.shape) < 16:
            return Regions.make([], "flow")
        flow = np.asarray(self._flow.calc(now, before, np.zeros((*now.shape, 2), np.float32)))
        mask = (cv2.magnitude(flow[..., 0], flow[..., 1]) > self.settings.min_magnitude).astype(np.uint8)
        margin = self.settings.margin * picture_scale(mask.shape)
        grown = known.boxes + np.array([-margin, -margin, margin, margin], np.float32)
        black_out(mask, Regions.make(grown, "known"))
        scene = self.scene if self.scene and self.scene.background.shape == mask.shape else None
        return Regions.make(component_boxes(mask, self.settings, scene), "flow")

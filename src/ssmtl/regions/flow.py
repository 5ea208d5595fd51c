"""Regions by dense optical flow (SSMTL++, section 3.2)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.regions.components import (
    OPENING,
    ComponentSettings,
    Runs,
    black_out,
    component_boxes,
    moving_part,
    picture_scale,
)
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene, grey
from ssmtl.regions.torchvision import pick_device, share_torchvision
from ssmtl.video.frame import Frame

PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


LEAST_SIDE = 32
"""Pixels: OpenCV's DIS flow crashes on pictures that are lower or narrower, and flow says little there."""

LEAST_CHANGED = 0.3
"""Share of a region's least area that changes where something moves that flow would make a region of."""

BLURRED_EDGE = 4.0
"""Pixels at 360x640 by which a known thing's change reaches beyond its box."""

LEAST_RAFT_SIDE = 128
"""Pixels: RAFT's pyramid wants as many, and multiples of 8."""

FlowMethod = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float32]]
"""From two H×W×3 RGB pictures to H×W×2, x and y: where in the second picture a pixel of the first one is."""


class FlowSettings(ComponentSettings):
    """A pixel moves when its flow is longer than `min_magnitude` pixels per frame, at the footage's own size.

    "dis", dense inverse search, takes milliseconds on a CPU; "raft", by torchvision, is more accurate and wants a GPU.
    """

    kind: Literal["flow"] = "flow"
    method: Literal["dis", "raft"] = "dis"
    preset: Literal["ultrafast", "fast", "medium"] = Field("fast", description="of dis")
    model: Literal["raft_large", "raft_small"] = Field("raft_large", description="of raft")
    weights: Literal["published"] | Path = Field("published", description="of raft; published ones are downloaded once")
    min_magnitude: float = Field(1.0, gt=0, description="pixels per frame")
    min_change: float = Field(
        8.0,
        ge=0,
        description="grey levels; where too little outside known boxes changed by more, nothing moves; 0: ask flow",
    )
    max_known: float = Field(
        0.2, ge=0, le=1, description="share of a component within known boxes above which it is their blurred edge"
    )

    @property
    def files(self) -> list[Path]:
        """The files that the detector reads."""
        return [self.weights] if self.method == "raft" and isinstance(self.weights, Path) else []


class Flow:
    """Dense flow from each frame back to the one before it, as a region detector.

    Args:
        settings: the method, and what counts as motion.
        scene: tells how large things are.
        flow: used in place of the method that the settings name.

    Raises:
        ConfigError: RAFT is asked for and torchvision is not installed.
        ModelError: RAFT's weights cannot be had, or are of another network.
    """

    def __init__(self, settings: FlowSettings, scene: Scene | None = None, flow: FlowMethod | None = None):
        self.settings = settings
        self.scene = scene
        # Memory for the flow's x and y, the same for every frame: new memory costs more than the splitting.
        self._planes: Sequence[cv2.typing.MatLike] | None = None
        self._flow = flow or (raft(settings) if settings.method == "raft" else dense_inverse_search(settings.preset))
        self.reset()

    def reset(self) -> None:
        """Forget the frame before."""
        self._before: NDArray[np.uint8] | None = None

    def detect(self, frame: Frame, known: Regions) -> Regions:
        """Regions that move, outside the boxes of `known`; none in the first frame."""
        now, before = frame.image, self._before
        self._before = now
        if before is None or before.shape != now.shape or min(now.shape[:2]) < LEAST_SIDE:
            return Regions.make([], "flow")
        if not self._changed(now, before, known):
            return Regions.make([], "flow")
        flow = self._flow(now, before)
        self._planes = planes = cv2.split(flow, self._planes)
        mask = (cv2.magnitude(planes[0], planes[1]) > self.settings.min_magnitude).view(np.uint8)
        self._drop_known(mask, known)
        scene = self.scene if self.scene and self.scene.background.shape == mask.shape else None
        return Regions.make(component_boxes(mask, self.settings, scene), "flow")

    def _changed(self, now: NDArray[np.uint8], before: NDArray[np.uint8], known: Regions) -> bool:
        """Whether enough changed outside known boxes for flow, most of what regions cost, to be worth its time."""
        if not self.settings.min_change:
            return True
        changed = (cv2.absdiff(grey(now), grey(before)) > self.settings.min_change).view(np.uint8)
        # Single pixels are noise.
        changed = cv2.morphologyEx(changed, cv2.MORPH_OPEN, OPENING).view(np.uint8)
        scale = picture_scale(changed.shape)
        edge = BLURRED_EDGE * scale * np.array([-1, -1, 1, 1], np.float32)
        black_out(changed, Regions.make(known.boxes + edge, "known"))
        return cv2.countNonZero(changed) > LEAST_CHANGED * self.settings.min_area * scale**2

    def _drop_known(self, mask: NDArray[np.uint8], known: Regions) -> None:
        """Black out known boxes and, since flow spreads beyond what moves, all that hangs together with them."""
        if not len(known):
            return
        part = mask[moving_part(mask)]
        if not part.size:
            return
        count, labels = cv2.connectedComponents(part, connectivity=8)
        whole = Runs.of(part)
        black_out(mask, known)
        left = Runs.of(part)
        numbers = left.numbers(labels)
        area = whole.areas(whole.numbers(labels), count)
        stays = left.areas(numbers, count) >= (1 - self.settings.max_known) * area
        # Little is left of most frames' flow: painting that anew is faster than looking up what every pixel belongs to.
        part[:] = 0
        for i in np.flatnonzero(stays[numbers]).tolist():
            part[left.y[i], left.start[i] : left.end[i]] = 1


def dense_inverse_search(preset: str) -> FlowMethod:
    """OpenCV's DIS flow between the grey pictures."""
    search = cv2.DISOpticalFlow.create(PRESETS[preset])

    def flow(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> NDArray[np.float32]:
        start = np.zeros((*now.shape[:2], 2), np.float32)
        return np.asarray(search.calc(grey(now), grey(before), start), np.float32)

    return flow


def raft(settings: FlowSettings) -> FlowMethod:
    """RAFT with the weights that the settings name, on a GPU where there is one.

    Raises:
        ConfigError, ModelError: as `load_torchvision`.
    """
    device = pick_device("auto", "detectors.flow")
    return raft_flow(share_torchvision(settings.model, settings.weights, "detectors.flow.weights", str(device)))


def raft_flow(network: nn.Module) -> FlowMethod:
    """Flow by a network of torchvision's RAFT, at the pictures' own size."""
    device = next(network.parameters()).device

    def flow(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = now.shape[:2]
        with torch.inference_mode():
            estimates = network(_to_raft(now, device), _to_raft(before, device))
        return np.asarray(estimates[-1][0, :, :height, :width].permute(1, 2, 0).cpu().numpy(), np.float32)

    return flow


def _to_raft(picture: NDArray[np.uint8], device: torch.device) -> Tensor:
    """1×3×H×W in [-1, 1]; the last row and column are repeated up to a size that RAFT takes."""
    x_BCHW = torch.from_numpy(np.ascontiguousarray(picture)).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1
    below, right = (max(LEAST_RAFT_SIDE, -(-side // 8) * 8) - side for side in picture.shape[:2])
    return functional.pad(x_BCHW, (0, right, 0, below), mode="replicate")

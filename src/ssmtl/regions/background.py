"""Regions by background subtraction (SSMTL++, section 3.2)."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ssmtl.regions.components import OPENING, ComponentSettings, black_out, component_boxes, moving_part, picture_scale
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import DIFFERENT_SCENE, Scene, grey
from ssmtl.video.frame import Frame


class BackgroundSettings(ComponentSettings):
    """Grey difference to a background that follows the scene. Threshold, rates and kernels are our choice."""

    kind: Literal["background"] = "background"
    threshold: float = Field(16.0, gt=0, lt=255, description="grey levels")
    rate: float = Field(0.02, ge=0, le=1, description="how fast the background follows, per frame")
    rate_inside: float = Field(0.002, ge=0, le=1, description="the same where something moves")
    warm_up: int = Field(25, ge=1, description="frames averaged at first, where `fit` learnt no background")
    closing_width: float = Field(4.5, ge=1, description="pixels at 360x640")
    closing_height: float = Field(11.0, ge=1, description="pixels at 360x640: people are upright")


class Background:
    """Background subtraction as a region detector.

    It starts from the scene's background where there is one of this size that shows the same place, else from the
    mean of the clip's first frames. A picture that differs in most pixels (lights, another view) starts it anew.
    """

    def __init__(self, settings: BackgroundSettings, scene: Scene | None = None):
        self.settings = settings
        self.scene = scene
        self.reset()

    def reset(self) -> None:
        """Forget the clip; the scene stays."""
        self._background: NDArray[np.float32] | None = None
        self._seen = 0

    def detect(self, frame: Frame, known: Regions) -> Regions:
        """Regions that differ from the background, outside the boxes of `known`."""
        picture = cv2.GaussianBlur(grey(frame.image), (3, 3), 0).astype(np.float32)
        if self._background is None:
            self._start(picture)
        assert self._background is not None
        if self._background.shape != picture.shape:
            self.reset()
            self._start(picture)
        mask = self.mask(picture)
        if cv2.countNonZero(mask) / mask.size > DIFFERENT_SCENE:
            self._background, self._seen = picture.copy(), 0
            mask[:] = 0
        self._follow(picture, mask)
        black_out(mask, known)
        mask = self._close(mask)
        black_out(mask, known)
        scene = self.scene if self.scene and self.scene.background.shape == mask.shape else None
        return Regions.make(component_boxes(mask, self.settings, scene), "background")

    def _start(self, picture: NDArray[np.float32]) -> None:
        self._background, self._seen = picture.copy(), 0
        if self.scene is not None and self.scene.background.shape == picture.shape:
            self._background = cv2.GaussianBlur(self.scene.background, (3, 3), 0).astype(np.float32)
            if cv2.countNonZero(self.mask(picture)) / picture.size <= DIFFERENT_SCENE:
                self._seen = self.settings.warm_up
            else:
                self._background = picture.copy()

    def mask(self, picture: NDArray[np.float32]) -> NDArray[np.uint8]:
        """H×W mask, 1 where the picture differs from the background by more than the threshold."""
        assert self._background is not None
        difference = picture - self._background
        # The exposure follows what walks through the picture: its shift of the whole is no motion.
        difference -= _median(difference[::4, ::4])
        mask = (np.abs(difference, out=difference) > self.settings.threshold).view(np.uint8)
        return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, OPENING), np.uint8)

    def _follow(self, picture: NDArray[np.float32], mask: NDArray[np.uint8]) -> None:
        assert self._background is not None
        self._seen += 1
        if self._seen <= self.settings.warm_up:
            cv2.accumulateWeighted(picture, self._background, 1 / self._seen)
            return
        cv2.accumulateWeighted(picture, self._background, self.settings.rate_inside)
        cv2.accumulateWeighted(picture, self._background, self.settings.rate, mask=1 - mask)

    def _close(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        scale = picture_scale(mask.shape)
        size = [max(1, round(side * scale)) for side in (self.settings.closing_width, self.settings.closing_height)]
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size)
        # Closing adds nothing beyond the box of all that moves, and looks no further than the kernel reaches.
        part = mask[moving_part(mask, (size[0], size[1]))]
        if part.size:
            part[:] = cv2.morphologyEx(part, cv2.MORPH_CLOSE, kernel)
        return mask


def _median(values: NDArray[np.float32]) -> np.float32:
    """The median of finite values; `np.median` looks for NaN as well, which takes longer than this."""
    low, high = (values.size - 1) // 2, values.size // 2
    ordered = np.partition(values, (low, high), axis=None)
    return ordered[low : high + 1].mean()

"""The camera: what it sees of the ground, and its sensor.

The ground is in pixels as seen at mid depth.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.street.config import StreetConfig

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole over level ground; at scale 1 (mid depth) a unit of the ground is one pixel."""

    focal: float
    centre: float
    horizon: float
    elevation: float
    near: float
    far: float

    def see(self, x: float, z: float) -> tuple[float, float, float]:
        """Picture position and scale of the ground point `x` to the right and `z` away."""
        scale = self.focal / z
        return self.centre + x * scale, self.horizon + self.elevation * scale, scale


def place_camera(config: StreetConfig) -> Camera:
    """The camera that leaves the strip of ground where people walk in the lower part of the picture."""
    far, near, top, bottom = (0.82, 1.2, 0.62, 0.84) if config.camera == "side" else (0.6, 1.4, 0.42, 0.92)
    elevation = (bottom - top) * config.height / (near - far)
    horizon = top * config.height - far * elevation
    return Camera(float(config.width), config.width / 2, horizon, elevation, near, far)


def exposure(config: StreetConfig, rng: np.random.Generator) -> Callable[[Image, float], Image]:
    """A function that makes the sensor's picture of a scene: drifting illumination, colour or grey, noise."""
    h, w = config.height, config.width
    # Frames cut their noise from one large sheet at random places: much faster than noise made anew.
    sheet = rng.normal(128, 32, (2 * h, 2 * w, 3 if config.colour else 1))
    sheet = np.repeat(sheet, 1 if config.colour else 3, 2).clip(0, 255).astype(np.uint8)
    periods, phases = rng.uniform(15, 60, 2), rng.uniform(0, 2 * pi, 2)

    def expose(image: Image, time: float) -> Image:
        scene: Any = image
        if not config.colour:
            scene = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        gain = 1 + config.drift / 2 * float(np.sin(2 * pi * time / periods + phases).sum())
        top, left = rng.integers(h), rng.integers(w)
        grain = sheet[top : top + h, left : left + w]
        return np.asarray(cv2.addWeighted(scene, gain, grain, config.noise / 32, -128 * config.noise / 32), np.uint8)

    return expose

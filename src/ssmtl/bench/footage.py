"""Generated footage with a known number of moving things: a speed must not depend on who filmed what."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.regions.scene import Scene
from ssmtl.video.frame import Frame
from ssmtl.video.writer import VideoWriter

RATE = 25.0
SPEED = 3.0
"""Pixels per frame, to the left in every second lane."""

PER_LANE = 10
LEAST_AREA = 380
"""Pixels."""

NOISE = 2.0
"""Standard deviation of the sensor's noise, in grey levels."""


class Walkers:
    """`objects` upright things on a textured ground, in lanes, each always at least partly in the picture.

    A frame source without an end of its own but `frames`: iterate it again for the same pictures.
    """

    def __init__(self, frames: int, objects: int, height: int = 360, width: int = 640):
        self.name = f"walkers-{objects}"
        self.rate = RATE
        self.expected_frames: int | None = frames
        self.undecodable = 0
        self._frames = frames
        chance = np.random.default_rng(0)
        ground = cv2.resize(chance.uniform(60, 150, (height // 12, width // 12)).astype(np.float32), (width, height))
        self._ground = np.repeat(ground[..., None], 3, axis=2) + chance.normal(0, 6, (height, width, 3))
        self._noise = chance.normal(0, NOISE, (8, height, width, 3)).astype(np.float32)
        lanes = max(1, -(-objects // PER_LANE))
        per_lane = np.full(lanes, objects // lanes)
        per_lane[: objects % lanes] += 1
        tall = max(10, int(min(0.6 * height / lanes, height / 5)))
        # Upright, but no smaller than what the detectors take for a thing.
        self._size = tall, max(int(0.42 * tall), -(-LEAST_AREA // tall))
        tall, wide = self._size
        tile = np.ones((tall // 5 + 1, wide // 2 + 1, 1))
        self._things = [
            (lane, (place + 0.37 * lane % 1) / n, np.kron(chance.uniform(0, 255, (5, 2, 3)), tile))
            for lane, n in enumerate(per_lane)
            for place in range(n)
        ]
        self._lanes = lanes

    @property
    def scene(self) -> Scene:
        """What `fit` would learn of it: the ground."""
        rgb = np.clip(self._ground, 0, 255).astype(np.uint8)
        return Scene(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8))

    def picture(self, index: int) -> NDArray[np.uint8]:
        """H×W×3 RGB."""
        image = self._ground + self._noise[index % len(self._noise)]
        height, width = image.shape[:2]
        tall, wide = self._size
        for lane, start, look in self._things:
            along = (start * (width + wide) + SPEED * index) % (width + wide)
            left = int(along) - wide if lane % 2 == 0 else width - int(along)
            top = int((lane + 0.5) * height / self._lanes - tall / 2)
            low, high = max(left, 0), min(left + wide, width)
            if high > low:
                image[top : top + tall, low:high] = look[:tall, low - left : high - left]
        return np.clip(image, 0, 255).astype(np.uint8)

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self._frames):
            yield Frame(index, index / RATE, self.picture(index))


def write_footage(path: Path, walkers: Walkers) -> Path:
    """The same as an H.264 file."""
    height, width = walkers.picture(0).shape[:2]
    with VideoWriter(path, width, height, RATE) as writer:
        for frame in walkers:
            writer.write(frame.image, frame.time_s)
    return path

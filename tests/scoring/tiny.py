"""A small untrained model and regions known beforehand: all that scoring needs, without training."""

from typing import Any

import numpy as np
import torch

from ssmtl.model import Model, build_network
from ssmtl.recipes import configure
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene
from ssmtl.regions.union import Union
from ssmtl.scoring.score import TaskScale
from ssmtl.video.frame import Frame


def make_model(scene: Scene | None = None, picture_channels: int = 1, **scoring: Any) -> Model:
    """An untrained network, the same every time; it scores every frame, but for what `scoring` changes."""
    configuration = configure("fast", {"scoring": {"every": 1} | scoring})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(configuration, picture_channels).eval()
    scales = {"arrow_of_time": TaskScale(0.4, 0.6), "motion_irregularity": TaskScale(0.45, 0.5)}
    scales["middle_box"] = TaskScale(0.2, 0.3)
    return Model(configuration, network, picture_channels, scene, scales, {"epochs": 0})


class Known:
    """A detector that knows the boxes of each frame beforehand."""

    def __init__(self, boxes: dict[int, list[tuple[float, ...]]]):
        self.boxes = boxes

    def detect(self, frame: Frame, known: Regions) -> Regions:
        return Regions.make(self.boxes.get(frame.index, []), "known")

    def reset(self) -> None:
        pass


def detector(boxes: dict[int, list[tuple[float, ...]]]) -> Union:
    return Union([Known(boxes)])


def frames(count: int, height: int = 48, width: int = 64) -> list[Frame]:
    """Noise, so that every box of every frame gets a score of its own."""
    rng = np.random.default_rng(0)
    return [Frame(i, i / 25, rng.integers(0, 256, (height, width, 3), np.uint8)) for i in range(count)]

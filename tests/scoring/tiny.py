"""A small untrained model and regions known beforehand: all that scoring needs, without training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ssmtl.model import Model, build_network
from ssmtl.recipes import configure
from ssmtl.regions.classes import MOTION
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene
from ssmtl.regions.union import Union
from ssmtl.scoring.score import TaskScale
from ssmtl.video.frame import Frame


def make_model(
    scene: Scene | None = None,
    picture_channels: int = 1,
    tasks: Sequence[dict[str, Any] | str] = (),
    backbone: dict[str, Any] | None = None,
    **scoring: Any,
) -> Model:
    """An untrained network, the same every time; it scores every frame and follows no tracks, but for what
    `scoring` changes.

    `tasks` are kinds or settings of other tasks than those of the recipe, `backbone` changes to its settings.
    """
    changes: dict[str, Any] = {"scoring": {"every": 1, "track_frames": 1} | scoring, "backbone": backbone or {}}
    if tasks:
        changes["tasks"] = [{"kind": task} if isinstance(task, str) else task for task in tasks]
    configuration = configure("fast", changes)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(configuration, picture_channels).eval()
    scales: dict[str, TaskScale] = {task.kind: TaskScale(0.4, 0.6) for task in configuration.scoring_tasks}
    scales |= {"motion_irregularity": TaskScale(0.45, 0.5), "middle_box": TaskScale(0.2, 0.3)}
    return Model(configuration, network, picture_channels, scene, scales, {"epochs": 0})


class Known:
    """A detector that knows the boxes of each frame beforehand, and is rather sure of their class."""

    def __init__(self, boxes: dict[int, list[tuple[float, ...]]], label: str):
        self.boxes = boxes
        self.label = label

    def detect(self, frame: Frame, known: Regions) -> Regions:
        return Regions.make(self.boxes.get(frame.index, []), "known", self.label, 0.9)

    def reset(self) -> None:
        pass


def detector(boxes: dict[int, list[tuple[float, ...]]], label: str = MOTION) -> Union:
    return Union([Known(boxes, label)])


def frames(count: int, height: int = 48, width: int = 64) -> list[Frame]:
    """Noise, so that every box of every frame gets a score of its own."""
    rng = np.random.default_rng(0)
    return [Frame(i, i / 25, rng.integers(0, 256, (height, width, 3), np.uint8)) for i in range(count)]

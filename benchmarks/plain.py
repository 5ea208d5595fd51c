"""The pipeline that one would write first, to compare with: every frame, one object at a time, one thread of control.

Eager PyTorch in float32 on the model's own layers, Farneback flow, nothing overlapping. Passes are shared between the
tasks of one view, as the papers have it.
"""

from collections import deque
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ssmtl.model import Model
from ssmtl.regions.background import Background
from ssmtl.regions.flow import Flow
from ssmtl.regions.scene import grey
from ssmtl.regions.union import Union
from ssmtl.results import ResultWriter
from ssmtl.scoring.cutting import Sequences
from ssmtl.scoring.score import calibrate
from ssmtl.scoring.smoothing import Painted, paint, smooth
from ssmtl.scoring.stream import FrameResult
from ssmtl.sequences.crop import crop, prepare_picture
from ssmtl.tasks.task import FRAMES, REACH, View
from ssmtl.video.sources import Clip, open_source


def farneback(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> NDArray[np.float32]:
    """OpenCV's dense flow of its documentation's example."""
    return np.asarray(cv2.calcOpticalFlowFarneback(grey(now), grey(before), None, 0.5, 3, 15, 3, 5, 1.2, 0), np.float32)


def plain_layout(network: nn.Module) -> nn.Module:
    """The network with its weights laid out as PyTorch does by itself."""
    for weight in network.parameters():
        weight.data = weight.data.contiguous()
    return network


def score_one(model: Model, network: nn.Module, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Raw scores of one sequence, 1×K; of tasks with a view, which T1 to T4 have."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).float() / 255
    outputs: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        for view in View:
            kinds = [task.kind for task in model.tasks if view in task.views]
            if kinds:
                for kind, out in zip(kinds, network(view.take(x).contiguous(), kinds), strict=True):
                    outputs[kind] = torch.cat([outputs[kind], out], dim=1) if kind in outputs else out
        return torch.stack([task.score(outputs[task.kind], x, {}) for task in model.tasks], dim=1).numpy()


def run_plain(clip: Clip, model: Model, folder: Path) -> int:
    """Score a clip and write its CSV files; the number of frames."""
    network = plain_layout(model.network)
    kinds = [task.kind for task in model.tasks]
    parts = {part.kind: part for part in model.configuration.detectors}
    detector = Union([Background(parts["background"], model.scene), Flow(parts["flow"], model.scene, farneback)])

    def painted():
        window = deque(maxlen=FRAMES)
        for frame in open_source(clip):
            window.append((frame, detector.detect(frame), prepare_picture(frame.image, model.picture_channels)))
            if len(window) < FRAMES:
                continue
            middle, regions, _ = window[REACH]
            rows = []
            for box in regions.boxes:
                pictures = crop([seen[2] for seen in window], box[None], model.configuration.sequences.padding)
                rows.append(calibrate(score_one(model, network, pictures), kinds, model.scales))
            scores = np.concatenate(rows) if rows else np.zeros((0, len(kinds)), np.float32)
            objects = scores.mean(axis=1)
            nothing = Sequences(np.arange(0), np.zeros((0, 1, FRAMES, 64, 64), np.uint8), {})
            result = FrameResult(middle, regions, scores, objects, True, nothing)
            yield Painted(result, paint(regions.boxes, objects, *middle.image.shape[:2]))

    count = 0
    with ResultWriter(folder, kinds) as writer:
        for result, _ in smooth(painted(), model.configuration.scoring):
            writer.write(result)
            count += 1
    return count

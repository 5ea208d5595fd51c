"""A result scored by another mean of its tasks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ssmtl.datasets.dataset import Dataset
from ssmtl.metrics.frames import FrameMeasures, measure_frames
from ssmtl.model import Model
from ssmtl.results import read_objects, read_scores
from ssmtl.scoring.smoothing import Painted, paint, smooth
from ssmtl.video.sources import first_frame_size


def from_objects(
    data: Dataset, result: Path, model: Model, column: Callable[[np.ndarray], np.ndarray]
) -> FrameMeasures:
    """Measures when the object's score is `column` of its task scores, all else alike."""
    labels, scores = [], []
    for clip in data.test_clips():
        frames = len(read_scores(result / clip.name).scores)
        objects = read_objects(result / clip.name)
        values = column(objects.task_scores).astype(np.float32)
        size = first_frame_size(clip)
        maps = (
            Painted(
                i,
                paint(objects.boxes[objects.frames == i].astype(np.float32), values[objects.frames == i], *size)
                if 3 <= i < frames - 3
                else None,
            )
            for i in range(frames)
        )
        scores.append([score for _, score in smooth(maps, model.configuration.scoring)])
        labels.append(data.frame_labels(clip, frames))
    return measure_frames(labels, scores)

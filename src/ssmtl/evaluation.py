"""`ssmtl evaluate`: how good scores are on a data set with ground truth."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ssmtl.datasets.dataset import Dataset
from ssmtl.errors import DataError
from ssmtl.metrics.frames import FrameMeasures, measure_frames
from ssmtl.results import read_scores, read_summary


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measures of the scores in one result folder, and the settings that made them.

    Attributes:
        dataset: its name.
        clips: names of the test clips, in the order of `frames.per_video`.
        frames: the frame-level measures.
        settings: the configuration that scored the clips; empty for scores of another program.
    """

    dataset: str
    clips: list[str]
    frames: FrameMeasures
    settings: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values; undefined areas are None."""
        values = asdict(self)
        values["frames"] = {
            key: None if value != value else value for key, value in values["frames"].items() if key != "per_video"
        }
        areas = self.frames.per_video
        values["clips"] = {name: None if v != v else v for name, v in zip(self.clips, areas, strict=True)}
        return values


def evaluate(dataset: Dataset, scores: Path) -> Evaluation:
    """Compare `scores/<clip>/scores.csv` with the ground truth of every test clip of `dataset`.

    Raises:
        DataError: a clip's scores or ground truth are missing or malformed, or their lengths differ.
    """
    labels, values, names = [], [], []
    for clip in dataset.test_clips():
        found = read_scores(Path(scores) / clip.name).scores
        truth = dataset.frame_labels(clip, len(found))
        if len(truth) != len(found):
            raise DataError(f"{scores}/{clip.name}: {len(found)} scores for {len(truth)} frames; score the whole clip")
        labels.append(truth)
        values.append(found)
        names.append(clip.name)
    return Evaluation(
        dataset.name, names, measure_frames(labels, values), read_summary(scores).get("configuration", {})
    )

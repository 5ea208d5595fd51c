"""`ssmtl evaluate`: how good scores are on a data set with ground truth."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ssmtl.datasets.dataset import Dataset
from ssmtl.errors import DataError
from ssmtl.metrics.frames import FrameMeasures, measure_frames
from ssmtl.results import SUMMARY, read_scores, read_summary


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


def evaluate(dataset: Dataset, scores: Path | str) -> Evaluation:
    """Compare `scores/<clip>/scores.csv` with the ground truth of every test clip of `dataset`.

    Raises:
        DataError: a clip's scores or ground truth are missing or malformed, or their lengths differ.
    """
    scores = Path(scores)
    summary = read_summary(scores)
    labels, values, names = [], [], []
    for clip in dataset.test_clips():
        if summary:
            _check(summary, scores, clip.name)
        found = read_scores(scores / clip.name).scores
        truth = dataset.frame_labels(clip, len(found))
        if len(truth) != len(found):
            raise DataError(f"{scores}/{clip.name}: {len(found)} scores for {len(truth)} frames; score the whole clip")
        labels.append(truth)
        values.append(found)
        names.append(clip.name)
    return Evaluation(dataset.name, names, measure_frames(labels, values), summary.get("configuration", {}))


def _check(summary: dict[str, Any], scores: Path, name: str) -> None:
    """Refuse scores that are not of the whole clip, or not of this run: their frames are not those of the labels."""
    facts = summary.get("clips", {}).get(name)
    if facts is None:
        why = summary.get("failed", {}).get(name, "it was not scored")
        raise DataError(f"{scores / name}: not among the clips of {SUMMARY} ({why}); score it with `ssmtl detect`")
    if facts.get("start") or facts.get("stop") is not None:
        raise DataError(f"{scores / name}: holds a part of the clip only; score all of it, without --frames")
    if facts.get("undecodable"):
        raise DataError(
            f"{scores / name}: {facts['undecodable']} pictures of {facts['source']} could not be read, so frames "
            "and labels do not match; mend the footage"
        )

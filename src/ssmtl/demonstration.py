"""`ssmtl demo`: a generated street, learnt and searched in minutes, to see all of it work without any footage."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssmtl.atomic import claim_output
from ssmtl.datasets.own import OwnDataset
from ssmtl.datasets.street import StreetConfig, write_street
from ssmtl.detection import detect
from ssmtl.evaluation import Evaluation, evaluate
from ssmtl.fitting import fit
from ssmtl.progress import Progress, Silent
from ssmtl.recipes import Configuration, configure
from ssmtl.result_page import review
from ssmtl.results import read_scores

TRAIN_CLIPS, TRAIN_FRAMES = 10, 150
TEST_CLIPS, TEST_FRAMES = 5, 200


@dataclass(frozen=True, slots=True)
class Found:
    """One test clip of the demonstration: what happened in it, and whether its highest score fell on that."""

    clip: str
    kind: str
    hit: bool
    peak: float
    peak_time_s: float


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the demonstration came to."""

    evaluation: Evaluation
    found: list[Found]
    report: Path


def demo_configuration() -> Configuration:
    """The recipe `fast` on few sequences, in small batches: more steps for the same price."""
    return configure("fast", {"sequences": {"max_sequences": 2000}, "train": {"batch_size": 16, "min_steps": 200}})


def demo(
    out: Path,
    *,
    configuration: Configuration | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Demonstration:
    """Make a street, train on its ordinary walkers, search other clips of it, and write a report.

    Args:
        out: folder for the footage, the model, the results and `report.html`.
        configuration: settings; `demo_configuration()` by default.
        overwrite: replace what an earlier demonstration left in `out`.
        progress: shows the stages.

    Raises:
        OutputError: `out` is taken or cannot be written.
    """
    progress = progress or Silent()
    out = Path(out)
    claim_output(out, overwrite)
    root = out / "street"
    if not (root / "abnormal.csv").is_file():
        frames = TRAIN_CLIPS * TRAIN_FRAMES + TEST_CLIPS * TEST_FRAMES
        step = progress.stage("drawing a street", frames)
        write_street(
            root, StreetConfig(), 0, TRAIN_CLIPS, TRAIN_FRAMES, TEST_CLIPS, TEST_FRAMES, lambda done, total: step()
        )
    street = OwnDataset(root)
    model = fit(
        street.train_clips(),
        out / "model",
        configuration or demo_configuration(),
        overwrite=overwrite,
        progress=progress,
    )
    result = out / "result"
    detect(
        street.test_clips(),
        model,
        result,
        overlay=True,
        plot=True,
        dataset=street,
        overwrite=overwrite,
        progress=progress,
    )
    evaluation = evaluate(street, result)
    assert evaluation.frames is not None
    found = [_look(street, result, clip.name) for clip in street.test_clips()]
    report = out / "report.html"
    review(
        result,
        report,
        title="A street, and what was unusual in it",
        summary=[
            f"The network watched {TRAIN_CLIPS} clips of people walking, and nothing else. Then it was shown "
            f"{TEST_CLIPS} other clips of the same street. Shaded: when something abnormal really happened.",
            f"In {sum(f.hit for f in found)} of {len(found)} clips the most unusual moment was the abnormal one.",
        ],
        facts=[
            ("micro AUC", f"{100 * evaluation.frames.micro:.1f} %"),
            ("macro AUC, anchored", f"{100 * evaluation.frames.macro_anchored:.1f} %"),
            ("training", f"{model.training['seconds'] / 60:.1f} min"),
            ("sequences learnt from", str(model.training["trained_on"])),
        ],
        dataset=street,
    )
    return Demonstration(evaluation, found, report)


def _look(street: OwnDataset, result: Path, name: str) -> Found:
    scores = read_scores(result / name)
    clip = next(clip for clip in street.test_clips() if clip.name == name)
    labels = street.frame_labels(clip, len(scores.scores))
    peak = int(np.argmax(scores.scores))
    kinds = sorted(street.kinds(name))
    return Found(name, ", ".join(kinds), bool(labels[peak]), float(scores.scores[peak]), float(scores.time_s[peak]))

"""What the parts of the score do on UCSD Ped2: each task alone, the papers' plain mean, every frame scored if asked.

    python benchmarks/ped2_parts.py --work runs/ped2

Uses the models that benchmarks/ped2.py trained. Writes benchmarks/results/ped2_parts.json and .md. A comparison after
the fact: no default was chosen by it.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import machine, shared_data

from ssmtl import detect, evaluate, load_model, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.datasets.dataset import Dataset
from ssmtl.metrics.frames import FrameMeasures, measure_frames
from ssmtl.model import Model, with_settings
from ssmtl.results import read_objects, read_scores
from ssmtl.scoring.smoothing import Painted, paint, smooth
from ssmtl.video.sources import first_frame_size

RESULTS = Path(__file__).parent / "results"


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


def rescored(data: Dataset, model: Model, out: Path, changes: dict) -> FrameMeasures:
    with Bars(console) as bars:
        detect(data.test_clips(), with_settings(model, changes), out, overwrite=True, progress=bars)
    return evaluate(data, out).frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument(
        "--every-frame", action="store_true", help="also with scoring.every=1; takes three times as long"
    )
    options = parser.parse_args()
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    rows: dict[str, list[tuple[float, float]]] = {}

    def note(name: str, measures: FrameMeasures) -> None:
        rows.setdefault(name, []).append((measures.micro, measures.macro_anchored))

    for folder in sorted(options.work.glob("seed*")):
        model = load_model(folder / "model")
        result = folder / "result"
        note("calibrated mean (the default)", evaluate(data, result).frames)
        for i, task in enumerate(model.tasks):
            note(f"{task.title} alone", from_objects(data, result, model, lambda scores, i=i: scores[:, i]))
        note("plain mean, as in the papers", rescored(data, model, folder / "plain", {"scoring": {"combine": "plain"}}))
        if options.every_frame:
            note("calibrated mean, every frame", rescored(data, model, folder / "every", {"scoring": {"every": 1}}))
    report = {**machine(), "seeds": len(next(iter(rows.values()))), "rows": rows}
    write_json(RESULTS / "ped2_parts.json", report)
    lines = [
        f"Mean of {report['seeds']} seeds, measured on {report['date']}. Made by `benchmarks/ped2_parts.py`.",
        "",
        "| score of an object | micro AUC | macro AUC, anchored |",
        "|---|---|---|",
        *(
            f"| {name} | {100 * np.mean([r[0] for r in values]):.2f} | {100 * np.mean([r[1] for r in values]):.2f} |"
            for name, values in rows.items()
        ),
    ]
    write_text(RESULTS / "ped2_parts.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

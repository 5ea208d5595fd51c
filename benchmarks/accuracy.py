"""What decides accuracy on UCSD Ped2 once a network is trained, one factor at a time, over the seeds that were trained.

    python benchmarks/ped2.py --recipe ssmtl-plus --work runs/all --name ped2_all --networks runs/ped2 \\
        --set 'attributes=[{kind="speed"}, {kind="motion_pattern"}, {kind="stature"}]'
    python benchmarks/accuracy.py --work runs/all [--seeds 3]

Every object of every frame is scored once; then parts, how they are joined, tracks and the smoothing of frame scores
are changed. Can be killed and run again. Writes benchmarks/results/accuracy.json and .md. A comparison after the fact:
no default may be chosen by it.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from machine import machine, shared_data

from ssmtl import load_model, open_dataset
from ssmtl.atomic import atomic_file, write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.datasets.dataset import Dataset
from ssmtl.metrics.frames import measure_frames
from ssmtl.metrics.regions import measure_regions
from ssmtl.model import Model, with_settings
from ssmtl.recipes import ssmtl_plus
from ssmtl.regions.union import build_detector
from ssmtl.scoring.score import join_parts
from ssmtl.scoring.settings import ScoringSettings
from ssmtl.scoring.stream import score_stream
from ssmtl.scoring.tracks import Followed
from ssmtl.tuning import Frames, Join, follow, match_objects, smoothed_scores
from ssmtl.video.sources import first_frame_size, open_source

RESULTS = Path(__file__).parent / "results"
POWER = ssmtl_plus().scoring.power
ATTRIBUTES: dict[str, dict[str, float]] = {
    "tasks and speed": {"speed": 1},
    "tasks, speed and motion pattern": {"speed": 1, "motion_pattern": 1},
    "tasks and motion pattern": {"motion_pattern": 1},
    "tasks and half of the motion pattern": {"motion_pattern": 0.5},
    "tasks and half of the stature": {"stature": 0.5},
    "tasks, half of the motion pattern and of the stature": {"motion_pattern": 0.5, "stature": 0.5},
}
"""What scores beside the tasks, and counts for how much of all of them together."""

TASKS = "tasks, weighed"
"""What `fast` does."""

PLUS = "tasks, half of the motion pattern and of the stature"
"""What `ssmtl-plus` does."""

SMOOTHING: dict[str, dict[str, float]] = {
    **{f"Gaussian of {frames}": {"gaussian_frames": frames} for frames in (0, 2, 4, 8, 12)},
    "mean over 5 frames too": {"mean_frames": 5},
    "mean over 20 pixels too": {"mean_pixels": 20},
    "mean over 9 frames for tracks": {"track_frames": 1, "mean_frames": 9},
    "mean over 17 frames for tracks": {"track_frames": 1, "mean_frames": 17},
    "mean over 17 frames and 20 pixels for tracks": {"track_frames": 1, "mean_frames": 17, "mean_pixels": 20},
}
"""What is changed of how the recipe smooths: tracks of 17 frames, then a Gaussian of 6 over frame scores."""


def scored_frames(data: Dataset, model: Model, combine: str, kept: Path, step) -> dict[str, Frames]:
    """All scores of the test clips' parts, "calibrated" or raw ("plain"); kept in a file."""
    if not kept.is_file():
        used = with_settings(model, {"scoring": {"combine": combine, "every": 1, "track_frames": 1}})
        arrays = {}
        for clip in data.test_clips():
            detector = build_detector(model.configuration.detectors, clip.name, model.scene, clip.start)
            results = [step() or result for result in score_stream(open_source(clip), used, detector)]
            arrays[f"{clip.name}/count"] = np.array([len(result.regions) for result in results])
            arrays[f"{clip.name}/boxes"] = np.concatenate([result.regions.boxes for result in results])
            arrays[f"{clip.name}/scores"] = np.concatenate([result.task_scores for result in results])
        with atomic_file(kept) as temporary, temporary.open("wb") as out:
            np.savez(out, **arrays)
    arrays = dict(np.load(kept))
    found = {}
    for clip in data.test_clips():
        places = np.cumsum(arrays[f"{clip.name}/count"])[:-1]
        parts = (np.split(arrays[f"{clip.name}/{name}"], places) for name in ("boxes", "scores"))
        found[clip.name] = [Followed(i, *both) for i, both in enumerate(zip(*parts, strict=True))]
    return found


def measure(data: Dataset, clips: dict[str, Frames], settings: ScoringSettings, join: Join) -> list[float]:
    """Micro, anchored macro, RBDC, TBDC in % of the test clips' frames, whose columns `join` makes one."""
    labels, scores, matched = [], [], []
    for clip in data.test_clips():
        frames = follow(clips[clip.name], join, settings)
        scores.append(smoothed_scores(frames, first_frame_size(clip), settings))
        labels.append(data.frame_labels(clip, len(frames)))
        truth = data.tracks(clip, len(frames))
        assert truth is not None
        matched.append(match_objects(frames, truth.frames, truth.ids, truth.boxes))
    frame, region = measure_frames(labels, scores), measure_regions(matched, sum(map(len, labels)))
    return [100 * value for value in (frame.micro, frame.macro_anchored, region.rbdc, region.tbdc)]


Weights = dict[str, float | None]
"""Parts that score → what each counts for beside the others; None: as the model has it."""

Variant = tuple[Weights, float | None, dict[str, float]]
"""Which parts score, the power of their mean (None: that of raw scores), what is changed of the smoothing."""


def variants(model: Model) -> dict[str, Variant]:
    """Title → what is measured."""
    tasks: Weights = dict.fromkeys((task.kind for task in model.tasks), None)
    plus: Weights = {**tasks, **ATTRIBUTES[PLUS]}
    rows: dict[str, Variant] = {f"{part.kind} alone": ({part.kind: 1.0}, 1, {}) for part in model.parts}
    rows["tasks, plain mean"] = (tasks, None, {})
    for frames in (1, 9, 17, 33):
        rows[f"{TASKS}; tracks of {frames}"] = (tasks, 1, {"track_frames": frames})
    for title, weights, power in ((TASKS, tasks, 1), (PLUS, plus, POWER)):
        for title_of_smoothing, changes in SMOOTHING.items():
            rows[f"{title}; {title_of_smoothing}"] = (weights, power, changes)
    for power in (POWER, 2, 4):
        rows[f"{TASKS}, power {power:g}"] = (tasks, power, {})
    for title, attributes in ATTRIBUTES.items():
        for power in sorted({1, 1.5, 2, 3, POWER}):
            rows[f"{title}, power {power:g}"] = ({**tasks, **attributes}, power, {})
    for frames in (1, 9, 33):
        rows[f"{PLUS}, power {POWER:g}; tracks of {frames}"] = (plus, POWER, {"track_frames": frames})
    return rows


def one_variant(data: Dataset, clips: dict[str, Frames], model: Model, variant: Variant) -> list[float]:
    """What `measure` says of some of the parts, joined as the stream joins them: along tracks, then in one."""
    weights, power, changes = variant
    kinds = [part.kind for part in model.parts]
    columns = [kinds.index(kind) for kind in weights]
    scales = {k: model.scales[k] if w is None else replace(model.scales[k], weight=w) for k, w in weights.items()}
    settings = model.configuration.scoring.model_copy(update=changes)
    used = {name: [replace(frame, scores=frame.scores[:, columns]) for frame in every] for name, every in clips.items()}
    return measure(data, used, settings, lambda parts, _: join_parts(parts, list(weights), scales, power))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of benchmarks/ped2.py, with all attributes")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    rows: dict[str, list[list[float]]] = {}
    for seed in range(options.seeds):
        folder = options.work / f"seed{seed}"
        model = load_model(folder / "model")
        with Bars(console) as bars:
            step = bars.stage(f"scoring with seed {seed}", None)
            clips = {
                way: scored_frames(data, model, way, folder / f"{way}.npz", step) for way in ("calibrated", "plain")
            }
        for title, variant in variants(model).items():
            some = clips["plain" if variant[1] is None else "calibrated"]
            rows.setdefault(title, []).append(one_variant(data, some, model, variant))
    report = {**machine(), "configuration": model.configuration.model_dump(mode="json"), "rows": rows}
    write_json(RESULTS / "accuracy.json", report)
    write_text(RESULTS / "accuracy.md", table(rows, report))


def table(rows: dict[str, list[list[float]]], report: dict) -> str:
    seeds = len(next(iter(rows.values())))
    lines = [
        f"Measured on {report['date']}, {report['processor']}, ssmtl {report['ssmtl']}; mean of {seeds} seeds "
        "(and their range), in %; every frame scored. Made by `benchmarks/accuracy.py`.",
        "",
        "| an object's score | micro AUC | macro AUC, anchored | RBDC | TBDC |",
        "|---|---|---|---|---|",
    ]
    smoothed = {f"{scored}; {title}" for scored in (TASKS, PLUS) for title in SMOOTHING}
    lines += [f"| {title} | {' | '.join(cells(rows[title]))} |" for title in rows if title not in smoothed]
    # Objects' scores, and so RBDC and TBDC, do not depend on how frame scores are smoothed, unless there are no tracks.
    heads = [f"{what}, {measure}" for what in ("tasks", "`ssmtl-plus`") for measure in ("micro AUC", "macro AUC")]
    lines += ["", f"| smoothing | {' | '.join(heads)} |", "|---|---|---|---|---|"]
    own = {TASKS: f"{TASKS}; tracks of 17", PLUS: f"{PLUS}, power {POWER:g}"}
    for title in ("the recipes' own: Gaussian of 6", *SMOOTHING):
        both = [rows.get(f"{scored}; {title}", rows[own[scored]]) for scored in (TASKS, PLUS)]
        lines.append(f"| {title} | {' | '.join(cell for values in both for cell in cells(values)[:2])} |")
    return "\n".join(lines) + "\n"


def cells(values: list[list[float]]) -> list[str]:
    """Means over seeds, and their ranges."""
    array = np.array(values)
    return [
        f"{mean:.2f} ({low:.2f}–{high:.2f})"
        for mean, low, high in zip(array.mean(0), array.min(0), array.max(0), strict=True)
    ]


if __name__ == "__main__":
    main()

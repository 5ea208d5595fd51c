"""The papers' systems on UCSD Ped2 under one budget: the 3D CNN alone, SSMTL, SSMTL++v1 and SSMTL++v2.

    python benchmarks/ped2_recipes.py --work runs/ped2_recipes [--small] [--only v1]

All see the same sequences of the same regions (YOLOX-nano at confidence 0.3, then flow) for the same number of steps,
on the recipes' own deep and wide 3D CNN: as many as two cores do in two hours. With --small, on the shallow and narrow
one (use another --work for it, or link its `sequences`). Can be killed and run again. With --only, one system is
trained and its clips are scored and that is all, so that processes can share the work. Writes
benchmarks/results/ped2_recipes[_small].json and .md. The test labels are for measuring: nothing may be chosen by what
this prints.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from machine import machine, shared_data
from parts import from_objects

from ssmtl import configure, detect, evaluate, fit, load_model, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.detection import Detection
from ssmtl.metrics.frames import FrameMeasures
from ssmtl.model import with_settings
from ssmtl.model_folder import DESCRIPTION
from ssmtl.recipes import Configuration

RESULTS = Path(__file__).parent / "results"

SMOOTHED = [
    {"kind": "arrow_of_time", "label_smoothing": 0.1},
    {"kind": "motion_irregularity", "label_smoothing": 0.1},
    {"kind": "middle_box"},
]
SYSTEMS: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "cnn": ("3D CNN, T1-T3", "ssmtl", []),
    "ssmtl": ("SSMTL: 3D CNN, T1-T4", "ssmtl", [{"kind": "distillation"}]),
    "v1": ("SSMTL++v1: 3D CvT, T1-T3 + T5", "ssmtlpp-v1", [{"kind": "pseudo_anomalies", "first_epoch": 2}]),
    "v2": ("SSMTL++v2: 3D CvT, T1-T3 + T6", "ssmtlpp-v2", [{"kind": "inpainting"}]),
}
"""Title, recipe, and the tasks beyond the first three."""


MEANS = ("calibrated", "plain")


def configuration(name: str, small: bool) -> Configuration:
    weights = shared_data().parent / "weights"
    _, recipe, more = SYSTEMS[name]
    classifier = {
        "kind": "onnx",
        "path": str(weights / "mobilenet_v2_1.0_224_quant.onnx"),
        "values": "probabilities",
        "first_class": 1,
        "scale": 1 / 255,
    }
    return configure(
        recipe,
        {
            "detectors": [
                {"kind": "onnx", "path": str(weights / "yolox_nano_416.onnx"), "min_confidence": 0.3},
                {"kind": "flow"},
            ],
            "sequences": {"max_sequences": 5000},
            "tasks": [*SMOOTHED, *more],
            "teachers": {"classifier": classifier},
            "backbone": {"depth": "shallow", "width": "narrow"} if small else {},
            "train": {"epochs": 2, "min_steps": 0, "batch_size": 32, "schedule": "cosine", "brightness": 0.1},
            "scoring": {"every": 3},
        },
    )


def train(name: str, work: Path, small: bool) -> None:
    """Train one system, or go on with it; does nothing where it is done."""
    folder = work / name / "model"
    if (folder / DESCRIPTION).is_file():
        return
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    resume = (folder / "training" / "checkpoint.safetensors").is_file()
    with Bars(console) as bars:
        fit(
            data.train_clips(),
            folder,
            configuration(name, small),
            resume=resume,
            overwrite=not resume,
            sequences=work / "sequences",
            progress=bars,
        )


def areas(frames: FrameMeasures) -> dict[str, float]:
    return {"micro": frames.micro, "macro_anchored": frames.macro_anchored}


def score(name: str, work: Path, combine: str) -> Detection:
    """Scores of the test clips, with the tasks joined as `combine` says; goes on where it was left."""
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    model = with_settings(load_model(work / name / "model"), {"scoring": {"combine": combine}})
    with Bars(console) as bars:
        return detect(data.test_clips(), model, work / name / combine, dataset=data, resume=True, progress=bars)


def measure(name: str, work: Path) -> dict[str, Any]:
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    model = load_model(work / name / "model")
    row: dict[str, Any] = {"system": SYSTEMS[name][0]}
    for combine in MEANS:
        done = score(name, work, combine)
        evaluation = evaluate(data, work / name / combine)
        assert evaluation.frames is not None and evaluation.regions is not None
        regions = evaluation.regions
        row[combine] = areas(evaluation.frames) | {"rbdc": regions.rbdc, "tbdc": regions.tbdc}
        seconds = sum(facts["seconds"] for facts in done.clips.values())
        row["detect_frames_per_s"] = sum(facts["frames"] for facts in done.clips.values()) / seconds
    row["tasks"] = {
        task.title: areas(from_objects(data, work / name / MEANS[0], model, lambda scores, i=i: scores[:, i]))
        for i, task in enumerate(model.tasks)
    }
    facts = model.training
    row |= {key: facts[key] for key in ("parameters", "trained_on", "epochs", "best_epoch", "losses")}
    return row | {"training_minutes": facts["seconds"] / 60, "threads": facts["threads"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--only", choices=list(SYSTEMS))
    options = parser.parse_args()
    for name in [options.only] if options.only else SYSTEMS:
        train(name, options.work, options.small)
        for combine in MEANS:
            score(name, options.work, combine)
    if options.only:
        return
    rows = [measure(name, options.work) for name in SYSTEMS]
    text = json.dumps(configuration("v1", options.small).model_dump(mode="json"))
    text = text.replace(str(shared_data().parent), "$SSMTL_SHARED")
    report = {**machine(), "systems": rows, "configuration": json.loads(text)}
    results = RESULTS / f"ped2_recipes{'_small' if options.small else ''}"
    write_json(results.with_suffix(".json"), report)
    write_text(results.with_suffix(".md"), table(rows, report))


def table(rows: list[dict[str, Any]], report: dict[str, Any]) -> str:
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['cores']} cores, ssmtl {report['ssmtl']}; "
        f"seed 0, {rows[0]['trained_on']} sequences, {rows[0]['epochs']} epochs. "
        "Made by `benchmarks/ped2_recipes.py`. Micro AUC / macro AUC (anchored) / RBDC / TBDC in %.",
        "",
        "| system | plain mean | calibrated | parameters | training, minutes | `detect`, frames/s |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['system']} | {shown(row['plain'])} | {shown(row['calibrated'])} | {row['parameters']:,} | "
            f"{row['training_minutes']:.0f} | {row['detect_frames_per_s']:.1f} |"
        )
    titles = list(dict.fromkeys(title for row in rows for title in row["tasks"]))
    lines += [
        "",
        "Each task alone, micro / macro:",
        "",
        f"| system | {' | '.join(titles)} |",
        "|---" * (1 + len(titles)) + "|",
    ]
    for row in rows:
        cells = [shown(row["tasks"][title]) if title in row["tasks"] else "" for title in titles]
        lines.append(f"| {row['system']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def shown(measures: dict[str, float]) -> str:
    return " / ".join(f"{100 * value:.2f}" for value in measures.values())


if __name__ == "__main__":
    main()

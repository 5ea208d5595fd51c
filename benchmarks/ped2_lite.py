"""SSMTL++v1 and the narrow network that imitates it, on UCSD Ped2: accuracy, cost, and how far they agree.

    python benchmarks/ped2_lite.py --work runs/ped2_lite [--epochs 1] [--designs]

Trains v1 on regions by motion alone unless its model is in WORK/v1, has `ssmtlpp-lite` imitate it, scores the test
clips with both, and writes benchmarks/results/ped2_lite.json and .md. With --designs, other students are trained for a
quarter of the steps and compared by their agreement with v1 on held-out *training* clips alone, as they are and made
unusual: results/ped2_lite_designs.json and .md. Can be killed and run again. The test labels are for measuring: nothing
may be chosen by what this prints. With --only, one system is trained and its clips are scored and that is all, so that
processes can share the work.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine, shared_data
from numpy.typing import NDArray
from parts import from_objects
from ped2_recipes import MEANS, areas, shown
from recipe_cost import operations
from scipy.stats import spearmanr
from torch import Tensor

from ssmtl import configure, detect, evaluate, fit, imitate, load_model, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.detection import Detection
from ssmtl.model import Model, with_settings
from ssmtl.model_folder import DESCRIPTION
from ssmtl.recipes import Configuration
from ssmtl.scoring.score import ScoredPart, calibrate, measure_scales, raw_scores
from ssmtl.sequences.store import build_store
from ssmtl.sequences.survey import survey
from ssmtl.tasks.task import View
from ssmtl.training import imitation
from ssmtl.training.split import hold_out
from ssmtl.training.train import generator, parameters, to_input

RESULTS = Path(__file__).parent / "results"

TEACHER = {
    "tasks": [
        {"kind": "arrow_of_time", "label_smoothing": 0.1},
        {"kind": "motion_irregularity", "label_smoothing": 0.1},
        {"kind": "middle_box"},
        {"kind": "pseudo_anomalies", "first_epoch": 2},
    ],
    "detectors": [{"kind": "background"}, {"kind": "flow"}],
    "sequences": {"padding": 0.1, "max_sequences": 8000},
    "train": {"epochs": 2, "batch_size": 32, "schedule": "cosine", "brightness": 0.1},
}
"""What is changed in `ssmtlpp-v1`: regions by motion, and as much training as two cores do in an hour."""

DESIGNS: dict[str, dict[str, Any]] = {
    "lite": {},
    "shallow": {"backbone": {"depth": "shallow"}},
    "as fast": {"backbone": {"depth": "shallow", "width": "narrow", "shrinking": "pool"}},
    "nothing unusual": {"train": {"imitation": {"unusual": 0.0}}},
    "own losses alone": {"train": {"imitation": None}},
}
"""Students, by what is changed in `ssmtlpp-lite`."""

SHORT = {"sequences": {"max_sequences": 2000}, "train": {"epochs": 2, "min_steps": 0}}

COMPARED = 320
"""Held-out sequences by which two models are compared, in each of four forms."""


def teacher_configuration() -> Configuration:
    return configure("ssmtlpp-v1", TEACHER)


def train(folder: Path, sequences: Path, configuration: Configuration) -> Model:
    """Train a model, or go on with it; does nothing where it is done."""
    if not (folder / DESCRIPTION).is_file():
        resume = (folder / "training" / "checkpoint.safetensors").is_file()
        clips = open_dataset("ucsd", shared_data() / "UCSDped2").train_clips()
        with Bars(console) as bars:
            fit(
                clips,
                folder,
                configuration,
                resume=resume,
                overwrite=not resume,
                sequences=sequences,
                progress=bars,
            )
    return load_model(folder)


def held_out_forms(teacher: Model, sequences: Path) -> dict[str, Tensor]:
    """Held-out sequences, B×C×7×64×64, as they are and as no training footage is; none of them was trained on."""
    chosen = teacher.configuration
    seen = survey(open_dataset("ucsd", shared_data() / "UCSDped2").train_clips())
    store = build_store(
        list(seen.lengths),
        chosen.detectors,
        seen.scene,
        chosen.sequences,
        teacher.picture_channels,
        chosen.reach,
        sequences,
    )
    _, held_out = hold_out(store.clip, store.frame, chosen.train.held_out, chosen.reach)
    some = np.sort(np.random.default_rng(0).choice(held_out, min(COMPARED, len(held_out)), replace=False))
    x_BCTHW = to_input(store.take(some), torch.device("cpu"))
    rows = torch.arange(len(x_BCTHW))
    forms = {
        "as they are": x_BCTHW,
        "faster": imitation.faster(x_BCTHW, rows, generator(1)),
        "moved": imitation.moved(x_BCTHW, rows, generator(2)),
        # No student learns from these.
        "turned by a quarter": x_BCTHW.transpose(3, 4),
    }
    return {name: View.ALL.take(form) for name, form in forms.items()}


def scores(model: Model, forms: dict[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    """Raw task scores of each form: B×tasks."""
    found = {}
    for name, x_BCTHW in forms.items():
        with torch.no_grad():
            parts = [raw_scores(model.scorer, model.tasks, part, {}) for part in x_BCTHW.split(16)]
        found[name] = torch.cat(parts).numpy()
    return found


def agreement(teacher: dict[str, NDArray[np.float32]], student: dict[str, NDArray[np.float32]]) -> dict[str, Any]:
    """Rank correlation of the objects' scores over all forms, by both means and by task; and how far they are apart on
    the scale of ordinary objects, on which each model's own are measured by what it says of those."""
    kinds = [str(i) for i in range(next(iter(teacher.values())).shape[1])]
    calibrated = []
    for raw in (teacher, student):
        scales = measure_scales(raw["as they are"], [ScoredPart(kind) for kind in kinds])
        calibrated.append({name: calibrate(values, kinds, scales).mean(axis=1) for name, values in raw.items()})
    a, b = (np.concatenate(list(raw.values())) for raw in (teacher, student))
    return {
        "plain": rank(a.mean(axis=1), b.mean(axis=1)),
        "calibrated": rank(*(np.concatenate(list(values.values())) for values in calibrated)),
        "tasks": [rank(a[:, i], b[:, i]) for i in range(len(kinds))],
        "as_they_are": rank(calibrated[0]["as they are"], calibrated[1]["as they are"]),
        "apart": {name: float(np.abs(calibrated[0][name] - calibrated[1][name]).mean()) for name in teacher},
    }


def rank(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(spearmanr(a, b).statistic)


def score(model: Model, folder: Path, combine: str) -> Detection:
    """Scores of the test clips, with the tasks joined as `combine` says; goes on where it was left."""
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    changed = with_settings(model, {"scoring": {"combine": combine, "every": 3}})
    with Bars(console) as bars:
        return detect(data.test_clips(), changed, folder / combine, dataset=data, resume=True, progress=bars)


def measure(model: Model, folder: Path) -> dict[str, Any]:
    """What a model does on the test clips, what it costs, and how it was trained."""
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    row: dict[str, Any] = {}
    for combine in MEANS:
        done = score(model, folder, combine)
        evaluation = evaluate(data, folder / combine)
        assert evaluation.frames is not None and evaluation.regions is not None
        row[combine] = areas(evaluation.frames) | {"rbdc": evaluation.regions.rbdc, "tbdc": evaluation.regions.tbdc}
        seconds = sum(facts["seconds"] for facts in done.clips.values())
        row["detect_frames_per_s"] = sum(facts["frames"] for facts in done.clips.values()) / seconds
    row["tasks"] = {
        task.title: areas(from_objects(data, folder / MEANS[0], model, lambda scores, i=i: scores[:, i]))
        for i, task in enumerate(model.tasks)
    }
    facts = model.training
    row |= {key: facts[key] for key in ("parameters", "trained_on", "epochs", "best_epoch", "losses", "threads")}
    return row | {"training_minutes": facts["seconds"] / 60, "gflop_per_object": gflop(model)}


def gflop(model: Model) -> float:
    return operations(model.configuration, 3) / 1e9


def settings(*models: Model) -> list[Any]:
    text = json.dumps([model.configuration.model_dump(mode="json") for model in models])
    for model in models:
        chosen = model.configuration.train.imitation
        if chosen is not None and chosen.teacher is not None:
            text = text.replace(str(chosen.teacher.parent), "$WORK")
    return json.loads(text)


def student(work: Path, epochs: int | None) -> Model:
    changes = {"train": {"epochs": epochs}} if epochs else {}
    return train(work / "lite", work / "sequences", configure("ssmtlpp-lite", imitate(work / "v1"), changes))


def compare(work: Path, epochs: int | None, only: str | None) -> None:
    """Teacher and student on the test clips."""
    teacher = train(work / "v1", work / "sequences", teacher_configuration())
    if only:
        model = teacher if only == "v1" else student(work, epochs)
        for combine in MEANS:
            score(model, work / "scores" / only, combine)
        return
    lite = student(work, epochs)
    forms = held_out_forms(teacher, work / "sequences")
    agreed = agreement(scores(teacher, forms), scores(lite, forms))
    rows = {name: measure(model, work / "scores" / name) for name, model in (("v1", teacher), ("lite", lite))}
    report = {**machine(), "systems": rows, "agreement": agreed, "configurations": settings(teacher, lite)}
    write_json(RESULTS / "ped2_lite.json", report)
    write_text(RESULTS / "ped2_lite.md", table(rows, agreed, report))


def table(rows: dict[str, dict[str, Any]], agreed: dict[str, Any], report: dict[str, Any]) -> str:
    v1, lite = rows["v1"], rows["lite"]
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['cores']} cores, ssmtl {report['ssmtl']}; "
        f"seed 0, {v1['trained_on']} sequences. Made by `benchmarks/ped2_lite.py`. "
        "Micro AUC / macro AUC (anchored) / RBDC / TBDC in %; every third frame.",
        "",
        "| system | plain mean | calibrated | parameters | GFLOP per object, colour | epochs | training, minutes "
        "| `detect`, frames/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        lines.append(
            f"| {name} | {shown(row['plain'])} | {shown(row['calibrated'])} | {row['parameters']:,} | "
            f"{row['gflop_per_object']:.2f} | {row['epochs']} | {row['training_minutes']:.0f} | "
            f"{row['detect_frames_per_s']:.1f} |"
        )
    titles = list(v1["tasks"])
    lines += ["", "Each task alone, micro / macro:", "", f"| system | {' | '.join(titles)} |"]
    lines.append("|---" * (1 + len(titles)) + "|")
    lines += [f"| {name} | {' | '.join(shown(row['tasks'][t]) for t in titles)} |" for name, row in rows.items()]
    lines += [
        "",
        f"lite costs {100 * lite['gflop_per_object'] / v1['gflop_per_object']:.1f} % of v1. "
        "On held-out training sequences, as they are and made unusual, the rank correlation of the objects' scores is "
        f"{agreed['plain']:.3f} (plain mean), {agreed['calibrated']:.3f} (calibrated); by task "
        f"{', '.join(f'{value:.3f}' for value in agreed['tasks'])}.",
    ]
    return "\n".join(lines) + "\n"


def compare_designs(work: Path) -> None:
    """Students of a short training, by their agreement with the teacher; the test clips are not touched."""
    teacher = train(work / "v1", work / "sequences", teacher_configuration())
    forms = held_out_forms(teacher, work / "sequences")
    said = scores(teacher, forms)
    rows = {}
    for name, changes in DESIGNS.items():
        configuration = configure("ssmtlpp-lite", imitate(work / "v1"), SHORT, changes)
        model = train(work / "designs" / name.replace(" ", "_"), work / "sequences", configuration)
        rows[name] = {"gflop_per_object": gflop(model), "parameters": parameters(model.network), "changes": changes}
        rows[name] |= agreement(said, scores(model, forms)) | {"training_minutes": model.training["seconds"] / 60}
    report = {**machine(), "short": SHORT, "designs": rows}
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['cores']} cores. "
        "Made by `benchmarks/ped2_lite.py --designs`. "
        "Rank correlation of the student's and the teacher's scores of held-out training sequences.",
        "",
        "| student | GFLOP per object, colour | plain mean | calibrated | T1 | T2 | T3 | training, minutes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        tasks = " | ".join(f"{value:.3f}" for value in row["tasks"])
        lines.append(
            f"| {name} | {row['gflop_per_object']:.2f} | {row['plain']:.3f} | {row['calibrated']:.3f} | {tasks} | "
            f"{row['training_minutes']:.0f} |"
        )
    write_json(RESULTS / "ped2_lite_designs.json", report)
    write_text(RESULTS / "ped2_lite_designs.md", "\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--epochs", type=int, help="of the student, in place of the recipe's")
    parser.add_argument("--designs", action="store_true")
    parser.add_argument("--only", choices=("v1", "lite"))
    options = parser.parse_args()
    if options.designs:
        compare_designs(options.work)
    else:
        compare(options.work, options.epochs, options.only)


if __name__ == "__main__":
    main()

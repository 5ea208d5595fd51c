"""Generated streets of many kinds: several cameras, scales, frame rates, colour and grey, crowds and single walkers.

    python benchmarks/streets.py --work runs/streets [--only NAME] [--seeds 3] [--set train.min_steps=300] [--name NAME]

Each is generated, `ssmtl-plus` with all attributes fitted to its normal clips, and every object of its test clips
scored once; then it is changed what scores and how it is joined. Two clips of each kind of anomaly, several seeds. With
--networks NAME, the networks of another run are kept. Can be killed and run again, and several processes may share the
work (--only): streets, models and figures are kept. Needs no footage. Writes benchmarks/results/NAME.json and .md, with
the streets that were measured so far.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from accuracy import ATTRIBUTES, PLUS, POWER, Weights, one_variant, scored_frames
from machine import machine

from ssmtl import configure, fit, load_model
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.config import read_assignments
from ssmtl.datasets.own import OwnDataset
from ssmtl.datasets.street import ANOMALIES, StreetConfig, write_street
from ssmtl.kept_network import keep_network
from ssmtl.model_folder import DESCRIPTION

RESULTS = Path(__file__).parent / "results"
STREETS = {
    "side": StreetConfig(),
    "towards the camera": StreetConfig(
        width=640, height=360, camera="oblique", person_height_px=100, people_per_frame=3, background_seed=1
    ),
    "crowd, grey, small": StreetConfig(
        width=360, height=240, colour=False, person_height_px=30, people_per_frame=14, background_seed=2
    ),
    "ten frames a second": StreetConfig(rate=10, camera="oblique", people_per_frame=5, background_seed=3),
    "single walkers": StreetConfig(
        width=480, height=270, rate=15, person_height_px=70, people_per_frame=1, background_seed=4
    ),
}
TRAIN_CLIPS, TRAIN_FRAMES = 10, 200
TEST_CLIPS, TEST_FRAMES = 2 * len(ANOMALIES), 200
MEASURES = ("micro", "macro_anchored", "rbdc", "tbdc")
POWERS = sorted({1, 1.5, 2, 3, POWER})


def variants() -> dict[str, tuple[dict[str, float], float]]:
    """Title → which attributes score and count for how much, and the power of the mean."""
    some = {"tasks": {}, **ATTRIBUTES}
    return {f"{title}, power {power:g}": (weights, power) for title, weights in some.items() for power in POWERS}


SHOWN = {"tasks alone": "tasks, power 1", "`ssmtl-plus`": f"{PLUS}, power {POWER:g}"}
"""Of the variants, those that are shown street by street."""


def folder_of(name: str, work: Path) -> Path:
    return work / name.replace(", ", "_").replace(" ", "_")


def draw(number: int, name: str, work: Path, bars: Bars) -> OwnDataset:
    """A street, drawn unless it is there."""
    root = folder_of(name, work)
    if not (root / "abnormal.csv").is_file():
        step = bars.stage(f"drawing {name}", TRAIN_CLIPS * TRAIN_FRAMES + TEST_CLIPS * TEST_FRAMES)
        sizes = (TRAIN_CLIPS, TRAIN_FRAMES, TEST_CLIPS, TEST_FRAMES)
        write_street(root, STREETS[name], number, *sizes, lambda done, total: step())
    return OwnDataset(root)


def models_of(street: str, options: argparse.Namespace) -> Path:
    """Where a run's models of a street lie, a folder `seedN` for each, with its figures in measured.json."""
    root = folder_of(street, options.work)
    return root.with_name(f"{root.name}.models") / options.name


def one_seed(street: OwnDataset, folder: Path, seed: int, options: argparse.Namespace) -> None:
    """Fit and measure a model of a street, unless that is done."""
    if (folder / "measured.json").is_file():
        return
    with Bars(console) as bars:
        if not (folder / DESCRIPTION).is_file():
            resume = (folder / "training" / "checkpoint.safetensors").is_file()
            network = None if options.networks is None else folder.parents[1] / options.networks / folder.name
            trained = keep_network(network) if network else {"seed": seed}
            attributes = {"attributes": [{"kind": kind} for kind in ("speed", "motion_pattern", "stature")]}
            configuration = configure("ssmtl-plus", attributes, read_assignments(options.set), trained)
            kept = folder.parents[1] / "sequences"
            fit(street.train_clips(), folder, configuration, resume=resume, overwrite=not resume, sequences=kept,
                network=network, progress=bars)  # fmt: skip
        model = load_model(folder)
        scored = scored_frames(street, model, "calibrated", folder / "calibrated.npz", bars.stage("scoring", None))
    tasks: Weights = dict.fromkeys((task.kind for task in model.tasks), None)
    rows = {}
    for title, (attributes, power) in variants().items():
        found = one_variant(street, scored, model, ({**tasks, **attributes}, power, {}))
        rows[title] = dict(zip(MEASURES, found, strict=True))
    training = model.training
    figures = {"seed": seed, "rows": rows, "training_s": training["seconds"], "sequences": training["sequences"]}
    write_json(folder / "measured.json", figures)


def measured(options: argparse.Namespace) -> list[dict]:
    """What there is of each street, as many seeds as there are."""
    found = []
    for name, config in STREETS.items():
        files = sorted(models_of(name, options).glob("seed*/measured.json"))
        seeds = [json.loads(file.read_text()) for file in files]
        if seeds:
            found.append({"street": name, "config": config.model_dump(), "seeds": seeds})
    return found


def values_of(street: dict, title: str) -> np.ndarray:
    """Seeds × measures of a variant."""
    return np.array([[seed["rows"][title][measure] for measure in MEASURES] for seed in street["seeds"]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", choices=STREETS, help="this street, and stop, so that processes can share the work")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--networks", help="models of another --name, whose networks are kept: nothing is trained")
    parser.add_argument("--name", default="streets", help="of the figures and the models")
    options = parser.parse_args()
    for name in [options.only] if options.only else STREETS:
        with Bars(console) as bars:
            street = draw(list(STREETS).index(name), name, options.work, bars)
        for seed in range(options.seeds):
            one_seed(street, models_of(name, options) / f"seed{seed}", seed, options)
    if options.only:
        return
    report = {**machine(), "set": options.set, "streets": measured(options)}
    write_json(RESULTS / f"{options.name}.json", report)
    write_text(RESULTS / f"{options.name}.md", table(report))


def table(report: dict) -> str:
    """`ssmtl-plus` and its tasks alone on every street, and the mean over streets of all variants."""
    heads = "micro AUC | macro AUC, anchored | RBDC | TBDC |"
    lines = [
        f"Measured on {report['date']}, {report['processor']}, ssmtl {report['ssmtl']}; `ssmtl-plus` with "
        f"{', '.join(f'`{one}`' for one in report['set']) or 'its defaults'}, fitted to {TRAIN_CLIPS} clips of "
        f"{TRAIN_FRAMES} frames; means over seeds (and range), in %. "
        "Made by `benchmarks/streets.py`.",
        "",
        f"| street | seeds | what scores | {heads} training, minutes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    streets = report["streets"]
    for street in streets:
        for what, title in SHOWN.items():
            minutes = np.mean([seed["training_s"] for seed in street["seeds"]]) / 60
            count = len(street["seeds"])
            lines.append(
                f"| {street['street']} | {count} | {what} | {cells(values_of(street, title))} | {minutes:.1f} |"
            )
    lines += ["", f"| what scores, mean of {len(streets)} | {heads}", "|---|---|---|---|---|"]
    seeds = min(len(street["seeds"]) for street in streets)
    for title in variants():
        # Of a seed, the mean over streets: its range tells what a difference between rows is worth.
        found = np.mean([values_of(street, title)[:seeds] for street in streets], axis=0)
        lines.append(f"| {title} | {cells(found)} |")
    return "\n".join(lines) + "\n"


def cells(values: np.ndarray) -> str:
    """Means over seeds, and their range where there are several."""
    ranges = [f" ({low:.2f}–{high:.2f})" for low, high in zip(values.min(axis=0), values.max(axis=0), strict=True)]
    several = len(values) > 1
    return " | ".join(
        f"{mean:.2f}{spread if several else ''}" for mean, spread in zip(values.mean(axis=0), ranges, strict=True)
    )


if __name__ == "__main__":
    main()

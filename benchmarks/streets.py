"""Streets that nobody tuned on: several cameras, scales, frame rates, colour and grey, crowds and single walkers.

    python benchmarks/streets.py --work runs/streets [--only NAME] [--set train.min_steps=300] [--name streets]

Each is generated, `ssmtl-plus` fitted to its normal clips, and its test clips scored once: by its proxy tasks alone, in
their mean, as `fast` has it, and by all parts. Two clips of each kind of anomaly. Can be killed and run again: streets
and models are kept. Needs no footage. Writes benchmarks/results/NAME.json and .md.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from accuracy import measure
from machine import machine
from tune import test_scores

from ssmtl import configure, fit, load_model
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.config import read_assignments
from ssmtl.datasets.own import OwnDataset
from ssmtl.datasets.street import ANOMALIES, StreetConfig, write_street
from ssmtl.model import DESCRIPTION
from ssmtl.recipes import fast
from ssmtl.scoring.score import join_parts
from ssmtl.tuning import joining

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


def one_street(number: int, name: str, options: argparse.Namespace) -> dict:
    root = options.work / name.replace(", ", "_").replace(" ", "_")
    with Bars(console) as bars:
        if not (root / "abnormal.csv").is_file():
            step = bars.stage(f"drawing {name}", TRAIN_CLIPS * TRAIN_FRAMES + TEST_CLIPS * TEST_FRAMES)
            sizes = (TRAIN_CLIPS, TRAIN_FRAMES, TEST_CLIPS, TEST_FRAMES)
            write_street(root, STREETS[name], number, *sizes, lambda done, total: step())
        street = OwnDataset(root)
        folder = root.with_name(f"{root.name}.models") / options.name
        if not (folder / DESCRIPTION).is_file():
            resume = (folder / "training" / "checkpoint.safetensors").is_file()
            configuration = configure("ssmtl-plus", read_assignments(options.set))
            kept = root.with_name(f"{root.name}.models") / "sequences"
            fit(street.train_clips(), folder, configuration, resume=resume, overwrite=not resume, sequences=kept,
                progress=bars)  # fmt: skip
        model = load_model(folder)
        scored = test_scores(street, model, bars)
    settings = model.configuration.scoring
    kinds = [part.kind for part in model.configuration.scoring_tasks]
    tasks = {
        clip: [replace(frame, scores=frame.scores[:, : len(kinds)]) for frame in frames]
        for clip, frames in scored.items()
    }

    def as_fast(parts, settings):
        return join_parts(parts, kinds, model.scales, settings.mean_power)

    alone = settings.model_copy(update={"power": fast().scoring.power})
    return {
        "street": name,
        "config": STREETS[name].model_dump(),
        "fast": dict(zip(MEASURES, measure(street, tasks, alone, as_fast), strict=True)),
        "ssmtl-plus": dict(zip(MEASURES, measure(street, scored, settings, joining(model)), strict=True)),
        "training_s": model.training["seconds"],
        "sequences": model.training["sequences"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", choices=STREETS, help="this street, and stop, so that processes can share the work")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--name", default="streets", help="of the figures and the models")
    options = parser.parse_args()
    names = [options.only] if options.only else list(STREETS)
    rows = [one_street(list(STREETS).index(name), name, options) for name in names]
    report = {**machine(), "set": options.set, "streets": rows}
    print(table(report))
    if options.only is None:
        write_json(RESULTS / f"{options.name}.json", report)
        write_text(RESULTS / f"{options.name}.md", table(report))


def table(report: dict) -> str:
    lines = [
        f"Measured on {report['date']}, {report['processor']}, ssmtl {report['ssmtl']}; `ssmtl-plus` with "
        f"{report['set'] or 'its defaults'}, fitted to {TRAIN_CLIPS} clips of {TRAIN_FRAMES} frames, in %. "
        "Made by `benchmarks/streets.py`.",
        "",
        "| street | what scores | micro AUC | macro AUC, anchored | RBDC | TBDC | training, minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in report["streets"]:
        for recipe, what in (("fast", "the tasks"), ("ssmtl-plus", "tasks and attributes")):
            values = " | ".join(f"{value:.2f}" for value in row[recipe].values())
            lines.append(f"| {row['street']} | {what} | {values} | {row['training_s'] / 60:.1f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

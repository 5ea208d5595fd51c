"""Accuracy on UCSD Ped2: train on all training clips, score the test clips at hand, for several seeds.

    python benchmarks/ped2.py --work runs/ped2 [--seeds 3] [--recipe fast] [--set train.epochs=5] [--name ped2_fast]

With --networks FOLDER, the networks of another run are kept and nothing is trained: for recipes that differ in what
they add to the same tasks, or in how they score. Can be killed and run again: finished seeds are kept. Writes
benchmarks/results/NAME.json and .md. The test labels are for measuring: nothing may be chosen by what this prints.
"""

import argparse
from pathlib import Path

import numpy as np
from machine import machine, shared_data

from ssmtl import configure, detect, evaluate, fit, load_model, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.config import read_assignments
from ssmtl.kept_network import keep_network
from ssmtl.model_folder import DESCRIPTION

RESULTS = Path(__file__).parent / "results"


def train(seed: int, options: argparse.Namespace) -> None:
    """Train one seed, or go on with it; does nothing where it is done."""
    folder = options.work / f"seed{seed}"
    if (folder / "model" / DESCRIPTION).is_file():
        return
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    configuration = configure(options.recipe, read_assignments(options.set), {"seed": seed})
    resume = (folder / "model" / "training" / "checkpoint.safetensors").is_file()
    network = None
    if options.networks is not None:
        network = options.networks / f"seed{seed}" / "model"
        configuration = configure(options.recipe, keep_network(network), read_assignments(options.set))
    with Bars(console) as bars:
        fit(
            data.train_clips(),
            folder / "model",
            configuration,
            resume=resume,
            overwrite=not resume,
            sequences=options.work / "sequences",
            network=network,
            progress=bars,
        )


def one_seed(seed: int, options: argparse.Namespace) -> dict[str, object]:
    train(seed, options)
    folder = options.work / f"seed{seed}"
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    model = load_model(folder / "model")
    with Bars(console) as bars:
        done = detect(
            data.test_clips(), model, folder / "result", plot=True, dataset=data, overwrite=True, progress=bars
        )
    evaluation = evaluate(data, folder / "result")
    frames, regions = evaluation.frames, evaluation.regions
    assert frames is not None and regions is not None
    counted = sum(facts["frames"] for facts in done.clips.values())
    return {
        "seed": seed,
        "micro": frames.micro,
        "macro_anchored": frames.macro_anchored,
        "macro_defined": frames.macro_defined,
        "undefined_clips": frames.undefined,
        "rbdc": regions.rbdc,
        "tbdc": regions.tbdc,
        "training_s": model.training["seconds"],
        "training_threads": model.training["threads"],
        "detect_frames_per_s": counted / sum(facts["seconds"] for facts in done.clips.values()),
        "regions_per_frame": sum(sum(facts["regions"].values()) for facts in done.clips.values()) / counted,
        "best_epoch": model.training["best_epoch"],
        "sequences": model.training["sequences"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipe", default="fast")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--name", default="ped2_fast")
    parser.add_argument("--networks", type=Path, help="work folder of a run whose networks are kept")
    parser.add_argument("--only", type=int, help="train this seed and stop, so that processes can share the work")
    options = parser.parse_args()
    if options.only is not None:
        train(options.only, options)
        return
    rows = []
    for seed in range(options.seeds):
        rows.append(one_seed(seed, options))
        configuration = load_model(options.work / f"seed{seed}" / "model").configuration
        report = {**machine(), "configuration": configuration.model_dump(mode="json"), "seeds": rows}
        write_json(RESULTS / f"{options.name}.json", report)
        write_text(RESULTS / f"{options.name}.md", table(rows, report))


def table(rows: list[dict], report: dict) -> str:
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['cores']} cores, ssmtl {report['ssmtl']}, "
        f"recipe {report['configuration']['recipe']}. Made by `benchmarks/ped2.py`.",
        "",
        "| seed | micro AUC | macro AUC, anchored | macro AUC, defined | RBDC | TBDC | training, minutes "
        "| `detect`, frames/s |",
        "|---|---|---|---|---|---|---|---|",
    ]

    def line(title: object, of: list[dict]) -> str:
        mean = {key: float(np.mean([row[key] for row in of])) for key in of[0]}
        return (
            f"| {title} | {100 * mean['micro']:.2f} | {100 * mean['macro_anchored']:.2f} | "
            f"{100 * mean['macro_defined']:.2f} | {100 * mean['rbdc']:.2f} | {100 * mean['tbdc']:.2f} | "
            f"{mean['training_s'] / 60:.1f} | {mean['detect_frames_per_s']:.1f} |"
        )

    lines += [line(row["seed"], [row]) for row in rows]
    if len(rows) > 1:
        lines.append(line("mean", rows))
    undefined = rows[0]["undefined_clips"]
    return "\n".join(lines) + f"\n\nClips with frames of one class only, which have no AUC of their own: {undefined}.\n"


if __name__ == "__main__":
    main()

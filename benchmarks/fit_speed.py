"""Training with the default recipe: minutes per epoch, and the share of the time that the network is at work.

    python benchmarks/fit_speed.py --work runs/fit_speed [--precision auto 32-true]

On the training clips of UCSD Ped2. The models stay in the folder of --work, and are trained anew each time. Writes
benchmarks/results/fit_speed.json and .md.
"""

import argparse
from pathlib import Path

from machine import machine, shared_data

from ssmtl import configure, fit, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--precision", nargs="+", default=["auto", "32-true"])
    parser.add_argument("--recipe", default="fast")
    options = parser.parse_args()
    clips = open_dataset("ucsd", shared_data() / "UCSDped2").train_clips()
    rows = []
    for precision in options.precision:
        configuration = configure(options.recipe, {"train": {"precision": precision}})
        out, sequences = options.work / precision, options.work / "sequences"
        with Bars(console) as bars:
            model = fit(clips, out, configuration, overwrite=True, sequences=sequences, progress=bars)
        facts = model.training
        rows.append(
            {
                "precision": facts["precision"],
                "sequences": facts["trained_on"],
                "epochs": facts["epochs"],
                "minutes_per_epoch": facts["seconds"] / 60 / facts["epochs"],
                "network_busy": facts["network_busy"],
                "held_out_total": facts["losses"][facts["best_epoch"] - 1]["held_out/total"],
            }
        )
        print(rows[-1], flush=True)
    report = {**machine(), "recipe": options.recipe, "rows": rows}
    write_json(RESULTS / "fit_speed.json", report)
    write_text(RESULTS / "fit_speed.md", table(report))


def table(report: dict) -> str:
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['threads']} threads; `{report['recipe']}` on "
        "the training clips of UCSD Ped2. Made by `benchmarks/fit_speed.py`.",
        "",
        "| precision | sequences | epochs | minutes per epoch | network at work | held-out loss |",
        "|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        lines.append(
            f"| {row['precision']} | {row['sequences']} | {row['epochs']} | {row['minutes_per_epoch']:.2f} | "
            f"{100 * row['network_busy']:.1f} % | {row['held_out_total']:.4f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

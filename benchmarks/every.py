"""What scoring each object on every 2nd, 3rd or 4th frame costs in accuracy, on the test clips of UCSD Ped2.

    python benchmarks/every.py --model runs/ped2_lite/v1/model --work runs/every [--engine float32 int8]

With the plain mean of the tasks, and with the calibrated one. Measured, not chosen: nothing is set by this. Writes
benchmarks/results/every_RECIPE.json and .md; goes on where it was left.
"""

import argparse
from pathlib import Path

from machine import machine, shared_data
from parts import from_objects

from ssmtl import detect, evaluate, load_model, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.model import with_settings
from ssmtl.scoring.score import calibrate

RESULTS = Path(__file__).parent / "results"
MEASURES = ("micro", "macro_anchored", "rbdc", "tbdc", "calibrated_micro", "calibrated_macro_anchored")
ENGINES = {
    "float32": {"kind": "pytorch", "precision": "float32"},
    "openvino-float32": {"kind": "openvino", "precision": "float32"},
    "bfloat16": {"kind": "openvino", "precision": "bfloat16"},
    "int8": {"kind": "openvino", "precision": "int8"},
    "auto": {},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--engine", nargs="+", choices=list(ENGINES), default=["auto"])
    parser.add_argument("--every", nargs="+", type=int, default=[1, 2, 3, 4])
    options = parser.parse_args()
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    model = load_model(options.model)
    rows = []
    for engine in options.engine:
        for every in options.every:
            changes = {"scoring": {"every": every, "combine": "plain"}, "engine": ENGINES[engine]}
            used = with_settings(model, changes)
            out = options.work / f"{engine}-{every}"
            with Bars(console) as bars:
                done = detect(data.test_clips(), used, out, dataset=data, resume=True, progress=bars)
            measures = evaluate(data, out)
            assert measures.frames is not None and measures.regions is not None
            kinds = [task.kind for task in used.tasks]
            scaled = from_objects(data, out, used, lambda raw, k=kinds: calibrate(raw, k, used.scales).mean(axis=1))  # noqa: B023
            frames = sum(facts["frames"] for facts in done.clips.values())
            choice = used.engine_choice
            rows.append(
                {
                    "engine": f"{choice.kind} {choice.precision}",
                    "asked": engine,
                    "largest_difference": choice.difference,
                    "every": every,
                    "micro": measures.frames.micro,
                    "macro_anchored": measures.frames.macro_anchored,
                    "rbdc": measures.regions.rbdc,
                    "tbdc": measures.regions.tbdc,
                    "calibrated_micro": scaled.micro,
                    "calibrated_macro_anchored": scaled.macro_anchored,
                    "frames_per_s": frames / sum(facts["seconds"] for facts in done.clips.values()),
                    "regions_per_frame": sum(sum(f["regions"].values()) for f in done.clips.values()) / frames,
                }
            )
            print(rows[-1], flush=True)
    recipe = model.configuration.recipe
    report = {**machine(), "recipe": recipe, "trained_on": model.training["trained_on"], "rows": rows}
    name = RESULTS / f"every_{recipe}"
    write_json(name.with_suffix(".json"), report)
    write_text(name.with_suffix(".md"), table(report))


def table(report: dict) -> str:
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['cores']} cores; `{report['recipe']}` trained "
        f"on {report['trained_on']} sequences of UCSD Ped2, test clips 1, 3, 5, 7, 9, 11, in %. Made by "
        "`benchmarks/every.py`.",
        "",
        "| engine | scored on every | micro AUC | macro AUC, anchored | RBDC | TBDC | calibrated: micro | macro | "
        "frames/s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        shown = " | ".join(f"{100 * row[key]:.2f}" for key in MEASURES)
        lines.append(f"| {row['engine']} | {row['every']}. frame | {shown} | {row['frames_per_s']:.1f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

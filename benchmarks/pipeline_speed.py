"""From an H.264 file to CSV: frames per second, the network's share, and how much faster than a plain pipeline.

    python benchmarks/pipeline_speed.py --fast runs/ped2/seed0/model --plus runs/plus/seed0/model \\
        --v1 runs/ped2_lite/v1/model --lite runs/ped2_lite/lite/model [--rounds 3]

Rows of other processors, and with --only those of other models, stay as an earlier run left them. 640×360 pixels, seven
objects per frame, regions by background and flow. A model that is not named is an untrained network of its recipe. Ours
and the plain pipeline (`plain.py`) take turns. Writes benchmarks/results/pipeline_speed.json and .md.
"""

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from machine import machine
from plain import run_plain

from ssmtl import configure, load_model
from ssmtl.atomic import write_json, write_text
from ssmtl.bench.footage import Walkers, write_footage
from ssmtl.bench.run import untrained
from ssmtl.bench.stages import Clock, run
from ssmtl.model import Model, with_settings
from ssmtl.video.sources import Clip, open_source

RESULTS = Path(__file__).parent / "results"
MOTION = [{"kind": "background"}, {"kind": "flow"}]
CASES = (
    ("fast", "fast", None),
    ("plus", "ssmtl-plus", None),
    ("lite", "ssmtlpp-lite", 2),
    ("v1", "ssmtlpp-v1", 1),
    ("v1", "ssmtlpp-v1", 4),
)
"""Which model, its recipe, and `scoring.every` where it is not the recipe's own."""


def load(folder: Path | None, recipe: str, every: int | None, walkers: Walkers) -> Model:
    model = load_model(folder) if folder else untrained(configure(recipe, {"detectors": MOTION}))
    changes = {"detectors": MOTION}
    if every is not None:
        changes["scoring"] = {"every": every}
    return replace(with_settings(model, changes), scene=walkers.scene)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("fast", "plus", "lite", "v1"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--plain-frames", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=["fast", "plus", "lite", "v1"])
    options = parser.parse_args()
    file = RESULTS / "pipeline_speed.json"
    old = json.loads(file.read_text())["rows"] if file.is_file() else []
    here = machine()
    anew = [recipe for name, recipe, _ in CASES if not options.only or name in options.only]
    rows = [row for row in old if row["processor"] != here["processor"] or row["recipe"] not in anew]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        walkers = Walkers(options.frames, 7)
        clip = Clip("walkers", write_footage(work / "walkers.mp4", walkers))
        short = replace(clip, stop=options.plain_frames)
        for name, recipe, every in CASES:
            if options.only and name not in options.only:
                continue
            model = load(getattr(options, name), recipe, every, walkers)
            choice = model.engine_choice
            ours, plain = [], []
            run(open_source(short), model, work)
            for _ in range(options.rounds):
                done = run(open_source(clip), model, work)
                ours.append(done["frames"] / done["seconds"])
                started = time.perf_counter()
                count = run_plain(short, model, work)
                plain.append(count / (time.perf_counter() - started))
            clock = Clock()
            alone = run(open_source(clip), model, work, clock)
            rows.append(
                {
                    "recipe": recipe,
                    "date": here["date"],
                    "processor": here["processor"],
                    "every": model.configuration.scoring.every,
                    "trained": bool(model.training.get("epochs")),
                    "channels": model.picture_channels,
                    "engine": f"{choice.kind} {choice.precision}",
                    "largest_difference": choice.difference,
                    "objects_per_frame": done["objects"] / done["frames"],
                    "frames_per_s": statistics.median(ours),
                    "frames_per_s_all": ours,
                    "plain_frames_per_s": statistics.median(plain),
                    "ratio": statistics.median(a / b for a, b in zip(ours, plain, strict=True)),
                    "stages_ms_per_frame": {k: 1000 * s / alone["frames"] for k, s in clock.seconds.items()},
                    "network_share": clock.seconds["network"] / alone["seconds"],
                }
            )
            print(rows[-1], flush=True)
    recipes = [recipe for _, recipe, _ in CASES]
    rows.sort(key=lambda row: (row["processor"], recipes.index(row["recipe"])))
    report = {**here, "rounds": options.rounds, "frames": options.frames, "rows": rows}
    write_json(RESULTS / "pipeline_speed.json", report)
    write_text(RESULTS / "pipeline_speed.md", table(report))


def table(report: dict) -> str:
    rounds = sorted({len(row["frames_per_s_all"]) for row in report["rows"]})
    lines = [
        f"Measured on {report['cores']} cores; generated footage of 640×360 pixels, {report['frames']} frames; medians "
        f"of {' or '.join(map(str, rounds))} rounds, ours and the plain pipeline in turns. Made by "
        "`benchmarks/pipeline_speed.py`.",
        "",
        "| recipe | processor | date | scored on every | engine | objects per frame | frames/s | plain pipeline | "
        "ratio | the network's share, one stage at a time | "
        "decode, regions, crop, network, scores, write: ms per frame |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        stages = row["stages_ms_per_frame"]
        shown = ", ".join(f"{stages[k]:.1f}" for k in ("decode", "regions", "crop", "network", "scores", "write"))
        lines.append(
            f"| `{row['recipe']}`{'' if row['trained'] else ', untrained'} | {row['processor']} | {row['date']} | "
            f"{row['every']}. frame | {row['engine']} | "
            f"{row['objects_per_frame']:.1f} | **{row['frames_per_s']:.1f}** | {row['plain_frames_per_s']:.2f} | "
            f"{row['ratio']:.0f} | {100 * row['network_share']:.0f} % | {shown} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

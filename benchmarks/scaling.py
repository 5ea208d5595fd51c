"""Cost against the number of objects and of frames, and memory against length.

    python benchmarks/scaling.py [--model MODEL] [--minutes 10]

Generated footage of 640×360 pixels with 1, 7, 30 and 100 objects per frame; then one minute of it, and ten, each in a
process of its own. Without --model, an untrained `fast`. Writes benchmarks/results/scaling.json and .md.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from machine import machine

from ssmtl import configure, load_model
from ssmtl.atomic import write_json, write_text
from ssmtl.bench.footage import RATE, Walkers, write_footage
from ssmtl.bench.run import untrained
from ssmtl.bench.stages import run
from ssmtl.model import Model, with_settings
from ssmtl.model_folder import save_model
from ssmtl.video.sources import Clip, open_source

RESULTS = Path(__file__).parent / "results"
OBJECTS = (1, 7, 30, 100)
MOTION = [{"kind": "background"}, {"kind": "flow"}]


def by_objects(model: Model, work: Path, frames: int) -> list[dict]:
    rows = []
    for objects in OBJECTS:
        walkers = Walkers(frames, objects)
        clip = Clip("w", write_footage(work / f"{objects}.mp4", walkers))
        one = replace(model, scene=walkers.scene)
        one.__dict__["_chosen"] = (model.engine, model.engine_choice)
        run(open_source(replace(clip, stop=40)), one, work)
        # Every frame, so that the objects' part is seen.
        runs = [run(open_source(clip), one, work) for _ in range(3)]
        seconds, found = min(done["seconds"] for done in runs), runs[0]["objects"] / frames
        rows.append({"drawn": objects, "objects_per_frame": found, "ms_per_frame": 1000 * seconds / frames})
    x, y = (np.array([row[key] for row in rows]) for key in ("objects_per_frame", "ms_per_frame"))
    slope, offset = np.polyfit(x, y, 1, w=1 / y)
    for row, fitted in zip(rows, offset + slope * x, strict=True):
        row["line_ms"] = float(fitted)
    return rows


def by_length(model: Path, work: Path, minutes: int) -> list[dict]:
    rows = []
    for n in (1, minutes):
        file = write_footage(work / f"{n}min.mp4", Walkers(int(60 * n * RATE), 7))
        out = work / f"out{n}"
        process = subprocess.Popen([sys.executable, "-m", "ssmtl", "detect", file, "--model", model, "--out", out])
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"detect failed with status {status}")
        facts = json.loads((out / "summary.json").read_text())["clips"][f"{n}min"]
        rows.append(
            {
                "minutes": n,
                "frames": facts["frames"],
                "ms_per_frame": 1000 * facts["seconds"] / facts["frames"],
                "peak_memory_MB": usage.ru_maxrss / 1024,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--frames", type=int, default=120)
    options = parser.parse_args()
    model = load_model(options.model) if options.model else untrained(configure("fast", {"detectors": MOTION}))
    model = with_settings(model, {"detectors": MOTION, "scoring": {"every": 1}})
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        objects = by_objects(model, work, options.frames)
        save_model(replace(model, scene=Walkers(1, 1).scene), work / "model")
        lengths = by_length(work / "model", work, options.minutes)
    choice = model.engine_choice
    report = {
        **machine(),
        "recipe": model.configuration.recipe,
        "engine": f"{choice.kind} {choice.precision}",
        "by_objects": objects,
        "by_length": lengths,
        "memory_ratio": lengths[1]["peak_memory_MB"] / lengths[0]["peak_memory_MB"],
    }
    write_json(RESULTS / "scaling.json", report)
    write_text(RESULTS / "scaling.md", table(report))
    print(table(report))


def table(report: dict) -> str:
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['cores']} cores; `{report['recipe']}` on every "
        f"frame by {report['engine']}, generated footage of 640×360 pixels. Made by `benchmarks/scaling.py`.",
        "",
        "| objects per frame | ms per frame | on the line through all |",
        "|---|---|---|",
    ]
    lines += [
        f"| {row['objects_per_frame']:.1f} | {row['ms_per_frame']:.1f} | {row['line_ms']:.1f} |"
        for row in report["by_objects"]
    ]
    lines += ["", "| minutes | ms per frame | memory, MB |", "|---|---|---|"]
    lines += [
        f"| {row['minutes']} | {row['ms_per_frame']:.1f} | {row['peak_memory_MB']:.0f} |" for row in report["by_length"]
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

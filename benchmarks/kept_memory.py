"""What training gains by keeping the memory that a step frees (`ssmtl.hardware.kept_memory`): seconds per step.

    python benchmarks/kept_memory.py --work runs/kept_memory [--turns 3]

The default recipe on two training clips of UCSD Ped2, for a few steps, with and without in turns, each in a process of
its own. The processor's time is compared, of the system too: a machine that does other things as well has no other.
Writes benchmarks/results/kept_memory.json and .md.
"""

import argparse
import json
import resource
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from machine import machine, shared_data

from ssmtl import configure, fit, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.training.train import Trainer, plan

RESULTS = Path(__file__).parent / "results"
WAYS = ("given back", "kept")
STEPS = 40


def one_turn(way: str, work: Path) -> dict[str, float]:
    """Seconds of a processor, and page faults, per step."""
    used = []
    run = Trainer.run

    def measured(*args: Any) -> Any:
        before = resource.getrusage(resource.RUSAGE_SELF)
        done = run(*args)
        after = resource.getrusage(resource.RUSAGE_SELF)
        used.append([getattr(after, name) - getattr(before, name) for name in ("ru_utime", "ru_stime", "ru_minflt")])
        return done

    clips = open_dataset("ucsd", shared_data() / "UCSDped2").train_clips()[:2]
    configuration = configure("fast", {"train": {"min_steps": STEPS, "epochs": 1, "batch_size": 32, "average": 0}})
    # What the recipe does is kept_memory; without it, what it is replaced by does nothing.
    ways = nullcontext() if way == "kept" else patch("ssmtl.fitting.kept_memory", nullcontext)
    with patch.object(Trainer, "run", measured), ways:
        model = fit(clips, work / "model", configuration, overwrite=True, sequences=work / "sequences")
    steps, epochs = plan(model.training["trained_on"], configuration.train)
    user, system, faults = (value / (steps * epochs) for value in used[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"user_s": user, "system_s": system, "page_faults": faults, "peak_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--one", choices=WAYS, help="of the processes that this one starts")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_turn(options.one, options.work)))
        return
    rows: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(options.turns):
        for way in WAYS:
            command = [sys.executable, __file__, "--work", str(options.work), "--one", way]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            rows[way].append(json.loads(done.stdout.splitlines()[-1]))
            print(way, rows[way][-1], flush=True)
    means = {way: {key: float(np.mean([one[key] for one in some])) for key in some[0]} for way, some in rows.items()}
    report = {**machine(), "turns": options.turns, "rows": rows, "means": means}
    write_json(RESULTS / "kept_memory.json", report)
    write_text(RESULTS / "kept_memory.md", table(report))


def table(report: dict) -> str:
    first = sum(report["means"][WAYS[0]][key] for key in ("user_s", "system_s"))
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['threads']} threads; `fast` on two training "
        f"clips of UCSD Ped2, means of {report['turns']} turns, per step. Made by `benchmarks/kept_memory.py`.",
        "",
        "| freed memory is | processor, s | of that the system, s | page faults | peak memory, MB | ratio of time |",
        "|---|---|---|---|---|---|",
    ]
    for way, row in report["means"].items():
        whole = row["user_s"] + row["system_s"]
        cells = (f"{whole:.2f}", f"{row['system_s']:.2f}", f"{row['page_faults']:.0f}", f"{row['peak_mb']:.0f}")
        lines.append(f"| {way} | {' | '.join(cells)} | {whole / first:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

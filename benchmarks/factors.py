"""What decides accuracy before and during training, one factor at a time: UCSD Ped2, recipe `fast`, three seeds each.

    python benchmarks/factors.py --work runs/factors [--seeds 3] [--rows base "1000 steps" ...]

Every row is the base with one change, trained anew. Rows that are not asked for are shown if they were measured before,
with as many seeds as they have. Several processes may share the work (--only SEED). Can be killed and run again. Writes
benchmarks/results/factors.json and .md. A comparison after the fact: no default may be chosen by it.
"""

import argparse
import json
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
from machine import machine, shared_data
from ped2 import one_seed

from ssmtl.atomic import write_json, write_text
from ssmtl.sequences import crop

RESULTS = Path(__file__).parent / "results"
BASE = ["train.min_steps=300", "scoring.every=3", "tasks.arrow_of_time.both_ways=false"]
"""Few steps, in whole epochs, so that all rows can be trained in a night; scored as `fast` was when the first were."""

MEASURES = ("micro", "macro_anchored", "rbdc", "tbdc")

AGAIN = "base, on the other processor"
"""Nothing is changed; the same seed gives another network there. Rows are compared with the base of their processor."""

SQUARE = "crop: kept square"
"""No setting: a box is shown in a square of its longer side, not stretched."""


def rows() -> dict[str, list[str]]:
    """Row → what is set besides the base."""
    weights = shared_data().parent / "weights" / "yolox_nano_416.onnx"
    detector, surer = (f'{{kind="onnx", path="{weights}", min_confidence={least}}}' for least in (0.25, 0.5))
    motion = '{kind="background"}, {kind="flow"}'
    return {
        "base": [],
        AGAIN: [],
        "regions: a detector and motion": [f"detectors=[{detector}, {motion}]"],
        "regions: a detector, surer, and motion": [f"detectors=[{surer}, {motion}]"],
        "regions: a detector alone": [f"detectors=[{detector}]"],
        "regions: flow alone": ['detectors=[{kind="flow"}]'],
        "regions: background alone": ['detectors=[{kind="background"}]'],
        "regions: crowds left whole": ["detectors.background.split=false", "detectors.flow.split=false"],
        "regions: fragments left": ["detectors.background.fragment=0", "detectors.flow.fragment=0"],
        "regions: twice the smallest area": ["detectors.background.min_area=600", "detectors.flow.min_area=600"],
        "crop: no padding": ["sequences.padding=0"],
        "crop: padding 0.25": ["sequences.padding=0.25"],
        SQUARE: [],
        "T1: no label smoothing": ["tasks.arrow_of_time.label_smoothing=0"],
        "T2: steps of at most 2": ["tasks.motion_irregularity.max_step=2"],
        "no mirroring": ["train.flip=false"],
        "brightness as it is": ["train.brightness=0"],
        "brightness by 30 %": ["train.brightness=0.3"],
        "weight decay": ["train.weight_decay=1"],
        "batch of 16": ["train.batch_size=16"],
        "batch of 64": ["train.batch_size=64"],
        "1000 steps": ["train.min_steps=1000"],
        "no mean of the weights": ["train.average=0"],
        "twice as many sequences": ["sequences.max_sequences=16000"],
        "wide": ["backbone.width=wide"],
        "deep": ["backbone.depth=deep"],
    }


def folder_of(title: str, work: Path) -> Path:
    return work / "".join(c if c.isalnum() else "_" for c in title)


@contextmanager
def kept_square() -> Iterator[None]:
    """Crops show boxes that are as wide as high about the same middle; what the picture's edge cuts is stretched."""
    stretched = crop.padded_boxes

    def square(boxes: np.ndarray, padding: float, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
        return stretched(np.hstack([middles - half, middles + half]), padding, height, width)

    with patch.object(crop, "padded_boxes", square):
        yield


def measured(title: str, changes: list[str], seed: int, work: Path) -> dict:
    folder = folder_of(title, work)
    kept = folder / f"seed{seed}.json"
    if not kept.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        if title != SQUARE and not (folder / "sequences").exists():
            # What is cut is kept for all rows; those with the same regions and crops share it.
            (work / "sequences").mkdir(exist_ok=True)
            (folder / "sequences").symlink_to("../sequences")
        with kept_square() if title == SQUARE else nullcontext():
            options = Namespace(work=folder, recipe="fast", set=[*BASE, *changes], networks=None)
            write_json(kept, {**one_seed(seed, options), "processor": machine()["processor"]})
    return json.loads(kept.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", nargs="*", help="titles; all by default")
    parser.add_argument("--only", type=int, help="this seed, and stop, so that processes can share the work")
    options = parser.parse_args()
    known = rows()
    for title in options.rows or known:
        for seed in [options.only] if options.only is not None else range(options.seeds):
            measured(title, known[title], seed, options.work)
    if options.only is not None:
        return
    found = {}
    for title, changes in known.items():
        kept = sorted(folder_of(title, options.work).glob("seed*.json"))
        seeds = [measured(title, changes, int(one.stem[4:]), options.work) for one in kept]
        if seeds:
            # Where the detector lies on this machine is nobody's business.
            shown = [change.replace(str(shared_data().parent), "$SSMTL_SHARED") for change in changes]
            found[title] = {"set": shown, "seeds": seeds}
    report = {**machine(), "base": BASE, "rows": found}
    write_json(RESULTS / "factors.json", report)
    write_text(RESULTS / "factors.md", table(report))


def table(report: dict) -> str:
    lines = [
        f"Measured until {report['date']}, ssmtl {report['ssmtl']}; `fast` with "
        f"`{' '.join(report['base'])}` on UCSD Ped2's six test clips; means (and range) over seeds, in %. "
        "Made by `benchmarks/factors.py`.",
        "",
        "| changed | seeds | micro AUC | macro AUC, anchored | RBDC | TBDC | regions per frame | minutes | on |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for title, row in report["rows"].items():
        cells = []
        for measure in MEASURES:
            values = 100 * np.array([seed[measure] for seed in row["seeds"]])
            cells.append(f"{values.mean():.2f} ({values.min():.2f}–{values.max():.2f})")
        regions, minutes = (np.mean([s[k] for s in row["seeds"]]) for k in ("regions_per_frame", "training_s"))
        makers = sorted({seed["processor"].split("(")[0].split()[0] for seed in row["seeds"]})
        cells += [f"{regions:.1f}", f"{minutes / 60:.1f}", ", ".join(makers)]
        lines.append(f"| {title} | {len(row['seeds'])} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

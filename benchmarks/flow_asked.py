"""What `detectors.flow.min_change` spares and loses: flow asked for every frame, against only where enough changed.

    python benchmarks/flow_asked.py

Regions by background and flow on training clips of UCSD Ped2, on vtest.avi and on generated walkers; no labels are
read. Writes benchmarks/results/flow_asked.json and .md.
"""

import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from machine import machine, shared_data

from ssmtl import open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.bench.footage import Walkers, write_footage
from ssmtl.regions.background import Background, BackgroundSettings
from ssmtl.regions.flow import Flow, FlowSettings, dense_inverse_search
from ssmtl.regions.regions import Regions, overlaps
from ssmtl.regions.scene import Scene, grey, median_background
from ssmtl.regions.union import Union
from ssmtl.video.frame import Frame
from ssmtl.video.sources import Clip, open_source

RESULTS = Path(__file__).parent / "results"
SAME = 0.5
"""Intersection over union from which two regions are one."""


def search(frames: list[Frame], scene: Scene | None, min_change: float) -> tuple[list[Regions], int, float]:
    """Regions that flow finds in each frame, how often it was asked, and the seconds for all regions."""
    asked = 0
    whole = dense_inverse_search("fast")

    def counted(now: np.ndarray, before: np.ndarray) -> np.ndarray:
        nonlocal asked
        asked += 1
        return whole(now, before)

    flow = Flow(FlowSettings(min_change=min_change), scene, counted)
    detector = Union([Background(BackgroundSettings(), scene), flow])
    started = time.perf_counter()
    found = [detector.detect(frame) for frame in frames]
    seconds = time.perf_counter() - started
    return [regions.take(regions.origin == "flow") for regions in found], asked, seconds


def compare(clips: list[list[Frame]]) -> dict[str, float]:
    background = median_background(grey(frame.image) for clip in clips for frame in clip[::10])
    scene = None if background is None else Scene(background)
    row = dict.fromkeys(("frames", "regions", "kept", "others", "asked", "asked_always", "s", "s_always"), 0.0)
    for clip in clips:
        always, asked_always, s_always = search(clip, scene, 0.0)
        some, asked, s = search(clip, scene, FlowSettings().min_change)
        for a, b in zip(always, some, strict=True):
            overlap = overlaps(a.boxes, b.boxes) >= SAME if len(a) and len(b) else np.zeros((len(a), len(b)), bool)
            row["regions"] += len(a)
            row["kept"] += int(overlap.any(axis=1).sum())
            row["others"] += int((~overlap.any(axis=0)).sum())
        for name, value in (("frames", len(clip)), ("asked", asked), ("asked_always", asked_always)):
            row[name] += value
        row["s"] += s
        row["s_always"] += s_always
    return row


def main() -> None:
    shared = shared_data()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        walkers = write_footage(Path(folder) / "walkers.mp4", Walkers(300, 7))
        train = open_dataset("ucsd", shared / "UCSDped2").train_clips()
        footage = {
            "UCSD Ped2, six training clips": [list(open_source(clip)) for clip in train[:6]],
            "vtest.avi": [list(open_source(Clip("vtest", shared / "video" / "vtest.avi")))],
            "generated walkers": [list(open_source(Clip("walkers", walkers)))],
        }
    rows = {name: compare(clips) for name, clips in footage.items()}
    facts = machine() | {"min_change": FlowSettings().min_change, "rows": rows}
    write_json(RESULTS / "flow_asked.json", facts)
    lines = [
        f"Measured on {facts['date']}, {facts['processor']}, one thread; `min_change` {FlowSettings().min_change:g} "
        "against 0. Made by `benchmarks/flow_asked.py`.\n",
        "| footage | frames | regions of flow | kept | others | frames without flow | regions, ms per frame | before |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        spared = 100 * (1 - row["asked"] / row["asked_always"])
        ms, before = (1000 * row[key] / row["frames"] for key in ("s", "s_always"))
        lines.append(
            f"| {name} | {row['frames']:.0f} | {row['regions']:.0f} | {row['kept']:.0f} | {row['others']:.0f} "
            f"| {spared:.0f} % | {ms:.2f} | {before:.2f} |"
        )
    text = "\n".join(lines) + "\n"
    write_text(RESULTS / "flow_asked.md", text)
    print(text)


if __name__ == "__main__":
    main()

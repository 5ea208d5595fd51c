"""How the attribute `speed` is measured best, by people planted in training footage who walk 1.5 and 2 times as fast.

    python benchmarks/speed_step.py --model runs/ped2/seed0/model

On the training clips of UCSD Ped2 alone; of the model only its regions and scene are used. Usual speeds are learnt from
twelve clips; in the other four, up to four people each are planted, faster, one at a time. Every third frame is scored,
tracks are averaged over seven of these. Writes benchmarks/results/speed_step.json and .md.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from machine import machine, shared_data
from numpy.typing import NDArray

from ssmtl import load_model, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.metrics.regions import match_video, measure_regions
from ssmtl.model import Model
from ssmtl.planting import Planting, choose_start, find_walks, plant
from ssmtl.regions.union import build_detector
from ssmtl.scoring.speed import MARGIN, SpeedSettings, UsualSpeed, learn_usual_speed
from ssmtl.scoring.tracks import Followed, average_along_tracks
from ssmtl.sequences.crop import SIZE, crop, prepare_picture
from ssmtl.video.frame import Frame
from ssmtl.video.sources import open_source

RESULTS = Path(__file__).parent / "results"
PLANTED_IN = (2, 5, 8, 11)
"""Numbers of the training clips that usual speeds are not learnt from."""

WALKS, EVERY, TIMES = 4, 3, (1.5, 2.0)
PERCENTILES = (50, 60, 75, 85, 92)
ALL = [(t, t + 1) for t in range(6)]
STEPS: dict[str, Sequence[tuple[int, int]]] = {
    "one frame, 2 pairs": [(2, 3), (3, 4)],
    "one frame, 6 pairs": ALL,
    "two frames, 1 pair": [(2, 4)],
    "two frames, 2 pairs": [(1, 3), (3, 5)],
    "two frames, 3 pairs": [(1, 3), (2, 4), (3, 5)],
    "three frames, 2 pairs": [(0, 3), (3, 6)],
    "one and two frames, 3 pairs": [(2, 3), (3, 4), (2, 4)],
}
"""Pairs of a sequence's seven frames whose flow is measured."""

TAKEN = "two frames, 2 pairs"
WAYS = [
    *((step, 75, True) for step in STEPS),
    *((step, 75, False) for step in ("two frames, 3 pairs", TAKEN)),
    *((TAKEN, percentile, False) for percentile in PERCENTILES if percentile != 75),
]
"""What is compared: between which frames, which percentile of the pixels' speeds counts, whether flow is refined."""

Speeds = NDArray[np.float32]
"""Ways × objects, pixels per frame."""


def measure_all(frames: Sequence[Frame], i: int, boxes: NDArray[np.float32], padding: float) -> Speeds:
    """The speeds of the boxes of frame `i`, by all ways."""
    found = np.zeros((len(WAYS), len(boxes)), np.float32)
    pictures = [prepare_picture(frame.image, 1) for frame in frames[i - 3 : i + 4]]
    search = {refined: cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM) for refined in (True, False)}
    search[False].setVariationalRefinementIterations(0)
    inner = slice(MARGIN, SIZE - MARGIN)
    scales = (boxes[:, 2:] - boxes[:, :2]) * (1 + 2 * padding) / SIZE
    for n, (sequence, scale) in enumerate(zip(crop(pictures, boxes, padding), scales, strict=True)):
        grey = [np.ascontiguousarray(picture) for picture in sequence[0]]
        kept: dict[tuple[bool, int, int], NDArray[np.float64]] = {}
        for key in {(refined, *pair) for step, _, refined in WAYS for pair in STEPS[step]}:
            refined, one, later = key
            flow = search[refined].calc(grey[one], grey[later], np.zeros((SIZE, SIZE, 2), np.float32))[inner, inner]
            speed = np.hypot(*np.moveaxis(flow * scale, -1, 0))
            kept[key] = np.percentile(speed, PERCENTILES) / (later - one)
        for way, (step, percentile, refined) in enumerate(WAYS):
            place = PERCENTILES.index(percentile)
            found[way, n] = np.mean([kept[refined, *pair][place] for pair in STEPS[step]])
    return found


def regions(frames: Sequence[Frame], model: Model) -> list[NDArray[np.float32]]:
    detector = build_detector(model.configuration.detectors, "clip", model.scene)
    return [detector.detect(frame).boxes for frame in frames]


def found_by(way: int, usual: UsualSpeed, cases: Sequence[tuple], half: int) -> float:
    """RBDC in % of the planted people."""
    matched, count = [], 0
    for planting, boxes, speeds in cases:
        scored = [
            Followed(i, boxes[i], usual.scores(values[way], boxes[i])[:, None]) for i, values in sorted(speeds.items())
        ]
        along = list(average_along_tracks(scored, half))
        count += len(along)
        index = np.concatenate([np.full(len(frame.boxes), frame.item) for frame in along])
        seen = np.isin(planting.frames, list(speeds))
        columns = [np.concatenate(part) for part in zip(*((f.boxes, f.scores[:, 0]) for f in along), strict=True)]
        tracks = np.zeros(seen.sum(), int)
        matched.append(match_video(planting.frames[seen], tracks, planting.boxes[seen], index, *columns))
    return 100 * measure_regions(matched, count).rbdc


def plant_in(frames: list[Frame], model: Model, step: Callable[[], None]) -> dict[float, list[tuple]]:
    padding = model.configuration.sequences.padding
    boxes = regions(frames, model)
    walks = sorted(find_walks(boxes), key=lambda walk: len(walk.frames), reverse=True)[:WALKS]
    cases: dict[float, list[tuple]] = {times: [] for times in TIMES}
    for walk in walks:
        for times in TIMES:
            start = choose_start(walk, "faster", times, boxes)
            if start is not None:
                planting = Planting(walk, "faster", start, times)
                changed = list(plant(frames, planting))
                there = regions(changed, model)
                numbers = range(3, len(changed) - 3, EVERY)
                speeds = {i: measure_all(changed, i, there[i], padding) for i in numbers}
                cases[times].append((planting, there, speeds))
            step()
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    model = load_model(options.model)
    assert model.scene is not None
    padding = model.configuration.sequences.padding
    clips = open_dataset("ucsd", shared_data() / "UCSDped2").train_clips()
    speeds, places = [], []
    cases: dict[float, list[tuple]] = {times: [] for times in TIMES}
    with Bars(console) as bars:
        step = bars.stage("learning usual speeds", len(clips) - len(PLANTED_IN))
        for number, clip in enumerate(clips):
            if number not in PLANTED_IN:
                frames = list(open_source(clip))
                boxes = regions(frames, model)
                for i in range(6, len(frames) - 6, 8):
                    speeds.append(measure_all(frames, i, boxes[i], padding))
                    places.append(boxes[i])
                step()
        step = bars.stage("planting", len(PLANTED_IN) * WALKS * len(TIMES))
        for number in PLANTED_IN:
            for times, some in plant_in(list(open_source(clips[number])), model, step).items():
                cases[times] += some
    height, width = model.scene.background.shape[:2]
    rows = []
    for way, (title, percentile, refined) in enumerate(WAYS):
        mine, where = np.concatenate(speeds, axis=1)[way], np.concatenate(places)
        usual = learn_usual_speed(mine, where, (height, width), SpeedSettings())
        row: dict[str, object] = {"step": title, "percentile": percentile, "refined": refined}
        for times in TIMES:
            row[f"rbdc_{times}"] = found_by(way, usual, cases[times], 0)
            row[f"rbdc_{times}_tracks"] = found_by(way, usual, cases[times], 3)
        rows.append(row)
    planted = {str(times): len(some) for times, some in cases.items()}
    report = {**machine(), "planted": planted, "objects": len(np.concatenate(places)), "rows": rows}
    write_json(RESULTS / "speed_step.json", report)
    write_text(RESULTS / "speed_step.md", table(report))


def table(report: dict) -> str:
    lines = [
        f"Measured on {report['date']}, ssmtl {report['ssmtl']}; RBDC in % of people planted in training clips of Ped2 "
        f"({sum(report['planted'].values())} of them). Made by `benchmarks/speed_step.py`.",
        "",
        "| flow between frames that are apart by | refined | percentile | 1.5 times as fast | 2 times "
        "| 1.5 times, tracks | 2 times, tracks |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        cells = [f"{row[f'rbdc_{times}{tracks}']:.1f}" for tracks in ("", "_tracks") for times in TIMES]
        lines.append(
            f"| {row['step']} | {'yes' if row['refined'] else 'no'} | {row['percentile']} | {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

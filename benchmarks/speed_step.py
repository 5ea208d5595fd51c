"""How the attribute `speed` is measured best, by people planted in training footage who walk 1.5 and 2 times as fast.

    python benchmarks/speed_step.py --model runs/ped2/seed0/model

On the training clips of UCSD Ped2 alone; of the model only its regions and scene are used. Usual speeds are learnt from
twelve clips; in the other four, up to four people each are planted, faster, one at a time. Every third frame is scored,
tracks are averaged over seven of these. Writes benchmarks/results/speed_step.json and .md.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

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
from ssmtl.scoring.motion import SIDE
from ssmtl.scoring.speed import SpeedSettings, learn_usual_speed
from ssmtl.scoring.tracks import Followed, average_along_tracks
from ssmtl.sequences.crop import crop, prepare_picture
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

REFINED, AS_FOUND, COARSE = "refined", "as found", "as found, half the size"
"""Ways to find flow: DIS "medium" with and without its refinement, of crops of 64 pixels; and what `measure_motion`
does, the same of crops of 32."""

TAKEN = "two frames, 2 pairs"
WAYS = [
    *((step, 75, REFINED) for step in STEPS),
    *((step, 75, AS_FOUND) for step in ("two frames, 3 pairs", TAKEN)),
    *((TAKEN, percentile, AS_FOUND) for percentile in PERCENTILES if percentile != 75),
    (TAKEN, 75, COARSE),
]
"""What is compared: between which frames, which percentile of the pixels' speeds counts, how flow is found."""

Speeds = NDArray[np.float32]
"""Ways × objects, pixels per frame."""


def measure_all(frames: Sequence[Frame], i: int, boxes: NDArray[np.float32], padding: float) -> Speeds:
    """The speeds of the boxes of frame `i`, by all ways."""
    found = np.zeros((len(WAYS), len(boxes)), np.float32)
    pictures = [prepare_picture(frame.image, 1) for frame in frames[i - 3 : i + 4]]
    search = {way: cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM) for way in (REFINED, AS_FOUND, COARSE)}
    for way in (AS_FOUND, COARSE):
        search[way].setVariationalRefinementIterations(0)
    search[COARSE].setFinestScale(0)
    scales = (boxes[:, 2:] - boxes[:, :2]) * (1 + 2 * padding)
    for n, (sequence, scale) in enumerate(zip(crop(pictures, boxes, padding), scales, strict=True)):
        grey = [np.ascontiguousarray(picture) for picture in sequence[0]]
        small = [cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in grey]
        kept: dict[tuple[str, int, int], NDArray[np.float64]] = {}
        for key in {(way, *pair) for step, _, way in WAYS for pair in STEPS[step]}:
            way, one, later = key
            seen = small if way == COARSE else grey
            side = len(seen[0])
            inner = slice(side // 8, side - side // 8)
            flow = search[way].calc(seen[one], seen[later], np.zeros((side, side, 2), np.float32))[inner, inner]
            speed = np.hypot(*np.moveaxis(flow * (scale / side), -1, 0))
            kept[key] = np.percentile(speed, PERCENTILES) / (later - one)
        for row, (step, percentile, way) in enumerate(WAYS):
            place = PERCENTILES.index(percentile)
            found[row, n] = np.mean([kept[way, *pair][place] for pair in STEPS[step]])
    return found


def regions(frames: Sequence[Frame], model: Model) -> list[NDArray[np.float32]]:
    detector = build_detector(model.configuration.detectors, "clip", model.scene)
    return [detector.detect(frame).boxes for frame in frames]


Measure = Callable[[Sequence[Frame], int, NDArray[np.float32]], Any]
"""What is measured of the boxes of one of the frames."""


def found_by(
    score: Callable[[Any, NDArray[np.float32]], NDArray[np.float32]], cases: Sequence[tuple], half: int
) -> float:
    """RBDC in % of the planted people, by scores of what was measured and the boxes."""
    matched, count = [], 0
    for planting, boxes, measured in cases:
        scored = [Followed(i, boxes[i], score(values, boxes[i])[:, None]) for i, values in sorted(measured.items())]
        along = list(average_along_tracks(scored, half))
        count += len(along)
        index = np.concatenate([np.full(len(frame.boxes), frame.item) for frame in along])
        seen = np.isin(planting.frames, list(measured))
        columns = [np.concatenate(part) for part in zip(*((f.boxes, f.scores[:, 0]) for f in along), strict=True)]
        tracks = np.zeros(seen.sum(), int)
        matched.append(match_video(planting.frames[seen], tracks, planting.boxes[seen], index, *columns))
    return 100 * measure_regions(matched, count).rbdc


def rates(score: Callable[[Any, NDArray[np.float32]], NDArray[np.float32]], cases: dict[float, list[tuple]]) -> dict:
    """What `found_by` says of each pace, without and with tracks."""
    ways = [(f"rbdc_{times}{name}", times, half) for name, half in (("", 0), ("_tracks", 3)) for times in TIMES]
    return {title: found_by(score, cases[times], half) for title, times, half in ways}


def plant_in(frames: list[Frame], model: Model, measure: Measure, step: Callable[[], None]) -> dict[float, list[tuple]]:
    """For each pace the people that are planted, the boxes of all frames, and what was measured in some."""
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
                cases[times].append((planting, there, {i: measure(changed, i, there[i]) for i in numbers}))
            step()
    return cases


def measure_clips(
    model: Model, measure: Measure
) -> tuple[list[Any], list[NDArray[np.float32]], dict[float, list[tuple]]]:
    """Of the clips in which nobody is planted what was measured in every eighth frame, and the boxes; and the cases."""
    clips = open_dataset("ucsd", shared_data() / "UCSDped2").train_clips()
    measured, places = [], []
    cases: dict[float, list[tuple]] = {times: [] for times in TIMES}
    with Bars(console) as bars:
        step = bars.stage("learning what is usual", len(clips) - len(PLANTED_IN))
        for number, clip in enumerate(clips):
            if number not in PLANTED_IN:
                frames = list(open_source(clip))
                boxes = regions(frames, model)
                for i in range(6, len(frames) - 6, 8):
                    measured.append(measure(frames, i, boxes[i]))
                    places.append(boxes[i])
                step()
        step = bars.stage("planting", len(PLANTED_IN) * WALKS * len(TIMES))
        for number in PLANTED_IN:
            for times, some in plant_in(list(open_source(clips[number])), model, measure, step).items():
                cases[times] += some
    return measured, places, cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    model = load_model(options.model)
    assert model.scene is not None
    padding = model.configuration.sequences.padding
    speeds, places, cases = measure_clips(model, lambda frames, i, boxes: measure_all(frames, i, boxes, padding))
    height, width = model.scene.background.shape[:2]
    rows = []
    for way, (title, percentile, found) in enumerate(WAYS):
        mine, where = np.concatenate(speeds, axis=1)[way], np.concatenate(places)
        usual = learn_usual_speed(mine, where, (height, width), SpeedSettings())
        row = {"step": title, "percentile": percentile, "flow": found}

        def score(values: Speeds, boxes: NDArray[np.float32], way=way, usual=usual) -> NDArray[np.float32]:
            return usual.scores(values[way], boxes)

        rows.append(row | rates(score, cases))
    names = {"step": "flow between frames that are apart by", "flow": "flow", "percentile": "percentile"}
    write("speed_step", names, rows, sum(map(len, places)), cases)


def write(name: str, names: dict[str, str], rows: list[dict], objects: int, cases: dict[float, list[tuple]]) -> None:
    """`name`.json and .md in results; `names` are the fields of a row that say what was done, and their titles."""
    planted = {str(times): len(some) for times, some in cases.items()}
    report = {**machine(), "planted": planted, "objects": objects, "rows": rows}
    write_json(RESULTS / f"{name}.json", report)
    titles = [*names.values(), "1.5 times as fast", "2 times", "1.5 times, tracks", "2 times, tracks"]
    lines = [
        f"Measured on {report['date']}, ssmtl {report['ssmtl']}; RBDC in % of people planted in training clips of Ped2 "
        f"({sum(planted.values())} of them). Made by `benchmarks/{name}.py`.",
        "",
        f"| {' | '.join(titles)} |",
        "|---" * len(titles) + "|",
    ]
    words = {True: "yes", False: "no"}
    for row in rows:
        cells = [words[value] if isinstance(value, bool) else str(value) for value in (row[field] for field in names)]
        cells += [f"{row[f'rbdc_{times}{tracks}']:.1f}" for tracks in ("", "_tracks") for times in TIMES]
        lines.append(f"| {' | '.join(cells)} |")
    write_text(RESULTS / f"{name}.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

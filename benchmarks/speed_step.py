"""How the attribute `speed` is measured best, by people planted in training footage who walk faster.

    python benchmarks/speed_step.py --ped2 MODEL --vtest MODEL

On the training clips of UCSD Ped2 and the first 500 frames of vtest.avi (ten a second, people larger), or one of them;
of a model only its regions and scene are used. Usual speeds are learnt from most of the clips; in the others, a few
people each are planted, 1.5, 2 and 3 times as fast, one at a time. Every third frame is scored, tracks are averaged
over seven of these. Writes benchmarks/results/speed_step_FOOTAGE.json and .md.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

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
from ssmtl.planting import Planting, choose_start, cut, find_walks, plant
from ssmtl.regions.union import build_detector
from ssmtl.scoring.motion import NEEDED, SIDE, Motion, measure_motion
from ssmtl.scoring.speed import SpeedSettings, learn_usual_speed
from ssmtl.scoring.tracks import Followed, average_along_tracks
from ssmtl.sequences.crop import crop, prepare_picture, shown_sizes
from ssmtl.video.frame import Frame
from ssmtl.video.sources import Clip, open_source

RESULTS = Path(__file__).parent / "results"
WALKS, EVERY, TIMES = 4, 3, (1.5, 2.0, 3.0)
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
"""Ways to find flow: DIS "medium" with and without its refinement, of crops of 64 pixels; the same of crops of 32."""

GUESSED = "as found, half the size, from a quarter"
"""What `measure_motion` does: where things go far, from where flow at half of that size leads."""

TAKEN = "two frames, 2 pairs"
WAYS = [
    *((step, 75, REFINED) for step in STEPS),
    *((step, 75, AS_FOUND) for step in ("two frames, 3 pairs", TAKEN)),
    *((TAKEN, percentile, AS_FOUND) for percentile in PERCENTILES if percentile != 75),
    (TAKEN, 75, COARSE),
    (TAKEN, 75, GUESSED),
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
    scales = shown_sizes(boxes, padding, *pictures[0].shape[:2])
    for n, (sequence, scale) in enumerate(zip(crop(pictures, boxes, padding), scales, strict=True)):
        grey = [np.ascontiguousarray(picture) for picture in sequence[0]]
        small = [cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in grey]
        kept: dict[tuple[str, int, int], NDArray[np.float64]] = {}
        for key in {(way, *pair) for step, _, way in WAYS if way != GUESSED for pair in STEPS[step]}:
            way, one, later = key
            seen = small if way == COARSE else grey
            side = len(seen[0])
            inner = slice(side // 8, side - side // 8)
            flow = search[way].calc(seen[one], seen[later], np.zeros((side, side, 2), np.float32))[inner, inner]
            speed = np.hypot(*np.moveaxis(flow * (scale / side), -1, 0))
            kept[key] = np.percentile(speed, PERCENTILES) / (later - one)
        for row, (step, percentile, way) in enumerate(WAYS):
            place = PERCENTILES.index(percentile)
            if way != GUESSED:
                found[row, n] = np.mean([kept[way, *pair][place] for pair in STEPS[step]])
    found[[way == GUESSED for _, _, way in WAYS]] = motion_of(frames, i, boxes, padding).speed_N
    return found


def motion_of(frames: Sequence[Frame], i: int, boxes: NDArray[np.float32], padding: float) -> Motion:
    """What `measure_motion` says of the boxes of frame `i`."""
    near = frames[i - NEEDED // 2 : i + NEEDED // 2 + 1]
    pictures = crop([prepare_picture(one.image, 1) for one in near], boxes, padding)
    return measure_motion(pictures, shown_sizes(boxes, padding, *near[0].image.shape[:2]))


class Footage(NamedTuple):
    """Normal footage of a scene: its clips, the numbers of those in which people are planted, and of how many frames of
    the others one says what is usual."""

    clips: Sequence[Clip]
    planted_in: Sequence[int]
    every: int


def ped2() -> Footage:
    return Footage(open_dataset("ucsd", shared_data() / "UCSDped2").train_clips(), (2, 5, 8, 11), 8)


def vtest() -> Footage:
    video = shared_data() / "video" / "vtest.avi"
    return Footage([Clip("vtest", video, 0, 330), Clip("vtest", video, 330, 500)], (1,), 2)


FOOTAGE = {"ped2": ped2, "vtest": vtest}


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
    for walk, pictures in zip(walks, cut(frames, walks), strict=True):
        for times in TIMES:
            start = choose_start(walk, "faster", times, boxes)
            if start is not None:
                planting = Planting(walk, "faster", start, times)
                changed = list(plant(frames, planting, pictures))
                there = regions(changed, model)
                numbers = range(3, len(changed) - 3, EVERY)
                cases[times].append((planting, there, {i: measure(changed, i, there[i]) for i in numbers}))
            step()
    return cases


def measure_clips(
    footage: Footage, model: Model, measure: Measure
) -> tuple[list[Any], list[NDArray[np.float32]], dict[float, list[tuple]]]:
    """Of the clips in which nobody is planted what was measured in some frames, and the boxes; and the cases."""
    measured, places = [], []
    cases: dict[float, list[tuple]] = {times: [] for times in TIMES}
    with Bars(console) as bars:
        step = bars.stage("learning what is usual", len(footage.clips) - len(footage.planted_in))
        for number, clip in enumerate(footage.clips):
            if number not in footage.planted_in:
                frames = list(open_source(clip))
                boxes = regions(frames, model)
                for i in range(6, len(frames) - 6, footage.every):
                    measured.append(measure(frames, i, boxes[i]))
                    places.append(boxes[i])
                step()
        step = bars.stage("planting", len(footage.planted_in) * WALKS * len(TIMES))
        for number in footage.planted_in:
            for times, some in plant_in(list(open_source(footage.clips[number])), model, measure, step).items():
                cases[times] += some
    return measured, places, cases


def asked_for(description: str | None) -> Iterator[tuple[str, Footage, Model, float, tuple[int, int]]]:
    """The footages whose models the command line names: name, footage, model, padding of crops, height and width."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in FOOTAGE:
        parser.add_argument(f"--{name}", type=Path, metavar="MODEL")
    options = vars(parser.parse_args())
    if not any(options.values()):
        parser.error("name the model of a footage")
    for name, folder in options.items():
        if folder is not None:
            model = load_model(folder)
            assert model.scene is not None
            height, width = model.scene.background.shape[:2]
            yield name, FOOTAGE[name](), model, model.configuration.sequences.padding, (height, width)


def main() -> None:
    names = {"step": "flow between frames that are apart by", "flow": "flow", "percentile": "percentile"}
    for name, footage, model, padding, shape in asked_for(__doc__):
        speeds, places, cases = measure_clips(
            footage, model, lambda frames, i, boxes, padding=padding: measure_all(frames, i, boxes, padding)
        )
        rows = []
        for way, (title, percentile, flow) in enumerate(WAYS):
            mine, where = np.concatenate(speeds, axis=1)[way], np.concatenate(places)
            usual = learn_usual_speed(mine, where, shape, SpeedSettings())
            row = {"step": title, "percentile": percentile, "flow": flow}

            def score(values: Speeds, boxes: NDArray[np.float32], way=way, usual=usual) -> NDArray[np.float32]:
                return usual.scores(values[way], boxes)

            rows.append(row | rates(score, cases))
        write("speed_step", name, names, rows, len(where), cases)


def write(
    name: str, footage: str, names: dict[str, str], rows: list[dict], objects: int, cases: dict[float, list[tuple]]
) -> None:
    """`name`_`footage`.json and .md in results; `names` are the fields of a row that say what was done, and their
    titles."""
    planted = {str(times): len(some) for times, some in cases.items()}
    report = {**machine(), "planted": planted, "objects": objects, "rows": rows}
    write_json(RESULTS / f"{name}_{footage}.json", report)
    titles = [*names.values(), *(f"{times:g} times{tracks}" for tracks in ("", ", tracks") for times in TIMES)]
    lines = [
        f"Measured on {report['date']}, ssmtl {report['ssmtl']}; RBDC in % of people planted in training footage of "
        f"{footage} ({sum(planted.values())} of them) who are so many times as fast as they were. "
        f"Made by `benchmarks/{name}.py`.",
        "",
        f"| {' | '.join(titles)} |",
        "|---" * len(titles) + "|",
    ]
    for row in rows:
        cells = [str(row[field]) for field in names]
        cells += [f"{row[f'rbdc_{times}{tracks}']:.1f}" for tracks in ("", "_tracks") for times in TIMES]
        lines.append(f"| {' | '.join(cells)} |")
    write_text(RESULTS / f"{name}_{footage}.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

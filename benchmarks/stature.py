"""What the attribute `stature` tells best by: people planted in normal footage who are cut in half.

    python benchmarks/stature.py --work runs/streets

On the training clips of UCSD Ped2 and of the generated streets of `streets.py`: how tall people are is learnt from
three quarters of them, and in the others up to four people each are planted, one at a time. No network is asked: a
region scores by its box alone, averaged along its track. What is compared is changed, one thing at a time. Streets are
drawn in the folder of --work, or found there. Writes benchmarks/results/stature.json and .md.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from machine import machine, shared_data
from numpy.typing import NDArray
from speed_step import WALKS, found_by
from streets import STREETS, draw

from ssmtl import configure, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.planting import Planting, choose_start, cut, find_walks, plant
from ssmtl.regions.regions import apart
from ssmtl.regions.scene import Scene
from ssmtl.regions.union import build_detector
from ssmtl.scoring import stature
from ssmtl.scoring.score import at_edge
from ssmtl.scoring.stature import StatureSettings, learn_usual_stature
from ssmtl.sequences.survey import survey
from ssmtl.video.frame import Frame
from ssmtl.video.sources import Clip, open_source

RESULTS = Path(__file__).parent / "results"
EVERY_CLIP = 4
"""Of so many clips, people are planted in one."""

HALF = 8
"""Frames of tracks before and after."""

Lower = Callable[[NDArray, NDArray, NDArray], NDArray]
COMPARED: dict[str, Lower] = {
    "height less width": stature._lower,
    "height": lambda sides, height, width: height - sides[:, 0],
    "height over width": lambda sides, height, width: (sides[:, 1] - width) - (sides[:, 0] - height),
}
SAID_OF = ("what is whole", "what nothing touches", "all")
TAKEN = ("height less width", SAID_OF[0], 200)
WAYS = [
    TAKEN,
    *((compared, *TAKEN[1:]) for compared in COMPARED if compared != TAKEN[0]),
    *((TAKEN[0], said_of, TAKEN[2]) for said_of in SAID_OF[1:]),
    ("height", SAID_OF[2], TAKEN[2]),
    *((*TAKEN[:2], neighbours) for neighbours in (50, 500)),
]

Case = tuple[Planting, list[NDArray[np.float32]], dict[int, NDArray[np.bool_]]]
"""What is planted, the boxes of all frames, and which of them the picture's edge does not cut."""


def regions(frames: Sequence[Frame], scene: Scene) -> list[NDArray[np.float32]]:
    detector = build_detector(configure("ssmtl-plus").detectors, "clip", scene)
    return [detector.detect(frame).boxes for frame in frames]


def uncut(boxes: NDArray[np.float32], scene: Scene) -> NDArray[np.bool_]:
    return ~at_edge(boxes, *scene.background.shape)


def one_footage(clips: Sequence[Clip], step: Callable[[], None]) -> tuple[list[float], int]:
    """RBDC of the planted people by each of the ways, and how many they are."""
    planted_in = clips[EVERY_CLIP - 2 :: EVERY_CLIP]
    learnt = [clip for clip in clips if clip not in planted_in]
    scene = survey(learnt).scene
    assert scene is not None
    seen = []
    for clip in learnt:
        seen += regions(list(open_source(clip)), scene)[::4]
        step()
    cases: list[Case] = []
    for clip in planted_in:
        frames = list(open_source(clip))
        boxes = regions(frames, scene)
        walks = sorted(find_walks(boxes), key=lambda walk: len(walk.frames), reverse=True)[:WALKS]
        for walk, pictures in zip(walks, cut(frames, walks), strict=True):
            start = choose_start(walk, "cut in half", 1.0, boxes)
            if start is not None:
                planting = Planting(walk, "cut in half", start)
                there = regions(list(plant(frames, planting, pictures)), scene)
                cases.append((planting, there, {i: uncut(some, scene) for i, some in enumerate(there)}))
        step()
    return [one_way(way, seen, cases, scene) for way in WAYS], len(cases)


def one_way(
    way: tuple[str, str, int], seen: Sequence[NDArray[np.float32]], cases: Sequence[Case], scene: Scene
) -> float:
    compared, said_of, neighbours = way
    of_all = said_of == SAID_OF[2]
    boxes = np.concatenate([some if of_all else some[apart(some) & uncut(some, scene)] for some in seen])
    with patch.object(stature, "_lower", COMPARED[compared]):
        usual = learn_usual_stature(boxes, scene.background.shape, StatureSettings(neighbours=neighbours))

        def score(inside: NDArray[np.bool_], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
            if of_all:
                return usual.scores(boxes)
            whole = usual.whole(boxes) if said_of == SAID_OF[0] else apart(boxes)
            return usual.scores(boxes) * (whole & inside)

        return found_by(score, cases, HALF)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    found: dict[str, tuple[list[float], int]] = {}
    with Bars(console) as bars:
        footage = {"UCSD Ped2": open_dataset("ucsd", shared_data() / "UCSDped2").train_clips()}
        for number, name in enumerate(STREETS):
            footage[name] = draw(number, name, options.work, bars).train_clips()
        for name, clips in footage.items():
            found[name] = one_footage(clips, bars.stage(f"planting in {name}", len(clips)))
    report = {
        **machine(),
        "ways": [dict(zip(("compared", "said_of", "neighbours"), way, strict=True)) for way in WAYS],
        "footage": {name: {"rbdc": rates, "planted": planted} for name, (rates, planted) in found.items()},
    }
    write_json(RESULTS / "stature.json", report)
    write_text(RESULTS / "stature.md", table(report))


def table(report: dict) -> str:
    footage = report["footage"]
    heads = " | ".join(f"{name} ({row['planted']})" for name, row in footage.items())
    lines = [
        f"Measured on {report['date']}, {report['processor']}, ssmtl {report['ssmtl']}; RBDC in % of people who are "
        "planted cut in half, by stature alone (in brackets, how many). Made by `benchmarks/stature.py`.",
        "",
        f"| compared | said of | neighbours | {heads} | mean |",
        "|---|---|---|" + "---|" * (len(footage) + 1),
    ]
    for row, way in enumerate(report["ways"]):
        values = [one["rbdc"][row] for one in footage.values()]
        cells = [*way.values(), *(f"{value:.1f}" for value in [*values, np.mean(values)])]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

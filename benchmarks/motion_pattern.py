"""How the attribute `motion_pattern` tells best, by people planted in training footage who walk faster.

    python benchmarks/motion_pattern.py --model runs/ped2/seed0/model

On the training clips of UCSD Ped2 alone, as `speed_step.py` does it. Of what is measured in each cell, what is compared
and in which form is changed, one thing at a time. Writes benchmarks/results/motion_pattern.json and .md.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from speed_step import measure_clips, rates, write

from ssmtl import load_model
from ssmtl.scoring.motion import NEEDED, Motion, measure_motion
from ssmtl.scoring.pattern import PatternSettings, learn_patterns
from ssmtl.scoring.speed import SpeedSettings, UsualSpeed, learn_usual_speed
from ssmtl.sequences.crop import crop, prepare_picture
from ssmtl.video.frame import Frame

WHAT = {"lengths": (0,), "directions": (1, 2), "lengths and directions": (0, 1, 2)}
"""Which of the three means of a cell are compared; directions without their sign."""

FORMS = {"linear": lambda x: x, "root": np.sqrt, "logarithm": lambda x: np.log1p(2 * x)}
UNITS = ("usual speed", "pixels")
TAKEN = ("lengths and directions", "linear", "usual speed", 16, 4)
WAYS = [
    TAKEN,
    *((what, *TAKEN[1:]) for what in WHAT if what != TAKEN[0]),
    *((TAKEN[0], form, *TAKEN[2:]) for form in FORMS if form != TAKEN[1]),
    (*TAKEN[:2], "pixels", *TAKEN[3:]),
    *((*TAKEN[:3], components, TAKEN[4]) for components in (4, 8, 32)),
    *((*TAKEN[:4], neighbours) for neighbours in (1, 16, 64)),
]


def changed(motion: Motion, what: str, form: str) -> Motion:
    cells = motion.cells_NK.reshape(len(motion.cells_NK), 3, -1)[:, WHAT[what]]
    return replace(motion, cells_NK=FORMS[form](cells.reshape(len(cells), -1)).astype(np.float32))


def in_usual_speeds(motion: Motion, boxes: NDArray[np.float32], usual: UsualSpeed) -> Motion:
    """Before a form that is not linear."""
    return replace(motion, cells_NK=motion.cells_NK / np.maximum(usual.median(boxes), 0.3)[:, None])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    model = load_model(options.model)
    assert model.scene is not None
    padding, shape = model.configuration.sequences.padding, model.scene.background.shape[:2]

    def measure(frames: Sequence[Frame], i: int, boxes: NDArray[np.float32]) -> Motion:
        near = frames[i - NEEDED // 2 : i + NEEDED // 2 + 1]
        return measure_motion(crop([prepare_picture(one.image, 1) for one in near], boxes, padding), boxes, padding)

    measured, places, cases = measure_clips(model, measure)
    boxes = np.concatenate(places)
    seen = Motion(*(np.concatenate([getattr(one, name) for one in measured]) for name in ("speed_N", "cells_NK")))
    speeds = learn_usual_speed(seen.speed_N, boxes, (shape[0], shape[1]), SpeedSettings())
    one_unit = UsualSpeed(np.ones((1, 1), np.float32), np.full((1, 1), 2, np.float32), 1e9, 1.0)
    rows = []
    for what, form, unit, components, neighbours in WAYS:
        settings = PatternSettings(components=components, neighbours=neighbours)

        def prepared(motion: Motion, where: NDArray[np.float32], what=what, form=form, unit=unit) -> Motion:
            relative = in_usual_speeds(motion, where, speeds) if unit == "usual speed" else motion
            return changed(relative, what, form)

        usual = learn_patterns(prepared(seen, boxes), boxes, one_unit, None, settings)

        def score(motion: Motion, where: NDArray[np.float32], usual=usual, prepared=prepared) -> NDArray[np.float32]:
            return usual.scores(prepared(motion, where), where, one_unit)

        way = {"compared": what, "form": form, "unit": unit, "components": components, "neighbours": neighbours}
        rows.append(way | rates(score, cases))
    write("motion_pattern", {name: name for name in way}, rows, len(boxes), cases)


if __name__ == "__main__":
    main()

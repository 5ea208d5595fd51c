"""How the attribute `motion_pattern` tells best, by people planted in training footage who walk faster.

    python benchmarks/motion_pattern.py --ped2 MODEL --vtest MODEL

On the footages of `speed_step.py`, and as it does. Of what is measured in each cell, what is compared and in which form
is changed, one thing at a time. Writes benchmarks/results/motion_pattern_FOOTAGE.json and .md.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from speed_step import asked_for, measure_clips, motion_of, rates, write

from ssmtl.scoring.motion import Motion
from ssmtl.scoring.pattern import PatternSettings, learn_patterns
from ssmtl.scoring.speed import SpeedSettings, UsualSpeed, learn_usual_speed

WHAT = {"lengths": (0,), "directions": (1, 2), "lengths and directions": (0, 1, 2)}
"""Which of the three means of a cell are compared; directions without their sign."""

FORMS = {"linear": lambda x: x, "root": np.sqrt, "logarithm": lambda x: np.log1p(2 * x)}
NAMES = ("compared", "form", "unit", "components", "neighbours")
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
    for name, footage, model, padding, shape in asked_for(__doc__):
        measured, places, cases = measure_clips(
            footage, model, lambda frames, i, boxes, padding=padding: motion_of(frames, i, boxes, padding)
        )
        boxes = np.concatenate(places)
        seen = Motion(*(np.concatenate([getattr(one, name) for one in measured]) for name in ("speed_N", "cells_NK")))
        speeds = learn_usual_speed(seen.speed_N, boxes, shape, SpeedSettings())
        rows = [way_of(*way, seen, boxes, speeds, cases) for way in WAYS]
        write("motion_pattern", name, {field: field for field in NAMES}, rows, len(boxes), cases)


def way_of(
    what: str,
    form: str,
    unit: str,
    components: int,
    neighbours: int,
    seen: Motion,
    boxes: NDArray[np.float32],
    speeds: UsualSpeed,
    cases: dict[float, list[tuple]],
) -> dict:
    """A row: what one of `WAYS` finds."""

    def prepared(motion: Motion, where: NDArray[np.float32]) -> Motion:
        relative = in_usual_speeds(motion, where, speeds) if unit == "usual speed" else motion
        return changed(relative, what, form)

    one_unit = UsualSpeed(np.ones((1, 1), np.float32), np.full((1, 1), 2, np.float32), 1e9, 1.0)
    settings = PatternSettings(components=components, neighbours=neighbours)
    usual = learn_patterns(prepared(seen, boxes), boxes, one_unit, None, settings)

    def score(motion: Motion, where: NDArray[np.float32]) -> NDArray[np.float32]:
        return usual.scores(prepared(motion, where), where, one_unit)

    return dict(zip(NAMES, (what, form, unit, components, neighbours), strict=True)) | rates(score, cases)


if __name__ == "__main__":
    main()

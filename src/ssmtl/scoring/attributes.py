"""What scores beside the proxy tasks: plain properties of an object against those of the training footage (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmtl.scoring.motion import Motion
from ssmtl.scoring.pattern import PatternSettings, UsualPatterns, learn_patterns
from ssmtl.scoring.speed import SpeedSettings, UsualSpeed, learn_usual_speed
from ssmtl.scoring.stature import StatureSettings, UsualStature, learn_usual_stature
from ssmtl.tasks.arrow_of_time import ArrowOfTime

Settings = SpeedSettings | PatternSettings | StatureSettings


@dataclass(frozen=True)
class Usual:
    """How the objects of training footage move and look: what speeds are usual where, and in what patterns they move
    and how tall they are, if that is asked."""

    speed: UsualSpeed
    patterns: UsualPatterns | None = None
    stature: UsualStature | None = None


def learn_usual(
    motion: Motion,
    boxes_N4: NDArray[np.float32],
    whole_N: NDArray[np.bool_],
    shape: tuple[int, int] | None,
    attributes: Sequence[Settings],
) -> Usual:
    """How N ≥ 1 objects of normal footage move and look.

    Args:
        motion: of the N objects.
        boxes_N4: pixels, half open.
        whole_N: which of them nothing hides.
        shape: height and width of the pictures of the one scene that it shows, if it does.
        attributes: what will be asked.
    """
    speeds = [one for one in attributes if isinstance(one, SpeedSettings)]
    patterns = [one for one in attributes if isinstance(one, PatternSettings)]
    statures = [one for one in attributes if isinstance(one, StatureSettings)]
    # Patterns are in usual speeds, whether speed scores or not.
    speed = learn_usual_speed(motion.speed_N, boxes_N4, shape, speeds[0] if speeds else SpeedSettings())
    return Usual(
        speed,
        learn_patterns(motion, boxes_N4, speed, shape, patterns[0]) if patterns else None,
        learn_usual_stature(boxes_N4[whole_N] if whole_N.any() else boxes_N4, shape, statures[0]) if statures else None,
    )


ARROW = ArrowOfTime().kind
STATURE = StatureSettings().kind

MOVES = 0.5
"""Share of the usual speed at a place from which on an object moves."""


def relevance(kinds: Sequence[str], motion: Motion, boxes_N4: NDArray[np.float32], usual: Usual) -> NDArray[np.float32]:
    """How far each of K parts says something of N objects, 0 to 1: the arrow of time nothing of what stands still.

    Played backwards, that looks as it does forwards, and what its head says is chance. Where most stand, what is usual
    is noise, and who moves by twice of what flow is exact to moves.
    """
    found = np.ones((len(boxes_N4), len(kinds)), np.float32)
    enough_N = np.maximum(MOVES * usual.speed.median(boxes_N4), 2 * usual.speed.least)
    found[:, [kind == ARROW for kind in kinds]] = np.minimum(motion.speed_N / enough_N, 1)[:, None]
    return found


def whole_relevance(kinds: Sequence[str], whole_N: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Likewise, N×K: stature says nothing of what may be hidden in part, or a piece."""
    return np.where(np.array([kind == STATURE for kind in kinds]), whole_N[:, None], True).astype(np.float32)


def attribute_scores(
    motion: Motion, boxes_N4: NDArray[np.float32], usual: Usual, attributes: Sequence[Settings]
) -> NDArray[np.float32]:
    """Raw scores of N objects, a column for each attribute."""
    columns = []
    for attribute in attributes:
        if isinstance(attribute, SpeedSettings):
            columns.append(usual.speed.scores(motion.speed_N, boxes_N4))
        elif isinstance(attribute, StatureSettings):
            assert usual.stature is not None
            columns.append(usual.stature.scores(boxes_N4))
        else:
            assert usual.patterns is not None
            columns.append(usual.patterns.scores(motion, boxes_N4, usual.speed))
    return np.stack(columns, axis=1)

"""Holding out a part of the training footage: whole clips, or pieces of each, never neighbouring frames."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

MIN_CLIPS = 5
"""From this many clips on, whole clips are held out."""

MOST_PIECES = 4
"""Of a clip that are held out, spread over it, so that they show all of its hours; the last one is its end. To
score a piece, all before it is decoded: more of them would take long."""

LEAST_PIECE = 100
"""Frames of a piece; shorter ones would say little of what happens in a row."""

GAPS = 0.1
"""Share of a clip, at most, that lies between what is learnt from and what is held out, and is neither."""


def hold_out(
    clip: NDArray[np.intp], frame: NDArray[np.int64], share: float, reach: int, learnt: Collection[int] = ()
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions to train on and positions held out.

    Args:
        clip: N, the clip of each sequence.
        frame: N, its middle frame.
        share: of the sequences to hold out, in (0, 1).
        reach: frames on either side of the middle one; by time, sequences that share a frame with a held-out one
            are in neither part, so that a short clip gives its end alone.
        learnt: clips that a network was trained on before: while there are others, none of these is held out.

    Returns:
        Two arrays of positions, both non-empty when N ≥ 2 and the footage is long enough.
    """
    clips, counts = np.unique(clip, return_counts=True)
    new = ~np.isin(clips, list(learnt))
    if not new.any():
        new[:] = True
    if len(clips) >= MIN_CLIPS:
        held: list[np.intp] = []
        total, goal = 0, share * len(clip)
        for i in np.random.default_rng(0).permutation(len(clips)):
            if new[i] and len(held) < len(clips) - 1 and abs(total + counts[i] - goal) < abs(total - goal):
                held.append(clips[i])
                total += counts[i]
        if not held:
            held.append(clips[new][np.argmin(counts[new])])
        out = np.isin(clip, held)
        return np.flatnonzero(~out), np.flatnonzero(out)
    train, out = np.zeros(len(clip), bool), np.zeros(len(clip), bool)
    for number in clips:
        mine = clip == number
        if not new[clips == number]:
            train |= mine
            continue
        held_mine = _pieces(frame[mine], share, reach)
        out[mine] = held_mine
        train[mine] = _distance(frame[mine], np.unique(frame[mine][held_mine])) > 2 * reach
    if not train.any():
        # Too short for a gap: better an overlap of frames than nothing to train on.
        train = ~out
    if not out.any():
        out = train.copy()
    return np.flatnonzero(train), np.flatnonzero(out)


def _pieces(frame: NDArray[np.int64], share: float, reach: int) -> NDArray[np.bool_]:
    """Which of a clip's N sequences are in the pieces that are held out."""
    for count in range(MOST_PIECES, 0, -1):
        out, shortest = np.zeros(len(frame), bool), np.inf
        for end in range(1, count + 1):
            first, last = np.quantile(frame, [(end - share) / count, end / count])
            out |= (frame > first) & (frame <= last)
            shortest = min(shortest, last - first)
        lost = ~out & (_distance(frame, np.unique(frame[out])) <= 2 * reach)
        if shortest >= LEAST_PIECE - 1 and lost.mean() <= GAPS:
            break
    return out


def _distance(frame: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float64]:
    """Frames from each of N to the nearest of M others, ascending; infinite where there are none."""
    bounds = np.concatenate([[-np.inf], others, [np.inf]])
    after = np.searchsorted(bounds, frame)
    return np.minimum(bounds[after] - frame, frame - bounds[after - 1])

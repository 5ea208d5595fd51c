"""Holding out a part of the training footage: whole clips, or the end of each, never neighbouring frames."""

import numpy as np
from numpy.typing import NDArray

MIN_CLIPS = 5
"""From this many clips on, whole clips are held out."""


def hold_out(
    clip: NDArray[np.intp], frame: NDArray[np.int64], share: float, reach: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions to train on and positions held out.

    Args:
        clip: N, the clip of each sequence.
        frame: N, its middle frame.
        share: of the sequences to hold out, in (0, 1).
        reach: frames on either side of the middle one; by time, sequences that share a frame with a held-out one
            are in neither part.

    Returns:
        Two arrays of positions, both non-empty when N ≥ 2 and the footage is long enough.
    """
    clips, counts = np.unique(clip, return_counts=True)
    if len(clips) >= MIN_CLIPS:
        held: list[np.intp] = []
        total, goal = 0, share * len(clip)
        for i in np.random.default_rng(0).permutation(len(clips)):
            if len(held) < len(clips) - 1 and abs(total + counts[i] - goal) < abs(total - goal):
                held.append(clips[i])
                total += counts[i]
        if not held:
            held.append(clips[np.argmin(counts)])
        out = np.isin(clip, held)
        return np.flatnonzero(~out), np.flatnonzero(out)
    train, out = np.zeros(len(clip), bool), np.zeros(len(clip), bool)
    for number in clips:
        mine = clip == number
        border = np.quantile(frame[mine], 1 - share)
        out |= mine & (frame > border)
        train |= mine & (frame <= border - 2 * reach)
    if not train.any():
        # Too short for a gap: better an overlap of frames than nothing to train on.
        train = ~out
    if not out.any():
        out = train.copy()
    return np.flatnonzero(train), np.flatnonzero(out)

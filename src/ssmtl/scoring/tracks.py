"""Scores averaged along an object's short track: what an object is does not change from one frame to the next (ours).

Sequences are not tracked, and a box that is cut otherwise for a frame scores otherwise there. Averaged over the frames
in which the object can be followed, such moments count for less, and an object that is unusual stays so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ssmtl.regions.regions import overlaps
from ssmtl.scoring.interpolation import SAME_OBJECT
from ssmtl.scoring.smoothing import windows

T = TypeVar("T")

GAP = 5
"""Frames after which a track that was not found again is given up, less one."""

NEWEST = 0.3
"""Share of the last step in an object's velocity, once a few steps are known: boxes are not exact."""


FURTHEST = 1.5
"""Sides of the smaller box by which what is seen for the second time may have moved."""

ALIKE = 1.5
"""Times by which its sides may have changed."""


@dataclass(frozen=True, slots=True)
class Followed(Generic[T]):
    """A frame's item in the stream, and its N objects: boxes N×4, scores N×K."""

    item: T
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]


class Tracker:
    """Gives boxes of successive frames the numbers of their tracks; memory holds those of the last few frames.

    A box is looked for where its object's velocity takes it: what is fast, or filmed ten times a second, is out of its
    own box a frame later.
    """

    def __init__(self) -> None:
        self._boxes = np.zeros((0, 4), np.float32)
        self._velocities = np.zeros((0, 2), np.float32)
        self._numbers = np.zeros(0, np.intp)
        self._steps = np.zeros(0, np.intp)
        self._ages = np.zeros(0, np.intp)
        self._begun = 0

    def follow(self, boxes_N4: NDArray[np.float32]) -> NDArray[np.intp]:
        """The track of each box of the next frame: the one where it was expected most nearly, or a new one."""
        self._ages += 1
        expected = self._boxes + np.tile(self._velocities * self._ages[:, None], 2).astype(np.float32)
        mine, theirs = _assign(overlaps(boxes_N4, expected), SAME_OBJECT)
        # What was seen once has no velocity yet: it is the nearest box like it that is left.
        left = np.setdiff1d(np.arange(len(boxes_N4)), mine)
        begun = np.setdiff1d(np.flatnonzero((self._steps == 0) & (self._ages == 1)), theirs)
        near, first = _assign(_nearness(boxes_N4[left], self._boxes[begun]), 0.0)
        mine, theirs = np.concatenate([mine, left[near]]), np.concatenate([theirs, begun[first]])

        numbers = np.full(len(boxes_N4), -1, np.intp)
        velocities = np.zeros((len(boxes_N4), 2), np.float32)
        steps = np.zeros(len(boxes_N4), np.intp)
        numbers[mine] = self._numbers[theirs]
        steps[mine] = self._steps[theirs] + 1
        moved = (_middles(boxes_N4[mine]) - _middles(self._boxes[theirs])) / self._ages[theirs, None]
        share = np.maximum(NEWEST, 1 / steps[mine])[:, None]
        velocities[mine] = share * moved + (1 - share) * self._velocities[theirs]
        new = np.flatnonzero(numbers < 0)
        numbers[new] = self._begun + np.arange(len(new))
        self._begun += len(new)

        stays = self._ages < GAP
        stays[theirs] = False
        self._boxes = np.concatenate([self._boxes[stays], boxes_N4])
        self._velocities = np.concatenate([self._velocities[stays], velocities])
        self._numbers = np.concatenate([self._numbers[stays], numbers])
        self._steps = np.concatenate([self._steps[stays], steps])
        self._ages = np.concatenate([self._ages[stays], np.zeros(len(numbers), np.intp)])
        return numbers


def _assign(likeness_NM: NDArray[np.floating], least: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs, of N and of M, that are most alike together, each at least `least` and above 0."""
    likeness_NM = np.where(likeness_NM < least, 0, likeness_NM)
    mine, theirs = linear_sum_assignment(likeness_NM, maximize=True)
    found = likeness_NM[mine, theirs] > 0
    return mine[found], theirs[found]


def _middles(boxes_N4: NDArray[np.float32]) -> NDArray[np.float32]:
    """N×2 (x, y)."""
    return np.asarray((boxes_N4[:, :2] + boxes_N4[:, 2:]) / 2, np.float32)


def _nearness(boxes_N4: NDArray[np.float32], others_M4: NDArray[np.float32]) -> NDArray[np.float32]:
    """How near boxes of like size are: N×M, 1 in one place, 0 and less from FURTHEST on or where sizes differ."""
    sides_N2, sides_M2 = (boxes[:, 2:] - boxes[:, :2] for boxes in (boxes_N4, others_M4))
    apart = np.abs(_middles(boxes_N4)[:, None] - _middles(others_M4)) / np.minimum(sides_N2[:, None], sides_M2)
    ratio = sides_N2[:, None] / sides_M2
    alike = (np.maximum(ratio, 1 / ratio) <= ALIKE).all(axis=2)
    return np.where(alike, 1 - np.hypot(apart[..., 0], apart[..., 1]) / FURTHEST, 0).astype(np.float32)


def average_along_tracks(stream: Iterable[Followed[T]], half: int) -> Iterator[Followed[T]]:
    """The same frames, the scores of their objects averaged over up to `half` frames before and after; 0: as they are.

    What is followed for fewer than `half` + 1 of these frames scores 0 in the rest of that many: a box that comes and
    goes is seldom an object. A frame comes out `half` frames after it came in.
    """
    if not half:
        yield from stream
        return
    tracker = Tracker()
    numbered = ((frame, tracker.follow(frame.boxes)) for frame in stream)
    for window, middle in windows(numbered, half):
        least = min(half + 1, len(window))
        frame, mine = window[middle]
        numbers = np.concatenate([track for _, track in window])
        scores = np.concatenate([other.scores for other, _ in window])
        same = (mine[:, None] == numbers).astype(np.float32)
        mean = same @ scores / np.maximum(same.sum(axis=1, keepdims=True), least)
        yield replace(frame, scores=mean.astype(np.float32))

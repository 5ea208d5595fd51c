"""Scores of objects in the frames between those that go through the network (`scoring.every`)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ssmtl.regions.regions import overlaps

T = TypeVar("T")

SAME_OBJECT = 0.3
"""Intersection over union from which boxes of nearby frames are taken to be one object."""


@dataclass(frozen=True, slots=True)
class Matches:
    """For each of N boxes the position of the same object in the scored frames before and after it, or -1."""

    before: NDArray[np.intp]
    after: NDArray[np.intp]

    @property
    def unmatched(self) -> NDArray[np.intp]:
        """Boxes seen in neither: the network must look at them."""
        return np.flatnonzero((self.before < 0) & (self.after < 0))


def _best(boxes: NDArray[np.float32], others: NDArray[np.float32] | None) -> NDArray[np.intp]:
    if others is None or not len(others) or not len(boxes):
        return np.full(len(boxes), -1)
    overlap = overlaps(boxes, others)
    best = overlap.argmax(axis=1)
    return np.where(overlap.max(axis=1) >= SAME_OBJECT, best, -1)


def match(boxes: NDArray[np.float32], before: NDArray[np.float32] | None, after: NDArray[np.float32] | None) -> Matches:
    """Find each box again in the scored frames before and after it (None: there is no such frame)."""
    return Matches(_best(boxes, before), _best(boxes, after))


@dataclass(frozen=True, slots=True)
class Partial(Generic[T]):
    """A frame's N×K task scores, NaN where the matched frames on either side must give them.

    `matches` is None for a frame whose objects all went through the network. `complete` is False for a clip's first and
    last frames, of which none did: what was to be found again in the last ones is not.
    """

    item: T
    task_scores: NDArray[np.float32]
    matches: Matches | None
    complete: bool = True


def fill(stream: Iterable[Partial[T]]) -> Iterator[Partial[T]]:
    """The same frames with every score known: the mean of the object's scores before and after."""
    before: NDArray[np.float32] | None = None
    waiting: list[Partial[T]] = []
    for partial in stream:
        if partial.matches is not None:
            waiting.append(partial)
            continue
        after = partial.task_scores if partial.complete else None
        yield from (_filled(item, before, after) for item in waiting)
        waiting = []
        before = after
        yield partial
    yield from (_filled(item, before, None) for item in waiting)


def _filled(partial: Partial[T], before: NDArray[np.float32] | None, after: NDArray[np.float32] | None) -> Partial[T]:
    assert partial.matches is not None
    sums = np.zeros_like(partial.task_scores)
    counts = np.zeros((len(sums), 1), np.float32)
    for scores, index in ((before, partial.matches.before), (after, partial.matches.after)):
        found = np.flatnonzero(index >= 0)
        if scores is not None and len(found):
            sums[found] += scores[index[found]]
            counts[found] += 1
    known = ~np.isnan(partial.task_scores)
    return replace(partial, task_scores=np.where(known, partial.task_scores, sums / np.maximum(counts, 1)))

"""The arrow of time asked both ways, at little more than the cost of once: of few sequences is the answer needed."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.engine.engine import Engine, Given, Subject
from ssmtl.engine.samples import Samples
from ssmtl.tasks.arrow_of_time import DOUBT, ArrowOfTime
from ssmtl.tasks.task import ProxyTask


def asks_again(task: ProxyTask) -> bool:
    """Whether it may ask a second time."""
    return isinstance(task, ArrowOfTime) and task.both_ways


def once(tasks: Sequence[ProxyTask]) -> list[ProxyTask]:
    """The same, of which none asks a second time."""
    return [task.model_copy(update={"both_ways": False}) if asks_again(task) else task for task in tasks]


class AskingAgain:
    """An engine for all sequences, and one for those that look backward, which it is shown played backwards.

    The scores are those that the tasks' `score` gives, and where P(backward) crosses DOUBT it has no step, so that
    engines may differ in which sequences they ask again.
    """

    def __init__(self, subject: Subject, build: Callable[[Subject], Engine]):
        """`build` makes an engine of one way for a subject that does not ask again."""
        tasks = once(subject.tasks)
        self._column = next(k for k, task in enumerate(subject.tasks) if asks_again(task))
        samples = subject.samples
        if samples is not None:
            samples = Samples(np.flip(samples.pictures, 2), {})
        # What is kept of an engine under a subject's identity is of these tasks and samples alone.
        self._all = build(replace(subject, tasks=tasks, identity=f"{subject.identity}-once"))
        arrow = tasks[self._column : self._column + 1]
        self._again = build(replace(subject, tasks=arrow, samples=samples, identity=f"{subject.identity}-again"))
        self.kind, self.precision, self.device = self._all.kind, self._all.precision, self._all.device

    def scores(self, pictures: NDArray[np.uint8] | Tensor, given: Given) -> NDArray[np.float32]:
        """See `Engine`."""
        found = self._all.scores(pictures, given)
        doubtful = np.flatnonzero(found[:, self._column] > DOUBT)
        if len(doubtful):
            answers = self._again.scores(_reversed(pictures[doubtful]), {})[:, 0]
            said = torch.from_numpy(found[doubtful, self._column])
            found[doubtful, self._column] = ArrowOfTime.confirmed(said, torch.from_numpy(answers)).numpy()
        return found

    def lanes(self) -> "list[Engine]":
        """See `Engine`."""
        found = []
        for everything, again in zip(self._all.lanes(), self._again.lanes(), strict=True):
            lane = copy.copy(self)
            lane._all, lane._again = everything, again
            found.append(lane)
        return list(found)


def _reversed(pictures: NDArray[np.uint8] | Tensor) -> NDArray[np.uint8] | Tensor:
    """N×C×7×64×64 played backwards."""
    return pictures.flip(2) if isinstance(pictures, Tensor) else np.ascontiguousarray(np.flip(pictures, 2))

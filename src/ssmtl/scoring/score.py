"""From sequences to task scores, and from task scores to the score of an object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.nets.network import Network
from ssmtl.tasks.task import Given, ProxyTask, View


def head_outputs(network: Network, tasks: Sequence[ProxyTask], x_BCTHW: Tensor) -> dict[str, Tensor]:
    """What each task's head says of B×C×7×64×64 in [0, 1]. One backbone pass for all tasks of one view."""
    outputs: dict[str, Tensor] = {}
    for view in View:
        mine = [task.kind for task in tasks if task.view is view]
        if mine:
            outputs.update(zip(mine, _run(network, mine, view.take(x_BCTHW)), strict=True))
    for task in tasks:
        if task.view is None:
            outputs[task.kind] = task.answer(partial(_run_one, network, task.kind), x_BCTHW)
    return outputs


def _run(network: Network, kinds: Sequence[str], made_BCTHW: Tensor) -> list[Tensor]:
    laid_out = made_BCTHW.contiguous(memory_format=torch.channels_last_3d)
    return [output.float() for output in network(laid_out, kinds)]


def _run_one(network: Network, kind: str, made_BCTHW: Tensor) -> Tensor:
    return _run(network, [kind], made_BCTHW)[0]


def raw_scores(network: Network, tasks: Sequence[ProxyTask], x_BCTHW: Tensor, given: Given) -> Tensor:
    """Anomaly score of each task: B×C×7×64×64 in [0, 1] and what is `given` of them → B×tasks."""
    outputs = head_outputs(network, tasks, x_BCTHW)
    return torch.stack([task.score(outputs[task.kind], x_BCTHW, given) for task in tasks], dim=1)


LEAST_SPAN = 1e-3
"""Of a task's scale: where all ordinary objects score alike, a hair's breadth must not count for all other tasks."""


@dataclass(frozen=True, slots=True)
class TaskScale:
    """A task's raw scores on held-out normal footage: their median, and what is taken for 1."""

    median: float
    high: float


def measure_scales(scores_NK: NDArray[np.float32], kinds: Sequence[str]) -> dict[str, TaskScale]:
    """The scale of each task from N ≥ 1 held-out sequences' raw scores.

    First each task's 99th percentile is taken for 1. Then all are stretched alike until the 99th percentile of their
    mean is 1: of ordinary objects one in a hundred scores higher.
    """
    median, high = np.quantile(scores_NK.astype(np.float64), [0.5, 0.99], axis=0)
    span = np.maximum(high - median, LEAST_SPAN)
    means = np.maximum(0, (scores_NK - median) / span).mean(axis=1)
    top = float(np.quantile(means, 0.99))
    span *= top if top > 0 else 1.0
    return {kind: TaskScale(float(m), float(m + s)) for kind, m, s in zip(kinds, median, span, strict=True)}


def calibrate(
    scores_NK: NDArray[np.float32], kinds: Sequence[str], scales: Mapping[str, TaskScale]
) -> NDArray[np.float32]:
    """Raw scores on the scale of normal footage: 0 = its median or less; their mean is 1 at its 99th percentile.

    The papers take the plain mean, in which a task counts for as much as its scores range. On this scale each says how
    unusual an object is (our choice).
    """
    median = np.array([scales[kind].median for kind in kinds])
    high = np.array([scales[kind].high for kind in kinds])
    return np.maximum(0, (scores_NK - median) / (high - median)).astype(np.float32)

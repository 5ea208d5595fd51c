"""From sequences to task scores, and from task scores to the score of an object."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

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


Form = Literal["linear", "log", "logit"]
"""How a part's raw scores are spread out before they are compared: as they are; errors by their logarithm;
probabilities by that of their odds, since near 0 and 1 they all look alike."""

LEAST = 1e-6
"""Below which no error or probability, nor how far one is from 1, is told from another."""

LEAST_SPAN = 1e-3
"""Of a task's scale: where all ordinary objects score alike, a hair's breadth must not count for all other tasks."""


@dataclass(frozen=True, slots=True)
class TaskScale:
    """A part's scores on held-out normal footage, spread out as `form` says: their median, and what is taken for 1.

    Below the median it says nothing. `weight` is what it counts for beside the others.
    """

    median: float
    high: float
    form: Form = "linear"
    weight: float = 1.0

    @property
    def raw_median(self) -> float:
        """The median as a raw score."""
        return _gathered(self.median, self.form)

    @property
    def raw_high(self) -> float:
        """The raw score that is taken for 1."""
        return _gathered(self.high, self.form)


def _spread(raw: NDArray[np.floating], form: Form) -> NDArray[np.float64]:
    values = raw.astype(np.float64)
    if form == "log":
        return np.log(np.maximum(values, LEAST))
    if form == "logit":
        values = np.clip(values, LEAST, 1 - LEAST)
        return np.log(values) - np.log1p(-values)
    return values


def _gathered(value: float, form: Form) -> float:
    """The raw score that `_spread` makes `value` of."""
    if form == "log":
        return math.exp(value)
    return 1 / (1 + math.exp(-value)) if form == "logit" else value


def measure_scales(
    scores_NK: NDArray[np.float32],
    kinds: Sequence[str],
    forms: Sequence[Form] = (),
    weights: Sequence[float] | NDArray[np.float64] = (),
    power: float = 1.0,
    relevance_NK: NDArray[np.float32] | None = None,
) -> dict[str, TaskScale]:
    """The scale of each part from N ≥ 1 held-out sequences' raw scores.

    First each part's 99th percentile is taken for 1. Then all are stretched alike until the 99th percentile of their
    mean is 1: of ordinary objects one in a hundred scores higher.

    Args:
        scores_NK: raw scores, a column for each part.
        kinds: names of the parts.
        forms: how each is spread out; without them, not at all.
        weights: K, what each counts for; without them, alike.
        power: of their mean, as `join_parts` takes it.
        relevance_NK: how far each says something of each sequence, as `calibrate` takes it.
    """
    forms = list(forms) or ["linear"] * len(kinds)
    shares = [float(weight) for weight in weights] or [1.0] * len(kinds)
    relevant_NK = np.ones(scores_NK.shape) if relevance_NK is None else relevance_NK
    values_NK = np.stack([_spread(column, form) for column, form in zip(scores_NK.T, forms, strict=True)], axis=1)
    median, high = np.stack([_median_and_high(*column) for column in zip(values_NK.T, relevant_NK.T, strict=True)], 1)
    span = np.maximum(high - median, LEAST_SPAN)

    def scales(stretched: float) -> dict[str, TaskScale]:
        rows = zip(kinds, median, span * stretched, forms, shares, strict=True)
        return {kind: TaskScale(float(m), float(m + s), form, share) for kind, m, s, form, share in rows}

    apart = scales(1.0)
    top = float(np.quantile(join_parts(calibrate(scores_NK, kinds, apart, relevance_NK), kinds, apart, power), 0.99))
    return scales(top) if top > 0 else apart


def _median_and_high(values_N: NDArray[np.float64], relevance_N: NDArray[np.floating]) -> NDArray[np.float64]:
    """Median and 99th percentile of what a part says, of the sequences of which it says something, if there are any."""
    mine = relevance_N >= 0.5
    return np.quantile(values_N[mine] if mine.any() else values_N, [0.5, 0.99])


def calibrate(
    scores_NK: NDArray[np.float32],
    kinds: Sequence[str],
    scales: Mapping[str, TaskScale],
    relevance_NK: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Raw scores on the scale of normal footage: 0 = its median or less; their mean is 1 at its 99th percentile.

    `relevance_NK`, 0 to 1, is how far each part says something of each object; without it, all say what they say.

    The papers take the plain mean, in which a task counts for as much as its scores range. On this scale each says how
    unusual an object is (our choice).
    """
    found = np.empty(scores_NK.shape, np.float32)
    for k, kind in enumerate(kinds):
        scale = scales[kind]
        found[:, k] = np.maximum(0, (_spread(scores_NK[:, k], scale.form) - scale.median) / (scale.high - scale.median))
    return found if relevance_NK is None else found * relevance_NK


def join_parts(
    parts_NK: NDArray[np.float32], kinds: Sequence[str], scales: Mapping[str, TaskScale], power: float | None
) -> NDArray[np.float32]:
    """The scores of N objects from those of their parts.

    Without a `power`, the plain mean of raw scores. With one, the weighted power mean of calibrated ones (≥ 0): their
    mean for 1; the higher it is, the more one part alone can do.
    """
    if power is None:
        return parts_NK.mean(axis=1)
    weights = np.array([scales[kind].weight for kind in kinds])
    means = (np.asarray(parts_NK, np.float64) ** power @ (weights / weights.sum())) ** (1 / power)
    return means.astype(np.float32)

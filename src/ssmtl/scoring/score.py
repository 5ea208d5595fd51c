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

from ssmtl.errors import ConfigError
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


Combine = Literal["calibrated", "loudest", "plain"]
"""How the parts of an object's score become one: `ScoringSettings.combine`."""

Form = Literal["linear", "log", "logit"]
"""How a part's raw scores are spread out before they are compared: as they are; errors by their logarithm;
probabilities by that of their odds, since near 0 and 1 they all look alike."""

LEAST = 1e-6
"""Below which no error or probability, nor how far one is from 1, is told from another."""

LARGEST_EXPONENT = 700.0

LEAST_SPAN = 1e-3
"""Of a task's scale: where all ordinary objects score alike, a hair's breadth must not count for all other tasks."""


@dataclass(frozen=True, slots=True)
class TaskScale:
    """A part's scores on held-out normal footage, spread out as `form` says: their median, and what is taken for 1.

    A part that counts for more than others reaches its 1 the sooner. Below the median, a linear one says nothing.
    `rare` is what the calibrated scores are at their 99.9th percentile there; None where that was not measured.
    """

    median: float
    high: float
    form: Form = "linear"
    rare: float | None = None

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
    # A part that counts for nothing has its 1 far beyond all scores; no further than a number can be.
    exponent = max(-LARGEST_EXPONENT, min(value, LARGEST_EXPONENT))
    if form == "log":
        return math.exp(exponent)
    return 1 / (1 + math.exp(-exponent)) if form == "logit" else value


def measure_scales(
    scores_NK: NDArray[np.float32],
    kinds: Sequence[str],
    forms: Sequence[Form] = (),
    weights: Sequence[float] | NDArray[np.float64] = (),
) -> dict[str, TaskScale]:
    """The scale of each part from N ≥ 1 held-out sequences' raw scores.

    First each part's 99th percentile is taken for 1, and counts for its weight. Then all are stretched alike until the
    99th percentile of their mean is 1: of ordinary objects one in a hundred scores higher.

    Args:
        scores_NK: raw scores, a column for each part.
        kinds: names of the parts.
        forms: how each is spread out; without them, not at all.
        weights: K, their sum 1; without them, alike. One that counts for nothing has no end of its scale.
    """
    forms = list(forms) or ["linear"] * len(kinds)
    share = np.asarray(weights, np.float64) * len(kinds) if len(weights) else np.ones(len(kinds))
    values_NK = np.stack([_spread(column, form) for column, form in zip(scores_NK.T, forms, strict=True)], axis=1)
    median, high = np.quantile(values_NK, [0.5, 0.99], axis=0)
    span = np.maximum(high - median, LEAST_SPAN) / np.maximum(share, NO_SHARE)
    scaled = (values_NK - median) / span
    means = np.where(np.array(forms) == "linear", np.maximum(0, scaled), scaled).mean(axis=1)
    top = float(np.quantile(means, 0.99))
    span *= top if top > 0 else 1.0
    rare = np.maximum(np.quantile((values_NK - median) / span, 0.999, axis=0), LEAST_SPAN)
    return {
        kind: TaskScale(float(m), float(m + s), form, float(r))
        for kind, m, s, form, r in zip(kinds, median, span, forms, rare, strict=True)
    }


NO_SHARE = 1e-6
"""Stands for a weight of 0."""


def calibrate(
    scores_NK: NDArray[np.float32], kinds: Sequence[str], scales: Mapping[str, TaskScale]
) -> NDArray[np.float32]:
    """Raw scores on the scale of normal footage: 0 = its median; their mean is 1 at its 99th percentile.

    The papers take the plain mean, in which a task counts for as much as its scores range. On this scale each says how
    unusual an object is, times what it is worth (our choice).
    """
    found = np.empty(scores_NK.shape, np.float32)
    for k, kind in enumerate(kinds):
        scale = scales[kind]
        values = (_spread(scores_NK[:, k], scale.form) - scale.median) / (scale.high - scale.median)
        found[:, k] = np.maximum(0, values) if scale.form == "linear" else values
    return found


def join_parts(
    parts_NK: NDArray[np.float32], kinds: Sequence[str], scales: Mapping[str, TaskScale], combine: Combine
) -> NDArray[np.float32]:
    """The scores of N objects from those of their parts: the mean; "loudest": or what one part alone says, if more.

    A part alone reaches 1 with what one in a thousand held-out sequences exceeds, the mean with one in a hundred.

    Raises:
        ConfigError: "loudest", and that was not measured when the model was trained.
    """
    mean = parts_NK.mean(axis=1)
    if combine != "loudest":
        return mean
    rare = [scales[kind].rare for kind in kinds]
    if None in rare:
        raise ConfigError("scoring.combine=loudest: was not measured when the model was trained; train again")
    return np.maximum(mean, (parts_NK / np.array(rare, np.float32)).max(axis=1))

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
from ssmtl.regions.components import picture_scale
from ssmtl.tasks.task import LEAST_SPAN, Given, ProxyTask, View


def head_outputs(network: Network, tasks: Sequence[ProxyTask], x_BCTHW: Tensor) -> dict[str, Tensor]:
    """What each task's head says of B×C×7×64×64 in [0, 1]. One backbone pass for all tasks of one view."""
    outputs: dict[str, Tensor] = {}
    for view in View:
        mine = [task.kind for task in tasks if view in task.views]
        if mine:
            for kind, output in zip(mine, _run(network, mine, view.take(x_BCTHW)), strict=True):
                outputs[kind] = torch.cat([outputs[kind], output], dim=1) if kind in outputs else output
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

EDGE = 3.0
"""Pixels at 360×640 within which a box is at the edge of the picture."""

LEAST_ODDS = 1.2
"""Span of a part that even odds are the floor of, at least, before all parts are stretched alike: where it is wrong of
nobody who was held out, a slight doubt must not count for much."""

MOST_UNUSUAL = 4.0
"""On the scale of normal footage, what a part without a bound of its own says of an object at most: more of it is no
more unusual, and what it mistakes must not outdo whatever all others say."""

FEWEST_AT_EDGE = 20
"""Objects at the edge of the picture without which nothing is said of them."""


@dataclass(frozen=True, slots=True)
class TaskScale:
    """A part's scores on held-out normal footage, spread out as `form` says: their median, and what is taken for 1.

    Below the median it says nothing. With `most`, log-odds, even odds stand in the median's place; below them it speaks
    against the object's being unusual, and no more for or against than that. `weight` is what it counts for beside the
    others, `edge` what its scores of what the picture's edge cuts are multiplied by, so that they are no higher than
    others'.
    """

    median: float
    high: float
    form: Form = "linear"
    weight: float = 1.0
    edge: float = 1.0
    most: float | None = None

    @property
    def raw_median(self) -> float:
        """The median as a raw score."""
        return _gathered(self.median, self.form)

    @property
    def raw_high(self) -> float:
        """The raw score that is taken for 1."""
        return _gathered(self.high, self.form)

    @staticmethod
    def between(raw_median: float, raw_high: float, form: Form) -> "TaskScale":
        """The scale between two raw scores."""
        median, high = _spread(np.array([raw_median, raw_high]), form).tolist()
        return TaskScale(median, high, form)


def _spread(raw: NDArray[np.floating], form: Form, most: float | None = None) -> NDArray[np.float64]:
    values = raw.astype(np.float64)
    if form == "log":
        return np.log(np.maximum(values, LEAST))
    if form == "logit":
        values = np.clip(values, LEAST, 1 - LEAST)
        odds = np.log(values) - np.log1p(-values)
        return odds if most is None else np.clip(odds, -most, most)
    return values


def _gathered(value: float, form: Form) -> float:
    """The raw score that `_spread` makes `value` of."""
    if form == "log":
        return math.exp(value)
    return 1 / (1 + math.exp(-value)) if form == "logit" else value


@dataclass(frozen=True, slots=True)
class ScoredPart:
    """What of a task or an attribute decides its scale.

    Attributes:
        kind: its name.
        form: how its raw scores are spread out.
        weight: what it counts for beside the others.
        least_span: from its median to what is taken for 1, at least, before all parts are stretched alike.
        most: see `TaskScale`.
    """

    kind: str
    form: Form = "linear"
    weight: float = 1.0
    least_span: float = LEAST_SPAN
    most: float | None = None

    def median_and_span(
        self, raw_N: NDArray[np.floating], relevance_N: NDArray[np.floating] | None
    ) -> tuple[float, float]:
        """Median of the spread scores and from there to their 99th percentile, of what it says something of."""
        values_N = _spread(raw_N, self.form, self.most)
        if relevance_N is not None and (mine := relevance_N >= 0.5).any():
            values_N = values_N[mine]
        median, high = (float(value) for value in np.quantile(values_N, [0.5, 0.99]))
        if self.most is None:
            return median, max(high - median, self.least_span)
        return 0.0, max(high, self.least_span, LEAST_ODDS)


def measure_scales(
    scores_NK: NDArray[np.float32],
    parts: Sequence[ScoredPart],
    power: float = 1.0,
    relevance_NK: NDArray[np.float32] | None = None,
    edge_N: NDArray[np.bool_] | None = None,
) -> dict[str, TaskScale]:
    """The scale of each of K parts from N ≥ 1 held-out sequences' raw scores.

    First each part's 99th percentile is taken for 1. Then all are stretched alike until the 99th percentile of their
    mean is 1: of ordinary objects one in a hundred scores higher. What the picture's edge cuts looks unusual to each
    part: where the 99th percentile of those is higher, their scores are brought down to that of all.

    Args:
        scores_NK: raw scores, a column for each part.
        parts: what decides each one's scale.
        power: of their mean, as `join_parts` takes it.
        relevance_NK: how far each says something of each sequence, as `calibrate` takes it.
        edge_N: which are cut by the picture's edge; few of them tell nothing.
    """
    relevance = [None] * len(parts) if relevance_NK is None else list(relevance_NK.T)
    columns = zip(parts, scores_NK.T, relevance, strict=True)
    measured = [part.median_and_span(raw_N, relevance_N) for part, raw_N, relevance_N in columns]

    def scales(stretched: float, edges: NDArray[np.floating]) -> dict[str, TaskScale]:
        return {
            part.kind: TaskScale(median, median + span * stretched, part.form, part.weight, float(edge), part.most)
            for part, (median, span), edge in zip(parts, measured, edges, strict=True)
        }

    kinds = [part.kind for part in parts]
    edges = np.ones(len(parts))
    apart = scales(1.0, edges)
    parts_NK = calibrate(scores_NK, kinds, apart, relevance_NK)
    if edge_N is not None and edge_N.sum() >= FEWEST_AT_EDGE:
        of_all, of_edge = (np.quantile(some, 0.99, axis=0) for some in (parts_NK, parts_NK[edge_N]))
        edges = np.divide(of_all, of_edge, out=edges, where=(of_edge > of_all) & (of_all > 0))
        parts_NK[edge_N] *= edges
    top = float(np.quantile(join_parts(parts_NK, kinds, apart, power), 0.99))
    return scales(top if top > 0 else 1.0, edges)


def at_edge(boxes_N4: NDArray[np.float32], height: int, width: int) -> NDArray[np.bool_]:
    """Which of N boxes the edge of a picture cuts."""
    near = EDGE * picture_scale((height, width))
    return np.asarray(
        (boxes_N4[:, :2] < near).any(axis=1) | (boxes_N4[:, 2:] > [width - near, height - near]).any(axis=1)
    )


def edge_relevance(
    boxes_N4: NDArray[np.float32], height: int, width: int, kinds: Sequence[str], scales: Mapping[str, TaskScale]
) -> NDArray[np.float32]:
    """What each part's scores of N objects are multiplied by, N×K: its scale's `edge` for those that the edge cuts."""
    edges_K = np.array([scales[kind].edge for kind in kinds], np.float32)
    return np.where(at_edge(boxes_N4, height, width)[:, None], edges_K, np.float32(1))


def calibrate(
    scores_NK: NDArray[np.float32],
    kinds: Sequence[str],
    scales: Mapping[str, TaskScale],
    relevance_NK: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Raw scores on the scale of normal footage: 0 = its median or less; their mean is 1 at its 99th percentile.

    Less than 0 speaks against (`TaskScale.most`); without such a bound, more than `MOST_UNUSUAL` is taken for that.

    `relevance_NK`, 0 to 1, is how far each part says something of each object; without it, all say what they say.

    The papers take the plain mean, in which a task counts for as much as its scores range. On this scale each says how
    unusual an object is (our choice).
    """
    found = np.empty(scores_NK.shape, np.float32)
    for k, kind in enumerate(kinds):
        scale = scales[kind]
        values_N = _spread(scores_NK[:, k], scale.form, scale.most)
        found[:, k] = (values_N - scale.median) / (scale.high - scale.median)
        if scale.most is None:
            found[:, k] = np.clip(found[:, k], 0, MOST_UNUSUAL)
    return found if relevance_NK is None else found * relevance_NK


def most_possible(scales: Mapping[str, TaskScale], power: float) -> tuple[float, dict[str, float]]:
    """The highest score that an object can have, by all parts together and by each of them alone."""
    kinds = list(scales)
    most_K = [
        MOST_UNUSUAL if scale.most is None else (scale.most - scale.median) / (scale.high - scale.median)
        for scale in scales.values()
    ]
    alone_KK = np.diag(most_K).astype(np.float32)
    together, *alone = join_parts(np.vstack([alone_KK.sum(axis=0), alone_KK]), kinds, scales, power).tolist()
    return together, dict(zip(kinds, alone, strict=True))


def join_parts(
    parts_NK: NDArray[np.float32], kinds: Sequence[str], scales: Mapping[str, TaskScale], power: float | None
) -> NDArray[np.float32]:
    """The scores of N objects from those of their parts.

    Without a `power`, the plain mean of raw scores. With one, the weighted power mean of calibrated ones, below 0 taken
    for 0: their mean for 1; the higher it is, the more one part alone can do.
    """
    if power is None:
        return parts_NK.mean(axis=1)
    weights = np.array([scales[kind].weight for kind in kinds])
    means = (np.maximum(parts_NK, 0.0, dtype=np.float64) ** power @ (weights / weights.sum())) ** (1 / power)
    return means.astype(np.float32)

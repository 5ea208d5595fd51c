"""What held-out normal footage tells of a trained network's scores: each part's scale, and what it is worth (ours)."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.engine.graph import given_names
from ssmtl.engine.samples import spread
from ssmtl.metrics.frames import auc
from ssmtl.nets.inference import for_inference
from ssmtl.nets.network import Network
from ssmtl.progress import Progress
from ssmtl.recipes import Configuration
from ssmtl.regions.regions import apart
from ssmtl.scoring.attributes import Usual, attribute_scores, learn_usual, relevance, whole_relevance
from ssmtl.scoring.motion import NEEDED, Motion, measure_motion
from ssmtl.scoring.score import ScoredPart, TaskScale, at_edge, measure_scales, raw_scores
from ssmtl.sequences.crop import shown_sizes
from ssmtl.sequences.store import SequenceStore
from ssmtl.sequences.survey import Survey
from ssmtl.tasks.task import REACH
from ssmtl.training.imitation import blended, faster, moved
from ssmtl.training.train import generator, to_input

Change = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""Makes the sequences of a batch at some positions unusual; chance comes from the generator alone."""

CHANGED_AT_ONCE = 16
"""Sequences that are made unusual together, and by each other: what a task is worth hangs on no setting of speed."""

WEIGHED_ON = 1_500
"""Held-out sequences, at most, that are made unusual."""


def measure_parts(
    network: Network,
    configuration: Configuration,
    store: SequenceStore,
    train: NDArray[np.intp],
    held_out: NDArray[np.intp],
    seen: Survey,
    progress: Progress,
) -> tuple[Usual | None, dict[str, TaskScale]]:
    """How objects usually move, from the sequences `train`, and the scale of every part, from those `held_out`; `seen`
    is the footage that `store` was cut from."""
    scores = _scores(network, configuration, store, held_out, progress)
    weights = _weights(network, configuration, store, held_out, scores, progress)
    usual, relevant = None, None

    def edge(positions: NDArray[np.intp]) -> NDArray[np.bool_]:
        boxes, cut = store.boxes(positions), np.zeros(len(positions), bool)
        for mine, shape in _by_clip(store, positions, seen):
            cut[mine] = at_edge(boxes[mine], *shape)
        return cut

    def whole(
        positions: NDArray[np.intp], judge: Callable[[NDArray[np.float32]], NDArray[np.bool_]]
    ) -> NDArray[np.bool_]:
        return store.judged(positions, judge) & ~edge(positions)

    attributes = configuration.attributes
    parts = configuration.scoring_parts
    kinds = [part.kind for part in parts]
    if attributes:
        shape = None if seen.scene is None else next(iter(seen.shapes.values()))
        learnt = _motion(configuration, store, train, seen, progress)
        usual = learn_usual(*learnt, whole(train, apart), shape, attributes)
        motion, boxes = _motion(configuration, store, held_out, seen, progress)
        scores = np.concatenate([scores, attribute_scores(motion, boxes, usual, attributes)], axis=1)
        relevant = relevance(kinds, motion, boxes, usual)
        if usual.stature is not None:
            relevant *= whole_relevance(kinds, whole(held_out, usual.stature.whole))
        weights = np.append(weights, [attribute.weight for attribute in attributes])
    scored = [
        ScoredPart(part.kind, part.form, float(weight), part.least_span, part.most)
        for part, weight in zip(parts, weights, strict=True)
    ]
    return usual, measure_scales(scores, scored, configuration.scoring.power, relevant, edge(held_out))


def _scores(
    network: Network,
    configuration: Configuration,
    store: SequenceStore,
    positions: NDArray[np.intp],
    progress: Progress,
    change: Change | None = None,
) -> NDArray[np.float32]:
    """Raw task scores of the middle seven frames of sequences, as they are or changed: N×K."""
    scorer = for_inference(network)
    step = progress.stage(f"scoring {len(positions)} held-out sequences", len(positions))
    middle = slice(configuration.reach - REACH, configuration.reach + REACH + 1)
    size = configuration.scoring.batch if change is None else CHANGED_AT_ONCE
    tasks = configuration.scoring_tasks
    names = given_names(tasks)
    parts = []
    with torch.no_grad():
        for i in range(0, len(positions), size):
            part = positions[i : i + size]
            x_BCTHW = to_input(store.take(part), torch.device("cpu"))
            if change is not None:
                x_BCTHW = change(x_BCTHW, torch.arange(len(part)), generator(0, i))
            given = {name: torch.from_numpy(rows) for name, rows in store.given(part, names).items()}
            parts.append(raw_scores(scorer, tasks, x_BCTHW[:, :, middle], given).numpy())
            for _ in part:
                step()
    return np.concatenate(parts)


def _weights(
    network: Network,
    configuration: Configuration,
    store: SequenceStore,
    held_out: NDArray[np.intp],
    usual_NK: NDArray[np.float32],
    progress: Progress,
) -> NDArray[np.float64]:
    """What each of K tasks is worth (`shares`), by how it tells ordinary sequences from the same made unusual: played
    faster, moved, seen through another."""
    some = spread(len(held_out), WEIGHED_ON)
    changes: tuple[Change, ...] = (faster, moved, blended)
    labels = np.repeat([False, True], len(some))
    areas = np.zeros((len(changes), usual_NK.shape[1]))
    weighed = np.array([task.weighed for task in configuration.scoring_tasks])
    if weighed.sum() <= 1:
        return shares(areas, weighed)
    for row, change in enumerate(changes):
        unusual_NK = _scores(network, configuration, store, held_out[some], progress, change)
        for task, columns in enumerate(zip(usual_NK[some].T, unusual_NK.T, strict=True)):
            areas[row, task] = auc(labels, np.concatenate(columns))
    return shares(areas, weighed)


def shares(areas_CK: NDArray[np.float64], weighed_K: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What K tasks are worth, by their areas under the ROC curve for C changes: K weights, their sum 1.

    The `weighed_K` divide their equal shares among them by twice their mean area, less 1; one that does no better than
    chance gets nothing, and where none does, all count alike. Of the others the changes tell nothing: to each its equal
    share.
    """
    worth_K = np.where(weighed_K, np.maximum(0, 2 * areas_CK.mean(axis=0) - 1), 0)
    equal_K = np.full(len(weighed_K), 1 / len(weighed_K))
    if not worth_K.sum() > 0:
        return equal_K
    return np.asarray(np.where(weighed_K, worth_K / worth_K.sum() * weighed_K.mean(), equal_K), np.float64)


def _by_clip(
    store: SequenceStore, positions: NDArray[np.intp], seen: Survey
) -> Iterator[tuple[NDArray[np.bool_], tuple[int, int]]]:
    """Which of some sequences are of each clip, and the height and width of its pictures."""
    clips = store.clip[positions]
    for clip, shape in enumerate(seen.shapes.values()):
        yield clips == clip, shape


def _motion(
    configuration: Configuration, store: SequenceStore, positions: NDArray[np.intp], seen: Survey, progress: Progress
) -> tuple[Motion, NDArray[np.float32]]:
    """How the objects of sequences move, and their boxes."""
    step = progress.stage("measuring motion", len(positions))
    middle = slice(configuration.reach - NEEDED // 2, configuration.reach + NEEDED // 2 + 1)
    boxes, measured, shown = store.boxes(positions), [], np.zeros((len(positions), 2), np.float32)
    for mine, shape in _by_clip(store, positions, seen):
        shown[mine] = shown_sizes(boxes[mine], configuration.sequences.padding, *shape)
    size = configuration.scoring.batch
    for i in range(0, len(positions), size):
        part = slice(i, i + size)
        pictures = store.take(positions[part])[:, :, middle]
        measured.append(measure_motion(pictures, shown[part]))
        for _ in pictures:
            step()
    speed, cells = (np.concatenate([getattr(one, name) for one in measured]) for name in ("speed_N", "cells_NK"))
    return Motion(speed, cells), boxes

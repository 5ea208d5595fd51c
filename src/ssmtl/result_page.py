"""From a result folder to one page that a person reads: curves, the worst moments, reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmtl.config import parse
from ssmtl.datasets.dataset import Dataset
from ssmtl.errors import DataError
from ssmtl.event_files import read_events, sentence
from ssmtl.recipes import Configuration, Task
from ssmtl.report.page import ClipReport, Moment, Page, write_page
from ssmtl.results import SUMMARY, ClipObjects, ClipScores, read_objects, read_scores, read_summary
from ssmtl.scoring.score import TaskScale, calibrate
from ssmtl.video.sources import Clip, open_source

MOMENTS = 3
"""Worst moments shown of each clip."""


def review(
    result: Path | str,
    page: Path | str,
    *,
    title: str = "What was unusual",
    summary: Sequence[str] = (),
    facts: Sequence[tuple[str, str]] = (),
    dataset: Dataset | None = None,
) -> None:
    """Write one self-contained HTML file about the results that `detect` left in the folder `result`.

    Args:
        result: the folder.
        page: the HTML file.
        title: its heading.
        summary: sentences under it.
        facts: label and value pairs to show at a glance.
        dataset: shades its ground truth.

    Raises:
        DataError: the folder holds no results, or they are damaged.
        SourceError: the footage is no longer where it was; its pictures are needed.
    """
    result, page = Path(result), Path(page)
    found = read_summary(result)
    if not found.get("clips"):
        raise DataError(f"{result / SUMMARY}: no results; run `ssmtl detect` first")
    settings = parse(Configuration, found["configuration"], f"{result / SUMMARY}, configuration")
    plain = settings.scoring.combine == "plain"
    scales = _scales(found, settings) if plain else None
    clips = [_clip_report(result, name, about, settings, scales, dataset) for name, about in found["clips"].items()]
    if "threshold" in found:
        count = sum(about.get("events", 0) for about in found["clips"].values())
        threshold = found["threshold"]
        facts = [*facts, ("events", str(count)), ("threshold", f"{threshold['value']:.3g} ({threshold['from']})")]
    write_page(page, Page(title, summary, facts, clips, found["configuration"], on_scale=not plain))


def _scales(found: Mapping[str, Any], settings: Configuration) -> dict[str, TaskScale]:
    """The scales on which events tell their reasons, where scores are plain means."""
    known = {kind: (float(median), float(high)) for kind, (median, high) in found["scales"].items()}
    return {part.kind: TaskScale.between(*known[part.kind], part.form) for part in settings.scoring_parts}


def _clip_report(
    result: Path,
    name: str,
    about: dict[str, Any],
    settings: Configuration,
    scales: Mapping[str, TaskScale] | None,
    dataset: Dataset | None,
) -> ClipReport:
    clip = Clip(name, Path(about["source"]), about["start"], about["stop"])
    scores, objects = read_scores(result / name), read_objects(result / name)
    if scales is not None:
        raw = objects.task_scores.astype(np.float32)
        objects = replace(objects, task_scores=calibrate(raw, objects.kinds, scales).astype(np.float64))
    frames = len(scores.scores)
    return ClipReport(
        name,
        scores.time_s,
        scores.scores,
        dataset.frame_labels(clip, frames) if dataset and not clip.start and clip.stop is None else None,
        _task_curves(objects, frames, settings.tasks),
        _moments(clip, scores, objects, settings),
        f"{frames} frames, {len(objects.frames)} regions, {about['frames_per_second']:.0f} frames per second",
        [sentence(row) for row in read_events(result / name)],
    )


def _task_curves(objects: ClipObjects, frames: int, tasks: Sequence[Task]) -> dict[str, NDArray[np.float64]]:
    """The highest score of each task in every frame, 0 at least; NaN in frames without a region."""
    curves = {}
    for task in tasks:
        curve = np.full(frames, -np.inf)
        np.maximum.at(curve, objects.frames, objects.task_scores[:, objects.kinds.index(task.kind)])
        curves[task.title] = np.where(np.isinf(curve), np.nan, np.maximum(curve, 0))
    return curves


def peaks(scores: NDArray[np.float64], most: int, apart: int) -> list[int]:
    """Positions of up to `most` highest local maxima above 0, at least `apart` frames from each other."""
    left = scores.astype(np.float64).copy()
    found: list[int] = []
    while len(found) < most and left.size and left.max() > 0:
        best = int(np.argmax(left))
        start, end = max(0, best - apart), best + apart + 1
        # What is highest only because a higher neighbour was taken away is a slope, no peak.
        near = slice(max(0, best - 1), best + 2)
        if scores[best] >= scores[near].max():
            found.append(best)
        left[start:end] = 0
    return found


def _moments(clip: Clip, scores: ClipScores, objects: ClipObjects, settings: Configuration) -> list[Moment]:
    reach = settings.scoring.mean_frames // 2 + round(settings.scoring.gaussian_frames)
    wanted: dict[int, int] = {}
    for peak in peaks(scores.scores, MOMENTS, max(1, 3 * reach)):
        near = np.flatnonzero(np.abs(objects.frames - peak) <= reach)
        if len(near):
            loudest = int(near[np.argmax(objects.scores[near])])
            wanted.setdefault(int(objects.frames[loudest]), loudest)
    if not wanted:
        return []
    moments = []
    words: dict[str, str] = {part.kind: part.words for part in settings.scoring_parts}
    for frame in open_source(clip):
        if frame.index not in wanted:
            continue
        i = wanted[frame.index]
        reasons = [(words[kind], float(s)) for kind, s in zip(objects.kinds, objects.task_scores[i], strict=True)]
        moments.append(
            Moment(frame.time_s, frame.index, frame.image, objects.boxes[i], float(objects.scores[i]), reasons)
        )
        if len(moments) == len(wanted):
            break
    return sorted(moments, key=lambda moment: -moment.score)

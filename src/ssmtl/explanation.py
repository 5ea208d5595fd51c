"""The most unusual objects of a run, and what each task saw and answered: for papers, for debugging, for trust."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ssmtl.atomic import atomic_folder
from ssmtl.model import Model
from ssmtl.progress import Progress, Silent
from ssmtl.regions.regions import common_areas, overlaps
from ssmtl.report.sheet import ClassAnswer, PictureAnswer, Sheet, TaskRow, overview_png, sheet_png
from ssmtl.scoring.attributes import ARROW, STATURE
from ssmtl.scoring.cutting import ATTRIBUTES, RELEVANCE
from ssmtl.scoring.score import calibrate, head_outputs
from ssmtl.scoring.stream import FrameResult
from ssmtl.tasks.task import Odds, Pictures
from ssmtl.video.frame import Frame

EXPLAIN, OVERVIEW = "explain", "index.png"
"""Folder of the sheets in that of the results, and the picture in it that shows all objects."""

NEAR_FRAMES = 25
"""Frames within which boxes that overlap by more than `SAME_OBJECT` are taken to be one object."""

SAME_OBJECT = 0.4
"""Share of the smaller box that lies in the other: less than where two boxes have an intersection over union of 0.3,
and a part of an object that a motion detector sees by itself now and then counts as the object."""

_SPARE = 2
"""Tracks remembered for each object wanted: some of them turn out to be the same object."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """One object as it went through the network.

    Attributes:
        clip: name of its clip.
        frame: the middle frame of its sequence.
        box: x_min, y_min, x_max, y_max in pixels, half open.
        found: what the detector took it for, and which detector.
        score: its object score.
        pictures: C×7×64×64 uint8, the sequence.
        given: what else the tasks' scores need, by name.
    """

    clip: str
    frame: Frame
    box: NDArray[np.float32]
    found: str
    score: float
    pictures: NDArray[np.uint8]
    given: dict[str, NDArray[np.float32]]


class WorstObjects:
    """The objects of one clip with the highest scores, each of them once: at its worst moment.

    Boxes that overlap from frame to frame, with gaps of up to `NEAR_FRAMES`, are one object, and no two that are found
    overlap within that time. Only what went through the network counts, not what took the mean of its neighbours'
    scores (`scoring.every`). Memory does not grow with the length of the clip: it holds the pictures of twice the
    objects wanted and a box of each object seen lately.
    """

    def __init__(self, clip: str, count: int) -> None:
        """Begin a clip.

        Args:
            clip: its name.
            count: objects wanted, at least 0.
        """
        self._clip = clip
        self._count = count
        self._tracks: dict[int, tuple[int, NDArray[np.float32]]] = {}
        self._begun = 0
        self._worst: dict[int, Suspect] = {}

    def add(self, result: FrameResult) -> None:
        """Look at the next frame's objects."""
        if not self._count:
            return
        tracks = self._follow(result.frame.index, result.regions.boxes)
        for row, i in enumerate(result.looked_at.index):
            track, score = tracks[i], float(result.object_scores[i])
            if self._is_among_the_worst(track, score):
                self._worst[track] = _suspect(self._clip, result, row, int(i))
                if len(self._worst) > _SPARE * self._count:
                    del self._worst[min(self._worst, key=lambda one: self._worst[one].score)]

    def found(self) -> list[Suspect]:
        """The worst objects so far, at most as many as wanted, the worst first."""
        found: list[Suspect] = []
        for one in sorted(self._worst.values(), key=lambda suspect: -suspect.score):
            if len(found) < self._count and not any(_same(one, other) for other in found):
                found.append(one)
        return found

    def _follow(self, index: int, boxes: NDArray[np.float32]) -> list[int]:
        """The track of each box: one that was there lately and overlaps, no two boxes of a frame the same, or new."""
        self._tracks = {name: seen for name, seen in self._tracks.items() if index - seen[0] <= NEAR_FRAMES}
        tracks = list(range(self._begun, self._begun + len(boxes)))
        self._begun += len(boxes)
        if self._tracks and len(boxes):
            known = list(self._tracks)
            others = np.stack([self._tracks[name][1] for name in known])
            age = np.array([index - self._tracks[name][0] for name in known])
            shared = _shared(boxes, others)
            # Boxes of one size fit better than a part and its whole, and what was there just now better than long ago.
            fit = np.where(shared > SAME_OBJECT, (shared + overlaps(boxes, others)) / age, 0)
            for i, j in zip(*linear_sum_assignment(fit, maximize=True), strict=True):
                if fit[i, j] > 0:
                    tracks[i] = known[j]
        self._tracks.update({name: (index, box) for name, box in zip(tracks, boxes, strict=True)})
        return tracks

    def _is_among_the_worst(self, track: int, score: float) -> bool:
        if track in self._worst:
            return score > self._worst[track].score
        full = len(self._worst) == _SPARE * self._count
        return not full or score > min(one.score for one in self._worst.values())


def _suspect(clip: str, result: FrameResult, row: int, i: int) -> Suspect:
    """Object `i` of a frame, whose sequence is in `row`; copies, so that the others of the frame can go."""
    regions, seen = result.regions, result.looked_at
    sure = "" if regions.confidence[i] == 1 else f" {regions.confidence[i]:.2f}"
    return Suspect(
        clip,
        result.frame,
        regions.boxes[i].copy(),
        f"{regions.label[i]}{sure}, found by {regions.origin[i]}",
        float(result.object_scores[i]),
        np.array(seen.pictures[row].cpu() if isinstance(seen.pictures, Tensor) else seen.pictures[row]),
        {name: rows[row].copy() for name, rows in seen.given.items()},
    )


def _same(one: Suspect, other: Suspect) -> bool:
    near = abs(one.frame.index - other.frame.index) <= NEAR_FRAMES
    return near and bool(_shared(one.box[None], other.box[None])[0, 0] > SAME_OBJECT)


def _shared(boxes_N4: NDArray[np.float32], others_M4: NDArray[np.float32]) -> NDArray[np.float32]:
    """N×M intersection over the area of the smaller of two half-open boxes."""
    common_NM, area_N, area_M = common_areas(boxes_N4, others_M4)
    return np.asarray(common_NM / np.minimum(area_N[:, None], area_M[None]), np.float32)


def worst_of(suspects: Iterable[Suspect], count: int) -> list[Suspect]:
    """At most `count` of the objects of several clips, the worst first."""
    return sorted(suspects, key=lambda suspect: -suspect.score)[:count]


def explain(suspect: Suspect, rank: int, model: Model) -> Sheet:
    """Ask the heads of `model`, which scored it, about an object."""
    power = model.configuration.scoring.mean_power
    raised = "" if power in (None, 1) else f", of power {power:g}"
    return Sheet(
        rank,
        suspect.clip,
        suspect.frame.index,
        suspect.frame.time_s,
        suspect.frame.image,
        suspect.box,
        suspect.found,
        suspect.score,
        "the mean of the raw scores" if power is None else f"the weighted mean of the calibrated scores{raised}",
        suspect.pictures.transpose(1, 2, 3, 0),
        _ask(suspect, model),
    )


def _ask(suspect: Suspect, model: Model) -> list[TaskRow]:
    x_BCTHW = torch.from_numpy(suspect.pictures[None]).float().div_(255)
    given = {name: torch.from_numpy(row[None]) for name, row in suspect.given.items()}
    kinds = [part.kind for part in model.parts]
    relevance = dict(zip(kinds, suspect.given.get(RELEVANCE, np.ones(len(kinds))), strict=True))

    def calibrated(raw: NDArray[np.float32], kind: str) -> float:
        return float(calibrate(raw[:, None], [kind], model.scales)[0, 0] * relevance[kind])

    rows = []
    with torch.no_grad():
        outputs = head_outputs(model.scorer, model.tasks, x_BCTHW)
        for task in model.tasks:
            output, scale = outputs[task.kind], model.scales[task.kind]
            raw = task.score(output, x_BCTHW, given).numpy()
            rows.append(
                TaskRow(
                    task.title,
                    task.words,
                    ", ".join(view.value for view in task.views) or "the middle frame, changed",
                    float(raw[0]),
                    scale.raw_median,
                    scale.raw_high,
                    calibrated(raw, task.kind),
                    _answer(task.reveal(output, x_BCTHW, given)),
                    *_says(task.kind, relevance),
                )
            )
    for column, attribute in enumerate(model.configuration.attributes):
        raw = suspect.given[ATTRIBUTES][column : column + 1]
        scale = model.scales[attribute.kind]
        on_scale = calibrated(raw, attribute.kind)
        of = (attribute.title, attribute.words, attribute.sees, float(raw[0]), scale.raw_median, scale.raw_high)
        rows.append(TaskRow(*of, on_scale, None, *_says(attribute.kind, relevance)))
    return rows


def _says(kind: str, relevance: Mapping[str, float]) -> tuple[float, str]:
    """How far a part says something of the object, and why not wholly."""
    reasons = {ARROW: "hardly moves, or the edge cuts it", STATURE: "hidden, a piece, or the edge cuts it"}
    return float(relevance[kind]), reasons.get(kind, "the picture's edge cuts it")


def _answer(revealed: Pictures | Odds) -> PictureAnswer | ClassAnswer:
    """The first sequence's answer, as arrays."""
    if isinstance(revealed, Pictures):
        truth, answer = (one[0].permute(1, 2, 0).numpy() for one in (revealed.truth_BCHW, revealed.answer_BCHW))
        return PictureAnswer(truth, answer)
    known = None if revealed.truth_BN is None else revealed.truth_BN[0].numpy()
    return ClassAnswer(revealed.names, revealed.answer_BN[0].numpy(), known)


def write_sheets(
    out: Path, suspects: Sequence[Suspect], model: Model, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Write a sheet for each object and an overview into the folder `explain` of `out`; older sheets are replaced.

    Args:
        out: folder of the results.
        suspects: at least one object, the worst first.
        model: the one that scored them.
        progress: shows how far it is.

    Returns:
        For each object its clip, frame, box, score, and its sheet's path from `out`.

    Raises:
        OutputError: they cannot be written.
    """
    step = (progress or Silent()).stage("drawing the worst objects", len(suspects))
    digits = max(2, len(str(len(suspects))))
    sheets, about = [], []
    with atomic_folder(out / EXPLAIN) as folder:
        for rank, suspect in enumerate(suspects, 1):
            sheet = explain(suspect, rank, model)
            # Names of files have an end: 255 bytes.
            name = f"{rank:0{digits}}_{suspect.clip[:50]}_{suspect.frame.index}.png"
            (folder / name).write_bytes(sheet_png(sheet))
            sheets.append(sheet)
            about.append(
                {
                    "clip": suspect.clip,
                    "frame": suspect.frame.index,
                    "box": suspect.box.tolist(),
                    "score": suspect.score,
                    "file": f"{EXPLAIN}/{name}",
                }
            )
            step()
        (folder / OVERVIEW).write_bytes(overview_png(sheets))
    return about

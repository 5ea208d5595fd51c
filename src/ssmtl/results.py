"""The files of a detection: `<clip>/scores.csv`, `<clip>/regions.csv` and one `summary.json` for all clips."""

import csv
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ssmtl.atomic import check_replaceable
from ssmtl.errors import DataError, OutputError
from ssmtl.video.sources import Clip

if TYPE_CHECKING:
    from ssmtl.regions.union import DetectorSettings
    from ssmtl.scoring.stream import FrameResult

SCORES, REGIONS, SUMMARY = "scores.csv", "regions.csv", "summary.json"
SCORE_COLUMNS = ("frame", "time_s", "score")
REGION_COLUMNS = ("frame", "x_min", "y_min", "x_max", "y_max", "score", "origin", "label")


def claim_clips(out: Path, clips: Iterable[Clip]) -> None:
    """Check that `out/<clip>` may be replaced by a new result of each clip, before any work is done for them.

    Raises:
        OutputError: there is something else than an earlier result, or the clip's own footage.
    """
    for clip in clips:
        folder = out / clip.name
        if clip.path.resolve().is_relative_to(folder.resolve()):
            raise OutputError(f"{folder}: holds the footage itself; choose another folder for the output")
        check_replaceable(folder, lambda old: (old / REGIONS).is_file())


class ResultWriter:
    """Writes one clip's `scores.csv` and `regions.csv`, frame by frame, into an existing folder."""

    def __init__(self, folder: Path, kinds: Sequence[str]):
        self._folder = folder
        self._kinds = list(kinds)

    def __enter__(self) -> Self:
        self._files = [(self._folder / name).open("w", newline="", encoding="utf-8") for name in (SCORES, REGIONS)]
        self._scores, self._regions = (csv.writer(file, lineterminator="\n") for file in self._files)
        self._scores.writerow(SCORE_COLUMNS)
        self._regions.writerow([*REGION_COLUMNS, *self._kinds])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            file.close()

    def write(self, result: "FrameResult") -> None:
        """Add a frame."""
        frame, regions = result.frame, result.regions
        self._scores.writerow([frame.index, f"{frame.time_s:.4f}", f"{result.score:.6g}"])
        columns = (regions.boxes, result.object_scores, regions.origin, regions.label, result.task_scores)
        # As lists: to take and format NumPy's scalars one by one takes several times as long.
        for box, score, origin, label, tasks in zip(*(column.tolist() for column in columns), strict=True):
            corners = [f"{value:g}" for value in box]
            scores = [f"{value:.5g}" for value in (score, *tasks)]
            self._regions.writerow([frame.index, *corners, scores[0], origin, label, *scores[1:]])


@dataclass(frozen=True, slots=True)
class ClipScores:
    """N frames' times in seconds and scores, frame 0 first."""

    time_s: NDArray[np.float64]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClipObjects:
    """M objects of one clip: frames M, boxes M×4, scores M, and M×K task scores with the K tasks' kinds."""

    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    kinds: list[str]
    task_scores: NDArray[np.float64]


def _read_table(path: Path, columns: Sequence[str]) -> tuple[list[str], list[dict[str, str]]]:
    if not path.is_file():
        raise DataError(f"{path}: no such file; make it with `ssmtl detect`")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = list(reader.fieldnames or [])
            missing = [name for name in columns if name not in names]
            if missing:
                raise DataError(f"{path}: no column '{missing[0]}'; the first line must name {', '.join(columns)}")
            return names, list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is no CSV text in UTF-8 ({error}); save it as such") from error


def _numbers(path: Path, rows: Sequence[dict[str, str]], names: Sequence[str]) -> NDArray[np.float64]:
    table = np.empty((len(rows), len(names)))
    for i, row in enumerate(rows):
        try:
            table[i] = [float(row[name]) for name in names]
        except (TypeError, ValueError) as error:
            raise DataError(f"{path}, line {i + 2}: {error}; {', '.join(names)} are numbers") from error
        if not np.isfinite(table[i]).all():
            raise DataError(f"{path}, line {i + 2}: a value is not finite")
    return table


def read_scores(folder: Path) -> ClipScores:
    """The frame scores in a clip's result folder.

    Raises:
        DataError: the file is missing or malformed, or a frame is missing or doubled; names the file and line.
    """
    path = Path(folder) / SCORES
    names, rows = _read_table(path, ("frame", "score"))
    times = "time_s" if "time_s" in names else "frame"
    table = _numbers(path, rows, ["frame", times, "score"])
    wrong = np.flatnonzero(table[:, 0] != np.arange(len(table)))
    if len(wrong):
        raise DataError(
            f"{path}, line {wrong[0] + 2}: frame {table[wrong[0], 0]:g} where {wrong[0]} should be; "
            "frames run from 0 without gaps"
        )
    return ClipScores(table[:, 1], table[:, 2])


def read_objects(folder: Path) -> ClipObjects:
    """The scored regions in a clip's result folder; same errors."""
    path = Path(folder) / REGIONS
    names, rows = _read_table(path, REGION_COLUMNS)
    kinds = names[len(REGION_COLUMNS) :]
    table = _numbers(path, rows, [*REGION_COLUMNS[:6], *kinds])
    return ClipObjects(table[:, 0].astype(np.int64), table[:, 1:5], table[:, 5], kinds, table[:, 6:])


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of a result folder; empty where there is none (scores of another program)."""
    path = Path(folder) / SUMMARY
    if not path.is_file():
        return {}
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: is not JSON ({error}); run `ssmtl detect` again") from error
    return summary if isinstance(summary, dict) else {}


def read_own_summary(folder: Path) -> dict[str, Any]:
    """The same of a result of `ssmtl detect` alone; empty for scores of another program, whatever that left there."""
    summary = read_summary(folder) if Path(folder).is_dir() else {}
    clips, configuration = summary.get("clips"), summary.get("configuration")
    if not isinstance(clips, dict) or not isinstance(configuration, dict):
        return {}
    return summary if {"recipe", "seed", "scoring"} <= configuration.keys() else {}


def check_whole(place: Path, may_end: bool = False) -> None:
    """Refuse results of `ssmtl detect` of parts of clips: their frames count from 0, wherever the part begins.

    `place` is a result folder, a clip's folder in one, or a file there; what is none of these is left alone.

    Raises:
        DataError: a clip's result begins later than the clip or, unless it `may_end`, ends sooner.
    """
    place = Path(place).resolve()
    summaries = {place: read_own_summary(place)}
    for folder in place.parents[:2]:
        # What lies around other people's files is theirs, and may be anything.
        with suppress(DataError):
            summaries[folder] = read_own_summary(folder)
    for folder, summary in summaries.items():
        for name, facts in summary.get("clips", {}).items():
            within = folder == place or folder / name in (place, place.parent)
            if within and (facts.get("start") or (facts.get("stop") is not None and not may_end)):
                raise DataError(f"{folder / name}: holds a part of the clip only; score all of it, without --frames")


def check_boxes(detectors: Iterable["DetectorSettings"]) -> None:
    """Refuse regions from such results, which would be taken for those of other frames; same error."""
    for detector in detectors:
        if detector.kind == "boxes":
            check_whole(detector.path, may_end=True)

"""A user's own data set: folders of normal and test clips, and a table of when something abnormal happens.

    ROOT/normal/       video files, or one folder of pictures per clip
    ROOT/test/         likewise
    ROOT/abnormal.csv  one row per abnormal interval: clip,first,last,kind

`clip` is the name of a test clip without its ending; `first` and `last` are frames, counted from 0, both abnormal.
`kind` is for people to read and may be missing; other columns are ignored. A test clip without rows is all normal.

Where it happens may be told too, by four more columns `x_min,y_min,x_max,y_max`: a box in pixels, half open, that holds
from `first` to `last`, so that what moves has a row per frame. With those columns, every row has a box. One more
column, `track`, may say which boxes of a clip are of the same person or thing: those with the same word or number.
Without it, boxes that overlap from frame to frame are taken for one.

A folder `ROOT/tracks` of tracks files (`ssmtl.formats.tracks`) says where in place of those columns.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.checking import Official, attempt, inspect
from ssmtl.datasets.dataset import Item, Step, Use, no_step
from ssmtl.datasets.layout import subfolders
from ssmtl.datasets.masks import link_boxes
from ssmtl.datasets.track_files import TrackFiles, find_track_files, read_clip_tracks
from ssmtl.errors import DataError, SourceError
from ssmtl.formats.clips import some
from ssmtl.formats.records import Tracks
from ssmtl.video.sources import Clip, find_clips

_COLUMNS = ("clip", "first", "last")
_BOX = ("x_min", "y_min", "x_max", "y_max")
_TRACK = "track"


@dataclass(frozen=True, slots=True)
class _Interval:
    clip: str
    first: int
    last: int
    kind: str
    box: tuple[float, ...] | None
    track: str
    line: int


@dataclass(frozen=True, slots=True)
class _Table:
    has_boxes: bool
    has_tracks: bool
    intervals: list[_Interval]


class OwnDataset:
    """Clips and ground truth in the layout above; implements `ssmtl.datasets.dataset.Dataset`."""

    name = title = "own"
    page = ""

    def __init__(self, root: Path, tracks_folder: Path | None = None, first_frame: int | None = None) -> None:
        """Nothing is read before it is asked for, so that training needs no annotation.

        Args:
            root: the folder of the data set.
            tracks_folder, first_frame: tracks to use in place of any that lie in `root`, as of `open_dataset`.
        """
        self.root = Path(root)
        self.tracks_folder = None if tracks_folder is None else Path(tracks_folder)
        self.first_frame = first_frame
        self.annotation = self.root / "abnormal.csv"

    def train_clips(self) -> list[Clip]:
        """Clips of `ROOT/normal`, in natural order.

        Raises:
            DataError: none are there.
        """
        return self._clips("normal")

    def test_clips(self) -> list[Clip]:
        """Clips of `ROOT/test`, in natural order; same errors."""
        return self._clips("test")

    def frame_labels(self, clip: Clip, frames: int) -> NDArray[np.bool_]:
        """Ground truth of the `frames` frames of a test clip, True = abnormal.

        Raises:
            DataError: the annotation is missing or malformed, names an unknown clip, or reaches beyond the clip.
        """
        labels = np.zeros(frames, bool)
        for _, span in self._spans(clip, frames):
            labels[span] = True
        return labels

    def tracks(self, clip: Clip, frames: int) -> Tracks | None:
        """The abnormal regions of the same frames: of the tracks files, or else the boxes of the annotation.

        None where there are neither; same errors.
        """
        if self._track_files is not None:
            return read_clip_tracks(self._track_files, clip, frames, self.frame_labels)
        if not self._table.has_boxes:
            return None
        boxes: list[list[tuple[float, ...]]] = [[] for _ in range(frames)]
        names: list[list[str]] = [[] for _ in range(frames)]
        for interval, span in self._spans(clip, frames):
            assert interval.box is not None
            for frame in range(*span.indices(frames)):
                boxes[frame].append(interval.box)
                names[frame].append(interval.track)
        linked = link_boxes(boxes)
        if not self._table.has_tracks:
            return linked
        numbers: dict[str, int] = {}
        ids = [numbers.setdefault(name, len(numbers)) for each in names for name in each]
        return Tracks(linked.frames, np.array(ids, np.int64), linked.boxes)

    def check(self, step: Step = no_step) -> list[Item]:
        """What is there; there is nothing official to compare it with."""
        return inspect(self, Official(), self._annotation_items, step, track_files=lambda: self._track_files)

    def kinds(self, clip: str) -> set[str]:
        """What happens in the test clip of that name, as far as the annotation says; same errors."""
        return {interval.kind for interval in self._table.intervals if interval.clip == clip and interval.kind}

    def _spans(self, clip: Clip, frames: int) -> Iterator[tuple[_Interval, slice]]:
        """The intervals that fall into the clip, or the part of one, and which of its `frames` frames they are."""
        end = clip.start + frames
        whole = clip.stop is None or end < clip.stop
        for interval in self._table.intervals:
            if interval.clip != clip.name:
                continue
            if whole and interval.last >= end:
                raise DataError(
                    f"{self.annotation}, line {interval.line}: last is {interval.last}, but clip {clip.name!r} "
                    f"has {end} frames, 0 to {end - 1}; correct the row"
                )
            yield interval, slice(max(0, interval.first - clip.start), max(0, interval.last + 1 - clip.start))

    def _clips(self, part: str) -> list[Clip]:
        folder = self.root / part
        try:
            return find_clips([folder])
        except SourceError as error:
            raise DataError(
                f"{folder}: no clips found ({error}); put the {part} clips there, as video files "
                "or one folder of pictures each"
            ) from error

    def _annotation_items(self, clips: list[Clip]) -> list[Item]:
        table = attempt(lambda: self._table)
        if isinstance(table, str):
            return [Item(self.annotation.name, None, problems=(table,), use=Use.FRAMES, possible=False)]
        note = "with tracks" if table.has_tracks else "with boxes" if table.has_boxes else "says when, but not where"
        return [Item(f"rows of {self.annotation.name}", len(table.intervals), note=note, use=Use.FRAMES)]

    @cached_property
    def _track_files(self) -> TrackFiles | None:
        names = [clip.name for clip in self.test_clips()]
        homes = [self.root, *subfolders(self.root)]
        return find_track_files(homes, self.tracks_folder, names, first_frame=self.first_frame)

    @cached_property
    def _table(self) -> _Table:
        known = [clip.name for clip in self.test_clips()]
        table = _read(self.annotation)
        for interval in table.intervals:
            if interval.clip not in known:
                raise DataError(
                    f"{self.annotation}, line {interval.line}: no clip {interval.clip!r} in {self.root / 'test'}; "
                    f"write the name without its ending: {some(known)}"
                )
        return table


def _read(path: Path) -> _Table:
    """The rows of an annotation file, checked each by itself."""
    if not path.is_file():
        raise DataError(
            f"{path}: no such file; write the header `clip,first,last,kind` and one row per abnormal interval of "
            "a test clip, for instance `clip_01,120,185,running` (frames from 0, both ends abnormal); "
            "the header alone if nothing abnormal happens"
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            header = [name.strip() for name in rows.fieldnames or []]
            missing = [name for name in _COLUMNS if name not in header]
            if missing:
                raise DataError(
                    f"{path}, line 1: no column {', '.join(missing)}; the header must be `clip,first,last,kind`, "
                    f"separated by commas, not `{','.join(header)}`"
                )
            boxes = [name for name in _BOX if name in header]
            if boxes and len(boxes) < len(_BOX):
                raise DataError(
                    f"{path}, line 1: has {', '.join(boxes)} only; a box needs the columns {', '.join(_BOX)}"
                )
            rows.fieldnames = header
            return _Table(
                bool(boxes), bool(boxes) and _TRACK in header, [_interval(path, rows.line_num, row) for row in rows]
            )
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is no CSV text in UTF-8 ({error}); save it as such") from error


def _interval(path: Path, line: int, row: dict[str, str | None]) -> _Interval:
    where = f"{path}, line {line}"
    ends = []
    for column in ("first", "last"):
        text = (row[column] or "").strip()
        try:
            ends.append(int(text))
        except ValueError:
            raise DataError(f"{where}: {column} is {text!r}; write a whole number, a frame from 0") from None
    first, last = ends
    if not 0 <= first <= last:
        raise DataError(f"{where}: first is {first} and last is {last}; write frames with 0 <= first <= last")
    box = _box(where, row) if _BOX[0] in row else None
    track = (row.get(_TRACK) or "").strip()
    if box is not None and _TRACK in row and not track:
        raise DataError(f"{where}: {_TRACK} is empty; name or number the person or thing, or leave the column out")
    return _Interval((row["clip"] or "").strip(), first, last, (row.get("kind") or "").strip(), box, track, line)


def _box(where: str, row: dict[str, str | None]) -> tuple[float, ...]:
    sides = []
    for column in _BOX:
        text = (row[column] or "").strip()
        try:
            sides.append(float(text))
        except ValueError:
            raise DataError(f"{where}: {column} is {text!r}; write a number of pixels") from None
    x_min, y_min, x_max, y_max = sides
    if not (np.isfinite(sides).all() and x_min < x_max and y_min < y_max):
        raise DataError(f"{where}: the box is {sides}; write pixels with x_min < x_max and y_min < y_max")
    return tuple(sides)

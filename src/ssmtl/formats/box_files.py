"""Boxes of clips from any file that is read here: one reader for found regions, ground-truth tracks and detections.

Which columns a file has follows from its form:

* `.csv`: a first line that names them; boxes are half open, frames count from 0. With a column `clip` it is of several
  clips;
* `.txt` and `.npy` of six columns, `.npz` with one such array per clip: the order that `Layout.plain` says; boxes are
  inclusive, frames count from 0;
* the same of seven to ten columns: MOT's frame, id, left, top, width, height, confidence, ...; frames count from 1.
  Boxes are taken as the common trackers write them: from the picture's upper left corner at 0, 0;
* `.json`: COCO's, see `ssmtl.formats.coco`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import DataError
from ssmtl.formats.arrays import array_row, read_array, read_arrays
from ssmtl.formats.clips import KINDS, ClipFile, group_rows, own_name, read_clips
from ssmtl.formats.coco import CocoBoxes, coco_entry, read_coco
from ssmtl.formats.tables import number_line, read_numbers, read_table

SIDES = ("x_min", "y_min", "x_max", "y_max")

_MOT = range(7, 11)
"""Numbers of columns of MOT's text."""

_MOT_COLUMNS = "frame, id, left, top, width, height, confidence"

_MOST_FRAMES = 2**31

_MOST_TRACKS = 2**53
"""From which on a float64 does not tell whole numbers apart."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a use of box files needs of them.

    Attributes:
        what: its name, for errors.
        value: the number that each box has besides its frame: "score", "track" or "confidence".
        plain: the order of six columns of numbers alone.
        inside: the files of a clip that has a folder of its own.
        default: the value of a box that has none; None where each must have one.
    """

    what: str
    value: str
    plain: tuple[str, ...]
    inside: tuple[str, ...]
    default: float | None = None

    @property
    def of_tracks(self) -> bool:
        """Whether the value says which track a box is of."""
        return self.value == "track"

    @property
    def columns(self) -> str:
        """What a file of numbers alone must hold, for errors."""
        return f"{', '.join(self.plain)}, or MOT's columns {_MOT_COLUMNS} and up to three more"


REGIONS = Layout("regions", "score", ("frame", *SIDES, "score"), ("regions.csv", "det/det.txt"))
"""What a program found, with anomaly scores."""

TRACKS = Layout("tracks", "track", ("track", "frame", *SIDES), ("tracks.csv", "gt/gt.txt"))
"""Ground truth: which boxes are one track."""

DETECTIONS = Layout("boxes", "confidence", ("frame", *SIDES, "confidence"), ("regions.csv", "det/det.txt"), 1.0)
"""What an object detector found."""


@dataclass(frozen=True, slots=True)
class BoxRows:
    """M boxes of one clip.

    Attributes:
        frames: M frames, from 0.
        boxes: M×4, half open, of some width and height.
        values: M scores, track numbers or confidences, finite.
        labels: M class names of detections, empty where there is none.
        where: for errors: the place in the file that a row is from.
    """

    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    values: NDArray[np.float64]
    labels: NDArray[np.str_]
    where: Callable[[int], str]

    def __len__(self) -> int:
        return len(self.frames)


def read_boxes(path: Path, layout: Layout, first_frame: int | None = None) -> dict[str, BoxRows]:
    """The boxes of every clip in a file, or in the files of a folder (`ssmtl.formats.clips.clip_files`).

    Args:
        path: the file or folder.
        layout: what the boxes are.
        first_frame: number of a clip's first frame in COCO's JSON; None = as the file lets see.

    Raises:
        DataError: nothing is there, or a file is malformed; names the file and line.
    """
    return read_clips(
        Path(path), layout.what, layout.inside, KINDS, lambda file: read_box_file(file, layout, first_frame)
    )


def read_box_file(path: Path, layout: Layout, first_frame: int | None = None) -> ClipFile[BoxRows]:
    """The boxes in one file; same arguments and errors."""
    name = own_name(path, layout.inside)
    match path.suffix.lower():
        case ".csv":
            return _from_csv(path, layout, name)
        case ".txt":
            numbers = read_numbers(path, {6, *_MOT}, layout.columns)
            return ClipFile({name: _from_numbers(numbers, layout, lambda row: number_line(path, row))}, named=False)
        case ".npy":
            return ClipFile({name: _from_array(read_array(path), layout, str(path))}, named=False)
        case ".npz":
            arrays = read_arrays(path).items()
            clips = {clip: _from_array(array, layout, f"{path}, array {clip!r}") for clip, array in arrays}
            return ClipFile(clips, named=True)
        case ".json":
            found = read_coco(path, first_frame)
            clips = {clip: _from_coco(path, boxes, layout) for clip, boxes in found.clips.items()}
            return ClipFile(clips, named=True, lists_all=found.lists_all)
        case ending:
            raise DataError(f"{path}: files that end in {ending or 'nothing'!r} are not read; write {', '.join(KINDS)}")


def _from_csv(path: Path, layout: Layout, name: str) -> ClipFile[BoxRows]:
    if layout.default is None:
        table = read_table(path, ("frame", *SIDES, layout.value), texts=("clip",))
    else:
        table = read_table(path, ("frame", *SIDES), (layout.value,), ("clip", "label"))
    frames = table.numbers["frame"]
    values = table.numbers.get(layout.value, np.full(len(frames), np.nan))
    labels = table.texts.get("label", np.full(len(frames), ""))
    boxes = np.stack([table.numbers[side] for side in SIDES], axis=1)
    rows = _checked(layout, frames, boxes, values, labels, table.where)
    if "clip" not in table.texts:
        return ClipFile({name: rows}, named=False)
    clips = {clip: _take(rows, index) for clip, index in group_rows(table.texts["clip"], table.where).items()}
    return ClipFile(clips, named=True, lists_all=False)


def _from_array(array: NDArray[np.float64], layout: Layout, where: str) -> BoxRows:
    if array.size == 0 and array.ndim <= 2:
        array = np.empty((0, 6))
    if array.ndim != 2 or array.shape[1] not in {6, *_MOT}:
        shape = "×".join(map(str, array.shape)) or "one number"
        raise DataError(f"{where}: is {shape}; write M×6: {layout.columns}")
    return _from_numbers(array, layout, lambda row: array_row(where, row))


def _from_numbers(numbers: NDArray[np.float64], layout: Layout, where: Callable[[int], str]) -> BoxRows:
    """M×6 numbers in the order of the layout, or M×7 to M×10 as MOT has them."""
    if numbers.shape[1] in _MOT:
        return _from_mot(numbers, layout, where)
    column = {name: numbers[:, i] for i, name in enumerate(layout.plain)}
    boxes = np.stack([column[side] for side in SIDES], axis=1)
    labels = np.full(len(numbers), "")
    return _checked(layout, column["frame"], boxes, column[layout.value], labels, where, inclusive=True)


def _from_mot(numbers: NDArray[np.float64], layout: Layout, where: Callable[[int], str]) -> BoxRows:
    frames, ids, confidence = numbers[:, 0], numbers[:, 1], numbers[:, 6]
    _refuse(
        ids != np.floor(ids),
        where,
        lambda row: f"id is {ids[row]:g}; {len(numbers[0])} columns are MOT's: {_MOT_COLUMNS}",
    )
    if len(numbers) and numbers.shape[1] == 7 and not layout.of_tracks and (ids != -1).any():
        # Quite another table has seven columns as often: frame, box, score and a track.
        raise DataError(
            f"{where(int(np.flatnonzero(ids != -1)[0]))}: seven columns are read as MOT's detections, "
            f"{_MOT_COLUMNS}, whose id is -1; write {', '.join(layout.plain)}, or MOT's ten columns"
        )
    values = ids if layout.of_tracks else confidence
    if layout.default is not None:
        values = np.where(values == -1, layout.default, values)
    labels = np.full(len(numbers), "")
    rows = _checked(layout, frames, _corners(numbers[:, 2:6]), values, labels, where, first=1)
    # MOT's ground truth marks with a confidence of 0 what is not to be counted.
    return _take(rows, np.flatnonzero(confidence != 0)) if layout.of_tracks else rows


def _from_coco(path: Path, found: CocoBoxes, layout: Layout) -> BoxRows:
    entries = found.entries.tolist()
    values = found.tracks if layout.of_tracks else found.scores
    boxes = _corners(found.boxes)
    return _checked(layout, found.frames, boxes, values, found.labels, lambda row: coco_entry(path, entries[row]))


def _corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half-open boxes of left, top, width and height."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _checked(
    layout: Layout,
    frames: NDArray[np.float64],
    boxes: NDArray[np.float64],
    values: NDArray[np.float64],
    labels: NDArray[np.str_],
    where: Callable[[int], str],
    *,
    first: int = 0,
    inclusive: bool = False,
) -> BoxRows:
    """Rows of a file by our convention.

    Args:
        layout: what they are.
        frames: M, the clip's first is `first`.
        boxes: M×4.
        values: M; NaN where not given.
        labels: M.
        where: as in `BoxRows`.
        first: as above.
        inclusive: whether x_max and y_max are the last pixels of a box, not the first beyond it.

    Raises:
        DataError: a row is no box in a frame, or lacks a value that it must have.
    """
    whole = (frames == np.floor(frames)) & (frames >= first) & (frames < _MOST_FRAMES)
    _refuse(~whole, where, lambda row: f"frame is {frames[row]:g}; it must be a whole number with frame >= {first}")
    lower, upper = boxes[:, :2], boxes[:, 2:]
    fine = np.asarray((lower <= upper if inclusive else lower < upper).all(axis=1))
    than = "<=" if inclusive else "<"
    _refuse(~fine, where, lambda row: f"not a box: needs x_min {than} x_max, y_min {than} y_max; leave such rows out")
    if layout.default is not None:
        values = np.where(np.isnan(values), layout.default, values)
    _refuse(np.isnan(values), where, lambda row: f"has no {layout.value}; all {layout.what} need one")
    if layout.of_tracks:
        wrong = (values != np.floor(values)) | (values < 0) | (values >= _MOST_TRACKS)
        _refuse(wrong, where, lambda row: f"track is {values[row]:g}; it must be a whole number from 0")
    upper = upper + 1 if inclusive else upper
    return BoxRows((frames - first).astype(np.int64), np.concatenate([lower, upper], axis=1), values, labels, where)


def _refuse(wrong: NDArray[np.bool_], where: Callable[[int], str], what: Callable[[int], str]) -> None:
    """Raise an error about the first row that is wrong, if any is."""
    rows = np.flatnonzero(wrong)
    if len(rows):
        row = int(rows[0])
        raise DataError(f"{where(row)}: {what(row)}")


def _take(rows: BoxRows, index: NDArray[np.intp]) -> BoxRows:
    """Some of the rows."""
    place = index.tolist()
    return BoxRows(
        rows.frames[index],
        rows.boxes[index],
        rows.values[index],
        rows.labels[index],
        lambda row: rows.where(place[row]),
    )

"""Regions, tracks and frame scores as files, in the forms that `ssmtl.formats` reads.

Numbers are written with the digits that read back as the same float64. Text and arrays hold inclusive boxes, MOT's text
and COCO's JSON widths and heights: whole pixels read back as the same, of others the last digit may differ.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmtl.atomic import atomic_file, atomic_folder, check_replaceable, claim_output
from ssmtl.errors import DataError, OutputError
from ssmtl.formats.arrays import write_array, write_arrays
from ssmtl.formats.box_files import REGIONS, SIDES, Layout
from ssmtl.formats.coco import coco_text
from ssmtl.formats.frame_scores import INSIDE
from ssmtl.formats.records import ScoredRegions


class Form(StrEnum):
    """How files are written.

    A folder per clip with a CSV in it, a text or `.npy` per clip, or one `.npz` or `.json` of all clips.
    """

    CSV = "csv"
    TEXT = "text"
    NPY = "npy"
    NPZ = "npz"
    MOT = "mot"
    COCO = "coco"


SCORE_FORMS = (Form.CSV, Form.TEXT, Form.NPY, Form.NPZ)
"""The forms that frame scores have."""

_FILES = {Form.NPZ: ".npz", Form.COCO: ".json"}
"""Forms that are one file, and how its name must end."""


@dataclass(frozen=True, slots=True)
class BoxColumns:
    """M boxes of one clip: M frames, M×4 half-open boxes, and M scores or numbers of tracks."""

    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    values: NDArray[np.generic]


def write_regions(regions: Mapping[str, ScoredRegions], out: Path, form: Form | str, overwrite: bool = False) -> None:
    """Write the regions of some clips: a folder (csv, text, npy, mot) or a file (npz, coco).

    Args:
        regions: of each clip.
        out: the folder or file.
        form: how.
        overwrite: whether what is there may be replaced, a folder with all that it holds.

    Raises:
        OutputError: it is there already or cannot be written.
        DataError: a clip's name cannot be that of a file, or a box is too narrow for the form.
        ValueError: what is to be written is not finite, or no box.
    """
    columns = {clip: BoxColumns(found.frames, found.boxes, found.scores) for clip, found in regions.items()}
    write_boxes(columns, REGIONS, Path(out), Form(form), overwrite)


def write_frame_scores(scores: Mapping[str, ArrayLike], out: Path, form: Form | str, overwrite: bool = False) -> None:
    """Write the frame scores of some clips, N each: a folder (csv, text, npy) or a file (npz).

    Other arguments are as those of `write_regions`.

    Raises:
        OutputError: it is there already or cannot be written.
        DataError: a clip's name cannot be that of a file.
        ValueError: scores are not finite or have no such form.
    """
    out, form = Path(out), Form(form)
    arrays = {clip: np.asarray(values, np.float64) for clip, values in scores.items()}
    for clip, array in arrays.items():
        if array.ndim != 1 or not np.isfinite(array).all():
            raise ValueError(f"scores of clip {clip} must be N finite numbers")
    match form:
        case Form.CSV:
            texts = {clip: _text(np.stack([np.arange(len(a)), a], axis=1), "frame,score") for clip, a in arrays.items()}
            _write_texts(texts, f"/{INSIDE[0]}", out, overwrite)
        case Form.TEXT:
            _write_texts({clip: _text(array[:, None]) for clip, array in arrays.items()}, ".txt", out, overwrite)
        case Form.NPY:
            _write_folder(arrays, ".npy", out, overwrite, write_array)
        case Form.NPZ:
            with _new_file(out, form, overwrite) as temporary:
                write_arrays(temporary, arrays)
        case _:
            raise ValueError(f"frame scores have no form {form}; choose {', '.join(SCORE_FORMS)}")


def write_boxes(
    clips: Mapping[str, BoxColumns], layout: Layout, out: Path, form: Form, overwrite: bool = False
) -> None:
    """Write boxes of some clips as `layout` has them; arguments and errors as of `write_regions`."""
    for clip, columns in clips.items():
        _check(clip, columns)
    match form:
        case Form.CSV:
            header = ",".join(("frame", *SIDES, layout.value))
            texts = {clip: _text(_table(columns), header) for clip, columns in clips.items()}
            _write_texts(texts, f"/{layout.inside[0]}", out, overwrite)
        case Form.TEXT:
            texts = {clip: _text(_plain(clip, columns, layout)) for clip, columns in clips.items()}
            _write_texts(texts, ".txt", out, overwrite)
        case Form.NPY:
            arrays = {clip: _plain(clip, columns, layout) for clip, columns in clips.items()}
            _write_folder(arrays, ".npy", out, overwrite, write_array)
        case Form.NPZ:
            arrays = {clip: _plain(clip, columns, layout) for clip, columns in clips.items()}
            with _new_file(out, form, overwrite) as temporary:
                write_arrays(temporary, arrays)
        case Form.MOT:
            texts = {clip: _text(_mot(columns, layout)) for clip, columns in clips.items()}
            _write_texts(texts, f"/{layout.inside[1]}" if layout.of_tracks else ".txt", out, overwrite)
        case Form.COCO:
            text = coco_text({clip: _coco(columns, layout) for clip, columns in clips.items()})
            with _new_file(out, form, overwrite) as temporary:
                temporary.write_text(text, encoding="utf-8")


def _check(clip: str, columns: BoxColumns) -> None:
    frames, boxes, values = columns.frames, columns.boxes, columns.values
    if not len(frames) == len(boxes) == len(values) or boxes.shape[1:] != (4,):
        raise ValueError(f"clip {clip}: needs M frames, M×4 boxes and M values")
    if not (np.isfinite(boxes).all() and np.isfinite(values).all() and (boxes[:, :2] < boxes[:, 2:]).all()):
        raise ValueError(f"clip {clip}: boxes and values must be finite, and boxes of some width and height")
    if (frames < 0).any():
        raise ValueError(f"clip {clip}: frames count from 0")


def _table(columns: BoxColumns) -> NDArray[np.float64]:
    """M×6: frame, half-open box, value."""
    return np.concatenate([columns.frames[:, None], columns.boxes, columns.values[:, None]], axis=1, dtype=np.float64)


def _plain(clip: str, columns: BoxColumns, layout: Layout) -> NDArray[np.float64]:
    """M×6, inclusive, in the order of the layout."""
    table = _table(columns)
    table[:, 3:5] -= 1
    narrow = np.flatnonzero((table[:, 1:3] > table[:, 3:5]).any(axis=1))
    if len(narrow):
        raise DataError(
            f"clip {clip}, frame {columns.frames[narrow[0]]}: a box is narrower than a pixel, which inclusive boxes "
            "cannot be; write csv, mot or coco"
        )
    names = ("frame", *SIDES, layout.value)
    return table[:, [names.index(name) for name in layout.plain]]


def _mot(columns: BoxColumns, layout: Layout) -> NDArray[np.float64]:
    """MOT's results, M×10, or its ground truth, M×9."""
    frames, boxes, values = columns.frames + 1, columns.boxes, columns.values
    left_top, sizes = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    ones = np.ones(len(frames))
    if layout.of_tracks:
        return np.column_stack([frames, values, left_top, sizes, ones, ones, ones])
    return np.column_stack([frames, -ones, left_top, sizes, values, -ones, -ones, -ones])


def _coco(columns: BoxColumns, layout: Layout) -> list[tuple[int, list[float], dict[str, Any]]]:
    name = "track_id" if layout.of_tracks else "score"
    boxes = np.concatenate([columns.boxes[:, :2], columns.boxes[:, 2:] - columns.boxes[:, :2]], axis=1)
    rows = zip(columns.frames.tolist(), boxes.tolist(), columns.values.tolist(), strict=True)
    return [(frame, box, {name: value}) for frame, box, value in rows]


def _text(table: NDArray[np.float64], header: str = "") -> str:
    """A line per row; whole numbers without a point."""
    lines = [",".join([repr(value).removesuffix(".0") for value in row]) for row in table.tolist()]
    return "".join(f"{line}\n" for line in ([header] if header else []) + lines)


def _write_texts(texts: Mapping[str, str], place: str, out: Path, overwrite: bool) -> None:
    _write_folder(texts, place, out, overwrite, lambda path, text: path.write_text(text, encoding="utf-8"))


def _write_folder(
    clips: Mapping[str, Any], place: str, out: Path, overwrite: bool, write: Callable[[Path, Any], object]
) -> None:
    """A file per clip: `out`, the clip's name, then `place`."""
    for clip in clips:
        if not clip or clip != Path(clip).name or clip.startswith(".") or "\\" in clip or "\0" in clip:
            raise DataError(f"clip {clip!r}: its name cannot be that of a file; rename it, or write npz or coco")
    claim_output(out, overwrite)
    check_replaceable(out, lambda old: all(str(path).endswith(place) for path in old.rglob("*") if path.is_file()))
    with atomic_folder(out) as folder:
        for clip, value in clips.items():
            path = folder / f"{clip}{place}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, value)


@contextmanager
def _new_file(out: Path, form: Form, overwrite: bool) -> Iterator[Path]:
    """A temporary file that takes the place of `out` on success."""
    if out.suffix.lower() != _FILES[form]:
        raise OutputError(f"{out}: a file of this form is told by its name; let it end in {_FILES[form]}")
    if out.is_dir():
        raise OutputError(f"{out}: is a folder; name a file for the output")
    if out.exists() and not overwrite:
        raise OutputError(f"{out}: exists; choose another file or pass --overwrite")
    with atomic_file(out) as temporary:
        yield temporary

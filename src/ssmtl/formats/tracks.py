"""Ground-truth tracks: which boxes are one abnormal region, frame by frame.

The field's format is a text per clip without a header, `track_id,frame_id,x_min,y_min,x_max,y_max`, inclusive pixels,
frames from 0. The other forms are those of `ssmtl.formats.box_files`.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ssmtl.errors import DataError
from ssmtl.formats.box_files import TRACKS, BoxRows, read_box_file, read_boxes
from ssmtl.formats.clips import some
from ssmtl.formats.records import Tracks
from ssmtl.formats.writing import BoxColumns, Form, write_boxes


def read_tracks(path: Path, first_frame: int | None = None) -> Tracks:
    """The tracks of one clip: the field's text, MOT's ground truth (seven to ten columns), an `.npy` of M×6, or others.

    Rows that MOT's ground truth marks as not to be counted are left out. A file without rows has no tracks.

    Args:
        path: the file.
        first_frame: number of a clip's first frame in COCO's JSON; None = as the file lets see.

    Raises:
        DataError: the file is missing or malformed, or is of several clips; names the file and line.
    """
    found = read_box_file(Path(path), TRACKS, first_frame).clips
    if len(found) > 1:
        raise DataError(f"{path}: holds tracks of {some(list(found))}; name a file of one clip")
    return _to_tracks(next(iter(found.values()))) if found else Tracks.none()


def read_tracks_folder(path: Path, first_frame: int | None = None) -> dict[str, Tracks]:
    """The tracks of every clip in a folder or in a file of several clips.

    A folder holds a file per clip, named after it, or a folder per clip with `gt/gt.txt`, as MOT has it; a file is an
    `.npz` with one array per clip, a CSV with columns clip and track, or COCO's JSON with track ids.

    Raises:
        DataError: nothing is there, or a file is malformed; names the file and line.
    """
    return {clip: _to_tracks(rows) for clip, rows in read_boxes(Path(path), TRACKS, first_frame).items()}


def write_tracks(tracks: Mapping[str, Tracks], out: Path, form: Form | str, overwrite: bool = False) -> None:
    """Write the tracks of some clips: a folder (csv, text, npy, mot) or a file (npz, coco).

    That they were derived is not written.

    Args:
        tracks: of each clip.
        out: the folder or file.
        form: how.
        overwrite: whether what is there may be replaced, a folder with all that it holds.

    Raises:
        OutputError: it is there already or cannot be written.
        DataError: a clip's name cannot be that of a file, or a box is too narrow for the form.
        ValueError: what is to be written is not finite, or no box.
    """
    columns = {clip: BoxColumns(truth.frames, truth.boxes, truth.ids) for clip, truth in tracks.items()}
    write_boxes(columns, TRACKS, Path(out), Form(form), overwrite)


def _to_tracks(rows: BoxRows) -> Tracks:
    return Tracks(rows.frames, rows.values.astype(np.int64), rows.boxes)

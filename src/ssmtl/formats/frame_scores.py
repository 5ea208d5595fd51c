"""Anomaly scores of frames, ours and other programs'."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import DataError
from ssmtl.formats.arrays import read_array, read_arrays
from ssmtl.formats.clips import KINDS, ClipFile, group_rows, own_name, read_clips
from ssmtl.formats.tables import read_numbers, read_table

INSIDE = ("scores.csv",)
"""The file of a clip that has a folder of its own."""

_ENDINGS = tuple(kind for kind in KINDS if kind != ".json")

_ONE_COLUMN = "one score per line, frame 0 first"


def read_frame_scores(path: Path) -> dict[str, NDArray[np.float64]]:
    """The scores of every clip in a file or a folder, one per frame, frame 0 first, finite.

    * A folder: `<clip>/scores.csv` (the result of `ssmtl detect`) or `<clip>.csv` with columns frame and score,
      `<clip>.txt` with one score per line, `<clip>.npy` with N or N×1 of them.
    * A file: an `.npz` with one such array per clip, or a CSV with columns clip, frame and score; or any of the above,
      which is of the clip that it is named after. That may be all clips of a data set, joined: see `split_joined`.

    Raises:
        DataError: nothing is there, a file is malformed, or frames do not run from 0 without gaps; names the file and
            line.
    """
    return read_clips(Path(path), "frame scores", INSIDE, _ENDINGS, _read_file)


def split_joined(
    scores: NDArray[np.float64], lengths: Mapping[str, int], where: str = "scores"
) -> dict[str, NDArray[np.float64]]:
    """Scores of all frames of all clips, cut into those of each clip.

    Args:
        scores: N scores, clip after clip.
        lengths: frames of each clip, in that order.
        where: for errors: the file that the scores are from.

    Raises:
        DataError: the clips do not have N frames in all; names both numbers.
    """
    total = sum(lengths.values())
    if len(scores) != total:
        raise DataError(
            f"{where}: {len(scores)} scores, but the {len(lengths)} clips have {total} frames in all; write one score "
            "per frame of every clip, in the order of the clips, or a file per clip"
        )
    ends = np.cumsum(list(lengths.values()), dtype=np.intp)
    return dict(zip(lengths, np.split(scores, ends[:-1]) if lengths else [], strict=True))


def _read_file(path: Path) -> ClipFile[NDArray[np.float64]]:
    name = own_name(path, INSIDE)
    match path.suffix.lower():
        case ".csv":
            return _from_csv(path, name)
        case ".txt":
            return ClipFile({name: read_numbers(path, {1}, _ONE_COLUMN)[:, 0]}, named=False)
        case ".npy":
            return ClipFile({name: _one_column(read_array(path), str(path))}, named=False)
        case ".npz":
            arrays = read_arrays(path).items()
            return ClipFile({clip: _one_column(array, f"{path}, array {clip!r}") for clip, array in arrays}, named=True)
        case ending:
            raise DataError(
                f"{path}: frame scores are not read from files that end in {ending or 'nothing'!r}; write "
                f"{', '.join(_ENDINGS)}"
            )


def _from_csv(path: Path, name: str) -> ClipFile[NDArray[np.float64]]:
    table = read_table(path, ("frame", "score"), texts=("clip",))
    named = "clip" in table.texts
    groups = group_rows(table.texts["clip"], table.where) if named else {name: np.arange(len(table.numbers["frame"]))}
    for rows in groups.values():
        frames = table.numbers["frame"][rows]
        wrong = np.flatnonzero(frames != np.arange(len(frames)))
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{table.where(int(rows[row]))}: frame {frames[row]:g} where {row} should be; frames run from 0 "
                "without gaps, in order"
            )
    return ClipFile({clip: table.numbers["score"][rows] for clip, rows in groups.items()}, named)


def _one_column(array: NDArray[np.float64], where: str) -> NDArray[np.float64]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        shape = "×".join(map(str, array.shape)) or "one number"
        raise DataError(f"{where}: is {shape}; write {_ONE_COLUMN}: N, or N×1")
    return array

"""A folder of tracks files beside a data set: one per test clip, in the field's format (`ssmtl.formats.tracks`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.layout import Matched, folder_at, match_files
from ssmtl.datasets.truth import cut_tracks
from ssmtl.errors import DataError
from ssmtl.formats.records import Tracks
from ssmtl.formats.tracks import read_tracks
from ssmtl.video.folders import list_files
from ssmtl.video.sources import Clip

FOLDER = "tracks"

SUFFIXES = frozenset({".csv", ".npy", ".txt"})


@dataclass(frozen=True, slots=True)
class TrackFiles:
    """A folder of tracks files, and which clips they are of."""

    folder: Path
    files: Matched


def find_track_files(
    homes: Sequence[Path], given: Path | None, names: Sequence[str], by_number: bool = False
) -> TrackFiles | None:
    """The tracks of a data set.

    Args:
        homes: folders in which a folder `tracks` is looked for.
        given: the folder that the user named, in place of that.
        names: of the test clips, at least one.
        by_number: as in `match_files`.

    Returns:
        The first folder with a file of one of the clips, or None.

    Raises:
        DataError: `given` is no folder or has no file of any clip, or two files are of one clip.
    """
    if given is None:
        folders = [folder for home in homes if (folder := folder_at(home, FOLDER)) is not None]
        found = (_match(folder, names, by_number) for folder in folders)
        return next((each for each in found if each.files.of), None)
    if not given.is_dir():
        raise DataError(f"{given}: no such folder; name the one that holds a tracks file per test clip")
    named = _match(given, names, by_number)
    if not named.files.of:
        raise DataError(f"{given}: holds no tracks of any test clip; name the files after them, as {names[0]}.txt")
    return named


def _match(folder: Path, names: Sequence[str], by_number: bool) -> TrackFiles:
    return TrackFiles(folder, match_files(names, list_files(folder, SUFFIXES), by_number=by_number))


def read_clip_tracks(
    tracks: TrackFiles, clip: Clip, frames: int, labels: Callable[[Clip, int], NDArray[np.bool_]]
) -> Tracks:
    """The tracks of the `frames` frames of a clip or of the part that it is.

    A clip without a file has none, if nothing in it is abnormal.

    Args:
        tracks: the folder.
        clip: the clip or part.
        frames: its length.
        labels: says which frames are abnormal.

    Raises:
        DataError: the file is missing for a clip with abnormal frames, is malformed, or reaches beyond the clip.
    """
    path = tracks.files.of.get(clip.name)
    if path is not None:
        return cut_tracks(read_tracks(path), clip, frames, path)
    if labels(clip, frames).any():
        raise DataError(
            f"{tracks.folder / clip.name}.txt: no such file, but {clip.name} has abnormal frames; add its tracks, or "
            f"take the folder {tracks.folder.name} away to do without"
        )
    return Tracks.none()

"""Tracks from files beside a data set or elsewhere, in place of its own annotation (`ssmtl.formats.tracks`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.layout import folder_at, match_names, subfolders
from ssmtl.datasets.truth import cut_tracks
from ssmtl.errors import DataError
from ssmtl.formats.box_files import TRACKS
from ssmtl.formats.clips import clip_files, names_clips
from ssmtl.formats.records import Tracks
from ssmtl.formats.tracks import read_tracks, read_tracks_folder
from ssmtl.video.folders import list_files
from ssmtl.video.sources import Clip

FOLDER = "tracks"

SUFFIXES = frozenset({".csv", ".npy", ".txt"})

Found = TypeVar("Found", str, Path)


@dataclass(frozen=True, slots=True)
class TrackFiles:
    """A folder or file of tracks, and which clips they are of.

    Attributes:
        place: the folder or file.
        of: by the clip's name, the file of each clip that has one, or its tracks where files hold several clips.
        extra: names, in `place`, of what belongs to no clip.
        by_file: whether there is a file per clip.
    """

    place: Path
    of: dict[str, Path | Tracks]
    extra: list[str]
    by_file: bool


def find_track_files(
    homes: Sequence[Path],
    given: Path | None,
    names: Sequence[str],
    by_number: bool = False,
    first_frame: int | None = None,
) -> TrackFiles | None:
    """The tracks of a data set.

    Args:
        homes: folders in which a folder `tracks` with a file per clip is looked for.
        given: what the user named in place of that, in any form that `read_tracks_folder` reads.
        names: of the test clips, at least one.
        by_number: as in `match_files`.
        first_frame: number of a clip's first frame in what is given, where that is COCO's JSON.

    Returns:
        What is given, or else the first folder with a file of one of the clips, or None.

    Raises:
        DataError: `given` is not there, is malformed or has nothing of any clip, or two files are of one clip.
    """
    if given is None:
        folders = [folder for home in homes if (folder := folder_at(home, FOLDER)) is not None]
        found = (_match_folder(folder, names, by_number) for folder in folders)
        return next((each for each in found if each.of), None)
    if not given.exists():
        raise DataError(f"{given}: no such file or folder; name the one that holds the tracks of the test clips")
    named = _match_given(given, names, by_number, first_frame)
    if not named.of:
        how = "name the files after them" if named.by_file else "name the clips as the data set does"
        raise DataError(f"{given}: holds no tracks of any test clip; {how}, as {names[0]}{'.txt' * named.by_file}")
    return named


def read_clip_tracks(
    tracks: TrackFiles, clip: Clip, frames: int, labels: Callable[[Clip, int], NDArray[np.bool_]]
) -> Tracks:
    """The tracks of the `frames` frames of a clip or of the part that it is.

    A clip of which there is nothing has none, if nothing in it is abnormal.

    Args:
        tracks: the folder or file.
        clip: the clip or part.
        frames: its length.
        labels: says which frames are abnormal.

    Raises:
        DataError: there is nothing of a clip with abnormal frames, its file is malformed, or a region lies beyond it.
    """
    found = tracks.of.get(clip.name)
    if isinstance(found, Path):
        return cut_tracks(read_tracks(found), clip, frames, found)
    if found is not None:
        return cut_tracks(found, clip, frames, tracks.place)
    if not labels(clip, frames).any():
        return Tracks.none()
    if tracks.by_file:
        raise DataError(
            f"{tracks.place / clip.name}.txt: no such file, but {clip.name} has abnormal frames; add its tracks, or "
            f"take the folder {tracks.place.name} away to do without"
        )
    raise DataError(
        f"{tracks.place}: no tracks of {clip.name}, but it has abnormal frames; add them, or leave the file out to do "
        "without"
    )


def _match_given(given: Path, names: Sequence[str], by_number: bool, first_frame: int | None) -> TrackFiles:
    if given.is_dir():
        files = clip_files(given, TRACKS.inside)
        if not any(map(names_clips, files.values())):
            matched = _match_folder(given, names, by_number)
            # A folder that is itself a clip's has its file deeper, as has one that MOT's benchmark gives.
            if matched.of or not files:
                return matched
    whole = read_tracks_folder(given, first_frame)
    found = list(whole)
    matched_names = _one_each(names, found, found, given, by_number)
    taken = set(matched_names.values())
    of: dict[str, Path | Tracks] = {name: whole[each] for name, each in matched_names.items()}
    return TrackFiles(given, of, [each for each in found if each not in taken], by_file=False)


def _match_folder(folder: Path, names: Sequence[str], by_number: bool) -> TrackFiles:
    """By the names of files, which are not read, or of folders with a file that MOT's benchmark has there."""
    files = [(path.stem, path) for path in list_files(folder, SUFFIXES)]
    files += [
        (clip.name, clip / inside)
        for clip in subfolders(folder)
        for inside in TRACKS.inside
        if (clip / inside).is_file()
    ]
    paths = [path for _, path in files]
    of = _one_each(names, [name for name, _ in files], paths, folder, by_number)
    taken = set(of.values())
    extra = [path.relative_to(folder).as_posix() for path in paths if path not in taken]
    return TrackFiles(folder, dict(of), extra, by_file=True)


def _one_each(
    names: Sequence[str], stems: Sequence[str], found: Sequence[Found], place: Path, by_number: bool
) -> dict[str, Found]:
    """What is of each clip, by the names `stems` of what is `found`."""
    of = {}
    for name, (first, *others) in match_names(names, stems, by_number).items():
        if others:
            raise DataError(
                f"{place}: {found[first]} and {found[others[0]]} are both of clip {name}; take one of them away"
            )
        of[name] = found[first]
    return of

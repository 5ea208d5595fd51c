"""Where things lie in a copy of a data set, which may be named a little otherwise than in the official one.

Upper and lower case do not matter, nor does one folder more around everything; in names that belong together, numbers
may be padded with zeros or not.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ssmtl.errors import DataError, SourceError
from ssmtl.formats.clips import clip_key
from ssmtl.video.folders import list_files, list_pictures, natural_key
from ssmtl.video.sources import VIDEO_SUFFIXES, Clip, find_clips


@dataclass(frozen=True, slots=True)
class Matched:
    """The annotation files of some clips.

    Attributes:
        of: the file or folder of each clip that has one, by the clip's name.
        extra: those that belong to no clip.
    """

    of: dict[str, Path] = field(default_factory=dict)
    extra: list[Path] = field(default_factory=list)


def subfolders(folder: Path) -> list[Path]:
    """The folders right in `folder`, in natural order, without hidden ones; none where it cannot be read."""
    try:
        found = [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []
    # A Mac's archives hold a folder of that name, which repeats theirs without the contents.
    found = [path for path in found if not path.name.startswith((".", "__MACOSX"))]
    return sorted(found, key=lambda path: natural_key(path.name))


def find_folders(root: Path, places: Sequence[str]) -> Iterator[tuple[Path, Path]]:
    """Folders that lie at one of `places`, such as "training/videos", in `root` or one folder deeper.

    Yields:
        The folder that the place is in (`root`, or one right in it) and the folder at that place: those in `root`
        first, in the order of `places`.

    Raises:
        DataError: two folders in `root` have the same place, so that it is not clear which is meant.
    """
    for place in places:
        here = folder_at(root, place)
        if here is not None:
            yield root, here
    for place in places:
        deeper = [(base, found) for base in subfolders(root) if (found := folder_at(base, place)) is not None]
        if len(deeper) > 1:
            raise DataError(
                f"{root}: {deeper[0][0].name} and {deeper[1][0].name} both hold {place}; name one of them with --root"
            )
        yield from deeper


def folder_at(base: Path, place: str) -> Path | None:
    """The folder at a path in `base`, whatever the case of its letters, or None."""
    for part in place.split("/"):
        if not (base / part).is_dir():
            part = next((path.name for path in subfolders(base) if path.name.casefold() == part.casefold()), "")
            if not part:
                return None
        base = base / part
    return base


def list_clips(folder: Path, leave_out: str = "") -> list[Clip]:
    """The clips in a folder: its video files, or else its folders of pictures or of video files, in natural order.

    Args:
        folder: where they lie. Pictures right in it are left out.
        leave_out: ending, in lower case, of the names of folders that hold something else.

    Raises:
        SourceError: the folder cannot be read, or one in it mixes pictures and video files.
    """
    videos = list_files(folder, VIDEO_SUFFIXES)
    if videos:
        return find_clips(videos)
    folders = [path for path in subfolders(folder) if not (leave_out and path.name.casefold().endswith(leave_out))]
    filled = [path for path in folders if list_pictures(path) or list_files(path, VIDEO_SUFFIXES)]
    return find_clips(filled)


def clips_at(root: Path, places: Sequence[str], what: str, page: str, leave_out: str = "") -> tuple[Path, list[Clip]]:
    """The clips at the first of `places` that has any, and the folder that this place is in.

    Args:
        root: where the data set lies.
        places: as in `find_folders`, the official one first.
        what: names the clips in errors.
        page: where the official copy is to be had.
        leave_out: as in `list_clips`.

    Raises:
        DataError: none of the places has a clip.
    """
    why = []
    for base, folder in find_folders(root, places):
        try:
            clips = list_clips(folder, leave_out)
        except SourceError as error:
            why.append(str(error))
            continue
        if clips:
            return base, clips
        why.append(f"{folder}: holds no video files and no folders of pictures")
    told = f" ({'; '.join(why)})" if why else ""
    raise DataError(
        f"{root}: no {what} there{told}; --root is the folder that holds {' or '.join(places)}; "
        f"the official copy is at {page}"
    )


def numbers_in(name: str) -> tuple[int, ...]:
    """The whole numbers in a name."""
    return tuple(int(number) for number in re.findall("[0-9]+", name))


def match_files(names: Sequence[str], paths: Sequence[Path], affix: str = "", by_number: bool = False) -> Matched:
    """Which of `paths` belongs to which clip, by name.

    Args:
        names: of the clips.
        paths: files or folders; a file's ending does not count.
        affix: regular expression of what the name of a path has besides the clip's, in any case of letters.
        by_number: numbers alone may match where names do not ("1_label" and "Test001"), if they tell the clips apart.

    Raises:
        DataError: two paths belong to one clip.
    """
    stems = [re.sub(affix, "", path.name if path.is_dir() else path.stem, flags=re.IGNORECASE) for path in paths]
    matched = match_names(names, stems, by_number)
    for name, (first, *others) in matched.items():
        if others:
            raise DataError(
                f"{paths[first]} and {paths[others[0]].name} are both of clip {name}; take one of them away"
            )
    of = {name: paths[found[0]] for name, found in matched.items()}
    taken = set(of.values())
    return Matched(of, [path for path in paths if path not in taken])


def match_names(names: Sequence[str], found: Sequence[str], by_number: bool = False) -> dict[str, list[int]]:
    """Which of the `found` names mean which clip: the same name, or else one that differs in case and zeros only.

    Args:
        names: of the clips.
        found: names of what is to be matched.
        by_number: as in `match_files`.

    Returns:
        For each clip of which there is something, where that is in `found`: several places where it is not clear.
    """
    of: dict[str, list[int]] = {}
    keys: list[Callable[[str], object]] = [str, clip_key]
    if by_number and all(map(_number_key, names)) and len(set(map(_number_key, names))) == len(names):
        keys.append(_number_key)
    for key in keys:
        left: dict[object, list[int]] = {}
        taken = {place for places in of.values() for place in places}
        for place, each in enumerate(found):
            if place not in taken:
                left.setdefault(key(each), []).append(place)
        for name in names:
            places = [] if name in of else left.pop(key(name), [])
            if places:
                of[name] = places
    return of


def _number_key(name: str) -> tuple[str, ...]:
    """The same for names of the same whole numbers; as text, since a name in a table may have any number of digits."""
    return tuple(number.lstrip("0") for number in re.findall("[0-9]+", name))

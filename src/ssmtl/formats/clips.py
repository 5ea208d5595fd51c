"""Which file is of which clip: by its name, which may be padded with zeros otherwise than the clip's."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import DataError
from ssmtl.formats.tables import first_row

V = TypeVar("V")

KINDS = (".csv", ".npy", ".txt", ".json", ".npz")
"""Endings, in lower case, of the files that are read; in a folder, the first of them that any file has."""


@dataclass(frozen=True, slots=True)
class ClipFile(Generic[V]):
    """What one file holds.

    Attributes:
        clips: its clips.
        named: whether the file itself says which clips they are; otherwise it is one, and named after the file.
        lists_all: whether a clip of which there is nothing is named too.
    """

    clips: dict[str, V]
    named: bool
    lists_all: bool = True


_MOST = 5
"""Names that an error lists."""

_OF_MANY = (".json", ".npz")
"""Kinds of files of several clips, named after none of them."""

_LOOK = 4096
"""Characters of a text that tell whether it holds numbers."""


def clip_key(name: str) -> str:
    """The same for names that differ in upper and lower case and in the zeros before numbers only."""
    return re.sub("[0-9]+", lambda number: number[0].lstrip("0") or "0", name.casefold())


def natural_order(names: Iterable[str]) -> list[str]:
    """Names sorted so that "clip 2" comes before "clip 10"."""

    def key(name: str) -> tuple[list[str | tuple[int, str]], str]:
        parts = re.split("([0-9]+)", name.casefold())
        # A number by its length, then its digits: Python refuses to read one of thousands of digits.
        digits = [part.lstrip("0") for part in parts]
        return [(len(digits[i]), digits[i]) if i % 2 else part for i, part in enumerate(parts)], name

    return sorted(names, key=key)


def match_clips(wanted: Sequence[str], found: Iterable[str], where: str) -> dict[str, str]:
    """Which of the `found` names means which wanted clip: the same name, or else one of the same `clip_key`.

    Found names that no clip wants are left out.

    Args:
        wanted: names of clips, each once.
        found: names that a file or folder has.
        where: for errors: that file or folder.

    Returns:
        For each wanted name, in order, the found one.

    Raises:
        DataError: a clip is missing, or it is not clear which name is which clip's; names them.
    """
    names = list(found)
    matched = {name: name for name in wanted if name in names}
    left: dict[str, list[str]] = {}
    for name in names:
        if name not in matched:
            left.setdefault(clip_key(name), []).append(name)
    open_ = [name for name in wanted if name not in matched]
    for name in open_:
        candidates = left.get(clip_key(name), [])
        rivals = [other for other in open_ if clip_key(other) == clip_key(name)]
        if candidates and (len(candidates) > 1 or len(rivals) > 1):
            raise DataError(
                f"{where}: {some(candidates)} may be of {some(rivals)}; name each after its clip, zeros included"
            )
        if candidates:
            matched[name] = candidates[0]
    missing = [name for name in wanted if name not in matched]
    if missing:
        raise DataError(
            f"{where}: nothing of {some(missing)}; holds {some(natural_order(names)) or 'no clip'}; add what is "
            "missing, or name it after the clip"
        )
    return {name: matched[name] for name in wanted}


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")


def own_name(path: Path, inside: Sequence[str]) -> str:
    """The clip that a single file is of: its folder's name where it lies there as one of `inside`, else its own."""
    whole = path.resolve()
    for place in inside:
        depth = len(Path(place).parts)
        if whole.parts[-depth:] == Path(place).parts and len(whole.parts) > depth + 1:
            return whole.parts[-depth - 1]
    return path.stem


def clip_files(folder: Path, inside: Sequence[str], kinds: Sequence[str] = KINDS) -> dict[str, Path]:
    """The files of a folder by the names of their clips, in natural order; empty where it has none.

    They are `<clip>` with one of the endings `kinds`, and of each folder `<clip>` in it the file that lies there as one
    of `inside`; or `folder` is itself that of one clip. Where there are files of several kinds, the kind that comes
    first in `kinds` is taken; hidden files are left out.

    Raises:
        DataError: the folder cannot be read, two files are of one clip, or files of another kind than the one taken
            are of clips that it lacks. Those of several clips, and texts that do not begin with a number, are not.
    """
    for place in inside:
        if (folder / place).is_file():
            return {folder.resolve().name: folder / place}
    try:
        entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror}); check the path and its permissions") from error
    files = [(path.stem, path) for path in entries if path.is_file()]
    files += [(path.name, path / place) for path in entries for place in inside if (path / place).is_file()]
    of: dict[str, Path] = {}
    for name, path in sorted(files):
        if path.suffix.lower() not in kinds:
            continue
        if name in of:
            raise DataError(f"{of[name]} and {path} are both of clip {name}; take one of them away")
        of[name] = path
    first = min((kinds.index(path.suffix.lower()) for path in of.values()), default=0)
    taken = {name: of[name] for name in natural_order(of) if of[name].suffix.lower() == kinds[first]}
    keys = {clip_key(name) for name in taken}
    others = [of[name] for name in natural_order(of) if clip_key(name) not in keys and _of_one_clip(of[name])]
    if others:
        names = some([path.relative_to(folder).as_posix() for path in others])
        raise DataError(
            f"{folder}: {kinds[first]} files are read where there are any, and {names} would be left out; write all "
            "clips in one form, or take away what is of none"
        )
    return taken


def _of_one_clip(path: Path) -> bool:
    """Whether a file seems to hold numbers of the clip that it is named after."""
    if path.suffix.lower() in _OF_MANY:
        return False
    if path.suffix.lower() != ".txt":
        return True
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            lines = [
                line for line in file.read(_LOOK).splitlines() if line.strip() and not line.lstrip().startswith("#")
            ]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    return bool(lines) and re.match(r"\s*[-+]?\.?[0-9]", lines[0]) is not None


def read_clips(
    path: Path, what: str, inside: Sequence[str], kinds: Sequence[str], read: Callable[[Path], ClipFile[V]]
) -> dict[str, V]:
    """What a file, or the files of a folder, hold of each clip.

    Args:
        path: the file or folder.
        what: for errors: what is looked for.
        inside: as in `clip_files`.
        kinds: as in `clip_files`.
        read: reads one file.

    Raises:
        DataError: nothing is there, two files are of one clip, or as `read` does.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; check the path")
    if not path.is_dir():
        return read(path).clips
    files = clip_files(path, inside, kinds)
    if not files:
        raise DataError(
            f"{path}: holds no {what}; looked for files that end in {', '.join(kinds)}, and for {' or '.join(inside)} "
            "in a folder per clip"
        )
    clips: dict[str, V] = {}
    source: dict[str, Path] = {}
    for name, file in files.items():
        found = read(file)
        for clip, value in found.clips.items():
            # A file that does not say its clip is of the one that the folder says.
            clip = clip if found.named else name
            if clip in clips:
                raise DataError(f"{source[clip]} and {file} are both of clip {clip}; take one of them away")
            clips[clip] = value
            source[clip] = file
    return clips


def group_rows(names: NDArray[np.str_], where: Callable[[int], str]) -> dict[str, NDArray[np.intp]]:
    """The rows of each clip, by a column of their names, in the order in which they come first.

    Raises:
        DataError: a name is empty; `where` says the place of a row.
    """
    unnamed = np.flatnonzero(names == "")
    if len(unnamed):
        raise DataError(f"{where(int(unnamed[0]))}: the clip has no name; write it in every row")
    numbers: dict[str, int] = {}
    codes = np.array([numbers.setdefault(name, len(numbers)) for name in names.tolist()], np.intp)
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(len(numbers) + 1))
    return {name: order[edges[i] : edges[i + 1]] for name, i in numbers.items()}


def names_clips(path: Path) -> bool:
    """Whether a file itself says which clips it is of, so that its name does not."""
    if path.suffix.lower() != ".csv":
        return path.suffix.lower() in {".json", ".npz"}
    try:
        return "clip" in first_row(path)
    except DataError:
        return False  # reading its rows will say why

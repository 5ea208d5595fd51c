"""From what a person names (files, folders, globs) to clips, and from a clip to its frames."""

import glob
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmtl.errors import SourceError
from ssmtl.video.files import VideoFile
from ssmtl.video.folders import PICTURE_SUFFIXES, PictureFolder, list_files, list_pictures, natural_key
from ssmtl.video.frame import FrameSource
from ssmtl.video.span import Span

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".asf", ".wmv", ".flv", ".ogv", ".mxf"}
    | {".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts", ".dav"}
    | {".264", ".265", ".h264", ".h265", ".hevc", ".mjpg", ".mjpeg"}
)
"""Endings, in lower case, by which video files are found in a folder; a file named by itself may have any."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip: its name (usable as a folder name) and the file or folder of pictures that holds its frames.

    Of those, frames `start` up to but without `stop` (None = the end) count.
    """

    name: str
    path: Path
    start: int = 0
    stop: int | None = None


def find_clips(sources: Sequence[str | Path] | str | Path) -> list[Clip]:
    """The clips that `sources` (several or one) name, in the order of the sources and in natural order within each.

    A source is a video file, a folder of pictures (one clip), a folder of video files (one clip each), a folder
    of folders of either, or a glob pattern of any of these. What two sources share is taken once. A clip is
    named after its file or folder; equal names get the parent folder's name in front, then -2, -3 behind.

    Raises:
        SourceError: a source does not exist or holds no clip, or a folder mixes pictures and video files.
    """
    if isinstance(sources, str | Path):
        sources = [sources]
    paths: dict[Path, Path] = {}
    for source in sources:
        for path in _expand(source):
            paths.setdefault(path.resolve(), path)
    return _name(paths.values())


def open_source(clip: Clip | str | Path, rate: float = 25.0) -> FrameSource:
    """The frames of a clip, a video file or a folder of pictures; `rate` is that of pictures, per second.

    Raises:
        SourceError: it is missing, empty or cannot be read.
    """
    if not isinstance(clip, Clip):
        clip = Clip(_safe(_own_name(Path(clip))), Path(clip))
    whole: FrameSource
    whole = PictureFolder(clip.path, rate, clip.name) if clip.path.is_dir() else VideoFile(clip.path, clip.name)
    return Span(whole, clip.start, clip.stop) if clip.start or clip.stop is not None else whole


def problem_of(clip: Clip, error: Exception) -> str:
    """What an error says, with the clip's path, by which one finds it."""
    return str(error) if str(clip.path) in str(error) else f"{clip.path}: {error}"


def first_frame_size(clip: Clip | str | Path) -> tuple[int, int]:
    """Height and width in pixels of the first frame, which is decoded to know them.

    Raises:
        SourceError: the clip cannot be read or nothing in it can be decoded.
    """
    height, width = next(iter(open_source(clip))).image.shape[:2]
    return height, width


def _expand(source: str | Path) -> list[Path]:
    """The files and folders of pictures that one source stands for; at least one."""
    path = Path(source)
    if path.is_dir():
        found = _in_folder(path)
        if not found:
            found = [clip for folder in _subfolders(path) for clip in _in_folder(folder)]
        if not found:
            raise SourceError(
                f"{path}: neither this folder nor one right in it holds pictures or video files; check the path"
            )
        return found
    if path.exists():
        if path.suffix.lower() in PICTURE_SUFFIXES:
            raise SourceError(f"{path}: is a single picture; name the folder that holds the clip's pictures")
        return [path]
    if glob.has_magic(str(source)):
        return _match(str(source))
    raise SourceError(f"{path}: no such file" + ("" if path.suffix else " or folder") + "; check the path")


def _match(pattern: str) -> list[Path]:
    """The clips among the files and folders that a glob pattern matches."""
    matches = [Path(match) for match in glob.glob(pattern, recursive=True)]  # noqa: PTH207 (Path.glob refuses absolute ones)
    matches.sort(key=lambda match: [natural_key(part) for part in match.parts])
    found: list[Path] = []
    for match in matches:
        if match.is_dir():
            found += _in_folder(match)
        elif match.suffix.lower() in VIDEO_SUFFIXES:
            found.append(match)
    if found:
        return found
    if any(match.suffix.lower() in PICTURE_SUFFIXES for match in matches):
        raise SourceError(f"{pattern}: matches pictures one by one; name the folder that holds them")
    if matches:
        raise SourceError(f"{pattern}: none of its {len(matches)} matches is a video file or folder of pictures")
    raise SourceError(f"{pattern}: no file or folder matches this pattern; check it, or put quotes around it")


def _in_folder(folder: Path) -> list[Path]:
    """The clips right in a folder: itself if it holds pictures, else its video files."""
    videos = list_files(folder, VIDEO_SUFFIXES)
    pictures = list_pictures(folder)
    if videos and pictures:
        raise SourceError(
            f"{folder}: holds pictures ({pictures[0].name}, ...) and video files ({videos[0].name}, ...); "
            f"name the files, for instance as {folder / ('*' + videos[0].suffix)}, or move the pictures away"
        )
    return [folder] if pictures else videos


def _subfolders(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return sorted(found, key=lambda path: natural_key(path.name))


def _name(paths: Iterable[Path]) -> list[Clip]:
    """Clips with names that differ, also where the file system does not tell upper from lower case."""
    paths = list(paths)
    names = [_safe(_own_name(path)) for path in paths]
    parents = [_safe(path.resolve().parent.name) for path in paths]
    # The parent's name only helps where those of equal names differ.
    equal = Counter(name.casefold() for name in names)
    in_parent = Counter((name.casefold(), parent.casefold()) for name, parent in zip(names, parents, strict=True))
    taken: set[str] = set()
    clips = []
    for path, name, parent in zip(paths, names, parents, strict=True):
        if equal[name.casefold()] > in_parent[name.casefold(), parent.casefold()]:
            name = f"{parent}_{name}"
        unique, n = name, 1
        while unique.casefold() in taken:
            n += 1
            unique = f"{name}-{n}"
        taken.add(unique.casefold())
        clips.append(Clip(unique, path))
    return clips


def _own_name(path: Path) -> str:
    """Name of a folder, or of a file without its ending."""
    if path.is_dir():
        return path.name if path.name not in {"", ".."} else path.resolve().name
    return path.stem


def _safe(name: str) -> str:
    """The name with all but letters, digits, dot, dash and underscore replaced, as a folder on any system."""
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "clip"

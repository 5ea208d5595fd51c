"""Which videos of UBnormal are for training, validation and test: lists that come with the user's copy."""

from collections.abc import Sequence
from pathlib import Path

from ssmtl.datasets.layout import subfolders
from ssmtl.errors import DataError
from ssmtl.video.folders import list_files
from ssmtl.video.sources import VIDEO_SUFFIXES

PARTS = {"train": "training", "val": "validation", "test": "test"}
"""What the name of a list holds, and what the part is called."""

DEPTH = 2
"""Folders in folders that are looked into."""

NAMES = ("normal", "abnormal")
"""What the names of videos begin with."""


def read_split(root: Path, scenes: Sequence[Path]) -> dict[str, list[str]]:
    """The names of the videos of each part, without endings, in the order of the lists; none where there is no list.

    Args:
        root: in which, up to two folders deep, lists are looked for.
        scenes: folders that hold no lists.

    Raises:
        DataError: a list cannot be read, or a video is on lists for training and for testing.
    """
    found: dict[str, dict[str, Path]] = {part: {} for part in PARTS}
    level = [root]
    for depth in range(DEPTH + 1):
        for folder in level:
            for path in list_files(folder, frozenset({".txt"})):
                parts = [part for part in PARTS if part in path.stem.casefold()]
                if len(parts) == 1:
                    found[parts[0]].update(dict.fromkeys(_names(path), path))
        if depth < DEPTH:
            level = [path for folder in level for path in subfolders(folder) if path not in scenes]
    both = [name for name in found["train"] if name in found["test"]]
    if both:
        raise DataError(
            f"{found['train'][both[0]]} and {found['test'][both[0]]} both name {both[0]}; a video is for training or "
            "for testing: take the wrong list away"
        )
    return {part: list(names) for part, names in found.items()}


def _names(path: Path) -> list[str]:
    """The names of videos in a text, if they are what it holds: none otherwise."""
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    names = [line.replace("\\", "/").rpartition("/")[2].strip() for line in lines]
    names = [name for name in names if name]
    if not all(name.casefold().startswith(NAMES) for name in names):
        return []
    return [Path(name).stem if Path(name).suffix.lower() in VIDEO_SUFFIXES else name for name in names]

"""Outputs that appear whole or not at all: written under a temporary name, then renamed."""

import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ssmtl.errors import OutputError


def _explain(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path}: cannot be written ({error.strerror or error}); free some space or choose another place"
    )


def _short(name: str) -> str:
    # A name may have 255 bytes, and what is added to one that is nearly so long must fit.
    return name if len(name.encode()) <= 200 else hashlib.sha256(name.encode()).hexdigest()


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on any failure.

    The temporary name ends as `path` does, so that libraries which go by the suffix still work.

    Raises:
        OutputError: the file cannot be written (no such folder, no permission, disk full).
    """
    path = Path(path)
    temporary = path.with_name(f".{_short(path.stem)}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _explain(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it takes the place of `path` on success, else it vanishes.

    What is in `path` goes: see first that it is an earlier output (`check_replaceable`).

    Raises:
        OutputError: the folder cannot be written.
    """
    path = Path(path).resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{_short(path.name)}.", suffix=".part", dir=path.parent))
        temporary.chmod(0o755)
    except OSError as error:
        raise _explain(path, error) from error
    try:
        yield temporary
        if path.exists():
            old = path.with_name(f".{_short(path.name)}.{os.getpid()}.old")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.rename(path)
    except OSError as error:
        raise _explain(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_unfinished(path: Path) -> None:
    """Remove what processes that were killed while they wrote the folder `path` left beside it."""
    path = Path(path).resolve()
    for left in path.parent.glob(f".{glob.escape(_short(path.name))}.*.part"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def check_replaceable(folder: Path, ours: Callable[[Path], bool]) -> None:
    """Check that a new output may take a folder's place: it is not there, empty, or what is in it is `ours`.

    Raises:
        OutputError: it holds something else.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not ours(folder)):
        raise OutputError(f"{folder}: holds other things than an earlier output; choose another folder for the output")


def claim_output(path: Path, overwrite: bool) -> None:
    """Check that `path` is free for a new output folder, before any work is done for it.

    Raises:
        OutputError: it exists and holds something, is a file, or its parent cannot be written.
    """
    path = Path(path)
    if path.is_file():
        raise OutputError(f"{path}: is a file; name a folder for the output")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise OutputError(f"{path}: exists and is not empty; choose another folder or pass --overwrite")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise _explain(path, error) from error

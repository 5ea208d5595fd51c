"""The files of a watch's folder that the page shows, and no others."""

import json
import re
from pathlib import Path
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from ssmtl.live.records import TOLD, Health

KINDS = {".jpg": "image/jpeg", ".mp4": "video/mp4"}
"""Endings of pictures and clips, and what they are."""

_HEALTH = TypeAdapter(Health)
_NAME = re.compile(r"[\w.-]+")


def file_inside(root: Path, relative: str) -> Path | None:
    """The regular file at `relative` that truly lies in `root`, links followed; None where there is none."""
    parts = relative.split("/")
    # Also temporary files, which begin with a dot; Windows' separators and drives are no names.
    if any(not part or part.startswith(".") or re.search(r"[\\:\0]", part) for part in parts):
        return None
    try:
        root = root.resolve(strict=True)
        path = root.joinpath(*parts).resolve(strict=True)
        return path if path.is_relative_to(root) and path.is_file() else None
    except (OSError, RuntimeError):  # not there, a name too long, or links in a circle
        return None


def healths(folder: Path) -> list[Health]:
    """How the cameras of this machine are, by name; a file that is none is left out."""
    found = []
    for path in sorted((folder / "live").glob("*.json")):
        health = _read_health(folder, path.stem)
        if health is not None:
            found.append(health)
    return found


def health(folder: Path, camera: str) -> Health | None:
    """How one camera is; None where it is unknown."""
    return _read_health(folder, camera) if _NAME.fullmatch(camera) else None


def told(folder: Path) -> dict[str, list[int]]:
    """What the receivers of events were told, as `ssmtl.live.metrics` takes it; nothing where no one is told."""
    try:
        counts = json.loads((folder / TOLD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return counts if isinstance(counts, dict) else {}


def live_picture(folder: Path, camera: str) -> bytes | None:
    """The newest picture of a camera as JPEG."""
    path = file_inside(folder / "live", f"{camera}.jpg") if _NAME.fullmatch(camera) else None
    return None if path is None else content(path)


def media_file(folder: Path, relative: str) -> Path | None:
    """A picture or clip in DIR/media."""
    path = file_inside(folder / "media", relative)
    return path if path is not None and path.suffix in KINDS else None


def media_url(folder: Path, path: str | None) -> str | None:
    """Where the page finds a picture or clip, named relative to the folder; None where it is not on this machine.

    The address changes with the file, so that a newer picture is fetched and an old one need not be.
    """
    if path is None or not path.startswith("media/"):
        return None
    file = media_file(folder, path.removeprefix("media/"))
    try:
        return None if file is None else f"/{quote(path)}?v={file.stat().st_mtime_ns:x}"
    except OSError:
        return None


def _read_health(folder: Path, camera: str) -> Health | None:
    path = file_inside(folder / "live", f"{camera}.json")
    found = None if path is None else content(path)
    if found is None:
        return None
    try:
        health = _HEALTH.validate_json(found)
    except ValidationError:
        return None
    return health if health.camera == camera else None


def content(path: Path) -> bytes | None:
    """All of a file, None where it is gone. Read at once: a file that is replaced meanwhile still has one length."""
    try:
        return path.read_bytes()
    except OSError:
        return None

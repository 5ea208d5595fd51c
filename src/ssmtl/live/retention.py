"""What a watch keeps, by age and by space: the oldest films go first, then the oldest pictures."""

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import time

from ssmtl.errors import OutputError
from ssmtl.live.store import Store

GB = 1e9
DAY_S = 86_400.0

ROOM = 1.1
"""Recording goes on when there is so many times the room without which it rests: it must not flap."""

STRAY_S = 3600.0
"""Age from which a film or picture without an event, or half of one, is taken for what a killed run left."""

FILM, PICTURE = ".mp4", ".jpg"

_HALF = re.compile(r"\..+\.(\d+)\.part(\.\w+)?")  # as ssmtl.atomic calls what is being written


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did.

    Attributes:
        events_forgotten, files_deleted, bytes_deleted: because of age or space.
        recording: whether there is room for pictures and films.
        problem: why the database was left as it is, for people; empty where it was not.
    """

    events_forgotten: int
    files_deleted: int
    bytes_deleted: int
    recording: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size: int
    changed: float

    @property
    def key(self) -> str:
        """Of the event that it is of."""
        return self.path.stem

    @property
    def half(self) -> re.Match[str] | None:
        """Whether it is still being written, and by which process."""
        return _HALF.fullmatch(self.path.name)


def free_space(folder: Path) -> int:
    """Bytes that are free on the disk of a folder."""
    return shutil.disk_usage(folder).free


class Retention:
    """Keeps a watch's folder within its bounds.

    It deletes pictures, films and halves of them in the folder's `media` alone, goes by the time at which they were
    written, and follows no link in there. (`media` itself may be one, to another disk.) A database that does not
    answer keeps nobody from making room.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        machine: str,
        *,
        days: float | None,
        media_gb: float | None,
        free_gb: float = 1.0,
        free: Callable[[Path], int] = free_space,
    ):
        """Prepare for a watch's folder.

        Args:
            folder, store, machine: of the watch.
            days: age at which events, scores, pictures and films go; None = never.
            media_gb: what pictures and films may take, in 10⁹ bytes; None = any.
            free_gb: what must stay free on their disk.
            free: tells the free bytes of a folder's disk.
        """
        self._media, self._store, self._machine = Path(folder) / "media", store, machine
        self._days, self._free = days, free
        self._most = None if media_gb is None else media_gb * GB
        self._least_free = free_gb * GB
        self._recording = True
        self._began = time()
        # Files that are gone of which the database does not know yet.
        self._unsaid: set[tuple[str, str]] = set()

    def sweep(self, now: float) -> Swept:
        """Delete what is too old or too much, at Unix time `now`."""
        files = self._files()
        problem, forgotten, known = "", 0, None
        try:
            forgotten = self._forget(now)
            # After `forget`: what it forgot is not known either.
            known = self._store.known({file.key for file in files if now - file.changed > STRAY_S})
        except OutputError as error:
            problem = str(error)
        gone = [file for file in files if self._is_over(file, now, known) and _delete(file)]
        left = set(files).difference(gone)
        files, enough = self._make_room([file for file in files if file in left], gone)
        self._unsaid |= {(file.key, file.path.suffix) for file in gone if not file.half}
        try:
            self._say_what_went()
        except OutputError as error:
            problem = problem or str(error)
        self._remove_empty_folders(now)
        self._recording = enough and (self._recording or self._has_room(files))
        return Swept(forgotten, len(gone), _taken(gone), self._recording, problem)

    def _forget(self, now: float) -> int:
        if self._days is None:
            return 0
        return len(self._store.forget_before(now - self._days * DAY_S, self._machine))

    def _files(self) -> list[_File]:
        """Pictures, films and halves of them, the oldest first."""
        found = []
        for folder, _, names in os.walk(self._media, followlinks=False):
            for name in names:
                path = Path(folder) / name
                if path.suffix in (FILM, PICTURE) or _HALF.fullmatch(name):
                    with suppress(OSError):
                        about = path.lstat()
                        if stat.S_ISREG(about.st_mode):
                            found.append(_File(path, about.st_size, about.st_mtime))
        return sorted(found, key=lambda file: (file.changed, file.path))

    def _is_over(self, file: _File, now: float, known: set[str] | None) -> bool:
        """Whether a file is too old, or a stray; which are strays only the database knows."""
        age = now - file.changed
        half = file.half
        if half is not None:
            # A film may wait for the end of its event for hours; what a process of the same number left is older.
            ours = int(half.group(1)) == os.getpid() and file.changed >= self._began
            return age > STRAY_S and not ours
        too_old = self._days is not None and age > self._days * DAY_S
        # An event is written down after its picture, sometimes long after.
        return too_old or (known is not None and file.key not in known and age > STRAY_S)

    def _make_room(self, files: list[_File], gone: list[_File]) -> tuple[list[_File], bool]:
        """Delete the oldest films, then the oldest pictures; what is left, and whether that was enough."""
        # What is deleted is free at once on some disks and later on others: count it, and look again next time.
        over = max(_taken(files) - self._most if self._most is not None else 0.0, self._least_free - self._space())
        whole = [file for file in files if not file.half]
        for file in sorted(whole, key=lambda file: file.path.suffix != FILM):
            if over <= 0:
                break
            if _delete(file):
                gone.append(file)
                over -= file.size
        left = set(files).difference(gone)
        return [file for file in files if file in left], over <= 0

    def _say_what_went(self) -> None:
        """Events whose files went keep their row, without them."""
        if self._unsaid:
            self._store.drop_media(*([key for key, kind in self._unsaid if kind == name] for name in (PICTURE, FILM)))
            self._unsaid.clear()

    def _remove_empty_folders(self, now: float) -> None:
        """Those of days that are over; in one of today a picture may be about to be written."""
        for folder, _, _ in os.walk(self._media, topdown=False, followlinks=False):
            path = Path(folder)
            if path != self._media:
                with suppress(OSError):
                    if now - path.lstat().st_mtime > STRAY_S:
                        path.rmdir()

    def _has_room(self, files: list[_File]) -> bool:
        """Whether there is so much room that recording may go on again."""
        enough = self._most is None or ROOM * _taken(files) <= self._most
        return enough and self._space() >= ROOM * self._least_free

    def _space(self) -> int:
        for place in (self._media, self._media.parent):
            with suppress(OSError):
                return self._free(place)
        return 0  # the disk is gone: recording rests until it is back


def _taken(files: Iterable[_File]) -> int:
    return sum(file.size for file in files)


def _delete(file: _File) -> bool:
    with suppress(OSError):
        file.path.unlink()
        return True
    return False

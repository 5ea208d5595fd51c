"""What goes when there is too much or it is too old, in which order, and what never does."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ssmtl.errors import OutputError
from ssmtl.live.records import LiveEvent
from ssmtl.live.retention import Retention, Swept
from ssmtl.live.store import Store, open_store
from tests.live.test_store import EVENT

NOW = 1_700_000_000.0
DAY = 86_400.0
KB = 1000


class Disk:
    """A watch's folder on a disk of its own size, in which each file takes a thousand bytes."""

    def __init__(self, folder: Path, store: Store):
        self.folder, self.store = folder, store
        self.size = 100 * KB
        self.media = folder / "media"
        self.media.mkdir()

    def free(self, folder: Path) -> int:
        return self.size - sum(path.stat().st_size for path in self.media.rglob("*") if path.is_file())

    def file(self, name: str, age: float) -> Path:
        path = self.media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * KB)
        os.utime(path, (NOW - age, NOW - age))
        return path

    def event(self, key: str, age: float, machine: str = "shop") -> LiveEvent:
        """An event of that age with a film, a little younger than its picture."""
        picture = self.file(f"yard/day/{key}.jpg", age)
        film = self.file(f"yard/day/{key}.mp4", age - 1)
        names = [path.relative_to(self.folder).as_posix() for path in (picture, film)]
        start = NOW - age
        event = replace(EVENT, key=key, machine=machine, start=start, end=start, picture=names[0], clip=names[1])
        self.store.put(event)
        return event

    def left(self) -> set[str]:
        return {path.name for path in self.media.rglob("*") if path.is_file()}

    def rows(self) -> dict[str, str]:
        """Of each event which files it knows: p, c, both or none."""
        return {
            event.key: ("p" if event.picture else "") + ("c" if event.clip else "") for event in self.store.events()
        }

    def retention(self, days: float | None = None, media_kb: float | None = None, free_kb: float = 0) -> Retention:
        media_gb = None if media_kb is None else media_kb * KB / 1e9
        return Retention(
            self.folder, self.store, "shop", days=days, media_gb=media_gb, free_gb=free_kb * KB / 1e9, free=self.free
        )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    store = open_store(tmp_path, None)
    yield Disk(tmp_path, store)
    store.close()


def test_an_empty_folder_and_none_at_all(disk: Disk) -> None:
    assert disk.retention(days=1, media_kb=1, free_kb=1).sweep(NOW) == Swept(0, 0, 0, True)
    disk.media.rmdir()
    assert disk.retention(days=1, media_kb=1, free_kb=1).sweep(NOW) == Swept(0, 0, 0, True)


@pytest.mark.parametrize("limit", ["media", "disk"])
@pytest.mark.parametrize(
    ("most", "left", "rows"),
    [
        (6, "a.jpg a.mp4 b.jpg b.mp4 c.jpg c.mp4", {"a": "pc", "b": "pc", "c": "pc"}),
        (5, "a.jpg b.jpg b.mp4 c.jpg c.mp4", {"a": "p", "b": "pc", "c": "pc"}),
        (4, "a.jpg b.jpg c.jpg c.mp4", {"a": "p", "b": "p", "c": "pc"}),
        (3, "a.jpg b.jpg c.jpg", {"a": "p", "b": "p", "c": "p"}),
        (2.5, "b.jpg c.jpg", {"a": "", "b": "p", "c": "p"}),
        (1, "c.jpg", {"a": "", "b": "", "c": "p"}),
        (0, "", {"a": "", "b": "", "c": ""}),
    ],
)
def test_the_oldest_films_go_first_and_then_pictures(
    disk: Disk, limit: str, most: float, left: str, rows: dict[str, str]
) -> None:
    for i, key in enumerate("cab"):
        disk.event(key, {"a": 3000, "b": 2000, "c": 1000}[key] + i)
    retention = disk.retention(media_kb=most) if limit == "media" else disk.retention(free_kb=100 - most)
    swept = retention.sweep(NOW)
    assert disk.left() == set(left.split())
    assert disk.rows() == rows
    gone = 6 - len(left.split())
    assert swept == Swept(0, gone, gone * KB, True)
    assert retention.sweep(NOW) == Swept(0, 0, 0, True)


def test_what_is_old_goes_whole(disk: Disk) -> None:
    disk.event("old", 3 * DAY)
    disk.event("young", DAY)
    # Written by this machine under another name: its row is not ours, its files are.
    disk.event("renamed", 3 * DAY, machine="earlier name")
    disk.store.add_scores("shop", "yard", [(int(NOW - 3 * DAY), 0.5, 0, 0), (int(NOW - DAY), 0.25, 0, 0)])
    swept = disk.retention(days=2).sweep(NOW)
    assert swept == Swept(1, 4, 4 * KB, True)
    assert disk.rows() == {"young": "pc", "renamed": ""}
    assert disk.left() == {"young.jpg", "young.mp4"}
    assert disk.store.scores("yard", 0, 1e12) == [(NOW - DAY, 0.25)]


def test_nothing_is_too_old_where_no_age_is_set(disk: Disk) -> None:
    disk.event("old", 3000 * DAY)
    assert disk.retention().sweep(NOW) == Swept(0, 0, 0, True)


def test_a_clock_that_was_set_back_deletes_nothing(disk: Disk) -> None:
    disk.event("young", 0)
    disk.file("yard/day/.x.1.part.mp4", 0)
    retention = disk.retention(days=1, media_kb=10)
    retention.sweep(NOW)
    assert retention.sweep(NOW - 400 * DAY) == Swept(0, 0, 0, True)
    assert disk.left() == {"young.jpg", "young.mp4", ".x.1.part.mp4"}


@pytest.mark.parametrize(
    ("name", "age", "stays"),
    [
        ("yard/day/unknown.mp4", 3500, True),
        ("yard/day/unknown.mp4", 3700, False),
        ("yard/day/unknown.jpg", 3700, False),
        ("unknown.jpg", 3700, False),
        ("yard/day/known.mp4", 3700, True),
        ("yard/day/.known.1.part.mp4", 3500, True),
        ("yard/day/.known.1.part.mp4", 3700, False),
        ("yard/day/.known.1.part.jpg", 3700, False),
        ("yard/day/.known.PID.part.mp4", 3700, False),
        ("yard/day/notes.txt", 10**8, True),
        ("yard/day/.keep", 10**8, True),
    ],
)
def test_strays_go_after_an_hour(disk: Disk, name: str, age: float, stays: bool) -> None:
    disk.event("known", 10)
    path = disk.file(name.replace("PID", str(os.getpid())), age)
    swept = disk.retention(media_kb=50).sweep(NOW)
    assert path.exists() is stays
    assert swept.files_deleted == (not stays)


def test_a_film_that_is_being_written_stays(disk: Disk) -> None:
    """However long its event, and however full the disk; it is of this process and younger than this watch."""
    retention = disk.retention(days=1, media_kb=0.5)
    path = disk.media / "yard/day" / f".long.{os.getpid()}.part.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * KB)
    swept = retention.sweep(path.stat().st_mtime + 5 * DAY)
    assert path.exists()
    assert swept == Swept(0, 0, 0, False), "there is too much, and nothing that may go"


def test_a_full_disk_and_the_margin_before_recording_goes_on(disk: Disk) -> None:
    disk.event("a", 100)
    retention = disk.retention(free_kb=10)
    for size, recording, files in (
        (11.5, True, 1),  # the film goes, and that is enough
        (10.5, True, 1),  # so does the picture
        (9.9, False, 0),  # now nothing is left
        (10.0, False, 0),
        (10.9, False, 0),
        (11.0, True, 0),
        (10.0, True, 0),
        (9.9, False, 0),
        (50.0, True, 0),
    ):
        disk.size = int(size * KB)
        assert retention.sweep(NOW) == Swept(0, files, files * KB, recording), size
    assert disk.rows() == {"a": ""}


def test_a_disk_that_frees_late_does_not_cost_everything(disk: Disk) -> None:
    """Some file systems free space some time after a file is gone: no more goes than is needed by its size."""
    for i, key in enumerate("abcdef"):
        disk.event(key, 1000 - i)
    free = disk.free(disk.media)
    disk.free = lambda folder: free  # type: ignore[method-assign]
    swept = disk.retention(free_kb=free / KB + 2).sweep(NOW)
    assert swept == Swept(0, 2, 2 * KB, True)


def test_links_are_not_followed(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    for name in ("a.mp4", "b.jpg", ".c.1.part.mp4"):
        (outside / name).write_bytes(b"x" * KB)
        os.utime(outside / name, (0, 0))
    (disk.media / "yard").mkdir()
    (disk.media / "linked").symlink_to(outside)
    (disk.media / "yard" / "linked.mp4").symlink_to(outside / "a.mp4")
    (disk.media / "yard" / "up").symlink_to(disk.folder)
    other = disk.folder / "live"
    other.mkdir()
    (other / "yard.jpg").write_bytes(b"x" * KB)
    os.utime(other / "yard.jpg", (0, 0))
    # What a row says of its files is not believed either.
    disk.store.put(replace(EVENT, key="evil", start=1, end=2, picture="live/yard.jpg", clip=f"{outside}/a.mp4"))
    swept = disk.retention(days=1, media_kb=0, free_kb=1000).sweep(NOW)
    assert swept == Swept(1, 0, 0, False)
    assert {path.name for path in outside.iterdir()} == {"a.mp4", "b.jpg", ".c.1.part.mp4"}
    assert (other / "yard.jpg").exists()
    assert (disk.media / "yard" / "linked.mp4").is_symlink()


def test_media_may_lie_on_another_disk(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    disk.media.rmdir()
    disk.media.symlink_to(elsewhere)
    disk.event("a", 10)
    assert disk.retention(media_kb=1).sweep(NOW).files_deleted == 1
    assert [path.name for path in elsewhere.rglob("*.*")] == ["a.jpg"]


def test_empty_folders_of_past_days_go(disk: Disk) -> None:
    for name, age in (("yard/past", 2 * DAY), ("yard/today", 100.0)):
        (disk.media / name).mkdir(parents=True)
        os.utime(disk.media / name, (NOW - age, NOW - age))
    (disk.media / "yard/full").mkdir()
    disk.file("yard/full/notes.txt", DAY)
    os.utime(disk.media / "yard/full", (0, 0))
    disk.retention().sweep(NOW)
    assert {path.name for path in (disk.media / "yard").iterdir()} == {"today", "full"}


def test_a_database_that_does_not_answer_keeps_nobody_from_making_room(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a disk that is full because of films would stay so. It is told later which files went."""
    disk.event("a", 2000)
    disk.event("b", 1000)
    stray = disk.file("yard/day/unknown.mp4", 4000)

    def fails(*rest: object) -> None:
        raise OutputError("x: the disk is full; free some space")

    retention = disk.retention(days=2, media_kb=4)
    with monkeypatch.context() as broken:
        for name in ("forget_before", "known", "drop_media"):
            broken.setattr(disk.store, name, fails)
        swept = retention.sweep(NOW)
    assert swept == Swept(0, 1, KB, True, "x: the disk is full; free some space")
    assert not stray.exists(), "the oldest film, whatever it is of"
    with monkeypatch.context() as broken:
        broken.setattr(disk.store, "drop_media", fails)
        os.utime(disk.media / "yard/day/a.mp4", (0, 0))
        assert retention.sweep(NOW).files_deleted == 1
    assert disk.rows() == {"a": "pc", "b": "pc"}
    assert retention.sweep(NOW) == Swept(0, 0, 0, True)
    assert disk.rows() == {"a": "p", "b": "pc"}


def test_what_cannot_be_deleted_pauses_recording(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.event("a", 100)

    def refuses(path: Path) -> None:
        raise PermissionError(f"{path}: not permitted")

    retention = disk.retention(media_kb=1)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", refuses)
        assert retention.sweep(NOW) == Swept(0, 0, 0, False)
    assert disk.rows() == {"a": "pc"}
    # 1000 of 1000 bytes are enough, but no room to begin again.
    assert retention.sweep(NOW) == Swept(0, 1, KB, False)
    (disk.media / "yard/day/a.jpg").unlink()
    assert retention.sweep(NOW) == Swept(0, 0, 0, True)


def test_a_disk_that_is_gone_lets_recording_rest(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(folder: Path) -> int:
        raise FileNotFoundError(folder)

    retention = Retention(disk.folder, disk.store, "shop", days=None, media_gb=None, free_gb=1e-6, free=gone)
    assert not retention.sweep(NOW).recording

"""The store: one suite over SQLite and PostgreSQL."""

import sqlite3
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from ssmtl.errors import OutputError
from ssmtl.live.database import connect
from ssmtl.live.records import CameraSettings, Kind, LiveEvent, Status
from ssmtl.live.store import SCHEMA, Store, open_store
from tests.live.services import Postgres, postgres

EVENT = LiveEvent(
    key="yard-1",
    machine="shop",
    camera="yard",
    kind=Kind.ANOMALY,
    start=1_700_000_000.125,
    end=1_700_000_009.5,
    peak=1_700_000_004.0625,
    score=2.375,
    threshold=1.1,
    size=(640, 360),
    box=(1.5, 2.0, 30.25, 40.0),
    reasons=(("moves backwards", 3.5), ("irregular motion", 0.25)),
    track=((1_700_000_000.125, (1.0, 2.0, 3.0, 4.0), 0.5), (1_700_000_004.0625, (1.5, 2.0, 30.25, 40.0), 2.375)),
    picture="media/yard/2023-11-14/yard-1.jpg",
    clip="media/yard/2023-11-14/yard-1.mp4",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database in which nothing is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/events.sqlite"
    server: Postgres = request.getfixturevalue("server")
    return server.database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    yield opened
    opened.close()


def run_in_threads(*jobs: Callable[[], None]) -> None:
    """Run jobs at once; what one of them raises is raised."""
    errors: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


ODD = [
    EVENT,
    replace(EVENT, end=None, box=None, reasons=(), track=(), picture=None, clip=None),
    replace(EVENT, kind=Kind.VIEW_CHANGED, status=Status.CONFIRMED, score=0.0, threshold=0.0),
    replace(EVENT, key="Straße-№7", camera="Straße", machine="Büro", reasons=(("sieht ungewöhnlich aus 🚲", 1.5),)),
    replace(EVENT, score=float("inf"), threshold=1e-300),
]


@pytest.mark.parametrize("event", ODD)
def test_an_event_comes_back_as_it_was(store: Store, event: LiveEvent) -> None:
    assert store.event(event.key) is None
    store.put(event)
    assert store.event(event.key) == event
    assert store.events() == [event]


def test_what_became_of_an_event_replaces_it_but_not_what_a_person_said(store: Store) -> None:
    store.put(replace(EVENT, end=None, clip=None))
    assert store.set_status(EVENT.key, Status.DISMISSED)
    later = replace(EVENT, score=9.0, peak=EVENT.peak + 1, track=(), box=(0.0, 0.0, 1.0, 1.0))
    store.put(later)
    assert store.event(EVENT.key) == replace(later, status=Status.DISMISSED)
    assert store.set_status(EVENT.key, Status.NEW)
    assert store.event(EVENT.key) == later
    assert not store.set_status("no such", Status.CONFIRMED)


def test_a_score_that_is_no_number_is_kept_as_none(store: Store) -> None:
    store.put(replace(EVENT, score=float("nan")))
    store.add_scores("shop", "yard", [(1, float("nan"), 0.5, 1)])
    assert store.events()[0].score == 0.0
    assert store.scores("yard", 0, 2) == [(1.0, 0.0)]


def four(store: Store) -> None:
    """Four events: from 10 to 20, from 30 to 40, from 30 to 35, and from 50 on."""
    for key, start, end, camera, kind, machine in (
        ("a", 10.0, 20.0, "yard", Kind.ANOMALY, "shop"),
        ("b", 30.0, 40.0, "door", Kind.ANOMALY, "shop"),
        ("c", 30.0, 35.0, "yard", Kind.VIEW_CHANGED, "farm"),
        ("d", 50.0, None, "yard", Kind.ANOMALY, "farm"),
    ):
        store.put(replace(EVENT, key=key, start=start, end=end, peak=start, camera=camera, kind=kind, machine=machine))
    store.set_status("a", Status.CONFIRMED)


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        ({}, "dcba"),
        ({"camera": "yard"}, "dca"),
        ({"camera": "yard", "machine": "farm"}, "dc"),
        ({"camera": "nowhere"}, ""),
        ({"camera": "yard\0"}, ""),
        ({"camera": "\ud800"}, ""),
        ({"kind": Kind.VIEW_CHANGED}, "c"),
        ({"status": Status.CONFIRMED}, "a"),
        ({"status": Status.NEW, "kind": Kind.ANOMALY}, "db"),
        ({"since": 20.0}, "dcba"),
        ({"since": 20.5}, "dcb"),
        ({"since": 37.0}, "db"),
        ({"since": 1e9}, "d"),
        ({"until": 30.0}, "cba"),
        ({"until": 9.5}, ""),
        ({"since": 15.0, "until": 17.0}, "a"),
        ({"since": 41.0, "until": 49.0}, ""),
        ({"since": float("-inf"), "until": float("inf")}, "dcba"),
        ({"limit": 2}, "dc"),
        ({"limit": 0}, ""),
        ({"before": "d"}, "cba"),
        ({"before": "c"}, "ba"),
        ({"before": "c", "limit": 1}, "b"),
        ({"before": "d", "camera": "yard"}, "ca"),
        ({"before": "a"}, ""),
        ({"before": "no such"}, ""),
    ],
)
def test_events_are_found_newest_first(store: Store, wanted: dict[str, object], keys: str) -> None:
    four(store)
    assert "".join(event.key for event in store.events(**wanted)) == keys  # type: ignore[arg-type]


def test_pages_name_each_event_once_though_many_begin_at_once(store: Store) -> None:
    names = [f"{letter}-{i}" for letter in "aBé_Z" for i in range(3)]
    for name in names:
        store.put(replace(EVENT, key=name))
    found, before = [], None
    while page := store.events(before=before, limit=4):
        found += [event.key for event in page]
        before = page[-1].key
    assert found == sorted(names, reverse=True)


@pytest.mark.parametrize(
    "gone", [[], ["a"], ["a", "c", "no such", "a"], ["\0"], [f"x{i}" for i in range(1200)] + ["d"]]
)
def test_deleting_events(store: Store, gone: list[str]) -> None:
    four(store)
    assert store.known([*gone, "b"]) == {"a", "b", "c", "d"} & {*gone, "b"}
    store.delete_events(gone)
    assert [event.key for event in store.events()] == [key for key in "dcba" if key not in gone]


def test_what_went_from_the_disk_goes_from_the_rows(store: Store) -> None:
    four(store)
    store.drop_media(pictures=["a", "no such"], clips=["a", "b"])
    left = {event.key: (event.picture is not None, event.clip is not None) for event in store.events()}
    assert left == {"a": (False, False), "b": (True, False), "c": (True, True), "d": (True, True)}


def test_a_second_that_is_there_takes_the_maximum(store: Store) -> None:
    store.add_scores("shop", "yard", [(100, 0.5, 0.6, 2), (101, 0.75, 0.8, 1)])
    # The clock was set back: the same seconds come again, one of them twice.
    store.add_scores(
        "shop", "yard", [(101, 0.25, 0.9, 4), (100, 0.625, 0.1, 1), (100, 0.375, 0.1, 1), (99, 0.125, 0, 0)]
    )
    store.add_scores("shop", "yard", [])
    assert store.scores("yard", 0, 1e12) == [(99.0, 0.125), (100.0, 0.625), (101.0, 0.75)]
    with connect(str(store._engine.url.render_as_string(hide_password=False))).connect() as connection:
        rows = connection.execute(text("SELECT second, object_score, objects FROM ssmtl_scores ORDER BY second")).all()
    assert [tuple(row) for row in rows] == [(99, 0.0, 0), (100, 0.6, 2), (101, 0.9, 4)]


@pytest.mark.parametrize(
    ("since", "until", "seconds"),
    [
        (0, 1e12, [5, 6, 9]),
        (5, 6, [5, 6]),
        (5.5, 8.9, [6]),
        (7, 8, []),
        (9, 5, []),
        (float("-inf"), float("inf"), [5, 6, 9]),
        (0, float("nan"), []),
    ],
)
def test_scores_of_a_time(store: Store, since: float, until: float, seconds: list[int]) -> None:
    store.add_scores("shop", "yard", [(second, second / 8, 0.0, 0) for second in (9, 5, 6)])
    store.add_scores("shop", "door", [(7, 1.0, 0.0, 0)])
    assert store.scores("yard", since, until) == [(float(second), second / 8) for second in seconds]


def test_scores_of_one_machine_or_the_highest_of_all(store: Store) -> None:
    store.add_scores("shop", "yard", [(1, 0.5, 0, 0), (2, 0.25, 0, 0)])
    store.add_scores("farm", "yard", [(2, 0.75, 0, 0), (3, 0.125, 0, 0)])
    assert store.scores("yard", 0, 9, machine="shop") == [(1.0, 0.5), (2.0, 0.25)]
    assert store.scores("yard", 0, 9) == [(1.0, 0.5), (2.0, 0.75), (3.0, 0.125)]
    assert store.scores("yard", 0, 9, machine="moon") == []
    assert store.cameras() == ["yard"]


@pytest.mark.parametrize("most", [0, 1, 2, 3, 7, 50, 99, 100, 101])
@pytest.mark.parametrize("first", [0, 1_700_000_003])
def test_thinned_scores_keep_what_is_highest(store: Store, most: int, first: int) -> None:
    """Every peak that is higher than all around it by a step stays, at its own time; between are equal steps."""
    values = {first + i: (i * 37 % 100) / 128 for i in range(100)}
    values[first + 61] = 5.0
    store.add_scores("shop", "yard", [(second, score, 0.0, 0) for second, score in values.items()])
    found = store.scores("yard", 0, 1e12, most=most)
    assert len(found) <= most
    assert all(values[int(time)] == score for time, score in found)
    assert found == sorted(found)
    if most:
        assert max(found, key=lambda point: point[1]) == (first + 61.0, 5.0)
    if most > 1:
        step = 1 if most >= 100 else -(-99 // (most - 1))
        steps: dict[int, list[float]] = {}
        for second, score in values.items():
            steps.setdefault(second // step, []).append(score)
        assert [score for _, score in found] == [max(scores) for _, scores in sorted(steps.items())]


def test_cameras(store: Store) -> None:
    assert store.cameras() == []
    for machine, camera in (("shop", "yard"), ("shop", "door"), ("farm", "yard"), ("farm", "Yard")):
        store.add_scores(machine, camera, [(second, 0.0, 0.0, 0) for second in range(5)])
    store.put(replace(EVENT, camera="gate", machine="farm"))
    assert store.cameras() == ["Yard", "door", "gate", "yard"]
    assert store.cameras("shop") == ["door", "yard"]


@pytest.mark.parametrize(
    "chosen",
    [
        CameraSettings(),
        CameraSettings(threshold=1.25),
        CameraSettings(zones=()),
        CameraSettings(
            0.5, ({"name": "Tür\0", "kind": "ignore", "points": [[0, 0], [0.5, 1], [1, 0.25]]}, {"name": ""})
        ),
    ],
)
def test_settings_of_a_camera(store: Store, chosen: CameraSettings) -> None:
    assert store.settings("shop", "yard") == CameraSettings()
    store.set_settings("shop", "yard", CameraSettings(7.0, ({"name": "old"},)))
    store.set_settings("shop", "yard", chosen)
    assert store.settings("shop", "yard") == chosen
    assert store.settings("farm", "yard") == CameraSettings()
    assert store.settings("\0", "yard") == CameraSettings()


def test_settings_are_changed_apart(store: Store) -> None:
    """Of two pages, one may set the threshold while the other draws a zone."""
    store.set_settings("shop", "yard", CameraSettings(7.0, ({"name": "old"},)))
    store.set_settings("shop", "yard", CameraSettings(threshold=2.0), ["threshold"])
    store.set_settings("shop", "yard", CameraSettings(zones=({"name": "new"},)), ["zones"])
    store.set_settings("shop", "yard", CameraSettings(), [])
    assert store.settings("shop", "yard") == CameraSettings(2.0, ({"name": "new"},))


def test_forgetting_what_is_old(store: Store) -> None:
    """Only of this machine, and only what is over; what a killed run left open is over after a day."""
    day = 86_400.0
    for key, start, end, machine in (
        ("old", 10.0, 20.0, "shop"),
        ("over the edge", 10.0, 3 * day, "shop"),
        ("young", 4 * day, 4 * day + 1, "shop"),
        ("goes on", 2.5 * day, None, "shop"),
        ("killed", 1.5 * day, None, "shop"),
        ("other", 10.0, 20.0, "farm"),
    ):
        store.put(replace(EVENT, key=key, start=start, end=end, machine=machine))
    seconds = [10, int(3 * day) - 1, int(3 * day), int(4 * day)]
    for machine, camera in (("shop", "yard"), ("shop", "door"), ("farm", "yard")):
        store.add_scores(machine, camera, [(second, 0.5, 0.0, 0) for second in seconds])
    gone = store.forget_before(3 * day, "shop")
    assert [event.key for event in gone] == ["old", "killed"]
    assert gone[0].track == EVENT.track
    assert {event.key for event in store.events()} == {"over the edge", "young", "goes on", "other"}
    left = [(3 * day, 0.5), (4 * day, 0.5)]
    assert store.scores("yard", 0, 1e12, machine="shop") == left == store.scores("door", 0, 1e12)
    assert len(store.scores("yard", 0, 1e12, machine="farm")) == 4
    assert store.forget_before(3 * day, "shop") == []


def test_what_a_killed_run_left_open_is_ended(store: Store) -> None:
    box = (0.0, 0.0, 1.0, 1.0)
    store.put(replace(EVENT, key="seen", start=10, peak=12, end=None, track=((11.0, box, 1.0), (15.0, box, 1.0))))
    store.put(replace(EVENT, key="unseen", start=10, peak=12, end=None, track=()))
    store.put(replace(EVENT, key="over", start=10, peak=12, end=99.0))
    store.put(replace(EVENT, key="other", start=10, peak=12, end=None, machine="farm"))
    ended = store.end_abandoned("shop")
    assert {event.key: event.end for event in ended} == {"seen": 15.0, "unseen": 12.0}
    ends = {event.key: event.end for event in store.events()}
    assert ends == {"seen": 15.0, "unseen": 12.0, "over": 99.0, "other": None}
    assert store.end_abandoned("shop") == []


def test_two_threads_and_two_stores_write_at_once(url: str) -> None:
    """Nothing is lost, whoever writes: 2 stores of 2 threads, each its own events and all the same seconds."""
    stores = [Store(url), Store(url)]

    def write(store: Store, number: int) -> None:
        for i in range(15):
            store.put(replace(EVENT, key=f"{number}-{i}"))
            seconds = list(range(i, i + 10))
            store.add_scores(
                "shop", "yard", [(s, s + number / 4, 0, 0) for s in (seconds if number % 2 else seconds[::-1])]
            )
            assert store.event(f"{number}-{i}") is not None

    run_in_threads(*(lambda s=stores[n % 2], n=n: write(s, n) for n in range(4)))  # type: ignore[misc]
    assert {event.key for event in stores[0].events()} == {f"{n}-{i}" for n in range(4) for i in range(15)}
    assert stores[1].scores("yard", 0, 99) == [(float(s), s + 0.75) for s in range(24)]
    for store in stores:
        store.close()


def test_several_open_an_empty_database_at_once(url: str) -> None:
    opened: list[Store] = []
    run_in_threads(*[lambda: opened.append(Store(url))] * 4)
    for store in opened:
        store.put(EVENT)
        store.close()
    assert len(opened) == 4


def test_what_was_kept_is_there_after_opening_again(url: str) -> None:
    first = Store(url)
    first.put(EVENT)
    first.close()
    second = Store(url)
    assert second.events() == [EVENT]
    second.close()


@pytest.mark.parametrize(("version", "remedy"), [(SCHEMA + 1, "newer ssmtl"), (SCHEMA - 1, "the ssmtl that wrote it")])
def test_a_database_of_another_version_is_refused(url: str, version: int, remedy: str) -> None:
    Store(url).close()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE ssmtl_schema SET version = {version}"))
    engine.dispose()
    with pytest.raises(OutputError, match=rf"version {version}, .*version {SCHEMA}; .*{remedy}") as caught:
        Store(url)
    assert "name another database" in str(caught.value)


def test_the_default_is_a_file_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("a watch? 50%")
    folder.mkdir()
    store = open_store(folder, None)
    store.put(EVENT)
    store.close()
    with sqlite3.connect(tmp_path / folder / "events.sqlite") as connection:
        assert connection.execute("SELECT key FROM ssmtl_events").fetchall() == [("yard-1",)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other = open_store(folder, f"sqlite:///{tmp_path}/other.sqlite")
    assert other.events() == []
    other.close()


def no_database(folder: Path) -> str:
    (folder / "x.sqlite").write_bytes(b"This is a letter and no database. " * 100)
    return f"sqlite:///{folder}/x.sqlite"


def no_file(folder: Path) -> str:
    (folder / "x.sqlite").mkdir()
    return f"sqlite:///{folder}/x.sqlite"


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (no_database, "x.sqlite: file is not a database; name another file"),
        (no_file, "x.sqlite: unable to open database file; check that its folder"),
        (lambda folder: f"sqlite:///{folder}/none/x.sqlite", "none/x.sqlite: unable to open database file; check that"),
        (lambda folder: "sqlite://", "names no file"),
        (lambda folder: "sqlite:///:memory:", "names no file"),
        (lambda folder: "events.sqlite", "events.sqlite: is no address of a database; known: sqlite:////"),
        (lambda folder: "mysql://me:geheim@host/x", r"mysql://me:\*\*\*@host/x: unknown kind of database; known"),
        (lambda folder: "postgresql://me:geheim@host:port/x", r"postgresql://me:\*\*\*@host:port/x: is no address"),
        (lambda folder: "postgresql://me:ge@heim@host/x", r"me:\*\*\*@host/x: has more than one @; .* as %40"),
        (lambda folder: "postgresql://me:geheim@127.0.0.1:1/x", r"\*\*\*@127.0.0.1:1/x: .*refused.*; check that the"),
        (lambda folder: "postgresql://127.0.0.1:1/x?user=me&password=geheim", "refused.*; check that the server runs"),
    ],
)  # fmt: skip
def test_what_cannot_be_opened(tmp_path: Path, make: Callable[[Path], str], complaint: str) -> None:
    with pytest.raises(OutputError, match=complaint) as caught:
        Store(make(tmp_path))
    shown = "".join(traceback.format_exception(caught.value))
    assert "geheim" not in shown
    assert "ge@heim" not in shown
    assert "heim@" not in shown


def test_a_wrong_password_is_not_shown(server: Postgres) -> None:
    wrong = server.password[::-1]
    with pytest.raises(OutputError, match=r"\*\*\*@.*password authentication failed.*; check its user") as caught:
        Store(server.address("postgres", wrong))
    shown = "".join(traceback.format_exception(caught.value))
    assert wrong not in shown
    assert server.password not in shown


def test_no_such_database(server: Postgres) -> None:
    with pytest.raises(OutputError, match=r'database "nothing" does not exist; create it first: createdb NAME'):
        Store(server.address("nothing"))


def test_a_server_that_comes_back(server: Postgres) -> None:
    """While it is away all complain with a remedy and no password; afterwards all goes on."""
    store = Store(server.database())
    store.put(EVENT)
    server.stop()
    try:
        for act in (lambda: store.put(EVENT), lambda: store.events(), lambda: store.settings("shop", "yard")):
            with pytest.raises(OutputError, match="; check that the server runs") as caught:
                act()
            assert server.password not in "".join(traceback.format_exception(caught.value))
    finally:
        server.start()
    assert store.events() == [EVENT]
    store.close()


def test_a_file_that_another_program_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssmtl.live.database.BUSY_S", 0.1)
    store = open_store(tmp_path, None)
    holder = sqlite3.connect(tmp_path / "events.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(OutputError, match="database is locked; another program holds it"):
        store.put(EVENT)
    assert time.monotonic() - began < 2
    assert store.events() == [], "reading does not wait"
    holder.execute("ROLLBACK")
    holder.close()
    store.put(EVENT)
    assert store.events() == [EVENT]
    store.close()

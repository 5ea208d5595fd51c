"""What a watch keeps in its database: events, scores by the second, and what a person set for a camera."""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ARRAY,
    URL,
    Column,
    ColumnElement,
    Connection,
    Double,
    Select,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    or_,
    select,
    true,
    union,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from ssmtl.live.database import begin, connect, told
from ssmtl.live.records import CameraSettings, Kind, LiveEvent, Status
from ssmtl.live.tables import (
    SCHEMA,
    event_of,
    event_row,
    events,
    number,
    scores,
    settings,
    settings_of,
    settings_row,
)

__all__ = ["DEFAULT", "SCHEMA", "Store", "open_store"]

DEFAULT = "events.sqlite"
"""The database's file in the folder of a watch, where no other is named."""

ABANDONED_S = 86_400.0
"""An event without an end that began so long before the rest is forgotten is one of a run that was killed."""

_BATCH = 500
_MOST_SECOND = 2**53


class Store:
    """A watch's database; any number of threads, processes and machines may use it at once."""

    def __init__(self, url: str | URL):
        """Open the database at `url`: sqlite:////absolute/path or postgresql://user:password@host/name.

        Its tables are made where there are none. SQLite's file is too, PostgreSQL's database is not.

        Raises:
            OutputError: it cannot be opened, there is no such database, or it is of another version.
        """
        self._engine = connect(url)

    def put(self, event: LiveEvent) -> None:
        """Keep an event, or what became of it; what a person said of it stays.

        Raises:
            OutputError: the database does not answer. So do all methods below.
        """
        row = event_row(event)
        with told(self._engine.url), begin(self._engine) as connection:
            _upsert(connection, events, [row], [name for name in row if name not in ("key", "status")])

    def event(self, key: str) -> LiveEvent | None:
        """The event of that key."""
        if not _storable(key):
            return None
        with told(self._engine.url), self._engine.connect() as connection:
            row = connection.execute(select(events).where(events.c.key == key)).one_or_none()
        return None if row is None else event_of(row)

    def events(
        self,
        *,
        camera: str | None = None,
        machine: str | None = None,
        kind: Kind | None = None,
        status: Status | None = None,
        since: float | None = None,
        until: float | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> list[LiveEvent]:
        """Events, the newest start first, at most `limit`.

        Args:
            camera, machine, kind, status: only those; None = all.
            since, until: only those that were going on between these times; one without an end still is.
            before: key of an event; only those after it in this order. Where it is gone there are none: what is
                deleted first is the oldest.
            limit: how many at most.
        """
        equal = {"camera": camera, "machine": machine, "kind": kind, "status": status}
        if not all(value is None or _storable(value) for value in (*equal.values(), before)):
            return []
        wanted: list[ColumnElement[bool]] = [
            events.c[name] == str(value) for name, value in equal.items() if value is not None
        ]
        if since is not None:
            wanted.append(or_(events.c.end.is_(None), events.c.end >= float(since)))
        if until is not None:
            wanted.append(events.c.start <= float(until))
        newest = select(events).order_by(events.c.start.desc(), events.c.key.desc()).limit(max(0, limit))
        with told(self._engine.url), self._engine.connect() as connection:
            if before is not None:
                start = connection.execute(select(events.c.start).where(events.c.key == before)).scalar()
                if start is None:
                    return []
                same = and_(events.c.start == start, events.c.key < before)
                wanted.append(and_(events.c.start <= start, or_(events.c.start < start, same)))
            rows = connection.execute(newest.where(true(), *wanted)).all()
        return [event_of(row) for row in rows]

    def set_status(self, key: str, status: Status) -> bool:
        """Keep what a person said of an event; False where there is no such event."""
        if not _storable(key):
            return False
        change = update(events).where(events.c.key == key).values(status=str(Status(status)))
        with told(self._engine.url), begin(self._engine) as connection:
            return connection.execute(change).rowcount > 0

    def end_abandoned(self, machine: str) -> list[LiveEvent]:
        """End this machine's events that have no end: a run was killed while they went on. Which, as they are now.

        Each ends where its object was last seen, else at its peak. To be called before cameras start.
        """
        open_ones = select(events).where(events.c.machine == machine, events.c.end.is_(None))
        with told(self._engine.url), begin(self._engine) as connection:
            found = [event_of(row) for row in connection.execute(open_ones)]
            ended = []
            for event in found:
                end = max([event.start, event.peak, *(time for time, _, _ in event.track[-1:])])
                connection.execute(update(events).where(events.c.key == event.key).values(end=end))
                ended.append(replace(event, end=end))
        return ended

    def add_scores(self, machine: str, camera: str, rows: Sequence[tuple[int, float, float, int]]) -> None:
        """Keep the scores of some seconds; a second that is there takes the maximum of each.

        Args:
            machine, camera: whose.
            rows: Unix second, highest frame score in it, highest object score, and number of objects.
        """
        values = [
            {
                "camera": camera,
                "machine": machine,
                "second": int(second),
                "score": number(score),
                "object_score": number(object_score),
                "objects": int(objects),
            }
            # In one order, so that two who write the same seconds wait for each other and not in a circle.
            for second, score, object_score, objects in sorted(rows)
        ]
        if values:
            with told(self._engine.url), begin(self._engine) as connection:
                _upsert(connection, scores, values, ["score", "object_score", "objects"], highest=True)

    def scores(
        self, camera: str, since: float, until: float, *, machine: str | None = None, most: int = 2000
    ) -> list[tuple[float, float]]:
        """Seconds from `since` to `until`, both included, and the highest frame score of each, in order.

        Where there are more than `most`, the highest score of each of at most `most` equal steps and when it was.
        """
        if most < 1 or not since <= until or not _storable(camera) or not _storable(machine or ""):
            return []
        first, last = _second(since, math.ceil), _second(until, math.floor)
        second = scores.c.second
        wanted = [scores.c.camera == camera, second >= first, second <= last]
        if machine is not None:
            wanted.append(scores.c.machine == machine)
        with told(self._engine.url), self._engine.connect() as connection:
            count, low, high = connection.execute(
                select(func.count(), func.min(second), func.max(second)).where(*wanted)
            ).one()
            # Steps begin at multiples of their length, so that a curve that grows does not flicker.
            step = 1 if count <= most else -(-(high - low) // (most - 1)) if most > 1 else high + 1
            highest = _highest(connection).where(*wanted).group_by(second // step)
            return sorted((float(row[0]), row[1]) for row in connection.execute(highest))

    def cameras(self, machine: str | None = None) -> list[str]:
        """Names of the cameras of which something is kept, of one machine or of all."""
        with told(self._engine.url), self._engine.connect() as connection:
            names = {name for name, owner in _owners(connection) if machine in (None, owner)}
            some = union(*(select(table.c.camera, table.c.machine).distinct() for table in (events, settings)))
            names |= {name for name, owner in connection.execute(some) if machine in (None, owner)}
        return sorted(names)

    def settings(self, machine: str, camera: str) -> CameraSettings:
        """What a person set for a camera."""
        if not _storable(machine) or not _storable(camera):
            return CameraSettings()
        wanted = select(settings).where(settings.c.machine == machine, settings.c.camera == camera)
        with told(self._engine.url), self._engine.connect() as connection:
            row = connection.execute(wanted).one_or_none()
        return CameraSettings() if row is None else settings_of(row)

    def set_settings(
        self, machine: str, camera: str, settings_: CameraSettings, which: Collection[str] = ("threshold", "zones")
    ) -> None:
        """Keep what a person set for a camera: `which` of its settings."""
        if not which:
            return
        row = settings_row(machine, camera, settings_)
        with told(self._engine.url), begin(self._engine) as connection:
            _upsert(connection, settings, [row], sorted(which))

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of these events there are."""
        found: set[str] = set()
        with told(self._engine.url), self._engine.connect() as connection:
            for some in _batches(keys):
                found.update(connection.execute(select(events.c.key).where(events.c.key.in_(some))).scalars())
        return found

    def drop_media(self, pictures: Iterable[str], clips: Iterable[str]) -> None:
        """Note that the pictures and the clips of these events are gone."""
        with told(self._engine.url), begin(self._engine) as connection:
            for column, keys in ((events.c.picture, pictures), (events.c.clip, clips)):
                for some in _batches(keys):
                    connection.execute(update(events).where(events.c.key.in_(some)).values({column: None}))

    def delete_events(self, keys: Iterable[str]) -> None:
        """Delete these events; those that are not there are none."""
        with told(self._engine.url), begin(self._engine) as connection:
            _delete(connection, keys)

    def forget_before(self, time: float, machine: str) -> list[LiveEvent]:
        """Delete this machine's scores and finished events older than `time`; the events that went.

        An event without an end counts as finished a day after it began: a run was killed while it went on.
        """
        over = or_(events.c.end < float(time), and_(events.c.end.is_(None), events.c.start < float(time) - ABANDONED_S))
        # What ends before `time` began before it: the index goes by the start.
        old = select(events).where(events.c.machine == machine, events.c.start < float(time), over)
        with told(self._engine.url), begin(self._engine) as connection:
            found = [event_of(row) for row in connection.execute(old.order_by(events.c.start, events.c.key))]
            _delete(connection, [event.key for event in found])
            for camera, owner in _owners(connection):
                if owner == machine:
                    connection.execute(
                        delete(scores).where(
                            scores.c.camera == camera,
                            scores.c.machine == machine,
                            scores.c.second < _second(time, math.ceil),
                        )
                    )
        return found

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def open_store(folder: Path, url: str | None = None) -> Store:
    """The database at `url`, or the file of a watch's folder where it is None.

    Raises:
        OutputError: it cannot be opened, there is no such database, or it is of another version.
    """
    if url is not None:
        return Store(url)
    # Not as text, in which a ? of the folder's name would mean something.
    return Store(URL.create("sqlite", database=str((Path(folder) / DEFAULT).absolute())))


def _upsert(
    connection: Connection, table: Table, rows: list[dict[str, Any]], columns: list[str], highest: bool = False
) -> None:
    """Insert rows; where one of the same key is there, its `columns` change, to the `highest` of both if told so."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(table)
    changes = {name: _higher(table.c[name], new.excluded[name]) if highest else new.excluded[name] for name in columns}
    connection.execute(new.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes), rows)


def _higher(old: Column[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((new > old, new), else_=old)


def _highest(connection: Connection) -> Select[Any]:
    """The second and the score of a group's highest score, as each database finds both without sorting."""
    if connection.dialect.name == "postgresql":
        peak = func.max(postgresql.array([scores.c.score, -cast(scores.c.second, Double)]), type_=ARRAY(Double))
        return select(-peak[2], peak[1])
    # SQLite takes the second from the row with the maximum.
    return select(scores.c.second, func.max(scores.c.score))


def _owners(connection: Connection) -> Iterator[tuple[str, str]]:
    """Camera and machine of all scores; a look-up for each, since walking all seconds would take long."""
    pair = select(scores.c.camera, scores.c.machine).order_by(scores.c.camera, scores.c.machine).limit(1)
    found = connection.execute(pair).one_or_none()
    while found is not None:
        camera, machine = found
        yield camera, machine
        same = pair.where(scores.c.camera == camera, scores.c.machine > machine)
        found = connection.execute(same).one_or_none()
        if found is None:
            found = connection.execute(pair.where(scores.c.camera > camera)).one_or_none()


def _delete(connection: Connection, keys: Iterable[str]) -> None:
    for some in _batches(keys):
        connection.execute(delete(events).where(events.c.key.in_(some)))


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    """Keys that there can be, by a number that every database takes."""
    every = sorted({key for key in keys if _storable(key)})
    for i in range(0, len(every), _BATCH):
        yield every[i : i + _BATCH]


def _storable(name: str) -> bool:
    """Whether a database could hold this name at all: PostgreSQL takes no zero byte, none takes half a letter."""
    return "\0" not in name and not any("\ud800" <= letter <= "\udfff" for letter in name)


def _second(time: float, rounded: Any) -> int:
    """A time as whole seconds that a database can compare."""
    return int(rounded(min(max(time, -_MOST_SECOND), _MOST_SECOND)))

"""The tables of a watch's database, and how records become rows and rows records."""

import json
import math
from typing import Any

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Row, Table, Text

from ssmtl.live.records import CameraSettings, Kind, LiveEvent, Status

SCHEMA = 1
"""Version of the tables; a database of another is refused."""

metadata = MetaData()

# By bytes, so that every database sorts names alike, whatever language it was made for.
_NAME = Text().with_variant(Text(collation="C"), "postgresql")

schema = Table("ssmtl_schema", metadata, Column("version", Integer, primary_key=True))

events = Table(
    "ssmtl_events",
    metadata,
    Column("key", _NAME, primary_key=True),
    Column("machine", _NAME, nullable=False),
    Column("camera", _NAME, nullable=False),
    Column("kind", Text, nullable=False),
    Column("start", Double, nullable=False),
    Column("end", Double),
    Column("peak", Double, nullable=False),
    Column("score", Double, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    # JSON as text: PostgreSQL's own kind of it knows neither infinite numbers nor a zero byte.
    Column("box", Text),
    Column("reasons", Text, nullable=False),
    Column("track", Text, nullable=False),
    Column("picture", Text),
    Column("clip", Text),
    Column("status", Text, nullable=False),
    Index("ssmtl_events_newest", "start", "key"),
    Index("ssmtl_events_camera", "camera", "start", "key"),
    Index("ssmtl_events_machine", "machine", "start"),
)

# A month of a camera are 2.6 million rows: no second index, and in SQLite no hidden number of each row.
scores = Table(
    "ssmtl_scores",
    metadata,
    Column("camera", _NAME, primary_key=True),
    Column("machine", _NAME, primary_key=True),
    Column("second", BigInteger, primary_key=True, autoincrement=False),
    Column("score", Double, nullable=False),
    Column("object_score", Double, nullable=False),
    Column("objects", Integer, nullable=False),
    sqlite_with_rowid=False,
)

settings = Table(
    "ssmtl_settings",
    metadata,
    Column("machine", _NAME, primary_key=True),
    Column("camera", _NAME, primary_key=True),
    Column("threshold", Double),
    Column("zones", Text),
)


def event_row(event: LiveEvent) -> dict[str, Any]:
    """An event as the table takes it."""
    return {
        "key": event.key,
        "machine": event.machine,
        "camera": event.camera,
        "kind": str(event.kind),
        "start": number(event.start),
        "end": None if event.end is None else number(event.end),
        "peak": number(event.peak),
        "score": number(event.score),
        "threshold": number(event.threshold),
        "width": int(event.size[0]),
        "height": int(event.size[1]),
        "box": None if event.box is None else json.dumps(_floats(event.box)),
        "reasons": json.dumps([[words, float(score)] for words, score in event.reasons]),
        "track": json.dumps([[float(time), _floats(box), float(score)] for time, box, score in event.track]),
        "picture": event.picture,
        "clip": event.clip,
        "status": str(event.status),
    }


def event_of(row: Row[Any]) -> LiveEvent:
    """The event that a row holds."""
    return LiveEvent(
        row.key,
        row.machine,
        row.camera,
        Kind(row.kind),
        row.start,
        row.end,
        row.peak,
        row.score,
        row.threshold,
        (row.width, row.height),
        None if row.box is None else tuple(json.loads(row.box)),
        tuple((words, score) for words, score in json.loads(row.reasons)),
        tuple((time, tuple(box), score) for time, box, score in json.loads(row.track)),
        row.picture,
        row.clip,
        Status(row.status),
    )


def settings_row(machine: str, camera: str, chosen: CameraSettings) -> dict[str, Any]:
    """A camera's settings as the table takes them."""
    zones = None if chosen.zones is None else json.dumps(list(chosen.zones))
    threshold = None if chosen.threshold is None else float(chosen.threshold)
    return {"machine": machine, "camera": camera, "threshold": threshold, "zones": zones}


def settings_of(row: Row[Any]) -> CameraSettings:
    """The settings that a row holds."""
    return CameraSettings(row.threshold, None if row.zones is None else tuple(json.loads(row.zones)))


def number(value: float) -> float:
    """A plain float; 0 for what is no number, which SQLite would take for nothing and refuse for ever."""
    value = float(value)
    return 0.0 if math.isnan(value) else value


def _floats(values: tuple[float, ...]) -> list[float]:
    return [float(value) for value in values]

"""The files of a clip's events: `<clip>/events.json`, the same as a table in `events.csv`, and a picture of each."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.atomic import atomic_file, write_json, write_text
from ssmtl.report.overlay import clock, draw_box
from ssmtl.report.page import headline
from ssmtl.scoring.events import Event
from ssmtl.scoring.view_change import ViewChange
from ssmtl.video.recorder import shrink

EVENTS, TABLE, FOLDER = "events.json", "events.csv", "events"
COLUMNS = (
    "kind",
    "start_s",
    "end_s",
    "peak_s",
    "score",
    "threshold",
    "reason",
    "x_min",
    "y_min",
    "x_max",
    "y_max",
)
ANOMALY, VIEW_CHANGED = "anomaly", "view changed"


def event_row(event: Event | ViewChange) -> dict[str, Any]:
    """An event as JSON takes it."""
    if isinstance(event, ViewChange):
        return {
            "kind": VIEW_CHANGED,
            "start_s": round(event.start_s, 3),
            "end_s": round(event.end_s, 3),
            "first_frame": event.first_frame,
            "last_frame": event.last_frame,
        }
    span = event.span
    return {
        "kind": ANOMALY,
        "start_s": round(span.start_s, 3),
        "end_s": round(span.end_s, 3),
        "peak_s": round(span.peak_s, 3),
        "first_frame": span.first_frame,
        "last_frame": span.last_frame,
        "peak_frame": span.peak_frame,
        "score": round(span.score, 4),
        "threshold": round(span.threshold, 6),
        "reason": headline(event.reasons),
        "reasons": [[words, round(score, 4)] for words, score in event.reasons],
        "box": None if event.box is None else [round(value, 2) for value in event.box],
        "track": [[p.frame, round(p.time_s, 3), *(round(v, 2) for v in p.box), round(p.score, 4)] for p in event.track],
    }


def write_picture(path: Path, event: Event) -> bool:
    """Draw an event's most unusual moment, as JPEG; whether there was one to draw."""
    if event.picture is None or event.box is None:
        return False
    write_jpeg(path, marked(event.picture, event.box, event.track[event.best].score))
    return True


def marked(picture: NDArray[np.uint8], box: Sequence[float], score: float) -> NDArray[np.uint8]:
    """A picture with one box drawn in, no larger than films are."""
    small = shrink(picture)
    drawn = small.copy()
    draw_box(drawn, np.asarray(box) * (small.shape[1] / picture.shape[1]), score)
    return drawn


def write_jpeg(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture, H×W×3 uint8 RGB, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    coded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    with atomic_file(path) as temporary:
        temporary.write_bytes(coded.tobytes())


def write_events(folder: Path, events: Iterable[Event | ViewChange], films: Sequence[str | None] = ()) -> int:
    """Write a clip's events and their pictures into its result folder; how many anomalies there are.

    `films` are names of their films within `folder`, one for each event or none at all.
    """
    rows = []
    for number, event in enumerate(events):
        row = event_row(event)
        picture = folder / FOLDER / f"{number + 1:03d}.jpg"
        if isinstance(event, Event) and write_picture(picture, event):
            row["picture"] = picture.relative_to(folder).as_posix()
        if films and films[number] is not None:
            row["film"] = films[number]
        rows.append(row)
    write_json(folder / EVENTS, rows)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in rows:
        table.writerow([*(row.get(column, "") for column in COLUMNS[:-4]), *(row.get("box") or [""] * 4)])
    write_text(folder / TABLE, text.getvalue())
    return sum(row["kind"] == ANOMALY for row in rows)


def read_events(folder: Path) -> list[dict[str, Any]]:
    """The events in a clip's result folder; none where there is no such file (an older version wrote the result)."""
    path = folder / EVENTS
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def sentence(row: dict[str, Any]) -> str:
    """An event in one line, for people."""
    when = f"{clock(row['start_s'])} to {clock(row['end_s'])}"
    if row["kind"] == VIEW_CHANGED:
        return f"{when}: the view changed; held"
    return f"{when}: {row['reason'] or 'unusual'}, score {row['score']:.2f}"

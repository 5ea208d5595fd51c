"""What is known of a watched camera and of what happened in front of it; times are Unix times in seconds."""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ssmtl.scoring.events import Box

TOLD = "told.json"
"""In a watch's folder: what the receivers of events were told."""


class Kind(StrEnum):
    """What an event is about."""

    ANOMALY = "anomaly"
    VIEW_CHANGED = "view changed"


class Status(StrEnum):
    """What a person said of an event."""

    NEW = "new"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class State(StrEnum):
    """How a camera is."""

    CONNECTING = "connecting"
    ONLINE = "online"
    HOLDING = "holding"
    OFFLINE = "offline"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event in front of a camera.

    Attributes:
        key: names it on all machines.
        machine: where it was seen; its picture and clip lie there.
        camera: which camera of that machine.
        kind: what it is about.
        start, end, peak: when; no end while it goes on.
        score, threshold: the highest frame score, and that from which it counted; 0 where there is none.
        size: width and height of the camera's picture in pixels.
        box: of the most unusual object at its most unusual moment, in pixels.
        reasons: words of each task and its score there, loudest first.
        track: time, box and score of that object over the event.
        picture, clip: files, relative to the folder of the watch; none where there is none (yet).
        status: what a person said of it.
    """

    key: str
    machine: str
    camera: str
    kind: Kind
    start: float
    end: float | None
    peak: float
    score: float
    threshold: float
    size: tuple[int, int]
    box: Box | None = None
    reasons: tuple[tuple[str, float], ...] = ()
    track: tuple[tuple[float, Box, float], ...] = ()
    picture: str | None = None
    clip: str | None = None
    status: Status = Status.NEW


@dataclass(frozen=True, slots=True)
class Health:
    """How a camera's watch is doing; counts are since its start.

    Attributes:
        camera, machine: which.
        source: its address, without a password.
        state: how it is, since `since`; `message` says more, for people.
        updated: when this was written.
        frames_in, frames_out: read and scored; dropped: live frames that were left out to keep up; undecodable:
            damaged packets and pictures.
        rate_in, rate_out: the same per second, over the last seconds.
        reconnects: how often it came back.
        delay_s: from a frame's arrival to its score.
        objects: that were scored; alarms: events of kind anomaly.
        score: the newest frame score; threshold: at which an event begins; threshold_from: who says so.
        size: width and height of the picture.
        recording: whether events get clips and pictures.
        zones: those of the configuration, which count unless the page sets others.
    """

    camera: str
    machine: str
    source: str
    state: State
    since: float
    updated: float
    message: str = ""
    frames_in: int = 0
    frames_out: int = 0
    dropped: int = 0
    undecodable: int = 0
    rate_in: float = 0.0
    rate_out: float = 0.0
    reconnects: int = 0
    delay_s: float = 0.0
    objects: int = 0
    alarms: int = 0
    score: float = 0.0
    threshold: float = 1.0
    threshold_from: str = ""
    size: tuple[int, int] = (0, 0)
    recording: bool = True
    zones: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """What a person set for a camera in the page; it goes before the model's and the command line's.

    Attributes:
        threshold: None = the model's.
        zones: as in the configuration, each a mapping of `ssmtl.regions.zones.Zone`; None = the configuration's.
    """

    threshold: float | None = None
    zones: tuple[dict[str, Any], ...] | None = field(default=None)


def about_watch(folder: Path) -> dict[str, Any]:
    """What the last watch into this folder said of itself; nothing where there was none."""
    try:
        about = json.loads((folder / "watch.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def known_machine(folder: Path) -> str:
    """The name of the machine that watched into this folder before: a container may have another each time."""
    return str(about_watch(folder).get("machine", ""))

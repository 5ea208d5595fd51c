"""What the page asks for and changes, as JSON."""

import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as InPath
from fastapi.responses import FileResponse, Response
from pydantic import Field
from pydantic_core import to_json

from ssmtl.config import Settings
from ssmtl.live.metrics import prometheus
from ssmtl.live.records import CameraSettings, Health, Kind, LiveEvent, Status
from ssmtl.live.store import Store
from ssmtl.live.web import files
from ssmtl.regions.zones import Zone
from ssmtl.report.page import headline
from ssmtl.scoring.events import EventSettings, find_spans

STALE_S = 10.0
"""A camera whose health was not written for so long is not being watched."""

LONGEST_PREVIEW_S = 8 * 24 * 3600.0
MOST_EVENTS = 500

Camera = Annotated[str, InPath(max_length=200)]
Key = Annotated[str, InPath(max_length=200)]
Time = Annotated[float | None, Query(ge=0, le=1e11, allow_inf_nan=False)]


class Change(Settings):
    """What a person changes of a camera; what is left out stays as it is, null is the model's or configuration's."""

    threshold: float | None = Field(None, gt=0, le=1e6)
    zones: tuple[Zone, ...] | None = Field(None, max_length=50)


class Verdict(Settings):
    """What a person says of an event."""

    status: Status


class Api:
    """Answers from the files and the database of a watch."""

    def __init__(self, folder: Path, store: Store, events: EventSettings):
        self._folder = folder
        self._store = store
        self._events = events.for_highest(1.0)

    def router(self) -> APIRouter:
        """All its paths."""
        router = APIRouter()
        router.add_api_route("/api/cameras", self.cameras)
        router.add_api_route("/api/cameras/{camera}/picture", self.picture)
        router.add_api_route("/api/cameras/{camera}/scores", self.scores)
        router.add_api_route("/api/cameras/{camera}/preview", self.preview)
        router.add_api_route("/api/cameras/{camera}/settings", self.settings)
        router.add_api_route("/api/cameras/{camera}/settings", self.change_settings, methods=["PUT"])
        router.add_api_route("/api/events", self.events)
        router.add_api_route("/api/events/{key}", self.event)
        router.add_api_route("/api/events/{key}", self.judge, methods=["POST"])
        router.add_api_route("/media/{path:path}", self.media, methods=["GET", "HEAD"])
        router.add_api_route("/metrics", self.metrics)
        return router

    def cameras(self) -> Response:
        """How each camera is."""
        now = time.time()
        return _json([_fields(health) | {"stale": now - health.updated > STALE_S} for health in self._healths()])

    def picture(self, camera: Camera) -> Response:
        """The newest picture of a camera."""
        content = files.live_picture(self._folder, camera)
        if content is None:
            raise HTTPException(404, f"camera {camera!r}: has no picture yet")
        return Response(content, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    def scores(self, camera: Camera, since: Time = None, until: Time = None) -> Response:
        """The score of a camera over time, of the last hour unless said otherwise."""
        health = self._health(camera)
        begin, end = _span(since, until)
        points = self._store.scores(camera, begin, end, machine=health.machine)
        chosen = self._store.settings(health.machine, camera).threshold
        return _json({"points": points, "threshold": health.threshold if chosen is None else chosen})

    def preview(
        self,
        camera: Camera,
        threshold: Annotated[float, Query(gt=0, le=1e6, allow_inf_nan=False)],
        since: Time = None,
        until: Time = None,
    ) -> Response:
        """Which events another threshold would have raised."""
        health = self._health(camera)
        begin, end = _span(since, until)
        if end - begin > LONGEST_PREVIEW_S:
            raise HTTPException(422, f"since: at most {LONGEST_PREVIEW_S / 86400:.0f} days before until")
        points = self._store.scores(camera, begin, end, machine=health.machine, most=int(end - begin) + 2)
        spans = find_spans([t for t, _ in points], [score for _, score in points], self._events, threshold)
        return _json({"events": [(span.start_s, span.end_s, span.peak_s, span.score) for span in spans]})

    def settings(self, camera: Camera) -> Response:
        """What was set for a camera in the page."""
        health = self._health(camera)
        return _settings(self._store.settings(health.machine, camera), health)

    def change_settings(self, camera: Camera, change: Change) -> Response:
        """Set something for a camera; the watch takes it up within seconds."""
        health = self._health(camera)
        zones = None if change.zones is None else tuple(zone.model_dump(mode="json") for zone in change.zones)
        # What another page sets meanwhile stays.
        self._store.set_settings(
            health.machine, camera, CameraSettings(change.threshold, zones), change.model_fields_set
        )
        return _settings(self._store.settings(health.machine, camera), health)

    def events(
        self,
        camera: str | None = None,
        machine: str | None = None,
        kind: Kind | None = None,
        status: Status | None = None,
        since: Time = None,
        until: Time = None,
        before: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_EVENTS)] = 100,
    ) -> Response:
        """Events, newest first."""
        if before is not None:
            self._event(before)
        found = self._store.events(
            camera=camera,
            machine=machine,
            kind=kind,
            status=status,
            since=since,
            until=until,
            before=before,
            limit=limit,
        )
        return _json([self._shown(event) for event in found])

    def event(self, key: Key) -> Response:
        """One event."""
        return _json(self._shown(self._event(key)))

    def judge(self, key: Key, verdict: Verdict) -> Response:
        """Say of an event whether it was one."""
        self._store.set_status(key, verdict.status)
        return self.event(key)

    def media(self, path: str) -> Response:
        """A picture or clip of an event."""
        file = files.media_file(self._folder, path)
        headers = {"Cache-Control": "private, max-age=86400"}  # its address changes with it
        if file is not None and file.suffix == ".jpg":
            content = files.content(file)
            if content is not None:
                return Response(content, media_type="image/jpeg", headers=headers)
        elif file is not None:
            return FileResponse(file, media_type=files.KINDS[file.suffix], headers=headers)
        raise HTTPException(404, "no such picture or clip; old ones are deleted to keep room")

    def metrics(self) -> Response:
        """Figures for Prometheus."""
        content = prometheus(self._healths(), files.told(self._folder))
        return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")

    def _healths(self) -> list[Health]:
        return files.healths(self._folder)

    def _health(self, camera: str) -> Health:
        health = files.health(self._folder, camera)
        if health is None:
            known = ", ".join(health.camera for health in self._healths()) or "none"
            raise HTTPException(404, f"camera {camera!r}: unknown; the cameras here: {known}")
        return health

    def _event(self, key: str) -> LiveEvent:
        event = self._store.event(key)
        if event is None:
            raise HTTPException(404, f"event {key!r}: unknown; it may be so old that it was deleted")
        return event

    def _shown(self, event: LiveEvent) -> dict[str, Any]:
        return _fields(event) | {
            "headline": title(event),
            "picture_url": files.media_url(self._folder, event.picture),
            "clip_url": files.media_url(self._folder, event.clip),
        }


def title(event: LiveEvent) -> str:
    """An event in a few words."""
    if event.kind == Kind.VIEW_CHANGED:
        return "The camera's view changed"
    return headline(event.reasons) or "Something unusual"


def _span(since: float | None, until: float | None) -> tuple[float, float]:
    end = time.time() if until is None else until
    begin = end - 3600 if since is None else since
    if begin >= end:
        raise HTTPException(422, f"since: {begin:g} is not before until, {end:g}")
    return begin, end


def _settings(chosen: CameraSettings, health: Health) -> Response:
    """What a person set, and the configuration's zones, which count where none are."""
    return _json(_fields(chosen) | {"configured_zones": health.zones})


def _fields(record: CameraSettings | Health | LiveEvent) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def _json(value: Any) -> Response:
    """As JSON, which has no infinite numbers: null in their place."""
    return Response(to_json(value, inf_nan_mode="null"), media_type="application/json")

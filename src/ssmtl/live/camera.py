"""One camera or clip, watched in a thread of its own: its frames scored, its events kept and told."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

from ssmtl.errors import OutputError, SsmtlError
from ssmtl.event_files import marked, write_jpeg
from ssmtl.live.clock import Clock
from ssmtl.live.pace import Rate, Row, Seconds
from ssmtl.live.records import CameraSettings, Health, Kind, LiveEvent, State
from ssmtl.live.sources import Watched
from ssmtl.model import Model
from ssmtl.regions.union import build_detector
from ssmtl.regions.zones import Zone
from ssmtl.report.overlay import Drawing
from ssmtl.report.page import headline
from ssmtl.scoring.event_stream import Decided, EventStream, Happening
from ssmtl.scoring.events import Event
from ssmtl.scoring.stream import FrameResult, score_stream
from ssmtl.scoring.view_change import ViewChange
from ssmtl.tasks.task import FRAMES
from ssmtl.video.files import DEFAULT_RATE
from ssmtl.video.frame import Frame
from ssmtl.video.recorder import Recorder, shrink
from ssmtl.video.sources import open_source, problem_of
from ssmtl.video.streams import Camera, Notice

DRAWN_S = 0.25
"""Seconds between live pictures."""


@dataclass(frozen=True)
class Outlet:
    """Where what a camera's watch finds goes; each is called in the camera's thread and must not raise.

    Attributes:
        folder: of the watch.
        machine: this machine's name.
        put: keeps an event, or what became of it.
        seconds: keeps a second's scores of a camera.
        say: tells people a line.
        recording: whether pictures and films may be written.
        trouble: hears why a picture or film could not be written.
    """

    folder: Path
    machine: str
    put: Callable[[LiveEvent], None]
    seconds: Callable[[str, Row], None]
    say: Callable[[str], None]
    recording: Callable[[], bool] = lambda: True
    trouble: Callable[[OutputError], None] = lambda error: None
    films: bool = True


class CameraWatch(threading.Thread):
    """Watches one camera until it is told to stop, or a clip to its end.

    Attributes:
        failed: why it ended too early, or "".
    """

    def __init__(
        self, watched: Watched, model: Model, outlet: Outlet, clock: Clock, settings: CameraSettings | None = None
    ):
        super().__init__(name=f"ssmtl-{watched.name}", daemon=True)
        self.watched = watched
        self._model = model
        self.settings = settings or CameraSettings()
        self.failed = ""
        self._outlet = outlet
        self._clock = clock
        self._halt = threading.Event()
        self._lock = threading.Lock()
        now = clock.now()
        self._health = Health(
            watched.name,
            outlet.machine,
            watched.shown,
            State.CONNECTING,
            now,
            now,
            recording=outlet.recording(),
            zones=tuple(zone.model_dump(mode="json") for zone in model.configuration.zones),
        )
        self._camera = None if watched.clip else Camera(watched.address, self._heard)
        self._in, self._out = Rate(), Rate()
        self._read = 0
        self._stream = EventStream(model, self._threshold()[0])
        self._open: LiveEvent | None = None
        self._recorder: Recorder | None = None
        self._drawing: tuple[tuple[int, int], Drawing] | None = None
        self._drawn_at = 0.0
        self._seconds = Seconds(lambda row: outlet.seconds(watched.name, row))
        self._rate = DEFAULT_RATE
        self._rate_note: str | None = None
        self._arrived: deque[float] = deque()

    @property
    def settings(self) -> CameraSettings:
        """What a person set for it in the page; may be changed at any time."""
        return self._settings

    @settings.setter
    def settings(self, settings: CameraSettings) -> None:
        chosen, zones = settings.zones, self._model.configuration.zones
        if chosen is not None:
            zones = tuple(Zone.model_validate(zone) for zone in chosen)
        self._settings, self._zones = settings, zones

    def halt(self) -> None:
        """Stop soon: what waits to be scored is left, what happened is written."""
        self._halt.set()
        if self._camera is not None:
            self._camera.close()

    def health(self) -> Health:
        """How it is doing now."""
        camera = self._camera
        with self._lock:
            threshold, said_by = self._threshold()
            counts = camera.counts if camera is not None else None
            self._health = replace(
                self._health,
                updated=self._clock.now(),
                frames_in=counts.frames if counts else self._read,
                dropped=counts.dropped if counts else 0,
                undecodable=counts.undecodable if counts else self._health.undecodable,
                reconnects=counts.reconnects if counts else 0,
                rate_in=round(self._in.per_s(), 2),
                rate_out=round(self._out.per_s(), 2),
                threshold=threshold,
                threshold_from=said_by,
                recording=self._outlet.recording(),
            )
            return self._health

    def run(self) -> None:
        """The thread's work."""
        try:
            for stretch in self._stretches():
                self._watch(stretch)
                if self._halt.is_set():
                    break
            self._change(State.ENDED, "stopped" if self._halt.is_set() else "the end of the file")
        except SsmtlError as error:
            clip = self.watched.clip
            self.failed = str(error) if clip is None else problem_of(clip, error)
            self._change(State.FAILED, self.failed)
            self._outlet.say(f"{self.watched.name}: {self.failed}")
        except Exception as error:  # one camera's trouble must not end the others'
            self.failed = f"{type(error).__name__}: {error}"
            self._change(State.FAILED, self.failed)
            self._outlet.say(f"{self.watched.name}: failed: {self.failed}")
            raise
        finally:
            for happening in self._stream.finish() if not self._halt.is_set() else self._last():
                self._take(happening)
            self._seconds.close()

    def _last(self) -> list[Happening]:
        """What goes on while it is stopped."""
        event = self._stream.events.finish()
        return [] if event is None else [event]

    def _stretches(self) -> Iterator[Iterator[Frame]]:
        if self._camera is not None:
            yield from self._camera.stretches()
            return
        assert self.watched.clip is not None
        source = open_source(self.watched.clip)
        self._rate, self._declared_rate = source.rate, source.declared_rate
        began = time.monotonic()
        self._change(State.ONLINE)

        def frames() -> Iterator[Frame]:
            for frame in source:
                if self._halt.is_set():
                    return
                self._read += 1
                yield replace(frame, time_s=began + frame.time_s)

        yield frames()

    def _watch(self, frames: Iterator[Frame]) -> None:
        """Score one stretch of frames."""
        first = list(islice(frames, FRAMES))
        if not first:
            # Nothing comes any more: what went on when the camera went is over.
            for happening in self._stream.finish():
                self._take(happening)
        # Of a file that is too short it is scoring that says so.
        if not first or self._halt.is_set() or (len(first) < FRAMES and self._camera is not None):
            return
        height, width = first[0].image.shape[:2]
        camera = self._camera
        rate = self._rate if camera is None else camera.rate
        note = self._model.rate_note(self._declared_rate if camera is None else camera.declared_rate)
        if note is not None and note != self._rate_note:
            self._outlet.say(f"{self.watched.name}: {note}")
        self._rate_note = note
        with self._lock:
            self._health = replace(self._health, size=(width, height))
        configuration = self._model.configuration
        detector = build_detector(configuration.detectors, self.watched.name, self._model.scene, 0, self._zones)
        if self._recorder is None or self._recorder.path is None:
            # A film that is being written goes on after the gap, as its event may.
            self._recorder = Recorder(rate)
        results = score_stream(self._counted(chain(first, frames)), self._model, detector)
        try:
            for result in results:
                if self._halt.is_set():
                    break
                self._stream.events.hysteresis.threshold = self._threshold()[0]
                detector.zones = self._zones
                self._out.add()
                with self._lock:
                    self._health = replace(
                        self._health,
                        frames_out=self._health.frames_out + 1,
                        objects=self._health.objects + len(result.regions),
                        score=round(result.score, 4),
                        delay_s=round(max(0.0, time.monotonic() - self._arrived.popleft()), 3),
                    )
                self._draw(result)
                for happening in self._stream.add(result):
                    self._take(happening)
        finally:
            results.close()  # type: ignore[attr-defined]
            self._arrived.clear()
        if not self._halt.is_set():
            for happening in self._stream.flush():
                self._take(happening)

    def _counted(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self._in.add()
            self._arrived.append(time.monotonic() if self._camera is None else frame.time_s)
            yield frame

    def _threshold(self) -> tuple[float, str]:
        if self.settings.threshold is not None:
            return self._model.noted(self.settings.threshold, "set in the page")
        return self._model.threshold(None if self.watched.clip else self._clock.now())

    def _heard(self, notice: Notice) -> None:
        """In the reading thread: the connection came or went."""
        name = self.watched.name
        match notice.kind:
            case "online":
                self._change(State.ONLINE)
                self._outlet.say(f"{name}: online")
            case "offline":
                self._change(State.OFFLINE, f"{notice.problem}; tried again in {notice.retry_s:.0f} s")
                self._outlet.say(f"{name}: offline: {notice.problem}; tried again in {notice.retry_s:.0f} s")
            case "connecting":
                if self._health.state is not State.OFFLINE:
                    self._change(State.CONNECTING)

    def _change(self, state: State, message: str = "") -> None:
        with self._lock:
            since = self._health.since if state is self._health.state else self._clock.now()
            self._health = replace(self._health, state=state, since=since, message=message)

    def _take(self, happening: Happening) -> None:
        match happening:
            case Decided():
                self._decided(happening)
            case Event():
                self._ended(happening)
            case ViewChange():
                self._view_changed(happening)

    def _decided(self, decided: Decided) -> None:
        result, frame = decided.result, decided.result.frame
        self._hold(self._stream.view.changing or decided.held)
        if self._outlet.films:
            self._record(lambda recorder: recorder.add(frame.image, frame.time_s))
        self._seconds.add(int(self._clock.unix(frame.time_s)), result, decided.held)
        now = self._stream.events.so_far() if self._open is None and self._stream.events.hysteresis.goes_on else None
        if now is not None:
            self._open = self._live(now, None)
            with self._lock:
                self._health = replace(self._health, alarms=self._health.alarms + 1)
            path = self._file(self._open, "mp4")
            if self._outlet.films:
                self._record(lambda recorder: recorder.begin(path))
            self._open = replace(self._open, picture=self._picture(self._open, now))
            self._outlet.put(self._open)
            self._outlet.say(f"{self.watched.name}: {headline(now.reasons) or 'Unusual'}, score {now.span.score:.2f}")

    def _ended(self, event: Event) -> None:
        began, self._open = self._open, None
        live = self._live(event, began)
        live = replace(live, picture=self._picture(live, event) or (began.picture if began else None))
        film: list[Path | None] = [None]

        def end(recorder: Recorder) -> None:
            film[0] = recorder.end()

        self._record(end)
        if film[0] is not None:
            live = replace(live, clip=film[0].relative_to(self._outlet.folder).as_posix())
        self._outlet.put(live)

    def _view_changed(self, change: ViewChange) -> None:
        unix = self._clock.unix
        start = unix(change.start_s)
        live = LiveEvent(
            self._key(start),
            self._outlet.machine,
            self.watched.name,
            Kind.VIEW_CHANGED,
            start,
            unix(change.end_s),
            start,
            0.0,
            0.0,
            self._health.size,
        )
        self._outlet.put(live)
        self._outlet.say(
            f"{self.watched.name}: the view changed; alarms were held for {change.end_s - change.start_s:.1f} s"
        )

    def _live(self, event: Event, began: LiveEvent | None) -> LiveEvent:
        """The event as it is kept; with `began`, what that one became."""
        unix, span = self._clock.unix, event.span
        start = began.start if began else unix(span.start_s)
        return LiveEvent(
            began.key if began else self._key(start),
            self._outlet.machine,
            self.watched.name,
            Kind.ANOMALY,
            start,
            # A clock that was set back meanwhile must not end it before it began.
            None if self._stream.events.hysteresis.begun is span else max(start, unix(span.end_s)),
            unix(span.peak_s),
            span.score,
            span.threshold,
            self._health.size,
            event.box,
            event.reasons,
            tuple((unix(p.time_s), p.box, p.score) for p in event.track),
        )

    def _key(self, start: float) -> str:
        return f"{self.watched.name}-{datetime.fromtimestamp(start):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"

    def _file(self, event: LiveEvent, ending: str) -> Path:
        day = f"{datetime.fromtimestamp(event.start):%Y-%m-%d}"
        return self._outlet.folder / "media" / self.watched.name / day / f"{event.key}.{ending}"

    def _picture(self, live: LiveEvent, event: Event) -> str | None:
        if not self._outlet.recording() or event.picture is None or event.box is None:
            return None
        path = self._file(live, "jpg")
        try:
            write_jpeg(path, marked(event.picture, event.box, event.track[event.best].score))
        except OutputError as error:
            self._outlet.trouble(error)
            return None
        return path.relative_to(self._outlet.folder).as_posix()

    def _record(self, act: Callable[[Recorder], object]) -> None:
        """Let the recorder do something; where it cannot, detection goes on."""
        if self._recorder is None:
            return
        if not self._outlet.recording() and self._recorder.path is None:
            return
        try:
            act(self._recorder)
        except OutputError as error:
            self._outlet.trouble(error)

    def _hold(self, held: bool) -> None:
        if held and self._health.state is State.ONLINE:
            self._change(State.HOLDING, "the whole picture changed; alarms wait until it is settled")
        elif not held and self._health.state is State.HOLDING:
            self._change(State.ONLINE)

    def _draw(self, result: FrameResult) -> None:
        """The newest picture, for the page, some times a second."""
        now = time.monotonic()
        if now - self._drawn_at < DRAWN_S:
            return
        self._drawn_at = now
        small = shrink(result.frame.image)
        size = (small.shape[1], small.shape[0])
        if self._drawing is None or self._drawing[0] != size:
            self._drawing = (size, Drawing(*size, [part.words for part in self._model.parts]))
        boxes = result.regions.boxes * (small.shape[1] / result.frame.image.shape[1])
        at = datetime.fromtimestamp(self._clock.unix(result.frame.time_s))
        clock = at.hour * 3600 + at.minute * 60 + at.second
        drawn = self._drawing[1].draw(small, boxes, result.object_scores, result.task_scores, result.score, clock)
        with suppress(OutputError):
            write_jpeg(self._outlet.folder / "live" / f"{self.watched.name}.jpg", drawn)

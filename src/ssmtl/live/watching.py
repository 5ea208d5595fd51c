"""`ssmtl watch`: several cameras and clips at once, their events kept and told, until it is stopped."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ssmtl import __version__
from ssmtl.atomic import write_json
from ssmtl.errors import OutputError
from ssmtl.live.camera import CameraWatch, Outlet
from ssmtl.live.clock import Clock
from ssmtl.live.dispatcher import Dispatcher
from ssmtl.live.records import TOLD, Health, LiveEvent, about_watch, known_machine
from ssmtl.live.retention import Retention
from ssmtl.live.sources import Watched
from ssmtl.live.store import Store
from ssmtl.model import Model

TICK_S = 1.0
"""Between two looks at the cameras: health written, page's settings read, events kept that could not be."""

NEXT_S = 0.1
"""Between two looks whether a clip is over, so that the next can begin."""

SWEEP_S = 60.0
"""Between two looks at the disk; where recording rests, a tenth of it."""

DAY_S = 86400.0

STOP_S = 4.0
"""How long cameras may take to stop."""

MOST_CLIPS = 4
"""Clips that are looked at at once; the next begins as one ends."""

LOCK = ".lock"
"""In the folder; held while the watch lives."""

MOST_UNKEPT = 1000
"""Events that wait in memory for a database that does not answer."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a watch keeps what it finds.

    Attributes:
        machine: this machine's name, by which several that share a database are told apart.
        films: whether events get films.
        keep_days: age at which events, scores and films are deleted; None = never.
        media_gb: space that pictures and films may take; None = any.
        free_gb: space that the disk keeps free.
    """

    machine: str = ""
    films: bool = True
    keep_days: float | None = 30.0
    media_gb: float | None = 10.0
    free_gb: float = 1.0


class Watch:
    """Cameras that are watched; `run` returns when all clips are over or it is told to stop.

    Attributes:
        cameras: one thread each.
    """

    def __init__(
        self,
        watched: Sequence[Watched],
        model: Model,
        folder: Path,
        store: Store,
        dispatcher: Dispatcher,
        options: WatchOptions,
        say: Callable[[str], None] = lambda line: None,
    ):
        """Make ready to watch into `folder`; nothing is connected yet.

        Raises:
            OutputError: the folder cannot be written, or another watch writes into it.
            ConfigError: the model's engine cannot be had.
        """
        self._taken = _take(folder)
        self._folder, self._store, self._dispatcher, self._say = folder, store, dispatcher, say
        self._machine = options.machine or known_machine(folder) or socket.gethostname()
        self._clock = Clock()
        self._stop, self._closing = threading.Event(), threading.Event()
        self._lost = 0
        self._lock = threading.Lock()
        self._sweeping = threading.Lock()
        self._unkept: dict[str, LiveEvent] = {}
        self._seconds: dict[str, list[tuple[int, float, float, int]]] = {}
        self._keeping_fails = False
        self._recording = True
        self._options = options
        self._retention = self._make_retention(options.keep_days)
        self._retention_problem = ""
        self._over: set[CameraWatch] = set()
        model.shared_engine  # noqa: B018 - chosen and made before there are threads
        for part in ("live", "media"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        outlet = Outlet(
            folder, self._machine, self._put, self._keep_second, say, lambda: self._recording, self._disk_trouble,
            options.films,
        )  # fmt: skip
        self.cameras = [CameraWatch(one, model, outlet, self._clock) for one in watched]
        write_json(folder / "watch.json", self._about(watched, model))

    def _make_retention(self, keep_days: float | None) -> Retention:
        media_gb, free_gb = self._options.media_gb, self._options.free_gb
        return Retention(self._folder, self._store, self._machine, days=keep_days, media_gb=media_gb, free_gb=free_gb)

    def _about(self, watched: Sequence[Watched], model: Model) -> dict[str, Any]:
        calibration = model.calibration
        return {
            "ssmtl": __version__,
            "machine": self._machine,
            "began": self._clock.now(),
            "since": self._since(model),
            "model": model.identity,
            "score_identity": model.score_identity,
            "configuration": model.configuration.model_dump(mode="json"),
            "calibration": None if calibration is None else calibration.dump(),
            "cameras": [{"name": one.name, "source": one.shown} for one in watched],
        }

    def _since(self, model: Model) -> float:
        """When scores as these were first recorded here: those of another model or other settings do not compare."""
        before = about_watch(self._folder)
        since, same = before.get("since"), before.get("score_identity") == model.score_identity
        return float(since) if same and isinstance(since, int | float) else self._clock.now()

    def stop(self) -> None:
        """Stop soon; may be called from a signal's handler."""
        self._stop.set()

    def run(self) -> None:
        """Watch until all clips are over or `stop` is called; what happened is written when it returns."""
        with suppress(OutputError):
            # A run that was killed left events that go on; who was told that they began is told that they ended.
            for event in self._store.end_abandoned(self._machine):
                self._dispatcher.send(event)
        self._sweep()
        self._start_some()
        keeper = threading.Thread(target=self._keep_on, name="ssmtl-keeper", daemon=True)
        keeper.start()
        ticked = time.monotonic()
        try:
            while not self._stop.wait(NEXT_S):
                self._start_some()
                if all(camera.ident is not None and not camera.is_alive() for camera in self.cameras):
                    break
                if time.monotonic() - ticked >= TICK_S:
                    ticked = time.monotonic()
                    self._tick()
        finally:
            self._finish(keeper)

    def _keep_on(self) -> None:
        """A thread of its own: a database or a disk that does not answer holds up neither cameras nor their health."""
        swept, problem, last = time.monotonic(), "", False
        while not last:
            last = self._closing.wait(TICK_S)
            try:
                self._read_settings([camera for camera in self.cameras if camera.is_alive()])
                self._keep()
                if time.monotonic() - swept > (SWEEP_S if self._recording else SWEEP_S / 10):
                    swept = time.monotonic()
                    self._sweep()
            except Exception as error:  # what was not foreseen must not end the keeping
                before, problem = problem, f"{type(error).__name__}: {error}"
                if problem != before:
                    self._say(f"keeping failed: {problem}")

    def _start_some(self) -> None:
        """All cameras at once, and of clips a few at a time: a folder may hold thousands."""
        waiting = [camera for camera in self.cameras if camera.ident is None]
        room = MOST_CLIPS - sum(camera.watched.clip is not None and camera.is_alive() for camera in self.cameras)
        starting = [camera for camera in waiting if camera.watched.clip is None]
        starting += [camera for camera in waiting if camera.watched.clip is not None][:room]
        self._read_settings(starting)
        for camera in starting:
            camera.start()

    def _running(self) -> list[CameraWatch]:
        """Cameras that run, or have ended since they were last asked for: of many clips, most wait or are over."""
        running = [camera for camera in self.cameras if camera.ident is not None and camera not in self._over]
        self._over |= {camera for camera in running if not camera.is_alive()}
        return running

    def healths(self) -> list[Health]:
        """How the cameras are doing."""
        return [camera.health() for camera in self.cameras]

    def _tick(self) -> None:
        jump = self._clock.check()
        if jump:
            self._say(f"the clock was set by {jump:+.0f} s; what is measured goes on")
            if jump > DAY_S:
                # A clock that is wrong must not delete what is not old.
                self._retention = self._make_retention(keep_days=None)
                self._say("nothing is deleted by age until the watch is started again")
        self._write_health(self._running())
        self._write_told()

    def _write_told(self) -> None:
        if counts := self._dispatcher.counts:
            with suppress(OutputError):
                write_json(self._folder / TOLD, counts)

    def _finish(self, keeper: threading.Thread) -> None:
        for camera in self.cameras:
            camera.halt()
        until = time.monotonic() + STOP_S
        for camera in self.cameras:
            if camera.ident is None:
                continue
            camera.join(max(0.0, until - time.monotonic()))
            if camera.is_alive():
                self._say(f"{camera.watched.name}: did not stop in time")
        self._closing.set()
        self._write_health([camera for camera in self.cameras if camera.ident is not None])
        self._dispatcher.close(max(0.2, until - time.monotonic()))
        self._write_told()
        keeper.join(max(0.5, until - time.monotonic()))
        with self._lock:
            unkept = len(self._unkept)
        if unkept:
            self._say(f"{unkept} events were not kept: the database did not answer in time")
        for receiver, (_, _, lost) in self._dispatcher.counts.items():
            if lost:
                self._say(f"{receiver}: was not told {lost} messages")
        self._taken.release()

    def _write_health(self, cameras: Sequence[CameraWatch]) -> None:
        for camera in cameras:
            health = camera.health()
            with suppress(OutputError):
                write_json(self._folder / "live" / f"{health.camera}.json", asdict(health))

    def _read_settings(self, cameras: Iterable[CameraWatch]) -> None:
        # A database that does not answer changes nothing (nor would it answer for the others), and no page wrote a row
        # that cannot be read.
        with suppress(OutputError):
            for camera in cameras:
                with suppress(ValueError):
                    camera.settings = self._store.settings(self._machine, camera.watched.name)

    def _put(self, event: LiveEvent) -> None:
        with self._lock:
            self._unkept[event.key] = event
            while len(self._unkept) > MOST_UNKEPT:
                self._unkept.pop(next(iter(self._unkept)))
                self._lost += 1
        # It is kept at the next tick: a camera does not wait for a database.
        self._dispatcher.send(event)

    def _keep_second(self, camera: str, row: tuple[int, float, float, int]) -> None:
        with self._lock:
            rows = self._seconds.setdefault(camera, [])
            rows.append(row)
            del rows[: -3600 * 6]

    def _keep(self) -> None:
        """Bring to the database what waits for it."""
        with self._lock:
            events, seconds = dict(self._unkept), {camera: list(rows) for camera, rows in self._seconds.items() if rows}
        try:
            for event in events.values():
                self._store.put(event)
            for camera, rows in seconds.items():
                self._store.add_scores(self._machine, camera, rows)
        except OutputError as error:
            if not self._keeping_fails:
                self._say(f"events wait in memory: {error}")
            self._keeping_fails = True
            return
        if self._keeping_fails:
            with self._lock:
                lost, self._lost = self._lost, 0
            self._say(f"events are kept again{f', {lost} were lost: too many waited' if lost else ''}")
        self._keeping_fails = False
        with self._lock:
            for key, event in events.items():
                if self._unkept.get(key) is event:
                    del self._unkept[key]
            for camera, rows in seconds.items():
                del self._seconds[camera][: len(rows)]

    def _sweep(self) -> None:
        # By one thread at a time; what the others would find, it finds.
        if not self._sweeping.acquire(blocking=False):
            return
        try:
            self._sweep_now()
        finally:
            self._sweeping.release()

    def _sweep_now(self) -> None:
        swept = self._retention.sweep(self._clock.now())
        if swept.problem and not self._retention_problem:
            self._say(f"old events stay: {swept.problem}")
        self._retention_problem = swept.problem
        if swept.recording != self._recording:
            self._recording = swept.recording
            self._say(
                "pictures and films are recorded again"
                if swept.recording
                else "the disk is full: pictures and films rest, detection goes on"
            )

    def _disk_trouble(self, error: OutputError) -> None:
        """A picture or film could not be written: make room now, or rest."""
        if self._recording:
            self._say(str(error))
            self._sweep()


def _take(folder: Path) -> FileLock:
    """Keep other watches from writing into `folder` while this one lives."""
    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(f"{folder}: another `ssmtl watch` writes into it; name another folder with --out") from error
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error}); choose another place") from error
    return lock


def failures(watch: Watch) -> list[str]:
    """Why cameras ended too early."""
    return [f"{camera.watched.name}: {camera.failed}" for camera in watch.cameras if camera.failed]

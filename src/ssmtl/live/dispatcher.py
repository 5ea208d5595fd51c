"""Tells events to several sinks, each from a thread of its own, in order, again and again where one does not answer."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from ssmtl.errors import OutputError
from ssmtl.live.records import LiveEvent
from ssmtl.live.sinks import RefusedError, Sink, message_of
from ssmtl.video.addresses import hide_in

MOST = 1000
"""Events that may wait for a sink; of more the oldest are lost, and counted."""

LONGEST_WAIT_S = 60.0
"""Between two tries: 1, 2, 4 ... seconds, up to this."""

GIVEN_UP_S = 3600.0
"""An event that was tried for so long is lost, and counted."""


class Dispatcher:
    """Tells events; never makes who sends them wait.

    Args:
        sinks: who is told.
        on_problem: called with a line for people when a sink begins to fail and when it is well again, from a thread.
        first_wait_s: before the second try.
        most, given_up_s: see `MOST`, `GIVEN_UP_S`.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        on_problem: Callable[[str], None] = lambda text: None,
        first_wait_s: float = 1.0,
        *,
        most: int = MOST,
        given_up_s: float = GIVEN_UP_S,
    ):
        self._lines: dict[str, _Line] = {}
        times: Counter[str] = Counter()
        for sink in sinks:
            times[sink.name] += 1
            # Two webhooks of one host have one name.
            name = sink.name if times[sink.name] == 1 else f"{sink.name} ({times[sink.name]})"
            self._lines[name] = _Line(sink, on_problem, first_wait_s, most, given_up_s)

    @property
    def sent(self) -> dict[str, int]:
        """Messages taken, by sink."""
        return {name: line.sent for name, line in self._lines.items()}

    @property
    def failed(self) -> dict[str, int]:
        """Tries that failed, by sink."""
        return {name: line.failed for name, line in self._lines.items()}

    @property
    def lost(self) -> dict[str, int]:
        """Messages given up, by sink: too many waited, none took them for too long, or there was no more time."""
        return {name: line.lost for name, line in self._lines.items()}

    @property
    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Messages taken, tries that failed and messages given up, by sink."""
        return {name: (line.sent, line.failed, line.lost) for name, line in self._lines.items()}

    def send(self, event: LiveEvent) -> None:
        """Tell an event, as it is now, to every sink."""
        for line in self._lines.values():
            line.put(event)

    def close(self, timeout_s: float) -> None:
        """Give what waits a last chance within that time, and stop; what is left then counts as lost."""
        until = time.monotonic() + timeout_s
        for line in self._lines.values():
            line.finish(until)
        for line in self._lines.values():
            line.thread.join(max(0.0, until - time.monotonic()))
        for line in self._lines.values():
            line.abandon()


class _Line:
    """The events that wait for one sink; the first is taken out of the line while it is told."""

    def __init__(
        self, sink: Sink, on_problem: Callable[[str], None], first_wait_s: float, most: int, given_up_s: float
    ):
        self._sink, self._on_problem = sink, on_problem
        self._first_wait_s, self._most, self._given_up_s = first_wait_s, most, given_up_s
        self.sent = self.failed = self.lost = 0
        self._waiting: deque[LiveEvent] = deque()
        self._now: LiveEvent | None = None
        self._news = threading.Condition()
        self._until: float | None = None
        self._over = False
        self._troubled = False
        self._wait_s = first_wait_s
        self.thread = threading.Thread(target=self._run, name=f"ssmtl-to-{sink.name}", daemon=True)
        self.thread.start()

    def put(self, event: LiveEvent) -> None:
        with self._news:
            if self._until is not None:
                self.lost += 1
                return
            if len(self._waiting) >= self._most:
                self._waiting.popleft()
                self.lost += 1
            self._waiting.append(event)
            self._news.notify_all()

    def finish(self, until: float) -> None:
        with self._news:
            if self._until is None:
                self._until = until
            self._news.notify_all()

    def abandon(self) -> None:
        """What is not told by now is lost; once."""
        with self._news:
            if not self._over:
                self._over = True
                self.lost += len(self._waiting) + (self._now is not None)
                self._waiting.clear()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._until is not None)
                if not self._waiting:
                    break
                self._now = self._waiting.popleft()
            if not self._tell(self._now):
                break
        self.abandon()
        with suppress(Exception):
            self._sink.close()

    def _tell(self, event: LiveEvent) -> bool:
        """Tell an event, as often as it takes; False where there is no more time."""
        message, since = message_of(event), time.monotonic()
        while True:
            refused = False
            try:
                self._sink.send(event, message)
            except Exception as error:  # a sink that someone else wrote must not end the telling
                refused = isinstance(error, RefusedError)
                self._fails(error, refused)
            else:
                self._is_well()
                self._settle(sent=True)
                return True
            if refused or time.monotonic() - since > self._given_up_s:
                self._settle(sent=False)
                return True
            if not self._pause():
                return False

    def _pause(self) -> bool:
        """Wait before the next try, longer each time, but not when it is the last chance; False where time is up."""
        with self._news:
            closing = self._until
            if closing is None:
                self._news.wait_for(lambda: self._until is not None, self._wait_s)
                self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
                return True
        left = closing - time.monotonic()
        time.sleep(max(0.0, min(self._first_wait_s, left)))
        return left > 0

    def _settle(self, sent: bool) -> None:
        with self._news:
            # Where `abandon` came first, it has been counted.
            if not self._over:
                self.sent += sent
                self.lost += not sent
            self._now = None

    def _fails(self, error: Exception, refused: bool) -> None:
        self.failed += 1
        if not self._troubled:
            known = isinstance(error, OutputError)
            text = str(error) if known else f"{self._sink.name}: {type(error).__name__}: {error}"
            self._say(hide_in(text) + ("" if refused else "; tried again until it is taken"))
        self._troubled = True

    def _is_well(self) -> None:
        self._wait_s = self._first_wait_s
        if self._troubled:
            self._troubled = False
            self._say(f"{self._sink.name}: takes events again" + (f", {self.lost} were lost" if self.lost else ""))

    def _say(self, text: str) -> None:
        # Whoever listens may be gone already.
        with suppress(Exception):
            self._on_problem(text)

"""A watch that runs in a thread while a test looks at it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ssmtl.live.dispatcher import Dispatcher
from ssmtl.live.records import Health, Kind, LiveEvent
from ssmtl.live.sinks import Sink
from ssmtl.live.sources import Watched
from ssmtl.live.store import Store, open_store
from ssmtl.live.watching import Watch, WatchOptions
from ssmtl.model import Model

MACHINE = "here"


@dataclass
class Running:
    """A watch that goes on in a thread."""

    watch: Watch
    store: Store
    folder: Path
    lines: list[str] = field(default_factory=list)

    def health(self) -> Health:
        return self.watch.healths()[0]

    def events(self, kind: Kind = Kind.ANOMALY) -> list[LiveEvent]:
        return self.store.events(kind=kind)[::-1]

    def until(self, condition: Callable[[], object], seconds: float = 20) -> float:
        """Wait for a condition; how long it took."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < seconds, (self.lines, self.health())
            time.sleep(0.05)
        return time.monotonic() - began


@contextmanager
def watching(
    folder: Path, watched: list[Watched], model: Model, sinks: Sequence[Sink] = (), **options: object
) -> Iterator[Running]:
    folder.mkdir(parents=True, exist_ok=True)
    store = open_store(folder, None)
    lines: list[str] = []
    watch = Watch(
        watched,
        model,
        folder,
        store,
        Dispatcher(sinks, lines.append),
        WatchOptions(machine=MACHINE, **options),
        lines.append,
    )
    thread = threading.Thread(target=watch.run)
    running = Running(watch, store, folder, lines)
    thread.start()
    try:
        yield running
    finally:
        began = time.monotonic()
        watch.stop()
        thread.join(10)
        took = time.monotonic() - began
        store.close()
        assert not thread.is_alive() and took < 5, f"stopping took {took:.1f} s"

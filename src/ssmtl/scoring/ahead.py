"""Stages that overlap: a stream that is worked on in a thread of its own, a few items ahead of who reads it.

What decodes, finds regions, cuts crops and multiplies matrices leaves Python's lock alone, so threads are enough.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

CHECKED_S = 0.05
"""How often a waiting stage looks whether it is to stop."""


class _End:
    """The end of a stream: by itself, or by an error."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


def ahead(make: Callable[[], Iterator[T]], depth: int, name: str) -> Iterator[T]:
    """The items of `make()`, which is made and read in a thread, at most `depth` items ahead of the reader.

    An error in it is raised here, at the place in the order where it came. When the reader stops (closes this
    generator, or is ended by an error of its own), the thread closes its stream and ends; a stage is waited for no
    longer than it takes for one item.
    """
    items: queue.Queue[T | _End] = queue.Queue(maxsize=max(1, depth))
    stop = threading.Event()

    def put(item: T | _End) -> bool:
        while not stop.is_set():
            try:
                items.put(item, timeout=CHECKED_S)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        end = _End()
        stream: Iterator[T] | None = None
        try:
            stream = make()
            for item in stream:
                if not put(item):
                    break
        except BaseException as error:  # the reader's to handle, whatever it is
            end = _End(error)
        finally:
            # Stages before this one stop with it.
            close = getattr(stream, "close", None)
            if close is not None:
                close()
        put(end)

    worker = threading.Thread(target=work, name=f"ssmtl-{name}", daemon=True)
    worker.start()
    try:
        while True:
            item = items.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stop.set()
        worker.join()

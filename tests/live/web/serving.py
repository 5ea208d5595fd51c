"""A server of the page that tests can stop and start again, and waiting for what comes about."""

import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI


class Serving:
    """Serves an application in a thread.

    Attributes:
        url: where.
    """

    def __init__(self, app: FastAPI):
        self._app, self._port = app, 0
        self.start()
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Begin, or begin again at the same place."""
        config = uvicorn.Config(self._app, host="127.0.0.1", port=self._port, log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        self._port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        """End; connections that are open are closed."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)


def place(page: Any, selector: str) -> dict[str, float]:
    """Where something is; the live picture is another element four times a second, and a gone one has no place."""
    found: list[dict[str, float]] = []

    def is_there() -> bool:
        box = page.locator(selector).bounding_box()
        if box is not None:
            found.append(box)
        return box is not None

    until(is_there)
    return found[0]


def until(check: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "did not come about"
        time.sleep(0.05)

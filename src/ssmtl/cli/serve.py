"""`ssmtl serve`."""

import json
import secrets
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssmtl.cli import options
from ssmtl.config import parse
from ssmtl.errors import ConfigError, DataError, OutputError
from ssmtl.scoring.events import EventSettings

if TYPE_CHECKING:
    from ssmtl.live.store import Store

LOCAL = ("127.0.0.1", "localhost", "::1")
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")

Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="Of the web page.")]
Host = Annotated[
    str,
    typer.Option("--host", help="Address of this machine on which the page is served; others than it need --token."),
]
Token = Annotated[
    str | None,
    typer.Option("--token", envvar="SSMTL_TOKEN", help="Password of the page; `new` makes one and tells it."),
]


class Server:
    """The web page, served from a thread.

    Attributes:
        address: what to open in a browser.
    """

    def __init__(self, server: Any, address: str):
        self._server = server
        self.address = address
        self._thread = threading.Thread(target=server.run, name="ssmtl-page", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(2)

    def wait(self) -> None:
        """Until it is stopped."""
        while self._thread.is_alive():
            time.sleep(0.2)


def start(folder: Path, store: "Store", host: str, port: int, token: str | None) -> Server:
    """Serve the page of a watch's folder.

    Raises:
        ConfigError: what it needs is not installed, or it would be open to others without a token.
        OutputError: the port is taken.
    """
    try:
        import uvicorn

        from ssmtl.live.web.app import create_app
    except ImportError as error:
        raise ConfigError(f"the web page needs {error.name}; install with: pip install -e '.[live]'") from error
    if host not in LOCAL and not token:
        raise ConfigError(f"--host {host}: others could see the cameras; give a password: --token new")
    if token == "new":
        token = secrets.token_urlsafe(16)
        options.console.print(f"token of the page: {token}", highlight=False, markup=False)
    # A page that is open to others is guarded by its token, whatever name of this machine they use.
    allowed = LOCAL_HOSTS if host in LOCAL else (*LOCAL_HOSTS, host)
    events = _event_settings(folder)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OutputError(f"--port {port}: cannot be used on {host} ({error.strerror}); name another") from error
    config = uvicorn.Config(
        create_app(folder, store, token=token, hosts=allowed, events=events),
        host=host,
        port=port,
        log_level="warning",
        limit_concurrency=100,
        ws="none",
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    shown = f"[{host}]" if ":" in host else host
    return Server(server, f"http://{shown}:{port}/")


def _event_settings(folder: Path) -> EventSettings:
    """How the watch of a folder makes events, for the page to say what another threshold would have raised."""
    file = folder / "watch.json"
    try:
        values = json.loads(file.read_text(encoding="utf-8"))["configuration"]["events"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file}: is not what `ssmtl watch` wrote ({error}); watch again, or name its --out") from error
    return parse(EventSettings, values, f"{file}, configuration.events")


def serve(
    folder: Annotated[Path, typer.Argument(help="Folder of `ssmtl watch`.")] = Path("watch"),
    store: Annotated[
        str | None, typer.Option("--store", help="The watch's database, where it is no file of it.")
    ] = None,
    port: Port = 8080,
    host: Host = "127.0.0.1",
    token: Token = None,
) -> None:
    """Show the web page of a watch: live pictures, scores, events; Ctrl-C ends it."""
    from ssmtl.live.store import open_store

    if not (folder / "watch.json").is_file():
        raise DataError(f"{folder}: is no folder of `ssmtl watch`; watch something first, or name its --out")
    database = open_store(folder, store)
    try:
        server = start(folder, database, host, port, token)
        options.console.print(f"page: {server.address} (Ctrl-C ends it)", highlight=False, markup=False)
        try:
            server.wait()
        except KeyboardInterrupt:
            server.stop()
    finally:
        database.close()

"""Real servers for tests: PostgreSQL, mosquitto and a web server; started on free ports, gone afterwards."""

import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

PATIENCE_S = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Any, what: str, patience_s: float = PATIENCE_S) -> None:
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until, f"{what}: not within {patience_s:g} s"
        time.sleep(0.02)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def program(name: str, *folders: str) -> str:
    """A server's program, also where it is on no user's PATH; skips the test where it is not installed."""
    places = [*sorted(str(path) for folder in folders for path in Path("/").glob(folder)), os.environ["PATH"]]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install postgresql mosquitto)")
    return found


class Postgres:
    """A PostgreSQL of its own; `password` is that of its user `watcher`."""

    def __init__(self, folder: Path):
        binaries = "usr/lib/postgresql/*/bin"
        self._initdb, self._ctl = program("initdb", binaries), program("pg_ctl", binaries)
        self.folder, self.port, self.password = folder, free_port(), f"pw-{secrets.token_hex(6)}"
        # Root may not run it; only then is there someone else to be.
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(folder, "postgres")
        word = folder / "password"
        word.write_text(self.password)
        self._run(self._initdb, "-D", str(folder / "data"), "-U", "watcher", "-E", "UTF8", "-A", "scram-sha-256",
                  f"--pwfile={word}", "--locale=C.UTF-8", "--no-sync")  # fmt: skip

    def _run(self, *command: str) -> None:
        done = subprocess.run([*self._as, *command], cwd="/", capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -c unix_socket_directories={self.folder}"
        log = str(self.folder / "log")
        # Without files of ours: the server would keep the pipe of its output open, and we would wait for it.
        self._run("/bin/sh", "-c", '"$0" -D "$1" -w -l "$2" -o "$3" start >/dev/null 2>&1 </dev/null', self._ctl,
                  str(self.folder / "data"), log, options)  # fmt: skip

    def stop(self) -> None:
        self._run(self._ctl, "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def address(self, name: str, password: str | None = None) -> str:
        return f"postgresql://watcher:{password or self.password}@127.0.0.1:{self.port}/{name}"

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"watch_{secrets.token_hex(4)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return self.address(name)


@contextmanager
def postgres() -> Iterator[Postgres]:
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no runuser to become someone else")
    # Not pytest's folder, which others than root may not enter.
    folder = Path(tempfile.mkdtemp(prefix="ssmtl-pg-"))
    try:
        server = Postgres(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    paths = folder / "certificate.pem", folder / "key.pem"
    command = [
        program("openssl"),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-days", "2", "-subj", "/CN=ssmtl-test", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(command, check=True, capture_output=True, timeout=20)
    return paths


class Mosquitto:
    """An MQTT broker that can be killed and started again; with a password it lets no one else in.

    With `tls`, its own certificate and key, it speaks nothing else.
    """

    def __init__(self, folder: Path, password: str | None = None, tls: tuple[Path, Path] | None = None):
        self._program = program("mosquitto", "usr/sbin")
        self.port = free_port()
        # What a listener asked for outlives a kill: otherwise the first events after it would find no one there.
        lines = [f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {folder}/"]
        lines += ["autosave_on_changes true", "autosave_interval 1", "log_dest none"]
        if tls is not None:
            lines += [f"certfile {tls[0]}", f"keyfile {tls[1]}"]
        if os.geteuid() == 0:
            # Else it would give up its rights to this folder.
            lines.append("user root")
        if password is None:
            lines.append("allow_anonymous true")
        else:
            words = folder / "words"
            tool = program("mosquitto_passwd", "usr/bin")
            subprocess.run([tool, "-b", "-c", str(words), "watcher", password], check=True, timeout=20)
            lines += ["allow_anonymous false", f"password_file {words}"]
        self._settings = folder / "mosquitto.conf"
        self._settings.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: answers(self.port), "mosquitto")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(PATIENCE_S)
            self._process = None


class Listener:
    """Hears what a broker is told, and comes back when the broker does."""

    def __init__(self, port: int, password: str | None = None, trusted: Path | None = None):
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._ready = threading.Event()
        # A session that outlives the connection: what comes while it is away is kept for it by the broker.
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        if password is not None:
            self._client.username_pw_set("watcher", password)
        if trusted is not None:
            self._client.tls_set(str(trusted))
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *rest: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *rest: self._ready.set()
        self._client.on_message = lambda client, data, message: self.heard.append(
            (message.topic, json.loads(message.payload))
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.wait()

    def wait(self) -> None:
        """Until it listens, again."""
        assert self._ready.wait(PATIENCE_S), "the broker takes no subscription"
        self._ready.clear()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Receiver:
    """A web server that answers posts with the given statuses in turn, then with the last for ever.

    Attributes:
        heard: path, headers and JSON of every post.
    """

    def __init__(self, statuses: Sequence[int] = (204,), tls: tuple[Path, Path] | None = None):
        self.heard: list[tuple[str, dict[str, str], Any]] = []
        left = list(statuses)
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((self.path, dict(self.headers), json.loads(content)))
                self.send_response(left.pop(0) if len(left) > 1 else left[0])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *rest: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE_S)

"""Where events are told: JSON lines, a webhook, MQTT."""

import json
import math
import os
import re
import secrets
import ssl
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from ssmtl.errors import ConfigError, OutputError
from ssmtl.live.records import Kind, LiveEvent
from ssmtl.report.page import headline
from ssmtl.video.addresses import hide_in, hide_password

ANSWER_S = 10.0
"""How long a receiver may take to answer."""

POINTS = 20
"""Of an event's track that a message carries, at most."""

LINES = (".jsonl", ".ndjson", ".json")
"""Endings by which a name without a folder is known to be a file."""

NEVER_TAKEN = (400, 413, 415, 422)
"""Answers of a web server that mean this message, and will be the same when it comes again."""

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
TRUST = "its certificate is not trusted; name the file of the authority that signed it in SSL_CERT_FILE"

Message = Mapping[str, Any]


class Sink(Protocol):
    """Takes one message after the other, from one thread.

    Attributes:
        name: for people, without a password.
    """

    name: str

    def send(self, event: LiveEvent, message: Message) -> None:
        """Tell an event; returns when it has been taken.

        Raises:
            OutputError: it was not.
            RefusedError: it was not and never will be.
        """
        ...

    def close(self) -> None:
        """Let go of the receiver."""
        ...


class RefusedError(OutputError):
    """A message that its receiver will not take, however often it comes."""


def message_of(event: LiveEvent) -> dict[str, Any]:
    """An event as JSON takes it: Unix times and ISO 8601, the track thinned; null for what is no finite number."""

    def iso(time: float | None) -> str | None:
        return None if time is None else datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")

    step = -(-len(event.track) // POINTS) or 1
    title = "The camera's view changed" if event.kind == Kind.VIEW_CHANGED else headline(event.reasons)
    return {
        "key": event.key,
        "machine": event.machine,
        "camera": event.camera,
        "kind": str(event.kind),
        "phase": "began" if event.end is None else "ended",
        "start": event.start,
        "end": event.end,
        "peak": event.peak,
        "start_utc": iso(event.start),
        "end_utc": iso(event.end),
        "peak_utc": iso(event.peak),
        "score": _finite(event.score),
        "threshold": _finite(event.threshold),
        "headline": title or "Something unusual",
        "reasons": [{"words": words, "score": _finite(score)} for words, score in event.reasons],
        "size": list(event.size),
        "box": None if event.box is None else [_finite(value) for value in event.box],
        "track": [
            {"time": time, "box": [_finite(value) for value in box], "score": _finite(score)}
            for time, box, score in event.track[::step]
        ],
        "picture": event.picture,
        "clip": event.clip,
        "status": str(event.status),
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def open_sink(text: str) -> Sink:
    """The sink that a text on the command line names; nothing is connected yet.

    A file's name ends as JSON lines do, or begins as a path does: /, ./, ../ or ~/.

    Raises:
        ConfigError: none is, or what it needs is not installed.
    """
    shown = hide_password(text)
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    try:
        if scheme in ("http", "https"):
            return Webhook(text)
        if scheme in ("mqtt", "mqtts"):
            return Mqtt(text)
    except ImportError as error:
        raise ConfigError(f"--to {shown}: needs {error.name}; install with: pip install -e '.[live]'") from error
    except ValueError as error:
        raise ConfigError(f"--to {shown}: is no address ({hide_in(str(error))})") from None
    path = Path(text).expanduser()
    is_path = path.suffix.lower() in LINES or re.match(r"(\.{0,2}|~)/", text) is not None
    if scheme or not is_path or path.is_dir():
        raise ConfigError(
            f"--to {shown}: unknown; write a file ending in .jsonl, http(s)://..., or "
            "mqtt(s)://user:password@host:port/topic"
        )
    return JsonLines(path)


class JsonLines:
    """One JSON object a line, appended to a file."""

    def __init__(self, path: Path):
        """Prepare to append to `path`; it is made with the first event, and anew if it was moved away."""
        self.name = str(path)
        self._path = Path(path)

    def send(self, event: LiveEvent, message: Message) -> None:
        """See `Sink`. The line is there whole or not at all, unless the power fails."""
        line = json.dumps(message, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab", buffering=0) as file:
                before = file.seek(0, os.SEEK_END) if file.seekable() else None
                if file.write(line) != len(line):
                    if before is not None:
                        file.truncate(before)
                    raise OSError("the disk is full")
        except OSError as error:
            problem = error.strerror or error
            raise OutputError(
                f"{self.name}: cannot be written ({problem}); free some space or check its folder"
            ) from error

    def close(self) -> None:
        """Nothing is held."""


class Webhook:
    """A POST of JSON for each message; any answer from 200 to 299 takes it."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None):
        """Prepare to post to `url` with `headers`; user and password in it are sent as basic authorization.

        Raises:
            ValueError: it is no address.
        """
        import httpx

        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ValueError(str(error)) from None
        if not self._url.host:
            raise ValueError("it names no host")
        # Paths of webhooks are often secret too.
        host = f"[{self._url.host}]" if ":" in self._url.host else self._url.host
        port = "" if self._url.port is None else f":{self._url.port}"
        self.name = f"{self._url.scheme}://{host}{port}"
        self._errors = (httpx.HTTPError, httpx.InvalidURL)
        self._client = httpx.Client(timeout=ANSWER_S, headers=dict(headers or {}))

    def send(self, event: LiveEvent, message: Message) -> None:
        """See `Sink`."""
        try:
            answer = self._client.post(self._url, json=dict(message))
        except self._errors as error:
            if UNTRUSTED in str(error):
                raise OutputError(f"{self.name}: {TRUST}") from None
            raise OutputError(f"{self.name}: does not answer ({type(error).__name__}); check the address") from None
        if answer.is_success:
            return
        text = f"{self.name}: answers {answer.status_code} {answer.reason_phrase}"
        if answer.status_code in NEVER_TAKEN:
            raise RefusedError(f"{text}; it does not take this message, check what it expects")
        remedy = "write where it leads" if answer.has_redirect_location else "check the receiver and the address"
        raise OutputError(f"{text}; {remedy}")

    def close(self) -> None:
        """Close its connection."""
        self._client.close()


class Mqtt:
    """A message with QoS 1 for each event, on one topic; the broker has taken it when `send` returns."""

    def __init__(self, url: str):
        """Prepare for mqtt(s)://user:password@host:port/topic; the topic is ssmtl/MACHINE/CAMERA/event without one.

        Raises:
            ValueError: it is no address, or no topic to which one can send.
        """
        import paho.mqtt.client  # noqa: F401  (that it is installed is said before anything starts)

        parts = urlsplit(url)
        if not parts.hostname:
            raise ValueError("it names no host")
        self._topic = unquote(parts.path.strip("/"))
        if re.search(r"[?#]", url) or re.search(r"[+#\0]", self._topic):
            raise ValueError("a topic to which one sends has no +, # or ?")
        self._tls = parts.scheme.lower() == "mqtts"
        self._host, self._port = parts.hostname, parts.port or (8883 if self._tls else 1883)
        self._user = None if parts.username is None else unquote(parts.username)
        self._password = None if parts.password is None else unquote(parts.password)
        self.name = hide_password(url)
        self._client: Any = None

    def send(self, event: LiveEvent, message: Message) -> None:
        """See `Sink`."""
        levels = (re.sub(r"[+#/\0]", "_", level) for level in (event.machine, event.camera))
        topic = self._topic or "ssmtl/{}/{}/event".format(*levels)
        try:
            client = self._connected()
            sent = client.publish(topic, json.dumps(message, allow_nan=False), qos=1)
            until = time.monotonic() + ANSWER_S
            while not sent.is_published():
                # In small steps: it does not end by itself when the connection breaks.
                if not client.is_connected():
                    raise OSError("the connection broke")
                if time.monotonic() > until:
                    raise OSError(f"it did not take it in {ANSWER_S:.0f} s")
                sent.wait_for_publish(0.1)
        except (OSError, ValueError, RuntimeError) as error:
            self.close()
            if UNTRUSTED in str(error):
                raise OutputError(f"{self.name}: {TRUST}") from None
            problem = hide_in(str(error), [self._password or ""])
            raise OutputError(f"{self.name}: does not answer ({problem}); check the broker and its address") from None
        except OutputError:
            self.close()
            raise

    def _connected(self) -> Any:
        """A client with a connection. One that failed is not used again: it would repeat what it holds by itself."""
        if self._client is not None and self._client.is_connected():
            return self._client
        self.close()
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        identity = f"ssmtl-{secrets.token_hex(6)}"
        client = Client(CallbackAPIVersion.VERSION2, client_id=identity, reconnect_on_failure=False)
        if self._user is not None:
            client.username_pw_set(self._user, self._password)
        if self._tls:
            client.tls_set_context(ssl.create_default_context())
        answered, refused = threading.Event(), [""]

        def on_connect(client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
            refused[0] = str(reason) if reason.is_failure else ""
            answered.set()

        client.on_connect = on_connect
        client.connect_timeout = ANSWER_S
        self._client = client
        client.connect(self._host, self._port, keepalive=30)
        client.loop_start()
        if not answered.wait(ANSWER_S):
            raise OutputError(f"{self.name}: the broker does not answer; check its address, and whether it wants mqtts")
        if refused[0]:
            raise OutputError(f"{self.name}: the broker refuses us ({refused[0]}); check user and password")
        return client

    def close(self) -> None:
        """Leave the broker."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()

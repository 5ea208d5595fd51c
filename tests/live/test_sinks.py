"""Events are told to files, web servers and brokers: all of them, in order, and without passwords."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ssmtl.errors import ConfigError, OutputError
from ssmtl.live.dispatcher import Dispatcher
from ssmtl.live.records import Kind, LiveEvent
from ssmtl.live.sinks import JsonLines, Mqtt, RefusedError, Sink, Webhook, message_of, open_sink
from tests.live.services import Listener, Mosquitto, Receiver, certificate, free_port, wait_for
from tests.live.test_store import EVENT

SECRET = "ge:h/e@im"
QUOTED = "ge%3Ah%2Fe%40im"


def event(key: str) -> LiveEvent:
    return replace(EVENT, key=key)


def tell(sink: Sink, *keys: str) -> None:
    for key in keys:
        sink.send(event(key), message_of(event(key)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path)
    running.start()
    yield running
    running.kill()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with closing(Receiver()) as running:
        yield running


class Scripted:
    """A sink that does what it is told with each event: take it, fail, or wait until it is let go."""

    def __init__(self, acts: Callable[[str, int], str] = lambda key, number: "take", name: str = "scripted"):
        self.name, self._acts = name, acts
        self.tries: list[str] = []
        self.taken: list[str] = []
        self.gate = threading.Event()
        self.trying = threading.Event()
        self.closed = False

    def send(self, event: LiveEvent, message: Any) -> None:
        self.tries.append(event.key)
        self.trying.set()
        match self._acts(event.key, len(self.tries)):
            case "fail":
                raise OutputError(f"{self.name}: does not answer mqtt://me:{QUOTED}@host; check it")
            case "refuse":
                raise RefusedError(f"{self.name}: no; check it")
            case "break":
                raise KeyError("a mistake of its author")
            case "wait":
                assert self.gate.wait(20)
        self.taken.append(event.key)

    def close(self) -> None:
        self.closed = True


def test_a_message_has_all_of_an_event() -> None:
    message = message_of(EVENT)
    assert {field.name for field in fields(LiveEvent)} <= set(message)
    assert json.loads(json.dumps(message, allow_nan=False)) == message
    # 1 700 000 000 is known to be 2023-11-14 22:13:20 UTC.
    assert message["start_utc"] == "2023-11-14T22:13:20.125+00:00"
    assert message["end_utc"] == "2023-11-14T22:13:29.500+00:00"
    assert message["phase"] == "ended"
    assert message["headline"] == "Moves backwards"
    assert message["box"] == [1.5, 2.0, 30.25, 40.0]
    assert message["track"][1] == {"time": EVENT.peak, "box": [1.5, 2.0, 30.25, 40.0], "score": 2.375}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"end": None}, {"end": None, "end_utc": None, "phase": "began"}),
        ({"box": None, "track": ()}, {"box": None, "track": []}),
        ({"reasons": ()}, {"headline": "Something unusual", "reasons": []}),
        ({"reasons": (), "kind": Kind.VIEW_CHANGED}, {"headline": "The camera's view changed"}),
        ({"score": float("inf"), "threshold": float("nan")}, {"score": None, "threshold": None}),
        ({"reasons": (("moves", float("nan")),)}, {"reasons": [{"words": "moves", "score": None}]}),
    ],
)
def test_messages_of_odd_events(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    message = message_of(replace(EVENT, **changes))
    assert {name: message[name] for name in expected} == expected
    json.dumps(message, allow_nan=False)


@pytest.mark.parametrize("points", [0, 1, 19, 20, 21, 39, 40, 41, 240])
def test_a_long_track_is_thinned(points: int) -> None:
    track = tuple((float(i), (0.0, 0.0, 1.0, 1.0), 0.5) for i in range(points))
    times = [point["time"] for point in message_of(replace(EVENT, track=track))["track"]]
    assert len(times) <= 20
    assert len(times) >= min(points, 11)
    assert len({b - a for a, b in pairwise(times)}) <= 1
    assert times[:1] == [0.0][: len(times)]


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("events.jsonl", JsonLines, "events.jsonl"),
        ("folder/a.NDJSON", JsonLines, "folder/a.NDJSON"),
        ("./events", JsonLines, "events"),
        ("/var/log/events", JsonLines, "/var/log/events"),
        ("http://host/secret-path", Webhook, "http://host"),
        (f"https://me:{QUOTED}@host:8443/secret-path?token=abc", Webhook, "https://host:8443"),
        ("http://[::1]:80/x", Webhook, "http://[::1]"),
        ("mqtt://host", Mqtt, "mqtt://host"),
        (f"mqtts://me:{QUOTED}@host:99/a/b", Mqtt, "mqtts://me:***@host:99/a/b"),
        ("MQTT://host/a", Mqtt, "MQTT://host/a"),
    ],
)
def test_a_sink_by_its_text(text: str, kind: type, name: str) -> None:
    sink = open_sink(text)
    assert type(sink) is kind
    assert sink.name == name
    sink.close()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "write a file ending in .jsonl, http"),
        (".", "write a file ending in .jsonl, http"),
        ("/", "write a file ending in .jsonl, http"),
        ("host:1883", "write a file ending in .jsonl, http"),
        ("example.com/hook", "write a file ending in .jsonl, http"),
        (f"ftp://me:{QUOTED}@host/x.jsonl", r"ftp://me:\*\*\*@host/x.jsonl: unknown; write a file"),
        ("http://", "names no host"),
        ("mqtt:///topic", "names no host"),
        ("mqtt://host:port", "is no address"),
        (f"http://me:{QUOTED}@host:port/", r"http://me:\*\*\*@host:port/: is no address"),
        ("mqtt://host/a/+/b", r"no \+, # or \?"),
        ("mqtt://host/a/#", r"no \+, # or \?"),
        ("mqtt://host/a%23", r"no \+, # or \?"),
        ("mqtt://host/a?qos=2", r"no \+, # or \?"),
    ],
)
def test_texts_that_name_no_sink(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        open_sink(text)
    assert "--to" in str(caught.value)
    assert QUOTED not in str(caught.value)


def keys_of(path: Path) -> list[str]:
    return [json.loads(line)["key"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_lines_are_appended(folder: Path) -> None:
    path = folder / "new" / "events.jsonl"
    tell(JsonLines(path), "a", "b")
    tell(JsonLines(path), "Straße")
    assert keys_of(path) == ["a", "b", "Straße"]
    sink = JsonLines(path)
    path.rename(folder / "rotated.jsonl")
    tell(sink, "c")
    assert keys_of(path) == ["c"]


def test_a_file_that_cannot_be_written(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(OutputError, match=r"file/x.jsonl: cannot be written \(.*\); free some space"):
        tell(JsonLines(folder / "file" / "x.jsonl"), "a")


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="needs Linux' /dev/full")
def test_a_full_disk_is_told() -> None:
    with pytest.raises(OutputError, match=r"/dev/full: cannot be written .*No space left"):
        tell(JsonLines(Path("/dev/full")), "a")


def test_half_a_line_is_taken_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "events.jsonl"
    sink = JsonLines(path)
    tell(sink, "a")
    real = Path.open

    class Short:
        """A file on a disk with room for ten bytes more."""

        def __init__(self, file: Any):
            self._file = file

        def __enter__(self) -> Any:
            self._file.__enter__()
            return self

        def __exit__(self, *rest: Any) -> None:
            self._file.__exit__(*rest)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def write(self, content: bytes) -> int:
            return int(self._file.write(content[:10]))

    with monkeypatch.context() as full:
        full.setattr(Path, "open", lambda *args, **more: Short(real(*args, **more)))
        with pytest.raises(OutputError, match="the disk is full"):
            tell(sink, "b")
    assert keys_of(path) == ["a"]
    tell(sink, "b")
    assert keys_of(path) == ["a", "b"]


def test_a_webhook_gets_json_with_headers(receiver: Receiver) -> None:
    address = receiver.address.replace("http://", f"http://me:{QUOTED}@")
    sink = Webhook(f"{address}/hook?x=1", {"X-Shop": "7"})
    tell(sink, "a", "b")
    sink.close()
    assert [(path, content["key"]) for path, _, content in receiver.heard] == [("/hook?x=1", "a"), ("/hook?x=1", "b")]
    headers = {name.lower(): value for name, value in receiver.heard[0][1].items()}
    assert headers["content-type"] == "application/json"
    assert headers["x-shop"] == "7"
    assert headers["authorization"] == "Basic bWU6Z2U6aC9lQGlt"  # base64 of me:ge:h/e@im
    assert receiver.heard[0][2] == message_of(event("a"))


@pytest.mark.parametrize(
    ("status", "kind", "complaint"),
    [
        (500, OutputError, "answers 500 .*; check the receiver"),
        (401, OutputError, "answers 401 Unauthorized; check the receiver"),
        (429, OutputError, "answers 429"),
        (400, RefusedError, "answers 400 .*; it does not take this message"),
        (413, RefusedError, "answers 413"),
    ],
)
def test_a_web_server_that_does_not_take_it(status: int, kind: type, complaint: str) -> None:
    with closing(Receiver([status])) as receiver, closing(Webhook(receiver.address + "/secret?token=abc")) as sink:
        with pytest.raises(OutputError, match=complaint) as caught:
            tell(sink, "a")
        assert type(caught.value) is kind
        assert "secret" not in str(caught.value)
        assert "abc" not in str(caught.value)


def test_no_web_server() -> None:
    with (
        closing(Webhook(f"http://me:{QUOTED}@127.0.0.1:{free_port()}/secret")) as sink,
        pytest.raises(OutputError, match=r"http://127.0.0.1:\d+: does not answer \(ConnectError\); check") as caught,
    ):
        tell(sink, "a")
    assert "secret" not in str(caught.value)


def test_a_web_server_that_fails_twice(receiver: Receiver) -> None:
    with closing(Receiver([503, 500, 204])) as failing:
        said: list[str] = []
        dispatcher = Dispatcher([Webhook(failing.address), Webhook(receiver.address)], said.append, first_wait_s=0.01)
        for key in ("a", "b"):
            dispatcher.send(event(key))
        wait_for(lambda: sum(dispatcher.sent.values()) == 4, "four messages")
        dispatcher.close(1)
        assert [content["key"] for _, _, content in failing.heard] == ["a", "a", "a", "b"]
        assert [content["key"] for _, _, content in receiver.heard] == ["a", "b"]
        assert dispatcher.sent == {failing.address: 2, receiver.address: 2}
        assert dispatcher.failed == {failing.address: 2, receiver.address: 0}
        assert dispatcher.lost == {failing.address: 0, receiver.address: 0}
        assert said == [
            f"{failing.address}: answers 503 Service Unavailable; check the receiver and the address; "
            "tried again until it is taken",
            f"{failing.address}: takes events again",
        ]


@pytest.mark.parametrize(
    ("topic", "machine", "expected"),
    [
        ("", "shop", "ssmtl/shop/yard/event"),
        ("/", "a/b+c#d", "ssmtl/a_b_c_d/yard/event"),
        ("/home/alarm", "shop", "home/alarm"),
        ("/home/caf%C3%A9", "shop", "home/café"),
    ],
)
def test_topics(broker: Mosquitto, topic: str, machine: str, expected: str) -> None:
    with closing(Listener(broker.port)) as listener, closing(Mqtt(f"mqtt://127.0.0.1:{broker.port}{topic}")) as sink:
        told = replace(EVENT, machine=machine)
        sink.send(told, message_of(told))
        wait_for(lambda: listener.heard, "the message")
        assert listener.heard == [(expected, message_of(told))]


def test_a_broker_with_a_password(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, SECRET)
    broker.start()
    try:
        with closing(Mqtt(f"mqtt://watcher:{QUOTED}@127.0.0.1:{broker.port}")) as sink:
            with closing(Listener(broker.port, SECRET)) as listener:
                tell(sink, "a", "b")
                wait_for(lambda: len(listener.heard) == 2, "two messages")
            assert [message["key"] for _, message in listener.heard] == ["a", "b"]
        for user in ("watcher:wrong-word@", "watcher@", ""):
            with (
                closing(Mqtt(f"mqtt://{user}127.0.0.1:{broker.port}")) as sink,
                pytest.raises(OutputError, match=r"refuses us \(Not authorized\); check user and password") as caught,
            ):
                tell(sink, "a")
            assert "wrong-word" not in str(caught.value)
    finally:
        broker.kill()


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not trusted is told nothing; whom SSL_CERT_FILE names is."""
    paths = certificate(tmp_path)
    broker = Mosquitto(tmp_path, tls=paths)
    broker.start()
    try:
        with closing(Receiver(tls=paths)) as receiver, closing(Listener(broker.port, trusted=paths[0])) as listener:
            addresses = [f"https://127.0.0.1:{receiver.port}", f"mqtts://127.0.0.1:{broker.port}/alarms"]
            for address in addresses:
                with closing(open_sink(address)) as sink, pytest.raises(OutputError, match="SSL_CERT_FILE"):
                    tell(sink, "a")
            monkeypatch.setenv("SSL_CERT_FILE", str(paths[0]))
            for address in addresses:
                with closing(open_sink(address)) as sink:
                    tell(sink, "b")
            wait_for(lambda: listener.heard, "the message")
            assert [message["key"] for _, message in listener.heard] == ["b"]
            assert [message["key"] for _, _, message in receiver.heard] == ["b"]
    finally:
        broker.kill()


def test_a_broker_that_is_killed_and_comes_back(broker: Mosquitto) -> None:
    """Nothing is lost, all is in order, and nobody who sends is kept waiting."""
    listener = Listener(broker.port)
    said: list[str] = []
    address = f"mqtt://127.0.0.1:{broker.port}"
    dispatcher = Dispatcher([Mqtt(address)], said.append, first_wait_s=0.05)
    try:
        dispatcher.send(event("0"))
        wait_for(lambda: len(listener.heard) == 1, "the first message")
        time.sleep(1.2)  # the broker writes down within a second who listens
        broker.kill()
        began = time.monotonic()
        for i in range(1, 30):
            dispatcher.send(event(str(i)))
        assert time.monotonic() - began < 0.5
        wait_for(lambda: dispatcher.failed[address] >= 2, "two tries")
        broker.start()
        listener.wait()
        wait_for(lambda: len(listener.heard) >= 30, "what waited")
        dispatcher.close(5)
        assert [message["key"] for _, message in listener.heard] == [str(i) for i in range(30)]
        assert dispatcher.sent == {address: 30}
        assert dispatcher.lost == {address: 0}
        assert len(said) == 2
        assert said[0].startswith(f"{address}: does not answer (")
        assert said[1] == f"{address}: takes events again"
    finally:
        dispatcher.close(0)
        listener.close()


def test_a_full_queue_loses_the_oldest_and_counts_them() -> None:
    sink = Scripted(lambda key, number: "wait" if key == "0" else "take")
    dispatcher = Dispatcher([sink], most=10)
    dispatcher.send(event("0"))
    assert sink.trying.wait(5)
    began = time.monotonic()
    for i in range(1, 26):
        dispatcher.send(event(str(i)))
    assert time.monotonic() - began < 0.5, "sending does not wait"
    assert dispatcher.lost == {"scripted": 15}
    sink.gate.set()
    dispatcher.close(5)
    assert sink.taken == ["0", *(str(i) for i in range(16, 26))]
    assert dispatcher.sent == {"scripted": 11}
    assert dispatcher.lost == {"scripted": 15}
    assert sink.closed


def test_a_slow_sink_does_not_hold_up_another() -> None:
    slow, quick = Scripted(lambda key, number: "wait", "slow"), Scripted(name="quick")
    dispatcher = Dispatcher([slow, quick])
    for key in "abc":
        dispatcher.send(event(key))
    wait_for(lambda: quick.taken == ["a", "b", "c"], "the quick one")
    assert slow.taken == []
    slow.gate.set()
    dispatcher.close(5)
    assert slow.taken == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("acts", "tries", "taken", "failed", "lost"),
    [
        (lambda key, number: "take", "abc", "abc", 0, 0),
        (lambda key, number: "fail" if number < 4 else "take", "aaaabc", "abc", 3, 0),
        (lambda key, number: "refuse" if key == "b" else "take", "abc", "ac", 1, 1),
        (lambda key, number: "break" if number == 2 else "take", "abbc", "abc", 1, 0),
    ],
)
def test_tries(acts: Callable[[str, int], str], tries: str, taken: str, failed: int, lost: int) -> None:
    sink, said = Scripted(acts), []  # type: ignore[var-annotated]
    dispatcher = Dispatcher([sink], said.append, first_wait_s=0.001)
    for key in "abc":
        dispatcher.send(event(key))
    wait_for(lambda: dispatcher.sent["scripted"] == len(taken), "all that can be taken")
    dispatcher.close(5)
    assert "".join(sink.tries) == tries
    assert "".join(sink.taken) == taken
    assert (dispatcher.failed["scripted"], dispatcher.lost["scripted"]) == (failed, lost)
    assert len(said) == (2 if failed else 0), "once when it begins and once when it is over"
    assert not any(QUOTED in line for line in said)


def test_waits_are_doubled_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssmtl.live.dispatcher.LONGEST_WAIT_S", 0.16)
    times: list[float] = []

    def acts(key: str, number: int) -> str:
        times.append(time.monotonic())
        return "fail" if number < 7 else "take"

    sink = Scripted(acts)
    dispatcher = Dispatcher([sink], first_wait_s=0.04)
    dispatcher.send(event("a"))
    wait_for(lambda: sink.taken, "the event")
    dispatcher.close(1)
    waits = [b - a for a, b in pairwise(times)]
    for wait, least in zip(waits, [0.04, 0.08, 0.16, 0.16, 0.16, 0.16], strict=True):
        assert least <= wait < least + 0.15


def test_an_event_is_given_up_after_its_time() -> None:
    sink = Scripted(lambda key, number: "fail" if key == "a" else "take")
    said: list[str] = []
    dispatcher = Dispatcher([sink], said.append, first_wait_s=0.02, given_up_s=0.1)
    dispatcher.send(event("a"))
    dispatcher.send(event("b"))
    wait_for(lambda: sink.taken == ["b"], "the next event")
    dispatcher.close(1)
    assert dispatcher.lost == {"scripted": 1}
    assert said[-1] == "scripted: takes events again, 1 were lost"
    assert len(said) == 2


def test_closing_gives_what_waits_a_last_chance() -> None:
    """It does not wait out the pause before the next try."""
    well = threading.Event()
    sink = Scripted(lambda key, number: "take" if well.is_set() else "fail")
    dispatcher = Dispatcher([sink], first_wait_s=30)
    for key in "abc":
        dispatcher.send(event(key))
    assert sink.trying.wait(5)
    well.set()
    began = time.monotonic()
    dispatcher.close(10)
    assert time.monotonic() - began < 2
    assert sink.taken == ["a", "b", "c"]
    assert dispatcher.lost == {"scripted": 0}
    dispatcher.send(event("too late"))
    dispatcher.close(1)
    assert dispatcher.lost == {"scripted": 1}
    assert sink.taken == ["a", "b", "c"]


@pytest.mark.parametrize("act", ["wait", "fail"])
def test_closing_keeps_to_its_time(act: str) -> None:
    sinks = [Scripted(lambda key, number: act, name) for name in ("one", "two")]
    dispatcher = Dispatcher(sinks, first_wait_s=0.05)
    for key in "abc":
        dispatcher.send(event(key))
    assert all(sink.trying.wait(5) for sink in sinks)
    began = time.monotonic()
    dispatcher.close(0.3)
    assert time.monotonic() - began < 0.8
    assert dispatcher.lost == {"one": 3, "two": 3}
    assert dispatcher.sent == {"one": 0, "two": 0}
    for sink in sinks:
        sink.gate.set()
    wait_for(lambda: all(sink.closed for sink in sinks), "their threads")
    assert dispatcher.lost == {"one": 3, "two": 3}, "what came after all was counted already"


def test_no_sinks_and_two_of_one_name(receiver: Receiver) -> None:
    empty = Dispatcher([])
    empty.send(EVENT)
    empty.close(1)
    assert empty.sent == {}
    dispatcher = Dispatcher([Webhook(f"{receiver.address}/{path}") for path in ("a", "b")])
    dispatcher.send(EVENT)
    dispatcher.close(5)
    assert dispatcher.sent == {receiver.address: 1, f"{receiver.address} (2)": 1}
    assert {path for path, _, _ in receiver.heard} == {"/a", "/b"}

"""Cameras watched for real: files, and GStreamer's RTSP server with a good and a bad network between."""

import dataclasses
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ssmtl import detect
from ssmtl.errors import OutputError
from ssmtl.event_files import read_events
from ssmtl.live.dispatcher import Dispatcher
from ssmtl.live.records import CameraSettings, Health, Kind, LiveEvent, State, about_watch
from ssmtl.live.sinks import Message
from ssmtl.live.sources import Watched, read_watched
from ssmtl.live.store import Store, open_store
from ssmtl.live.watching import MOST_CLIPS, Watch, WatchOptions, failures
from ssmtl.model import Model, with_settings
from ssmtl.scoring.score import TaskScale
from ssmtl.video.files import VideoFile
from ssmtl.video.sources import Clip

from .cameras import BadNetwork, RtspCamera, free_port, need_rtsp_server, write_ts
from .watches import MACHINE, watching


def test_offline_and_live_give_the_same_events(street: Path, model: Model, tmp_path: Path) -> None:
    clip = Clip("street", street)
    detect([clip], model, tmp_path / "result", films=True)
    expected = read_events(tmp_path / "result" / "street")
    with watching(tmp_path / "watch", [Watched("street", str(street), clip)], model) as running:
        running.until(lambda: running.health().state is State.ENDED)
        running.until(lambda: len(running.events()) == len(expected) and all(e.end for e in running.events()))
        found = running.events()
    assert len(expected) >= 2
    offset = found[0].start - expected[0]["start_s"]
    for event, row in zip(found, expected, strict=True):
        assert event.end is not None
        times = [event.start - offset, event.end - offset, event.peak - offset]
        assert times == pytest.approx([row["start_s"], row["end_s"], row["peak_s"]], abs=0.002)
        assert (event.score, event.threshold) == pytest.approx((row["score"], row["threshold"]), abs=1e-4)
        assert [list(reason) for reason in event.reasons] == [
            [w, pytest.approx(s, abs=1e-4)] for w, s in row["reasons"]
        ]
        assert event.box == pytest.approx(row["box"], abs=0.01) and event.size == (320, 240)
        assert len(event.track) == len(row["track"])
        for name, other in ((event.picture, row["picture"]), (event.clip, row["film"])):
            assert name is not None and (tmp_path / "watch" / name).is_file()
            assert (tmp_path / "result" / "street" / other).is_file()
        lengths = [
            sum(1 for _ in VideoFile(path))
            for path in (tmp_path / "watch" / str(event.clip), tmp_path / "result" / "street" / row["film"])
        ]
        assert lengths[0] == lengths[1] > 10
    health = running.health()
    assert health.frames_in == health.frames_out == 200 and health.dropped == 0


def test_footage_of_another_rate_is_told_once(street: Path, model: Model, tmp_path: Path) -> None:
    slow = dataclasses.replace(model, training={"rate": 10.0})
    with watching(tmp_path, [Watched("street", str(street), Clip("street", street))], slow) as running:
        running.until(lambda: running.health().state is State.ENDED)
        lines = [line for line in running.lines if "25 frames per second" in line]
    assert len(lines) == 1 and lines[0].startswith("street: has ") and "slower" in lines[0]


def test_settings_that_no_page_wrote_change_nothing(street: Path, model: Model, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    wrong = {"name": "line", "kind": "ignore", "points": [[0, 0], [7, 1]]}
    with closing(open_store(tmp_path / "w", None)) as store:
        store.set_settings(MACHINE, "street", CameraSettings(1e6, (wrong,)))
    clip = Clip("street", street)
    with watching(tmp_path / "w", [Watched("street", str(street), clip)], model) as running:
        running.until(lambda: running.health().state is State.ENDED)
        running.until(lambda: len(running.events()) >= 2)
        assert running.health().threshold < 1e6


def test_the_page_sets_threshold_and_zones_while_it_runs(street: Path, model: Model, tmp_path: Path) -> None:
    need_rtsp_server()
    clip = write_ts(street, tmp_path / "a.ts")
    with (
        RtspCamera(clip, free_port()) as camera,
        watching(tmp_path / "w", [Watched("c", camera.address)], model) as running,
    ):
        running.until(lambda: running.events())
        running.store.set_settings(MACHINE, "c", CameraSettings(1e6, None))
        running.until(lambda: running.health().threshold == 1e6 and all(event.end for event in running.events()))
        said = running.health().threshold_from
        assert said == "set in the page; nothing can score more than 4: lower it"
        count = len(running.events())
        whole = {"name": "all", "kind": "ignore", "points": [[0, 0], [1, 0], [1, 1], [0, 1]]}
        running.store.set_settings(MACHINE, "c", CameraSettings(None, (whole,)))
        running.until(lambda: running.health().threshold < 1e6)
        time.sleep(3)
        objects = running.health().objects
        time.sleep(2)
        # Everything is ignored: there is nothing to score, and nothing happens.
        assert running.health().objects == objects and running.health().frames_out > 0
        assert len(running.events()) <= count + 1


def test_a_camera_that_dies_comes_back_in_another_size(street: Path, model: Model, tmp_path: Path) -> None:
    need_rtsp_server()
    port = free_port()
    clip, small = write_ts(street, tmp_path / "a.ts"), write_ts(street, tmp_path / "b.ts", (256, 192))
    first = RtspCamera(clip, port)
    with watching(tmp_path / "w", [Watched("c", first.address)], model) as running:
        running.until(lambda: running.events() and running.health().state is State.ONLINE)
        assert running.health().size == (320, 240)
        first.kill()
        running.until(lambda: running.health().state is State.OFFLINE)
        running.until(lambda: all(event.end is not None for event in running.events()))
        seen, before = running.health().frames_in, len(running.events())
        time.sleep(2.5)
        with RtspCamera(small, port):
            # It was tried again after 1 and 2 s: the next try is at most 4 s away.
            running.until(lambda: running.health().state is State.ONLINE)
            running.until(lambda: running.health().size == (256, 192) and len(running.events()) > before)
            health = running.health()
            assert health.reconnects == 1 and health.frames_in > seen and health.dropped == 0
        assert any("offline" in line for line in running.lines)
        assert sum("online" in line and "offline" not in line for line in running.lines) == 2


def test_garbage_silence_and_a_slow_network_are_survived(street: Path, model: Model, tmp_path: Path) -> None:
    need_rtsp_server()
    clip = write_ts(street, tmp_path / "a.ts")
    with RtspCamera(clip, free_port()) as camera:
        network = BadNetwork(camera.port)
        address = f"rtsp://127.0.0.1:{network.port}/camera"
        with watching(tmp_path / "w", [Watched("c", address)], model) as running:
            running.until(lambda: running.health().frames_out > 50)
            network.garbage = 5
            running.until(lambda: network.garbage == 0)
            mark = running.health().frames_out
            running.until(lambda: running.health().frames_out > mark + 50, 40)
            network.bytes_per_s = 2000.0
            time.sleep(4)
            network.bytes_per_s = None
            mark = running.health().frames_out
            running.until(lambda: running.health().frames_out > mark + 50, 40)
            network.silent = True
            running.until(lambda: running.health().state is State.OFFLINE, 25)
            network.silent = False
            running.until(lambda: running.health().state is State.ONLINE, 25)
            mark = running.health().frames_out
            running.until(lambda: running.health().frames_out > mark + 25, 40)
        network.close()


def test_a_wrong_password_is_told_and_never_shown(street: Path, model: Model, tmp_path: Path) -> None:
    need_rtsp_server()
    clip = write_ts(street, tmp_path / "a.ts")
    with RtspCamera(clip, free_port(), ("me", "right")) as camera:
        address = camera.address.replace("//", "//me:wrongsecret@")
        with watching(tmp_path / "w", [Watched("c", address)], model) as running:
            running.until(lambda: running.health().state is State.OFFLINE)
            said = "\n".join([*running.lines, running.health().message, str(running.health())])
            said += (tmp_path / "w" / "watch.json").read_text()
        assert "user or the password" in said and "me:***@" in said and "wrongsecret" not in said
        good = camera.address.replace("//", "//me:right@")
        with watching(tmp_path / "w2", [Watched("c", good)], model) as running:
            running.until(lambda: running.health().frames_out > 10)


def test_a_disk_without_room_lets_detection_go_on(street: Path, model: Model, tmp_path: Path) -> None:
    clip = Clip("street", street)
    with watching(tmp_path / "w", [Watched("street", str(street), clip)], model, free_gb=1e9) as running:
        running.until(lambda: running.health().state is State.ENDED)
        running.until(lambda: running.events() and all(e.end for e in running.events()))
        assert all(event.picture is None and event.clip is None for event in running.events())
        assert not running.health().recording
    assert any("disk" in line and "detection goes on" in line for line in running.lines)
    assert list((tmp_path / "w" / "media").rglob("*.*")) == []


def test_a_database_that_does_not_answer_is_waited_for(
    street: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ssmtl.errors import OutputError

    clip = Clip("street", street)
    down = threading.Event()
    down.set()
    real = Store.put

    def put(self: Store, event: LiveEvent) -> None:
        if down.is_set():
            raise OutputError("the database does not answer")
        real(self, event)

    monkeypatch.setattr(Store, "put", put)
    with watching(tmp_path / "w", [Watched("street", str(street), clip)], model) as running:
        running.until(lambda: any("wait in memory" in line for line in running.lines))
        assert running.events() == []
        down.clear()
        running.until(lambda: len(running.events()) >= 2)
    assert any("kept again" in line for line in running.lines)


def test_a_slow_database_holds_up_neither_health_nor_stopping(
    street: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    def slow(*rest: object) -> None:
        asked.set()
        time.sleep(3)
        raise OutputError("the database does not answer")

    camera = Clip("street", street)
    with watching(tmp_path / "w", [Watched("street", str(street), camera)], model) as running:
        running.until(lambda: running.health().frames_out > 0)
        for name in ("settings", "put", "add_scores"):
            monkeypatch.setattr(Store, name, slow)
        assert asked.wait(10)
        file = tmp_path / "w" / "live" / "street.json"
        file.unlink(missing_ok=True)
        # The database's three seconds are not over then. (`watching` sees that it stops in time.)
        assert running.until(file.is_file) < 2.5
    assert any("events were not kept" in line for line in running.lines) or not running.watch._unkept


def test_what_was_not_foreseen_does_not_end_the_keeping(
    street: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(tmp_path, None)) as store:
        real, broken = store.put, []

        def put(event: LiveEvent) -> None:
            if not broken:
                broken.append(event)
                raise KeyError("a mistake")
            real(event)

        # Of this store alone: the keeper of a watch before, whose database was slow, may not be over.
        monkeypatch.setattr(store, "put", put)
        lines: list[str] = []
        camera = [Watched("street", str(street), Clip("street", street))]
        watch = Watch(camera, model, tmp_path, store, Dispatcher([]), WatchOptions(machine=MACHINE), lines.append)
        watch._put(LiveEvent("k", MACHINE, "street", Kind.ANOMALY, 1.0, 2.0, 1.5, 5.0, 1.0, (64, 48)))
        keeper = threading.Thread(target=watch._keep_on)
        keeper.start()
        until = time.monotonic() + 20
        while not store.events() and time.monotonic() < until:
            time.sleep(0.05)
        watch._closing.set()
        keeper.join(20)
        assert [event.key for event in store.events()] == ["k"]
    assert lines == ["keeping failed: KeyError: 'a mistake'"]


def test_one_watch_writes_into_a_folder(street: Path, model: Model, tmp_path: Path) -> None:
    clips = [Watched("a", str(street), Clip("a", street, 0, 8))]
    with watching(tmp_path / "w", clips, model):
        before = about_watch(tmp_path / "w")
        with (
            pytest.raises(OutputError, match="another `ssmtl watch` writes into it"),
            watching(tmp_path / "w", clips, model),
        ):
            pass
        assert about_watch(tmp_path / "w") == before
    with watching(tmp_path / "w", clips, model):
        assert about_watch(tmp_path / "w")["began"] > before["began"]


def test_a_clock_that_is_set_is_told_and_harms_nothing() -> None:
    from ssmtl.live.clock import Clock

    now = {"mono": 100.0, "wall": 1000.0}
    clock = Clock(lambda: now["mono"], lambda: now["wall"])
    now["mono"], now["wall"] = 110.0, 1010.5
    assert clock.check() == 0 and clock.unix(105.0) == 1005.5
    now["mono"], now["wall"] = 111.0, 1010.5 + 3601
    assert clock.check() == pytest.approx(3600) and clock.unix(111.0) == 1010.5 + 3601
    now["mono"], now["wall"] = 112.0, 500.0
    assert clock.check() < -4000 and clock.unix(112.0) == 500.0


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["rtsp://u:p@10.0.0.7/1", "rtsp://u:p@10.0.0.7/2"], ["10.0.0.7", "10.0.0.7-2"]),
        (["door=rtsp://camera/1", "http://camera/x"], ["door", "camera"]),
    ],
)
def test_sources_get_names(texts: list[str], names: list[str]) -> None:
    assert [watched.name for watched in read_watched(texts)] == names
    assert all(":p@" not in watched.shown for watched in read_watched(texts))


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["a=rtsp://camera/1", "a=rtsp://camera/2"], "a: names two sources"),
        (["ftp://me:secret@host/x"], r"ftp://me:\*\*\*@host/x: unknown kind of address"),
        (["/dev/video88"], "no such device"),
        (["nothing.mp4"], r"nothing\.mp4: no such file"),
        ([], "nothing to watch"),
    ],
)
def test_sources_that_are_none(texts: list[str], problem: str) -> None:
    from ssmtl.errors import SourceError

    with pytest.raises(SourceError, match=problem):
        read_watched(texts)


def test_what_a_watch_says_of_itself_is_complete(street: Path, model: Model, tmp_path: Path) -> None:
    clip = Clip("street", street)
    with watching(tmp_path / "w", [Watched("street", str(street), clip)], replace(model)) as running:
        running.until(lambda: (tmp_path / "w" / "live" / "street.json").is_file())
    import json

    health = json.loads((tmp_path / "w" / "live" / "street.json").read_text())
    assert set(health) == {f.name for f in dataclasses.fields(Health)}


def test_of_many_clips_a_few_are_watched_at_a_time(street: Path, model: Model, tmp_path: Path) -> None:
    clips = [Watched(f"c{i}", str(street), Clip(f"c{i}", street, 0, 40)) for i in range(MOST_CLIPS + 2)]
    most = 0
    with watching(tmp_path / "w", clips, model) as running:
        cameras = running.watch.cameras

        def over() -> bool:
            nonlocal most
            most = max(most, sum(camera.is_alive() for camera in cameras))
            return all(health.state is State.ENDED for health in running.watch.healths())

        running.until(over, 60)
    assert most <= MOST_CLIPS and not any(camera.failed for camera in cameras)
    assert all(health.frames_out == 40 for health in running.watch.healths())


def test_clips_that_fail_at_once_do_not_end_the_watch(model: Model, tmp_path: Path) -> None:
    """The next ones are begun, however soon the first are over; each is told of."""
    clips = []
    for i in range(3 * MOST_CLIPS + 1):
        (tmp_path / f"c{i}.mp4").touch()
        clips.append(Watched(f"c{i}", f"c{i}.mp4", Clip(f"c{i}", tmp_path / f"c{i}.mp4")))
    with watching(tmp_path / "w", clips, model) as running:
        running.until(lambda: all(health.state is State.FAILED for health in running.watch.healths()))
    assert len(failures(running.watch)) == len(clips) == len(list((tmp_path / "w" / "live").iterdir()))


def test_a_clip_that_is_too_short_is_told(street: Path, model: Model, tmp_path: Path) -> None:
    clip = Clip("short", street, 0, 5)
    with watching(tmp_path / "w", [Watched("short", str(street), clip)], model) as running:
        running.until(lambda: running.health().state is State.FAILED)
    assert f"{street}: the clip has 5 frames; a sequence needs 7" in running.health().message
    assert failures(running.watch) == [f"short: {running.health().message}"]


class Told:
    """A receiver that remembers."""

    name = "told"

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, event: LiveEvent, message: Message) -> None:
        self.messages.append(message)

    def close(self) -> None:
        pass


def test_who_was_told_of_an_event_is_told_that_it_ended_though_the_watch_was_killed(
    street: Path, model: Model, tmp_path: Path
) -> None:
    clip, told = Clip("street", street, 0, 20), Told()
    begun = LiveEvent(
        key="killed", machine=MACHINE, camera="street", kind=Kind.ANOMALY, start=10.0, end=None, peak=12.0, score=2.0,
        threshold=1.0, box=None, size=(320, 240),
    )  # fmt: skip
    tmp_path.joinpath("w").mkdir()
    store = open_store(tmp_path / "w", None)
    store.put(begun)
    store.close()
    with watching(tmp_path / "w", [Watched("street", str(street), clip)], model, [told]) as running:
        running.until(lambda: told.messages)
    (message,) = [one for one in told.messages if one["key"] == "killed"]
    assert (message["phase"], message["start"] < message["end"]) == ("ended", True)


def test_stopping_leaves_clips_that_have_not_begun(street: Path, model: Model, tmp_path: Path) -> None:
    clips = [Watched(f"c{i}", str(street), Clip(f"c{i}", street)) for i in range(MOST_CLIPS + 2)]
    with watching(tmp_path / "w", clips, model) as running:
        running.until(lambda: running.health().frames_out > 0)
    assert running.watch.cameras[-1].ident is None


def test_since_when_scores_compare(street: Path, model: Model, tmp_path: Path) -> None:
    """Of the same model and settings from the first watch on, of others from now on."""
    clips = [Watched("a", str(street), Clip("a", street, 0, 8))]

    def since(used: Model) -> float:
        with watching(tmp_path / "w", clips, used):
            return float(about_watch(tmp_path / "w")["since"])

    first = since(model)
    # How often objects are looked at changes no scale.
    assert first == since(model) == since(with_settings(model, {"scoring": {"every": 4}}))
    second = since(with_settings(model, {"scoring": {"gaussian_frames": 2.5}}))
    # The same weights may be measured anew.
    assert first < second < since(replace(model, scales={kind: TaskScale(0.3, 0.7) for kind in model.scales}))

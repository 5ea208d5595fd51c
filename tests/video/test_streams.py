"""Live cameras: connections that come and go, frames that come too fast, addresses that are none."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from ssmtl.errors import SourceError
from ssmtl.video.frame import Frame
from ssmtl.video.streams import Camera, Notice, check_address, explain, is_device, is_live

from .clips import picture, write_video


@pytest.mark.parametrize(
    ("address", "live"),
    [
        ("rtsp://camera/1", True), ("RTSPS://u:p@camera:322/1", True), ("http://camera/video.mjpg", True), ("0", True),
        ("/dev/video3", True), ("clip.mp4", False), ("folder/0", False), ("123", False), ("rtsp.mp4", False),
    ],
)  # fmt: skip
def test_what_is_live(address: str, live: bool) -> None:
    assert is_live(address) is live


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("/dev/video77", "/dev/video77: no such device"),
        ("77", "/dev/video77: no such device"),
        ("rtsp://me:secret@", r"rtsp://me:\*\*\*@: names no host"),
        ("rtsp://me:secret@camera:port/", r"rtsp://me:\*\*\*@camera:port/: is no address"),
    ],
)
def test_addresses_that_are_none(address: str, problem: str) -> None:
    assert is_device(address) == ("video77" in problem)
    with pytest.raises(SourceError, match=problem) as refused:
        check_address(address)
    assert "secret" not in str(refused.value)


class Cable:
    """Opens one clip after the other, as a camera that is switched off and on; raises an error in place of a clip."""

    def __init__(self, *clips: Path | Exception):
        self.clips = list(clips)
        self.opened: list[float] = []

    def __call__(self, address: str) -> Any:
        self.opened.append(time.monotonic())
        clip = self.clips[min(len(self.opened), len(self.clips)) - 1]
        if isinstance(clip, Exception):
            raise clip
        return av.open(str(clip))


def stretches(camera: Camera, count: int) -> list[list[Frame]]:
    """The first stretches that have frames."""
    found: list[list[Frame]] = []
    timer = threading.Timer(20, camera.close)
    timer.start()
    for stretch in camera.stretches():
        frames = list(stretch)
        if frames:
            found.append(frames)
        if len(found) == count:
            break
    camera.close()
    timer.cancel()
    return found


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "a.mp4", count=12)


def test_it_connects_again_and_again_with_growing_waits(clip: Path) -> None:
    cable = Cable(clip, OSError(111, "Connection refused"), OSError(111, "Connection refused"), clip)
    notices: list[Notice] = []
    camera = Camera("x", notices.append, opener=cable, first_wait_s=0.1)
    first, second = stretches(camera, 2)
    assert [len(first), len(second)] == [12, 12]
    waits = np.diff(cable.opened)
    assert waits[:3] == pytest.approx([0.1, 0.2, 0.4], abs=0.08)
    kinds = [notice.kind for notice in notices]
    assert kinds[:8] == [
        "connecting",
        "online",
        "offline",
        "connecting",
        "offline",
        "connecting",
        "offline",
        "connecting",
    ]
    assert "refused; check" in notices[4].problem and [n.retry_s for n in notices if n.kind == "offline"][:3] == [
        0.1,
        0.2,
        0.4,
    ]
    assert camera.counts.frames >= 24 and camera.counts.reconnects >= 1 and camera.counts.dropped == 0


def test_frames_are_numbered_through_and_the_gap_is_seen(clip: Path) -> None:
    first, second = stretches(Camera("x", opener=Cable(clip), first_wait_s=0.01), 2)
    assert [frame.index for frame in first] == list(range(12))
    assert [frame.index for frame in second] == list(range(13, 25))
    times = [frame.time_s for frame in [*first, *second]]
    assert times == sorted(times)


class Wire:
    """A container that is all that `Camera` asks for: pictures of any size, one a packet."""

    def __init__(self, *pictures: np.ndarray):
        self._pictures = pictures
        coder = SimpleNamespace(thread_count=0, decode=lambda packet: [packet])
        self.streams = SimpleNamespace(video=[SimpleNamespace(codec_context=coder, average_rate=25, guessed_rate=25)])

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def demux(self, stream: Any) -> Iterator[av.VideoFrame]:
        for image in self._pictures:
            yield av.VideoFrame.from_ndarray(image, format="rgb24")


def test_a_stretch_ends_where_the_size_changes() -> None:
    wire = Wire(*(picture(i) for i in range(8)), *(picture(i, 32, 64) for i in range(5)), picture(0))
    first, second, third = stretches(Camera("x", opener=lambda _: wire, first_wait_s=60), 3)
    assert {frame.image.shape for frame in first} == {(64, 96, 3)} and [f.index for f in first] == list(range(8))
    assert {frame.image.shape for frame in second} == {(32, 64, 3)} and [f.index for f in second] == list(range(9, 14))
    assert [frame.index for frame in third] == [15]


def test_what_cannot_be_scored_in_time_is_left_out_in_one_piece(tmp_path: Path) -> None:
    long = write_video(tmp_path / "a.mp4", count=400)
    camera = Camera("x", opener=Cable(long), first_wait_s=60)
    found: list[list[int]] = []
    seen = 0
    for stretch in camera.stretches():
        found.append([])
        for frame in stretch:
            found[-1].append(frame.index)
            seen += 1
            if len(found) == 1 and len(found[0]) == 10:
                # The reader sleeps while the camera goes on.
                while camera.counts.frames < 400:
                    time.sleep(0.01)
        if seen + camera.counts.dropped >= 400:
            break
    camera.close()
    assert seen + camera.counts.dropped == 400 and camera.counts.dropped > 200
    # What was left out is a multiple of what may wait: two seconds of 25 frames.
    assert camera.counts.dropped % 50 in (0, 39, 40, 41)
    for stretch_indices in found:
        assert stretch_indices == list(range(stretch_indices[0], stretch_indices[0] + len(stretch_indices)))


def test_closing_is_prompt_while_it_waits(clip: Path) -> None:
    camera = Camera("x", opener=Cable(OSError(113, "No route to host")), first_wait_s=30)
    threading.Timer(0.3, camera.close).start()
    began = time.monotonic()
    assert list(camera.stretches()) == []
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(111, "Connection refused"), "connection refused; check that it is on"),
        (av.error.HTTPUnauthorizedError(1, "Server returned 401"), "refuses the user or the password"),
        (SourceError("it sends no video"), "it sends no video"),
        (av.error.ExitError(1, "Immediate exit requested"), "does not answer"),
    ],
)
def test_problems_in_words(error: Exception, words: str) -> None:
    assert words in explain(error)


def test_who_reads_is_told_that_nothing_comes(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssmtl.video.streams.QUIET_S", 0.1)
    camera = Camera("x", opener=Cable(clip, OSError(113, "No route to host")), first_wait_s=60)
    lengths = []
    for stretch in camera.stretches():
        lengths.append(len(list(stretch)))
        if len(lengths) == 3:
            break
    camera.close()
    assert lengths == [12, 0, 0]


def test_whatever_goes_wrong_it_is_tried_again(clip: Path) -> None:
    camera = Camera("x", opener=Cable(MemoryError("no room for a picture"), clip), first_wait_s=0.05)
    (first,) = stretches(camera, 1)
    assert len(first) == 12

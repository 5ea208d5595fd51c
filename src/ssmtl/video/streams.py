"""Frames of live cameras: RTSP, HTTP and other streams, and devices of this machine, through PyAV.

A camera is read in a thread of its own, which reconnects for ever. Its frames come in stretches without a gap: a
stretch ends where the connection is lost, the picture's size changes, or the reader cannot keep up. In the last case
all that waits is left out and counted, in one piece: what is scored is then still seven frames that follow one another.
"""

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import av
from av.container import InputContainer
from av.error import HTTPForbiddenError, HTTPUnauthorizedError, InvalidDataError, PermissionError
from av.video.reformatter import VideoReformatter

from ssmtl.errors import SourceError
from ssmtl.video.addresses import hide_in, hide_password
from ssmtl.video.files import DEFAULT_RATE, open_container
from ssmtl.video.frame import Frame

LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "rtp", "srt", "tcp")

LONGEST_WAIT_S = 60.0
"""Between two tries to connect: 1, 2, 4 ... seconds, up to this."""

OPEN_S, READ_S = 10.0, 8.0
"""How long a camera may take to answer, and to send its next packet, before it counts as gone."""

WAITING_S = 2.0
"""Seconds of frames that may wait for who scores them."""

QUIET_S = 3.0
"""After so long without a frame whoever reads is told that there is none."""

GARBAGE_S = 5.0
"""A camera that sends packets for so long of which none can be decoded is connected anew."""

Kind = Literal["connecting", "online", "offline"]


@dataclass(frozen=True, slots=True)
class Notice:
    """How the connection is, for people; `problem` says what is wrong, without a password."""

    kind: Kind
    problem: str = ""
    retry_s: float = 0.0


@dataclass(slots=True)
class Counts:
    """What was read: frames, those of them left out to keep up, damaged packets, connections after the first."""

    frames: int = 0
    dropped: int = 0
    undecodable: int = 0
    reconnects: int = 0


@dataclass(frozen=True, slots=True)
class _Gap:
    """What follows does not follow on what was before."""


def is_live(address: str) -> bool:
    """Whether an address is of a live camera and not of a file: a stream's URL, a device, or a device's number."""
    return urlsplit(address).scheme.lower() in LIVE_SCHEMES or is_device(address)


def is_device(address: str) -> bool:
    """Whether an address is a capture device of this machine."""
    return re.fullmatch(r"\d{1,2}|/dev/video\d+", address) is not None


def check_address(address: str) -> None:
    """See, before anything starts, that an address can be one.

    Raises:
        SourceError: it cannot; names it, without its password.
    """
    shown = hide_password(address)
    if is_device(address):
        device = Path(_device(address))
        if not device.exists():
            known = sorted(str(path) for path in Path("/dev").glob("video*")) or ["none"]
            raise SourceError(f"{device}: no such device; there are: {', '.join(known)}")
        return
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SourceError(
            f"{shown}: is no address ({error}); write it as rtsp://user:password@host:554/path"
        ) from error
    if not host:
        raise SourceError(f"{shown}: names no host; write it as rtsp://user:password@host:554/path")


def _device(address: str) -> str:
    return f"/dev/video{address}" if address.isdigit() else address


class Camera:
    """A live camera that is read in a thread of its own.

    Attributes:
        counts: what was read.
        declared_rate: frames per second as the camera says, or None.
        rate: the same, or 25.
    """

    def __init__(
        self,
        address: str,
        told: Callable[[Notice], None] = lambda notice: None,
        *,
        opener: Callable[[str], InputContainer] | None = None,
        first_wait_s: float = 1.0,
        longest_wait_s: float = LONGEST_WAIT_S,
    ):
        """Prepare to read; `told` is called, in that thread, when the connection comes and goes.

        Raises:
            SourceError: the address cannot be one.
        """
        if opener is None:
            check_address(address)
        self.address = address
        self.counts = Counts()
        self.rate = DEFAULT_RATE
        self.declared_rate: float | None = None
        self._told = told
        self._opener = opener or _open
        self._first_wait_s, self._longest_wait_s = first_wait_s, longest_wait_s
        self._stop = threading.Event()
        self._queue: queue.Queue[tuple[float, Any] | _Gap] = queue.Queue()
        self._room = threading.Lock()
        self._waiting = 0
        self._thread = threading.Thread(target=self._read, name="ssmtl-camera", daemon=True)

    def close(self) -> None:
        """Stop; returns at once, a connection that hangs ends by itself."""
        self._stop.set()
        self._queue.put(_Gap())

    def stretches(self) -> Iterator[Iterator[Frame]]:
        """Stretches of frames of one size without a gap, each to be read to its end before the next; for ever.

        While nothing comes between two of them there is an empty one every QUIET_S seconds.

        Frames are numbered through, with a number left out between stretches; their time is that of their arrival, in
        seconds of `time.monotonic`.
        """
        if not self._thread.is_alive():
            self._thread.start()
        index = 0
        ahead: list[Frame] = []
        while not self._stop.is_set():
            try:
                first = replace(ahead.pop(), index=index) if ahead else self._next(index, QUIET_S)
            except queue.Empty:
                yield iter(())
                continue
            if first is None:
                continue
            index = first.index + 1

            def stretch(first: Frame = first) -> Iterator[Frame]:
                nonlocal index
                yield first
                while not self._stop.is_set():
                    frame = self._next(index)
                    if frame is None:
                        return
                    if frame.image.shape != first.image.shape:
                        ahead.append(frame)
                        return
                    index = frame.index + 1
                    yield frame

            yield stretch()
            index += 1  # whoever counts frames sees the gap

    def _next(self, index: int, patience_s: float | None = None) -> Frame | None:
        """The next frame; None where a stretch ends; `queue.Empty` where nothing comes for so long."""
        item = self._queue.get(timeout=patience_s)
        if isinstance(item, _Gap):
            return None
        with self._room:
            self._waiting -= 1
        return Frame(index, item[0], item[1])

    def _read(self) -> None:
        wait_s = self._first_wait_s
        connected_before = False
        while not self._stop.is_set():
            self._told(Notice("connecting"))
            frames_before = self.counts.frames
            try:
                with self._opener(self.address) as container:
                    self._frames(container, connected_before)
                problem = "the stream ended"
            except Exception as error:  # whatever it is, the camera is tried again
                problem = explain(error)
            if self._stop.is_set():
                return
            if self.counts.frames > frames_before:
                connected_before = True
                wait_s = self._first_wait_s
                self._queue.put(_Gap())
            self._told(Notice("offline", hide_in(problem), wait_s))
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, self._longest_wait_s)

    def _frames(self, container: InputContainer, again: bool) -> None:
        """Read one connection to its end."""
        if not container.streams.video:
            raise SourceError("it sends no video")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise SourceError("its video is of a kind that cannot be decoded here")
        stream.codec_context.thread_count = 1
        rate = stream.average_rate or stream.guessed_rate
        self.declared_rate = float(rate) if rate and 0 < rate <= 240 else None
        self.rate = self.declared_rate or DEFAULT_RATE
        reformatter = VideoReformatter()
        good_at = time.monotonic()
        online = False
        for packet in container.demux(stream):
            if self._stop.is_set():
                return
            try:
                pictures = stream.codec_context.decode(packet)
            except InvalidDataError:
                pictures = []
                self.counts.undecodable += 1
            for picture in pictures:
                if picture.is_corrupt:
                    self.counts.undecodable += 1
                    continue
                good_at = time.monotonic()
                if not online:
                    online = True
                    self.counts.reconnects += again
                    self._told(Notice("online"))
                self._give(good_at, reformatter.reformat(picture, format="rgb24").to_ndarray())
            if time.monotonic() - good_at > GARBAGE_S:
                raise SourceError(f"nothing that it sent for {GARBAGE_S:.0f} s could be decoded")

    def _give(self, now: float, image: Any) -> None:
        self.counts.frames += 1
        with self._room:
            full = self._waiting >= max(8, WAITING_S * min(self.rate, 60))
        if full:
            self._leave_out()
        with self._room:
            self._waiting += 1
        self._queue.put((now, image))

    def _leave_out(self) -> None:
        """Drop all that waits: one long gap rather than many short ones."""
        dropped = 0
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            dropped += not isinstance(item, _Gap)
        with self._room:
            self._waiting -= dropped
        self.counts.dropped += dropped
        self._queue.put(_Gap())


def explain(error: BaseException) -> str:
    """What is wrong with a connection, in words and with the remedy."""
    if isinstance(error, HTTPUnauthorizedError | HTTPForbiddenError):
        return "it refuses the user or the password; check both, rtsp://user:password@host/path"
    if isinstance(error, PermissionError):
        return "no permission to read it; on Linux, add the user to the group 'video'"
    if isinstance(error, SourceError):
        return str(error)
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if "Immediate exit" in text:
        text = "it does not answer"
    return f"{text[0].lower()}{text[1:]}; check that it is on, and its address"


def _open(address: str) -> InputContainer:
    """Open a stream or device, which may take OPEN_S, and each of its packets READ_S."""
    if is_device(address):
        return av.open(_device(address), format="v4l2", timeout=(OPEN_S, READ_S))
    options = {"rtsp_transport": "tcp", "fflags": "nobuffer"} if address.lower().startswith("rtsp") else {}
    return open_container(address, options=options, timeout=(OPEN_S, READ_S))

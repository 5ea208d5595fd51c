"""A camera for tests: GStreamer's RTSP server, and a network between it and us that can be made bad."""

import contextlib
import select
import shutil
import socket
import subprocess
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import cv2
import pytest

from ssmtl.video.files import VideoFile

PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).parent / "rtsp_server.py"


def need_rtsp_server() -> None:
    """Skip where Debian's GStreamer is not installed."""
    check = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    if not Path(PYTHON).exists() or subprocess.run([PYTHON, "-c", check], capture_output=True).returncode:
        pytest.skip("needs python3-gst-1.0 and gir1.2-gst-rtsp-server-1.0 of Debian")
    if (
        shutil.which("gst-inspect-1.0")
        and subprocess.run(["gst-inspect-1.0", "x264enc"], capture_output=True).returncode
    ):
        pytest.skip("needs gstreamer1.0-plugins-ugly (x264enc) of Debian")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_ts(source: Path, target: Path, size: tuple[int, int] | None = None) -> Path:
    """The clip as an MPEG transport stream, which a server can play again and again; `size` is width and height."""
    with av.open(str(target), "w", format="mpegts") as container:
        stream = None
        for frame in VideoFile(source):
            image = frame.image if size is None else cv2.resize(frame.image, size)
            if stream is None:
                stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast", "bf": "0"})
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuv420p"
            picture = av.VideoFrame.from_ndarray(image, format="rgb24")
            picture.pts, picture.time_base = frame.index, Fraction(1, 25)
            container.mux(stream.encode(picture))
        assert stream is not None
        container.mux(stream.encode(None))
    return target


class RtspCamera:
    """Serves a clip in real time until it is killed."""

    def __init__(self, clip: Path, port: int, login: tuple[str, str] | None = None):
        self.port = port
        command = [PYTHON, SCRIPT, str(port), clip, *(login or ())]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"

    @property
    def address(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/camera"

    def kill(self) -> None:
        """As a power cut does."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class BadNetwork:
    """Passes TCP on to a port, and can hold it up, slow it down, or put garbage into what the camera sends.

    Attributes:
        garbage: whether the next piece from the camera is spoilt.
        bytes_per_s: at most so much comes from the camera; None = all.
        silent: whether nothing comes through.
    """

    def __init__(self, target: int):
        self.port = free_port()
        self.garbage = 0
        self.bytes_per_s: float | None = None
        self.silent = False
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._stop = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError, ValueError):  # closed meanwhile
                if select.select([self._listener], [], [], 0.1)[0]:
                    client, _ = self._listener.accept()
                    threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._target)) as camera:
            while not self._stop.is_set():
                for source in select.select([client, camera], [], [], 0.1)[0]:
                    while self.silent and not self._stop.is_set():
                        time.sleep(0.05)
                    data = source.recv(4096)
                    if not data:
                        return
                    if source is camera:
                        data = self._spoil(data)
                    (camera if source is client else client).sendall(data)

    def _spoil(self, data: bytes) -> bytes:
        if self.bytes_per_s is not None:
            time.sleep(len(data) / self.bytes_per_s)
        if self.garbage and len(data) > 600:
            self.garbage -= 1
            return data[:200] + bytes((7 * i) % 256 for i in range(300)) + data[500:]
        return data

    def close(self) -> None:
        self._stop.set()
        self._listener.close()

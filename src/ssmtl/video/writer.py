"""Frames out: a video file that appears whole or not at all."""

from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ssmtl.atomic import atomic_file
from ssmtl.errors import OutputError

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")

# Ticks per second: whole numbers of them for 24, 25, 30 and 30000/1001 frames per second and for milliseconds,
# and below the 65535 that MPEG-4 allows.
_TICKS = 60_000
_BT709 = 1  # AVCOL_SPC_BT709, AVCOL_PRI_BT709 and AVCOL_TRC_BT709 are all 1
_LIMITED_RANGE = 1  # AVCOL_RANGE_MPEG


class VideoWriter:
    """Writes RGB images to a video file, as a context manager.

    H.264 in yuv420p, with the index in front, so that browsers play it while it loads; MPEG-4 part 2, which
    browsers do not play, where this build of FFmpeg has no H.264 encoder. An odd width or height grows by one
    pixel, which repeats the last. The file appears at `path` when the context ends without an exception; after
    one, nothing new is there, and an older file is untouched.

        with VideoWriter(path, width, height, rate) as writer:
            for frame in source:
                writer.write(frame.image, frame.time_s)

    Attributes:
        path: the file: .mp4, .m4v, .mov or .mkv.
        codec: name of FFmpeg's encoder, "libx264" or "mpeg4".
    """

    def __init__(self, path: str | Path, width: int, height: int, rate: float) -> None:
        """Prepare for images of `height` × `width` at `rate` frames per second; touches no file yet.

        Raises:
            OutputError: `path` ends in none of the known suffixes.
            ValueError: `width`, `height` or `rate` is not positive.
        """
        self.path = Path(path)
        if self.path.suffix.lower() not in SUFFIXES:
            raise OutputError(f"{self.path}: unknown ending; name a file in one of {', '.join(SUFFIXES)}")
        if width < 1 or height < 1 or not rate > 0:
            raise ValueError(f"width, height and rate must be positive, not {width}, {height}, {rate}")
        self.codec = _encoder()
        self._shape = (height, width, 3)
        self._rate = Fraction(rate).limit_denominator(1001)
        self._origin_s = 0.0
        self._next_s = 0.0
        self._last_tick = -1

    def __enter__(self) -> Self:
        """Open the file under a temporary name.

        Raises:
            OutputError: it cannot be created.
        """
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_file(self.path))
            try:
                # Only MP4 and its kin have an index to move to the front.
                options = {} if self.path.suffix.lower() == ".mkv" else {"movflags": "+faststart"}
                self._container: OutputContainer = av.open(str(temporary), "w", container_options=options)
                self._stream = self._add_stream()
            except FFmpegError as error:
                raise self._failure(error) from error
            self._stack = stack.pop_all()
        return self

    def write(self, image: NDArray[np.uint8], time_s: float | None = None) -> None:
        """Add one image.

        Args:
            image: H×W×3 uint8, RGB.
            time_s: when it is shown, in seconds from any origin: the first image is shown at 0. A time no later
                than the one before is put right after it. Left out, it is one frame after the one before.

        Raises:
            OutputError: the file cannot be written, for instance because the disk is full.
            ValueError: the image has another shape or type.
        """
        if image.shape != self._shape or image.dtype != np.uint8:
            raise ValueError(f"expected {self._shape} uint8, not {image.shape} {image.dtype}")
        seconds = self._next_s if time_s is None else time_s
        if self._last_tick < 0:
            self._origin_s = seconds
        self._next_s = seconds + float(1 / self._rate)
        self._last_tick = max(round((seconds - self._origin_s) * _TICKS), self._last_tick + 1)
        height, width = self._shape[:2]
        if height % 2 or width % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        picture = rgb.reformat(format="yuv420p", dst_colorspace="ITU709")
        picture.pts = self._last_tick
        picture.time_base = Fraction(1, _TICKS)
        self._encode(picture)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file and give it its name, or delete it after an exception.

        Raises:
            OutputError: it cannot be written, or no image was.
        """
        if error is None:
            with self._stack:
                self._finish()
            return
        with suppress(FFmpegError):
            self._container.close()
        with suppress(OutputError):  # atomic_file's, in place of an OSError that is none of its business
            self._stack.__exit__(kind, error, trace)

    def _finish(self) -> None:
        try:
            if self._last_tick < 0:
                raise OutputError(f"{self.path}: no frame was written to it; check that the source has frames")
            self._encode(None)
            self._container.close()
        except FFmpegError as error:
            raise self._failure(error) from error
        finally:
            with suppress(FFmpegError):
                self._container.close()

    def _encode(self, picture: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(picture))
        except FFmpegError as error:
            raise self._failure(error) from error

    def _add_stream(self) -> VideoStream:
        height, width = self._shape[:2]
        keyframe_interval = {"g": str(max(1, round(2 * self._rate)))}  # two seconds, to seek in quickly
        quality = (
            {"crf": "20", "preset": "veryfast"}
            if self.codec == "libx264"
            else {"flags": "+qscale", "global_quality": str(4 * 118)}  # 118 = FF_QP2LAMBDA
        )
        stream = self._container.add_stream(self.codec, rate=self._rate, options=quality | keyframe_interval)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.thread_count = 2
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        return stream

    def _failure(self, error: FFmpegError) -> OutputError:
        return OutputError(
            f"{self.path}: cannot be written ({error.strerror}); free some space or choose another place"
        )


def _encoder() -> str:
    try:
        av.Codec("libx264", "w")
    except ValueError:  # PyAV's UnknownCodecError
        return "mpeg4"
    return "libx264"

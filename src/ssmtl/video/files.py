"""Frames of a video file, decoded with FFmpeg through PyAV."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ssmtl.errors import SourceError
from ssmtl.video.frame import Frame

DEFAULT_RATE = 25.0
"""Frames per second of a file that does not say."""

_ATTACHED_PICTURE = 0x400  # AV_DISPOSITION_ATTACHED_PIC: the cover of a piece of music, no video


def open_container(address: str, **options: Any) -> InputContainer:
    """As `av.open`; titles and the like that are not UTF-8 are no error, which PyAV had to be told before its 19th."""
    if int(av.__version__.partition(".")[0]) < 19:
        options["metadata_errors"] = "replace"
    return av.open(address, **options)


class VideoFile:
    """The frames of a video file: a `FrameSource` over everything that FFmpeg opens.

    Decodes on one thread and holds no more frames than the decoder needs to put them in order. Times are the
    file's own, so variable frame rates stay as they are. A rotation or mirroring that the file asks for is
    applied.

    Damage is left out and counted in `undecodable`: packets that the decoder refuses, and pictures that it
    flags as corrupt, since what it made up for the missing parts would pass for an anomaly. Damage that
    makes FFmpeg skip to the next sound packet on its own goes uncounted, and only shows as a gap in the times.

    Attributes:
        path: the file.
        name: the clip's name; the file's name without its ending unless given.
        rate: average frames per second as the file says, 25 if it does not.
        expected_frames: frames that the file announces, or None; a truncated file announces too many.
        undecodable: packets and pictures left out in the current iteration.
    """

    def __init__(self, path: str | Path, name: str | None = None) -> None:
        """Look into the file, without decoding it.

        Raises:
            SourceError: the file is missing, empty, no video, or cannot be read.
        """
        self.path = Path(path)
        self.name = name or self.path.stem
        self.undecodable = 0
        with _open(self.path) as container:
            stream = video_stream(container, self.path)
            self.rate = _average_rate(stream)
            self.declared_rate: float | None = self.rate
            self.expected_frames = _announced_frames(container, stream, self.rate)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames from the first one on.

        Raises:
            SourceError: nothing could be decoded, a picture differs in size from the first, or reading failed.
        """
        self.undecodable = 0
        reformatter = VideoReformatter()  # one for all frames: each frame's own would be set up anew
        clock = _Clock(1 / self.rate)
        first: tuple[int, ...] | None = None
        index = 0
        with _open(self.path) as container:
            stream = video_stream(container, self.path)
            tick = float(stream.time_base or 0)
            # AVI stores no presentation times: with B-frames its stamps are in decoding order, thus wrong.
            stamped = not (container.format.name == "avi" and stream.codec_context.has_b_frames)
            for picture in self._decode(container, stream):
                pixels = reformatter.reformat(picture, format="rgb24").to_ndarray()
                image = _upright(pixels, picture)
                first = first or image.shape
                if image.shape != first:
                    raise SourceError(
                        f"{self.path}: the picture changes from {_size(first)} to {_size(image.shape)} "
                        f"at frame {index}; split the file there, or convert it to one size with FFmpeg"
                    )
                if not stamped:
                    stamp_s: float | None = (index + self.undecodable) / self.rate
                else:
                    stamp_s = None if picture.pts is None else picture.pts * tick
                yield Frame(index, clock.since_first(stamp_s), image)
                index += 1
        if index == 0:
            raise SourceError(
                f"{self.path}: no frame could be decoded; the file is truncated or damaged, copy it again"
            )

    def _decode(self, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
        """Decoded pictures in order of presentation, without those that are corrupt."""
        for packet in self._packets(container, stream):
            try:
                pictures = stream.codec_context.decode(packet)
            except FFmpegError:
                self.undecodable += 1
                continue
            for picture in pictures:
                if picture.is_corrupt:
                    self.undecodable += 1
                else:
                    yield picture

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[av.Packet | None]:
        """All packets that can be read, over damaged places, then what flushes the decoder."""
        advancing = True
        while advancing:
            advancing = False
            try:
                for packet in container.demux(stream):
                    advancing = advancing or packet.size > 0
                    yield packet
                return  # demux ends with a flushing packet of its own
            except InvalidDataError:
                self.undecodable += 1
            except FFmpegError as error:
                raise SourceError(
                    f"{self.path}: reading failed ({error.strerror}); check the disk or network and try again"
                ) from error
        yield None


class _Clock:
    """Turns time stamps, which may be missing or jump, into seconds that never go back."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._now_s: float | None = None
        self._origin_s: float | None = None

    def since_first(self, stamp_s: float | None) -> float:
        """Seconds from the first frame to one stamped `stamp_s`; without a stamp, one step after the last."""
        if self._now_s is None:
            self._now_s, self._origin_s = 0.0, stamp_s
        elif stamp_s is None:
            self._now_s += self._step_s
        else:
            # More than a second back is a recording joined from several, not jitter: time runs on from here.
            if self._origin_s is None or stamp_s - self._origin_s < self._now_s - 1:
                self._origin_s = stamp_s - self._now_s - self._step_s
            self._now_s = max(self._now_s, stamp_s - self._origin_s)
        return self._now_s


def _open(path: Path) -> InputContainer:
    """Open a video file; the error says what is wrong with it."""
    try:
        if not path.exists():
            raise SourceError(f"{path}: no such file; check the path")
        if path.is_dir():
            raise SourceError(f"{path}: is a folder; name a video file")
        if path.is_file() and path.stat().st_size == 0:
            raise SourceError(f"{path}: is empty (0 bytes); record or copy it again")
        # Absolute, so that FFmpeg takes "12:30.mp4" for a file and not for a protocol.
        return open_container(str(path.absolute()))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check disk and permissions") from error
    except FFmpegError as error:
        raise SourceError(
            f"{path}: not a video, or truncated ({error.strerror}); "
            "check that it plays, copy it again or convert it with FFmpeg"
        ) from error


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first stream of pictures that is no cover.

    Raises:
        SourceError: there is none, or its codec is unknown.
    """
    for stream in container.streams.video:
        if not getattr(stream, "disposition", 0) & _ATTACHED_PICTURE:  # older PyAV has no dispositions
            break
    else:
        raise SourceError(f"{path}: holds no video stream; name a file with pictures, not sound alone")
    if stream.codec_context is None:
        raise SourceError(f"{path}: its video codec is unknown here; convert it to H.264 with FFmpeg")
    stream.codec_context.thread_count = 1  # more threads gain nothing here and hurt on a busy small machine
    return stream


def _average_rate(stream: VideoStream) -> float:
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= 1000:  # beyond that it is the resolution of the clock, not a frame rate
            return float(rate)
    return DEFAULT_RATE


def _announced_frames(container: InputContainer, stream: VideoStream, rate: float) -> int | None:
    if stream.frames:
        return stream.frames
    if stream.duration and stream.time_base:
        return max(1, round(float(stream.duration * stream.time_base) * rate))
    if container.duration:
        return max(1, round(container.duration / av.time_base * rate))
    return None


def _upright(image: NDArray[Any], picture: av.VideoFrame) -> NDArray[np.uint8]:
    """Turn and mirror an image as the display matrix of its frame says, to the nearest quarter turn."""
    side_data: Any = picture.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return image
    # x' = a x + c y and y' = b x + d y, in 16.16 fixed point; image rows run along y
    a, b, _, c, d = np.frombuffer(side_data, np.int32)[:5].tolist()
    if abs(b) > abs(a):
        image = image.swapaxes(0, 1)
        a, d = c, b
    if a < 0:
        image = image[:, ::-1]
    if d < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"

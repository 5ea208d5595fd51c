"""Short films of what happened, with the seconds before it, which are kept in memory as JPEG until they are wanted."""

from collections import deque
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.video.writer import VideoWriter

BEFORE_S, MOST_S = 3.0, 60.0

MOST_SIDE = 960
"""Longer side of a film in pixels, at most."""

_QUALITY = 90


class Recorder:
    """Records a film when it is told to, from a little before; one at a time, in memory that does not grow.

    Attributes:
        path: the film that is being written, or None.
    """

    def __init__(self, rate: float, before_s: float = BEFORE_S, most_s: float = MOST_S):
        """Prepare for pictures of nominally `rate` per second; a film ends after `most_s` seconds at the latest."""
        self._rate = rate
        self._before_s, self._most_s = before_s, most_s
        self._ring: deque[tuple[float, NDArray[np.uint8]]] = deque()
        self._writer: VideoWriter | None = None
        self._began_s, self._size = 0.0, (0, 0)
        self.path: Path | None = None

    def add(self, image: NDArray[np.uint8], time_s: float) -> None:
        """Take the next picture, H×W×3 uint8 RGB, of that time in seconds; a film has those of one size alone.

        Raises:
            OutputError: the film cannot be written; it is gone, and the recorder can go on.
        """
        small = shrink(image)
        if self._writer is not None:
            if time_s - self._began_s <= self._most_s and small.shape[:2] == self._size:
                self._write(small, time_s)
            return
        coded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        # Another picture size, or a clock that was set back, is another scene.
        if self._ring and time_s < self._ring[-1][0]:
            self._ring.clear()
        self._ring.append((time_s, np.asarray(coded, np.uint8)))
        while self._ring[0][0] < time_s - self._before_s:
            self._ring.popleft()

    def begin(self, path: Path) -> None:
        """Begin a film with what is remembered; it appears at `path` when it is ended.

        Raises:
            OutputError: it cannot be written.
        """
        if self._writer is not None or not self._ring:
            return
        pictures = [(time_s, _decode(coded)) for time_s, coded in self._ring]
        self._ring.clear()
        height, width = pictures[-1][1].shape[:2]
        self._writer = VideoWriter(path, width, height, self._rate)
        self._began_s, self._size, self.path = pictures[0][0], (height, width), path
        try:
            self._writer.__enter__()
        except BaseException:
            self._writer = self.path = None
            raise
        for time_s, picture in pictures:
            if picture.shape[:2] == (height, width):
                self._write(picture, time_s)

    def _write(self, picture: NDArray[np.uint8], time_s: float) -> None:
        assert self._writer is not None
        try:
            self._writer.write(picture, time_s)
        except BaseException as error:
            writer, self._writer, self.path = self._writer, None, None
            writer.__exit__(type(error), error, None)
            raise

    def end(self, keep: bool = True) -> Path | None:
        """End the film, if there is one, and give it its name, or drop it; where it is, if it was kept.

        Raises:
            OutputError: it cannot be written.
        """
        writer, path = self._writer, self.path
        self._writer = self.path = None
        if writer is None:
            return None
        error = None if keep else InterruptedError("dropped")
        writer.__exit__(None if error is None else type(error), error, None)
        return path if keep else None


def shrink(image: NDArray[np.uint8], most: int = MOST_SIDE) -> NDArray[np.uint8]:
    """The picture, no side longer than `most` pixels."""
    height, width = image.shape[:2]
    scale = most / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _decode(coded: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)

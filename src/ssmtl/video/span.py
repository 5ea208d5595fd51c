"""A part of a clip as a source of its own."""

from collections.abc import Iterator
from dataclasses import replace

from ssmtl.errors import SourceError
from ssmtl.video.frame import Frame, FrameSource


class Span:
    """Frames `start` up to but without `stop` of a source, numbered from 0; they keep their presentation times."""

    def __init__(self, source: FrameSource, start: int, stop: int | None):
        self._source = source
        self._start, self._stop = start, stop
        self.name = source.name
        self.rate, self.declared_rate = source.rate, source.declared_rate
        self.undecodable = 0
        self.expected_frames: int | None = None
        if source.expected_frames is not None or stop is not None:
            known = [n for n in (source.expected_frames, stop) if n is not None]
            self.expected_frames = max(0, min(known) - start)

    def __iter__(self) -> Iterator[Frame]:
        index = -1
        for frame in self._source:
            self.undecodable = self._source.undecodable
            if self._stop is not None and frame.index >= self._stop:
                break
            if frame.index >= self._start:
                index = frame.index - self._start
                yield replace(frame, index=index)
        if index < 0:
            raise SourceError(f"{self.name}: has no frames from {self._start} on; check --frames")

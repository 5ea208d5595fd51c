"""What is counted of a stream as it runs: how fast it is, and the scores of each second."""

import time
from collections import deque
from collections.abc import Callable

from ssmtl.scoring.stream import FrameResult

RATE_S = 10.0
"""Seconds over which frames per second are measured."""

Row = tuple[int, float, float, int]
"""Unix second, highest frame score, highest object score, objects."""


class Rate:
    """How often something happened over the last seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def add(self) -> None:
        """It happens now."""
        now = time.monotonic()
        self._times.append(now)
        while self._times[0] < now - RATE_S:
            self._times.popleft()

    def per_s(self) -> float:
        """Times per second."""
        now = time.monotonic()
        recent = [t for t in list(self._times) if t >= now - RATE_S]
        return len(recent) / max(1.0, now - recent[0]) if len(recent) > 1 else 0.0


class Seconds:
    """Gathers the scores of frames into those of seconds, and hands each on when it is over."""

    def __init__(self, keep: Callable[[Row], None]):
        self._keep = keep
        self._now: Row | None = None

    def add(self, second: int, result: FrameResult, held: bool) -> None:
        """Take a frame of a Unix second; the scores of one that is held do not count."""
        if self._now is None or self._now[0] != second:
            self.close()
            self._now = (second, 0.0, 0.0, 0)
        _, score, object_score, objects = self._now
        if not held:
            score = max(score, result.score)
            object_score = max([object_score, *result.object_scores.tolist()])
        self._now = (second, score, object_score, max(objects, len(result.regions)))

    def close(self) -> None:
        """Hand on the second that goes on."""
        if self._now is not None:
            self._keep(self._now)
        self._now = None

"""Time of day that survives a clock that is set: what is measured runs on, what is written down follows the clock."""

import time
from collections.abc import Callable

JUMP_S = 2.0
"""A difference from which a clock was set, and did not drift."""


class Clock:
    """Brings times of `time.monotonic` to Unix times."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time):
        self._monotonic, self._wall = monotonic, wall
        self._offset = wall() - monotonic()

    def now(self) -> float:
        """The Unix time."""
        return self._wall()

    def unix(self, time_s: float) -> float:
        """The Unix time of a monotonic one, by the clock as it is set now."""
        return time_s + self._offset

    def check(self) -> float:
        """Follow the clock; by how many seconds it was set since the last call, 0 if it was not."""
        offset = self._wall() - self._monotonic()
        jump, self._offset = offset - self._offset, offset
        return jump if abs(jump) >= JUMP_S else 0.0

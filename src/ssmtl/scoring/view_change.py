"""Whether the whole picture changes at once: lights, an infrared switch, a camera that is moved or covered (ours).

Not an anomaly of what happens in the scene, though every score would say so. The frames around such a change are held:
they count for no event, and "the view changed" is one of its own.
"""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ssmtl.config import Settings

SMALL = (64, 36)
"""Width and height to which pictures are shrunk: noise and small things vanish."""

BLOCK = 4
"""Side of the blocks of the small picture that either change or not."""


class ViewSettings(Settings):
    """When the view has changed, and when it is settled again; times in seconds."""

    hold: bool = Field(True, description="hold alarms while the whole picture changes")
    levels: float = Field(12.0, gt=0, lt=255, description="grey levels by which a part of the picture changes")
    share: float = Field(0.7, gt=0, le=1, description="of the picture's parts that change at once")
    within_s: float = Field(0.5, gt=0, description="time that is looked back")
    settled_s: float = Field(2.0, ge=0, description="how long the picture must then stand still as a whole")


@dataclass(frozen=True, slots=True)
class ViewChange:
    """One change: frames and times in seconds of its stream, from the change until the view is settled again."""

    first_frame: int
    last_frame: int
    start_s: float
    end_s: float


class ViewWatch:
    """Tells of each picture, in order, whether the view is changing; constant memory."""

    def __init__(self, settings: ViewSettings):
        self.settings = settings
        self._past: deque[tuple[float, NDArray[np.int16]]] = deque()
        self._since: tuple[int, float] | None = None
        self._still_since = 0.0
        self._last = (0, 0.0)

    @property
    def changing(self) -> bool:
        """Whether the view changes now."""
        return self._since is not None

    def add(self, index: int, time_s: float, image: NDArray[np.uint8]) -> ViewChange | None:
        """Take the next picture; the change that is over with it, if one is."""
        grey = cv2.cvtColor(cv2.resize(image, SMALL, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        small = grey.astype(np.int16)
        while len(self._past) > 1 and self._past[1][0] <= time_s - self.settings.within_s:
            self._past.popleft()
        changed = changed_share(small, self._past[0][1], self.settings.levels) if self._past else 0.0
        self._past.append((time_s, small))
        self._last = (index, time_s)
        if changed >= self.settings.share:
            self._still_since = time_s
            if self._since is None:
                self._since = (index, time_s)
        elif changed >= self.settings.share / 2:
            self._still_since = time_s
        if self._since is not None and time_s - self._still_since >= self.settings.settled_s:
            return self.finish()
        return None

    def finish(self) -> ViewChange | None:
        """The change that the end of the stream ends."""
        since, self._since = self._since, None
        return None if since is None else ViewChange(since[0], self._last[0], since[1], self._last[1])


def changed_share(now: NDArray[np.int16], before: NDArray[np.int16], levels: float) -> float:
    """Share of the blocks of two small grey pictures in which some pixel differs by more than so many levels."""
    height, width = now.shape
    blocks = np.abs(now - before).reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).max(axis=(1, 3))
    return float((blocks > levels).mean())

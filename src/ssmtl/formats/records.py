"""What the files hold once they are read, always by one convention.

Frames count from 0, the clip's first. Boxes are xyxy pixels, half open: a box of one pixel at (3, 5) is 3, 5, 4, 6.
Files that count pixels inclusively (3, 5, 3, 5 for the same box) are converted when they are read and written.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ScoredRegions:
    """Regions that some program found in one clip, in any order.

    Attributes:
        frames: M frames.
        boxes: M×4 boxes.
        scores: M anomaly scores, finite, higher = more abnormal.
    """

    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def none(cls) -> Self:
        """No region at all."""
        return cls(np.empty(0, np.int64), np.empty((0, 4)), np.empty(0))


@dataclass(frozen=True, slots=True)
class Tracks:
    """The abnormal regions of one clip's ground truth, in any order.

    Attributes:
        frames: M frames.
        ids: M numbers; regions of one id are one track. They mean nothing across clips.
        boxes: M×4 boxes.
        derived: linked by us from masks or boxes that name no tracks, so that published numbers may differ.
    """

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    derived: bool = False

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def none(cls, derived: bool = False) -> Self:
        """Nothing abnormal."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4)), derived)

    def by_frame(self, frames: int) -> list[NDArray[np.float64]]:
        """The boxes of each of the clip's `frames` frames, M×4; regions beyond them are left out."""
        order = np.argsort(self.frames, kind="stable")
        edges = np.searchsorted(self.frames[order], np.arange(frames + 1))
        return [self.boxes[order[a:b]] for a, b in pairwise(edges)]

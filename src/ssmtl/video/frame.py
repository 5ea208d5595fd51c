"""The frame, and the contract of everything that yields frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture of a video.

    Attributes:
        index: position in the source, from 0, without gaps.
        time_s: presentation time in seconds; not `index / rate`, which is wrong for variable frame rates.
        image: H×W×3 uint8, RGB, upright (any rotation in the file already applied).
    """

    index: int
    time_s: float
    image: NDArray[np.uint8]


class FrameSource(Protocol):
    """Frames of one clip, in order, in constant memory. Iterating again starts from the first frame.

    Attributes:
        name: short name of the clip, usable as a folder name.
        rate: nominal frames per second, > 0.
        declared_rate: the same as the footage says it; None where it does not, and `rate` is assumed.
        expected_frames: how many frames to expect, for progress only, or None where that is unknown.
        undecodable: packets or pictures of the current iteration that could not be decoded and were left out.
    """

    name: str
    rate: float
    declared_rate: float | None
    expected_frames: int | None
    undecodable: int

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames.

        Raises:
            SourceError: nothing could be decoded, or a picture differs in size from the first.
        """
        ...

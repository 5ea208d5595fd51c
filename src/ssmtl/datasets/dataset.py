"""What a data set is: clips to train on, clips to test on, and the ground truth of the latter."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ssmtl.video.sources import Clip


class Dataset(Protocol):
    """A benchmark's layout and protocol on the user's disk."""

    name: str

    def train_clips(self) -> list[Clip]:
        """Clips of normal footage, in natural order.

        Raises:
            DataError: none are there; the message says where they were looked for.
        """
        ...

    def test_clips(self) -> list[Clip]:
        """Clips to score, in natural order; same errors."""
        ...

    def frame_labels(self, clip: Clip, frames: int) -> NDArray[np.bool_]:
        """Ground truth of the `frames` frames of a test clip, True = abnormal.

        Raises:
            DataError: the annotation is missing or does not fit the clip.
        """
        ...

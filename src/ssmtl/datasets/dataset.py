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
        """Ground truth of the `frames` frames of a test clip or of the part that it is, True = abnormal.

        Raises:
            DataError: the annotation is missing or does not fit the clip.
        """
        ...

    def region_truth(self, clip: Clip, frames: int) -> list[NDArray[np.float32]] | None:
        """Abnormal regions of the same frames: for each an M×4 array of boxes, xyxy pixels, half open.

        None where the data set says when something is abnormal, but not where. Same errors.
        """
        ...

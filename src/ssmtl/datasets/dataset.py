"""What a data set is: clips to train on, clips to test on, the ground truth of the latter, and whether all is there."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ssmtl.formats.records import Tracks
from ssmtl.video.sources import Clip

Step = Callable[[], None]
"""Called once for each clip that was looked at."""


def no_step() -> None:
    """Nobody wants to know."""


class Use(StrEnum):
    """What a part of a data set is needed for."""

    TRAINING = "training"
    SCORING = "scoring the test clips"
    FRAMES = "micro and macro AUC"
    REGIONS = "RBDC and TBDC"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of what a look at the user's copy found.

    Attributes:
        what: the part that was counted.
        found: how many there are; None where they could not be counted.
        official: how many the official copy has; None where that is not known or the part is the user's own.
        problems: what is missing, extra, of the wrong length or unreadable, a text each.
        note: what else there is to know; nothing is wrong.
        use: what the part is needed for; None where nothing of ours needs it.
        possible: whether that can be done with what was found.
    """

    what: str
    found: int | None
    official: int | None = None
    problems: tuple[str, ...] = ()
    note: str = ""
    use: Use | None = None
    possible: bool = True

    @property
    def complete(self) -> bool:
        """Whether nothing is missing; always so of what is not needed."""
        return self.use is None or (not self.problems and (self.official is None or self.found == self.official))


class Dataset(Protocol):
    """A benchmark's layout and protocol on the user's disk."""

    @property
    def name(self) -> str:
        """As on the command line."""
        ...

    @property
    def title(self) -> str:
        """As in tables."""
        ...

    @property
    def page(self) -> str:
        """Where the official copy is to be had; empty for a user's own data set."""
        ...

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

    def tracks(self, clip: Clip, frames: int) -> Tracks | None:
        """Abnormal regions of the same frames, which count from the part's first, and which of them are one track.

        None where the data set says when something is abnormal, but not where.

        Raises:
            DataError: the annotation is missing for this clip but not for all, or does not fit the clip.
        """
        ...

    def check(self, step: Step = no_step) -> list[Item]:
        """What is there, against the official counts; whatever is wrong with the copy is a finding, not an error."""
        ...

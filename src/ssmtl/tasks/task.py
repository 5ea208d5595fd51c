"""The contract of a proxy task, and the views of a sequence that tasks are scored on.

Tensor names end in their dimensions: B sequences, C channels of the picture (1 or 3), T frames, H and W pixels.
"""

from enum import Enum
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

REACH = 3
"""Frames on either side of the middle one: a sequence has 7 (SSMTL, section 3)."""

FRAMES = 2 * REACH + 1


class View(Enum):
    """What a task sees of a sequence of 7 frames when it scores; tasks of one view share a backbone pass."""

    ALL = "all frames"
    WITHOUT_MIDDLE = "all but the middle frame"
    MIDDLE = "the middle frame"

    def take(self, x_BCTHW: Tensor) -> Tensor:
        """The view of sequences of an odd number of frames T ≥ 7, of which the middle 7 count."""
        middle = x_BCTHW.shape[2] // 2
        frames = x_BCTHW[:, :, middle - REACH : middle + REACH + 1]
        if self is View.WITHOUT_MIDDLE:
            return torch.cat([frames[:, :, :REACH], frames[:, :, REACH + 1 :]], dim=2)
        return frames[:, :, REACH : REACH + 1] if self is View.MIDDLE else frames


def balanced(n: int, generator: torch.Generator) -> Tensor:
    """N booleans in random order, half of them True; the odd one out is drawn."""
    half = n // 2 + (int(torch.randint(2, (), generator=generator)) if n % 2 else 0)
    return torch.randperm(n, generator=generator) < half


class ProxyTask(Protocol):
    """A self-supervised task that only normal sequences teach, so that failing at it tells of an anomaly.

    Attributes:
        kind: its name in configurations, models and results.
        title: its name in the papers.
        words: what a high score means, for people.
        view: what it sees when it scores.
        reach: frames that `sample` needs on either side of the middle one, ≥ 3.
    """

    title: ClassVar[str]
    words: ClassVar[str]
    view: ClassVar[View]

    @property
    def kind(self) -> str:
        """Its name in configurations, models and results."""
        ...

    @property
    def reach(self) -> int:
        """Frames that `sample` needs on either side of the middle one."""
        ...

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Make a training input (B×C×T'×H×W) and its target from sequences of 2·reach' + 1 ≥ 2·reach + 1 frames.

        `x` is in [0, 1]; `generator` is the only source of chance.
        """
        ...

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """A new head on features B×channels×8×8."""
        ...

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean loss over the batch, a scalar."""
        ...

    def score(self, output: Tensor, x_BCTHW: Tensor) -> Tensor:
        """Anomaly score of each sequence, B, higher = more abnormal; `output` is of this task's view of `x`."""
        ...

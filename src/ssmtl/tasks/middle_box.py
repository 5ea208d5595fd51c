"""T3, middle box prediction (SSMTL, section 3): what did the missing middle frame look like?"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.config import Settings
from ssmtl.nets.heads import DecodingHead
from ssmtl.tasks.task import REACH, View


class MiddleBox(Settings):
    """Input: six frames, the middle one removed. Target: the middle crop. Score: mean absolute error."""

    kind: Literal["middle_box"] = "middle_box"
    title: ClassVar[str] = "Middle box prediction"
    words: ClassVar[str] = "does not look as expected"
    view: ClassVar[View] = View.WITHOUT_MIDDLE

    @property
    def reach(self) -> int:
        """The seven frames of a sequence."""
        return REACH

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Input B×C×6×H×W, target B×C×H×W; nothing is drawn."""
        return self.view.take(x_BCTHW), View.MIDDLE.take(x_BCTHW)[:, :, 0]

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """A picture."""
        return DecodingHead(channels, picture_channels)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean absolute error."""
        return functional.l1_loss(output, target)

    def score(self, output: Tensor, x_BCTHW: Tensor) -> Tensor:
        """Mean absolute error of each sequence, in grey levels / 255."""
        return (output - View.MIDDLE.take(x_BCTHW)[:, :, 0]).abs().mean(dim=(1, 2, 3))

"""T3, middle box prediction (SSMTL, section 3): what did the missing middle frame look like?"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.nets.heads import DecodingHead
from ssmtl.tasks.task import Given, Pictures, ProxyTask, View, middle_frame


class MiddleBox(ProxyTask):
    """Input: six frames, the middle one removed. Target: the middle crop. Score: mean absolute error."""

    kind: Literal["middle_box"] = "middle_box"
    title: ClassVar[str] = "Middle box prediction"
    words: ClassVar[str] = "does not look as expected"

    @property
    def view(self) -> View:
        """The six frames around the middle one."""
        return View.WITHOUT_MIDDLE

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        """Input B×C×6×H×W, target B×C×H×W; nothing is drawn."""
        return self.view.take(x_BCTHW), middle_frame(x_BCTHW)

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """A picture."""
        return DecodingHead(channels, picture_channels)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean absolute error."""
        return functional.l1_loss(output, target)

    def score(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Tensor:
        """Mean absolute error of each sequence, in grey levels / 255."""
        return (output - middle_frame(x_BCTHW)).abs().mean(dim=(1, 2, 3))

    def reveal(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Pictures:
        """The middle crop, and what was expected in its place."""
        return Pictures(middle_frame(x_BCTHW), output.clamp(0, 1))

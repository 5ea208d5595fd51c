"""T7, segmentation (SSMTL++, section 3.4): which pixels of the middle crop are the object?"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.nets.heads import DecodingHead
from ssmtl.tasks.task import Given, Pictures, ProxyTask, View


class Segmentation(ProxyTask):
    """Target: a teacher's mask of the object in the middle crop. The teacher runs at test time too."""

    kind: Literal["segmentation"] = "segmentation"
    title: ClassVar[str] = "Segmentation"
    words: ClassVar[str] = "has an unusual outline"
    trains_on: ClassVar[tuple[str, ...]] = ("segmentation",)
    scores_on: ClassVar[tuple[str, ...]] = ("segmentation",)

    @property
    def view(self) -> View:
        """The middle frame alone."""
        return View.MIDDLE

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        """Input B×C×1×H×W, target B×1×H×W; nothing is drawn."""
        return self.view.take(x_BCTHW), given["segmentation"]

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """A mask."""
        return DecodingHead(channels, 1)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean squared error."""
        return functional.mse_loss(output, target)

    def score(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Tensor:
        """Mean squared error of each sequence."""
        return (output - given["segmentation"]).square().mean(dim=(1, 2, 3))

    def reveal(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Pictures:
        """The teacher's mask and the expected one."""
        return Pictures(given["segmentation"], output.clamp(0, 1))

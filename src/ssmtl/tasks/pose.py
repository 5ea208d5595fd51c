"""T9, pose (SSMTL++, section 3.4): where are the joints of the person in the middle crop?"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.nets.heads import DecodingHead
from ssmtl.tasks.task import Given, Pictures, ProxyTask, View

JOINTS = 17
"""Of COCO's persons."""


class Pose(ProxyTask):
    """Target: a teacher's heat-maps of joints in the middle crop. The teacher runs at test time too."""

    kind: Literal["pose"] = "pose"
    title: ClassVar[str] = "Pose"
    words: ClassVar[str] = "has an unusual pose"
    trains_on: ClassVar[tuple[str, ...]] = ("pose",)
    scores_on: ClassVar[tuple[str, ...]] = ("pose",)

    @property
    def view(self) -> View:
        """The middle frame alone."""
        return View.MIDDLE

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        """Input B×C×1×H×W, target B×17×H×W; nothing is drawn."""
        return self.view.take(x_BCTHW), given["pose"]

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """A heat-map per joint."""
        return DecodingHead(channels, JOINTS)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean squared error."""
        return functional.mse_loss(output, target)

    def score(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Tensor:
        """Mean squared error of each sequence."""
        return (output - given["pose"]).square().mean(dim=(1, 2, 3))

    def reveal(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Pictures:
        """All joints in one picture each: the teacher's and the expected ones."""
        highest = given["pose"].amax(dim=1, keepdim=True)
        return Pictures(highest.clamp(0, 1), output.amax(dim=1, keepdim=True).clamp(0, 1))

"""T4, knowledge distillation (SSMTL, section 3): what would a classifier and a detector say of the middle crop?"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.nets.heads import ClassificationHead
from ssmtl.regions.classes import CLASSES
from ssmtl.tasks.task import Given, Odds, ProxyTask, View

IMAGENET = 1000


class Distillation(ProxyTask):
    """Target: a classifier's 1000 pre-softmax values, then the detector's class probabilities.

    The score needs the detector's probabilities only, which are at hand: the classifier does not run at test time.
    """

    kind: Literal["distillation"] = "distillation"
    weight: float = Field(0.2, gt=0, le=10, description="of its loss against the other tasks'")
    title: ClassVar[str] = "Knowledge distillation"
    words: ClassVar[str] = "is no usual object"
    trains_on: ClassVar[tuple[str, ...]] = ("classifier", "classes")
    scores_on: ClassVar[tuple[str, ...]] = ("classes",)

    @property
    def view(self) -> View:
        """The middle frame alone."""
        return View.MIDDLE

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        """Input B×C×1×H×W, target B×1081; nothing is drawn."""
        return self.view.take(x_BCTHW), torch.cat([given["classifier"], given["classes"]], dim=1)

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """A value per ImageNet class and a logit per class of the detector."""
        return ClassificationHead(channels, IMAGENET + len(CLASSES))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """`weight` times the mean absolute errors of both parts."""
        values = functional.l1_loss(output[:, :IMAGENET], target[:, :IMAGENET])
        return self.weight * (values + functional.l1_loss(_probabilities(output), target[:, IMAGENET:]))

    def imitation(self, output: Tensor, answer: Tensor) -> Tensor:
        """`weight` times the mean absolute difference of the probabilities: what does not score is not imitated."""
        return self.weight * functional.l1_loss(_probabilities(output), _probabilities(answer))

    def score(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Tensor:
        """Mean absolute difference of the class probabilities, in [0, 1]."""
        return (_probabilities(output) - given["classes"]).abs().mean(dim=1)

    def reveal(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Odds:
        """The detector's class probabilities and those expected."""
        return Odds(CLASSES, _probabilities(output), given["classes"])


def _probabilities(output: Tensor) -> Tensor:
    return output[:, IMAGENET:].sigmoid()

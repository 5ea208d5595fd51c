"""T1, the arrow of time (SSMTL, section 3): is the sequence played forward or backward?"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.nets.heads import ClassificationHead
from ssmtl.tasks.task import Given, Odds, ProxyTask, View, balanced, divergence


class ArrowOfTime(ProxyTask):
    """Classes: 0 forward, 1 backward. Score: the probability of backward.

    Label smoothing is our choice: without it the probabilities saturate long before the other tasks have learnt,
    and an object is either 0 or 1 by chance.
    """

    kind: Literal["arrow_of_time"] = "arrow_of_time"
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    title: ClassVar[str] = "Arrow of time"
    form: ClassVar[Literal["log", "logit"]] = "logit"
    words: ClassVar[str] = "moves backwards"

    @property
    def view(self) -> View:
        """All seven frames."""
        return View.ALL

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        """Half of the sequences, drawn at random, are reversed: input B×C×7×H×W, target B (1 = reversed)."""
        forward = self.view.take(x_BCTHW)
        backward_B = balanced(len(x_BCTHW), generator).to(x_BCTHW.device)
        flipped = backward_B.view(-1, 1, 1, 1, 1)
        return torch.where(flipped, forward.flip(2), forward), backward_B.long()

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """Two classes."""
        return ClassificationHead(channels, 2)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy."""
        return functional.cross_entropy(output, target, label_smoothing=self.label_smoothing)

    def imitation(self, output: Tensor, answer: Tensor) -> Tensor:
        """Divergence of softened probabilities."""
        return divergence(output, answer)

    def score(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Tensor:
        """P(backward) in [0, 1]."""
        return output.softmax(dim=1)[:, 1]

    def reveal(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Odds:
        """The probabilities of both classes."""
        return Odds(("forward", "backward"), output.softmax(dim=1))

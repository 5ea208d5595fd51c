"""What T1 and T2 have in common: they choose between two classes, of which the second is unusual."""

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.nets.heads import ClassificationHead
from ssmtl.tasks.task import ProxyTask, divergence

SUREST = 14.0
"""Log-odds beyond which no answer is told from another."""


class OddsTask(ProxyTask):
    """A task whose head gives two classes' logits, B×2; its score is the probability of the second.

    Label smoothing is our choice: without it the probabilities saturate long before the other tasks have learnt, and
    an object is either 0 or 1 by chance. So is a floor at even odds: what the network takes for ordinary is ordinary,
    however sure it is of it, and of people whom it has never seen it is less sure. Their frames then speak for and
    against them, and along a track that adds up.
    """

    label_smoothing: float = Field(0.1, ge=0, lt=1, description="share of the truth that both classes divide")
    floor: Literal["median", "even"] = Field(
        "median",
        description="up to which score it says nothing: that of the median of held-out normal footage, or even odds, "
        "below which it speaks against the object's being unusual",
    )
    form: ClassVar[Literal["log", "logit"]] = "logit"
    scoring_only: ClassVar[frozenset[str]] = frozenset({"floor"})

    @property
    def most(self) -> float | None:
        """No bound."""
        return None if self.floor == "median" else SUREST

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """Two classes."""
        return ClassificationHead(channels, 2)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy."""
        return functional.cross_entropy(output, target, label_smoothing=self.label_smoothing)

    def imitation(self, output: Tensor, answer: Tensor) -> Tensor:
        """Divergence of softened probabilities."""
        return divergence(output, answer)

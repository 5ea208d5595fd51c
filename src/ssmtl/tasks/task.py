"""The contract of a proxy task, and the views of a sequence that tasks are scored on.

Tensor names end in their dimensions: B sequences, C channels of the picture (1 or 3), T frames, H and W pixels.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.config import Settings

REACH = 3
"""Frames on either side of the middle one: a sequence has 7 (SSMTL, section 3)."""

FRAMES = 2 * REACH + 1


class View(Enum):
    """What a task sees of a sequence of 7 frames when it scores; tasks of one view share a backbone pass."""

    ALL = "all frames"
    WITHOUT_MIDDLE = "all but the middle frame"
    MIDDLE = "the middle frame"
    BACKWARD = "backwards too"

    def take(self, x_BCTHW: Tensor) -> Tensor:
        """The view of sequences of an odd number of frames T ≥ 7, of which the middle 7 count."""
        middle = x_BCTHW.shape[2] // 2
        frames = x_BCTHW[:, :, middle - REACH : middle + REACH + 1]
        if self is View.WITHOUT_MIDDLE:
            return torch.cat([frames[:, :, :REACH], frames[:, :, REACH + 1 :]], dim=2)
        if self is View.BACKWARD:
            return frames.flip(2)
        return frames[:, :, REACH : REACH + 1] if self is View.MIDDLE else frames


def middle_frame(x_BCTHW: Tensor) -> Tensor:
    """The middle crop, B×C×H×W."""
    return x_BCTHW[:, :, x_BCTHW.shape[2] // 2]


def balanced(n: int, generator: torch.Generator) -> Tensor:
    """N booleans in random order, half of them True; the odd one out is drawn."""
    half = n // 2 + (int(torch.randint(2, (), generator=generator)) if n % 2 else 0)
    return torch.randperm(n, generator=generator) < half


Given = Mapping[str, Tensor]
"""What is known of each sequence besides its pixels, by name, B×...: the region's class probabilities ("classes",
B×81), and the answers of teachers to its middle frame ("classifier", "segmentation", "pose"; see `ssmtl.teachers`)."""

Run = Callable[[Tensor], Tensor]
"""The network for one task: its input (B×C×T×H×W) to its head's output."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a head should have answered and what it did, for people to see: two pictures B×C×64×64 in [0, 1]."""

    truth_BCHW: Tensor
    answer_BCHW: Tensor


@dataclass(frozen=True, slots=True)
class Odds:
    """The probabilities that a head gives to classes, B×N in [0, 1], and the true ones where they are known."""

    names: Sequence[str]
    answer_BN: Tensor
    truth_BN: Tensor | None = None


TEMPERATURE = 2.0
"""By which logits are divided before they are compared: near 0 and 1, probabilities say little of them."""


def divergence(output_BN: Tensor, answer_BN: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the output's softened class probabilities from the answer's, both B×N logits.

    A scalar in nats, times the temperature's square, so that its gradients do not shrink with it (Hinton et al., 2015).
    """
    said, wanted = ((logits / TEMPERATURE).log_softmax(dim=1) for logits in (output_BN, answer_BN))
    return functional.kl_div(said, wanted, reduction="batchmean", log_target=True) * TEMPERATURE**2


LEAST_SPAN = 1e-3
"""Of a part's scale: where all ordinary objects score alike, a hair's breadth must not count for all other parts."""


class ProxyTask(Settings):
    """A self-supervised task that only normal sequences teach, so that failing at it tells of an anomaly.

    Attributes:
        kind: its name in configurations, models and results.
        title: its name in the papers.
        words: what a high score means, for people.
        trains_on: names of what it must be `Given` to learn.
        scores_on: names of what it must be `Given` to score.
        form: how its raw scores are spread out for the scale of normal footage (`ssmtl.scoring.score`).
        least_span: from the median of that scale to what is taken for 1, at least.
        scores: whether it scores at all; one that does not costs nothing at test time.
        scoring_only: names of its settings that change how it scores, and nothing of what is learnt.
    """

    kind: str
    title: ClassVar[str]
    words: ClassVar[str]
    trains_on: ClassVar[tuple[str, ...]] = ()
    scores_on: ClassVar[tuple[str, ...]] = ()
    form: ClassVar[Literal["log", "logit"]] = "log"
    least_span: ClassVar[float] = LEAST_SPAN
    scores: ClassVar[bool] = True
    scoring_only: ClassVar[frozenset[str]] = frozenset()

    def learnt(self) -> dict[str, Any]:
        """Its settings but those that change how it scores alone."""
        return self.model_dump(mode="json", exclude=set(self.scoring_only))

    @property
    @abstractmethod
    def view(self) -> View | None:
        """What it sees when it scores; None for a task that makes inputs of its own (`answer`)."""

    @property
    def views(self) -> tuple[View, ...]:
        """All that it sees, in the order of `View`: what its head says of each stands side by side, in dimension 1."""
        return () if self.view is None else (self.view,)

    @property
    def most(self) -> float | None:
        """Where even odds are what it begins to say something at, the log-odds beyond which more say no more."""
        return None

    @property
    def weighed(self) -> bool:
        """Whether sequences that are made unusual (`ssmtl.held_out`) tell what it is worth; if not, its equal share."""
        return True

    @property
    def reach(self) -> int:
        """Frames that `sample` needs on either side of the middle one, ≥ 3."""
        return REACH

    @property
    def begins(self) -> int:
        """The epoch, from 1, in which its training begins."""
        return 1

    @property
    def backbone_gradient(self) -> float:
        """What the gradient that its head hands to the backbone is multiplied by."""
        return 1.0

    def check(self) -> None:
        """See, before any long work, that what it reads is there.

        Raises:
            ConfigError: it is not.
        """

    @abstractmethod
    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        """Make a training input (B×C×T'×H×W) and its target from sequences of 2·reach' + 1 ≥ 2·reach + 1 frames.

        `x` is in [0, 1]; `generator` is the only source of chance; `given` has what `trains_on` names.
        """

    @abstractmethod
    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """A new head on features B×channels×8×8."""

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean loss over the batch, a scalar."""

    def imitation(self, output: Tensor, answer: Tensor) -> Tensor:
        """How far the output is from the `answer` of another network's head to the same input: a mean, a scalar.

        Mean absolute difference, unless a task knows better.
        """
        return functional.l1_loss(output, answer)

    def answer(self, run: Run, x_BCTHW: Tensor) -> Tensor:
        """The output that is scored, of a task without a view."""
        raise AssertionError(f"{self.kind} has a view: its output on that is scored")

    def score(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Tensor:
        """Anomaly score of each sequence, B, higher = more abnormal.

        `output` is of this task's views of `x`, or its `answer`; `given` has what `scores_on` names.
        """
        raise AssertionError(f"{self.kind} does not score")

    def reveal(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Pictures | Odds:
        """The same output, beside what it should have been, for people to see."""
        raise AssertionError(f"{self.kind} does not score")

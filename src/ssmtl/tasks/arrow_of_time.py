"""T1, the arrow of time (SSMTL, section 3): is the sequence played forward or backward?"""

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ssmtl.tasks.odds import SUREST, OddsTask
from ssmtl.tasks.task import Given, Odds, View, balanced

DOUBT = 0.5
"""P(backward) above which a sequence looks backward, and is asked again."""


class ArrowOfTime(OddsTask):
    """Classes: 0 forward, 1 backward. Score: the probability of backward.

    Asking both ways is our choice: much looks backward to the network however it is played; who walks backwards does
    not. What looks forward at once need not be asked again.
    """

    kind: Literal["arrow_of_time"] = "arrow_of_time"
    both_ways: bool = Field(
        False,
        description="what looks backward is asked again, played backwards: only what looks forward then scores high",
    )
    title: ClassVar[str] = "Arrow of time"
    words: ClassVar[str] = "moves backwards"
    scoring_only: ClassVar[frozenset[str]] = frozenset({"floor", "both_ways"})

    @property
    def weighed(self) -> bool:
        """From even odds on it speaks of what runs backward alone; faster, moved or seen through another, sequences
        still run forward. How sure it is of what looks forward, which these do tell of, counts from its median on."""
        return self.floor == "median"

    @property
    def most(self) -> float | None:
        """Where even odds are the floor, what its labels teach: of someone whom the network has never seen, it may be
        wrong for as long as they are there, and must not outdo all other parts by being sure of it."""
        least = self.label_smoothing / 2
        if self.floor == "median" or not least:
            return super().most
        return min(SUREST, math.log((1 - least) / least))

    @property
    def view(self) -> View:
        """All seven frames."""
        return View.ALL

    @property
    def views(self) -> tuple[View, ...]:
        """And the same frames played backwards, where it is asked both ways."""
        return (View.ALL, View.BACKWARD) if self.both_ways else (View.ALL,)

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        """Half of the sequences, drawn at random, are reversed: input B×C×7×H×W, target B (1 = reversed)."""
        forward = self.view.take(x_BCTHW)
        backward_B = balanced(len(x_BCTHW), generator).to(x_BCTHW.device)
        flipped = backward_B.view(-1, 1, 1, 1, 1)
        return torch.where(flipped, forward.flip(2), forward), backward_B.long()

    def score(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Tensor:
        """P(backward) in [0, 1]; asked both ways, see `confirmed`."""
        backward_B = output[:, :2].softmax(dim=1)[:, 1]
        return self.confirmed(backward_B, output[:, 2:].softmax(dim=1)[:, 1]) if self.both_ways else backward_B

    @staticmethod
    def confirmed(backward_B: Tensor, reversed_B: Tensor) -> Tensor:
        """P(backward) in [0, 1], where `reversed_B` is the same of each sequence played backwards.

        Above a half it must be confirmed: it is no higher than the P(forward) of the sequence played backwards, or a
        half, whichever is more. Up to a half, what is said of the reversed sequence does not matter.
        """
        return torch.minimum(backward_B, (1 - reversed_B).clamp(min=DOUBT))

    def reveal(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Odds:
        """The score, and what is left."""
        backward_B = self.score(output, x_BCTHW, given)
        return Odds(("forward", "backward"), torch.stack([1 - backward_B, backward_B], dim=1))

"""T2, motion irregularity (SSMTL, section 3): are the frames consecutive, or have some been skipped?"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ssmtl.tasks.odds import OddsTask
from ssmtl.tasks.task import REACH, Given, Odds, View, balanced


class MotionIrregularity(OddsTask):
    """Classes: 0 consecutive, 1 intermittent. Score: the probability of intermittent."""

    kind: Literal["motion_irregularity"] = "motion_irregularity"
    max_step: int = Field(4, ge=2, le=16, description="frames by which an intermittent sequence may step")
    title: ClassVar[str] = "Motion irregularity"
    words: ClassVar[str] = "irregular motion"

    @property
    def view(self) -> View:
        """All seven frames."""
        return View.ALL

    @property
    def reach(self) -> int:
        """Three steps of the longest kind."""
        return REACH * self.max_step

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        """Half of the sequences, drawn at random, skip frames: input B×C×7×H×W, target B (1 = intermittent).

        The middle frame stays; on either side the others step outwards by 1 to `max_step` frames each, drawn
        independently, at least one by more than 1.
        """
        n = len(x_BCTHW)
        intermittent_B = balanced(n, generator)
        steps = torch.randint(1, self.max_step + 1, (n, 2, REACH), generator=generator)
        # All steps of 1 would be consecutive: then one of the six, drawn, is made longer.
        longer = torch.randint(2, self.max_step + 1, (n,), generator=generator)
        which = torch.randint(2 * REACH, (n,), generator=generator)
        regular = (steps == 1).flatten(1).all(dim=1)
        steps.flatten(1)[regular, which[regular]] = longer[regular]
        steps[~intermittent_B] = 1
        outward = steps.cumsum(dim=2)
        zero = torch.zeros(n, 1, dtype=torch.long)
        offsets = torch.cat([-outward[:, 0].flip(1), zero, outward[:, 1]], dim=1)
        index_BT = (offsets + x_BCTHW.shape[2] // 2).to(x_BCTHW.device)
        rows = torch.arange(n, device=x_BCTHW.device)[:, None]
        taken = x_BCTHW.transpose(1, 2)[rows, index_BT].transpose(1, 2)
        return taken, intermittent_B.long().to(x_BCTHW.device)

    def score(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Tensor:
        """P(intermittent) in [0, 1]."""
        return output.softmax(dim=1)[:, 1]

    def reveal(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Odds:
        """The probabilities of both classes."""
        return Odds(("consecutive", "intermittent"), output.softmax(dim=1))

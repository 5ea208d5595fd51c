"""Imitation: a narrow network learns what the heads of a trained one say (all of it our choice; docs/lite.md).

Both see the same inputs: those that the tasks make, of which the half that is left as it is is what scoring sees. What
counts are the answers to what training footage does not show, so a share of the sequences is made unusual first:
faster, sliding, larger or smaller, blended. Their true answers are not known, and need not be: the teacher answers.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ssmtl.nets.inference import for_inference
from ssmtl.nets.network import Network, channels_last
from ssmtl.training.precision import Precision

MOST_PACE = 4
"""Frames from one to the next in a sequence that is played faster; from 2 on."""

MOST_DRIFT = 1 / 16
"""Share of the picture's side by which a sliding one moves from frame to frame, along either axis."""

MOST_ZOOM = 1.5
"""By which a picture is made larger or smaller."""

LEAST_BLEND = 0.3
"""Share of either of two sequences in their blend."""


class Imitated:
    """A trained network that is asked what it says, in evaluation mode and without gradients."""

    def __init__(self, network: Network, device: torch.device, precision: Precision):
        self.device = device
        self.autocast = precision == "bf16-mixed"
        if device.type == "cpu" and not self.autocast:
            self.network = for_inference(network)
        else:
            self.network = network.to(device).eval().requires_grad_(False)
            channels_last(self.network)

    def answers(self, input_NCTHW: Tensor, kinds: Sequence[str]) -> list[Tensor]:
        """What the heads of those names say of all N inputs, as float32."""
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            return [output.float() for output in self.network(input_NCTHW, kinds)]


def make_unusual(x_BCTHW: Tensor, share: float, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Change a share of the sequences, drawn at random, in one of three ways each.

    Args:
        x_BCTHW: in [0, 1]; an odd number of frames.
        share: of the B sequences, in [0, 1].
        chance: the only source of it; on the CPU.

    Returns:
        The sequences, in [0, 1], and the positions of those that are as they were.
    """
    order = torch.randperm(len(x_BCTHW), generator=chance)
    count = round(share * len(x_BCTHW))
    made = x_BCTHW.clone()
    for i, change in enumerate((faster, moved, blended)):
        rows = order[:count][i::3].to(x_BCTHW.device)
        if len(rows):
            made[rows] = change(x_BCTHW, rows, chance)
    return made, order[count:].sort().values.to(x_BCTHW.device)


def faster(x_BCTHW: Tensor, rows: Tensor, chance: torch.Generator) -> Tensor:
    """2 to 4 frames from each to the next, from the middle outwards; the first and last ones stand still."""
    middle = x_BCTHW.shape[2] // 2
    pace_N = torch.randint(2, MOST_PACE + 1, (len(rows), 1), generator=chance)
    index_NT = (torch.arange(-middle, middle + 1) * pace_N).clamp(-middle, middle) + middle
    return x_BCTHW.transpose(1, 2)[rows[:, None], index_NT.to(rows.device)].transpose(1, 2)


def moved(x_BCTHW: Tensor, rows: Tensor, chance: torch.Generator) -> Tensor:
    """Larger or smaller, and sliding along; what comes in from outside is the edge drawn out."""
    n, frames = len(rows), x_BCTHW.shape[2]
    zoom_N = MOST_ZOOM ** (2 * torch.rand(n, generator=chance) - 1)
    drift_N2 = (2 * torch.rand(n, 2, generator=chance) - 1) * 2 * MOST_DRIFT
    theta_NT23 = torch.zeros(n, frames, 2, 3)
    theta_NT23[..., 0, 0] = theta_NT23[..., 1, 1] = zoom_N[:, None]
    theta_NT23[..., 2] = drift_N2[:, None] * (torch.arange(frames) - frames // 2)[:, None]
    pictures = x_BCTHW[rows].transpose(1, 2).flatten(0, 1)
    grid = functional.affine_grid(theta_NT23.flatten(0, 1).to(rows.device), list(pictures.shape), align_corners=False)
    made = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    return made.clamp_(0, 1).unflatten(0, (n, frames)).transpose(1, 2)


def blended(x_BCTHW: Tensor, rows: Tensor, chance: torch.Generator) -> Tensor:
    """Seen through another sequence of the batch."""
    others = torch.randint(len(x_BCTHW), (len(rows),), generator=chance).to(rows.device)
    share = LEAST_BLEND + (1 - 2 * LEAST_BLEND) * torch.rand(len(rows), 1, 1, 1, 1, generator=chance)
    share = share.to(rows.device)
    return share * x_BCTHW[rows] + (1 - share) * x_BCTHW[others]

"""T6, inpainting (SSMTL++, section 3.4): what is behind a patch of the middle crop?"""

from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.nets.heads import DecodingHead
from ssmtl.tasks.task import Given, Pictures, ProxyTask, Run, middle_frame

LEAST_SIDE, MOST_SIDE = 4, 32
"""Pixels (the paper's)."""

DEVIATION = 20.0
"""Pixels per axis, of a patch's centre from the middle (the paper's)."""


class Inpainting(ProxyTask):
    """One patch is blacked out; target: the whole frame. Scored after three rounds, each on the last one's output.

    The patches of the rounds are drawn once and are the same for every object, so that scores compare (our choice).
    """

    kind: Literal["inpainting"] = "inpainting"
    rounds: int = Field(3, ge=1, le=16, description="patches, one after the other, that are filled in when it scores")
    distance: Literal["squared", "absolute"] = Field("squared", description="of the last output to the frame")
    title: ClassVar[str] = "Inpainting"
    words: ClassVar[str] = "looks unfamiliar"
    scoring_only: ClassVar[frozenset[str]] = frozenset({"rounds", "distance"})

    @property
    def view(self) -> None:
        """Its inputs are masked, and follow from one another."""
        return None

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        """Input B×C×1×H×W with a patch of its own blacked out in each, target B×C×H×W."""
        frame = middle_frame(x_BCTHW)
        masks = draw_patches(len(frame), frame.shape[-2], frame.shape[-1], generator).to(frame.device)
        return blacked_out(frame, masks)[:, :, None], frame

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """A picture."""
        return DecodingHead(channels, picture_channels)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean squared error."""
        return functional.mse_loss(output, target)

    def answer(self, run: Run, x_BCTHW: Tensor) -> Tensor:
        """The frame after `rounds` rounds, B×C×H×W."""
        frame = middle_frame(x_BCTHW)
        height, width = frame.shape[-2:]
        for mask in _scored_masks(self.rounds, height, width, frame.device):
            frame = run(blacked_out(frame, mask)[:, :, None]).clamp(0, 1)
        return frame

    def score(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Tensor:
        """Mean squared (or absolute) error of the last output, in [0, 1]."""
        error = output - middle_frame(x_BCTHW)
        return (error.square() if self.distance == "squared" else error.abs()).mean(dim=(1, 2, 3))

    def reveal(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Pictures:
        """The middle crop, and what the rounds left of it."""
        return Pictures(middle_frame(x_BCTHW), output)


@lru_cache(maxsize=8)
def _scored_patches(n: int, height: int, width: int) -> NDArray[np.bool_]:
    """The patches of the rounds, N×H×W; an array, which is a constant to whoever traces the scoring."""
    return draw_patches(n, height, width, torch.Generator().manual_seed(0)).numpy()


def _scored_masks(n: int, height: int, width: int, device: torch.device) -> Tensor:
    if device.type == "cpu":
        return torch.tensor(_scored_patches(n, height, width))
    return _masks_there(n, height, width, device)


@lru_cache(maxsize=8)
def _masks_there(n: int, height: int, width: int, device: torch.device) -> Tensor:
    """Uploaded once: nothing may be uploaded while a GPU's graph is captured."""
    with torch.inference_mode(False):
        return torch.tensor(_scored_patches(n, height, width)).to(device)


def draw_patches(n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """N×H×W booleans, True in one square each; a patch that reaches over the edge is cut there."""
    side_N = torch.randint(LEAST_SIDE, MOST_SIDE + 1, (n,), generator=generator)
    size = torch.tensor([height, width])
    centre_N2 = torch.randn(n, 2, generator=generator) * DEVIATION + size / 2
    # A centre outside would leave nothing to paint.
    low_N2 = (centre_N2.clamp(min=torch.zeros(2), max=size - 1.0) - side_N[:, None] / 2).round().long()
    rows, columns = torch.arange(height), torch.arange(width)
    inside_rows = (rows >= low_N2[:, :1]) & (rows < low_N2[:, :1] + side_N[:, None])
    inside_columns = (columns >= low_N2[:, 1:]) & (columns < low_N2[:, 1:] + side_N[:, None])
    return inside_rows[:, :, None] & inside_columns[:, None, :]


def blacked_out(frame_BCHW: Tensor, masks: Tensor) -> Tensor:
    """The frames, 0 where `masks` (B×H×W, or H×W for all) are True."""
    return frame_BCHW.masked_fill(masks[..., None, :, :], 0.0)

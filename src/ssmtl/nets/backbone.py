"""The backbone: 3D convolutions, with or without a transformer after or before the average over time."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ssmtl.nets.cnn3d import CNN3DSettings, cnn3d
from ssmtl.nets.cvt import CvT, CvTSettings


class BackboneSettings(CNN3DSettings):
    """What the backbone is made of (SSMTL++, section 3.3)."""

    transformer: Literal["none", "2d", "3d"] = Field(
        "none", description="none: the 3D CNN alone; 2d: CvT after the average over time; 3d: CvT before it"
    )
    cvt: CvTSettings = CvTSettings()
    per_task: bool = Field(False, description="a backbone of its own for each proxy task, in place of a shared one")


class Backbone(nn.Module):
    """B×C×T×64×64 in [0, 1] → B×`channels`×8×8, for any T ≥ 1."""

    def __init__(self, settings: BackboneSettings, picture_channels: int):
        super().__init__()
        self.stages = cnn3d(settings, picture_channels)
        self.channels = settings.channels
        self.before = CvT(3, self.channels, settings.cvt if settings.transformer == "3d" else None)
        self.after = CvT(2, self.channels, settings.cvt if settings.transformer == "2d" else None)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """B×C×T×H×W → B×channels×H/8×W/8."""
        frames = x_BCTHW.shape[2]
        return self.after(torch.mean(self.before(self.stages(x_BCTHW), frames), dim=2), frames)

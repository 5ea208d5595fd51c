"""The 3D convolutional backbone (SSMTL, section 3; method in SSMTL++, section 3.1)."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ssmtl.config import Settings

CONVOLUTIONS = {"shallow": 1, "deep": 2}
FILTERS = {"narrow": (16, 32, 32), "wide": (32, 64, 64)}


class CNN3DSettings(Settings):
    """Size of the backbone. The names are the papers'; the numbers of filters are our choice."""

    depth: Literal["shallow", "deep"] = Field("shallow", description="one or two convolutions per stage")
    width: Literal["narrow", "wide"] = Field("narrow", description="16-32-32 or 32-64-64 filters")


class CNN3D(nn.Module):
    """Three stages of 3×3×3 convolutions, each with a 1×2×2 max-pooling, then the average over time.

    B×C×T×64×64 in [0, 1] → B×`channels`×8×8, for any T ≥ 1: time is not pooled before the average.
    """

    def __init__(self, settings: CNN3DSettings, picture_channels: int):
        super().__init__()
        layers: list[nn.Module] = []
        inputs = picture_channels
        for filters in FILTERS[settings.width]:
            for i in range(CONVOLUTIONS[settings.depth]):
                if i > 0:
                    layers.append(nn.ReLU(inplace=True))
                layers.append(nn.Conv3d(inputs, filters, 3, padding=1, bias=False))
                layers.append(nn.BatchNorm3d(filters))
                inputs = filters
            # Rectifying after the pooling gives the same values as before it, at a quarter of the price.
            layers += [nn.MaxPool3d((1, 2, 2)), nn.ReLU(inplace=True)]
        self.stages = nn.Sequential(*layers)
        self.channels = inputs

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """B×C×T×H×W → B×channels×H/8×W/8."""
        return torch.mean(self.stages(x_BCTHW), dim=2)

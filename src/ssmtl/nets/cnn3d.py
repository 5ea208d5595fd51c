"""The 3D convolutions of the backbone (SSMTL, section 3; method in SSMTL++, section 3.1)."""

from typing import Literal

from pydantic import Field
from torch import nn

from ssmtl.config import Settings
from ssmtl.nets.normalisation import BatchNormByLength

CONVOLUTIONS = {"shallow": 1, "deep": 2}
FILTERS = {"narrow": (16, 32, 32), "tapered": (16, 32, 64), "wide": (32, 64, 64)}


class CNN3DSettings(Settings):
    """Size of the 3D CNN. The names are the papers'; the numbers of filters are our choice."""

    depth: Literal["shallow", "deep"] = Field("shallow", description="one or two convolutions per stage")
    width: Literal["narrow", "tapered", "wide"] = Field(
        "narrow", description="16-32-32, 16-32-64 (ours) or 32-64-64 filters"
    )
    shrinking: Literal["pool", "stride"] = Field(
        "pool", description="pool after a stage's convolutions; or stride in its first, at a quarter of the cost (ours)"
    )

    @property
    def channels(self) -> int:
        """Channels of the features."""
        return FILTERS[self.width][-1]


def cnn3d(settings: CNN3DSettings, picture_channels: int) -> nn.Sequential:
    """Three stages of 3×3×3 convolutions, each with a 1×2×2 max-pooling, or a stride of 1×2×2 in its place.

    B×C×T×64×64 in [0, 1] → B×`settings.channels`×T×8×8, for any T ≥ 1: time is not pooled.
    """
    layers: list[nn.Module] = []
    strided = settings.shrinking == "stride"
    inputs = picture_channels
    for filters in FILTERS[settings.width]:
        for i in range(CONVOLUTIONS[settings.depth]):
            if i > 0:
                layers.append(nn.ReLU(inplace=True))
            stride = (1, 2, 2) if strided and i == 0 else 1
            layers.append(nn.Conv3d(inputs, filters, 3, stride, padding=1, bias=False))
            layers.append(BatchNormByLength(filters))
            inputs = filters
        if not strided:
            # Rectifying after the pooling gives the same values as before it, at a quarter of the price.
            layers.append(nn.MaxPool3d((1, 2, 2)))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)

"""The two forms of head (SSMTL, section 3): one for classes, one for pictures."""

from torch import Tensor, nn


class ClassificationHead(nn.Module):
    """One 3×3 convolution, a 2×2 max-pooling, one linear layer: B×C×8×8 → B×classes, logits."""

    def __init__(self, channels: int, classes: int, filters: int = 32):
        super().__init__()
        self.convolution = nn.Sequential(
            nn.Conv2d(channels, filters, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(inplace=True)
        )
        self.linear = nn.Linear(filters * 4 * 4, classes)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """B×C×8×8 → B×classes."""
        return self.linear(self.convolution(features_BCHW).flatten(1))


class DecodingHead(nn.Module):
    """Three times (upsample ×2, 3×3 convolution, ReLU), then 3×3 to the picture: B×C×8×8 → B×out×64×64."""

    def __init__(self, channels: int, out_channels: int):
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for filters in (channels, max(8, channels // 2), max(8, channels // 2)):
            layers += [
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.Conv2d(inputs, filters, 3, padding=1),
                nn.ReLU(inplace=True),
            ]
            inputs = filters
        layers.append(nn.Conv2d(inputs, out_channels, 3, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """B×C×8×8 → B×out×64×64."""
        return self.layers(features_BCHW)

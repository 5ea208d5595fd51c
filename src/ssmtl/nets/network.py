"""The network: a shared backbone, or one per proxy task, and a head per proxy task."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

SHARED = "shared"
"""Name of the backbone of all heads that have none of their own name."""


class _ScaledGradient(torch.autograd.Function):
    """The identity, whose gradient is multiplied by a number on the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.scale, None


class Network(nn.Module):
    """Backbones and heads by name; knows nothing of what the heads are for."""

    def __init__(self, backbones: Mapping[str, nn.Module], heads: Mapping[str, nn.Module]):
        super().__init__()
        self.backbones = nn.ModuleDict(backbones)
        self.heads = nn.ModuleDict(heads)

    def forward(
        self,
        x_BCTHW: Tensor,
        names: Sequence[str],
        rows: Sequence[Tensor] | None = None,
        backbone_gradient: float = 1.0,
    ) -> list[Tensor]:
        """Outputs of the named heads, on one pass of each backbone that they need.

        `rows` are the positions in the batch that each head answers; without them, all. `backbone_gradient` multiplies
        the gradient that the heads hand to the backbone; below 0 it climbs the loss which the heads descend (SSMTL++,
        section 3.4).
        """
        features: dict[str, Tensor] = {}
        for name in names:
            key = name if name in self.backbones else SHARED
            if key not in features:
                features_BCHW = self.backbones[key](x_BCTHW)
                if backbone_gradient != 1.0:
                    features_BCHW = _ScaledGradient.apply(features_BCHW, backbone_gradient)
                features[key] = features_BCHW
        seen = [features[name if name in self.backbones else SHARED] for name in names]
        if rows is not None:
            seen = [features_BCHW[mine] for features_BCHW, mine in zip(seen, rows, strict=True)]
        return [self.heads[name](features_BCHW) for name, features_BCHW in zip(names, seen, strict=True)]


def channels_last(network: nn.Module) -> None:
    """Lay out the weights of all convolutions channels last, in place: on a CPU, 3D ones are slow otherwise."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
        elif isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)

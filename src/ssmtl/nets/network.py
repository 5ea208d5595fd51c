"""The network: one shared backbone and a head per proxy task."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """A backbone shared by all heads; knows nothing of what the heads are for."""

    def __init__(self, backbone: nn.Module, heads: Mapping[str, nn.Module]):
        super().__init__()
        self.backbone = backbone
        self.heads = nn.ModuleDict(heads)

    def forward(self, x_BCTHW: Tensor, names: list[str]) -> list[Tensor]:
        """Outputs of the named heads on one pass of the backbone."""
        features_BCHW = self.backbone(x_BCTHW)
        return [self.heads[name](features_BCHW) for name in names]


def channels_last(network: nn.Module) -> None:
    """Lay out the weights of all convolutions channels last, in place: on a CPU, 3D ones are slow otherwise."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
        elif isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)

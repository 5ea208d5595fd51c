"""A trained network made ready to score on a CPU: the same function, about half the time."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.mkldnn import to_mkldnn

from ssmtl.nets.network import Network, channels_last


class _Blocked(nn.Module):
    """Layers that work in oneDNN's own memory layout, in which convolution and pooling are fastest."""

    def __init__(self, layers: nn.Module):
        super().__init__()
        self.layers = to_mkldnn(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.contiguous().to_mkldnn()).to_dense()


def fold_batch_norm(layers: nn.Sequential) -> nn.Sequential:
    """The same layers in evaluation mode, each batch norm folded into the 3D convolution before it."""
    folded: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.BatchNorm3d) and folded and isinstance(folded[-1], nn.Conv3d):
            folded[-1] = fuse_conv_bn_eval(folded[-1], layer)
        else:
            folded.append(layer)
    return nn.Sequential(*folded).eval()


def for_inference(network: Network) -> Network:
    """A copy of a network on the CPU whose outputs differ from the original's by rounding only.

    Its outputs carry no gradient; it must run under `torch.no_grad`, not `torch.inference_mode`, whose tensors
    oneDNN's layout does not know.
    """
    ready = copy.deepcopy(network).cpu().eval()
    for parameter in ready.parameters():
        parameter.requires_grad_(False)
    for module in ready.modules():
        stages = getattr(module, "stages", None)
        if isinstance(stages, nn.Sequential):
            folded = fold_batch_norm(stages)
            module.stages = _Blocked(folded) if torch.backends.mkldnn.is_available() else folded
    if not torch.backends.mkldnn.is_available():
        channels_last(ready)
    return ready

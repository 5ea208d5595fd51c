"""A trained network made ready to score: the same function, batch norms folded away, in layouts that are fast."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.mkldnn import to_mkldnn

from ssmtl.nets.network import Network, channels_last
from ssmtl.nets.normalisation import LENGTHS, BatchNormByLength, place


class _Blocked(nn.Module):
    """Layers that work in oneDNN's own memory layout, in which convolution and pooling are fastest."""

    def __init__(self, layers: nn.Module):
        super().__init__()
        self.layers = to_mkldnn(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.contiguous().to_mkldnn()).to_dense()


class _ByLength(nn.Module):
    """Layers for each number of frames, whose batch norms had statistics of their own, and for a still picture."""

    def __init__(self, layers: list[nn.Module], still: nn.Module):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.still = still

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        frames = x_BCTHW.shape[2]
        return self.still(x_BCTHW) if frames == 1 else self.layers[place(frames)](x_BCTHW)

    def changed(self, change: Callable[[nn.Module], nn.Module]) -> "_ByLength":
        """All of its layers, changed."""
        return _ByLength([change(layers) for layers in self.layers], change(self.still))


def still_layers(layers: nn.Sequential) -> nn.Sequential:
    """The same layers for one frame: of a 3×3×3 kernel only the middle meets anything but padding."""
    made: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.Conv3d) and layer.kernel_size == (3, 3, 3) and layer.padding == (1, 1, 1):
            flat = nn.Conv3d(
                layer.in_channels,
                layer.out_channels,
                (1, 3, 3),
                (1, layer.stride[1], layer.stride[2]),
                padding=(0, 1, 1),
            )
            assert layer.bias is not None
            flat.weight = nn.Parameter(layer.weight[:, :, 1:2].contiguous(), requires_grad=False)
            flat.bias = nn.Parameter(layer.bias, requires_grad=False)
            made.append(flat)
        else:
            made.append(layer)
    return nn.Sequential(*made).eval()


def fold_batch_norm(layers: nn.Sequential, length: int) -> nn.Sequential:
    """The same layers in evaluation mode for sequences of `LENGTHS[length]` frames, batch norms folded away.

    Each is folded into the 3D convolution before it.
    """
    folded: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, BatchNormByLength) and folded and isinstance(folded[-1], nn.Conv3d):
            folded[-1] = fuse_conv_bn_eval(folded[-1], layer.of_length(length))
        else:
            folded.append(layer)
    return nn.Sequential(*folded).eval()


def folded(network: Network, rectify_first: bool = True) -> Network:
    """`network`, in evaluation mode, with the batch norms of its 3D convolutions folded into them, in place.

    With `rectify_first` the pooling comes after the ReLU, which gives the same values: a compiler then makes one step
    of convolution and ReLU, and pools bytes where it computes in bytes.
    """
    for backbone in network.backbones.values():
        stages = backbone.stages
        if isinstance(stages, nn.Sequential):
            by_length = [fold_batch_norm(stages, i) for i in range(len(LENGTHS))]
            if rectify_first:
                by_length = [_rectified_first(layers) for layers in by_length]
            backbone.stages = _ByLength([*by_length], still_layers(by_length[place(1)]))
    return network


def _rectified_first(layers: nn.Sequential) -> nn.Sequential:
    ordered = list(layers)
    for i in range(len(ordered) - 1):
        if isinstance(ordered[i], nn.MaxPool3d) and isinstance(ordered[i + 1], nn.ReLU):
            ordered[i], ordered[i + 1] = ordered[i + 1], ordered[i]
    return nn.Sequential(*ordered)


def for_inference(network: Network) -> Network:
    """A copy of a network on the CPU whose outputs differ from the original's by rounding only.

    Its outputs carry no gradient; it must run under `torch.no_grad`, not `torch.inference_mode`, whose tensors
    oneDNN's layout does not know.
    """
    blocked = torch.backends.mkldnn.is_available()
    ready = folded(copy.deepcopy(network).cpu().eval().requires_grad_(False), rectify_first=False)
    if not blocked:
        channels_last(ready)
        return ready
    for backbone in ready.backbones.values():
        if isinstance(backbone.stages, _ByLength):
            backbone.stages = backbone.stages.changed(_Blocked)
    return ready

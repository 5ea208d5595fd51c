"""Batch normalisation for a backbone that sees sequences of different lengths."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

LENGTHS = (1, 6, 7)
"""Frames that the views of a sequence have; another length goes with the nearest."""


class BatchNormByLength(nn.Module):
    """Batch norm over all but the channels: one gain and bias per channel, running statistics for each length T.

    A still picture, padded with nothing in time, drives a 3D convolution's features otherwise than seven frames do:
    on statistics of a mixture every view would be normalised otherwise when it scores than when it learnt (our choice).
    """

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.momentum, self.eps = 0.1, 1e-5
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(len(LENGTHS), channels))
        self.register_buffer("variance", torch.ones(len(LENGTHS), channels))

    def forward(self, x: Tensor, frames: int | None = None) -> Tensor:
        """B×C×T×H×W, or B×C×H×W made of `frames` → the same; in training, updates the statistics of this length."""
        i = place(x.shape[2] if frames is None else frames)
        return functional.batch_norm(
            x, self.mean[i], self.variance[i], self.weight, self.bias, self.training, self.momentum, self.eps
        )

    def of_length(self, i: int) -> nn.BatchNorm3d:
        """The ordinary batch norm, in evaluation mode, of the length `LENGTHS[i]`."""
        norm = nn.BatchNorm3d(len(self.weight), self.eps).eval()
        norm.load_state_dict(
            {
                "weight": self.weight,
                "bias": self.bias,
                "running_mean": self.mean[i],
                "running_var": self.variance[i],
                "num_batches_tracked": torch.tensor(0),
            }
        )
        return norm


def place(frames: int) -> int:
    """Which of `LENGTHS` is nearest to a number of frames."""
    return min(range(len(LENGTHS)), key=lambda i: abs(LENGTHS[i] - frames))


@contextmanager
def fixed_statistics(network: nn.Module) -> Iterator[None]:
    """Within it, training leaves all running statistics of `network` as they are."""
    norms = [m for m in network.modules() if isinstance(m, BatchNormByLength)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

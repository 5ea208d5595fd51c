"""Sequences whose answers are known, and what is given of them."""

import torch
from torch import Tensor

from ssmtl.tasks.task import FRAMES


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(n: int, picture_channels: int = 1, frames: int = FRAMES) -> Tensor:
    return torch.rand(n, picture_channels, frames, 64, 64, generator=generator(9))


def counted(n: int, frames: int) -> Tensor:
    """Sequences whose frame t holds the value t, plus 100 times the number of the sequence."""
    return (
        (torch.arange(frames)[None] + 100.0 * torch.arange(n)[:, None]).view(n, 1, frames, 1, 1).expand(-1, 1, -1, 2, 2)
    )


def frame_numbers(x_BCTHW: Tensor) -> list[list[int]]:
    """Which frames each of `counted`'s sequences is made of, checked to be whole and of that sequence only."""
    assert (x_BCTHW == x_BCTHW[..., :1, :1]).all()
    values = x_BCTHW[:, 0, :, 0, 0].long()
    assert (values // 100 == torch.arange(len(values))[:, None]).all()
    return (values % 100).tolist()


def known(n: int, *names: str) -> dict[str, Tensor]:
    """What is given of `n` sequences by those names: noise of the right shape."""
    chance = generator(5)
    everything = {
        "classifier": torch.randn(n, 1000, generator=chance),
        "classes": torch.rand(n, 81, generator=chance),
        "segmentation": torch.rand(n, 1, 64, 64, generator=chance).round(),
        "pose": torch.rand(n, 17, 64, 64, generator=chance),
    }
    return {name: everything[name] for name in names}

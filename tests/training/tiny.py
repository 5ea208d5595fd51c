"""A tiny store in memory and tasks that draw: all that the training loop needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssmtl.nets.network import SHARED, Network
from ssmtl.tasks.task import Given, ProxyTask, View
from ssmtl.training.checkpoint import Progress
from ssmtl.training.settings import TrainSettings
from ssmtl.training.train import Trainer

SETTINGS = TrainSettings(min_steps=0, epochs=2, batch_size=4, accelerator="cpu", precision="32-true", checkpoint_s=0)
TRAIN, HELD_OUT = np.arange(12), np.arange(12, 17)


class Store:
    """Seventeen small sequences in memory, and what is given of them."""

    channels = 1

    def __init__(self, size: int = 8) -> None:
        self.data = np.random.default_rng(0).integers(0, 256, (17, 1, 7, size, size), np.uint8)
        self.known = {
            "classes": np.arange(17, dtype=np.float32)[:, None],
            "segmentation": self.data[:, :, 3].astype(np.float32) / np.float32(255),
        }
        self.taken: list[list[int]] = []

    def __len__(self) -> int:
        return len(self.data)

    def take(self, index: NDArray[np.intp]) -> NDArray[np.uint8]:
        self.taken.append(index.tolist())
        return self.data[index]

    def given(self, index: NDArray[np.intp], names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        return {name: self.known[name][index] for name in names}


class Guess(ProxyTask):
    """A task that draws: it guesses by how much the pictures were made brighter."""

    kind: str = "guess"
    first_epoch: int = 1
    title: ClassVar[str] = "Guess"
    words: ClassVar[str] = "is too bright"

    @property
    def view(self) -> View:
        return View.ALL

    @property
    def begins(self) -> int:
        return self.first_epoch

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        shift = torch.rand(len(x_BCTHW), generator=generator)
        return x_BCTHW + shift.view(-1, 1, 1, 1, 1), shift

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(channels * 64, 1))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return (output[:, 0] - target).square().mean()


class Unscored(Guess):
    """A guess for training's sake alone."""

    kind: str = "unscored"
    scores: ClassVar[bool] = False


class TinyBackbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x).mean(dim=2)


TASKS: list[ProxyTask] = [Guess(), Guess(kind="again")]


def network(tasks: Sequence[ProxyTask] = TASKS, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    # The backbone first: it begins the same whatever the tasks are.
    backbone = TinyBackbone()
    return Network({SHARED: backbone}, {task.kind: task.head(4, 1) for task in tasks})


def trainer(
    settings: TrainSettings = SETTINGS,
    seed: int = 0,
    store: Store | None = None,
    tasks: Sequence[ProxyTask] = TASKS,
    imitated: Network | None = None,
) -> Trainer:
    return Trainer(network(tasks), tasks, settings, seed, store or Store(), imitated)  # type: ignore[arg-type]


def weights(run: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in run.raw.state_dict().items()}


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def without_time(progress: Progress) -> dict[str, object]:
    return {name: value for name, value in vars(progress).items() if name not in ("seconds", "busy_s")}


def trained(
    folder: Path, settings: TrainSettings = SETTINGS, seed: int = 0, tasks: Sequence[ProxyTask] = TASKS
) -> tuple[dict[str, Tensor], Progress]:
    run = trainer(settings, seed, tasks=tasks)
    progress = run.run(TRAIN, HELD_OUT, folder / f"{seed}.safetensors", "key")
    return weights(run), progress

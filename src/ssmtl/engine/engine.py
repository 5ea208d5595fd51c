"""The engine contract, and what an engine runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.engine.samples import Samples
from ssmtl.engine.settings import Kind, Precision
from ssmtl.errors import ConfigError
from ssmtl.nets.network import Network
from ssmtl.scoring.score import TaskScale
from ssmtl.tasks.task import ProxyTask

Given = Mapping[str, NDArray[np.float32]]


class Engine(Protocol):
    """Runs one network in one way.

    Attributes:
        kind, precision: which way.
        device: where it computes; pictures may already be there.
    """

    kind: Kind
    precision: Precision
    device: torch.device

    def scores(self, pictures: NDArray[np.uint8] | Tensor, given: Given) -> NDArray[np.float32]:
        """Raw task scores of N ≥ 1 sequences, N×K float32, higher = more abnormal.

        Args:
            pictures: N×C×7×64×64 uint8.
            given: what the tasks' scores need besides, N×... each.
        """
        ...

    def lanes(self) -> "Sequence[Engine]":
        """Engines whose `scores` may run at once, in threads of their own; this one alone where that gains nothing."""
        ...


@dataclass(frozen=True)
class Subject:
    """What engines run: a trained network, and what is known of it.

    Attributes:
        network, tasks, channels: the network, the tasks that it scores, the channels of its pictures.
        scales: each task's scale on normal footage.
        samples: the user's own sequences to check and calibrate on, or None.
        identity: names the weights and tasks: the same model has the same.
        exported: a folder with a graph that was exported before, or None.
        power: of the mean that makes an object's score of the tasks'.
    """

    network: Network
    tasks: Sequence[ProxyTask]
    channels: int
    scales: Mapping[str, TaskScale]
    samples: Samples | None
    identity: str
    exported: Path | None = None
    power: float = 1.0


def refuse(kind: Kind, precision: Precision, known: Sequence[Precision]) -> None:
    """Raise a `ConfigError` where an engine does not know a precision."""
    if precision not in known:
        raise ConfigError(
            f"engine.precision: {kind} has no {precision} here; it has {', '.join(known)}, or choose auto"
        )

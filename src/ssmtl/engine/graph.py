"""The whole of scoring as one pure function of tensors, which every engine can take: bytes in, task scores out."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssmtl.nets.inference import folded
from ssmtl.nets.network import Network
from ssmtl.regions.classes import CLASSES
from ssmtl.scoring.score import raw_scores
from ssmtl.sequences.crop import SIZE
from ssmtl.tasks.task import FRAMES, ProxyTask
from ssmtl.teachers.teacher import TARGETS

PICTURES, SCORES = "pictures", "scores"
"""Names of the input and the output."""


def given_names(tasks: Sequence[ProxyTask]) -> list[str]:
    """What else than pictures the scores of `tasks` need, in the order of the graph's further inputs."""
    return sorted({name for task in tasks for name in task.scores_on})


def given_shape(name: str) -> tuple[int, ...]:
    """Shape of one sequence's row of what is given by that name."""
    return (len(CLASSES),) if name == "classes" else TARGETS[name]


class ScoreGraph(nn.Module):
    """N×C×7×64×64 bytes, and what is given of them, → N×tasks raw scores; float32 outside, any precision within."""

    def __init__(self, network: Network, tasks: Sequence[ProxyTask]):
        super().__init__()
        self.network = network
        self.tasks = list(tasks)
        self.given = given_names(tasks)

    def forward(self, pictures_BCTHW: Tensor, *given: Tensor) -> Tensor:
        """N×C×7×64×64 uint8 and N×... each → N×tasks."""
        x_BCTHW = pictures_BCTHW.float() * (1 / 255)
        return raw_scores(self.network, self.tasks, x_BCTHW, dict(zip(self.given, given, strict=True)))


def prepared(network: Network, tasks: Sequence[ProxyTask]) -> ScoreGraph:
    """The graph of a copy of `network` on the CPU, its batch norms folded away, ready to be translated."""
    graph = ScoreGraph(folded(copy.deepcopy(network).cpu().eval().requires_grad_(False)), tasks).eval()
    # What tasks make once and keep (T6's patches) must not be made within a trace.
    with torch.no_grad():
        graph(*examples(tasks, _channels(network), 1))
    return graph


def _channels(network: Network) -> int:
    """Channels of the pictures that it takes."""
    return next(module.in_channels for module in network.modules() if isinstance(module, nn.Conv3d))


def examples(tasks: Sequence[ProxyTask], channels: int, n: int = 2) -> list[Tensor]:
    """Inputs of the graph, of the right shapes."""
    pictures = torch.zeros(n, channels, FRAMES, SIZE, SIZE, dtype=torch.uint8)
    return [pictures, *(torch.zeros(n, *given_shape(name)) for name in given_names(tasks))]


def feeds(
    names: Sequence[str], pictures: NDArray[np.uint8], given: Mapping[str, NDArray[np.float32]]
) -> list[NDArray[Any]]:
    """The graph's inputs as contiguous arrays, in its order; `names` are those of what is given."""
    return [np.ascontiguousarray(pictures), *(np.ascontiguousarray(given[name], np.float32) for name in names)]

"""T8, jigsaw (SSMTL++, section 3.4): in which order were the pieces of the middle crop laid?"""

import random
from functools import cache, lru_cache
from typing import ClassVar, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.nets.heads import ClassificationHead
from ssmtl.tasks.task import Given, Odds, ProxyTask, Run, View, divergence, middle_frame

GRID = 4
"""Pieces per side: 16 of 16×16 pixels."""

PERMUTATIONS = 100

Permutation = tuple[int, ...]


@cache
def far_permutations(n: int = PERMUTATIONS, pieces: int = GRID**2) -> tuple[Permutation, ...]:
    """The identity, then permutations each drawn as the farthest (in Hamming distance) from all before of 200.

    Always the same ones.
    """
    chance = random.Random(0)
    chosen = [tuple(range(pieces))]
    while len(chosen) < n:
        drawn = [tuple(chance.sample(range(pieces), pieces)) for _ in range(200)]
        chosen.append(max(drawn, key=lambda one: min(sum(a != b for a, b in zip(one, c, strict=True)) for c in chosen)))
    return tuple(chosen)


class Jigsaw(ProxyTask):
    """Classes: 100 fixed permutations, the identity first. Score: how unlikely the right one is held.

    The permutations are a setting, so that they are saved with the model and a later version cannot change them.
    """

    kind: Literal["jigsaw"] = "jigsaw"
    asked: Literal["identity", "applied"] = Field(
        "identity", description="score 1 - P(identity) of the crop as it is, or 1 - P(applied) of a shuffled one"
    )
    permutations: tuple[Permutation, ...] = Field(
        default_factory=far_permutations, description="which piece lies in each place, row by row"
    )
    title: ClassVar[str] = "Jigsaw"
    form: ClassVar[Literal["log", "logit"]] = "logit"
    words: ClassVar[str] = "its parts do not fit"
    scoring_only: ClassVar[frozenset[str]] = frozenset({"asked"})

    @field_validator("permutations")
    @classmethod
    def _identity_first(cls, permutations: tuple[Permutation, ...]) -> tuple[Permutation, ...]:
        whole = tuple(range(GRID**2))
        proper = all(tuple(sorted(p)) == whole for p in permutations) and len(set(permutations)) == len(permutations)
        if len(permutations) < 2 or permutations[0] != whole or not proper:
            raise ValueError(f"must be at least two different permutations of 0 to {GRID**2 - 1}, the identity first")
        return permutations

    @property
    def view(self) -> View | None:
        """The middle frame alone, as it is; shuffled, it is an input of its own."""
        return View.MIDDLE if self.asked == "identity" else None

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        """Input B×C×1×H×W, each shuffled by a permutation drawn for it, target B: which."""
        frame = middle_frame(x_BCTHW)
        which_B = torch.randint(len(self.permutations), (len(frame),), generator=generator).to(frame.device)
        return shuffle(frame, self._orders(frame)[which_B])[:, :, None], which_B

    def _orders(self, like: Tensor) -> Tensor:
        if like.device.type == "cpu":
            return torch.tensor(self.permutations)
        return _orders_there(self.permutations, like.device)

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """A class per permutation."""
        return ClassificationHead(channels, len(self.permutations))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy."""
        return functional.cross_entropy(output, target)

    def imitation(self, output: Tensor, answer: Tensor) -> Tensor:
        """Divergence of softened probabilities."""
        return divergence(output, answer)

    def answer(self, run: Run, x_BCTHW: Tensor) -> Tensor:
        """The output on the crop shuffled by the second permutation, the same for every object."""
        frame = middle_frame(x_BCTHW)
        return run(shuffle(frame, self._orders(frame)[1])[:, :, None])

    def score(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Tensor:
        """1 − P(the right permutation), in [0, 1]."""
        return 1 - output.softmax(dim=1)[:, 0 if self.asked == "identity" else 1]

    def reveal(self, output: Tensor, x_BCTHW: Tensor, given: Given) -> Odds:
        """The probability of the right permutation, and of the likeliest other."""
        right = 0 if self.asked == "identity" else 1
        probability = output.softmax(dim=1)
        others = torch.cat([probability[:, :right], probability[:, right + 1 :]], dim=1)
        return Odds(("right order", "likeliest other"), torch.stack([probability[:, right], others.amax(dim=1)], dim=1))


@lru_cache(maxsize=8)
def _orders_there(permutations: tuple[Permutation, ...], device: torch.device) -> Tensor:
    """Uploaded once: nothing may be uploaded while a GPU's graph is captured."""
    with torch.inference_mode(False):
        return torch.tensor(permutations).to(device)


def shuffle(frame_BCHW: Tensor, orders: Tensor) -> Tensor:
    """Lay piece `orders[b, p]`, or `orders[p]` for all, of each picture in place p, row by row."""
    b, c, height, width = frame_BCHW.shape
    tiles = frame_BCHW.reshape(b, c, GRID, height // GRID, GRID, width // GRID)
    tiles = tiles.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    pictures = slice(None) if orders.ndim == 1 else torch.arange(b, device=frame_BCHW.device)[:, None]
    return tiles[pictures, orders].unflatten(1, (GRID, GRID)).permute(0, 3, 1, 4, 2, 5).reshape(b, c, height, width)

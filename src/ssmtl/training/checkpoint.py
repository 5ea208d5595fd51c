"""All that a killed run needs to go on, in one safetensors file: replaced whole, so never half written."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ssmtl.atomic import atomic_file
from ssmtl.errors import ModelError


@dataclass
class Progress:
    """Where training stands: `step` of `epoch` comes next; how long it took, and for how much of that the network was
    at work."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    busy_s: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = -1


def save_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: nn.Module | None,
    best: dict[str, Tensor],
    progress: Progress,
    key: str,
) -> None:
    """Write network, optimizer, mean of the weights, best network so far and progress; `key` says which run they
    belong to."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    if average is not None:
        tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": torch.as_tensor(value) for name, value in state.items()}
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    with atomic_file(path) as temporary:
        temporary.write_bytes(save(tensors, {"progress": json.dumps(vars(progress)), "key": key}))


def load_checkpoint(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, average: nn.Module | None, key: str
) -> tuple[Progress, dict[str, Tensor]]:
    """Bring `network`, `optimizer` and `average` to where `path` was saved; returns the progress and the best network.

    Raises:
        ModelError: the file is damaged, or belongs to a run with other settings or footage.
    """
    tensors: dict[str, dict[str, Any]] = {"network": {}, "best": {}, "optimizer": {}, "average": {}}
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            for name in file.keys():  # noqa: SIM118 - not iterable itself
                part, rest = name.split(".", 1)
                tensors[part][rest] = file.get_tensor(name)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path}: is damaged ({error}); delete it to start over") from error
    if metadata.get("key") != key:
        raise ModelError(
            f"{path}: belongs to a run with other settings, footage or version; resume with the same ones, "
            "or start over with --overwrite"
        )
    network.load_state_dict(tensors["network"])
    if average is not None:
        average.load_state_dict(tensors["average"])
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors["optimizer"].items():
        number, rest = name.split(".", 1)
        state.setdefault(int(number), {})[rest] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return Progress(**json.loads(metadata["progress"])), tensors["best"]

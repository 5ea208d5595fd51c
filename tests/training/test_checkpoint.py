"""A checkpoint brings everything back, or says why it cannot."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ssmtl.errors import ModelError
from ssmtl.training.checkpoint import Progress, load_checkpoint, save_checkpoint


def make(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv3d(1, 4, 3), nn.BatchNorm3d(4))
    return network, torch.optim.Adam(network.parameters(), 0.01)


def train(network: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    x = torch.linspace(0, 1, 2 * 125).view(2, 1, 5, 5, 5)
    for _ in range(steps):
        optimizer.zero_grad()
        network(x).square().sum().backward()
        optimizer.step()


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


PROGRESS = Progress(2, 7, 12.5, {"t": 0.1}, [{"epoch": 1, "held_out/total": 1 / 3}], 0)


def test_round_trip(tmp_path: Path) -> None:
    network, optimizer = make(0)
    train(network, optimizer, 3)
    best = weights(make(1)[0])
    save_checkpoint(tmp_path / "c.safetensors", network, optimizer, None, best, PROGRESS, "key")
    other, its_optimizer = make(2)
    progress, its_best = load_checkpoint(tmp_path / "c.safetensors", other, its_optimizer, None, "key")
    assert progress == PROGRESS and equal(best, its_best) and equal(weights(network), weights(other))
    # With the same moments, the next steps are the same too.
    train(network, optimizer, 2)
    train(other, its_optimizer, 2)
    assert equal(weights(network), weights(other))
    assert [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]


def test_before_the_first_step(tmp_path: Path) -> None:
    network, optimizer = make(0)
    save_checkpoint(tmp_path / "c.safetensors", network, optimizer, None, {}, Progress(), "key")
    other, its_optimizer = make(2)
    progress, best = load_checkpoint(tmp_path / "c.safetensors", other, its_optimizer, None, "key")
    assert progress == Progress() and best == {} and equal(weights(network), weights(other))


def test_a_checkpoint_of_another_run(tmp_path: Path) -> None:
    network, optimizer = make(0)
    save_checkpoint(tmp_path / "c.safetensors", network, optimizer, None, {}, Progress(), "key")
    before = weights(network)
    train(network, optimizer, 1)
    changed = weights(network)
    with pytest.raises(ModelError, match=r"c\.safetensors: .*other settings.*--overwrite"):
        load_checkpoint(tmp_path / "c.safetensors", network, optimizer, None, "another key")
    assert equal(weights(network), changed) and not equal(changed, before), "the network is left as it was"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:100],
        lambda data: data[:-1],
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: data[:8] + b"?" + data[9:],
        lambda data: b"not a checkpoint at all",
        lambda data: data.replace(b"network.0.weight", b"unknown.0.weight"),
    ],
    ids=["empty", "cut in the header", "cut at the end", "length", "header", "text", "names"],
)
def test_a_damaged_checkpoint(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    network, optimizer = make(0)
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, network, optimizer, None, {}, Progress(), "key")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=r"c\.safetensors: is damaged.*delete it"):
        load_checkpoint(path, network, optimizer, None, "key")

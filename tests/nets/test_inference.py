"""A network made ready to score gives the same outputs."""

import pytest
import torch
from torch import Tensor, nn

from ssmtl.nets.inference import fold_batch_norm, for_inference
from ssmtl.nets.network import Network

from .test_networks import SIZES, fixed, network, set_weights

NAMES = ["class", "picture"]


def trained(size: tuple[str, str]) -> Network:
    """A network whose batch norms have seen something, as after training."""
    net = network(size)
    set_weights(net)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean += fixed(len(module.running_mean)) - 0.5
            module.running_var += fixed(len(module.running_var))
    return net.eval()


def outputs(net: Network, x: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return net(x, NAMES)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize(("batch", "frames"), [(1, 7), (3, 6), (2, 1)])
def test_the_same_outputs(batch: int, frames: int, layout: torch.memory_format) -> None:
    net = trained(SIZES[0])
    x = fixed(batch, 1, frames, 64, 64).contiguous(memory_format=layout)
    for a, b in zip(outputs(net, x), outputs(for_inference(net), x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_the_same_features(size: tuple[str, str]) -> None:
    net, x = trained(size), fixed(2, 1, 7, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(for_inference(net).backbone(x), net.backbone(x), rtol=1e-4, atol=1e-4)


def test_without_onednn_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    net, x = trained(SIZES[0]), fixed(2, 1, 7, 64, 64)
    for a, b in zip(outputs(net, x), outputs(for_inference(net), x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_the_original_is_left_as_it_was() -> None:
    net, x = trained(SIZES[0]), fixed(1, 1, 7, 64, 64)
    before, weights = outputs(net, x), {name: value.clone() for name, value in net.state_dict().items()}
    for_inference(net)
    assert all(torch.equal(a, b) for a, b in zip(before, outputs(net, x), strict=True))
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())
    assert all(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize("size", SIZES)
def test_batch_norms_are_folded_away(size: tuple[str, str]) -> None:
    stages = trained(size).backbone.stages
    folded = fold_batch_norm(stages)
    assert not [layer for layer in folded if isinstance(layer, nn.BatchNorm3d)]
    assert len(folded) == len(stages) - {"shallow": 3, "deep": 6}[size[0]]
    x = fixed(1, 1, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(folded(x), stages(x), rtol=1e-4, atol=1e-4)

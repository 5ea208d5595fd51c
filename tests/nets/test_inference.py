"""A network made ready to score gives the same outputs."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ssmtl.nets.backbone import Backbone, BackboneSettings
from ssmtl.nets.heads import ClassificationHead, DecodingHead
from ssmtl.nets.inference import fold_batch_norm, for_inference
from ssmtl.nets.network import SHARED, Network
from ssmtl.nets.normalisation import LENGTHS, BatchNormByLength

from .weights import fixed, set_statistics, set_weights

NAMES = ["class", "picture"]
SIZES = [(depth, width) for depth in ("shallow", "deep") for width in ("narrow", "wide")]
KINDS: dict[str, dict[str, Any]] = {
    "no transformer": {},
    "2d": {"transformer": "2d", "cvt": {"blocks": 2, "heads": 2}},
    "3d": {"transformer": "3d", "cvt": {"blocks": 2, "heads": 2}},
    "deep and wide": {"depth": "deep", "width": "wide"},
    "strided": {"depth": "deep", "width": "tapered", "shrinking": "stride"},
}


def trained(settings: dict[str, Any], names: tuple[str, ...] = (SHARED,)) -> Network:
    """A network whose batch norms have seen something, as after training, and something else at each length."""
    backbones = {name: Backbone(BackboneSettings.model_validate(settings), 1) for name in names}
    channels = next(iter(backbones.values())).channels
    net = Network(backbones, {"class": ClassificationHead(channels, 2), "picture": DecodingHead(channels, 1)})
    set_weights(net)
    set_statistics(net)
    return net.eval()


def outputs(net: Network, x: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return net(x, NAMES)


def stages(net: Network, name: str = SHARED) -> nn.Sequential:
    layers = net.backbones[name].stages
    assert isinstance(layers, nn.Sequential)
    return layers


def same(found: list[Tensor], expected: list[Tensor]) -> None:
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize(("batch", "frames"), [(1, 7), (3, 6), (2, 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_outputs(kind: str, batch: int, frames: int, layout: torch.memory_format) -> None:
    net = trained(KINDS[kind])
    x = fixed(batch, 1, frames, 64, 64).contiguous(memory_format=layout)
    same(outputs(for_inference(net), x), outputs(net, x))


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize("kind", ["no transformer", "3d"])
@pytest.mark.parametrize("names", [("class", "picture"), (SHARED, "picture")], ids=["each", "some"])
def test_with_backbones_of_their_own(names: tuple[str, ...], kind: str, frames: int) -> None:
    net = trained(KINDS[kind], names)
    with torch.no_grad():
        for weight in stages(net, "picture").parameters():
            weight.mul_(1.1)
    x = fixed(2, 1, frames, 64, 64)
    ready = for_inference(net)
    same(outputs(ready, x), outputs(net, x))
    assert list(ready.backbones) == list(names)
    for name in names:
        assert not [layer for layer in ready.backbones[name].stages.modules() if isinstance(layer, BatchNormByLength)]
    features = [ready.backbones[name](x) for name in names]
    assert not torch.allclose(*features, rtol=0.01), "they differ"


def test_each_length_has_statistics_of_its_own() -> None:
    """What the parity above would not notice if all lengths were alike."""
    net = trained({})
    x = fixed(1, 1, 6, 64, 64)
    before = outputs(net, x)
    for module in net.modules():
        if isinstance(module, BatchNormByLength):
            for values in (module.mean, module.variance):
                values.copy_(values[[1, 2, 0]])
    assert not torch.allclose(outputs(net, x)[0], before[0], atol=0.01)
    same(outputs(for_inference(net), x), outputs(net, x))


@pytest.mark.parametrize("size", SIZES)
def test_the_same_features(size: tuple[str, str]) -> None:
    net, x = trained({"depth": size[0], "width": size[1]}), fixed(2, 1, 7, 16, 16)
    with torch.no_grad():
        same([for_inference(net).backbones[SHARED](x)], [net.backbones[SHARED](x)])


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_without_onednn_too(kind: str, frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    net, x = trained(KINDS[kind]), fixed(2, 1, frames, 64, 64)
    same(outputs(for_inference(net), x), outputs(net, x))


@pytest.mark.parametrize("kind", ["no transformer", "3d"])
def test_the_original_is_left_as_it_was(kind: str) -> None:
    net, x = trained(KINDS[kind]), fixed(1, 1, 7, 64, 64)
    before, weights = outputs(net, x), {name: value.clone() for name, value in net.state_dict().items()}
    for_inference(net)
    assert all(torch.equal(a, b) for a, b in zip(before, outputs(net, x), strict=True))
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())
    assert all(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize("length", range(len(LENGTHS)))
@pytest.mark.parametrize("size", SIZES)
def test_batch_norms_are_folded_away(size: tuple[str, str], length: int) -> None:
    layers = stages(trained({"depth": size[0], "width": size[1]}))
    folded = fold_batch_norm(layers, length)
    assert not [layer for layer in folded if isinstance(layer, BatchNormByLength | nn.BatchNorm3d)]
    assert len(folded) == len(layers) - {"shallow": 3, "deep": 6}[size[0]]
    x = fixed(1, 1, LENGTHS[length], 16, 16)
    with torch.no_grad():
        same([folded(x)], [layers(x)])

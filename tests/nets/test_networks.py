"""Shapes, sizes and golden numbers of the 3D CNN, the heads and the network that joins them."""

import pytest
import torch
from torch import Tensor, nn

from ssmtl.nets.backbone import Backbone, BackboneSettings
from ssmtl.nets.heads import ClassificationHead, DecodingHead
from ssmtl.nets.network import SHARED, Network, channels_last

from .weights import fixed, parameters, set_weights

SIZES = [(depth, width) for depth in ("shallow", "deep") for width in ("narrow", "wide")]


def backbone(depth: str, width: str, picture_channels: int = 1) -> Backbone:
    torch.manual_seed(0)
    return Backbone(BackboneSettings.model_validate({"depth": depth, "width": width}), picture_channels)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("frames", [1, 6, 7])
def test_any_number_of_frames(size: tuple[str, str], frames: int) -> None:
    net = backbone(*size).eval()
    with torch.inference_mode():
        features = net(fixed(1, 1, frames, 16, 24))
    assert features.shape == (1, {"narrow": 32, "wide": 64}[size[1]], 2, 3)
    assert net.channels == features.shape[1]


@pytest.mark.parametrize("picture_channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_number_of_parameters(size: tuple[str, str], picture_channels: int) -> None:
    a, b, c = (16, 32, 32) if size[1] == "narrow" else (32, 64, 64)
    pairs = [(picture_channels, a), (a, b), (b, c)]
    if size[0] == "deep":
        pairs = [(picture_channels, a), (a, a), (a, b), (b, b), (b, c), (c, c)]
    # Each convolution has 3×3×3 weights per pair of channels; each normalisation two values per channel.
    assert parameters(backbone(*size, picture_channels)) == sum(27 * i * o + 2 * o for i, o in pairs)


@pytest.mark.parametrize("size", SIZES)
def test_pooling_and_depth(size: tuple[str, str]) -> None:
    """Three poolings of space, none of time; one or two convolutions between them."""
    layers = list(backbone(*size).stages)
    pools = [layer.kernel_size for layer in layers if isinstance(layer, nn.MaxPool3d)]
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv3d)]
    assert pools == [(1, 2, 2)] * 3
    assert len(convolutions) == {"shallow": 3, "deep": 6}[size[0]]
    assert all(layer.kernel_size == (3, 3, 3) and layer.stride == (1, 1, 1) for layer in convolutions)


@pytest.mark.parametrize("size", SIZES)
def test_rectifying_after_the_pooling_is_as_before_it(size: tuple[str, str]) -> None:
    """The papers' order (convolution, norm, ReLU, pooling) gives the same features."""
    net = backbone(*size).eval()
    layers = list(net.stages)
    for i in [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool3d)]:
        layers[i], layers[i + 1] = layers[i + 1], layers[i]
    assert [type(layer) for layer in layers[-2:]] == [nn.ReLU, nn.MaxPool3d]
    x = fixed(1, 1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(net(x), nn.Sequential(*layers)(x).mean(dim=2))


@pytest.mark.parametrize("depth", ["shallow", "deep"])
def test_striding_in_the_place_of_pooling(depth: str) -> None:
    """The first convolution of a stage halves the picture; no pooling, time as it is, one ReLU after each norm."""
    settings = BackboneSettings.model_validate({"depth": depth, "width": "tapered", "shrinking": "stride"})
    net = Backbone(settings, 1).eval()
    convolutions = [layer for layer in net.stages if isinstance(layer, nn.Conv3d)]
    assert not any(isinstance(layer, nn.MaxPool3d) for layer in net.stages)
    count = 1 if depth == "shallow" else 2
    assert [layer.stride for layer in convolutions] == ([(1, 2, 2)] + [(1, 1, 1)] * (count - 1)) * 3
    assert [layer.out_channels for layer in convolutions[::count]] == [16, 32, 64]
    assert [isinstance(layer, nn.ReLU) for layer in net.stages] == [False, False, True] * (3 * count)
    for frames in (1, 6, 7):
        with torch.inference_mode():
            assert net.stages(fixed(1, 1, frames, 64, 64)).shape == (1, 64, frames, 8, 8)


def test_time_is_averaged_at_the_end_only() -> None:
    """A frame repeated gives other features than the frame alone only through the padding in time."""
    net = backbone("shallow", "narrow").eval()
    with torch.inference_mode():
        stages = net.stages(fixed(2, 1, 7, 16, 16))
        assert stages.shape == (2, 32, 7, 2, 2)
        assert torch.equal(net(fixed(2, 1, 7, 16, 16)), stages.mean(dim=2))


@pytest.mark.parametrize("classes", [2, 100])
@pytest.mark.parametrize("channels", [32, 64])
def test_classification_head(channels: int, classes: int) -> None:
    head = ClassificationHead(channels, classes)
    assert head(fixed(3, channels, 8, 8)).shape == (3, classes)
    assert parameters(head) == 9 * channels * 32 + 32 + 512 * classes + classes


@pytest.mark.parametrize("out_channels", [1, 3, 17])
@pytest.mark.parametrize("channels", [32, 64])
def test_decoding_head(channels: int, out_channels: int) -> None:
    head = DecodingHead(channels, out_channels)
    assert head(fixed(2, channels, 8, 8)).shape == (2, out_channels, 64, 64)
    half = channels // 2
    pairs = [(channels, channels), (channels, half), (half, half), (half, out_channels)]
    assert parameters(head) == sum(9 * i * o + o for i, o in pairs)


def network(size: tuple[str, str]) -> Network:
    net = backbone(*size)
    heads = {"class": ClassificationHead(net.channels, 2), "picture": DecodingHead(net.channels, 1)}
    return Network({SHARED: net}, heads)


@pytest.mark.parametrize("names", [[], ["class"], ["picture"], ["picture", "class"]])
def test_the_named_heads_answer_in_that_order(names: list[str]) -> None:
    net = network(SIZES[0]).eval()
    shapes = {"class": (2, 2), "picture": (2, 1, 64, 64)}
    with torch.inference_mode():
        outputs = net(fixed(2, 1, 7, 64, 64), names)
    assert [tuple(output.shape) for output in outputs] == [shapes[name] for name in names]


def test_channels_last_changes_no_value() -> None:
    net = network(SIZES[0]).eval()
    x = fixed(2, 1, 7, 64, 64)
    with torch.inference_mode():
        before = net(x, ["class", "picture"])
        channels_last(net)
        after = net(x.contiguous(memory_format=torch.channels_last_3d), ["class", "picture"])
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(before, after, strict=True))
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            assert module.weight.is_contiguous(memory_format=torch.channels_last)
        elif isinstance(module, nn.Conv3d):
            assert module.weight.is_contiguous(memory_format=torch.channels_last_3d)


# Mean, deviation and one value of the features, two logits, mean and one value of the picture.
GOLDEN: dict[tuple[str, str], list[float]] = {
    ("shallow", "narrow"): [0.68879, 0.726486, 0.982215, 2.349077, -1.792741, -1.761625, -2.227943],
    ("shallow", "wide"): [0.591233, 0.765249, 1.647208, 1.899454, 0.414165, 0.072182, 0.026901],
    ("deep", "narrow"): [0.57714, 0.627487, 0.075498, 2.291314, -1.173471, -1.278808, -1.264576],
    ("deep", "wide"): [0.305325, 0.325439, 0.9912, 1.518257, 0.149207, 0.385969, 0.39649],
}


@pytest.mark.parametrize("size", SIZES)
def test_golden_output(size: tuple[str, str]) -> None:
    net = network(size).eval()
    set_weights(net)
    with torch.inference_mode():
        features = net.backbones[SHARED](fixed(1, 1, 7, 64, 64))
        logits, picture = net.heads["class"](features), net.heads["picture"](features)
    assert features.shape[2:] == (8, 8)
    found = [features.mean(), features.std(), features[0, 3, 4, 5], *logits[0], picture.mean(), picture[0, 0, 10, 20]]
    assert [value.item() for value in found] == pytest.approx(GOLDEN[size], rel=1e-4, abs=1e-5)


class Scale(nn.Module):
    """A backbone or head of one weight, which counts its calls."""

    def __init__(self, weight: float):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.weight * x


def scales(backbones: dict[str, float]) -> Network:
    heads = {"a": Scale(2.0), "b": Scale(3.0), "c": Scale(5.0)}
    return Network({name: Scale(weight) for name, weight in backbones.items()}, heads)


def calls(net: Network) -> dict[str, int]:
    return {name: part.calls for name, part in net.backbones.items() if isinstance(part, Scale)}


def gradients(modules: nn.ModuleDict) -> dict[str, float]:
    """Of those that have one."""
    found = {name: part.weight.grad for name, part in modules.items() if isinstance(part, Scale)}
    return {name: gradient.item() for name, gradient in found.items() if gradient is not None}


class TestBackbones:
    X = torch.tensor(1.0)

    def test_a_shared_one_runs_once_for_all_heads(self) -> None:
        net = scales({SHARED: 7.0})
        assert [output.item() for output in net(self.X, ["c", "a", "b"])] == [35, 14, 21]
        assert calls(net) == {SHARED: 1}

    def test_one_for_each_task(self) -> None:
        net = scales({"a": 7.0, "b": 11.0, "c": 13.0})
        assert [output.item() for output in net(self.X, ["c", "a"])] == [65, 14]
        assert calls(net) == {"a": 1, "b": 0, "c": 1}

    def test_some_of_their_own_and_the_rest_shared(self) -> None:
        net = scales({SHARED: 7.0, "b": 11.0})
        assert [output.item() for output in net(self.X, ["a", "b", "c"])] == [14, 33, 35]
        assert calls(net) == {SHARED: 1, "b": 1}

    @pytest.mark.parametrize(("name", "expected"), [("a", 2.0), ("b", 3.0)])
    def test_a_loss_teaches_its_own_backbone_and_head_alone(self, name: str, expected: float) -> None:
        net = scales({"a": 7.0, "b": 11.0, "c": 13.0})
        net(self.X, [name])[0].backward()
        assert gradients(net.backbones) == {name: expected}
        assert list(gradients(net.heads)) == [name]

    @pytest.mark.parametrize("factor", [1.0, -0.2, 0.0, 3.0])
    def test_the_gradient_into_the_backbone_is_multiplied(self, factor: float) -> None:
        """The output and the heads' own gradients stay as they are."""
        net = scales({SHARED: 7.0, "b": 11.0})
        outputs = net(self.X, ["a", "b", "c"], backbone_gradient=factor)
        assert [output.item() for output in outputs] == [14, 33, 35]
        torch.stack(outputs).sum().backward()
        assert gradients(net.heads) == {"a": 7, "b": 11, "c": 7}
        assert gradients(net.backbones) == pytest.approx({SHARED: factor * (2 + 5), "b": factor * 3})

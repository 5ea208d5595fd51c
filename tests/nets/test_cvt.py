"""The transformer blocks, against attention written out in loops, and their shapes and sizes."""

import math
from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from ssmtl.nets.backbone import Backbone, BackboneSettings
from ssmtl.nets.cvt import ConvolutionalProjection, CvT, CvTBlock, CvTSettings
from ssmtl.nets.normalisation import BatchNormByLength, place

from .weights import fixed, parameters, set_statistics, set_weights

Array = NDArray[np.float64]
Dimensions = Literal[2, 3]
TINY = CvTSettings(blocks=1, heads=2, head_size=3, mlp_ratio=2)
WIDTH = 2


def block(dimensions: Dimensions) -> CvTBlock:
    net = CvTBlock(dimensions, WIDTH, TINY)
    set_weights(net)
    set_statistics(net)
    return net.eval()


def numbers(net: nn.Module, name: str) -> Array:
    return net.state_dict()[name].double().numpy()


def hand_norm(tokens: Array, net: nn.Module, name: str) -> Array:
    """Layer norm of each token over its channels."""
    out = np.empty_like(tokens)
    for i, token in enumerate(tokens):
        mean = sum(token) / len(token)
        variance = sum((value - mean) ** 2 for value in token) / len(token)
        out[i] = (token - mean) / math.sqrt(variance + 1e-5)
    return out * numbers(net, f"{name}.weight") + numbers(net, f"{name}.bias")


def hand_projection(x_CTHW: Array, net: CvTBlock, name: str, stride: int, made_of: int) -> Array:
    """Tokens×(heads·size): each channel's own 3×3(×3) convolution, batch norm, then a linear layer."""
    kernels = numbers(net, f"{name}.convolution.weight").reshape(WIDTH, -1, 3, 3)
    norm = getattr(net, name).norm
    assert isinstance(norm, BatchNormByLength)
    i = place(made_of)
    mean, variance = norm.mean[i].numpy(), norm.variance[i].numpy()
    gain, offset = numbers(net, f"{name}.norm.weight"), numbers(net, f"{name}.norm.bias")
    _, frames, height, width = x_CTHW.shape
    depth = kernels.shape[1] // 2
    tokens = []
    for t in range(frames):
        for y in range(0, height, stride):
            for x in range(0, width, stride):
                token = np.zeros(WIDTH)
                for c in range(WIDTH):
                    for dt in range(-depth, depth + 1):
                        for dy in (-1, 0, 1):
                            for dx in (-1, 0, 1):
                                if 0 <= t + dt < frames and 0 <= y + dy < height and 0 <= x + dx < width:
                                    weight = kernels[c, dt + depth, dy + 1, dx + 1]
                                    token[c] += weight * x_CTHW[c, t + dt, y + dy, x + dx]
                tokens.append((token - mean) / np.sqrt(variance + 1e-5) * gain + offset)
    return np.array(tokens) @ numbers(net, f"{name}.linear.weight").T + numbers(net, f"{name}.linear.bias")


def hand_attention(x_CTHW: Array, net: CvTBlock, made_of: int) -> Array:
    """Each head's mean of the values, weighted by the softmax of query · key / √size."""
    queries = hand_projection(x_CTHW, net, "query", 1, made_of)
    keys, values = (hand_projection(x_CTHW, net, name, 2, made_of) for name in ("key", "value"))
    size = TINY.head_size
    seen = np.zeros_like(queries)
    for head in range(TINY.heads):
        mine = slice(head * size, (head + 1) * size)
        for n, query in enumerate(queries):
            weights = [math.exp(query[mine] @ key[mine] / math.sqrt(size)) for key in keys]
            for weight, value in zip(weights, values, strict=True):
                seen[n, mine] += weight / sum(weights) * value[mine]
    return seen


def hand_block(x_CTHW: Array, net: CvTBlock, made_of: int) -> Array:
    tokens = x_CTHW.reshape(WIDTH, -1).T
    normed = hand_norm(tokens, net, "norm_1").T.reshape(x_CTHW.shape)
    tokens = tokens + hand_attention(normed, net, made_of) @ numbers(net, "join.weight").T + numbers(net, "join.bias")
    inner = hand_norm(tokens, net, "norm_2") @ numbers(net, "perceptron.0.weight").T + numbers(net, "perceptron.0.bias")
    bent = np.vectorize(lambda value: value * 0.5 * (1 + math.erf(value / math.sqrt(2))))(inner)
    tokens = tokens + bent @ numbers(net, "perceptron.2.weight").T + numbers(net, "perceptron.2.bias")
    return tokens.T.reshape(x_CTHW.shape)


@pytest.mark.parametrize(
    ("dimensions", "place_of_tokens", "made_of"),
    [
        (2, (4, 4), 7),
        (2, (4, 4), 1),
        (2, (5, 3), 6),
        (3, (1, 4, 4), 1),
        (3, (3, 4, 4), 3),
        (3, (6, 2, 3), 6),
        (3, (7, 1, 1), 7),
    ],
)
def test_a_block_by_hand(dimensions: Dimensions, place_of_tokens: tuple[int, ...], made_of: int) -> None:
    net = block(dimensions)
    x = fixed(2, WIDTH, *place_of_tokens) * 2 - 1
    with torch.inference_mode():
        made = net(x, made_of)
    assert made.shape == x.shape
    for one, found in zip(x, made, strict=True):
        x_CTHW = one.double().numpy().reshape(WIDTH, *(1, 1)[: 4 - one.dim()], *place_of_tokens)
        np.testing.assert_allclose(
            found.numpy().reshape(x_CTHW.shape), hand_block(x_CTHW, net, made_of), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("dimensions", [2, 3])
def test_without_its_branches_a_block_is_its_shortcut(dimensions: Dimensions) -> None:
    net = block(dimensions)
    x = fixed(2, WIDTH, *(3, 4, 4)[3 - dimensions :])
    with torch.inference_mode():
        assert not torch.allclose(net(x, 3), x, atol=0.1)
        for layer in (net.join, net.perceptron[2]):
            layer.weight.zero_()
            layer.bias.zero_()
        assert torch.equal(net(x, 3), x)


@pytest.mark.parametrize(
    ("dimensions", "stride", "tokens"),
    [(2, 1, 64), (2, 2, 16), (3, 1, 7 * 64), (3, 2, 7 * 16)],
)
def test_keys_and_values_are_thinned_in_space_alone(dimensions: Dimensions, stride: int, tokens: int) -> None:
    x = fixed(2, WIDTH, *(7, 8, 8)[3 - dimensions :])
    projection = ConvolutionalProjection(dimensions, WIDTH, heads=4, size=5, stride=stride)
    assert projection(x, 7).shape == (2, 4, tokens, 5)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_which_projections_have_a_stride(dimensions: Dimensions) -> None:
    net = block(dimensions)
    last = [part.convolution.stride[-2:] for part in (net.query, net.key, net.value)]
    assert last == [(1, 1), (2, 2), (2, 2)]


SIZES = [(blocks, heads) for blocks in (1, 2, 3) for heads in (6, 12, 18)]


@pytest.mark.parametrize(("blocks", "heads"), SIZES)
@pytest.mark.parametrize("dimensions", [2, 3])
def test_number_of_parameters(dimensions: Dimensions, blocks: int, heads: int) -> None:
    width, inner, hidden = 64, heads * 64, 4 * 64
    norms = 2 * 2 * width
    # Depthwise convolution without offset, batch norm, linear layer.
    projection = width * 3**dimensions + 2 * width + width * inner + inner
    perceptron = width * hidden + hidden + hidden * width + width
    each = norms + 3 * projection + inner * width + width + perceptron
    assert parameters(CvT(dimensions, width, CvTSettings(blocks=blocks, heads=heads))) == blocks * each


@pytest.mark.parametrize(("blocks", "heads"), SIZES)
@pytest.mark.parametrize("transformer", ["2d", "3d"])
def test_any_number_of_frames(transformer: str, blocks: int, heads: int) -> None:
    """Of crops too that the paper does not use: the number of tokens is free."""
    settings = {"transformer": transformer, "cvt": {"blocks": blocks, "heads": heads}}
    net = Backbone(BackboneSettings.model_validate(settings), 1).eval()
    with torch.inference_mode():
        for frames in (1, 6, 7):
            made = net(fixed(2, 1, frames, 32, 24))
            assert made.shape == (2, 32, 4, 3) and torch.isfinite(made).all()


@pytest.mark.parametrize(("transformer", "before", "after"), [("none", 0, 0), ("2d", 0, 2), ("3d", 2, 0)])
def test_where_the_transformer_stands(transformer: str, before: int, after: int) -> None:
    """In three dimensions before the average over time, in two after it."""
    settings = BackboneSettings.model_validate({"transformer": transformer, "cvt": {"blocks": 2, "heads": 2}})
    net = Backbone(settings, 1)
    set_weights(net)
    set_statistics(net)
    net.eval()
    found = [[m for m in part.modules() if isinstance(m, CvTBlock)] for part in (net.before, net.after)]
    assert [len(blocks) for blocks in found] == [before, after]
    x = fixed(2, 1, 7, 16, 16)
    with torch.inference_mode():
        stages = net.stages(x)
        expected = {
            "none": stages.mean(dim=2),
            "2d": net.after(stages.mean(dim=2), 7),
            "3d": net.before(stages, 7).mean(dim=2),
        }
        assert torch.equal(net(x), expected[transformer])
    assert before + after == 0 or not torch.allclose(expected[transformer], expected["none"], atol=0.1)


def test_attention_reaches_over_all_of_time() -> None:
    """The last frame is beyond the reach of the convolutions of the first, but not of its attention."""
    x = fixed(1, WIDTH, 9, 4, 4)
    other = x.clone()
    other[:, :, -1] += fixed(1, WIDTH, 4, 4) * 3
    net = block(3)
    with torch.inference_mode():
        assert (net(x, 9) - net(other, 9))[:, :, 0].abs().max() > 1e-4
        assert torch.equal(net.query.convolution(x)[:, :, 0], net.query.convolution(other)[:, :, 0])

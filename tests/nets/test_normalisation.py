"""Batch norm with statistics for each length of sequence."""

import pytest
import torch
from torch import Tensor, nn

from ssmtl.nets.normalisation import LENGTHS, BatchNormByLength, fixed_statistics, place

from .weights import fixed

CHANNELS = 5


def pair() -> tuple[BatchNormByLength, nn.BatchNorm3d]:
    """The same gains and biases in both."""
    ours, ordinary = BatchNormByLength(CHANNELS), nn.BatchNorm3d(CHANNELS)
    with torch.no_grad():
        for norm in (ours, ordinary):
            norm.weight.copy_(fixed(CHANNELS) + 0.5)
            norm.bias.copy_(fixed(CHANNELS) - 0.3)
    return ours, ordinary


def batches(frames: int, count: int = 3) -> list[Tensor]:
    """Of another mean and deviation each."""
    return [fixed(4, CHANNELS, frames, 3, 2) * (2 + i) + fixed(CHANNELS).view(-1, 1, 1, 1) * i for i in range(count)]


@pytest.mark.parametrize("frames", LENGTHS)
def test_for_one_length_it_is_the_ordinary_batch_norm(frames: int) -> None:
    """In training (outputs, gradients, statistics) and in evaluation."""
    ours, ordinary = pair()
    i = LENGTHS.index(frames)
    for x in batches(frames):
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        made, expected = ours(a), ordinary(b)
        torch.testing.assert_close(made, expected)
        made.square().sum().backward()
        expected.square().sum().backward()
        torch.testing.assert_close(a.grad, b.grad)
        assert ordinary.running_mean is not None and ordinary.running_var is not None
        torch.testing.assert_close(ours.mean[i], ordinary.running_mean)
        torch.testing.assert_close(ours.variance[i], ordinary.running_var)
    torch.testing.assert_close(ours.weight.grad, ordinary.weight.grad)
    torch.testing.assert_close(ours.bias.grad, ordinary.bias.grad)
    x = batches(frames)[1]
    torch.testing.assert_close(ours.eval()(x), ordinary.eval()(x))
    assert not torch.allclose(ours(x), ours.train()(x), atol=0.1), "evaluation goes by the running statistics"


@pytest.mark.parametrize("frames", LENGTHS)
def test_other_lengths_statistics_are_untouched(frames: int) -> None:
    ours, _ = pair()
    for x in batches(frames):
        ours(x)
    for i, length in enumerate(LENGTHS):
        untouched = torch.equal(ours.mean[i], torch.zeros(CHANNELS)) and torch.equal(
            ours.variance[i], torch.ones(CHANNELS)
        )
        assert untouched == (length != frames)


def test_evaluation_changes_nothing() -> None:
    ours, _ = pair()
    ours.eval()(batches(7)[0])
    assert torch.equal(ours.mean, torch.zeros(3, CHANNELS)) and torch.equal(ours.variance, torch.ones(3, CHANNELS))


def test_the_batch_norm_of_one_length() -> None:
    ours, _ = pair()
    for frames in LENGTHS:
        ours(batches(frames)[LENGTHS.index(frames)])
    ours.eval()
    x = batches(2)[0]
    made = [ours.of_length(i)(x) for i in range(len(LENGTHS))]
    for i, frames in enumerate(LENGTHS):
        y = batches(frames)[0]
        torch.testing.assert_close(ours.of_length(i)(y), ours(y))
    assert not any(torch.allclose(made[i], made[j], atol=0.01) for i, j in [(0, 1), (0, 2), (1, 2)])


@pytest.mark.parametrize(
    ("frames", "length"), [(1, 1), (2, 1), (3, 1), (4, 6), (5, 6), (6, 6), (7, 7), (8, 7), (25, 7)]
)
def test_another_length_goes_with_the_nearest(frames: int, length: int) -> None:
    assert LENGTHS[place(frames)] == length


def statistics(net: nn.Module) -> list[Tensor]:
    return [value.clone() for name, value in net.named_buffers() if not name.endswith("tracked")]


def test_fixed_statistics() -> None:
    """Within it nothing is learnt of what is seen, though it is normalised as in training; afterwards it is again."""
    net = nn.ModuleList([BatchNormByLength(CHANNELS), BatchNormByLength(CHANNELS)])
    x = batches(1)[1]

    def run() -> list[Tensor]:
        return [net[0](x).detach(), net[1](x[:, :, 0], 1).detach()]

    before = statistics(net)
    with fixed_statistics(net):
        made = run()
    assert len(before) == 4 and all(torch.equal(a, b) for a, b in zip(before, statistics(net), strict=True))
    assert all(abs(norm.momentum - 0.1) < 1e-9 for norm in net)
    for a, b in zip(made, run(), strict=True):
        torch.testing.assert_close(a, b)
    after = statistics(net)
    assert not any(torch.equal(a[0], b[0]) for a, b in zip(before, after, strict=True))


def test_a_map_made_of_frames_has_their_statistics() -> None:
    """What is left of a sequence after the average over time is normalised as sequences of its length."""
    ours, x = BatchNormByLength(CHANNELS), batches(1)[1][:, :, 0]
    for frames in LENGTHS:
        ours(x * frames, frames)
    for i, frames in enumerate(LENGTHS):
        torch.testing.assert_close(ours.mean[i], 0.1 * frames * x.mean(dim=(0, 2, 3)).detach())


def test_fixed_statistics_end_with_an_error_too() -> None:
    net = nn.ModuleList([BatchNormByLength(CHANNELS), BatchNormByLength(CHANNELS)])
    net[1].momentum = 0.3
    with pytest.raises(RuntimeError, match="stop"), fixed_statistics(net):
        raise RuntimeError("stop")
    assert [norm.momentum for norm in net] == [0.1, 0.3]

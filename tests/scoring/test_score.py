"""Task scores and their scale."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssmtl.scoring.score import TaskScale, calibrate, measure_scales, raw_scores
from ssmtl.tasks.task import View

from .tiny import make_model

KINDS = ["a", "b"]
SCALES = {"b": TaskScale(0.0, 0.5), "a": TaskScale(10.0, 20.0)}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([], []),
        ([[10, 0]], [[0, 0]]),
        ([[20, 0.5]], [[1, 1]]),
        ([[15, 0.25], [40, 5]], [[0.5, 0.5], [3, 10]]),
        ([[3, -1]], [[0, 0]]),
    ],
    ids=["none", "median", "99th percentile", "between and above", "below the median"],
)
def test_calibrate(raw: list[list[float]], expected: list[list[float]]) -> None:
    found = calibrate(np.array(raw, np.float32).reshape(-1, 2), KINDS, SCALES)
    assert found.dtype == np.float32 and found.shape == (len(raw), 2)
    assert found.tolist() == pytest.approx(expected) if len(raw) == 0 else np.allclose(found, expected)


def test_measure_scales() -> None:
    """Of 0, 1, ..., 100 the median is 50 and the 99th percentile 99; where tasks agree, so is that of their mean."""
    ramp = np.random.default_rng(0).permutation(101).astype(np.float32)
    scales = measure_scales(np.stack([ramp, ramp / 100 + 1], axis=1), KINDS)
    assert scales["a"] == TaskScale(50.0, 99.0)
    assert (scales["b"].median, scales["b"].high) == pytest.approx((1.5, 1.99))


@pytest.mark.parametrize("scores", [[[0.3, 0.7]], [[0.3, 0.7]] * 50], ids=["one sequence", "all alike"])
def test_a_scale_has_a_width(scores: list[list[float]]) -> None:
    """Where footage says nothing of the spread, scores stay finite."""
    array = np.array(scores, np.float32)
    scales = measure_scales(array, KINDS)
    assert all(scale.high > scale.median for scale in scales.values())
    assert np.isfinite(calibrate(array + 0.1, KINDS, scales)).all()


def test_the_footage_it_was_measured_on() -> None:
    scores = np.random.default_rng(0).random((1000, 2)).astype(np.float32)
    found = calibrate(scores, KINDS, measure_scales(scores, KINDS))
    assert (found == 0).mean(axis=0) == pytest.approx(0.5, abs=0.01)
    assert (found.mean(axis=1) > 1).mean() == pytest.approx(0.01), "one object in a hundred is above 1"


class Spy(nn.Module):
    """Notes what it is asked, and answers through the network."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.asked: list[tuple[int, list[str]]] = []

    def forward(self, x: Tensor, names: list[str]) -> list[Tensor]:
        self.asked.append((x.shape[2], names))
        return self.network(x, names)


def test_one_pass_per_view_and_columns_in_the_order_of_the_tasks() -> None:
    model = make_model()
    x = torch.rand(3, 1, 7, 64, 64, generator=torch.Generator().manual_seed(0))
    spy = Spy(model.network)
    arrow, irregular, middle = model.tasks
    with torch.inference_mode():
        scores = raw_scores(spy, [middle, arrow, irregular], x)  # type: ignore[arg-type]
        outputs = model.network(x, ["arrow_of_time", "motion_irregularity"])
        picture = model.network(View.WITHOUT_MIDDLE.take(x), ["middle_box"])[0]
    assert sorted(spy.asked) == [(6, ["middle_box"]), (7, ["arrow_of_time", "motion_irregularity"])]
    expected = [
        (picture - x[:, :, 3]).abs().mean(dim=(1, 2, 3)),
        outputs[0].softmax(1)[:, 1],
        outputs[1].softmax(1)[:, 1],
    ]
    assert scores.shape == (3, 3) and torch.allclose(scores, torch.stack(expected, dim=1), atol=1e-5)

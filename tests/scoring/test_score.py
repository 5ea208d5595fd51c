"""Task scores and their scale."""

from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssmtl.nets.network import Network
from ssmtl.recipes import TASKS
from ssmtl.scoring.score import (
    FEWEST_AT_EDGE,
    LEAST_ODDS,
    MOST_UNUSUAL,
    Form,
    ScoredPart,
    TaskScale,
    at_edge,
    calibrate,
    edge_relevance,
    head_outputs,
    join_parts,
    measure_scales,
    most_possible,
    raw_scores,
)
from ssmtl.tasks.task import View

from .tiny import make_model

KINDS = ["a", "b"]
PARTS = [ScoredPart(kind) for kind in KINDS]
SCALES = {"b": TaskScale(0.0, 0.5), "a": TaskScale(10.0, 20.0)}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([], []),
        ([[10, 0]], [[0, 0]]),
        ([[20, 0.5]], [[1, 1]]),
        ([[15, 0.25], [40, 1.5]], [[0.5, 0.5], [3, 3]]),
        ([[3, -1]], [[0, 0]]),
    ],
    ids=["none", "median", "99th percentile", "between and above", "below the median"],
)
def test_calibrate(raw: list[list[float]], expected: list[list[float]]) -> None:
    found = calibrate(np.array(raw, np.float32).reshape(-1, 2), KINDS, SCALES)
    assert found.dtype == np.float32 and found.shape == (len(raw), 2)
    assert found.tolist() == pytest.approx(expected) if len(raw) == 0 else np.allclose(found, expected)


def test_what_one_part_says_is_bounded() -> None:
    raw = np.array([[0.0], [0.3], [0.5], [0.9]], np.float32)
    found = calibrate(raw, ["a"], {"a": TaskScale(0.0, 0.1)})[:, 0]
    assert found.tolist() == pytest.approx([0, 3, MOST_UNUSUAL, MOST_UNUSUAL])
    bounded = calibrate(raw, ["a"], {"a": TaskScale(0.0, 0.1, "logit", most=2.0)})[:, 0]
    assert bounded.tolist() == pytest.approx([-20, 10 * np.log(3 / 7), 0, 20], rel=1e-5)
    # What it says something of by half counts for half.
    half = calibrate(raw, ["a"], {"a": TaskScale(0.0, 0.1)}, np.full((4, 1), 0.5, np.float32))[:, 0]
    assert half == pytest.approx(found / 2)


@pytest.mark.parametrize("power", [1.0, 1.5, 4.0])
def test_no_object_scores_more_than_is_possible(power: float) -> None:
    """And some do score that, by all parts and by each alone."""
    kinds = list("abc")
    scales = {
        "a": TaskScale(0.0, 1.2, "logit", weight=0.5, most=2.9),
        "b": TaskScale(-3.0, -1.0, "log", weight=0.2),
        "c": TaskScale(0.1, 0.3, weight=1.5),
    }
    together, alone = most_possible(scales, power)
    raw = np.random.default_rng(0).choice(np.array([0, 0.05, 0.5, 1, 1e6], np.float32), (400, 3))
    parts = calibrate(np.clip(raw, 0, [1, 1e6, 1e6], dtype=np.float32), kinds, scales)
    assert join_parts(parts, kinds, scales, power).max() == pytest.approx(together)
    for k, kind in enumerate(kinds):
        only = np.where(np.arange(3) == k, parts, 0)
        assert join_parts(only, kinds, scales, power).max() == pytest.approx(alone[kind])


def test_a_part_counts_for_as_much_as_it_says() -> None:
    raw = np.array([[40, 1.5], [40, 1.5]], np.float32)
    found = calibrate(raw, KINDS, SCALES, np.array([[1, 0.5], [0, 1]], np.float32))
    assert np.allclose(found, [[3, 1.5], [0, 3]])


def test_the_mean_of_what_counts_is_stretched() -> None:
    """Where a part that is alone says half of what it says, its scale is half as wide."""
    ramp = np.arange(101, dtype=np.float32)[:, None]
    full, half = (
        measure_scales(ramp, [ScoredPart("a")], relevance_NK=np.full((101, 1), n, np.float32))["a"] for n in (1, 0.5)
    )
    assert half.high - half.median == pytest.approx((full.high - full.median) / 2)


def test_at_edge() -> None:
    """Within three pixels at 360×640, two of which are left at 240×427."""
    boxes = [
        [0, 50, 20, 90],
        [1, 50, 20, 90],
        [3, 50, 20, 90],
        [50, 1, 70, 90],
        [400, 50, 426, 90],
        [50, 50, 70, 238.5],
    ]
    found = at_edge(np.array(boxes, np.float32), 240, 427)
    assert found.tolist() == [True, True, False, True, True, True]
    assert at_edge(np.zeros((0, 4), np.float32), 240, 427).shape == (0,)


@pytest.mark.parametrize(("count", "expected"), [(FEWEST_AT_EDGE, 0.5), (FEWEST_AT_EDGE - 1, 1.0)])
def test_what_is_at_the_edge_is_brought_down_to_all(count: int, expected: float) -> None:
    """Those at the edge score twice as far above the median as others do; part "b" sees no difference."""
    ramp = np.linspace(-1, 1, 2001)
    edge = np.arange(len(ramp) + count) >= len(ramp)
    a = np.concatenate([ramp, np.full(count, 2 * np.quantile(ramp, 0.995))])
    scores = np.stack([a, np.concatenate([ramp, np.zeros(count)])], axis=1).astype(np.float32)
    scales = measure_scales(scores, PARTS, edge_N=edge)
    assert scales["a"].edge == pytest.approx(expected, abs=0.02) and scales["b"].edge == 1
    boxes = np.array([[0, 50, 20, 90], [100, 50, 120, 90]], np.float32)
    found = edge_relevance(boxes, 240, 427, KINDS, scales)
    assert found.tolist() == [[pytest.approx(scales["a"].edge), 1], [1, 1]]


def test_measure_scales() -> None:
    """Of 0, 1, ..., 100 the median is 50 and the 99th percentile 99; where tasks agree, so is that of their mean."""
    ramp = np.random.default_rng(0).permutation(101).astype(np.float32)
    scales = measure_scales(np.stack([ramp, ramp / 100 + 1], axis=1), PARTS)
    assert (scales["a"].median, scales["a"].high) == (50.0, 99.0)
    assert (scales["b"].median, scales["b"].high) == pytest.approx((1.5, 1.99))


def test_a_scale_can_have_a_least_width() -> None:
    """Of a part whose raw scores have a meaning of their own; then all are stretched alike."""
    ramp = np.random.default_rng(0).permutation(101).astype(np.float32)
    scores = np.stack([ramp] * 2, axis=1)
    free, held = (
        measure_scales(scores, [ScoredPart("a", least_span=0), ScoredPart("b", least_span=span)]) for span in (0, 98)
    )
    assert free["b"].high - free["b"].median == pytest.approx(49)
    spans = [held[kind].high - held[kind].median for kind in KINDS]
    assert spans[1] == pytest.approx(2 * spans[0]) and spans[0] == pytest.approx(49 * 0.75)


class TestEvenOdds:
    """The floor of a part that chooses between two classes: below it, the part speaks against."""

    def scale(self, odds: NDArray[np.floating], most: float = 3.0) -> TaskScale:
        raw = (1 / (1 + np.exp(-odds))).astype(np.float32)
        return measure_scales(raw[:, None], [ScoredPart("a", "logit", most=most)])["a"]

    def test_they_stand_in_the_medians_place(self) -> None:
        """Whatever the median; what is taken for 1 is still the 99th percentile."""
        scale = self.scale(np.linspace(-8, 2, 1001))
        assert (scale.median, scale.high, scale.most) == (0, pytest.approx(1.9, abs=1e-3), 3.0)
        assert scale.raw_median == 0.5

    def test_of_ordinary_objects_none_need_be_beyond_them(self) -> None:
        """Then 1 is where the odds are as much as they must be, whatever little the others have for top."""
        scale = self.scale(np.linspace(-3, -1, 101))
        assert (scale.median, scale.high) == (0, LEAST_ODDS)

    def test_what_is_below_speaks_against_and_nothing_for_more_than_the_surest_answer(self) -> None:
        scale = TaskScale(0.0, 2.0, "logit", most=3.0)
        raw = 1 / (1 + np.exp(-np.array([-50, -3, -1, 0, 1, 3, 50.0])))
        found = calibrate(raw[:, None].astype(np.float32), ["a"], {"a": scale})[:, 0]
        assert found == pytest.approx([-1.5, -1.5, -0.5, 0, 0.5, 1.5, 1.5], abs=1e-3)

    def test_an_object_scores_no_less_than_0(self) -> None:
        """What speaks against an object in one frame counts in the mean along its track, not beside other parts."""
        scales = {"a": TaskScale(0, 1, "logit", most=3.0), "b": TaskScale(0, 1)}
        parts = np.array([[-2, -1], [-2, 1]], np.float32)
        assert join_parts(parts, ["a", "b"], scales, 1).tolist() == [0, 0.5]


@pytest.mark.parametrize("scores", [[[0.3, 0.7]], [[0.3, 0.7]] * 50], ids=["one sequence", "all alike"])
def test_a_scale_has_a_width(scores: list[list[float]]) -> None:
    """Where footage says nothing of the spread, scores stay finite."""
    array = np.array(scores, np.float32)
    scales = measure_scales(array, PARTS)
    assert all(scale.high > scale.median for scale in scales.values())
    assert np.isfinite(calibrate(array + 0.1, KINDS, scales)).all()


def test_the_footage_it_was_measured_on() -> None:
    scores = np.random.default_rng(0).random((1000, 2)).astype(np.float32)
    found = calibrate(scores, KINDS, measure_scales(scores, PARTS))
    assert (found == 0).mean(axis=0) == pytest.approx(0.5, abs=0.01)
    assert (found.mean(axis=1) > 1).mean() == pytest.approx(0.01), "one object in a hundred is above 1"


@pytest.mark.parametrize("form", ["linear", "log", "logit"])
def test_forms_spread_scores_out_and_back(form: Form) -> None:
    """Whatever the form, the median is 0 and the 99th percentile 1, and both are known as raw scores."""
    scores = np.random.default_rng(1).beta(1, 30, (5000, 1)).astype(np.float32)
    scale = measure_scales(scores, [ScoredPart("a", form)])["a"]
    assert scale.form == form
    assert [scale.raw_median, scale.raw_high] == pytest.approx(np.quantile(scores, [0.5, 0.99]), rel=1e-3)
    raw = np.array([[scale.raw_median], [scale.raw_high], [0.0], [1.0]], np.float32)
    found = calibrate(raw, ["a"], {"a": scale})[:, 0]
    assert found[:2] == pytest.approx([0, 1], abs=1e-4)
    assert found[2] == 0 and 1 < found[3] < np.inf, "below its median a part says nothing"


def sequences(n: int = 3) -> Tensor:
    return torch.rand(n, 1, 7, 64, 64, generator=torch.Generator().manual_seed(0))


def known(n: int = 3) -> dict[str, Tensor]:
    chance = torch.Generator().manual_seed(1)
    shapes = {"classes": (81,), "segmentation": (1, 64, 64), "pose": (17, 64, 64)}
    return {name: torch.rand(n, *shape, generator=chance) for name, shape in shapes.items()}


class Count:
    """The passes through each backbone of a network: how many frames each had."""

    def __init__(self, network: Network):
        self.passes: dict[str, list[int]] = {name: [] for name in network.backbones}
        for name, backbone in network.backbones.items():
            backbone.register_forward_pre_hook(partial(self.note, name))

    def note(self, name: str, module: nn.Module, inputs: tuple[Tensor]) -> None:
        self.passes[name].append(inputs[0].shape[2])


def test_one_pass_per_view() -> None:
    """T1 and T2 share one of 7 frames; T4, T7, T8 and T9 one of a single frame; T6's three are its own."""
    model = make_model(tasks=TASKS)
    count = Count(model.network)
    with torch.inference_mode():
        outputs = head_outputs(model.network, model.tasks, sequences())
    assert set(outputs) == set(TASKS) - {"pseudo_anomalies"}
    assert sorted(count.passes["shared"]) == [1, 1, 1, 1, 6, 7]


@pytest.mark.parametrize(
    ("tasks", "passes"),
    [
        (["arrow_of_time"], [7]),
        ([{"kind": "arrow_of_time", "both_ways": True}, "motion_irregularity", "middle_box"], [6, 7, 7]),
        (["middle_box", "pseudo_anomalies"], [6]),
        (["jigsaw", "pose"], [1]),
        ([{"kind": "jigsaw", "asked": "applied"}, "pose"], [1, 1]),
        ([{"kind": "inpainting", "rounds": 5}], [1] * 5),
        ([{"kind": "inpainting", "rounds": 1}, "segmentation", "motion_irregularity", "arrow_of_time"], [1, 1, 7]),
    ],
)
def test_no_pass_but_those_needed(tasks: list[Any], passes: list[int]) -> None:
    model = make_model(tasks=tasks)
    count = Count(model.network)
    with torch.inference_mode():
        head_outputs(model.network, model.tasks, sequences())
    assert sorted(count.passes["shared"]) == passes


def test_with_a_backbone_for_each_task() -> None:
    model = make_model(tasks=TASKS, backbone={"per_task": True})
    count = Count(model.network)
    with torch.inference_mode():
        head_outputs(model.network, model.tasks, sequences())
    assert count.passes == {
        "arrow_of_time": [7],
        "motion_irregularity": [7],
        "middle_box": [6],
        "distillation": [1],
        "pseudo_anomalies": [],
        "inpainting": [1, 1, 1],
        "segmentation": [1],
        "jigsaw": [1],
        "pose": [1],
    }


@pytest.mark.parametrize("backbone", [{}, {"per_task": True}], ids=["shared", "one each"])
@pytest.mark.parametrize("tasks", [TASKS, ["middle_box", {"kind": "arrow_of_time", "both_ways": True}]])
def test_each_output_is_of_the_tasks_own_views_and_head(tasks: list[Any], backbone: dict[str, Any]) -> None:
    model, x = make_model(tasks=tasks, backbone=backbone), sequences()
    with torch.inference_mode():
        outputs = head_outputs(model.network, model.tasks, x)
        for task in model.tasks:
            if task.views:
                expected = torch.cat([model.network(view.take(x), [task.kind])[0] for view in task.views], dim=1)
            else:
                expected = task.answer(lambda made, kind=task.kind: model.network(made, [kind])[0], x)
            torch.testing.assert_close(outputs[task.kind], expected, rtol=1e-4, atol=1e-5)


def test_scores_are_in_the_order_of_the_tasks() -> None:
    model, x, given = make_model(tasks=TASKS), sequences(), known()
    reordered = list(model.tasks)[::-1]
    with torch.inference_mode():
        scores = raw_scores(model.network, reordered, x, given)
        for column, task in enumerate(reordered):
            alone = task.score(head_outputs(model.network, [task], x)[task.kind], x, given)
            torch.testing.assert_close(scores[:, column], alone, rtol=1e-4, atol=1e-5)
    assert scores.shape == (3, 8) and len(set(scores[0].tolist())) == 8


def test_the_scores_by_hand() -> None:
    both_ways = {"kind": "arrow_of_time", "both_ways": True}
    model, x = make_model(tasks=[both_ways, "motion_irregularity", "middle_box"]), sequences()
    arrow, irregular, middle = model.tasks
    with torch.inference_mode():
        scores = raw_scores(model.network, [middle, arrow, irregular], x, {})
        outputs = model.network(x, ["arrow_of_time", "motion_irregularity"])
        reversed_ = model.network(x.flip(2), ["arrow_of_time"])[0]
        picture = model.network(View.WITHOUT_MIDDLE.take(x), ["middle_box"])[0]
    expected = [
        (picture - x[:, :, 3]).abs().mean(dim=(1, 2, 3)),
        torch.minimum(outputs[0].softmax(1)[:, 1], reversed_.softmax(1)[:, 0].clamp(min=0.5)),
        outputs[1].softmax(1)[:, 1],
    ]
    assert scores.shape == (3, 3) and torch.allclose(scores, torch.stack(expected, dim=1), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "kind"), [("classes", "distillation"), ("segmentation", "segmentation"), ("pose", "pose")]
)
def test_what_is_given_reaches_its_own_task_alone(name: str, kind: str) -> None:
    model, x, given = make_model(tasks=TASKS), sequences(), known()
    with torch.inference_mode():
        before = raw_scores(model.network, model.tasks, x, given)
        after = raw_scores(model.network, model.tasks, x, given | {name: 1 - given[name]})
    changed = (before != after).any(dim=0).tolist()
    assert [task.kind for task, other in zip(model.tasks, changed, strict=True) if other] == [kind]


class TestJoining:
    SCALES: ClassVar = {"a": TaskScale(0, 1, weight=3.0), "b": TaskScale(0, 1)}

    def join(self, parts: list[list[float]], power: float | None) -> list[float]:
        return join_parts(np.array(parts, np.float32).reshape(-1, 2), ["a", "b"], self.SCALES, power).tolist()

    @pytest.mark.parametrize(
        ("parts", "power", "expected"),
        [
            ([], 1, []),
            ([[1, 3], [-2, 0]], None, [2, -1]),
            ([[1, 3], [0, 0], [2, 2]], 1, [1.5, 0, 2]),
            ([[2, 0], [0, 2], [2, 2]], 2, [3**0.5, 1, 2]),
            ([[0, 1], [1, 0]], 16, [0.25 ** (1 / 16), 0.75 ** (1 / 16)]),
        ],
        ids=["none", "plain", "mean", "root mean square", "nearly the highest"],
    )
    def test_power_means(self, parts: list[list[float]], power: float | None, expected: list[float]) -> None:
        assert self.join(parts, power) == pytest.approx(expected)

    @pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
    def test_one_in_a_hundred(self, power: float) -> None:
        """Whatever the power and the weights."""
        raw = np.random.default_rng(0).normal(size=(50_000, 2)).astype(np.float32)
        scales = measure_scales(raw, [ScoredPart("a", weight=3), ScoredPart("b", weight=1)], power)
        found = join_parts(calibrate(raw, ["a", "b"], scales), ["a", "b"], scales, power)
        assert (found > 1).mean() == pytest.approx(0.01, rel=0.05)

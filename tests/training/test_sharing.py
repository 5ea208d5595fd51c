"""One pass for several tasks: the same inputs, the same losses and gradients, fewer rows."""

from typing import Any

import pytest
import torch

from ssmtl.model import build_network
from ssmtl.recipes import configure
from ssmtl.tasks.arrow_of_time import ArrowOfTime
from ssmtl.tasks.inpainting import Inpainting
from ssmtl.tasks.jigsaw import Jigsaw
from ssmtl.tasks.middle_box import MiddleBox
from ssmtl.tasks.motion_irregularity import MotionIrregularity
from ssmtl.tasks.pseudo_anomalies import PseudoAnomalies
from ssmtl.tasks.task import ProxyTask
from ssmtl.training.precision import gradient_cosine
from ssmtl.training.sharing import Made, groups, joined
from ssmtl.training.train import generator


def batch(n: int = 6) -> torch.Tensor:
    return torch.rand(n, 1, 25, 64, 64, generator=torch.Generator().manual_seed(5))


def made(tasks: list[ProxyTask], x: torch.Tensor) -> list[Made]:
    """Each with a generator alike, as in training."""
    return [Made(task, *task.sample(x, generator(3), {})) for task in tasks]


@pytest.mark.parametrize(("n", "rows"), [(1, [1, 2]), (2, [3]), (6, [9]), (7, [10, 11])])
def test_what_tasks_leave_as_it_is_goes_through_once(n: int, rows: list[int]) -> None:
    """Half of the batch is reversed and the same half skips frames: 1.5 B rows for two tasks."""
    x = batch(n)
    parts = made([ArrowOfTime(), MotionIrregularity()], x)
    together, positions = joined(parts, x)
    assert len(together) in rows
    for part, mine in zip(parts, positions, strict=True):
        assert torch.equal(together[mine], part.input)


def test_a_task_alone_keeps_its_input() -> None:
    x = batch()
    (part,) = made([MiddleBox()], x)
    together, (rows,) = joined([part], x)
    assert together is part.input and rows.tolist() == list(range(6))


@pytest.mark.parametrize(
    ("tasks", "share", "expected"),
    [
        ([ArrowOfTime(), MiddleBox(), MotionIrregularity()], True, [["T1", "T2"], ["T3"]]),
        ([ArrowOfTime(), MotionIrregularity()], False, [["T1"], ["T2"]]),
        ([Inpainting(), PseudoAnomalies(), Jigsaw()], True, [["T6"], ["T5"], ["T8"]]),
    ],
)
def test_which_tasks_share_a_pass(tasks: list[ProxyTask], share: bool, expected: list[list[str]]) -> None:
    """Not those with inputs of their own or a reversed gradient, and none where they do not share."""
    numbers = {"arrow_of_time": "T1", "motion_irregularity": "T2", "middle_box": "T3", "pseudo_anomalies": "T5"}
    numbers |= {"inpainting": "T6", "jigsaw": "T8"}
    found = [[numbers[part.task.kind] for part in group] for group in groups(made(tasks, batch(2)), share)]
    assert found == expected


def test_the_network_answers_each_head_for_its_own_rows() -> None:
    """In evaluation mode, where a row's answer does not depend on its neighbours."""
    network = build_network(configure("fast"), 1).eval()
    x = batch()
    parts = made([ArrowOfTime(), MotionIrregularity()], x)
    together, rows = joined(parts, x)
    with torch.no_grad():
        shared = network(together, [part.task.kind for part in parts], rows)
        for part, output in zip(parts, shared, strict=True):
            torch.testing.assert_close(output, network(part.input, [part.task.kind])[0])


def test_gradients_in_bfloat16_are_compared() -> None:
    network = build_network(configure("fast"), 1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    x: Any = batch()[:4, :, 9:16]
    assert 0.9 < gradient_cosine(network, x, torch.device("cpu")) < 1
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())

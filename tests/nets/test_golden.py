"""The networks of the recipes: their size, and golden numbers of each head that scores."""

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ssmtl.model import build_network
from ssmtl.nets.inference import for_inference
from ssmtl.nets.network import Network
from ssmtl.recipes import RECIPES
from ssmtl.scoring.score import raw_scores
from ssmtl.tasks.task import View

from .weights import fixed, parameters, set_statistics, set_weights

PARAMETERS: dict[str, tuple[int, int]] = {
    "fast": (78_949, 80_103),
    "ssmtl": (1_093_150, 1_095_456),
    "ssmtlpp-v1": (1_298_726, 1_301_610),
    "ssmtlpp-v2": (1_298_726, 1_301_610),
    "ssmtlpp-lite": (319_061, 320_503),
}
"""In grey and in colour."""

# The network of `fast`: what it adds has no weights.
PARAMETERS["ssmtl-plus"] = PARAMETERS["fast"]

# Mean, deviation and one value of each head's output, from the picture that it scores.
GOLDEN: dict[str, dict[str, list[float]]] = {
    "fast": {
        "arrow_of_time": [1.139895, 6.387773, 5.656733],
        "motion_irregularity": [1.380134, 7.743542, 6.855645],
        "middle_box": [1.371413, 3.8981, -0.681056],
    },
    "ssmtl": {
        "arrow_of_time": [1.638491, 0.436496, 1.94714],
        "motion_irregularity": [1.983435, 0.542498, 2.367039],
        "middle_box": [1.274658, 2.08366, 0.584586],
        "distillation": [0.006453, 0.83539, 1.490077],
    },
    "ssmtlpp-v1": {
        "arrow_of_time": [6.1629, 16.454252, 17.797813],
        "motion_irregularity": [7.457972, 19.923981, 21.546354],
        "middle_box": [14.678607, 5.895633, 4.854051],
    },
    "ssmtlpp-v2": {
        "arrow_of_time": [6.1629, 16.454252, 17.797813],
        "motion_irregularity": [7.457972, 19.923981, 21.546354],
        "middle_box": [14.678607, 5.895633, 4.854051],
        "inpainting": [5.459005, 10.799586, 14.13658],
    },
    "ssmtlpp-lite": {
        "arrow_of_time": [0.357363, 0.136722, 0.260687],
        "motion_irregularity": [0.433271, 0.151095, 0.326431],
        "middle_box": [0.806018, 1.011697, 0.595956],
    },
}

GOLDEN["ssmtl-plus"] = GOLDEN["fast"]


def test_all_recipes_are_here() -> None:
    assert set(PARAMETERS) == set(GOLDEN) == set(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES)
def test_number_of_parameters(recipe: str) -> None:
    configuration = RECIPES[recipe]()
    assert tuple(parameters(build_network(configuration, channels)) for channels in (1, 3)) == PARAMETERS[recipe]


def flop(recipe: str) -> int:
    """Floating-point operations of all passes that score one object in colour."""
    configuration = RECIPES[recipe]()
    net = build_network(configuration, 3).eval()
    # PyTorch does not count its fused attention on a CPU, but the plain one that computes the same.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        raw_scores(net, configuration.scoring_tasks, torch.zeros(1, 3, 7, 64, 64), {})
    return counter.get_total_flops()


def test_lite_costs_a_tenth_of_what_it_imitates() -> None:
    assert flop("ssmtlpp-lite") <= flop("ssmtlpp-v1") / 10


def make(recipe: str) -> Network:
    net = build_network(RECIPES[recipe](), 3)
    set_weights(net)
    set_statistics(net)
    with torch.no_grad():
        # Heads of one form would answer alike.
        for number, head in enumerate(net.heads.values()):
            for weight in head.parameters():
                weight.mul_(1 + number / 10)
    return net.eval()


def outputs(net: Network, recipe: str) -> dict[str, Tensor]:
    """What each head says of its view; one that makes its inputs itself makes them of the middle frame."""
    x = fixed(1, 3, 7, 64, 64)
    tasks = RECIPES[recipe]().scoring_tasks
    with torch.no_grad():
        return {task.kind: net((task.view or View.MIDDLE).take(x), [task.kind])[0] for task in tasks}


@pytest.mark.parametrize("recipe", RECIPES)
def test_golden_outputs(recipe: str) -> None:
    net = make(recipe)
    for ready in (net, for_inference(net)):
        made = outputs(ready, recipe)
        assert made.keys() == GOLDEN[recipe].keys()
        for kind, output in made.items():
            found = [output.mean(), output.std(), output.flatten()[output.numel() // 3]]
            assert [value.item() for value in found] == pytest.approx(GOLDEN[recipe][kind], rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_backbone_of_its_own_for_each_task(recipe: str) -> None:
    """As large as the shared one, and out of reach of the other tasks' losses."""
    shared = RECIPES[recipe]()
    backbone = shared.backbone.model_copy(update={"per_task": True})
    net = build_network(shared.model_copy(update={"backbone": backbone}), 1)
    kinds = [task.kind for task in shared.tasks]
    sizes = [parameters(part) for part in net.backbones.values()]
    assert list(net.backbones) == list(net.heads) == kinds
    assert len(set(sizes)) == 1 and parameters(net) == PARAMETERS[recipe][0] + (len(kinds) - 1) * sizes[0]
    for task in shared.tasks:
        net.zero_grad()
        (output,) = net(fixed(1, 1, 1, 64, 64), [task.kind], backbone_gradient=task.backbone_gradient)
        output.square().sum().backward()
        reached = {name for name, weight in net.named_parameters() if weight.grad is not None}
        expected = {name for name, _ in net.named_parameters() if name.split(".")[1] == task.kind}
        assert reached == expected

"""T5's reversed gradient, and what it leaves alone, with real backbones and decoders."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ssmtl.nets.backbone import Backbone, BackboneSettings
from ssmtl.nets.network import SHARED, Network
from ssmtl.tasks.middle_box import MiddleBox
from ssmtl.tasks.pseudo_anomalies import PseudoAnomalies
from ssmtl.tasks.task import ProxyTask
from ssmtl.training.settings import TrainSettings
from ssmtl.training.train import Trainer

from .tiny import HELD_OUT, TRAIN, Store

ONE_STEP = TrainSettings(min_steps=0, epochs=1, batch_size=12, accelerator="cpu", precision="32-true")
BACKBONES: dict[str, dict[str, Any]] = {
    "3D CNN": {},
    "2D CvT": {"transformer": "2d", "cvt": {"blocks": 1, "heads": 2, "head_size": 8}},
    "3D CvT": {"transformer": "3d", "cvt": {"blocks": 1, "heads": 2, "head_size": 8}},
}


class Reconstruction(PseudoAnomalies):
    """The same pictures and loss, without the reversal."""

    @property
    def backbone_gradient(self) -> float:
        return 1.0


def trainer(
    tasks: Sequence[ProxyTask], settings: dict[str, Any], train: TrainSettings = ONE_STEP, learning: str = ""
) -> Trainer:
    """Weights begin the same for the same tasks and settings, also where only the task `learning` is trained."""
    torch.manual_seed(0)
    backbone = Backbone(BackboneSettings.model_validate(settings), 1)
    network = Network({SHARED: backbone}, {task.kind: task.head(backbone.channels, 1) for task in tasks})
    store: Any = Store(size=16)
    return Trainer(network, [task for task in tasks if learning in task.kind], train, 0, store)


def after_one_step(folder: Path, tasks: Sequence[ProxyTask], settings: dict[str, Any], learning: str = "") -> Trainer:
    """With the gradients of that step still at its weights."""
    run = trainer(tasks, settings, learning=learning)
    run.run(TRAIN, HELD_OUT, folder / "checkpoint.safetensors", "key")
    return run


def gradients(part: nn.Module) -> dict[str, Tensor]:
    found = {name: weight.grad for name, weight in part.named_parameters() if weight.grad is not None}
    assert len(found) == len(list(part.parameters())), "every weight has one"
    return found


def largest(found: dict[str, Tensor]) -> float:
    return max(gradient.abs().max().item() for gradient in found.values())


def statistics(network: nn.Module) -> dict[str, Tensor]:
    """What all batch norms know of what they have seen."""
    return {name: value.clone() for name, value in network.named_buffers() if not name.endswith("tracked")}


@pytest.mark.parametrize("strength", [0.2, 0.25, 1.0])
@pytest.mark.parametrize("kind", BACKBONES)
def test_the_backbone_climbs_what_the_decoder_descends(tmp_path: Path, kind: str, strength: float) -> None:
    settings = BACKBONES[kind]
    reversed_run = after_one_step(tmp_path / "a", [PseudoAnomalies(strength=strength, first_epoch=1)], settings)
    plain_run = after_one_step(tmp_path / "b", [Reconstruction(first_epoch=1)], settings)
    found, plain = (gradients(run.raw.backbones) for run in (reversed_run, plain_run))
    assert largest(plain) > 1e-3
    for name, gradient in plain.items():
        torch.testing.assert_close(found[name], -strength * gradient, rtol=1e-4, atol=1e-6 * largest(plain))
    decoders = [gradients(run.raw.heads) for run in (reversed_run, plain_run)]
    assert all(torch.equal(decoders[0][name], gradient) for name, gradient in decoders[1].items())
    weights = [run.raw.backbones.state_dict() for run in (reversed_run, plain_run)]
    assert any(not torch.equal(weights[0][name], value) for name, value in weights[1].items()), "they went other ways"


def test_beside_another_task_the_gradients_add_up(tmp_path: Path) -> None:
    """Losses are of equal weight, and T5's alone is reversed."""
    tasks = [MiddleBox(), PseudoAnomalies(first_epoch=1)]
    both, first, second = (
        gradients(after_one_step(tmp_path / f"{name}.", tasks, {}, learning=name).raw.backbones)
        for name in ("", "middle_box", "pseudo_anomalies")
    )
    for name, gradient in both.items():
        torch.testing.assert_close(gradient, first[name] + second[name], rtol=1e-3, atol=1e-6)
    assert largest(second) > 1e-4 and largest(first) > 1e-4


@pytest.mark.parametrize("kind", BACKBONES)
def test_what_it_shows_leaves_no_trace_in_the_statistics(tmp_path: Path, kind: str) -> None:
    """Scores are normalised by what the footage looks like, not by what flowers look like."""
    fresh = statistics(Backbone(BackboneSettings.model_validate(BACKBONES[kind]), 1))
    t5, t3 = PseudoAnomalies(first_epoch=1), MiddleBox()

    def learnt(name: str, tasks: list[ProxyTask]) -> dict[str, Tensor]:
        run = after_one_step(tmp_path / name, tasks, BACKBONES[kind])
        return statistics(run.raw.backbones[SHARED])

    alone, other, both = learnt("T5", [t5]), learnt("T3", [t3]), learnt("both", [t3, t5])
    assert len(fresh) == 6 + (0 if kind == "3D CNN" else 6)
    assert all(torch.equal(alone[name], value) for name, value in fresh.items())
    assert not any(torch.equal(other[name], value) for name, value in fresh.items()), "while those of T3 are learnt"
    assert all(torch.equal(both[name], value) for name, value in other.items())


def test_without_strength_the_backbone_stays(tmp_path: Path) -> None:
    run = after_one_step(tmp_path, [PseudoAnomalies(strength=0, first_epoch=1)], {})
    assert largest(gradients(run.raw.backbones)) == 0 and largest(gradients(run.raw.heads)) > 0


def test_it_begins_at_its_epoch(tmp_path: Path) -> None:
    """Before it, not even its decoder learns."""
    settings = ONE_STEP.model_copy(update={"epochs": 3, "batch_size": 4})
    run = trainer([MiddleBox(), PseudoAnomalies(first_epoch=2)], {}, settings)
    decoder = run.raw.heads["pseudo_anomalies"]
    moved: list[bool] = []
    before = [weight.detach().clone() for weight in decoder.parameters()]

    def watch(*_: Any) -> None:
        moved.append(not all(torch.equal(a, b) for a, b in zip(decoder.parameters(), before, strict=True)))

    progress = run.run(TRAIN, HELD_OUT, tmp_path / "c.safetensors", "key", watch)
    assert moved == [False] * 3 + [True] * 6
    assert ["train/pseudo_anomalies" in row for row in progress.history] == [False, True, True]
    assert not any("held_out/pseudo_anomalies" in row for row in progress.history), "it tells nothing of the footage"
    assert progress.best_epoch >= 1
    for row in progress.history[1:]:
        assert row["held_out/total"] == row["held_out/middle_box"], "its own loss does not choose the epoch"

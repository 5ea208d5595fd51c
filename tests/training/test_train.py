"""The training loop on a tiny store in memory: the same seed, the same weights, also across a kill."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssmtl.errors import ConfigError, ModelError
from ssmtl.tasks.task import Given, ProxyTask
from ssmtl.training.checkpoint import Progress
from ssmtl.training.settings import TrainSettings
from ssmtl.training.train import generator, parameters, plan, to_input

from .tiny import (
    HELD_OUT,
    SETTINGS,
    TASKS,
    TRAIN,
    Guess,
    Store,
    Unscored,
    equal,
    trained,
    trainer,
    weights,
    without_time,
)


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    first, progress = trained(tmp_path / "a")
    torch.manual_seed(99)
    np.random.seed(99)
    again, its_progress = trained(tmp_path / "b")
    assert equal(first, again) and without_time(progress) == without_time(its_progress)
    assert not equal(first, weights(trainer())), "something was learnt"


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    assert not equal(trained(tmp_path, seed=0)[0], trained(tmp_path, seed=1)[0])


class KilledError(Exception):
    """What ends a run from outside."""


LATE: list[ProxyTask] = [Guess(), Unscored(first_epoch=2)]
"""Until the second of them begins, no epoch is the best."""


@pytest.mark.parametrize("tasks", [TASKS, LATE], ids=["all at once", "one begins later"])
@pytest.mark.parametrize(
    ("steps", "checkpoint_s"), [(1, 0.0), (2, 0.0), (3, 0.0), (4, 0.0), (6, 0.0), (3, 3600.0), (5, 3600.0)]
)
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    tmp_path: Path, steps: int, checkpoint_s: float, tasks: list[ProxyTask]
) -> None:
    """Three steps per epoch; killed after any of them, with checkpoints after each step or after each epoch."""
    settings = SETTINGS.model_copy(update={"checkpoint_s": checkpoint_s})
    expected, progress = trained(tmp_path / "whole", tasks=tasks)
    calls = 0

    def kill(progress: Progress, in_epoch: int) -> None:
        nonlocal calls
        assert in_epoch == 3
        calls += 1
        if calls == steps:
            raise KilledError

    file = tmp_path / "killed.safetensors"
    with pytest.raises(KilledError):
        trainer(settings, tasks=tasks).run(TRAIN, HELD_OUT, file, "key", kill)
    assert file.is_file() == (steps > (1 if settings.checkpoint_s == 0 else 3))
    run = trainer(settings, tasks=tasks)
    resumed = run.run(TRAIN, HELD_OUT, file, "key")
    assert equal(expected, weights(run)) and without_time(progress) == without_time(resumed)


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    expected, progress = trained(tmp_path)
    run = trainer()
    again = run.run(TRAIN, HELD_OUT, tmp_path / "0.safetensors", "key", lambda *_: pytest.fail("a step was made"))
    assert equal(expected, weights(run)) and without_time(progress) == without_time(again)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    trained(tmp_path)
    with pytest.raises(ModelError, match="other settings"):
        trainer().run(TRAIN, HELD_OUT, tmp_path / "0.safetensors", "another key")


@pytest.mark.parametrize(
    ("totals", "best"), [([3.0, 1.0, 2.0], 1), ([1.0, 2.0, 3.0], 0), ([3.0, 2.0, 1.0], 2), ([1.0, 1.0, 1.0], 0)]
)
def test_the_best_epoch_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, totals: list[float], best: int
) -> None:
    """Lowest held-out loss, summed over tasks; the first of equals."""
    settings = SETTINGS.model_copy(update={"epochs": 3})
    run, seen = trainer(settings), []
    ahead = iter(totals)

    def pretend(positions: NDArray[np.intp], epoch: int) -> dict[str, float]:
        assert positions.tolist() == HELD_OUT.tolist() and epoch == len(seen)
        seen.append(weights(run))
        total = next(ahead)
        return {"guess": total - 0.5, "again": 0.5}

    monkeypatch.setattr(run, "held_out_losses", pretend)
    progress = run.run(TRAIN, HELD_OUT, tmp_path / "c.safetensors", "key")
    assert progress.best_epoch == best and equal(weights(run), seen[best])
    assert [row["held_out/total"] for row in progress.history] == totals
    assert not equal(seen[0], seen[1]) and not equal(seen[1], seen[2])


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.99])
def test_the_mean_of_the_weights_is_kept(tmp_path: Path, decay: float) -> None:
    """By hand: after each step a share of the way towards its weights, most of it at first."""
    run = trainer(SETTINGS.model_copy(update={"average": decay, "epochs": 3}))
    steps: list[dict[str, Tensor]] = []
    run.run(TRAIN, HELD_OUT, tmp_path / "c.safetensors", "key", lambda progress, in_epoch: steps.append(weights(run)))
    assert len(steps) == 9
    mean, kept = steps[0], []
    for number, step in enumerate(steps):
        share = 1 - min(decay, (1 + number) / (10 + number)) if number and decay else 1
        mean = {name: mean[name] + share * (step[name] - mean[name]) for name in mean}
        if number % 3 == 2:
            kept.append(mean)
    assert any(
        all(
            torch.allclose(one[n].float(), value.float(), atol=1e-6)
            for n, value in weights(run).items()
            if value.is_floating_point()
        )
        for one in kept
    )
    if decay:
        assert not equal(weights(run), steps[-1])


def test_an_epoch_sees_each_sequence_once_in_another_order(tmp_path: Path) -> None:
    store = Store()
    trainer(store=store).run(TRAIN, HELD_OUT, tmp_path / "c.safetensors", "key")
    batches = [batch for batch in store.taken if max(batch) < 12]
    first, second = ([i for batch in part for i in batch] for part in (batches[:3], batches[3:]))
    assert sorted(first) == sorted(second) == list(range(12)) and first != second
    assert [batch for batch in store.taken if max(batch) >= 12] == [[12, 13, 14, 15], [16]] * 2


@pytest.mark.parametrize(("n", "sizes"), [(1, [1]), (3, [3]), (4, [4]), (5, [4]), (9, [4, 4])])
def test_a_last_short_batch_is_left_out(tmp_path: Path, n: int, sizes: list[int]) -> None:
    store = Store()
    settings = SETTINGS.model_copy(update={"epochs": 1})
    trainer(settings, store=store).run(np.arange(n), HELD_OUT, tmp_path / "c.safetensors", "key")
    assert [len(batch) for batch in store.taken if max(batch) < 12] == sizes


def test_the_history_names_each_loss(tmp_path: Path) -> None:
    _, progress = trained(tmp_path)
    names = {"epoch", "train/guess", "train/again", "held_out/guess", "held_out/again", "held_out/total"}
    assert [set(row) for row in progress.history] == [names] * 2
    assert [row["epoch"] for row in progress.history] == [1, 2]
    for row in progress.history:
        assert row["held_out/total"] == pytest.approx(row["held_out/guess"] + row["held_out/again"])
    assert progress.history[1]["train/guess"] < progress.history[0]["train/guess"]
    assert (progress.epoch, progress.step, progress.sums) == (2, 0, {})


def test_held_out_losses_are_means_over_sequences_and_the_same_every_time() -> None:
    run = trainer()
    losses = run.held_out_losses(HELD_OUT, 0)
    assert losses == run.held_out_losses(HELD_OUT, 0) and run.raw.training
    # By hand: batches of four and of one, each with its own generator, the same draws for every task.
    sums = dict.fromkeys(losses, 0.0)
    run.raw.eval()
    for i, part in enumerate([HELD_OUT[:4], HELD_OUT[4:]]):
        x = to_input(run.store.take(part), torch.device("cpu"))
        for task in TASKS:
            made, target = task.sample(x, generator(0, i), {})
            with torch.inference_mode():
                sums[task.kind] += task.loss(run.raw(made, [task.kind])[0], target).item() * len(part)
    assert losses == pytest.approx({kind: value / 5 for kind, value in sums.items()}, rel=1e-5)


@pytest.mark.parametrize(
    ("schedule", "rates"), [("constant", [0.01] * 4), ("cosine", [0.01, 0.0085355, 0.005, 0.0014645])]
)
def test_learning_rate(tmp_path: Path, schedule: str, rates: list[float]) -> None:
    settings = TrainSettings.model_validate(
        {
            "epochs": 2,
            "min_steps": 0,
            "batch_size": 6,
            "accelerator": "cpu",
            "schedule": schedule,
            "learning_rate": 0.01,
        }
    )
    run, seen = trainer(settings), []
    run.run(TRAIN, HELD_OUT, tmp_path / "c", "key", lambda *_: seen.append(run.optimizer.param_groups[0]["lr"]))
    assert seen == pytest.approx(rates, rel=1e-4)


def test_weight_decay(tmp_path: Path) -> None:
    """The first step takes that share of each weight besides."""

    def after_a_step(decay: float) -> list[Tensor]:
        def stop(*_: object) -> None:
            raise KilledError

        run = trainer(SETTINGS.model_copy(update={"weight_decay": decay, "learning_rate": 0.01}))
        with pytest.raises(KilledError):
            run.run(TRAIN, HELD_OUT, tmp_path / f"{decay}", "key", stop)
        return [parameter.detach().clone() for parameter in run.raw.parameters()]

    for before, without, decayed in zip(trainer().raw.parameters(), after_a_step(0), after_a_step(0.5), strict=True):
        torch.testing.assert_close(without - decayed, 0.01 * 0.5 * before.detach(), rtol=1e-3, atol=1e-7)


def test_generators() -> None:
    def draw(*numbers: int) -> list[float]:
        return torch.rand(4, generator=generator(*numbers)).tolist()

    assert draw(1, 2) == draw(1, 2)
    assert len({tuple(draw(*numbers)) for numbers in [(0,), (1,), (0, 1), (1, 0), (0, 0, 1), (12,), (1, 2)]}) == 7


def test_to_input() -> None:
    x = to_input(np.array([[[[[0, 51, 255]]]]], np.uint8), torch.device("cpu"))
    assert x.dtype == torch.float32 and x.flatten().tolist() == pytest.approx([0, 0.2, 1])


def test_parameters_counts_what_is_trained() -> None:
    layer = nn.Linear(3, 2)
    layer.bias.requires_grad_(False)
    assert parameters(layer) == 6


@pytest.mark.parametrize(
    ("sequences", "epochs", "min_steps", "expected"),
    [
        (1, 2, 0, (1, 2)),
        (31, 2, 0, (1, 2)),
        (63, 2, 0, (1, 2)),
        (64, 2, 0, (2, 2)),
        (320, 3, 30, (10, 3)),
        (320, 2, 30, (10, 3)),
        (320, 2, 31, (10, 4)),
        (5, 1, 7, (1, 7)),
    ],
)
def test_plan(sequences: int, epochs: int, min_steps: int, expected: tuple[int, int]) -> None:
    """A small set is gone through until there are enough steps, in whole epochs."""
    assert plan(sequences, TrainSettings(epochs=epochs, min_steps=min_steps, batch_size=32)) == expected


def test_a_small_set_is_gone_through_more_often(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"epochs": 1, "min_steps": 7})
    steps = []
    progress = trainer(settings).run(TRAIN, HELD_OUT, tmp_path / "c.safetensors", "key", lambda now, n: steps.append(n))
    assert steps == [3] * 9 and len(progress.history) == progress.epoch == 3


class TestLateTasks:
    """Tasks that begin in a later epoch."""

    def test_it_has_no_loss_before_it_begins(self, tmp_path: Path) -> None:
        settings = SETTINGS.model_copy(update={"epochs": 4})
        _, progress = trained(tmp_path, settings, tasks=[Guess(), Guess(kind="late", first_epoch=3)])
        for row in progress.history:
            begun = row["epoch"] >= 3
            assert ("train/late" in row) == ("held_out/late" in row) == ("held_out/total" in row) == begun
            assert row["train/guess"] > 0 and row["held_out/guess"] > 0
            if begun:
                assert row["held_out/total"] == pytest.approx(row["held_out/guess"] + row["held_out/late"])

    def test_until_then_training_goes_as_without_it(self, tmp_path: Path) -> None:
        settings = SETTINGS.model_copy(update={"epochs": 3, "schedule": "constant"})
        both, alone = (
            trained(tmp_path / name, settings, tasks=tasks)[1].history
            for name, tasks in [("both", [Guess(), Unscored(first_epoch=3)]), ("alone", [Guess()])]
        )
        found, expected = ([row["train/guess"] for row in rows] for rows in (both, alone))
        assert found[:2] == expected[:2] and found[2] != expected[2]
        assert both[0] == {name: alone[0][name] for name in ("epoch", "train/guess", "held_out/guess")}

    @pytest.mark.parametrize(
        ("totals", "best"), [([1.0, 2.0, 4.0, 3.0], 3), ([1.0, 2.0, 3.0, 4.0], 2), ([1.0, 2.0, 3.0, 3.0], 2)]
    )
    def test_no_epoch_before_it_is_chosen(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, totals: list[float], best: int
    ) -> None:
        """Though the loss was lowest then; nor does the loss of a task that does not score count."""
        settings = SETTINGS.model_copy(update={"epochs": 4, "average": 0.0})
        run, seen = trainer(settings, tasks=[Guess(), Unscored(first_epoch=3)]), []
        monkeypatch.setattr(
            run,
            "held_out_losses",
            lambda positions, epoch: {"guess": totals[epoch]} | ({"unscored": 9.0 - epoch * 3} if epoch > 1 else {}),
        )
        progress = run.run(
            TRAIN, HELD_OUT, tmp_path / "c.safetensors", "key", lambda now, _: seen.append((now.epoch, weights(run)))
        )
        last = [state for epoch, state in seen if epoch == best][-1]
        assert progress.best_epoch == best and equal(weights(run), last)
        assert [row.get("held_out/total") for row in progress.history] == [None, None, *totals[2:]]

    @pytest.mark.parametrize(("first", "min_steps", "fine"), [(2, 0, True), (3, 0, False), (3, 7, True), (4, 7, False)])
    def test_one_that_would_never_begin(self, tmp_path: Path, first: int, min_steps: int, fine: bool) -> None:
        """Two epochs, or three where a small set is gone through more often."""
        settings = SETTINGS.model_copy(update={"min_steps": min_steps})
        run = trainer(settings, tasks=[Guess(), Unscored(first_epoch=first)])
        if fine:
            assert run.run(TRAIN, HELD_OUT, tmp_path / "c.safetensors", "key").best_epoch == first - 1
            return
        epochs = 3 if min_steps else 2
        with pytest.raises(ConfigError, match=rf"tasks\.unscored\.first_epoch: is {first}, but .* {epochs} epochs"):
            run.run(TRAIN, HELD_OUT, tmp_path / "c.safetensors", "key")
        assert not list(tmp_path.iterdir())


class Taught(Guess):
    """A task that checks that it is given what belongs to its sequences."""

    kind: str = "taught"
    trains_on: ClassVar[tuple[str, ...]] = ("classes", "segmentation")
    seen: ClassVar[list[int]] = []

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        assert given.keys() == {"classes", "segmentation"}
        assert torch.equal(given["segmentation"], x_BCTHW[:, :, 3]), "mirrored with it too"
        originals = torch.from_numpy(Store().data[given["classes"][:, 0].long().numpy()]).float() / 255
        same = (x_BCTHW == originals).flatten(1).all(1) | (x_BCTHW == originals.flip(4)).flatten(1).all(1)
        assert same.all()
        self.seen.extend(given["classes"][:, 0].int().tolist())
        return super().sample(x_BCTHW, generator, given)


def test_tasks_are_given_what_belongs_to_their_sequences(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"brightness": 0.0})
    Taught.seen.clear()
    trained(tmp_path, settings, tasks=[Guess(), Taught()])
    assert sorted(Taught.seen) == sorted([*range(17)] * 2), "in training and held out, in both epochs"


def test_a_loss_that_is_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trainer()
    monkeypatch.setattr(run, "held_out_losses", lambda positions, epoch: {"guess": float("nan"), "again": 1.0})
    with pytest.raises(ConfigError, match=r"train\.learning_rate: .*lower it"):
        run.run(TRAIN, HELD_OUT, tmp_path / "c.safetensors", "key")

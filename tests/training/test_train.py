"""The training loop on a tiny store in memory: the same seed, the same weights, also across a kill."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssmtl.config import Settings
from ssmtl.errors import ModelError
from ssmtl.nets.network import Network
from ssmtl.tasks.task import View
from ssmtl.training.checkpoint import Progress
from ssmtl.training.settings import TrainSettings
from ssmtl.training.train import Trainer, augment, generator, parameters, plan, to_input

SETTINGS = TrainSettings(min_steps=0, epochs=2, batch_size=4, accelerator="cpu", checkpoint_s=0)
TRAIN, HELD_OUT = np.arange(12), np.arange(12, 17)


class Store:
    """Seventeen small sequences in memory."""

    channels = 1

    def __init__(self) -> None:
        self.data = np.random.default_rng(0).integers(0, 256, (17, 1, 7, 8, 8), np.uint8)
        self.taken: list[list[int]] = []

    def __len__(self) -> int:
        return len(self.data)

    def take(self, index: NDArray[np.intp]) -> NDArray[np.uint8]:
        self.taken.append(index.tolist())
        return self.data[index]


class Guess(Settings):
    """A task that draws: it guesses by how much the pictures were made brighter."""

    kind: str = "guess"
    title: ClassVar[str] = "Guess"
    words: ClassVar[str] = "is too bright"
    view: ClassVar[View] = View.ALL
    reach: int = 3

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        shift = torch.rand(len(x_BCTHW), generator=generator)
        return x_BCTHW + shift.view(-1, 1, 1, 1, 1), shift

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(1))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return (output[:, 0] - target).square().mean()

    def score(self, output: Tensor, x_BCTHW: Tensor) -> Tensor:
        return output[:, 0]


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).mean(dim=2)


TASKS = [Guess(), Guess(kind="again")]


def trainer(settings: TrainSettings = SETTINGS, seed: int = 0, store: Store | None = None) -> Trainer:
    torch.manual_seed(0)
    network = Network(Backbone(), {task.kind: nn.Sequential(nn.Flatten(), nn.Linear(256, 1)) for task in TASKS})
    return Trainer(network, TASKS, settings, seed, store or Store())


def weights(run: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in run.raw.state_dict().items()}


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def without_time(progress: Progress) -> dict[str, object]:
    return {name: value for name, value in vars(progress).items() if name != "seconds"}


def trained(folder: Path, settings: TrainSettings = SETTINGS, seed: int = 0) -> tuple[dict[str, Tensor], Progress]:
    run = trainer(settings, seed)
    progress = run.run(TRAIN, HELD_OUT, folder / f"{seed}.safetensors", "key")
    return weights(run), progress


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Tensor], Progress]:
    """A run that nothing interrupts."""
    return trained(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(
    ("steps", "checkpoint_s"), [(1, 0.0), (2, 0.0), (3, 0.0), (4, 0.0), (6, 0.0), (3, 3600.0), (5, 3600.0)]
)
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    tmp_path: Path, whole: tuple[dict[str, Tensor], Progress], steps: int, checkpoint_s: float
) -> None:
    """Three steps per epoch; killed after any of them, with checkpoints after each step or after each epoch."""
    settings = SETTINGS.model_copy(update={"checkpoint_s": checkpoint_s})
    expected, progress = whole
    calls = 0

    def kill(progress: Progress, in_epoch: int) -> None:
        nonlocal calls
        assert in_epoch == 3
        calls += 1
        if calls == steps:
            raise KilledError

    file = tmp_path / "killed.safetensors"
    with pytest.raises(KilledError):
        trainer(settings).run(TRAIN, HELD_OUT, file, "key", kill)
    assert file.is_file() == (steps > (1 if settings.checkpoint_s == 0 else 3))
    run = trainer(settings)
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

    def pretend(positions: NDArray[np.intp]) -> dict[str, float]:
        assert positions.tolist() == HELD_OUT.tolist()
        seen.append(weights(run))
        total = next(ahead)
        return {"guess": total - 0.5, "again": 0.5}

    monkeypatch.setattr(run, "held_out_losses", pretend)
    progress = run.run(TRAIN, HELD_OUT, tmp_path / "c.safetensors", "key")
    assert progress.best_epoch == best and equal(weights(run), seen[best])
    assert [row["held_out/total"] for row in progress.history] == totals
    assert not equal(seen[0], seen[1]) and not equal(seen[1], seen[2])


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
    losses = run.held_out_losses(HELD_OUT)
    assert losses == run.held_out_losses(HELD_OUT) and run.raw.training
    # By hand: batches of four and of one, each with its own generator, tasks in order.
    sums = dict.fromkeys(losses, 0.0)
    run.raw.eval()
    for i, part in enumerate([HELD_OUT[:4], HELD_OUT[4:]]):
        x, chance = to_input(run.store.take(part), torch.device("cpu")), generator(0, i)
        for task in TASKS:
            made, target = task.sample(x, chance)
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


def test_generators() -> None:
    def draw(*numbers: int) -> list[float]:
        return torch.rand(4, generator=generator(*numbers)).tolist()

    assert draw(1, 2) == draw(1, 2)
    assert len({tuple(draw(*numbers)) for numbers in [(0,), (1,), (0, 1), (1, 0), (0, 0, 1), (12,), (1, 2)]}) == 7


def test_to_input() -> None:
    x = to_input(np.array([[[[[0, 51, 255]]]]], np.uint8), torch.device("cpu"))
    assert x.dtype == torch.float32 and x.flatten().tolist() == pytest.approx([0, 0.2, 1])


class TestAugment:
    X = torch.rand(64, 1, 7, 4, 4, generator=torch.Generator().manual_seed(1))

    def test_nothing_asked_nothing_done(self) -> None:
        settings = TrainSettings(flip=False, brightness=0)
        assert torch.equal(augment(self.X, settings, generator(0)), self.X)

    def test_half_are_mirrored_left_to_right_whole(self) -> None:
        made = augment(self.X, TrainSettings(brightness=0), generator(0))
        same = (made == self.X).flatten(1).all(dim=1)
        mirrored = (made == self.X.flip(4)).flatten(1).all(dim=1)
        assert (same ^ mirrored).all() and 16 < mirrored.sum() < 48

    def test_brightness_is_a_line_per_sequence_within_its_limits(self) -> None:
        made = augment(self.X * 0.3 + 0.3, TrainSettings(flip=False, brightness=0.2), generator(0))
        gains, shifts = [], []
        for before, after in zip(self.X * 0.3 + 0.3, made, strict=True):
            gain, shift = np.polyfit(before.flatten().double(), after.flatten().double(), 1)
            assert np.abs(gain * before.numpy() + shift - after.numpy()).max() < 1e-5
            gains.append(gain)
            shifts.append(shift)
        assert 0.8 <= min(gains) < 0.85 and 1.15 < max(gains) <= 1.2
        assert -0.2 <= min(shifts) < -0.15 and 0.15 < max(shifts) <= 0.2
        assert abs(np.corrcoef(gains, shifts)[0, 1]) < 0.4, "drawn on their own"

    def test_stays_in_range(self) -> None:
        made = augment(self.X, TrainSettings(brightness=0.9), generator(0))
        assert made.min() == 0 and made.max() == 1


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

"""A student learns what a teacher says, of sequences as they are and of unusual ones."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from ssmtl.nets.network import Network
from ssmtl.tasks.task import ProxyTask
from ssmtl.training import imitation
from ssmtl.training.imitation import Imitated, make_unusual
from ssmtl.training.settings import ImitationSettings, TrainSettings
from ssmtl.training.train import Trainer, generator, to_input

from .tiny import HELD_OUT, SETTINGS, TRAIN, Guess, Store, Unscored, equal, network, trainer, weights, without_time

TASKS: list[ProxyTask] = [Guess(), Guess(kind="again")]


def settings(own_loss: float = 0.0, unusual: float = 0.5, **more: object) -> TrainSettings:
    return SETTINGS.model_copy(update={"imitation": ImitationSettings(own_loss=own_loss, unusual=unusual), **more})


def teacher(tasks: list[ProxyTask] = TASKS) -> Network:
    """Another network, with statistics and outputs of its own."""
    made = network(tasks, seed=7).train()
    with torch.no_grad():
        for _ in range(5):
            made(torch.rand(8, 1, 7, 8, 8), [task.kind for task in tasks])
        for head in made.heads.values():
            for weight in head.parameters():
                weight.mul_(3)
    return made


def student(chosen: TrainSettings, imitated: Network, tasks: list[ProxyTask] = TASKS) -> Trainer:
    return trainer(chosen, tasks=tasks, imitated=imitated)


class TestUnusual:
    X = torch.rand(12, 1, 25, 8, 8, generator=torch.Generator().manual_seed(1))

    @pytest.mark.parametrize(("share", "left"), [(0.0, 12), (0.25, 9), (0.5, 6), (1.0, 0)])
    def test_just_the_share_is_changed(self, share: float, left: int) -> None:
        made, usual = make_unusual(self.X, share, generator(0))
        same = (made == self.X).flatten(1).all(dim=1)
        assert same.nonzero().flatten().tolist() == usual.tolist() and len(usual) == left
        assert made.shape == self.X.shape and made.min() >= 0 and made.max() <= 1

    def test_chance_comes_from_the_generator_alone(self) -> None:
        first, again, other = (make_unusual(self.X, 0.5, generator(i))[0] for i in (3, 3, 4))
        assert torch.equal(first, again) and not torch.equal(first, other)

    def testfaster_steps_evenly_from_the_middle(self) -> None:
        """Pictures whose values are the frames' numbers."""
        numbers = torch.arange(25).float().view(1, 1, 25, 1, 1).expand(30, 1, 25, 2, 2)
        made = imitation.faster(numbers, torch.arange(30), generator(0))[:, 0, :, 0, 0]
        paces = (made[:, 13] - made[:, 12]).int().tolist()
        assert set(paces) == {2, 3, 4}
        for row, pace in zip(made.int().tolist(), paces, strict=True):
            assert row == [min(24, max(0, 12 + pace * (i - 12))) for i in range(25)]

    def test_sliding_grows_evenly_with_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A ramp that stands still: by where it slides to, its values change in the middle column."""
        monkeypatch.setattr(imitation, "MOST_ZOOM", 1.0)
        ramp = torch.linspace(0.2, 0.8, 64).expand(20, 1, 7, 64, 64)
        made = imitation.moved(ramp, torch.arange(20), generator(0))
        torch.testing.assert_close(made[:, :, 3], ramp[:, :, 3])
        steps = made[:, 0, :, 32, 32].diff(dim=1)
        torch.testing.assert_close(steps, steps[:, :1].expand(-1, 6), atol=1e-5, rtol=0)
        assert steps.abs().max() <= 0.6 * 64 / 63 * imitation.MOST_DRIFT + 1e-6
        assert steps.min() < 0 < steps.max() and len(set(steps[:, 0].tolist())) == 20

    def test_a_zoom_about_the_middle(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(imitation, "MOST_DRIFT", 0.0)
        ramp = torch.linspace(0, 1, 64).expand(20, 1, 1, 64, 64)
        slopes = imitation.moved(ramp, torch.arange(20), generator(0))[:, 0, 0, 32, 28:36].diff(dim=1).mean(dim=1) * 63
        assert 1 / 1.5 - 1e-3 <= slopes.min() < 0.9 and 1.1 < slopes.max() <= 1.5 + 1e-3

    def test_a_blend_is_between_two(self) -> None:
        flat = torch.linspace(0, 1, 12).view(12, 1, 1, 1, 1).expand(12, 1, 7, 2, 2)
        made = imitation.blended(flat, torch.zeros(40, dtype=torch.long), generator(0))
        values = made.flatten(1)
        assert (values == values[:, :1]).all()
        # The first sequence is all 0: what is left is the other's value times its share.
        assert values.max() <= 1 - imitation.LEAST_BLEND and len(set(values[:, 0].tolist())) > 20


class TestTraining:
    def test_the_student_comes_to_say_what_the_teacher_says(self, tmp_path: Path) -> None:
        imitated = teacher()
        run = student(settings(epochs=40, learning_rate=0.01), imitated)
        before = run.held_out_losses(HELD_OUT, 0)
        run.run(TRAIN, HELD_OUT, tmp_path / "c", "key")
        after = run.held_out_losses(HELD_OUT, 0)
        assert all(after[kind] < 0.5 * before[kind] for kind in before), (before, after)

    @pytest.mark.parametrize("own_loss", [0.0, 0.25])
    def test_the_loss_is_the_difference_and_a_share_of_the_own_one(self, own_loss: float) -> None:
        """By hand: batches of four and of one, in evaluation mode."""
        imitated = teacher()
        run = student(settings(own_loss), imitated)
        losses = run.held_out_losses(HELD_OUT, 0)
        sums = dict.fromkeys(losses, 0.0)
        run.raw.eval()
        imitated.eval()
        for i, part in enumerate([HELD_OUT[:4], HELD_OUT[4:]]):
            x = to_input(run.store.take(part), torch.device("cpu"))
            parts = {task.kind: task.sample(x, generator(0, i), {}) for task in TASKS}
            # Each head is compared on the inputs of both tasks: they draw alike, so those are the same.
            for task in TASKS:
                made, target = parts[task.kind]
                with torch.no_grad():
                    output, answer = run.raw(made, [task.kind])[0], imitated(made, [task.kind])[0]
                    loss = (output - answer).abs().mean() + own_loss * task.loss(output, target)
                sums[task.kind] += loss.item() * len(part)
        assert losses == pytest.approx({kind: value / 5 for kind, value in sums.items()}, rel=1e-4)

    def test_unusual_sequences_have_no_loss_of_their_own(self) -> None:
        x = to_input(Store().take(TRAIN[:4]), torch.device("cpu"))

        def losses(own_loss: float, usual: list[int]) -> dict[str, float]:
            run = student(settings(own_loss), teacher())
            return run._losses(x, {}, 0, generator(1), False, torch.tensor(usual, dtype=torch.long))

        assert losses(1.0, []) == losses(0.0, [0, 1, 2, 3])
        assert len({losses(1.0, usual)["guess"] for usual in ([0], [1], [0, 1], [])}) == 4

    def test_the_teacher_stays_as_it_is(self, tmp_path: Path) -> None:
        imitated = teacher()
        before = {name: value.clone() for name, value in imitated.state_dict().items()}
        run = student(settings(epochs=1), imitated)
        run.run(TRAIN, HELD_OUT, tmp_path / "c", "key")
        assert run.imitated is not None
        assert equal(before, imitated.state_dict()) and not run.imitated.network.training
        assert all(not weight.requires_grad for weight in run.imitated.network.parameters())

    def test_what_does_not_score_is_learnt_as_without_a_teacher(self) -> None:
        """The teacher has no head for it."""
        tasks = [Guess(), Unscored()]
        x = to_input(Store().take(TRAIN[:4]), torch.device("cpu"))
        runs = [student(settings(), teacher([Guess()]), tasks), trainer(SETTINGS, tasks=tasks)]
        taught, alone = (run._losses(x, {}, 0, generator(1), True) for run in runs)
        assert taught["unscored"] == pytest.approx(alone["unscored"], rel=1e-5) and taught["guess"] != alone["guess"]

    @pytest.mark.parametrize("steps", [1, 4])
    def test_a_killed_run_goes_on_as_if_it_had_not_been(self, tmp_path: Path, steps: int) -> None:
        class KilledError(Exception):
            pass

        calls = 0

        def kill(*_: object) -> None:
            nonlocal calls
            calls += 1
            if calls > steps:
                raise KilledError

        whole = student(settings(0.1), teacher())
        progress = whole.run(TRAIN, HELD_OUT, tmp_path / "whole", "key")
        with pytest.raises(KilledError):
            student(settings(0.1), teacher()).run(TRAIN, HELD_OUT, tmp_path / "killed", "key", kill)
        resumed = student(settings(0.1), teacher())
        again = resumed.run(TRAIN, HELD_OUT, tmp_path / "killed", "key")
        assert equal(weights(whole), weights(resumed)) and without_time(progress) == without_time(again)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_answers_are_those_of_the_network_in_evaluation_mode(precision: str) -> None:
    made = teacher()
    x = torch.rand(4, 1, 7, 8, 8)
    answers = Imitated(made, torch.device("cpu"), precision).answers(x, ["again", "guess"])  # type: ignore[arg-type]
    made.eval()
    expected: list[Tensor] = made(x, ["again", "guess"])
    tolerance = 1e-5 if precision == "32-true" else 0.05
    for found, right in zip(answers, expected, strict=True):
        assert found.dtype == torch.float32 and not found.requires_grad
        torch.testing.assert_close(found, right.detach(), atol=tolerance, rtol=tolerance)

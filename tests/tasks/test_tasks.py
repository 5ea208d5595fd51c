"""The contract of a proxy task, over all tasks, and the views of a sequence."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.recipes import TASKS as KINDS
from ssmtl.recipes import Task
from ssmtl.tasks.inpainting import Inpainting
from ssmtl.tasks.jigsaw import Jigsaw
from ssmtl.tasks.task import FRAMES, Odds, Pictures, ProxyTask, View

from .sequences import counted, frame_numbers, generator, known, noise

TASKS: dict[str, ProxyTask] = {kind().kind: kind() for kind in get_args(get_args(Task)[0])}
TASKS["inpainting, absolute"] = Inpainting(distance="absolute")
TASKS["jigsaw, applied"] = Jigsaw(asked="applied")
SCORING = {name: task for name, task in TASKS.items() if task.scores}
CHANNELS = 16


def features(made_BCTHW: Tensor) -> Tensor:
    """A backbone that needs no weights: B×CHANNELS×8×8, each row its sequence's alone."""
    small = functional.adaptive_avg_pool3d(made_BCTHW, (1, 8, 8)).mean(dim=(1, 2))
    return small[:, None] * torch.linspace(-2, 2, CHANNELS)[None, :, None, None]


def make_head(task: ProxyTask, picture_channels: int = 1) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return task.head(CHANNELS, picture_channels)


def answer(task: ProxyTask, head: nn.Module, x_BCTHW: Tensor) -> Tensor:
    """The output that is scored."""
    with torch.no_grad():
        if task.view is None:
            return task.answer(lambda made: head(features(made)), x_BCTHW)
        return head(features(task.view.take(x_BCTHW)))


def test_all_nine_are_here() -> None:
    assert KINDS[:9] == (
        "arrow_of_time",
        "motion_irregularity",
        "middle_box",
        "distillation",
        "pseudo_anomalies",
        "inpainting",
        "segmentation",
        "jigsaw",
        "pose",
    )
    assert [TASKS[kind].kind for kind in KINDS[:9] if not TASKS[kind].scores] == ["pseudo_anomalies"]
    assert len({TASKS[kind].title for kind in KINDS}) == len({TASKS[kind].words for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_imitation_is_0_for_the_same_answer_alone(task: ProxyTask) -> None:
    """And a step down its gradient brings the output nearer."""
    head = make_head(task)
    output, answer = (head(features(noise(3, frames=7) * scale)).detach() for scale in (1.0, 0.3))
    assert task.imitation(answer, answer).item() == pytest.approx(0, abs=1e-6)
    output.requires_grad_(True)
    loss = task.imitation(output, answer)
    assert loss.shape == () and loss > 0
    (gradient,) = torch.autograd.grad(loss, output)
    assert task.imitation(output - 1e-3 * gradient / gradient.norm(), answer) < loss


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
class TestLearning:
    @pytest.mark.parametrize("picture_channels", [1, 3])
    @pytest.mark.parametrize("n", [1, 2, 5])
    def test_input_head_and_target_fit_together(self, task: ProxyTask, n: int, picture_channels: int) -> None:
        """With no more given than the task says that it learns from."""
        x = noise(n, picture_channels, 2 * task.reach + 1)
        made, target = task.sample(x, generator(), known(n, *task.trains_on))
        assert made.shape[:2] == (n, picture_channels) and made.shape[2] <= FRAMES and made.shape[3:] == (64, 64)
        assert len(target) == n and made.min() >= 0 and made.max() <= 1
        output = make_head(task, picture_channels)(features(made))
        assert output.shape == target.shape or (output.dim() == 2 and target.dim() == 1)
        loss = task.loss(output, target)
        assert loss.shape == () and torch.isfinite(loss) and loss > 0

    @pytest.mark.parametrize("name", ["classifier", "classes", "segmentation", "pose"])
    def test_learns_from_what_it_names_and_nothing_else(self, task: ProxyTask, name: str) -> None:
        x, given = noise(2, frames=2 * task.reach + 1), known(2, "classifier", "classes", "segmentation", "pose")
        first = task.sample(x, generator(), given)
        again = task.sample(x, generator(), given | {name: given[name] + 1})
        same = all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
        assert same == (name not in task.trains_on)

    def test_the_generator_is_the_only_chance(self, task: ProxyTask) -> None:
        x, given = noise(8, frames=2 * task.reach + 1), known(8, *task.trains_on)
        torch.manual_seed(1)
        first = task.sample(x, generator(3), given)
        torch.manual_seed(2)
        again = task.sample(x, generator(3), given)
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))

    def test_more_frames_than_it_needs_change_nothing(self, task: ProxyTask) -> None:
        """Tasks share sequences that are as long as the farthest reaching one needs."""
        x, given = noise(6, frames=2 * task.reach + 5), known(6, *task.trains_on)
        first, again = task.sample(x, generator(3), given), task.sample(x[:, :, 2:-2], generator(3), given)
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))

    def test_leaves_what_it_is_given_as_it_was(self, task: ProxyTask) -> None:
        x, given = noise(4, frames=2 * task.reach + 1), known(4, *task.trains_on)
        task.sample(x, generator(), given)
        assert torch.equal(x, noise(4, frames=2 * task.reach + 1))
        assert all(torch.equal(rows, given[name]) for name, rows in known(4, *task.trains_on).items())

    def test_the_loss_is_a_mean_over_the_batch(self, task: ProxyTask) -> None:
        x = noise(4, frames=2 * task.reach + 1)
        _, target = task.sample(x, generator(), known(4, *task.trains_on))
        output = make_head(task)(torch.rand(4, CHANNELS, 8, 8, generator=generator()))
        twice = task.loss(torch.cat([output, output]), torch.cat([target, target]))
        assert torch.allclose(twice, task.loss(output, target))

    def test_learning_the_target_lowers_the_loss(self, task: ProxyTask) -> None:
        x = noise(2, frames=2 * task.reach + 1)
        _, target = task.sample(x, generator(), known(2, *task.trains_on))
        head, seen = make_head(task), torch.rand(2, CHANNELS, 8, 8, generator=generator())
        optimizer = torch.optim.Adam(head.parameters(), 0.01)
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            loss = task.loss(head(seen), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0]

    def test_its_settings_come_back_from_a_model(self, task: ProxyTask) -> None:
        assert type(task).model_validate_json(task.model_dump_json()) == task


@pytest.mark.parametrize("task", SCORING.values(), ids=SCORING)
class TestScoring:
    @pytest.mark.parametrize("picture_channels", [1, 3])
    @pytest.mark.parametrize("n", [1, 2, 5])
    def test_a_score_for_each_sequence(self, task: ProxyTask, n: int, picture_channels: int) -> None:
        """With no more given than the task says that its score needs."""
        x = noise(n, picture_channels)
        output = answer(task, make_head(task, picture_channels), x)
        scores = task.score(output, x, known(n, *task.scores_on))
        assert scores.shape == (n,) and torch.isfinite(scores).all() and (scores >= 0).all()

    def test_a_score_is_of_its_sequence_alone(self, task: ProxyTask) -> None:
        x, given, head = noise(3), known(3, *task.scores_on), make_head(task)
        together = task.score(answer(task, head, x), x, given)
        assert len(set(together.tolist())) == 3
        for i in range(3):
            mine = {name: rows[i : i + 1] for name, rows in given.items()}
            alone = task.score(answer(task, head, x[i : i + 1]), x[i : i + 1], mine)
            assert alone.item() == pytest.approx(together[i].item(), rel=1e-4)

    def test_the_network_sees_what_it_was_trained_on(self, task: ProxyTask) -> None:
        """As many frames when it scores as when it learnt."""
        x = noise(2, frames=2 * task.reach + 1)
        made, _ = task.sample(x, generator(), known(2, *task.trains_on))
        seen: list[Tensor] = []
        head = make_head(task)

        def run(made: Tensor) -> Tensor:
            seen.append(made)
            return head(features(made))

        if task.view is None:
            task.answer(run, x)
        else:
            seen.append(task.view.take(x))
        assert {part.shape for part in seen} == {made.shape}

    def test_what_it_reveals(self, task: ProxyTask) -> None:
        """Pictures or probabilities, for people."""
        x, given = noise(2, picture_channels=3), known(2, *task.scores_on)
        shown = task.reveal(answer(task, make_head(task, 3), x), x, given)
        if isinstance(shown, Pictures):
            parts = [shown.truth_BCHW, shown.answer_BCHW]
            assert all(part.shape in [(2, 1, 64, 64), (2, 3, 64, 64)] for part in parts)
            assert parts[0].shape == parts[1].shape and parts[0].std() > 0
        else:
            assert isinstance(shown, Odds)
            parts = [shown.answer_BN] + ([] if shown.truth_BN is None else [shown.truth_BN])
            assert all(part.shape == (2, len(shown.names)) for part in parts)
        assert all(part.min() >= 0 and part.max() <= 1 for part in parts)


@pytest.mark.parametrize("frames", [7, 9, 25])
@pytest.mark.parametrize(
    ("view", "offsets"),
    [
        (View.ALL, [-3, -2, -1, 0, 1, 2, 3]),
        (View.WITHOUT_MIDDLE, [-3, -2, -1, 1, 2, 3]),
        (View.MIDDLE, [0]),
        (View.BACKWARD, [3, 2, 1, 0, -1, -2, -3]),
    ],
)
def test_views(view: View, offsets: list[int], frames: int) -> None:
    assert frame_numbers(view.take(counted(2, frames))) == [[frames // 2 + k for k in offsets]] * 2


def test_a_task_that_lacks_a_part_is_refused_when_it_is_made() -> None:
    class Half(ProxyTask):
        kind: str = "half"

        @property
        def view(self) -> View:
            return View.ALL

    with pytest.raises(TypeError, match=r"abstract.*head.*loss.*sample"):
        Half()

"""The contract of a proxy task, over all tasks, and what each of them must draw and score."""

from itertools import pairwise
from typing import get_args

import pytest
import torch
from torch import Tensor

from ssmtl.recipes import Task
from ssmtl.tasks.arrow_of_time import ArrowOfTime
from ssmtl.tasks.middle_box import MiddleBox
from ssmtl.tasks.motion_irregularity import MotionIrregularity
from ssmtl.tasks.task import FRAMES, REACH, View

TASKS: dict[str, Task] = {kind().kind: kind() for kind in get_args(get_args(Task)[0])}
CHANNELS = 16


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(n: int, picture_channels: int = 1, frames: int = FRAMES) -> Tensor:
    return torch.rand(n, picture_channels, frames, 64, 64, generator=generator(9))


def counted(n: int, frames: int) -> Tensor:
    """Sequences whose frame t holds the value t, plus 100 times the number of the sequence."""
    return (
        (torch.arange(frames)[None] + 100.0 * torch.arange(n)[:, None]).view(n, 1, frames, 1, 1).expand(-1, 1, -1, 2, 2)
    )


def frame_numbers(x_BCTHW: Tensor) -> list[list[int]]:
    """Which frames each of `counted`'s sequences is made of, checked to be whole and of that sequence only."""
    assert (x_BCTHW == x_BCTHW[..., :1, :1]).all()
    values = x_BCTHW[:, 0, :, 0, 0].long()
    assert (values // 100 == torch.arange(len(values))[:, None]).all()
    return (values % 100).tolist()


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
class TestContract:
    @pytest.mark.parametrize("picture_channels", [1, 3])
    @pytest.mark.parametrize("n", [1, 2, 5])
    def test_training_and_scoring_fit_together(self, task: Task, n: int, picture_channels: int) -> None:
        x = noise(n, picture_channels, 2 * task.reach + 1)
        made, target = task.sample(x, generator())
        assert made.shape[:2] == (n, picture_channels) and made.shape[2] <= FRAMES and made.shape[3:] == (64, 64)
        assert len(target) == n and made.min() >= 0 and made.max() <= 1
        output = task.head(CHANNELS, picture_channels)(torch.rand(n, CHANNELS, 8, 8, generator=generator()))
        loss = task.loss(output, target)
        assert loss.shape == () and torch.isfinite(loss) and loss > 0
        scores = task.score(output, x)
        assert scores.shape == (n,) and torch.isfinite(scores).all() and (scores >= 0).all()

    def test_its_view_is_what_it_is_trained_on(self, task: Task) -> None:
        """The backbone must see as many frames when it scores as when it learnt."""
        x = noise(2, frames=2 * task.reach + 1)
        assert task.sample(x, generator())[0].shape == task.view.take(x).shape

    def test_the_generator_is_the_only_chance(self, task: Task) -> None:
        x = noise(8, frames=2 * task.reach + 1)
        torch.manual_seed(1)
        first = task.sample(x, generator(3))
        torch.manual_seed(2)
        again = task.sample(x, generator(3))
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))

    def test_more_frames_than_it_needs_change_nothing(self, task: Task) -> None:
        """Tasks share sequences that are as long as the farthest reaching one needs."""
        x = noise(6, frames=2 * task.reach + 5)
        first, again = task.sample(x, generator(3)), task.sample(x[:, :, 2:-2], generator(3))
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))

    def test_leaves_its_input_as_it_was(self, task: Task) -> None:
        x = noise(4, frames=2 * task.reach + 1)
        before = x.clone()
        task.sample(x, generator())
        assert torch.equal(x, before)

    def test_the_loss_is_a_mean_over_the_batch(self, task: Task) -> None:
        x = noise(4, frames=2 * task.reach + 1)
        _, target = task.sample(x, generator())
        output = task.head(CHANNELS, 1)(torch.rand(4, CHANNELS, 8, 8, generator=generator()))
        twice = task.loss(torch.cat([output, output]), torch.cat([target, target]))
        assert torch.allclose(twice, task.loss(output, target))

    def test_learning_the_target_lowers_the_loss(self, task: Task) -> None:
        torch.manual_seed(0)
        x = noise(2, frames=2 * task.reach + 1)
        _, target = task.sample(x, generator())
        head, features = task.head(CHANNELS, 1), torch.rand(2, CHANNELS, 8, 8, generator=generator())
        optimizer = torch.optim.Adam(head.parameters(), 0.01)
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            loss = task.loss(head(features), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0]


CLASSIFIERS = [ArrowOfTime(), MotionIrregularity()]


@pytest.mark.parametrize("task", CLASSIFIERS, ids=["T1", "T2"])
class TestClassifiers:
    @pytest.mark.parametrize(("n", "positives"), [(1, {0, 1}), (2, {1}), (5, {2, 3}), (8, {4})])
    def test_half_are_positives(self, task: Task, n: int, positives: set[int]) -> None:
        found = {int(task.sample(noise(n, frames=25), generator(seed))[1].sum()) for seed in range(20)}
        assert found == positives

    def test_which_half_is_drawn(self, task: Task) -> None:
        targets = torch.stack([task.sample(noise(4, frames=25), generator(seed))[1] for seed in range(40)])
        assert (targets.float().mean(dim=0) - 0.5).abs().max() < 0.3

    def test_the_score_is_the_probability_of_the_positive_class(self, task: Task) -> None:
        output = torch.tensor([[0.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [0.0, 100.0]])
        scores = task.score(output, noise(4))
        expected = [0.5, 1 / (1 + torch.e**2), 1 / (1 + torch.e**-1), 1.0]
        assert scores.tolist() == pytest.approx(expected, abs=1e-6)

    def test_the_loss_is_cross_entropy_with_label_smoothing(self, task: Task) -> None:
        output, target = torch.tensor([[0.0, 2.0]]), torch.tensor([1])
        wrong = -torch.log_softmax(output, 1)[0, 0]
        right = -torch.log_softmax(output, 1)[0, 1]
        assert task.loss(output, target).item() == pytest.approx((0.95 * right + 0.05 * wrong).item())
        plain = task.model_copy(update={"label_smoothing": 0.0})
        assert plain.loss(output, target).item() == pytest.approx(right.item())


@pytest.mark.parametrize("frames", [7, 25])
def test_t1_reverses_exactly_what_it_says(frames: int) -> None:
    middle = frames // 2
    ramp = list(range(middle - 3, middle + 4))
    made, target = ArrowOfTime().sample(counted(10, frames), generator())
    assert target.sum() == 5
    for row, backward in zip(frame_numbers(made), target.tolist(), strict=True):
        assert row == (ramp[::-1] if backward else ramp)


@pytest.mark.parametrize("max_step", [2, 4, 16])
@pytest.mark.parametrize("spare", [0, 2])
def test_t2_draws_only_valid_patterns(max_step: int, spare: int) -> None:
    task = MotionIrregularity(max_step=max_step)
    middle = task.reach + spare
    x = counted(64, 2 * middle + 1)
    seen, patterns = set(), set()
    for seed in range(8):
        made, target = task.sample(x, generator(seed))
        assert target.sum() == 32
        for row, intermittent in zip(frame_numbers(made), target.tolist(), strict=True):
            steps = [b - a for a, b in pairwise(row)]
            assert len(row) == FRAMES and row[REACH] == middle, "the middle frame stays"
            assert all(1 <= step <= max_step for step in steps), "forward, outwards, in steps of at most max_step"
            assert (max(steps) > 1) == bool(intermittent)
            if intermittent:
                seen |= {(place, step) for place, step in enumerate(steps)}
                patterns.add(tuple(steps))
    assert seen >= {(place, step) for place in range(6) for step in (1, max_step)} or max_step == 16
    assert len(patterns) > 40, "each step is drawn on its own"


def test_t2_makes_a_regular_draw_irregular() -> None:
    """With steps of 1 or 2, one in 64 draws is all ones: none of them may pass as intermittent."""
    task = MotionIrregularity(max_step=2)
    made, target = task.sample(counted(99, 13), generator())
    longest = [max(b - a for a, b in pairwise(row)) for row in frame_numbers(made)]
    assert [step > 1 for step in longest] == target.bool().tolist()
    many, labels = task.sample(torch.arange(13.0).view(1, 1, 13, 1, 1).expand(4000, 1, 13, 1, 1), generator())
    spans = (many[:, 0, -1, 0, 0] - many[:, 0, 0, 0, 0])[labels == 1]
    assert spans.min() == 7, "a draw of ones is made longer by one step"


def test_t3_does_not_see_the_middle_frame() -> None:
    x = noise(3, frames=9)
    made, target = MiddleBox().sample(x, generator())
    assert torch.equal(made, x[:, :, [1, 2, 3, 5, 6, 7]]) and torch.equal(target, x[:, :, 4])


def test_t3_scores_the_mean_absolute_error() -> None:
    x = torch.zeros(3, 1, FRAMES, 4, 4)
    x[:, :, REACH] = 0.5
    output = torch.full((3, 1, 4, 4), 0.5)
    output[1] += 0.25
    output[2, 0, 0, 0] = 0.1
    assert MiddleBox().score(output, x).tolist() == pytest.approx([0, 0.25, 0.4 / 16])
    assert MiddleBox().loss(output, x[:, :, REACH]).item() == pytest.approx((0.25 + 0.4 / 16) / 3)


@pytest.mark.parametrize("frames", [7, 9, 25])
@pytest.mark.parametrize(
    ("view", "offsets"),
    [
        (View.ALL, [-3, -2, -1, 0, 1, 2, 3]),
        (View.WITHOUT_MIDDLE, [-3, -2, -1, 1, 2, 3]),
        (View.MIDDLE, [0]),
    ],
)
def test_views(view: View, offsets: list[int], frames: int) -> None:
    assert frame_numbers(view.take(counted(2, frames))) == [[frames // 2 + k for k in offsets]] * 2

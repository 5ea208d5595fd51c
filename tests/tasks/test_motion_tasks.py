"""T1, T2 and T3: what they draw from sequences whose frames are numbered, and what they score."""

import math
from itertools import pairwise

import pytest
import torch

from ssmtl.tasks.arrow_of_time import ArrowOfTime
from ssmtl.tasks.middle_box import MiddleBox
from ssmtl.tasks.motion_irregularity import MotionIrregularity
from ssmtl.tasks.odds import SUREST
from ssmtl.tasks.task import FRAMES, REACH

from .sequences import counted, frame_numbers, generator, noise

Classifier = ArrowOfTime | MotionIrregularity


@pytest.mark.parametrize("task", [ArrowOfTime(), MotionIrregularity()], ids=["T1", "T2"])
class TestClassifiers:
    @pytest.mark.parametrize(("n", "positives"), [(1, {0, 1}), (2, {1}), (5, {2, 3}), (8, {4})])
    def test_half_are_positives(self, task: Classifier, n: int, positives: set[int]) -> None:
        found = {int(task.sample(noise(n, frames=25), generator(seed), {})[1].sum()) for seed in range(20)}
        assert found == positives

    def test_which_half_is_drawn(self, task: Classifier) -> None:
        targets = torch.stack([task.sample(noise(4, frames=25), generator(seed), {})[1] for seed in range(40)])
        assert (targets.float().mean(dim=0) - 0.5).abs().max() < 0.3

    def test_the_score_is_the_probability_of_the_positive_class(self, task: Classifier) -> None:
        output = torch.tensor([[0.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [0.0, 100.0]])
        scores = task.score(output, noise(4), {})
        expected = [0.5, 1 / (1 + torch.e**2), 1 / (1 + torch.e**-1), 1.0]
        assert scores.tolist() == pytest.approx(expected, abs=1e-6)
        shown = task.reveal(output, noise(4), {})
        assert shown.names[1] in ("backward", "intermittent") and torch.equal(shown.answer_BN[:, 1], scores)

    def test_imitation_is_the_divergence_of_softened_probabilities(self, task: Classifier) -> None:
        """Of the logits' halves, times four."""
        output, answer = torch.tensor([[0.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, -4.0], [0.0, 0.0]])
        p, q = 1 / (1 + torch.e**2), 1 / (1 + torch.e**-1)
        expected = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
        assert task.imitation(output, answer).item() == pytest.approx(4 * expected / 2, rel=1e-5)

    def test_the_loss_is_cross_entropy_with_label_smoothing(self, task: Classifier) -> None:
        output, target = torch.tensor([[0.0, 2.0]]), torch.tensor([1])
        wrong = -torch.log_softmax(output, 1)[0, 0]
        right = -torch.log_softmax(output, 1)[0, 1]
        assert task.loss(output, target).item() == pytest.approx((0.95 * right + 0.05 * wrong).item())
        plain = task.model_copy(update={"label_smoothing": 0.0})
        assert plain.loss(output, target).item() == pytest.approx(right.item())

    def test_beyond_even_odds_it_says_what_its_labels_teach(self, task: Classifier) -> None:
        """T1 alone; of labels of 0.95 and 0.05, log-odds of ln 19. With the median for floor, no bound is needed."""
        even = task.model_copy(update={"floor": "even"})
        sharp = even.model_copy(update={"label_smoothing": 0.0})
        taught = math.log(19) if isinstance(task, ArrowOfTime) else SUREST
        assert task.most is None and even.most == pytest.approx(taught) and sharp.most == SUREST


@pytest.mark.parametrize("frames", [7, 25])
def test_t1_reverses_exactly_what_it_says(frames: int) -> None:
    middle = frames // 2
    ramp = list(range(middle - 3, middle + 4))
    made, target = ArrowOfTime().sample(counted(10, frames), generator(), {})
    assert target.sum() == 5
    for row, backward in zip(frame_numbers(made), target.tolist(), strict=True):
        assert row == (ramp[::-1] if backward else ramp)


def test_t1_both_ways_wants_what_looks_backward_confirmed() -> None:
    """What looks backward either way is no more than undecided; what looks forward at once is as it is."""
    task = ArrowOfTime(both_ways=True)
    output = torch.tensor([[0.0, 5.0, 0.0, 5.0], [5.0, 0.0, 5.0, 0.0], [0.0, 5.0, 2.0, 0.0], [0.0, 1.0, 5.0, 0.0]])
    output = torch.cat([output, torch.tensor([[1.0, 0.0, 0.0, 5.0]])])
    scores = task.score(output, noise(5), {})
    p = [1 / (1 + math.exp(-logit)) for logit in (0, -5, 2, 1, -1)]
    assert scores.tolist() == pytest.approx(p)
    shown = task.reveal(output, noise(5), {}).answer_BN
    assert torch.allclose(shown[:, 1], scores) and torch.allclose(shown.sum(dim=1), torch.ones(5))


@pytest.mark.parametrize("max_step", [2, 4, 16])
@pytest.mark.parametrize("spare", [0, 2])
def test_t2_draws_only_valid_patterns(max_step: int, spare: int) -> None:
    task = MotionIrregularity(max_step=max_step)
    middle = task.reach + spare
    x = counted(64, 2 * middle + 1)
    seen, patterns = set(), set()
    for seed in range(8):
        made, target = task.sample(x, generator(seed), {})
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
    made, target = task.sample(counted(99, 13), generator(), {})
    longest = [max(b - a for a, b in pairwise(row)) for row in frame_numbers(made)]
    assert [step > 1 for step in longest] == target.bool().tolist()
    many, labels = task.sample(torch.arange(13.0).view(1, 1, 13, 1, 1).expand(4000, 1, 13, 1, 1), generator(), {})
    spans = (many[:, 0, -1, 0, 0] - many[:, 0, 0, 0, 0])[labels == 1]
    assert spans.min() == 7, "a draw of ones is made longer by one step"


def test_t3_does_not_see_the_middle_frame() -> None:
    x = noise(3, frames=9)
    made, target = MiddleBox().sample(x, generator(), {})
    assert torch.equal(made, x[:, :, [1, 2, 3, 5, 6, 7]]) and torch.equal(target, x[:, :, 4])


def test_t3_scores_the_mean_absolute_error() -> None:
    x = torch.zeros(3, 1, FRAMES, 4, 4)
    x[:, :, REACH] = 0.5
    output = torch.full((3, 1, 4, 4), 0.5)
    output[1] += 0.25
    output[2, 0, 0, 0] = 0.1
    assert MiddleBox().score(output, x, {}).tolist() == pytest.approx([0, 0.25, 0.4 / 16])
    assert MiddleBox().loss(output, x[:, :, REACH]).item() == pytest.approx((0.25 + 0.4 / 16) / 3)
    shown = MiddleBox().reveal(output, x, {})
    assert torch.equal(shown.truth_BCHW, x[:, :, REACH]) and torch.equal(shown.answer_BCHW, output)

"""T6: where its patches lie, what they hide, and the three rounds at test time."""

import pytest
import torch
from torch import Tensor

from ssmtl.tasks.inpainting import Inpainting, _scored_masks, blacked_out, draw_patches
from ssmtl.tasks.task import FRAMES, REACH, View

from .sequences import generator


def bright(n: int = 3, picture_channels: int = 1) -> Tensor:
    """Sequences in [0.2, 0.7]: without a black pixel, and with room for errors."""
    return 0.2 + 0.5 * torch.rand(n, picture_channels, FRAMES, 64, 64, generator=generator(4))


def bounds(masks_NHW: Tensor) -> Tensor:
    """N×4: first row, first column, height and width of each mask, checked to be one full rectangle."""
    rows, columns = masks_NHW.any(dim=2), masks_NHW.any(dim=1)
    assert torch.equal(masks_NHW, rows[:, :, None] & columns[:, None, :]), "a full rectangle"
    found = []
    for line in (rows, columns):
        assert line.any(dim=1).all(), "none is empty"
        first, count = line.int().argmax(dim=1), line.sum(dim=1)
        last = line.shape[1] - 1 - line.flip(1).int().argmax(dim=1)
        assert torch.equal(last - first + 1, count), "in one piece"
        found.append((first, count))
    return torch.stack([found[0][0], found[1][0], found[0][1], found[1][1]], dim=1)


def test_patches_are_squares_cut_at_the_edge_only() -> None:
    top, left, height, width = bounds(draw_patches(6000, 64, 64, generator())).T
    cut_vertically = (top == 0) | (top + height == 64)
    cut_horizontally = (left == 0) | (left + width == 64)
    assert height.max() == width.max() == 32
    whole = ~cut_vertically & ~cut_horizontally
    assert whole.sum() > 2000 and torch.equal(height[whole], width[whole])
    assert set(height[whole].tolist()) == set(range(4, 33)), "every side from 4 to 32"
    assert (cut_vertically & ~cut_horizontally).any() and (cut_horizontally & ~cut_vertically).any()
    assert (height <= width)[~cut_horizontally].all() and (width <= height)[~cut_vertically].all()


def test_where_patches_lie() -> None:
    """On a picture so large that none is cut: sides are uniform, centres normal about the middle, 20 px per axis."""
    top, left, height, width = bounds(draw_patches(2500, 220, 260, generator())).T
    assert torch.equal(height, width)
    counts = torch.bincount(height, minlength=33)[4:]
    assert counts.sum() == 2500 and counts.min() > 50 and counts.max() < 125, "2500 / 29 = 86 each"
    centres = torch.stack([top + height / 2, left + width / 2])
    assert centres.mean(dim=1).tolist() == pytest.approx([110, 130], abs=1.3)
    assert centres.std(dim=1).tolist() == pytest.approx([20, 20], abs=1)
    within = ((centres - torch.tensor([[110.0], [130.0]])).abs() < 20).float().mean(dim=1)
    assert within.tolist() == pytest.approx([0.683, 0.683], abs=0.03), "a normal distribution"
    together = torch.corrcoef(torch.stack([*centres, height]))
    assert (together - torch.eye(3)).abs().max() < 0.07, "each drawn on its own"


def test_on_crops_too_they_lie_about_the_middle() -> None:
    top, left, height, width = bounds(draw_patches(6000, 64, 64, generator(1))).T
    centres = torch.stack([top + height / 2, left + width / 2])
    assert centres.mean(dim=1).tolist() == pytest.approx([32, 32], abs=1)
    assert centres.median(dim=1).values.tolist() == pytest.approx([32, 32], abs=1)


@pytest.mark.parametrize("picture_channels", [1, 3])
def test_a_patch_is_black_and_all_else_untouched(picture_channels: int) -> None:
    x = bright(40, picture_channels)
    made, target = Inpainting().sample(x, generator(), {})
    frame = x[:, :, REACH]
    assert made.shape == (40, picture_channels, 1, 64, 64) and torch.equal(target, frame)
    hidden = made[:, :, 0] == 0
    assert torch.equal(hidden.all(dim=1), hidden.any(dim=1)), "in all colours alike"
    places = bounds(hidden[:, 0])
    assert len({tuple(place) for place in places.tolist()}) == 40, "one of its own in each sequence"
    assert torch.equal(made[:, :, 0][~hidden], frame[~hidden])


def test_blacked_out_with_one_mask_for_all_or_each_its_own() -> None:
    frame = torch.ones(2, 3, 2, 2)
    masks = torch.tensor([[[True, False], [False, False]], [[False, False], [False, True]]])
    each = blacked_out(frame, masks)
    assert each[0, 0].tolist() == [[0, 1], [1, 1]] and each[1, 2].tolist() == [[1, 1], [1, 0]]
    assert blacked_out(frame, masks[1])[:, 1].tolist() == [[[1, 1], [1, 0]]] * 2
    assert frame.min() == 1


class Recorder:
    """A network that answers half of what it sees plus 0.3, and notes what it saw and said."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []
        self.said: list[Tensor] = []

    def __call__(self, made: Tensor) -> Tensor:
        self.seen.append(made.clone())
        self.said.append(made[:, :, 0] * 0.5 + 0.3)
        return self.said[-1].clone()


@pytest.mark.parametrize("rounds", [1, 3, 5])
def test_each_round_masks_the_output_of_the_last(rounds: int) -> None:
    x, run = bright(), Recorder()
    result = Inpainting(rounds=rounds).answer(run, x)
    assert len(run.seen) == rounds and torch.equal(result, run.said[-1])
    places = set()
    for made, before in zip(run.seen, [x[:, :, REACH], *run.said], strict=False):
        assert made.shape == (3, 1, 1, 64, 64)
        hidden = made[:, :, 0] == 0
        (place,) = {tuple(row) for row in bounds(hidden[:, 0]).tolist()}
        places.add(place)
        assert torch.equal(made[:, :, 0][~hidden], before[~hidden])
    assert len(places) == rounds, "another patch in each"


def test_there_are_three_rounds() -> None:
    run = Recorder()
    Inpainting().answer(run, bright())
    assert len(run.seen) == 3


def test_the_patches_are_the_same_for_every_object_and_call() -> None:
    first, again = Recorder(), Recorder()
    Inpainting().answer(first, bright(3))
    torch.manual_seed(77)
    Inpainting(distance="absolute").answer(again, bright(1))
    for a, b in zip(first.seen, again.seen, strict=True):
        assert torch.equal((a == 0)[:1], b == 0)
        assert torch.equal(a == 0, (a == 0)[:1].expand_as(a)), "within a batch too"


def test_what_is_fed_back_is_a_picture() -> None:
    seen = []

    def run(made: Tensor) -> Tensor:
        seen.append(made)
        return torch.full_like(made[:, :, 0], 3.0) if len(seen) == 1 else torch.full_like(made[:, :, 0], -2.0)

    result = Inpainting(rounds=2).answer(run, bright())
    assert seen[1].max() == 1 and result.min() == result.max() == 0


def test_its_inputs_are_its_own() -> None:
    assert Inpainting().view is None


@pytest.mark.parametrize(("distance", "errors"), [("squared", [0, 0.01, 0.04]), ("absolute", [0, 0.1, 0.2])])
def test_the_score_is_the_error_of_the_last_output(distance: str, errors: list[float]) -> None:
    """0 for a run that restores the frame, and known for one that is wrong by as much everywhere."""
    x = bright(3, 3)
    task = Inpainting.model_validate({"distance": distance})
    wrong = torch.tensor([0, 0.1, -0.2]).view(3, 1, 1, 1)
    output = task.answer(lambda made: x[:, :, REACH] + wrong, x)
    assert task.score(output, x, {}).tolist() == pytest.approx(errors, abs=1e-6)
    shown = task.reveal(output, x, {})
    assert torch.equal(shown.truth_BCHW, x[:, :, REACH]) and torch.equal(shown.answer_BCHW, output)


def test_the_loss_is_the_mean_squared_error() -> None:
    target = View.MIDDLE.take(bright())[:, :, 0]
    assert Inpainting().loss(target + 0.3, target).item() == pytest.approx(0.09, rel=1e-4)


def test_the_patches_of_the_rounds_are_those_that_the_documentation_names() -> None:
    masks = draw_patches(3, 64, 64, torch.Generator().manual_seed(0))
    assert sorted(int(mask.any(dim=0).sum()) for mask in masks) == [11, 16, 21]
    assert masks.any(dim=0).float().mean().item() == pytest.approx(0.154, abs=0.001)


def test_patches_are_brought_to_a_device_once() -> None:
    """While a GPU's graph is captured nothing may be uploaded."""
    elsewhere = torch.device("meta")
    first = _scored_masks(3, 64, 64, elsewhere)
    assert first.device == elsewhere and _scored_masks(3, 64, 64, elsewhere) is first

"""T8: its permutations, how pieces are laid, and the two scores."""

import itertools
import json
from typing import Any

import pytest
import torch
from torch import Tensor

from ssmtl.config import parse
from ssmtl.errors import ConfigError
from ssmtl.tasks.jigsaw import Jigsaw, far_permutations, shuffle
from ssmtl.tasks.task import REACH, View

from .sequences import generator, noise

WHOLE = tuple(range(16))
REVERSED = WHOLE[::-1]
GOLDEN_SECOND = (13, 5, 9, 10, 3, 8, 7, 15, 4, 0, 12, 6, 14, 2, 1, 11)
GOLDEN_LAST = (14, 8, 2, 4, 12, 15, 1, 0, 6, 13, 7, 5, 10, 3, 9, 11)


def numbered(n: int = 1, picture_channels: int = 1) -> Tensor:
    """Pictures whose piece k, row by row, has the value k."""
    pieces = torch.arange(16.0).view(4, 4).repeat_interleave(16, 0).repeat_interleave(16, 1)
    return pieces.expand(n, picture_channels, 64, 64)


def laid(picture_CHW: Tensor) -> list[int]:
    """Which piece lies in each place of a `numbered` picture, each checked to be whole."""
    found = []
    for row, column in itertools.product(range(4), range(4)):
        piece = picture_CHW[:, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
        assert piece.min() == piece.max()
        found.append(int(piece.max()))
    return found


class TestPermutations:
    def test_a_hundred_the_identity_first(self) -> None:
        table = far_permutations()
        assert len(table) == len(set(table)) == 100 and table[0] == WHOLE
        assert all(tuple(sorted(one)) == WHOLE for one in table)
        assert Jigsaw().permutations == table

    def test_far_from_one_another(self) -> None:
        distances = [
            sum(a != b for a, b in zip(one, other, strict=True))
            for one, other in itertools.combinations(far_permutations(), 2)
        ]
        assert min(distances) >= 12

    def test_always_the_same(self) -> None:
        """On every machine: a model's classes are these."""
        far_permutations.cache_clear()
        torch.manual_seed(5)
        first = far_permutations()
        far_permutations.cache_clear()
        assert far_permutations() == first
        assert first[1] == GOLDEN_SECOND and first[99] == GOLDEN_LAST

    def test_a_model_keeps_its_own(self) -> None:
        """Saved as JSON with the model, they come back; and what is read is what is used."""
        task = Jigsaw(permutations=(WHOLE, REVERSED))
        back = parse(Jigsaw, json.loads(json.dumps(task.model_dump(mode="json"))))
        assert back == task and back.permutations == (WHOLE, REVERSED)
        made, _ = back.sample(numbered(8)[:, :, None].expand(-1, -1, 7, -1, -1), generator(), {})
        assert {tuple(laid(made[i, :, 0])) for i in range(8)} == {WHOLE, REVERSED}
        assert back.head(8, 1)(torch.zeros(1, 8, 8, 8)).shape == (1, 2)
        assert parse(Jigsaw, json.loads(Jigsaw().model_dump_json())).permutations == far_permutations()

    @pytest.mark.parametrize(
        "table",
        [
            [],
            [WHOLE],
            [REVERSED, WHOLE],
            [WHOLE, WHOLE[:15]],
            [WHOLE, (0, *WHOLE[:15])],
            [WHOLE, tuple(range(1, 17))],
            [WHOLE, REVERSED, ()],
            [WHOLE, REVERSED, REVERSED],
        ],
        ids=[
            "none",
            "one",
            "identity not first",
            "a piece missing",
            "a piece twice",
            "from 1",
            "an empty one",
            "one twice",
        ],
    )
    def test_a_wrong_table(self, table: list[Any]) -> None:
        with pytest.raises(ConfigError, match=r"permutations: .*at least two different permutations of 0 to 15"):
            parse(Jigsaw, {"permutations": table})


class TestShuffle:
    def test_the_named_piece_goes_to_the_named_place(self) -> None:
        orders = torch.tensor(far_permutations()[:5])
        made = shuffle(numbered(5, 3), orders)
        assert made.shape == (5, 3, 64, 64)
        assert [laid(picture) for picture in made] == orders.tolist()

    def test_pieces_are_not_turned(self) -> None:
        """Within a piece every pixel keeps its place."""
        x = noise(1)[:, :, 0]
        made = shuffle(x, torch.tensor([REVERSED]))
        assert torch.equal(made[0, 0, :16, 16:32], x[0, 0, 48:, 32:48])

    def test_the_inverse_solves_the_puzzle(self) -> None:
        x = noise(100, 3)[:, :, 0]
        orders = torch.tensor(far_permutations())
        shuffled = shuffle(x, orders)
        assert torch.equal(shuffled[0], x[0]) and not any(torch.equal(shuffled[i], x[i]) for i in range(1, 100))
        assert torch.equal(shuffle(shuffled, orders.argsort(dim=1)), x)


def test_the_target_says_how_the_pieces_were_laid() -> None:
    task, x = Jigsaw(), numbered(600)[:, :, None].expand(-1, -1, 7, -1, -1).clone()
    x[:, :, [0, 1, 2, 4, 5, 6]] = 99
    made, target = task.sample(x, generator(), {})
    assert made.shape == (600, 1, 1, 64, 64)
    table = task.permutations
    assert all(tuple(laid(made[i, :, 0])) == table[k] for i, k in enumerate(target.tolist()))
    assert torch.bincount(target, minlength=100).max() < 20 and len(target.unique()) > 90, "all of them are drawn"


def test_the_loss_is_cross_entropy() -> None:
    output = torch.zeros(2, 100)
    output[:, 7] = 3
    right = -torch.log_softmax(output, 1)[0, 7]
    assert Jigsaw().loss(output, torch.tensor([7, 7])).item() == pytest.approx(right.item())


def odds(*rows: dict[int, float]) -> Tensor:
    """Logits of those probabilities; what is left is spread over the other classes."""
    table = torch.zeros(len(rows), 100)
    for i, row in enumerate(rows):
        table[i] = (1 - sum(row.values())) / (100 - len(row))
        for k, probability in row.items():
            table[i, k] = probability
    return table.log()


@pytest.mark.parametrize(
    ("asked", "scores"), [("identity", [0.1, 0.7, 0.95, 0.99]), ("applied", [0.95, 0.4, 0.25, 0.99])]
)
def test_the_score_is_the_doubt_in_the_right_order(asked: str, scores: list[float]) -> None:
    task = Jigsaw.model_validate({"asked": asked})
    output = odds({0: 0.9, 1: 0.05}, {0: 0.3, 1: 0.6}, {0: 0.05, 1: 0.75}, {})
    assert task.score(output, noise(4), {}).tolist() == pytest.approx(scores, abs=1e-6)
    shown = task.reveal(output, noise(4), {})
    assert shown.names == ("right order", "likeliest other")
    assert (1 - shown.answer_BN[:, 0]).tolist() == pytest.approx(scores, abs=1e-6)
    likeliest = {"identity": [0.05, 0.6, 0.75, 0.01], "applied": [0.9, 0.3, 0.05, 0.01]}[asked]
    assert shown.answer_BN[:, 1].tolist() == pytest.approx(likeliest, abs=1e-6)


def test_which_picture_is_asked_about() -> None:
    """As it is, shared with other tasks; or all shuffled by the second permutation."""
    assert Jigsaw().view is View.MIDDLE
    task, seen = Jigsaw(asked="applied"), []
    assert task.view is None

    def run(made: Tensor) -> Tensor:
        seen.append(made)
        return odds({1: 0.8}, {1: 0.6})

    x = torch.zeros(2, 3, 7, 64, 64)
    x[:, :, REACH] = numbered(2, 3)
    output = task.answer(run, x)
    assert [laid(picture[:, 0]) for picture in seen[0]] == [list(task.permutations[1])] * 2 and len(seen) == 1
    assert task.score(output, x, {}).tolist() == pytest.approx([0.2, 0.4], abs=1e-6)


def test_orders_are_brought_to_a_device_once() -> None:
    """While a GPU's graph is captured nothing may be uploaded."""
    task, like = Jigsaw(), torch.zeros(1, device="meta")
    assert task._orders(like).device == like.device and task._orders(like) is task._orders(like)

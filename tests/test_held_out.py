"""What tasks are worth, by held-out footage made unusual."""

import numpy as np
import pytest

from ssmtl.held_out import shares
from ssmtl.recipes import configure

CHANCE, CLEAR, PERFECT = 0.5, 0.75, 1.0
JUDGED = np.array([False, True, True])


def test_tasks_divide_their_shares_by_what_they_tell() -> None:
    areas = np.array([[PERFECT, PERFECT, CLEAR], [PERFECT, CLEAR, CHANCE]])
    assert shares(areas, ~np.zeros(3, bool)) == pytest.approx(np.array([1, 0.75, 0.25]) / 2)


def test_of_whom_the_changes_tell_nothing_has_its_equal_share() -> None:
    for first in (0.2, CHANCE, PERFECT):
        found = shares(np.array([[first, PERFECT, CLEAR]]), JUDGED)
        assert found == pytest.approx([1 / 3, 4 / 9, 2 / 9]) and found.sum() == pytest.approx(1)


def test_the_arrow_of_time_from_even_odds_is_not_weighed() -> None:
    for recipe in ("fast", "ssmtl-plus"):
        tasks = configure(recipe).scoring_tasks
        assert [task.weighed for task in tasks] == [recipe == "fast", True, True]


@pytest.mark.parametrize("judged", [JUDGED, ~JUDGED, ~np.zeros(3, bool), np.zeros(3, bool)])
def test_where_none_tells_anything_all_count_alike(judged: np.ndarray) -> None:
    assert shares(np.array([[PERFECT, CHANCE, 0.3]]) * ~judged + CHANCE * judged, judged) == pytest.approx(1 / 3)


def test_who_does_no_better_than_chance_counts_for_nothing() -> None:
    assert shares(np.array([[PERFECT, 0.4, CLEAR]]), JUDGED) == pytest.approx([1 / 3, 0, 2 / 3])

"""How tall objects are for their width, against what is usual at their place."""

import numpy as np
import pytest

from ssmtl.scoring.attributes import whole_relevance
from ssmtl.scoring.stature import StatureSettings, UsualStature, learn_usual_stature

CHANCE = np.random.default_rng(0)
SHAPE = (240, 360)


def box(x: float, y: float, height: float, width: float) -> list[float]:
    """On its feet at x and y."""
    return [x - width / 2, y - height, x + width / 2, y]


def height_at(y: float) -> float:
    """People are twice as tall at the lower edge as at the middle."""
    return 0.25 * y


def walkers(count: int) -> np.ndarray:
    places = CHANCE.uniform([20, 100], [340, 230], (count, 2))
    changes = CHANCE.normal(1, 0.05, (count, 2))
    rows = [box(x, y, height_at(y) * a, 0.4 * height_at(y) * b) for (x, y), (a, b) in zip(places, changes, strict=True)]
    return np.array(rows, np.float32)


def learnt(**settings: int) -> UsualStature:
    return learn_usual_stature(walkers(2000), SHAPE, StatureSettings(**settings))


def score(x: float, y: float, height: float, width: float) -> float:
    """Of one whose sides are so many times those of the walkers there."""
    asked = np.array([box(x, y, height * height_at(y), width * 0.4 * height_at(y))], np.float32)
    return float(learnt(neighbours=50).scores(asked)[0])


@pytest.mark.parametrize("y", [110.0, 170.0, 225.0])
def test_who_is_low_for_their_width_stands_out_near_and_far(y: float) -> None:
    ordinary, half, lying = score(180, y, 1, 1), score(180, y, 0.5, 1), score(180, y, 0.4, 2.5)
    assert ordinary < 0.5 and half > 3 and lying > 3


def test_who_is_small_narrow_or_wide_does_not() -> None:
    """A child, who is behind a post, two side by side, who is tall."""
    for height, width in ((0.6, 0.6), (0.8, 0.4), (1, 2), (1.3, 1)):
        assert score(180, 170, height, width) < 0.6


def test_one_in_twenty_exceeds_1_where_heights_differ_by_enough() -> None:
    boxes = walkers(4000)
    boxes[:, 1] = boxes[:, 3] - (boxes[:, 3] - boxes[:, 1]) * CHANCE.lognormal(0, 0.3, 4000)
    found = learn_usual_stature(boxes, SHAPE, StatureSettings()).scores(boxes)
    assert (found > 1).mean() == pytest.approx(0.05, abs=0.015)


def test_several_scenes_are_one_place() -> None:
    usual = learn_usual_stature(walkers(500), None, StatureSettings())
    assert usual.places_M2.shape == (1, 2)
    assert usual.scores(np.array([box(900, 800, 20, 60)], np.float32))[0] > 1


@pytest.mark.parametrize("count", [1, 9])
def test_few_objects_are_enough(count: int) -> None:
    boxes = walkers(count)
    usual = learn_usual_stature(boxes, SHAPE, StatureSettings())
    assert np.isfinite(usual.scores(boxes)).all() and usual.scores(np.zeros((0, 4), np.float32)).shape == (0,)


def test_places_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssmtl.scoring.stature.MOST_PLACES", 10)
    assert learnt().places_M2.shape == (10, 2) and learnt().usual_M3.shape == (10, 3)


def test_nothing_is_said_of_what_may_be_hidden() -> None:
    found = whole_relevance(["middle_box", "stature"], np.array([True, False]))
    assert found.tolist() == [[1, 1], [1, 0]]
    assert whole_relevance(["middle_box"], np.array([False])).tolist() == [[1]]


def test_who_is_found_in_pieces_is_not_whole() -> None:
    """Head and shadow of one whose legs are not seen, a whole one and the shadow; who lies, also in pieces."""
    tall = height_at(170)
    head, shadow = box(60, 170 - 0.5 * tall, 0.5 * tall, 15), box(60, 175, 6, 25)
    upright, theirs = box(160, 170, tall, 15), box(160, 178, 6, 25)
    lying = box(330, 225, 0.3 * height_at(225), 50)
    pieces = box(260, 170 - 0.25 * tall, 0.2 * tall, 40), box(265, 170, 0.15 * tall, 40)
    asked = np.array([head, shadow, upright, theirs, lying, *pieces], np.float32)
    assert learnt().whole(asked).tolist() == [False, False, False, False, True, True, True]
    assert learnt().whole(asked[[1, 4, 5]]).all() and learnt().whole(asked[:0]).shape == (0,)

"""Thresholds from false-alarm budgets, on curves whose true rates are known."""

import numpy as np
import pytest
from scipy.stats import poisson

from ssmtl.errors import ConfigError, DataError
from ssmtl.scoring.budget import parse_budget
from ssmtl.scoring.events import EventSettings, find_spans
from ssmtl.scoring.threshold import (
    CONFIDENCE,
    EXTENDED,
    Curve,
    block_peaks,
    choose_threshold,
    duration,
    rate_bound,
)

SETTINGS = EventSettings(least_s=0.0, merge_s=1.0)
DAY_S = 86400


def bumps(hours: float, seed: int, per_hour: float = 60.0) -> Curve:
    """Bumps at random times whose heights have an exponential tail: P(height > h) = exp(-h / 0.2)."""
    rng = np.random.default_rng(seed)
    seconds = int(3600 * hours)
    scores = np.full(2 * seconds, 0.05)
    for at in rng.integers(4, 2 * seconds - 4, rng.poisson(per_hour * hours)):
        scores[at : at + 2] = np.maximum(scores[at : at + 2], rng.exponential(0.2))
    return Curve(np.arange(2 * seconds) / 2, scores)


def true_rate_per_day(threshold: float, per_hour: float = 60.0) -> float:
    return 24 * per_hour * float(np.exp(-threshold / 0.2))


@pytest.mark.parametrize(
    ("text", "per_s"),
    [
        ("1/day", 1 / DAY_S),
        ("2/week", 2 / 7 / DAY_S),
        ("0.5 per hour", 0.5 / 3600),
        ("3/days", 3 / DAY_S),
        ("1 a day", 1 / DAY_S),
    ],
)
def test_budgets(text: str, per_s: float) -> None:
    assert parse_budget(text) == pytest.approx(per_s)


@pytest.mark.parametrize("text", ["", "often", "0/day", "-1/day", "1/fortnight", "1", "nan/day"])
def test_no_budgets(text: str) -> None:
    with pytest.raises(ConfigError, match=r"false alarms .*1/day"):
        parse_budget(text)


@pytest.mark.parametrize("events", [0, 1, 4, 30])
def test_the_bound_is_the_rate_at_which_so_few_events_are_as_rare_as_one_in_twenty(events: int) -> None:
    assert poisson.cdf(events, rate_bound(events, 500.0) * 500) == pytest.approx(1 - CONFIDENCE)


def test_the_rule_of_three() -> None:
    assert rate_bound(0, 1.0) == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_long_footage_keeps_the_budget_by_promise(seed: int) -> None:
    curve = bumps(24 * 8, seed)
    found = choose_threshold([curve], SETTINGS, "1/day")
    assert found.kept and found.bound_per_day <= 1
    assert found.seen == len(find_spans(curve.times_s, curve.scores, SETTINGS, found.value))
    # In eight days three events may be seen: the bound of three is 7.75 / 8.
    assert found.seen == 3
    assert true_rate_per_day(found.value) < 1
    # The promise takes the lowest such threshold: just below it there would be one event more.
    assert len(find_spans(curve.times_s, curve.scores, SETTINGS, found.value - 2e-5 * found.value)) == 4


def test_a_promise_holds_in_nineteen_of_twenty() -> None:
    broken = sum(
        true_rate_per_day(choose_threshold([bumps(80, seed)], SETTINGS, "1/day").value) > 1 for seed in range(60)
    )
    assert broken <= 60 * 0.05 + 3 * np.sqrt(60 * 0.05 * 0.95)


@pytest.mark.parametrize("hours", [2.0, 8.0])
def test_short_footage_gives_an_estimate_on_the_safe_side_and_says_what_is_missing(hours: float) -> None:
    rates = []
    for seed in range(12):
        found = choose_threshold([bumps(hours, seed)], SETTINGS, "1/day")
        assert not found.kept and found.per_day == pytest.approx(1)
        assert found.needed_s == pytest.approx(3 * DAY_S, rel=0.01)
        assert "estimate" in found.words() and "3 days" in found.words()
        rates.append(true_rate_per_day(found.value))
    # On the safe side, but not so far that nothing would ever be found.
    assert np.median(rates) < 1 and np.median(rates) > 0.02


@pytest.mark.parametrize("hours", [1.0, 4.0])
def test_an_estimate_stays_below_the_ceiling_of_scores(hours: float) -> None:
    """Bumps as above, bent so that none is higher: their tail is that of a Pareto distribution that ends there."""
    ceiling, rates, wanted = 0.6, [], []
    for seed in range(12):
        curve = bumps(hours, seed)
        bent = Curve(curve.times_s, ceiling * -np.expm1(-curve.scores / ceiling))
        free, found = (choose_threshold([bent], SETTINGS, "1/day", 0.0, most) for most in (np.inf, ceiling))
        assert found.value < min(ceiling, free.value) and found.per_day == free.per_day
        rates.append(true_rate_per_day(-ceiling * np.log1p(-found.value / ceiling)))
        wanted.append(found.per_day)
    assert 0.02 < np.median(np.divide(rates, wanted)) < 1
    # One that is higher than the ceiling was scored otherwise.
    assert choose_threshold([bent], SETTINGS, "1/day", 0.0, bent.scores.max() / 2).value == free.value


def test_no_tail_is_extended_to_a_day_from_a_minute() -> None:
    found = choose_threshold([bumps(1 / 60, 1, 1200)], SETTINGS, "1/day")
    assert found.per_day == pytest.approx(DAY_S / (EXTENDED * 60), rel=0.02)
    assert "estimated for" in found.words()


def test_a_least_threshold_is_for_footage_without_a_tail() -> None:
    """Of a few peaks; where there is a tail, that says how high it must be."""
    for seconds, floor in ((8, 2.0), (3600, 0.0)):
        curve = Curve(np.arange(0.0, seconds), np.full(seconds, 0.5))
        free, held = (choose_threshold([curve], SETTINGS, "1/day", least).value for least in (0.0, 2.0))
        assert held == max(free, floor) and free < 1


def test_what_was_seen_is_not_raised_again_where_the_budget_allows_no_event() -> None:
    curve = bumps(2, 0)
    curve.scores[5000:5004] = 9.0
    found = choose_threshold([curve], SETTINGS, "1/day")
    assert found.value > 9.0 and found.seen == 0


def test_clips_count_together() -> None:
    whole = bumps(100, 3)
    half = len(whole.scores) // 2
    parts = [Curve(whole.times_s[:half], whole.scores[:half]), Curve(whole.times_s[half:], whole.scores[half:])]
    assert choose_threshold(parts, SETTINGS, "1/day").value == choose_threshold([whole], SETTINGS, "1/day").value


@pytest.mark.parametrize("curves", [[], [Curve(np.zeros(0), np.zeros(0))], [Curve(np.zeros(1), np.ones(1))]])
def test_nothing_to_calibrate_on(curves: list[Curve]) -> None:
    with pytest.raises(DataError, match="normal footage"):
        choose_threshold(curves, SETTINGS, "1/day")


def test_peaks_are_those_of_blocks() -> None:
    curve = Curve(np.array([0.0, 1, 4.9, 5, 9.9, 20]), np.array([1.0, 3, 2, 5, 4, 0]))
    assert block_peaks(curve).tolist() == [3.0, 5.0, 0.0]


@pytest.mark.parametrize(
    ("seconds", "words"), [(30, "30 seconds"), (120, "2 minutes"), (7200, "2 hours"), (3 * DAY_S, "3 days")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize("hours", [0.005, 0.02, 1.0, 96.0])
def test_where_nothing_ever_scores_the_threshold_is_the_least(hours: float) -> None:
    """A quiet night, however long: what comes by then need not be unusual."""
    seconds = np.arange(int(3600 * hours), dtype=np.float64)
    found = choose_threshold([Curve(seconds, np.zeros(len(seconds)))], SETTINGS, "1/day", 1.25)
    assert found.value == 1.25 and found.seen == 0 and found.kept == (hours == 96.0)


def test_the_highest_scores_of_seconds_may_be_of_a_whole_second() -> None:
    """As a watch keeps them: a spike in one second of each hour is an event each hour."""
    seconds = np.arange(6 * DAY_S, dtype=np.float64)
    ordinary = np.random.default_rng(0).exponential(0.05, len(seconds))
    scores = np.where(seconds % 3600 == 1800, 3.0, ordinary)
    settings = EventSettings()
    kept = choose_threshold([Curve(seconds, scores, each_s=1.0)], settings, "1/day")
    assert kept.kept and kept.value > 3.0
    assert choose_threshold([Curve(seconds, scores)], settings, "1/day").value < 3.0


def test_a_threshold_of_little_footage_can_be_reached() -> None:
    """Half as high again as the highest score would lie above what scores can be."""
    curve = Curve(np.arange(40.0), np.full(40, 3.0))
    assert choose_threshold([curve], SETTINGS, "1/day", 1.25, 4.0).value == pytest.approx(3.5, abs=1e-3)
    assert choose_threshold([curve], SETTINGS, "1/day", 1.25).value == pytest.approx(4.5, abs=1e-3)

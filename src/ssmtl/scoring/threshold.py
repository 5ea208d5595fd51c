"""A threshold from a false-alarm budget and scores of normal footage (ours).

How often would each threshold have raised an event in the footage? Few events say little of the true rate: with none
seen in T, up to 3 / T are possible at 95 % confidence (the rule of three; for k events, a quantile of the chi-square
distribution). Where the footage is long enough, the threshold is one whose rate is within the budget at that
confidence: a promise. Where it is not, the tail of the peaks is extended by an exponential, or, where scores have a
ceiling, by the generalised Pareto distribution that ends there, at the upper end of what its peaks allow: an estimate,
and called one. No tail is extended to rarer events than one in EXTENDED times the
footage, since a threshold that promises a day from a minute would never be reached: where the budget asks for that, the
estimate is of the rate that can be estimated.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from ssmtl.errors import DataError
from ssmtl.scoring.budget import UNITS_S, parse_budget
from ssmtl.scoring.events import EventSettings, find_spans

CONFIDENCE = 0.95

BLOCK_S = 5.0
"""Length of the blocks of time whose highest scores are the peaks."""

EXTENDED = 30.0
"""How many times as long as the footage the time is for which a rate is estimated, at most."""

TAIL = 20
"""Peaks, at most, that the exponential tail is fitted to; no more than the higher half of all."""

FEWEST = 5
"""Peaks without which no tail is fitted."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Frame scores of a piece of normal footage: T times in seconds, ascending, and T scores.

    Where only the highest score of each second is known, `each_s` is 1.
    """

    times_s: NDArray[np.float64]
    scores: NDArray[np.float64]
    each_s: float = 0.0

    @property
    def seconds(self) -> float:
        """Its length, the last frame included."""
        n = len(self.times_s)
        return float(self.times_s[-1] - self.times_s[0]) * n / (n - 1) if n > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a threshold rests on.

    Attributes:
        value: the frame score at which an event begins.
        budget: false alarms that may be, such as "1/day".
        footage_s: seconds of normal footage.
        seen: events that it would have raised in that footage.
        kept: whether the budget is kept at 95 % confidence; else the value is an estimate.
        per_day: rate, per day, that it is for: the budget, or what can be estimated.
        bound_per_day: rate, per day, that is not exceeded at 95 % confidence.
        needed_s: seconds of footage without an event that the budget's promise needs.
        peaks: how many peaks of normal footage the estimate rests on.
    """

    value: float
    budget: str
    footage_s: float
    seen: int
    kept: bool
    per_day: float
    bound_per_day: float
    needed_s: float
    peaks: int

    def rate_words(self) -> str:
        """For which rate of false alarms it is, for people."""
        return self.budget if self.kept else f"an estimate for {rate(self.per_day)}"

    def words(self) -> str:
        """What can be promised, for people."""
        from_what = f"threshold {self.value:.3g} from {duration(self.footage_s)} of normal footage"
        if self.kept:
            return f"{from_what}: at most {self.budget} is kept (95 % confidence; {self.seen} events in that footage)"
        possible = self.per_day <= parse_budget(self.budget) * UNITS_S["day"] * (1 + 1e-9)
        estimate = f"{self.budget} is an estimate" if possible else f"estimated for {rate(self.per_day)}"
        return (
            f"{from_what}: {estimate}, from {self.peaks} peaks; promised are {rate(self.bound_per_day)} at most "
            f"(95 % confidence). For a promise of {self.budget} give {duration(self.needed_s)} of footage to "
            "`ssmtl calibrate`"
        )


def rate_bound(events: int, seconds: float) -> float:
    """Events per second that are not exceeded at 95 % confidence where `events` were seen in `seconds`."""
    return float(chi2.ppf(CONFIDENCE, 2 * (events + 1)) / 2 / seconds)


def choose_threshold(
    curves: Sequence[Curve], settings: EventSettings, budget: str, least: float = 0.0, ceiling: float = math.inf
) -> Threshold:
    """The lowest threshold that keeps the budget, by promise where the footage allows one, else by estimate.

    Where the footage is even too short for an estimate of its tail, or nothing in it ever scores, the threshold is
    `least` at least. No score is higher than the `ceiling`, and so no estimate.

    Raises:
        ConfigError: no budget.
        DataError: no footage.
    """
    allowed = parse_budget(budget)
    total = sum(curve.seconds for curve in curves)
    if not total > 0:
        raise DataError("calibration: no normal footage that was scored; give at least a few minutes")
    needed = rate_bound(0, 1.0) / allowed

    lasting = {each_s: settings.for_highest(each_s) for each_s in {curve.each_s for curve in curves}}

    def count(threshold: float) -> int:
        return sum(len(find_spans(c.times_s, c.scores, lasting[c.each_s], threshold)) for c in curves)

    peaks = np.sort(np.concatenate([block_peaks(curve) for curve in curves if len(curve.scores)]))[::-1]
    if total >= needed:
        most = 0
        while rate_bound(most + 1, total) <= allowed:
            most += 1
        value = _lowest(peaks, count, most)
        if value <= _above(0.0):
            # Hardly anything ever scored: that tells when nothing moves, not how unusual what moves may be.
            value = max(value, least)
        estimated = False
    else:
        allowed = max(allowed, 1 / (EXTENDED * total))
        value, estimated = _tail(peaks, total, allowed, least, ceiling), True
    seen = count(value)
    return Threshold(
        value,
        budget,
        total,
        seen,
        not estimated,
        allowed * UNITS_S["day"],
        rate_bound(seen, total) * UNITS_S["day"],
        needed,
        min(len(peaks) // 2, TAIL),
    )


def block_peaks(curve: Curve) -> NDArray[np.float64]:
    """The highest score of each block of time: what is unusual in one of them says little of the others."""
    block = ((curve.times_s - curve.times_s[0]) // BLOCK_S).astype(np.int64)
    return np.maximum.reduceat(curve.scores, np.flatnonzero(np.diff(block, prepend=-1)))


def _above(score: float) -> float:
    """The next threshold that a score, known to six digits in a file, does not reach."""
    return score + max(1e-6, 1e-5 * abs(score))


def _lowest(peaks: NDArray[np.float64], count: Callable[[float], int], most: int) -> float:
    """The lowest threshold right above one of the peaks (descending) that raises at most so many events."""
    # Few peaks are high, and to count at low thresholds takes long: from the top, in growing steps.
    low, high = 0, min(most + 1, len(peaks) - 1)
    while high < len(peaks) - 1 and count(_above(float(peaks[high]))) <= most:
        low, high = high, min(2 * high, len(peaks) - 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(_above(float(peaks[middle]))) <= most else (low, middle - 1)
    return _above(float(peaks[low]))


def _tail(peaks: NDArray[np.float64], seconds: float, allowed: float, least: float, ceiling: float) -> float:
    """Where the tail of the highest peaks (descending) is exceeded as often as is allowed.

    Not below the highest peak, unless the budget allows an event in so much footage.
    """
    highest = _above(float(peaks[0])) if allowed * seconds < 1 else 0.0
    n = min(TAIL, len(peaks) // 2)
    if n < FEWEST or not peaks[0] > 0:
        # No tail: well above all, yet where something can still reach.
        peak = float(peaks[0])
        return max(least, _above(min(1.5 * peak, (peak + ceiling) / 2 if peak < ceiling else math.inf)))
    lowest = float(peaks[n])
    # Scores from before there was a ceiling know none.
    room = ceiling - lowest if peaks[0] < ceiling else math.inf
    above = peaks[:n] - lowest
    # Of the Pareto distribution that ends at the ceiling, these are exponential.
    mean = float((above if math.isinf(room) else -room * np.log1p(-above / room)).mean())
    # Upper end of the mean's 95 % interval: 2 n mean / true ~ chi-square of 2 n degrees of freedom.
    mean *= 2 * n / float(chi2.ppf(1 - CONFIDENCE, 2 * n))
    reached = mean * max(0.0, math.log(n / seconds / allowed))
    if math.isinf(room):
        return max(highest, _above(lowest + reached))
    return max(highest, min(ceiling, _above(lowest - room * math.expm1(-reached / room))))


def duration(seconds: float) -> str:
    """A length of time as people say it."""
    for unit in ("day", "hour", "minute"):
        if seconds >= 1.5 * UNITS_S[unit]:
            return f"{seconds / UNITS_S[unit]:.3g} {unit}s"
    return f"{seconds:.3g} seconds"


def rate(per_day: float) -> str:
    """A rate as people say it."""
    for unit in ("day", "hour", "minute"):
        value = per_day * UNITS_S[unit] / UNITS_S["day"]
        if value < 10 or unit == "minute":
            return f"{value:.2g} per {unit}"
    raise AssertionError

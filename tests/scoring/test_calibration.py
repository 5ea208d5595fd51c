"""Times of day, and what is kept of a calibration."""

import json
from datetime import datetime

import pytest

from ssmtl.errors import ConfigError
from ssmtl.scoring.calibration import Calibration, Period, parse_periods
from ssmtl.scoring.threshold import Threshold

SETTINGS = {"scoring": {"combine": "calibrated", "every": 1}, "detectors": [], "zones": []}


def threshold(value: float) -> Threshold:
    return Threshold(value, "1/day", 3600.0, 0, False, 1.0, 72.0, 259200.0, 20)


def test_periods_over_midnight() -> None:
    day, night = parse_periods("07:00-19:30, 19:30-07:00")
    assert (day, night) == (Period(420, 1170), Period(1170, 420))
    assert day.holds(420) and not day.holds(1170) and night.holds(1170) and night.holds(0) and not night.holds(420)
    assert str(night) == "19:30-07:00" and str(Period()) == "all day"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("07:00-19:00", "00:00 is in 0"),
        ("00:00-24:00,12:00-13:00", "12:00 is in 2"),
        ("7-19", "times of day"),
        ("25:00-19:00", "times of day"),
        ("", "times of day"),
    ],
)
def test_no_periods(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse_periods(text)


def test_the_threshold_is_that_of_the_time_of_day() -> None:
    day, night = parse_periods("07:00-19:00,19:00-07:00")
    calibration = Calibration({day: threshold(1.5), night: threshold(0.5)}, ["a"], "2026-11-25", SETTINGS)
    assert calibration.at(datetime(2026, 7, 1, 12).timestamp()).value == 1.5
    assert calibration.at(datetime(2026, 7, 1, 23).timestamp()).value == 0.5
    assert calibration.highest.value == 1.5


def test_kept_and_read_again() -> None:
    day, night = parse_periods("07:00-19:00,19:00-07:00")
    calibration = Calibration({day: threshold(1.5), night: threshold(0.5)}, ["a"], "2026-11-25", SETTINGS)
    assert Calibration.read(json.loads(json.dumps(calibration.dump()))) == calibration


@pytest.mark.parametrize(
    "values", [{}, {"thresholds": []}, {"thresholds": [{}], "footage": [], "made": "", "settings": {}}]
)
def test_no_calibration(values: dict) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Calibration.read(
            values | {"footage": [], "made": "", "settings": {}} if values == {"thresholds": []} else values
        )


@pytest.mark.parametrize(
    ("part", "change", "fits"),
    [
        ("scoring", {"every": 4}, True),
        ("scoring", {"combine": "plain"}, False),
        (None, {"zones": [{"name": "tree"}]}, False),
    ],
)
def test_scores_of_other_settings_have_another_scale(part: str | None, change: dict, fits: bool) -> None:
    calibration = Calibration({Period(): threshold(1)}, [], "", SETTINGS)
    other = SETTINGS | ({part: SETTINGS[part] | change} if part else change)
    assert calibration.fits(other) is fits

"""The thresholds that belong to a model: from which false-alarm budget, on which footage, for which time of day."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ssmtl.errors import ConfigError
from ssmtl.scoring.threshold import Threshold

DAY_MINUTES = 24 * 60

UNCALIBRATED = 1.0
"""Threshold of a model without calibration: as unusual as the most unusual hundredth of ordinary objects."""


@dataclass(frozen=True, slots=True)
class Period:
    """A part of each day, in minutes after midnight, local time; it may go over midnight. All day: from 0 to 1440."""

    begins: int = 0
    ends: int = DAY_MINUTES

    def holds(self, minute: float) -> bool:
        """Whether it holds a minute of the day."""
        if self.begins < self.ends:
            return self.begins <= minute < self.ends
        return minute >= self.begins or minute < self.ends

    def __str__(self) -> str:
        if self == Period():
            return "all day"
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.begins, self.ends % DAY_MINUTES))


def parse_periods(text: str) -> tuple[Period, ...]:
    """Parts of the day such as "07:00-19:00,19:00-07:00"; together they must be the whole day, each minute once.

    Raises:
        ConfigError: they are not.
    """
    periods = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s*", part)
        times = [int(match[i]) * 60 + int(match[i + 1]) for i in (1, 3)] if match else [DAY_MINUTES, DAY_MINUTES]
        if (
            match is None
            or times[0] >= DAY_MINUTES
            or times[1] > DAY_MINUTES
            or int(match[2]) > 59
            or int(match[4]) > 59
        ):
            raise ConfigError(f"--periods {part.strip()}: write times of day such as 07:00-19:00,19:00-07:00")
        periods.append(Period(times[0], times[1]))
    for minute in range(DAY_MINUTES):
        count = sum(period.holds(minute) for period in periods)
        if count != 1:
            clock = f"{minute // 60:02}:{minute % 60:02}"
            raise ConfigError(f"--periods {text}: {clock} is in {count} of them; together they must be a day, once")
    return tuple(periods)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds by time of day.

    Attributes:
        thresholds: each period's, in order; together the whole day.
        footage: names of what was scored for them.
        made: when, ISO 8601.
        settings: the configuration's scoring, detectors and zones: scores of others are on another scale.
    """

    thresholds: Mapping[Period, Threshold]
    footage: Sequence[str]
    made: str
    settings: Mapping[str, Any]

    def at(self, time: float) -> Threshold:
        """The threshold at a Unix time, by this machine's local time."""
        local = datetime.fromtimestamp(time)
        minute = local.hour * 60 + local.minute
        return next(t for period, t in self.thresholds.items() if period.holds(minute))

    @property
    def highest(self) -> Threshold:
        """The highest: for footage of which nobody knows the time of day."""
        return max(self.thresholds.values(), key=lambda threshold: threshold.value)

    def fits(self, settings: Mapping[str, Any]) -> bool:
        """Whether scores by these settings are on the scale of this calibration's."""
        return relevant(self.settings) == relevant(settings)

    def dump(self) -> dict[str, Any]:
        """As JSON takes it."""
        rows = [{"begins": p.begins, "ends": p.ends} | asdict(t) for p, t in self.thresholds.items()]
        return {
            "thresholds": rows,
            "footage": list(self.footage),
            "made": self.made,
            "settings": dict(self.settings),
        }

    @staticmethod
    def read(values: Mapping[str, Any]) -> "Calibration":
        """From what `dump` made; KeyError, TypeError or ValueError where it is not that."""
        thresholds = {}
        for row in values["thresholds"]:
            rest = dict(row)
            period = Period(int(rest.pop("begins")), int(rest.pop("ends")))
            thresholds[period] = Threshold(**rest)
        if not thresholds:
            raise ValueError("no thresholds")
        return Calibration(thresholds, values["footage"], values["made"], values["settings"])


def relevant(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of a configuration, what a frame's score depends on besides the weights."""
    scoring = {key: value for key, value in settings["scoring"].items() if key not in ("every", "batch", "max_wait")}
    return {"scoring": scoring, "detectors": list(settings["detectors"]), "zones": list(settings["zones"])}

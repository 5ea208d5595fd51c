"""A false-alarm budget: how many events normal footage may raise (ours)."""

import re

from ssmtl.errors import ConfigError

UNITS_S = {"minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0, "month": 2629800.0}

DEFAULT_BUDGET = "1/day"


def parse_budget(text: str) -> float:
    """False alarms per second that a text such as "1/day", "2/week" or "0.5/hour" allows.

    Raises:
        ConfigError: it is none.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:/|per|a)\s*(\w+?)s?\s*", text)
    if match is None or match[2] not in UNITS_S or float(match[1]) <= 0:
        raise ConfigError(
            f"false alarms {text}: write a number above 0 per {', '.join(UNITS_S)}, such as {DEFAULT_BUDGET}"
        )
    return float(match[1]) / UNITS_S[match[2]]

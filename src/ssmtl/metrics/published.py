"""Published results on the benchmarks, to show beside measured ones."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """What one system is reported to reach, in [0, 1]; None where nothing is reported.

    Attributes:
        system: its name.
        micro: area under the ROC curve over all frames.
        macro: mean of the videos' areas, anchored.
        rbdc: region-based detection criterion.
        tbdc: track-based detection criterion.
    """

    system: str
    micro: float | None
    macro: float | None
    rbdc: float | None
    tbdc: float | None


VIDEOS = {"UCSD Ped1": 36, "UCSD Ped2": 12, "CUHK Avenue": 21, "ShanghaiTech": 107, "UBnormal": 211}
"""Test videos that the published numbers are over, by the title of the data set."""

SOURCE = (
    "SSMTL: Georgescu et al., CVPR 2021; SSMTL++: Barbalau et al., CVIU 2023; best known: the highest number of any "
    "method that reports it, each column by itself"
)
"""Where the numbers are from."""


def published(dataset: str) -> list[Published]:
    """The rows for the data set of that title; empty where there are none."""
    return [
        Published(system, *(None if value is None else value / 100 for value in values))
        for system, values in _PERCENT.get(dataset, {}).items()
    ]


_PERCENT: dict[str, dict[str, tuple[float | None, float | None, float | None, float | None]]] = {
    "CUHK Avenue": {
        "SSMTL": (91.5, 91.9, 57.0, 58.3),
        "SSMTL++v1": (93.7, 91.7, 40.9, 82.1),
        "SSMTL++v2": (91.6, 92.5, 47.8, 85.2),
        "best known": (94.3, 96.0, 68.2, 89.3),
    },
    "ShanghaiTech": {
        "SSMTL": (82.4, 89.3, 42.8, 83.9),
        "SSMTL++v1": (82.9, 89.8, 43.2, 84.1),
        "SSMTL++v2": (83.8, 90.5, 47.1, 85.6),
        "best known": (86.9, 93.2, 62.1, 89.4),
    },
    "UBnormal": {
        "SSMTL": (55.4, 84.5, 19.71, 55.80),
        "SSMTL++v1": (62.1, 86.5, 25.63, 63.53),
        "SSMTL++v2": (56.0, 85.9, 20.33, 57.76),
        "best known": (None, 86.5, 25.63, 63.53),
    },
    "UCSD Ped2": {
        "SSMTL": (97.5, 99.8, 72.8, 91.2),
        "best known": (99.7, 99.9, 83.6, 93.2),
    },
}
"""Micro, macro, RBDC and TBDC in %."""

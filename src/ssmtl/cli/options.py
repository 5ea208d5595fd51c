"""Options that several commands share, and what they mean."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from ssmtl.datasets.catalogue import DATASETS, open_dataset
from ssmtl.datasets.dataset import Dataset
from ssmtl.errors import ConfigError, DataError
from ssmtl.video.sources import Clip, find_clips

if TYPE_CHECKING:
    from ssmtl.model import Model
    from ssmtl.scoring.calibration import Calibration

console = Console(stderr=True)

SOME_FAILED = 3
"""Exit code when some clips failed and the others went well."""

Sources = Annotated[
    list[str] | None, typer.Argument(help="Video files, folders of pictures or of videos, globs.", show_default=False)
]
DatasetName = Annotated[
    str | None, typer.Option("--dataset", help=f"A data set in place of sources: {', '.join(sorted(DATASETS))}.")
]
Root = Annotated[Path | None, typer.Option("--root", help="The folder where the data set lies.")]
Frames = Annotated[
    str | None, typer.Option("--frames", help="Only these frames of each clip, such as 0:500 or 500: (from 0).")
]


def _above_0(value: float | None) -> float | None:
    if value is not None and not value > 0:
        raise typer.BadParameter(f"{value:g} is not above 0")
    return value


Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        callback=_above_0,
        help="Frame score at which an event begins, in place of the calibrated one.",
    ),
]
Every = Annotated[
    int | None,
    typer.Option(
        "--every",
        min=1,
        max=4,
        metavar="K",
        help="Score each object on every K-th frame, 1 to 4, and interpolate between; the model's own K by default.",
    ),
]
FalseAlarms = Annotated[
    str | None,
    typer.Option(
        "--false-alarms", metavar="RATE", help="How many false alarms may be, such as 1/day, the default, or 2/week."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what the output folder holds.")]


def read_clips(sources: list[str] | None, frames: str | None, clips: list[Clip] | None = None) -> list[Clip]:
    """The clips that `sources` name, or those of a data set, cut to `--frames`."""
    clips = find_clips(sources or []) if clips is None else clips
    if frames is None:
        return clips
    first, colon, end = frames.partition(":")
    try:
        start, stop = int(first or 0), int(end) if end else None
    except ValueError:
        start, stop = -1, None
    if not colon or start < 0 or (stop is not None and stop <= start):
        raise ConfigError(f"--frames {frames}: write first:end, such as 0:500, 500: or :500; the end is not included")
    return [replace(clip, start=start, stop=stop) for clip in clips]


def every_change(every: int | None) -> dict[str, Any]:
    """The change to a configuration that `--every` stands for."""
    return {} if every is None else {"scoring": {"every": every}}


def read_dataset(
    name: str | None,
    root: Path | None,
    sources: list[str] | None = None,
    tracks: Path | None = None,
    first_frame: int | None = None,
) -> Dataset | None:
    """The named data set, or None where sources are given instead."""
    if name is None and root is not None:
        raise DataError("--root: needs --dataset NAME")
    if name is None:
        return None
    if root is None:
        raise DataError(f"--dataset {name}: needs --root DIR, the folder where it lies")
    if sources:
        raise DataError(f"--dataset {name}: give either a data set or sources, not both")
    return open_dataset(name, root, tracks, first_frame)


def print_calibration(calibration: "Calibration", model: "Model") -> None:
    """What can be promised of the thresholds, a line for each time of day, and who alone cannot reach them."""
    most, alone = model.most_possible
    for period, threshold in calibration.thresholds.items():
        when = "" if len(calibration.thresholds) == 1 else f"{period}: "
        lines = [threshold.words()]
        quiet = [part for part in model.parts if alone.get(part.kind, most) < threshold.value]
        if threshold.value > most:
            lines.append(f"nothing can score more than {most:.3g}: no event will begin")
        elif quiet:
            those = ", ".join(f"{part.words} (scores {alone[part.kind]:.3g} at most)" for part in quiet)
            lines.append(f"alone begins no event: {those}")
        for line in lines:
            console.print(f"{when}{line}", highlight=False, markup=False, soft_wrap=True)


def print_regions(origins: Mapping[str, int], frames: int, ms_per_frame: Mapping[str, float]) -> None:
    """One line: the regions by origin, and what each detector cost."""
    counts = ", ".join(f"{count} by {origin}" for origin, count in origins.items()) or "none"
    costs = ", ".join(f"{kind} {ms:.1f}" for kind, ms in ms_per_frame.items())
    console.print(
        f"regions: {counts} in {frames} frames; ms per frame: {costs}", highlight=False, markup=False, soft_wrap=True
    )

"""`ssmtl regions`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ssmtl.cli import configuring, options
from ssmtl.cli.progress import Bars
from ssmtl.config import merge, read_assignments, read_toml

if TYPE_CHECKING:
    from ssmtl.model import Model
    from ssmtl.recipes import Configuration
    from ssmtl.region_review import RegionFigures, RegionReview


_FILE_WIDTH = 160
"""Columns of a table that goes to no terminal."""


class Part(StrEnum):
    """Which clips of a data set."""

    TRAIN = "train"
    TEST = "test"


def regions(
    sources: options.Sources = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the videos and tables.")] = Path("regions"),
    dataset: options.DatasetName = None,
    root: options.Root = None,
    part: Annotated[Part, typer.Option("--part", help="Which clips of the data set.")] = Part.TEST,
    frames: options.Frames = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Look with this model's detectors and scene, not a recipe's.")
    ] = None,
    recipe: configuring.Recipe = None,
    config: configuring.ConfigFile = None,
    assignments: configuring.Assignments = None,
    where: configuring.Regions = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Show where a recipe or a model looks in SOURCES: a video, a table of boxes, the cost, and what is missed."""
    from ssmtl.region_review import review_regions

    data = options.read_dataset(dataset, root, sources)
    used = _read_used(model, recipe, config, assignments, where)
    test = data is not None and part is Part.TEST
    named = None if data is None else data.test_clips() if test else data.train_clips()
    clips = options.read_clips(sources, frames, named)
    with Bars(options.console) as bars:
        review = review_regions(
            clips,
            out,
            used,
            normal=data.train_clips() if data and model is None else None,
            dataset=data if test else None,
            overwrite=overwrite,
            progress=bars,
        )
    if review.clips:
        _print(review)
    options.console.print(f"videos and tables in {out}", highlight=False, markup=False)
    if review.failed:
        options.console.print(f"{len(review.failed)} of {len(clips)} clips failed", style="red")
        raise typer.Exit(options.SOME_FAILED if review.clips else 1)


def _read_used(
    model: Path | None, recipe: str | None, config: Path | None, assignments: list[str] | None, where: str | None
) -> "Configuration | Model":
    """The configuration or, where one is named, the model with the changes to where it looks."""
    configuring.model_or_recipe(model, recipe)
    if model is None:
        return configuring.read_configuration(recipe, config, assignments, where)
    from ssmtl.model import with_settings
    from ssmtl.model_folder import load_model

    used = load_model(model)
    if config:
        used = with_settings(used, read_toml(config))
    known = used.configuration.model_dump(mode="json")["detectors"]
    return with_settings(used, merge(configuring.read_regions(where, known), read_assignments(assignments or [])))


def _print(review: "RegionReview") -> None:
    """A row per clip: frames, regions per frame, then each detector's regions and time, and the recall if known."""
    total = review.total
    overlaps = list(total.recall) if total.truth else []
    table = Table(title="regions, and what finding them takes", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("clip", overflow="fold")
    heads = ["frames", *total.regions, "regions\nper frame", *(f"{name}\nms per frame" for name in total.seconds)]
    for head in [*heads, *(f"recall\nat {overlap:g}" for overlap in overlaps)]:
        table.add_column(head, justify="right")
    for name, figures in review.clips.items():
        table.add_row(name, *_cells(figures, overlaps))
    if len(review.clips) > 1:
        table.add_section()
        table.add_row("total", *_cells(total, overlaps))
    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    console.print(table)
    if overlaps:
        console.print(
            f"recall: share of {total.truth} ground-truth regions that a region overlaps with at least this "
            "intersection over union (our thresholds; the paper does not state its own)",
            highlight=False,
            soft_wrap=True,
        )


def _cells(figures: "RegionFigures", overlaps: list[float]) -> list[str]:
    found = [str(count) for count in figures.regions.values()]
    cost = [f"{1000 * seconds:.2f}" for seconds in figures.seconds_per_frame.values()]
    shares = [figures.recall[overlap] for overlap in overlaps]
    recall = ["–" if share != share else f"{100 * share:.1f} %" for share in shares]
    return [str(figures.frames), *found, f"{figures.objects / figures.frames:.1f}", *cost, *recall]

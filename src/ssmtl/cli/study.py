"""`ssmtl study`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmtl.cli import configuring, options
from ssmtl.cli.progress import Bars
from ssmtl.config import read_assignments, read_toml
from ssmtl.recipes import RECIPES

if TYPE_CHECKING:
    from ssmtl.studies.choices import Choices


class Name(StrEnum):
    """A table or figure of SSMTL++, or all of them."""

    TABLE1 = "table1"
    TABLE2 = "table2"
    TABLE3 = "table3"
    TABLE4 = "table4"
    FIGURE1 = "figure1"
    ALL = "all"


class Scale(StrEnum):
    """How much of a study is run."""

    FULL = "full"
    SMALL = "small"


def study(
    name: Annotated[Name, typer.Argument(help="Which one, or all in one go.")],
    dataset: options.DatasetName = None,
    root: options.Root = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for rows and tables; what it holds is not run again.")
    ] = Path("study"),
    detector: Annotated[
        list[Path] | None,
        typer.Option(
            "--detector",
            help="ONNX file of an object detector; given twice, the first stands for YOLOv3, the second for YOLOv5.",
        ),
    ] = None,
    regions: Annotated[
        str | None,
        typer.Option("--regions", help="Where every row looks, in place of the detectors, as in fit; not for table1."),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Changes to every row, as a TOML file.")] = None,
    assignments: configuring.Assignments = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Runs of each row: mean and spread are told.")] = 1,
    scale: Annotated[
        Scale, typer.Option("--scale", help="small: few clips and steps, in minutes, to see that it works.")
    ] = Scale.FULL,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, help="Rows at once; default: one per GPU, or what cores and memory allow."),
    ] = None,
    rows: Annotated[str | None, typer.Option("--rows", help="Only these rows, by name, joined by commas.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Run the rows anew.")] = False,
) -> None:
    """Train and score the rows of a table of SSMTL++, and set them beside the published numbers."""
    from ssmtl.studies.rows import STUDIES
    from ssmtl.studies.run import run_studies

    if dataset is None or root is None:
        raise typer.BadParameter("name a data set with ground truth, and --root, where it lies", param_hint="--dataset")
    names = list(STUDIES) if name is Name.ALL else [name.value]
    with Bars(options.console) as bars:
        failed = run_studies(
            names,
            dataset,
            root,
            out,
            _read_choices(detector, regions, config, assignments, scale),
            seeds=seeds,
            jobs=jobs,
            rows=None if rows is None else rows.split(","),
            overwrite=overwrite,
            progress=bars,
        )
    written = ", ".join(str(out / f"{name}.md") for name in names)
    options.console.print(f"tables in {written}", highlight=False, markup=False, soft_wrap=True)
    if failed:
        for row, why in failed.items():
            options.console.print(f"{row}: {why}", style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(options.SOME_FAILED)


def _read_choices(
    detector: list[Path] | None,
    regions: str | None,
    config: Path | None,
    assignments: list[str] | None,
    scale: Scale,
) -> "Choices":
    from ssmtl.studies.choices import Choices

    known = RECIPES["ssmtlpp-v1"]().model_dump(mode="json")["detectors"]
    changes = [read_toml(config)] if config else []
    changes += [read_assignments(assignments)] if assignments else []
    where = None if regions is None else tuple(configuring.read_regions(regions, known)["detectors"])
    return Choices(tuple(detector or ()), where, tuple(changes), scale.value)

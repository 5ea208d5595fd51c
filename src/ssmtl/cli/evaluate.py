"""`ssmtl evaluate`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ssmtl.cli import options
from ssmtl.errors import DataError
from ssmtl.evaluation import Evaluation
from ssmtl.evaluation import evaluate as with_dataset
from ssmtl.evaluation import evaluate_files as without_dataset
from ssmtl.evaluation_table import COLUMNS, as_json, check_output, conventions, percent, table_rows, write_evaluation

CLIPS_SHOWN = 40


def evaluate(
    scores: Annotated[
        Path | None,
        typer.Option("--scores", help="Frame scores: the folder that `ssmtl detect` wrote, or csv, txt, npy, npz."),
    ] = None,
    dataset: options.DatasetName = None,
    root: options.Root = None,
    regions: Annotated[
        Path | None,
        typer.Option(
            "--regions",
            help="Regions with scores, a folder or one file: our csv, text, npy, npz, COCO or MOT. By default those "
            "of --scores.",
        ),
    ] = None,
    tracks: Annotated[
        Path | None, typer.Option("--tracks", help="Ground-truth tracks, in place of the data set's or without one.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option("--frames", min=1, help="Frames of the whole test set, where no data set says it.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="Frame labels, 0 or 1, in the forms of --scores, without a data set."),
    ] = None,
    first_frame: Annotated[
        int | None,
        typer.Option("--first-frame", min=0, help="Number of a clip's first frame in COCO's JSON, if it must be said."),
    ] = None,
    system: Annotated[str, typer.Option("--name", help="What the scores are called in the table.")] = "ours",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Also write a .json, .md, .tex or .csv file, or all of them and the curves to a folder."
        ),
    ] = None,
    as_text: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare scores, ours or anyone's, with ground truth: micro and macro AUC, EER, AP, RBDC and TBDC."""
    if out is not None:
        check_output(out)
    data = options.read_dataset(dataset, root, tracks=tracks, first_frame=first_frame)
    if data is not None:
        for option, given in (("--labels", labels), ("--frames", frames)):
            if given is not None:
                raise DataError(f"{option}: the data set has them; leave it out")
        done = with_dataset(data, scores, regions=regions, first_frame=first_frame, system=system)
    else:
        done = without_dataset(
            tracks, regions, frames, labels=labels, scores=scores, first_frame=first_frame, system=system
        )
    written = [] if out is None else write_evaluation(done, out)
    if as_text:
        typer.echo(json.dumps(as_json(done), indent=2))
        return
    _print(done)
    if written:
        options.console.print(f"written: {', '.join(map(str, written))}", highlight=False, markup=False, soft_wrap=True)


def _print(done: Evaluation) -> None:
    console = Console()
    table = Table(
        title=Text(f"{done.dataset or 'Scores against ground truth'}, %"),
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("system", overflow="fold")
    for heading in COLUMNS:
        table.add_column(heading.replace(", ", ",\n"), justify="right", no_wrap=True)
    for name, values in table_rows(done):
        table.add_row(Text(name), *map(percent, values))
    console.print(table)
    if done.frames is not None and len(done.clips) <= CLIPS_SHOWN:
        clips = Table("clip", "AUC, %", box=SIMPLE_HEAD)
        for name, area in zip(done.clips, done.frames.per_video, strict=True):
            clips.add_row(Text(name), percent(area))
        console.print(clips)
    for text in conventions(done):
        console.print(text, highlight=False, markup=False, soft_wrap=True)

"""`ssmtl evaluate`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ssmtl.atomic import write_json
from ssmtl.cli import options


def evaluate(
    scores: Annotated[Path, typer.Option("--scores", help="The folder that `ssmtl detect` wrote.")],
    dataset: options.DatasetName = None,
    root: options.Root = None,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the figures to this JSON file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare scores with a data set's ground truth."""
    from ssmtl.evaluation import evaluate as run

    data = options.read_dataset(dataset, root)
    if data is None:
        raise typer.BadParameter("name the data set whose ground truth to use", param_hint="--dataset")
    result = run(data, scores)
    if out is not None:
        write_json(out, result.as_dict())
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2))
        return
    frames = result.frames
    table = Table(title=f"{result.dataset}: area under the ROC curve of frames, %", title_justify="left")
    table.add_column("clip")
    table.add_column("AUC", justify="right")
    for name, area in zip(result.clips, frames.per_video, strict=True):
        table.add_row(name, _percent(area))
    table.add_section()
    table.add_row("micro", _percent(frames.micro))
    table.add_row("macro, anchored", _percent(frames.macro_anchored))
    table.add_row(f"macro, {frames.videos - frames.undefined} defined clips", _percent(frames.macro_defined))
    console = Console()
    console.print(table)
    console.print(f"{frames.undefined} of {frames.videos} clips have frames of one class only", highlight=False)
    if result.settings:
        scoring = ", ".join(f"{key} {value}" for key, value in result.settings["scoring"].items())
        console.print(
            f"recipe {result.settings['recipe']}, seed {result.settings['seed']}; {scoring}; "
            "frames without a region score 0; no normalisation per clip",
            highlight=False,
            soft_wrap=True,
        )


def _percent(area: float) -> str:
    return "–" if area != area else f"{100 * area:.2f}"

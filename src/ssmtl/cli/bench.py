"""`ssmtl bench`."""

from pathlib import Path
from typing import Annotated

import typer

from ssmtl.cli import configuring, options
from ssmtl.cli.progress import Bars
from ssmtl.config import merge, read_assignments


def bench(
    source: Annotated[
        str | None, typer.Argument(help="Footage to measure on; without it, some is generated.", show_default=False)
    ] = None,
    model: Annotated[Path | None, typer.Option("--model", help="A model's folder, in place of a recipe.")] = None,
    recipe: configuring.Recipe = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.")] = Path("bench"),
    objects: Annotated[int, typer.Option("--objects", min=1, max=200, help="Per frame of generated footage.")] = 7,
    frames: Annotated[int, typer.Option("--frames", min=50, help="Of generated footage.")] = 300,
    every: options.Every = None,
    assignments: configuring.LaterAssignments = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Measure this machine: frames per second, each stage, the delay, the network's share of the machine's peak."""
    from ssmtl.bench.run import bench as run
    from ssmtl.bench.run import table, untrained
    from ssmtl.model import with_settings
    from ssmtl.model_folder import load_model

    configuring.model_or_recipe(model, recipe)
    if model is not None:
        changes = merge(options.every_change(every), read_assignments(assignments or []))
        used = with_settings(load_model(model), changes)
    else:
        given = ([] if every is None else [f"scoring.every={every}"]) + list(assignments or [])
        used = untrained(configuring.read_configuration(recipe, None, given, "motion"))
    clip = options.read_clips([source], None)[0] if source else None
    with Bars(options.console) as bars:
        report = run(used, out, clip=clip, frames=frames, objects=objects, overwrite=overwrite, progress=bars)
    typer.echo(table(report))
    options.console.print(f"results in {out}", highlight=False, markup=False)

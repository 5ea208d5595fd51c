"""`ssmtl tune`."""

from pathlib import Path
from typing import Annotated

import typer

from ssmtl.cli import options
from ssmtl.cli.progress import Bars


def tune(
    model: Annotated[Path, typer.Argument(help="The model's folder; it is not changed.")],
    normal: options.Sources = None,
    frames: options.Frames = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for what was chosen and every trial.")] = Path("tune"),
    walks: Annotated[int, typer.Option("--walks", min=1, help="People of each clip who walk as no one does.")] = 4,
    overwrite: options.Overwrite = False,
) -> None:
    """Choose how scores are joined and smoothed, on anomalies planted in NORMAL footage that it was not trained on."""
    from ssmtl.model_folder import load_model
    from ssmtl.tuning import table
    from ssmtl.tuning import tune as run

    used = load_model(model)
    clips = options.read_clips(normal, frames)
    with Bars(options.console) as bars:
        done = run(clips, used, out, walks=walks, overwrite=overwrite, progress=bars)
    typer.echo(table(done))
    options.console.print(f"results in {out}", highlight=False)
    if done.changes:
        # Thresholds are those of the model's own settings, and scales may be: both are measured again.
        options.console.print(
            f"to use them: ssmtl fit NORMAL --recipe {used.configuration.recipe} --network {model} "
            f"--config {out / 'tune.toml'} --out NEW",
            highlight=False,
            soft_wrap=True,
        )
    else:
        options.console.print("the model's own settings stay", highlight=False)

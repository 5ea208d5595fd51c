"""`ssmtl tune`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmtl.cli import options
from ssmtl.cli.progress import Bars

if TYPE_CHECKING:
    from ssmtl.planting import How


PLANTED: "dict[str, How]" = {"faster": "faster", "backwards": "backwards", "half": "cut in half"}
"""Names of what can be planted."""


def tune(
    model: Annotated[Path, typer.Argument(help="The model's folder; it is not changed.")],
    normal: options.Sources = None,
    frames: options.Frames = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for what was chosen and every trial.")] = Path("tune"),
    plant: Annotated[
        str, typer.Option("--plant", help="What those planted do: faster, backwards, half, joined by +.")
    ] = "+".join(PLANTED),
    walks: Annotated[int, typer.Option("--walks", min=1, help="People of each clip who walk as no one does.")] = 4,
    overwrite: options.Overwrite = False,
) -> None:
    """Choose how scores are smoothed, on anomalies planted in NORMAL footage that it was not trained on."""
    from ssmtl.errors import ConfigError
    from ssmtl.model_folder import load_model
    from ssmtl.tuning import table
    from ssmtl.tuning import tune as run

    names = plant.split("+")
    unknown = [name for name in names if name not in PLANTED]
    if unknown:
        raise ConfigError(f"--plant {unknown[0]}: unknown; known ones: {', '.join(PLANTED)}, joined by +")
    used = load_model(model)
    clips = options.read_clips(normal, frames)
    with Bars(options.console) as bars:
        planted = [PLANTED[name] for name in names]
        done = run(clips, used, out, planted=planted, walks=walks, overwrite=overwrite, progress=bars)
    typer.echo(table(done))
    options.console.print(f"results in {out}", highlight=False, markup=False)
    if done.changes:
        # Thresholds are those of the model's own settings, and scales may be: both are measured again.
        options.console.print(
            f"to use them: ssmtl fit NORMAL --network {model} --config {out / 'tune.toml'} --out NEW",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    else:
        options.console.print("the model's own settings stay", highlight=False)

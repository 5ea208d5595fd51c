"""`ssmtl fit`."""

from pathlib import Path
from typing import Annotated

import typer

from ssmtl.cli import configuring, options
from ssmtl.cli.progress import Bars


def fit(
    normal: options.Sources = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the model.")] = Path("model"),
    dataset: options.DatasetName = None,
    root: options.Root = None,
    frames: options.Frames = None,
    recipe: configuring.Recipe = None,
    config: configuring.ConfigFile = None,
    assignments: configuring.Assignments = None,
    regions: configuring.Regions = None,
    tasks: configuring.Tasks = None,
    teacher: configuring.Teacher = None,
    network: configuring.Network = None,
    false_alarms: options.FalseAlarms = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="The same seed gives the same model, of the same footage in the same order."),
    ] = None,
    sequences: Annotated[
        Path | None, typer.Option("--sequences", help="Keep the training set in this folder, for the next run.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was cut short.")] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Learn what is normal from NORMAL footage of a fixed camera, and write a model."""
    from ssmtl.fitting import fit as run

    chosen = list(assignments or []) + ([] if seed is None else [f"seed={seed}"])
    if false_alarms is not None:
        chosen.append(f'events.false_alarms="{false_alarms}"')
    configuration = configuring.read_configuration(recipe, config, chosen, regions, tasks, teacher, network)
    data = options.read_dataset(dataset, root, normal)
    clips = options.read_clips(normal, frames, data.train_clips() if data else None)
    with Bars(options.console) as bars:
        model = run(
            clips,
            out,
            configuration,
            resume=resume,
            overwrite=overwrite,
            sequences=sequences,
            network=network,
            progress=bars,
        )
    facts = model.training
    footage = f"{facts['trained_on']} sequences of {len(facts['clips'])} clips"
    options.console.print(
        f"{out}: the network of {network}; what is usual measured on {footage}"
        if network
        else f"{out}: trained on {footage} in "
        f"{facts['seconds'] / 60:.1f} min; best epoch {facts['best_epoch']} of {facts['epochs']}; "
        f"loss curves in {out / 'training' / 'losses.png'}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    if model.calibration is not None:
        options.print_calibration(model.calibration, model)
    options.print_regions(facts["regions"], facts["frames"], facts["detector_ms_per_frame"])
    if facts["left_out"]:
        raise typer.Exit(options.SOME_FAILED)

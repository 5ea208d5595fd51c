"""`ssmtl calibrate`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ssmtl.cli import configuring, options
from ssmtl.cli.progress import Bars
from ssmtl.errors import ConfigError


def calibrate(
    model: Annotated[Path, typer.Argument(help="The model's folder; its calibration is put there.")],
    normal: options.Sources = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            "--watch", help="Folder of `ssmtl watch`: what it recorded is normal, but for events not dismissed."
        ),
    ] = None,
    camera: Annotated[str | None, typer.Option("--camera", help="Only that camera of the watch.")] = None,
    store: Annotated[
        str | None, typer.Option("--store", help="The watch's database, where it is no file of it.")
    ] = None,
    frames: options.Frames = None,
    false_alarms: options.FalseAlarms = None,
    periods: Annotated[
        str | None,
        typer.Option("--periods", help="A threshold for each time of day, such as 07:00-19:00,19:00-07:00."),
    ] = None,
    assignments: configuring.LaterAssignments = None,
    starts: Annotated[
        datetime | None,
        typer.Option("--starts", help="When the footage begins, for --periods; clips follow one another."),
    ] = None,
) -> None:
    """Set a model's threshold from NORMAL footage and a false-alarm budget, without training."""
    from ssmtl.calibrating import ALL_DAY, begins_by_file, follow_on
    from ssmtl.calibrating import calibrate as run
    from ssmtl.config import read_assignments
    from ssmtl.model import with_settings
    from ssmtl.model_folder import load_model
    from ssmtl.scoring.calibration import parse_periods

    parts = ALL_DAY if periods is None else parse_periods(periods)
    kept = load_model(model)
    used = with_settings(kept, read_assignments(assignments)) if assignments else kept
    clips = options.read_clips(normal, frames) if normal or watch is None else []
    known = {}
    if watch is not None:
        from ssmtl.live.recorded import normal_curves

        known = normal_curves(watch, used, store, camera)
    elif camera is not None or store is not None:
        raise ConfigError("--camera, --store: belong to --watch DIR")
    if starts is not None:
        begins = follow_on(clips, starts)
    else:
        noted = {clip: begins_by_file(clip) for clip in clips if clip.path.is_file()}
        begins = {clip: time for clip, time in noted.items() if time is not None}
    with Bars(options.console) as bars:
        done = run(clips, used, model, budget=false_alarms, periods=parts, starts=begins, known=known, progress=bars)
    options.print_calibration(done, used)
    if not done.fits(kept.configuration.model_dump(mode="json")):
        options.console.print(
            f"{model}: has these thresholds in the place of its former ones; they fit with the same --set alone",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )

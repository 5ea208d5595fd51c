"""`ssmtl detect`."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from ssmtl.cli import configuring, options
from ssmtl.cli.progress import Bars
from ssmtl.config import merge, read_assignments


def detect(
    sources: options.Sources = None,
    model: Annotated[Path, typer.Option("--model", help="The model's folder.")] = Path("model"),
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.")] = Path("result"),
    dataset: options.DatasetName = None,
    root: options.Root = None,
    frames: options.Frames = None,
    assignments: configuring.LaterAssignments = None,
    regions: configuring.Regions = None,
    every: options.Every = None,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also write an annotated video of each clip.")] = False,
    plot: Annotated[bool, typer.Option("--plot", help="Also write each clip's curve over time.")] = False,
    films: Annotated[bool, typer.Option("--films", help="Also write a film of each event.")] = False,
    threshold: options.Threshold = None,
    explain: Annotated[
        int,
        typer.Option(
            "--explain",
            min=0,
            metavar="N",
            help="Also write a sheet about each of the N most unusual objects of all clips: what every task saw and "
            "answered. 0 = none.",
        ),
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Keep clips that an earlier run finished.")] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Score every frame and every region of SOURCES with a model."""
    from ssmtl.detection import detect as run
    from ssmtl.event_files import read_events, sentence
    from ssmtl.model import with_settings
    from ssmtl.model_folder import load_model

    used = load_model(model)
    detectors = used.configuration.model_dump(mode="json")["detectors"]
    changes = configuring.read_regions(regions, detectors) | options.every_change(every)
    changes = merge(changes, read_assignments(assignments or []))
    if threshold is not None:
        changes = merge(changes, {"events": {"threshold": threshold}})
    if changes:
        used = with_settings(used, changes)
    data = options.read_dataset(dataset, root, sources)
    clips = options.read_clips(sources, frames, data.test_clips() if data else None)
    with Bars(options.console) as bars:
        done = run(
            clips,
            used,
            out,
            overlay=overlay,
            plot=plot,
            films=films,
            explain=explain,
            dataset=data,
            resume=resume,
            overwrite=overwrite,
            progress=bars,
        )
    for name, facts in done.clips.items():
        peak = facts["peak"]
        options.console.print(
            f"{name}: {facts['frames']} frames at {facts['frames_per_second']:.1f}/s, "
            f"peak {peak['score']:.2f} at {peak['time_s']:.1f} s (frame {peak['frame']})",
            highlight=False,
            markup=False,
        )
        for row in read_events(out / name):
            options.console.print(f"  {sentence(row)}", highlight=False, markup=False)
    if done.clips:
        value, said_by = used.threshold()
        count = sum(facts.get("events", 0) for facts in done.clips.values())
        options.console.print(
            f"{count} events above {value:.3g} ({said_by})", highlight=False, markup=False, soft_wrap=True
        )
        choice = used.engine_choice
        off = f", off by {choice.difference:.2g} at most" if choice.difference else ""
        options.console.print(f"network: {choice.kind} in {choice.precision}{off}", highlight=False, markup=False)
        _print_regions(list(done.clips.values()))
    options.console.print(f"results in {out}", highlight=False, markup=False)
    if explain and done.explained:
        text = f"sheets about the {len(done.explained)} most unusual objects in {out / 'explain'}"
        options.console.print(text, highlight=False, markup=False)
    if done.failed:
        options.console.print(f"{len(done.failed)} of {len(clips)} clips failed", style="red")
        raise typer.Exit(options.SOME_FAILED if done.clips else 1)


def _print_regions(clips: list[dict[str, Any]]) -> None:
    """Regions by origin and each detector's cost, over all clips."""
    origins: Counter[str] = Counter()
    costs: Counter[str] = Counter()
    for facts in clips:
        origins.update(facts["regions"])
        costs.update({kind: ms * facts["frames"] for kind, ms in facts.get("detector_ms_per_frame", {}).items()})
    frames = sum(facts["frames"] for facts in clips)
    options.print_regions(origins, frames, {kind: total / frames for kind, total in costs.items()})

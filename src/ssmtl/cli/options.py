"""Options that several commands share, and what they mean."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ssmtl.config import merge, read_assignments, read_toml
from ssmtl.datasets.catalogue import DATASETS, open_dataset
from ssmtl.datasets.dataset import Dataset
from ssmtl.errors import ConfigError, DataError
from ssmtl.recipes import RECIPES, TASKS, Configuration, configure
from ssmtl.video.sources import Clip, find_clips

console = Console(stderr=True)

SOME_FAILED = 3
"""Exit code when some clips failed and the others went well."""

Sources = Annotated[
    list[str] | None, typer.Argument(help="Video files, folders of pictures or of videos, globs.", show_default=False)
]
DatasetName = Annotated[
    str | None, typer.Option("--dataset", help=f"A data set in place of sources: {', '.join(sorted(DATASETS))}.")
]
Root = Annotated[Path | None, typer.Option("--root", help="The folder where the data set lies.")]
Recipe = Annotated[str, typer.Option("--recipe", help=f"One of: {', '.join(RECIPES)}.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="Changes to the recipe, as a TOML file.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", help="One change, such as train.epochs=5; may be given several times.")
]
Regions = Annotated[
    str | None,
    typer.Option(
        "--regions",
        help="Where to look: motion, background, flow, torchvision, an ONNX file of an object detector, a CSV file of "
        "boxes, or several joined by +.",
    ),
]
Tasks = Annotated[
    str | None, typer.Option("--tasks", help="Proxy tasks in place of the recipe's, such as T1+T2+T3+T6, or by name.")
]
Frames = Annotated[
    str | None, typer.Option("--frames", help="Only these frames of each clip, such as 0:500 or 500: (from 0).")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what the output folder holds.")]

REGIONS: dict[str, list[dict[str, Any]]] = {
    "motion": [{"kind": "background"}, {"kind": "flow"}],
    "background": [{"kind": "background"}],
    "flow": [{"kind": "flow"}],
    "torchvision": [{"kind": "torchvision"}],
}


def read_clips(sources: list[str] | None, frames: str | None, clips: list[Clip] | None = None) -> list[Clip]:
    """The clips that `sources` name, or those of a data set, cut to `--frames`."""
    clips = find_clips(sources or []) if clips is None else clips
    if frames is None:
        return clips
    first, colon, end = frames.partition(":")
    try:
        start, stop = int(first or 0), int(end) if end else None
    except ValueError:
        start, stop = -1, None
    if not colon or start < 0 or (stop is not None and stop <= start):
        raise ConfigError(f"--frames {frames}: write first:end, such as 0:500, 500: or :500; the end is not included")
    return [replace(clip, start=start, stop=stop) for clip in clips]


def read_configuration(
    recipe: str, config: Path | None, assignments: list[str] | None, regions: str | None, tasks: str | None = None
) -> Configuration:
    """The recipe with the file's changes, then `--regions` and `--tasks`, then those of `--set`."""
    changes = [read_toml(config)] if config else []
    chosen = configure(recipe, *changes).model_dump(mode="json")
    changes += [read_regions(regions, chosen["detectors"]), read_tasks(tasks, chosen["tasks"])]
    return configure(recipe, *changes, read_assignments(assignments or []))


def read_tasks(tasks: str | None, known: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The change to a configuration that `--tasks` stands for: T1 to T9 or names, joined by +.

    A task keeps the settings that it has among the `known` ones.
    """
    if tasks is None:
        return {}
    numbers = {f"t{i}": kind for i, kind in enumerate(TASKS, 1)}
    chosen = []
    for part in tasks.split("+"):
        kind = numbers.get(part.lower(), part)
        if kind not in TASKS:
            raise ConfigError(
                f"--tasks {part}: unknown; known ones: {', '.join(f'T{i}' for i in range(1, 10))}, or "
                f"{', '.join(TASKS)}"
            )
        chosen.append(next((task for task in known if task["kind"] == kind), {"kind": kind}))
    return {"tasks": chosen}


def read_regions(regions: str | None, known: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The change to a configuration that `--regions` stands for: names and files, joined by +.

    A detector keeps the settings that it has among the `known` ones.
    """
    if regions is None:
        return {}
    detectors: list[dict[str, Any]] = []
    for part in regions.split("+"):
        if part in REGIONS:
            detectors += REGIONS[part]
        elif Path(part).suffix == ".onnx" and Path(part).is_file():
            detectors.append({"kind": "onnx", "path": str(Path(part).resolve())})
        elif Path(part).exists():
            detectors.append({"kind": "boxes", "path": str(Path(part).resolve())})
        else:
            raise ConfigError(f"--regions {part}: neither {', '.join(REGIONS)} nor an existing file or folder")
    old = {detector["kind"]: detector for detector in known}
    return {"detectors": [merge(old.get(detector["kind"], {}), detector) for detector in detectors]}


def read_dataset(name: str | None, root: Path | None, sources: list[str] | None = None) -> Dataset | None:
    """The named data set, or None where sources are given instead."""
    if name is None and root is not None:
        raise DataError("--root: needs --dataset NAME")
    if name is None:
        return None
    if root is None:
        raise DataError(f"--dataset {name}: needs --root DIR, the folder where it lies")
    if sources:
        raise DataError(f"--dataset {name}: give either a data set or sources, not both")
    return open_dataset(name, root)


def print_regions(origins: Mapping[str, int], frames: int, ms_per_frame: Mapping[str, float]) -> None:
    """One line: the regions by origin, and what each detector cost."""
    counts = ", ".join(f"{count} by {origin}" for origin, count in origins.items()) or "none"
    costs = ", ".join(f"{kind} {ms:.1f}" for kind, ms in ms_per_frame.items())
    console.print(
        f"regions: {counts} in {frames} frames; ms per frame: {costs}", highlight=False, markup=False, soft_wrap=True
    )

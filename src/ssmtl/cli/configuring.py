"""Options that change a configuration, for the commands that have one. They load every step of the method."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ssmtl.config import merge, read_assignments, read_toml
from ssmtl.errors import ConfigError
from ssmtl.imitation import imitate
from ssmtl.kept_network import keep_network
from ssmtl.recipes import RECIPES, TASKS, Configuration, configure, ssmtlpp_v1

DEFAULT = "fast"

Recipe = Annotated[
    str | None,
    typer.Option("--recipe", help=f"One of: {', '.join(RECIPES)}.", show_default=DEFAULT),
]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="Changes to the recipe, as a TOML file.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", help="One change, such as train.epochs=5; may be given several times.")
]
LaterAssignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="One change to the model's settings, such as scoring.every=4; may be given several times."
    ),
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

Teacher = Annotated[
    Path | None,
    typer.Option(
        "--teacher",
        help="Folder of a trained model to imitate (ssmtlpp-lite): looks where it looks, learns what its heads say.",
    ),
]

Network = Annotated[
    Path | None,
    typer.Option(
        "--network",
        help="Folder of a trained model whose network is kept: what is usual, scales and thresholds are measured, and "
        "nothing is trained. Without --recipe, all its settings are kept.",
    ),
]

REGIONS: dict[str, list[dict[str, Any]]] = {
    "motion": [{"kind": "background"}, {"kind": "flow"}],
    "background": [{"kind": "background"}],
    "flow": [{"kind": "flow"}],
    "torchvision": [{"kind": "torchvision"}],
}


def read_configuration(
    recipe: str | None,
    config: Path | None,
    assignments: list[str] | None,
    regions: str | None,
    tasks: str | None = None,
    teacher: Path | None = None,
    network: Path | None = None,
) -> Configuration:
    """The recipe with what it takes from a teacher or a network, the file's changes, `--regions` and `--tasks`, then
    those of `--set`. Without a recipe, that which the file names, the network's model, or the default.

    Raises:
        ConfigError: what is named is not known, does not fit, or is named twice.
    """
    if teacher and network:
        raise ConfigError("--network keeps what was trained, --teacher trains: name one of them")
    given, assigned = read_toml(config) if config else {}, read_assignments(assignments or [])
    named = given.pop("recipe", None)
    if "recipe" in assigned:
        raise ConfigError("--set recipe: a recipe is chosen by --recipe")
    if named is not None and recipe not in (None, named):
        raise ConfigError(f"{config}: recipe is {named!r}, but --recipe says {recipe}; name one of them")
    recipe = recipe or named
    changes = [imitate(teacher)] if teacher else []
    if network:
        changes = [keep_network(network, whole=recipe is None)]
    recipe = recipe or DEFAULT
    changes.append(given)
    chosen = configure(recipe, *changes).model_dump(mode="json")
    changes += [read_regions(regions, _known_detectors(chosen["detectors"])), read_tasks(tasks, chosen["tasks"])]
    return configure(recipe, *changes, assigned)


def model_or_recipe(model: Path | None, recipe: str | None) -> None:
    """Refuse a recipe beside a model, which has its own.

    Raises:
        ConfigError: both are named.
    """
    if model is not None and recipe is not None:
        raise ConfigError(f"--recipe {recipe}: the model {model} has its own; name one of them")


def _known_detectors(detectors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A recipe's detectors and, beside an object detector, others as the papers have them beside it."""
    known = {detector["kind"]: detector for detector in detectors}
    if "onnx" in known:
        beside = {detector.kind: detector.model_dump(mode="json") for detector in ssmtlpp_v1().detectors}
        sure = {"kind": "torchvision", "min_confidence": known["onnx"]["min_confidence"]}
        known = {"torchvision": sure} | beside | known
    return list(known.values())


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

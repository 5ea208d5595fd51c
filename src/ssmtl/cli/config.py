"""`ssmtl config`."""

import json
import tomllib
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from ssmtl.cli import configuring


def config(
    recipe: configuring.Recipe = None,
    file: configuring.ConfigFile = None,
    assignments: configuring.Assignments = None,
    regions: configuring.Regions = None,
    tasks: configuring.Tasks = None,
    teacher: configuring.Teacher = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as it is saved in models.")] = False,
) -> None:
    """Print every field that --set can change, its value by a recipe and its changes, and its meaning.

    What is printed can be a file for --config; what TOML has no word for, and what is too long, is a comment in it.
    """
    chosen = configuring.read_configuration(recipe, file, assignments, regions, tasks, teacher)
    if as_json:
        typer.echo(json.dumps(chosen.model_dump(mode="json"), indent=2))
        return
    for name, value, meaning in fields(chosen):
        if name in LISTS:
            typer.echo(f"# {name}: {', '.join(value)}")
            continue
        line = f"{name} = {json.dumps(value)}"
        if len(line) > MOST or not _toml(line):
            line = f"# {line if len(line) <= MOST else line[: MOST - 4] + ' ...'}"
        typer.echo(line + (f"    # {meaning}" if meaning else ""))


LISTS = {"detectors", "tasks", "attributes"}
"""Fields that are lists of parts, each with fields of its own by its kind."""

MOST = 130
"""Characters of a field and its value: tables of names and permutations would bury the rest; --json has all of them."""


def _toml(line: str) -> bool:
    try:
        tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return False
    return True


def fields(settings: BaseModel, prefix: str = "", listed: bool = False) -> list[tuple[str, Any, str]]:
    """Name, value and meaning of every field, those of parts included; parts of a list go by their kind.

    A list of parts comes before its fields, as its kinds: a part may have no fields.
    """
    rows: list[tuple[str, Any, str]] = []
    values = settings.model_dump(mode="json")
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            rows += fields(value, f"{prefix}{name}.")
        elif name in LISTS:
            rows.append((prefix + name, [part.kind for part in value], ""))
            for part in value:
                rows += fields(part, f"{prefix}{name}.{part.kind}.", listed=True)
        elif not (listed and name == "kind"):
            rows.append((prefix + name, values[name], field.description or ""))
    return rows

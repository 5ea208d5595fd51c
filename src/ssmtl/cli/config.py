"""`ssmtl config`."""

import json
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
    """Print every field that --set can change, its value by a recipe and its changes, and its meaning."""
    chosen = configuring.read_configuration(recipe, file, assignments, regions, tasks, teacher)
    if as_json:
        typer.echo(json.dumps(chosen.model_dump(mode="json"), indent=2))
        return
    for name, value, meaning in fields(chosen):
        typer.echo(f"{name} = {_short(json.dumps(value))}" + (f"    # {meaning}" if meaning else ""))


def _short(text: str, most: int = 100) -> str:
    """Tables of names and permutations would bury the rest; --json has all of them."""
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def fields(settings: BaseModel, prefix: str = "", listed: bool = False) -> list[tuple[str, Any, str]]:
    """Name, value and meaning of every field, those of parts included; parts of a list go by their kind."""
    rows: list[tuple[str, Any, str]] = []
    values = settings.model_dump(mode="json")
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            rows += fields(value, f"{prefix}{name}.")
        elif isinstance(value, tuple) and any(isinstance(part, BaseModel) for part in value):
            for part in value:
                rows += fields(part, f"{prefix}{name}.{part.kind}.", listed=True)
        elif not (listed and name == "kind"):
            rows.append((prefix + name, values[name], field.description or ""))
    return rows

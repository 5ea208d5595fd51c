"""`ssmtl config`."""

import json

import typer

from ssmtl.cli import options


def config(
    recipe: options.Recipe = "fast",
    file: options.ConfigFile = None,
    assignments: options.Assignments = None,
    regions: options.Regions = None,
) -> None:
    """Print the configuration that a recipe and its changes come to, as JSON: every field that can be set."""
    chosen = options.read_configuration(recipe, file, assignments, regions)
    typer.echo(json.dumps(chosen.model_dump(mode="json"), indent=2))

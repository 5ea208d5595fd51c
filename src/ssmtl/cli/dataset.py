"""`ssmtl dataset`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ssmtl.cli import options
from ssmtl.cli.progress import Bars
from ssmtl.datasets.catalogue import DATASETS, open_dataset

if TYPE_CHECKING:
    from ssmtl.datasets.dataset import Item

INCOMPLETE = 3
"""Exit code when something of the data set is missing or wrong."""

_FILE_WIDTH = 160
"""Columns of a table that goes to no terminal."""

dataset = typer.Typer(no_args_is_help=True, help="What is there of a data set.")


@dataset.callback()
def _options() -> None:
    # With it, the only command keeps its name.
    pass


@dataset.command()
def check(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(sorted(DATASETS))}.", show_default=False)],
    root: Annotated[Path, typer.Option("--root", help="The folder where the data set lies.")],
    tracks: Annotated[
        Path | None, typer.Option("--tracks", help="Tracks of the test clips that lie elsewhere: a folder or a file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare a copy of a data set with the official counts; exit code 3 where something is missing."""
    from ssmtl.datasets.checking import count_clips, status, verdict

    data = open_dataset(name, root, tracks)
    title = data.title
    with Bars(options.console) as bars:
        items = data.check(bars.stage(f"looking at {title}", count_clips(data)))
    text = verdict(data, items)
    complete = all(item.complete for item in items)
    if as_json:
        found = [{**asdict(item), "complete": item.complete, "status": status(item)} for item in items]
        head = {"dataset": name, "title": title, "root": str(root), "complete": complete, "verdict": text}
        typer.echo(json.dumps({**head, "items": found}, indent=2))
    else:
        _print(f"{title} in {root}", items)
        Console().print(text, highlight=False, markup=False, soft_wrap=True)
    if not complete:
        raise typer.Exit(INCOMPLETE)


def _print(title: str, items: "list[Item]") -> None:
    from ssmtl.datasets.checking import status

    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("part")
    table.add_column("found", justify="right")
    table.add_column("official", justify="right")
    table.add_column("state", overflow="fold")
    for item in items:
        counts = ["–" if count is None else str(count) for count in (item.found, item.official)]
        state = Text(status(item), style="" if item.complete else "red")
        if item.note:
            state.append(f"\n{item.note}", style="dim")
        table.add_row(item.what, *counts, state)
    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    console.print(table)

"""`ssmtl report`."""

from pathlib import Path
from typing import Annotated

import typer

from ssmtl.cli import options


def report(
    result: Annotated[Path, typer.Argument(help="Folder that `ssmtl detect` wrote.")] = Path("result"),
    out: Annotated[
        Path | None, typer.Option("--out", help="The HTML file; report.html in the result's folder by default.")
    ] = None,
    dataset: options.DatasetName = None,
    root: options.Root = None,
    title: Annotated[str, typer.Option("--title", help="Its heading.")] = "What was unusual",
) -> None:
    """Write one HTML page about a result: all clips, curves, events, the worst moments, reasons, settings."""
    from ssmtl.result_page import review

    page = out or result / "report.html"
    review(result, page, title=title, dataset=options.read_dataset(dataset, root))
    options.console.print(f"report: {page.resolve()}", highlight=False, markup=False, soft_wrap=True)

"""`ssmtl demo`."""

from pathlib import Path
from typing import Annotated

import typer

from ssmtl.cli import options
from ssmtl.cli.progress import Bars


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for footage, model, results and report.")] = Path(
        "ssmtl-demo"
    ),
    overwrite: options.Overwrite = False,
) -> None:
    """Make a small street scene, train on it, find its anomalies, and write a report; takes a few minutes."""
    from ssmtl.demonstration import demo as run

    with Bars(options.console) as bars:
        result = run(out, overwrite=overwrite, progress=bars)
    for found in result.found:
        verdict = "found" if found.hit else "missed"
        options.console.print(
            f"{found.clip}: {found.kind}: {verdict}, peak {found.peak:.2f} at {found.peak_time_s:.1f} s",
            highlight=False,
        )
    frames = result.evaluation.frames
    assert frames is not None
    options.console.print(
        f"micro AUC {100 * frames.micro:.1f} %, macro AUC (anchored) {100 * frames.macro_anchored:.1f} %",
        highlight=False,
    )
    options.console.print(
        f"annotated videos: {out / 'result'}/*/overlay.mp4\nreport: {result.report.resolve()}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )

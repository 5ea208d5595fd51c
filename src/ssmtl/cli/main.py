"""The command `ssmtl`. Errors that a user can mend are one line and an exit code, never a traceback."""

import os
import sys
from typing import Annotated

import typer

from ssmtl import __version__
from ssmtl.cli.config import config
from ssmtl.cli.demo import demo
from ssmtl.cli.detect import detect
from ssmtl.cli.evaluate import evaluate
from ssmtl.cli.fit import fit
from ssmtl.cli.options import console
from ssmtl.cli.regions import regions
from ssmtl.cli.study import study
from ssmtl.errors import SsmtlError

app = typer.Typer(
    help="Video anomaly detection: learns from normal footage, finds what is not.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ssmtl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


for command in (demo, fit, detect, evaluate, regions, study, config):
    app.command()(command)


def main() -> None:
    """Run the command line; exit code 1 for an error, 2 for wrong usage, 3 where some of several clips failed."""
    try:
        app()
    except SsmtlError as error:
        console.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        text = f"error: {error.filename or 'a file'}: {error.strerror or error}; check disk and permissions"
        console.print(text, style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(1)

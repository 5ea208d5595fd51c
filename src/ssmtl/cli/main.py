"""The command `ssmtl`. Errors that a user can mend are one line and an exit code, never a traceback."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from ssmtl import __version__
from ssmtl.cli.options import console
from ssmtl.errors import SsmtlError
from ssmtl.video.addresses import hide_in

COMMANDS = (
    "demo", "fit", "calibrate", "detect", "report", "watch", "serve", "evaluate", "regions", "study", "dataset",
    "convert", "export", "bench", "tune", "config",
)  # fmt: skip
"""Each a module of this package with a function, or a group of commands, of its name."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ssmtl {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


def application(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """The command line with these commands; the modules of others are not loaded."""
    app = typer.Typer(
        help="Video anomaly detection: learns from normal footage, finds what is not.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_options)
    for name in names:
        command = getattr(import_module(f"ssmtl.cli.{name}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command()(command)
    return app


def main() -> None:
    """Run the command line; exit code 1 for an error, 2 for wrong usage, 3 where some of several clips failed."""
    # Only the command that is called is loaded: `evaluate` need not wait for PyTorch.
    called = sys.argv[1:2]
    try:
        application(called if called and called[0] in COMMANDS else COMMANDS)()
    except SsmtlError as error:
        console.print(f"error: {hide_in(str(error))}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        text = f"error: {error.filename or 'a file'}: {error.strerror or error}; check disk and permissions"
        console.print(text, style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(1)

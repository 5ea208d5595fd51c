"""`ssmtl export`."""

from pathlib import Path
from typing import Annotated

import typer

from ssmtl.cli import configuring, options
from ssmtl.config import read_assignments


def export(
    model: Annotated[Path, typer.Argument(help="The model's folder.")],
    to: Annotated[str, typer.Option("--to", help="onnx or openvino.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the exported model.")],
    precision: Annotated[
        str, typer.Option("--precision", help="float32, or for OpenVINO also bfloat16 and int8.")
    ] = "float32",
    assignments: configuring.LaterAssignments = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write a model for ONNX Runtime or OpenVINO, checked against float32; `detect --model OUT` runs it."""
    from ssmtl.exporting import export as run
    from ssmtl.model import with_settings
    from ssmtl.model_folder import load_model

    used = with_settings(load_model(model), read_assignments(assignments or []))
    facts = run(used, out, to, precision, overwrite=overwrite)
    inputs = ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, shape in facts["inputs"].items())
    options.console.print(
        f"{out / facts['file']}: {inputs} → scores n×{len(facts['tasks'])} ({', '.join(facts['tasks'])}); "
        f"objects' scores differ from float32 by {facts['largest_difference']:.2g} at most, on {facts['checked_on']} "
        "training crops",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )

"""`ssmtl export`: a model folder whose graph is written for one engine, checked against float32."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast, get_args

import torch

from ssmtl.atomic import atomic_folder, check_replaceable, claim_output, write_json
from ssmtl.config import merge, parse
from ssmtl.engine.build import build_engine
from ssmtl.engine.cache import versions
from ssmtl.engine.choose import reference_scores, run_all, score_difference
from ssmtl.engine.graph import PICTURES, SCORES, examples, given_names
from ssmtl.engine.settings import Kind, Precision
from ssmtl.errors import ConfigError, ModelError
from ssmtl.model import Model
from ssmtl.model_folder import EXPORT, load_model, save_model
from ssmtl.recipes import Configuration


def export(
    model: Model | Path | str,
    out: Path | str,
    to: str,
    precision: str = "float32",
    *,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the model with its graph for one engine into the folder `out`; what was found out is in `export.json`.

    The folder is a model: `ssmtl detect --model OUT` runs that graph. Another program can run the graph alone: it takes
    N×C×7×64×64 bytes, crops of one box from seven frames, and answers with N×K raw task scores; `export.json` has the
    names of its inputs and the scale of each score. Not in the graph are attributes, and that the arrow of time says
    nothing of what stands still.

    Args:
        model: a model, or its folder.
        out: the folder.
        to: "onnx" or "openvino".
        precision: "float32" for both; OpenVINO files are also float32 for "bfloat16", which is a way to run them.
        overwrite: write into a folder that holds something.

    Raises:
        ConfigError: the engine cannot do that precision, or its scores differ by more than `engine.tolerance`.
        ModelError: the model cannot be read, or keeps no training crops to check on.
        OutputError: `out` is taken or cannot be written.
    """
    model = model if isinstance(model, Model) else load_model(model)
    out = Path(out)
    kind, precision = _known("--to", to, ("onnx", "openvino")), _known("--precision", precision, get_args(Precision))
    if model.exported is not None:
        raise ConfigError(f"{model.exported}: is an exported model already; name the one that it came from")
    if model.samples is None:
        raise ModelError("the model keeps no training crops (engine.samples) to check the export on; train it again")
    claim_output(out, overwrite)
    check_replaceable(out, lambda old: (old / EXPORT).is_file())
    settings = model.configuration.engine
    with atomic_folder(out) as folder:
        subject = model.subject
        if kind == "onnx":
            from ssmtl.engine.onnx import FILE, write_onnx

            write_onnx(subject, folder / FILE)
        else:
            from ssmtl.engine.openvino import FILE, write_openvino

            write_openvino(subject, cast(Precision, precision), folder)
        written = replace(subject, exported=folder)
        engine = build_engine(
            written, cast(Kind, kind), cast(Precision, precision), settings.threads, torch.device("cpu")
        )
        scores = run_all(engine, model.samples, model.configuration.scoring.batch)
        difference = score_difference(reference_scores(subject), scores, subject)
        if difference > settings.tolerance:
            raise ConfigError(
                f"engine.precision={precision}: scores differ from float32 by up to {difference:.3g}, more than "
                f"engine.tolerance={settings.tolerance:g}, on the model's own training crops; choose another precision"
            )
        fixed = {"engine": {"kind": kind, "precision": precision, "device": "cpu"}}
        values = merge(model.configuration.model_dump(mode="json"), fixed)
        save_model(replace(model, configuration=parse(Configuration, values)), folder)
        shapes = [["n", *x.shape[1:]] for x in examples(model.tasks, model.picture_channels)]
        facts = {
            "kind": kind,
            "precision": precision,
            "file": FILE,
            "inputs": dict(zip([PICTURES, *given_names(model.tasks)], shapes, strict=True)),
            "output": {SCORES: ["n", len(model.tasks)]},
            "tasks": [task.kind for task in model.tasks],
            "scales": {kind: asdict(scale) for kind, scale in model.scales.items()},
            "largest_difference": difference,
            "tolerance": settings.tolerance,
            "checked_on": len(model.samples),
            "versions": versions(),
        }
        write_json(folder / EXPORT, facts)
    return facts


def _known(option: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ConfigError(f"{option} {value}: unknown; choose {', '.join(known)}")
    return value

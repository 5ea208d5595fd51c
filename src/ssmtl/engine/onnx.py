"""Engine by ONNX Runtime (optional), and the ONNX file."""

import contextlib
import importlib
import io
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.atomic import atomic_file
from ssmtl.engine.engine import Engine, Given, Subject, refuse
from ssmtl.engine.graph import PICTURES, SCORES, examples, feeds, given_names, prepared
from ssmtl.engine.settings import Kind, Precision
from ssmtl.errors import ConfigError, ModelError

FILE = "scores.onnx"


def write_onnx(subject: Subject, file: Path) -> None:
    """Write the whole of scoring as an ONNX file: `pictures` (N×C×7×64×64 bytes) and what else → `scores` (N×K).

    Raises:
        ConfigError: what exporting needs is not installed.
    """
    _need("onnx", "onnxscript")
    graph = prepared(subject.network, subject.tasks)
    inputs = examples(subject.tasks, subject.channels)
    free = [{0: torch.export.Dim.DYNAMIC} for _ in inputs]
    said = io.StringIO()
    with atomic_file(file) as temporary, warnings.catch_warnings(), contextlib.redirect_stdout(said):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            tuple(inputs),
            str(temporary),
            input_names=[PICTURES, *graph.given],
            output_names=[SCORES],
            dynamic_shapes=(free[0], *([tuple(free[1:])] if graph.given else [])),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


class OnnxEngine:
    """float32 on the CPU."""

    kind: Kind = "onnx"
    device = torch.device("cpu")

    def __init__(self, subject: Subject, precision: Precision, threads: int):
        refuse(self.kind, precision, ["float32"])
        self.precision = precision
        self.given = given_names(subject.tasks)
        runtime = _need("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        options.log_severity_level = 3
        with contextlib.ExitStack() as stack:
            if subject.exported is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                write_onnx(subject, folder / FILE)
            else:
                folder = subject.exported
            try:
                self.session = runtime.InferenceSession(str(folder / FILE), options, providers=["CPUExecutionProvider"])
            except Exception as error:  # ONNX Runtime's errors have no base of their own.
                text = str(error).strip().partition("\n")[0]
                raise ModelError(f"{folder / FILE}: ONNX Runtime cannot run it ({text}); export it again") from error

    def scores(self, pictures: NDArray[np.uint8] | Tensor, given: Given) -> NDArray[np.float32]:
        """See `Engine`."""
        arrays = feeds(self.given, np.asarray(pictures), given)
        names = [node.name for node in self.session.get_inputs()]
        return np.asarray(self.session.run([SCORES], dict(zip(names, arrays, strict=True)))[0])

    def lanes(self) -> list[Engine]:
        """See `Engine`."""
        return [self]


def _need(*names: str) -> Any:
    """The last of these libraries."""
    try:
        return [importlib.import_module(name) for name in names][-1]
    except ImportError as error:
        raise ConfigError(
            f"engine.kind=onnx: needs {' and '.join(names)}; install with: pip install -e '.[onnx]'"
        ) from error

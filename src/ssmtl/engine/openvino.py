"""Engine by OpenVINO (optional): float32, bfloat16, and int8 calibrated on the model's own training crops."""

import copy
import io
import logging
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.atomic import atomic_folder
from ssmtl.engine.cache import cached_folder
from ssmtl.engine.engine import Engine, Given, Subject, refuse
from ssmtl.engine.graph import PICTURES, SCORES, examples, feeds, given_names, prepared
from ssmtl.engine.settings import Kind, Precision
from ssmtl.errors import ConfigError, ModelError
from ssmtl.hardware import computes_bfloat16

FILE = "scores.xml"

CALIBRATION = 64
"""Sequences, at most, that int8 is calibrated on."""

LANES = 2
"""Batches that are computed at once."""

DELICATE = [r".*heads.*", r".*stages.layers.\d.0/.*", r".*stages.still.0/.*"]
"""Parts that int8 leaves in floats: the heads, whose errors are scores, and the first convolutions, which see pixels.
Together with biases corrected layer by layer this keeps scores about as near to float32 as bfloat16
does; heads and first convolutions are too small to cost speed."""


def import_openvino() -> ModuleType:
    """OpenVINO without its telemetry: a camera's computer tells nobody anything.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        import openvino
    except ImportError as error:
        raise ConfigError("engine.kind=openvino: needs openvino; install with: pip install -e '.[openvino]'") from error
    return openvino


def translate(subject: Subject) -> Any:
    """The whole of scoring as an OpenVINO model in float32, for any number of sequences."""
    openvino = import_openvino()
    inputs = examples(subject.tasks, subject.channels)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        model = openvino.convert_model(prepared(subject.network, subject.tasks), example_input=tuple(inputs))
    shapes = [openvino.PartialShape([-1, *x.shape[1:]]) for x in inputs]
    model.reshape(dict(zip(model.inputs, shapes, strict=True)))
    for node, name in zip(model.inputs, [PICTURES, *given_names(subject.tasks)], strict=True):
        node.get_tensor().set_names({name})
    model.outputs[0].get_tensor().set_names({SCORES})
    return model


def quantize(model: Any, subject: Subject) -> Any:
    """`model` in int8 where that pays, calibrated on the subject's samples.

    Raises:
        ConfigError: there are no samples, or NNCF is not installed.
    """
    if subject.samples is None:
        raise ConfigError("engine.precision=int8: the model keeps no training crops to calibrate on; train it again")
    try:
        import nncf
    except ImportError as error:
        raise ConfigError("engine.precision=int8: needs nncf; install with: pip install -e '.[openvino]'") from error
    nncf.set_log_level(logging.ERROR)
    given = given_names(subject.tasks)
    few = subject.samples.first(min(CALIBRATION, len(subject.samples)))
    rows = [
        feeds(given, few.pictures[i : i + 1], {n: v[i : i + 1] for n, v in few.given.items()}) for i in range(len(few))
    ]
    # Its bars are not ours.
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return nncf.quantize(
            model,
            nncf.Dataset(rows),
            subset_size=len(rows),
            preset=nncf.QuantizationPreset.MIXED,
            model_type=nncf.ModelType.TRANSFORMER,
            ignored_scope=nncf.IgnoredScope(patterns=DELICATE, validate=False),
            fast_bias_correction=False,
        )


class OpenVinoEngine:
    """float32; bfloat16 where the hardware has it; int8, with the rest in the better of the two."""

    kind: Kind = "openvino"
    device = torch.device("cpu")

    def __init__(self, subject: Subject, precision: Precision, threads: int):
        openvino = import_openvino()
        half = computes_bfloat16()
        refuse(self.kind, precision, ["float32", *(["bfloat16"] if half else []), "int8"])  # type: ignore[list-item]
        self.precision = precision
        self.given = given_names(subject.tasks)
        self._core = core = openvino.Core()
        if subject.exported is not None:
            model = _read(core, subject.exported / FILE)
        else:
            model = _translated(core, subject, precision)
        self._threads = threads or torch.get_num_threads()
        self._model = model
        self._precision = "bf16" if half and precision != "float32" else "f32"
        self.request = self._compile("LATENCY", 1).create_infer_request()

    def _compile(self, hint: str, streams: int) -> Any:
        hints = {
            "PERFORMANCE_HINT": hint,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": self._threads,
            "INFERENCE_PRECISION_HINT": self._precision,
        }
        return self._core.compile_model(self._model, "CPU", hints)

    def lanes(self) -> list[Engine]:
        """See `Engine`: two, each on half of the threads, get more done than one on all."""
        if self._threads < LANES:
            return [self]
        compiled = self._compile("THROUGHPUT", LANES)
        found = [copy.copy(self) for _ in range(LANES)]
        for lane in found:
            lane.request = compiled.create_infer_request()
        return list(found)

    def scores(self, pictures: NDArray[np.uint8] | Tensor, given: Given) -> NDArray[np.float32]:
        """See `Engine`."""
        answer = self.request.infer(feeds(self.given, np.asarray(pictures), given), share_inputs=True)
        return np.array(answer[0], np.float32)


def write_openvino(subject: Subject, precision: Precision, folder: Path) -> None:
    """Write the graph, quantized for int8, as OpenVINO's two files into `folder`."""
    openvino = import_openvino()
    model = translate(subject)
    if precision == "int8":
        model = quantize(model, subject)
    openvino.save_model(model, str(folder / FILE), compress_to_fp16=False)


def _translated(core: Any, subject: Subject, precision: Precision) -> Any:
    """The graph; in int8 from the cache where an earlier run calibrated the same."""
    if precision != "int8":
        return translate(subject)
    place = cached_folder("int8", subject.identity)
    if place is None:
        return quantize(translate(subject), subject)
    if not (place / FILE).is_file():
        with atomic_folder(place) as folder:
            write_openvino(subject, precision, folder)
    return _read(core, place / FILE)


def _read(core: Any, file: Path) -> Any:
    try:
        return core.read_model(str(file))
    except RuntimeError as error:
        text = str(error).strip().partition("\n")[0]
        raise ModelError(f"{file}: OpenVINO cannot read it ({text}); delete it, or export it again") from error

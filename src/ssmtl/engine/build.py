"""An engine of a named kind."""

import torch

from ssmtl.engine.engine import Engine, Subject
from ssmtl.engine.settings import Kind, Precision


def build_engine(
    subject: Subject, kind: Kind, precision: Precision, threads: int, device: torch.device, compiled: bool = False
) -> Engine:
    """An engine of that kind and precision; `compiled` where it is PyTorch's on a GPU.

    Raises:
        ConfigError: this kind cannot do that precision, or what it needs is not installed or not kept in the model.
    """
    match kind:
        case "pytorch":
            from ssmtl.engine.pytorch import PyTorchEngine

            return PyTorchEngine(subject, precision, device, compiled)
        case "onnx":
            from ssmtl.engine.onnx import OnnxEngine

            return OnnxEngine(subject, precision, threads)
        case "openvino":
            from ssmtl.engine.openvino import OpenVinoEngine

            return OpenVinoEngine(subject, precision, threads)

"""An engine of a named kind."""

import torch

from ssmtl.engine.again import AskingAgain, asks_again
from ssmtl.engine.engine import Engine, Subject
from ssmtl.engine.settings import Kind, Precision


def build_engine(
    subject: Subject, kind: Kind, precision: Precision, threads: int, device: torch.device, compiled: bool = False
) -> Engine:
    """An engine of that kind and precision; `compiled` where it is PyTorch's on a GPU.

    Raises:
        ConfigError: this kind cannot do that precision, or what it needs is not installed or not kept in the model.
    """

    def build(subject: Subject) -> Engine:
        return _build(subject, kind, precision, threads, device, compiled)

    # An exported graph is whole: it asks both ways of all.
    again = subject.exported is None and any(asks_again(task) for task in subject.tasks)
    return AskingAgain(subject, build) if again else build(subject)


def _build(
    subject: Subject, kind: Kind, precision: Precision, threads: int, device: torch.device, compiled: bool
) -> Engine:
    match kind:
        case "pytorch":
            from ssmtl.engine.pytorch import PyTorchEngine

            return PyTorchEngine(subject, precision, device, compiled, threads)
        case "onnx":
            from ssmtl.engine.onnx import OnnxEngine

            return OnnxEngine(subject, precision, threads)
        case "openvino":
            from ssmtl.engine.openvino import OpenVinoEngine

            return OpenVinoEngine(subject, precision, threads)

"""Engines by PyTorch: float32 in oneDNN's layout, bfloat16 channels last; on a GPU with the whole graph captured."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssmtl.engine.engine import Engine, Given, Subject, refuse
from ssmtl.engine.graph import ScoreGraph, prepared
from ssmtl.engine.settings import Kind, Precision
from ssmtl.hardware import computes_bfloat16
from ssmtl.nets.inference import for_inference
from ssmtl.nets.network import channels_last

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
"""Sizes that a graph is captured for on a GPU; a batch is filled up to the next one, larger ones are cut."""

COMPILED = (16, 128)
"""The same where kernels are made for each size."""


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Within it, PyTorch has so many threads in this thread; 0: as many as it has."""
    before = torch.get_num_threads()
    if number:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        if number:
            torch.set_num_threads(before)


class _Cast(nn.Module):
    """A network whose inputs are cast to its own precision; its outputs are left as they come."""

    def __init__(self, network: nn.Module, precision: torch.dtype):
        super().__init__()
        self.network = network.to(precision)
        self.precision = precision

    def forward(self, x_BCTHW: Tensor, names: list[str]) -> list[Tensor]:
        return self.network(x_BCTHW.to(self.precision), names)


class PyTorchEngine:
    """float32 and, where the hardware has it, bfloat16; on the CPU or a GPU."""

    kind: Kind = "pytorch"

    def __init__(
        self, subject: Subject, precision: Precision, device: torch.device, compiled: bool = False, threads: int = 0
    ):
        on_cpu = device.type == "cpu"
        half = computes_bfloat16() if on_cpu else torch.cuda.is_bf16_supported(False)
        refuse(self.kind, precision, ["float32", "bfloat16"] if half else ["float32"])
        self.precision = precision
        self.device = device
        self.graph = self._make(subject)
        compiled = compiled and not on_cpu
        self._sizes = COMPILED if compiled else BATCHES
        self._forward: Callable[..., Tensor] = torch.compile(self.graph, dynamic=False) if compiled else self.graph
        self._threads = threads
        self._held: Tensor | None = None
        self._captured: dict[int, Callable[[list[Tensor]], Tensor]] = {}

    def _make(self, subject: Subject) -> ScoreGraph:
        if self.device.type == "cpu" and self.precision == "float32":
            return ScoreGraph(for_inference(subject.network), subject.tasks).eval()
        graph = prepared(subject.network, subject.tasks)
        if self.precision == "bfloat16":
            graph.network = _Cast(copy.deepcopy(graph.network), torch.bfloat16)  # type: ignore[assignment]
        channels_last(graph)
        return graph.to(self.device)

    def scores(self, pictures: NDArray[np.uint8] | Tensor, given: Given) -> NDArray[np.float32]:
        """See `Engine`."""
        rows = [torch.as_tensor(pictures), *(torch.as_tensor(given[name]) for name in self.graph.given)]
        rows = [row.to(self.device, non_blocking=True) for row in rows]
        # Not `inference_mode`: oneDNN's layout does not know its tensors.
        with torch.no_grad():
            if self.device.type != "cuda":
                with _threads(self._threads):
                    return self.graph(*rows).numpy()
            most = self._sizes[-1]
            parts = [self._run([row[i : i + most] for row in rows]) for i in range(0, len(rows[0]), most)]
            return self._fetch(torch.cat(parts))

    def lanes(self) -> list[Engine]:
        """See `Engine`: PyTorch's threads are those of the process."""
        return [self]

    def _fetch(self, scores: Tensor) -> NDArray[np.float32]:
        """From a GPU, by pinned memory: waiting for a copy to any other keeps other threads from the GPU."""
        if self._held is None or len(self._held) < len(scores):
            self._held = torch.empty(scores.shape, pin_memory=True)
        held = self._held[: len(scores)]
        held.copy_(scores, non_blocking=True)
        done = torch.cuda.Event()
        done.record()
        done.synchronize()
        return held.numpy().copy()

    def _run(self, rows: list[Tensor]) -> Tensor:
        """One batch on a GPU, filled up to a size whose graph is captured: hundreds of kernels, one launch."""
        n = len(rows[0])
        size = next(size for size in self._sizes if size >= n)
        if size not in self._captured:
            self._captured[size] = self._capture([torch.zeros(size, *row.shape[1:]).to(row) for row in rows])
        return self._captured[size](rows)[:n].clone()

    def _capture(self, inputs: list[Tensor]) -> Callable[[list[Tensor]], Tensor]:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._forward(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        captured = torch.cuda.CUDAGraph()
        # Frames are uploaded by another thread meanwhile, which has nothing to do with what is captured here.
        with torch.cuda.graph(captured, capture_error_mode="thread_local"):
            output = self._forward(*inputs)

        def run(rows: list[Tensor]) -> Tensor:
            for held, row in zip(inputs, rows, strict=True):
                held[: len(row)].copy_(row)
            captured.replay()
            return output

        return run

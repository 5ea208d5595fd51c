"""What the machine can do at most, by its own measure, and how much work a network is."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ssmtl.engine.again import once
from ssmtl.engine.engine import Subject
from ssmtl.engine.graph import ScoreGraph, examples

SIDE = 2048
"""Of the matrices whose product is taken for the peak."""

ENERGY = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


def best_s(work: Callable[[], object], least_s: float = 0.5) -> float:
    """The shortest of the runs that fit into `least_s` (three at least): machines are shared."""
    work()
    times: list[float] = []
    while len(times) < 3 or sum(times) < least_s:
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def matrix_product(dtype: torch.dtype, device: torch.device) -> float:
    """GFLOP/s of PyTorch's own 2048³ product."""
    a = torch.rand(SIDE, SIDE, device=device).to(dtype)

    def work() -> None:
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize()

    return 2 * SIDE**3 / best_s(work) / 1e9


def gflop_per_object(subject: Subject) -> float:
    """Operations, a multiplication and an addition being two, that one object's scores take, over all passes.

    Of one that is not asked again (`ssmtl.engine.again`), as most are.
    """
    tasks = once(subject.tasks)
    graph = ScoreGraph(subject.network.eval(), tasks)
    device = next(subject.network.parameters()).device
    inputs = [x.to(device) for x in examples(tasks, subject.channels, 1)]
    # PyTorch does not count its fused attention on a CPU, but the plain one that computes the same.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        graph(*inputs)
    return counter.get_total_flops() / 1e9


def energy_j() -> float | None:
    """What the processor has used since some time, or None where it does not tell."""
    try:
        return int(ENERGY.read_text()) / 1e6
    except (OSError, ValueError):
        return None


def percentiles(values: list[float]) -> dict[str, float]:
    """The median and the 95th percentile."""
    return {"p50": round(float(np.quantile(values, 0.5)), 2), "p95": round(float(np.quantile(values, 0.95)), 2)}

"""Rows at once: each in a process of its own, with its share of the machine."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from ssmtl.atomic import write_json
from ssmtl.studies.choices import Scale
from ssmtl.studies.units import Unit
from ssmtl.studies.worker import ERROR, LOG, SETTINGS, Job, as_line

JOB_BYTES = 3 * 2**30
"""Memory that a row takes, about."""

POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs rows, `at_once` of them at a time.

    Attributes:
        dataset, root, scale: the footage.
        out: the studies' folder.
        at_once: processes.
    """

    dataset: str
    root: Path
    scale: Scale
    out: Path
    at_once: int

    @property
    def threads(self) -> int:
        """Of each process."""
        return max(1, cores() // self.at_once)

    def run(self, units: Sequence[Unit], ended: Callable[[Unit, int, int], None]) -> None:
        """Run all; `ended` is told of each with the exit code of its process and how many are left."""
        running: dict[int, tuple[Unit, subprocess.Popen[str]]] = {}
        waiting = list(units)
        try:
            while waiting or running:
                for place in range(self.at_once):
                    if waiting and place not in running:
                        unit = waiting.pop(0)
                        running[place] = unit, self._start(unit, place)
                time.sleep(POLL_S)
                for place, (unit, process) in list(running.items()):
                    if process.poll() is not None:
                        del running[place]
                        process.communicate()
                        ended(unit, process.returncode, len(waiting) + len(running))
        finally:
            for _, process in running.values():
                process.kill()
                process.communicate()

    def _start(self, unit: Unit, place: int) -> "subprocess.Popen[str]":
        unit.folder.mkdir(parents=True, exist_ok=True)
        write_json(unit.folder / SETTINGS, unit.settings)
        (unit.folder / ERROR).unlink(missing_ok=True)
        sequences, trained = self.out / "sequences", unit.trained(self.out)
        job = Job(unit.folder, self.dataset, self.root, self.scale, sequences, trained, self.threads)
        with (unit.folder / LOG).open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "ssmtl.studies.worker"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
                env=_environment(self.threads, place),
            )
        assert process.stdin is not None
        # One that did not even start cannot read: its exit code tells.
        with suppress(BrokenPipeError):
            process.stdin.write(as_line(job))
            process.stdin.flush()
        return process


def why_failed(unit: Unit, code: int) -> str | None:
    """Why the process of `unit`, which ended with `code`, left no result; None where it did."""
    if code == 0:
        return None
    told = unit.folder / ERROR
    if code > 0 and told.is_file():
        return told.read_text(encoding="utf-8")
    return f"its process ended with code {code}, perhaps for want of memory (fewer --jobs); see {unit.folder / LOG}"


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_jobs() -> int:
    """Rows at once: one per GPU, else one per core that has `JOB_BYTES` of free memory."""
    if torch.cuda.is_available():
        return torch.cuda.device_count()
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # Not told on this system.
        return 1
    return max(1, min(cores(), free // JOB_BYTES))


def _environment(threads: int, place: int) -> dict[str, str]:
    """A process's environment: its share of the threads, and one of the GPUs."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(count)))
        environment["CUDA_VISIBLE_DEVICES"] = visible.split(",")[place % count]
    return environment

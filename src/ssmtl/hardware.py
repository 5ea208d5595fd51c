"""What the machine is: its processor and what that can do."""

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


@lru_cache(maxsize=1)
def _cpuinfo() -> dict[str, str]:
    """Fields of the first processor, by name in lower case; empty where the system does not tell."""
    if not CPUINFO.is_file():
        return {}
    first = CPUINFO.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def processor() -> str:
    """The processor's name."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _flags() -> set[str]:
    return set((_cpuinfo().get("flags") or _cpuinfo().get("features") or "").split())


def computes_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware; elsewhere it is slower than float32."""
    return bool(_flags() & {"avx512_bf16", "amx_bf16", "bf16"})


TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Names of settings in glibc's malloc.h."""

KEPT, AFTERWARDS = 1 << 30, 32 << 20
"""Bytes from which on an allocation is a mapping of its own, and of free memory that is given back: while it is kept,
and afterwards, where glibc's own adjustment ends."""


@contextmanager
def kept_memory() -> Iterator[None]:
    """Within it, what is freed is kept for what is allocated next, where the C library is glibc.

    A step of training frees some hundred MB and asks for as many again. Given back in between, each page has to be
    found and cleared anew, which can take as long as the products.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)

    def give_back_from(size: int) -> None:
        libc.mallopt(TRIM_THRESHOLD, size)
        libc.mallopt(MMAP_THRESHOLD, size)

    give_back_from(KEPT)
    try:
        yield
    finally:
        give_back_from(AFTERWARDS)
        libc.malloc_trim(0)

"""What the machine is: its processor and what that can do."""

import os
import platform
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


def computes_int8() -> bool:
    """Whether the processor has products of bytes in hardware."""
    return bool(_flags() & {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})

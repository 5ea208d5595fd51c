"""What the machine is, and how memory is kept."""

import platform
import resource
from pathlib import Path

import pytest
import torch

from ssmtl.hardware import kept_memory

MEGABYTES_40 = 10 * 2**20
"""In float32."""


def page_faults() -> int:
    """Of filling memory that was freed before: the fewest of several times, as it takes some to fit together."""
    least = 10**9
    for _ in range(10):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        some = [torch.empty(MEGABYTES_40).fill_(1.0) for _ in range(2)]
        del some
        least = min(least, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return least


def resident_mb() -> float:
    """Memory of this process that is not given back."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_is_kept_for_what_is_allocated_next() -> None:
    """And no longer than that, nor where it ends by an error."""
    kept = 0.0
    with pytest.raises(ZeroDivisionError), kept_memory():
        assert page_faults() < 100
        kept = resident_mb()
        _ = 1 / 0
    assert resident_mb() < kept - 70


def test_without_glibc_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    with kept_memory():
        assert torch.ones(3).sum() == 3

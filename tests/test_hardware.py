"""What the machine is, and how memory is kept."""

import platform
import resource

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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_is_kept_for_what_is_allocated_next() -> None:
    """And no longer than that, nor where it ends by an error."""
    with pytest.raises(ZeroDivisionError), kept_memory():
        assert page_faults() < 100
        _ = 1 / 0
    assert page_faults() > 1000


def test_without_glibc_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    with kept_memory():
        assert torch.ones(3).sum() == 3

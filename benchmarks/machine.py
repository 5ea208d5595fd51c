"""What a figure was measured on."""

import datetime
import os
import platform
from pathlib import Path
from typing import Any

import torch

from ssmtl import __version__


def machine() -> dict[str, Any]:
    """Processor, cores, versions and the date."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        name = next((line.split(": ")[1] for line in info.read_text().splitlines() if "model name" in line), name)
    return {
        "date": datetime.date.today().isoformat(),
        "processor": name,
        "cores": os.cpu_count(),
        "bfloat16_in_hardware": bool(torch.cpu._is_avx512_bf16_supported()),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "ssmtl": __version__,
    }


def shared_data() -> Path:
    """The folder of data that is not part of the project, by the variable SSMTL_SHARED; ends the program without it."""
    folder = Path(os.environ.get("SSMTL_SHARED", "../shared")) / "data"
    if not folder.is_dir():
        raise SystemExit(f"skipped: {folder} is not there; set SSMTL_SHARED to the folder that holds data/UCSDped2")
    return folder.resolve()

"""Speed and memory of `ssmtl detect` on one UCSD Ped2 clip, and on the same ten times as long.

    python benchmarks/detect_speed.py --model runs/ped2/seed0/model

Everything from decoding to files is included, and the start of the program is told apart. Writes
benchmarks/results/detect_speed.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine, shared_data

from ssmtl.atomic import write_json

RESULTS = Path(__file__).parent / "results"


def lengthened(pictures: list[Path], times: int, folder: Path) -> Path:
    """A folder of links that plays `pictures` forth and back, `times` times."""
    folder.mkdir()
    number = 0
    for turn in range(times):
        for picture in pictures if turn % 2 == 0 else reversed(pictures):
            (folder / f"{number:06d}{picture.suffix}").symlink_to(picture)
            number += 1
    return folder


def measure(clip: Path, model: Path, out: Path) -> dict[str, float]:
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "ssmtl", "detect", clip, "--model", model, "--out", out], stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"detect failed with status {status}")
    facts = json.loads((out / "summary.json").read_text())["clips"][clip.name]
    return {
        "frames": facts["frames"],
        "frames_per_s": facts["frames_per_second"],
        "regions_per_frame": sum(facts["regions"].values()) / facts["frames"],
        "seconds_with_start": round(time.monotonic() - started, 2),
        "peak_memory_MB": round(usage.ru_maxrss / 1024, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    pictures = sorted((shared_data() / "UCSDped2" / "Test" / "Test001").glob("*.jpg"))
    report = machine()
    with tempfile.TemporaryDirectory() as work:
        for times in (1, 10):
            clip = lengthened(pictures, times, Path(work) / f"times{times}")
            report[f"times_{times}"] = measure(clip, options.model.resolve(), Path(work) / f"out{times}")
    write_json(RESULTS / "detect_speed.json", report)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()

"""How long `ssmtl evaluate` takes for a test set of ShanghaiTech's size, from text files to JSON, and its memory.

    python benchmarks/evaluate_speed.py [--largest 10000000]

107 clips, 40 791 frames, 19 000 ground-truth regions; 1 000 000 detections and more, in the field's text format. Beside
it, in the same run: NumPy reading the same files and nothing else. Writes benchmarks/results/evaluate_speed.json and
.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import machine

from ssmtl.atomic import write_json, write_text

RESULTS = Path(__file__).parent / "results"
CLIPS, FRAMES, REGIONS = 107, 40_791, 19_000
WIDTH, HEIGHT = 856, 480
RUNS = 3

READ = """
import sys, numpy as np
from pathlib import Path
for path in sorted(Path(sys.argv[1]).glob("*.txt")):
    np.loadtxt(path, delimiter=",", ndmin=2)
"""


def write_truth(folder: Path, chance: np.random.Generator) -> np.ndarray:
    """Tracks of walking boxes in about half of the frames; returns the regions, clip number first."""
    folder.mkdir()
    lengths = np.full(CLIPS, FRAMES // CLIPS) + (np.arange(CLIPS) < FRAMES % CLIPS)
    rows = []
    while sum(map(len, rows)) < REGIONS:
        clip = int(chance.integers(CLIPS))
        length = int(min(chance.integers(20, 200), lengths[clip], REGIONS - sum(map(len, rows))))
        frames = chance.integers(lengths[clip] - length + 1) + np.arange(length)
        place = chance.uniform([0, 0], [WIDTH - 80, HEIGHT - 160]) + np.outer(np.arange(length), chance.normal(0, 1, 2))
        size = chance.uniform([20, 50], [60, 140])
        corners = np.clip(np.concatenate([place, place + size], axis=1), 0, [WIDTH, HEIGHT] * 2).round()
        rows.append(np.column_stack([np.full(length, clip), np.full(length, len(rows)), frames, corners]))
    truth = np.concatenate(rows).astype(int)
    for clip in range(CLIPS):
        np.savetxt(folder / f"{clip:03}.txt", truth[truth[:, 0] == clip, 1:], "%d", ",")
    return truth


def write_regions(folder: Path, truth: np.ndarray, count: int, chance: np.random.Generator) -> None:
    """Found regions, a third of them near ground truth, the rest anywhere; all scores differ or nearly so."""
    folder.mkdir()
    near = truth[chance.integers(len(truth), size=count // 3)]
    clip = np.append(near[:, 0], chance.integers(CLIPS, size=count - len(near)))
    frame = np.append(near[:, 2], chance.integers(FRAMES // CLIPS, size=count - len(near)))
    low = chance.uniform([0, 0], [WIDTH - 80, HEIGHT - 160], (count - len(near), 2))
    anywhere = np.concatenate([low, low + chance.uniform([20, 50], [60, 140], low.shape)], axis=1)
    boxes = np.concatenate([near[:, 3:] + chance.normal(0, 12, (len(near), 4)), anywhere]).round(1)
    boxes[:, 2:] = np.maximum(boxes[:, :2], boxes[:, 2:])
    score = np.clip(np.append(chance.normal(0.6, 0.2, len(near)), chance.normal(0.4, 0.2, len(low))), 0, 1)
    rows = np.column_stack([frame, boxes, score])
    order = np.argsort(clip, kind="stable")
    edges = np.searchsorted(clip[order], np.arange(CLIPS + 1))
    for i in range(CLIPS):
        np.savetxt(folder / f"{i:03}.txt", rows[order[edges[i] : edges[i + 1]]], "%d,%.1f,%.1f,%.1f,%.1f,%.6f")


def run(*command: str) -> tuple[float, str]:
    """Seconds of a process, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def peak_mb(*command: str) -> float:
    """The most memory that a process had at once; only one's children are counted, so a process of its own asks."""
    ask = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    return int(run("-c", ask, sys.executable, *command)[1]) / 1024


def measure(count: int, folder: Path) -> dict:
    chance = np.random.default_rng(0)
    truth = write_truth(folder / "tracks", chance)
    write_regions(folder / "regions", truth, count, chance)
    paths = [
        "--tracks",
        str(folder / "tracks"),
        "--regions",
        str(folder / "regions"),
        "--frames",
        str(FRAMES),
        "--json",
    ]
    command = ["-m", "ssmtl", "evaluate", *paths]
    run("-c", READ, str(folder / "regions"))  # brings the files into memory
    times, reads = [], []
    for _ in range(RUNS):
        reads.append(run("-c", READ, str(folder / "regions"))[0])
        seconds, printed = run(*command)
        times.append(seconds)
    regions = json.loads(printed)["regions"]
    return {
        "detections": count,
        "seconds": min(times),
        "all_seconds": times,
        "reading_alone_seconds": min(reads),
        "ratio": min(times) / min(reads),
        "peak_mb": peak_mb(*command),
        "rbdc": regions["rbdc"],
        "tbdc": regions["tbdc"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=10_000_000)
    options = parser.parse_args()
    rows = []
    for count in (100_000, 1_000_000, 3_000_000, 10_000_000):
        if count <= options.largest:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(measure(count, Path(folder)))
            print(rows[-1], flush=True)
    report = {**machine(), "clips": CLIPS, "frames": FRAMES, "ground_truth_regions": REGIONS, "rows": rows}
    write_json(RESULTS / "evaluate_speed.json", report)
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['cores']} cores, ssmtl {report['ssmtl']}; "
        f"{CLIPS} clips, {FRAMES} frames, {REGIONS} ground-truth regions; best of {RUNS} runs, start of Python "
        "included. Made by `benchmarks/evaluate_speed.py`.",
        "",
        "| detections | `ssmtl evaluate`, s | NumPy reading the files, s | ratio | peak memory, MB |",
        "|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['detections']:,} | {row['seconds']:.2f} | {row['reading_alone_seconds']:.2f} | {row['ratio']:.1f} "
            f"| {row['peak_mb']:.0f} |"
        )
    write_text(RESULTS / "evaluate_speed.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

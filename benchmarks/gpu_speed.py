"""On a GPU: the network alone, the whole of v1 from frames in memory, and the same scores as on the CPU.

    python benchmarks/gpu_speed.py [--model MODEL]

Says so and ends where PyTorch sees no GPU. Without --model, an untrained v1. Frames come from memory, so that decoding
is no bottleneck, with seven boxes per frame that are known beforehand, so that finding regions on the CPU is none. The
pipeline is run with each precision whatever its scores differ by, which is told.
Writes benchmarks/results/gpu_speed.json.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from machine import machine

from ssmtl import configure, load_model
from ssmtl.atomic import write_json
from ssmtl.bench.footage import Walkers
from ssmtl.bench.peak import best_s, gflop_per_object, matrix_product
from ssmtl.bench.run import untrained
from ssmtl.engine.build import build_engine
from ssmtl.engine.choose import reference_scores, run_all, score_difference
from ssmtl.model import with_settings
from ssmtl.regions.regions import Regions
from ssmtl.regions.union import Union
from ssmtl.scoring.stream import score_stream
from ssmtl.video.frame import Frame

RESULTS = Path(__file__).parent / "results"
BATCHES = (1, 7, 16, 64, 128)
WAYS = (("float32", False), ("bfloat16", False), ("bfloat16", True))
"""Precision, and whether kernels are compiled."""


class Given:
    """Seven boxes that move slowly, known without looking."""

    def detect(self, frame: Frame, known: Regions) -> Regions:
        """The boxes of `frame`."""
        left = (np.arange(7) * 90 + frame.index) % 600
        return Regions.make(np.stack([left, left * 0 + 100, left + 40, left * 0 + 200], axis=1), "given")

    def reset(self) -> None:
        """Nothing to forget."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--frames", type=int, default=3606)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("skipped: PyTorch sees no GPU here")
    model = load_model(options.model) if options.model else untrained(configure("ssmtlpp-v1"))
    pictures = [frame.image for frame in Walkers(64, 7)]
    frames = [Frame(i, i / 25, pictures[i % 64]) for i in range(options.frames)]
    device, subject = torch.device("cuda"), model.subject
    exact, gflop = reference_scores(subject), gflop_per_object(subject)
    rows = []
    for precision, compiled in WAYS:
        engine = build_engine(subject, "pytorch", precision, 0, device, compiled)
        peak = matrix_product(torch.bfloat16, device)
        row = {
            "precision": precision,
            "compiled": compiled,
            "largest_difference": score_difference(exact, run_all(engine, subject.samples, 64), subject),
        }
        for n in BATCHES:
            few = subject.samples.first(n)
            there = torch.from_numpy(few.pictures).to(device)
            rate = n / best_s(lambda e=engine, p=there, g=few.given: e.scores(p, g))
            row[f"objects_per_s_batch_{n}"] = rate
            row[f"of_peak_batch_{n}"] = rate * gflop / peak
        way = {"device": "cuda", "kind": "pytorch", "precision": precision, "compiled": compiled}
        used = with_settings(model, {"scoring": {"batch": 128, "max_wait": 32}, "engine": way})
        # As many frames in the last batch as in what is measured, for which a graph is captured here.
        warm = len(frames) % 18 + 180
        list(score_stream(frames[:warm], used, Union([Given()])))
        started = time.perf_counter()
        count = sum(1 for _ in score_stream(frames, used, Union([Given()])))
        row["frames_per_s"] = count / (time.perf_counter() - started)
        rows.append(row | {"peak_gflop_per_s": peak})
        print(rows[-1], flush=True)
    report = {
        **machine(),
        "gpu": torch.cuda.get_device_name(),
        "recipe": model.configuration.recipe,
        "gflop_per_object": gflop,
        "trained": bool(model.training.get("epochs")),
        "frames": len(frames),
        "ways": rows,
    }
    write_json(RESULTS / "gpu_speed.json", report)
    print(report)


if __name__ == "__main__":
    main()

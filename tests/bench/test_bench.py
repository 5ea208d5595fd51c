"""`ssmtl bench`, its footage, and how it takes times."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ssmtl.bench.footage import Walkers, write_footage
from ssmtl.bench.peak import gflop_per_object, matrix_product
from ssmtl.bench.run import bench, untrained
from ssmtl.bench.stages import STAGES, Clock, run
from ssmtl.errors import ConfigError, ModelError, OutputError
from ssmtl.recipes import configure
from ssmtl.regions.background import BackgroundSettings
from ssmtl.regions.flow import FlowSettings
from ssmtl.regions.union import build_detector
from ssmtl.video.sources import Clip, open_source


@pytest.mark.parametrize("objects", [1, 7, 30, 100])
def test_the_footage_shows_as_many_objects_as_it_says(objects: int) -> None:
    """To the default detectors, but for those that are just entering or leaving."""
    walkers = Walkers(12, objects)
    detector = build_detector((BackgroundSettings(), FlowSettings()), "x", walkers.scene)
    counts = [len(detector.detect(frame)) for frame in walkers]
    assert np.mean(counts[2:]) == pytest.approx(objects, rel=0.2, abs=0.6)


def test_the_footage_as_a_file(tmp_path: Path) -> None:
    walkers = Walkers(10, 2)
    frames = list(open_source(Clip("w", write_footage(tmp_path / "w.mp4", walkers))))
    assert len(frames) == 10 and frames[0].image.shape == (360, 640, 3)
    for frame in frames:
        assert np.abs(frame.image.astype(int) - walkers.picture(frame.index)).mean() < 8, "but for the coding"


def test_a_stage_is_charged_for_its_own_time_only() -> None:
    clock = Clock()

    def slow(items: Iterator[int], seconds: float) -> Iterator[int]:
        for item in items:
            time.sleep(seconds)
            yield item

    first = lambda: clock.stage(lambda: slow(iter(range(5)), 0.01), 4, "first")  # noqa: E731
    second = clock.stage(lambda: slow(first(), 0.03), 4, "second")
    assert list(second) == list(range(5))
    assert clock.seconds["first"] == pytest.approx(0.05, abs=0.03)
    assert clock.seconds["second"] == pytest.approx(0.15, abs=0.05)


def test_operations_are_counted_over_all_passes() -> None:
    """By hand, of one head and the smallest backbone: 2 · 27 · inputs · filters · pixels · frames, and the head."""
    model = untrained(configure("fast", {"tasks": [{"kind": "arrow_of_time"}]}))
    sizes = [(3, 16, 64), (16, 32, 32), (32, 32, 16)]
    backbone = sum(2 * 27 * a * b * side * side * 7 for a, b, side in sizes)
    head = 2 * 9 * 32 * 32 * 8 * 8 + 2 * 512 * 2
    assert gflop_per_object(model.subject) * 1e9 == pytest.approx(backbone + head, rel=1e-6)


def test_the_peak_is_a_rate() -> None:
    assert 1 < matrix_product(torch.float32, torch.device("cpu")) < 1e6


def test_bench_writes_what_it_measured(tmp_path: Path) -> None:
    plain = {"engine": {"kind": "pytorch", "precision": "float32"}}
    model = untrained(configure("fast", plain))
    report = bench(model, tmp_path / "out", frames=60, objects=2)
    assert report == json.loads((tmp_path / "out" / "bench.json").read_text())
    assert (tmp_path / "out" / "bench.png").read_bytes().startswith(b"\x89PNG")
    text = (tmp_path / "out" / "bench.md").read_text()
    assert f"**{report['frames_per_s']:.1f} frames/s**" in text and "untrained" in text
    assert report["frames"] == 60 and report["objects_per_frame"] == pytest.approx(2, abs=1)
    assert tuple(report["stages_ms_per_frame"]) == STAGES and min(report["stages_ms_per_frame"].values()) >= 0
    summed = sum(report["stages_ms_per_frame"].values())
    assert summed == pytest.approx(1000 / report["one_stage_at_a_time_frames_per_s"], rel=0.02)
    delay = report["live"]["delay_ms"]
    assert 0 < delay["p50"] <= delay["p95"]
    assert report["engine"]["kind"] == "pytorch" and not report["trained"]
    for n, row in report["network"]["batches"].items():
        rate = report["network"]["gflop_per_object"] / row["ms_per_object"] * 1000
        assert row["gflop_per_s"] == pytest.approx(rate, rel=0.01, abs=0.051), n  # of one decimal
    with pytest.raises(OutputError):
        bench(model, tmp_path / "out", frames=60)


def test_what_cannot_be_measured(tmp_path: Path) -> None:
    model = untrained(configure("fast"))
    with pytest.raises(ModelError, match="no training crops"):
        bench(replace(model, samples=None), tmp_path / "out")
    boxes = configure("fast", {"detectors": [{"kind": "boxes", "path": str(tmp_path)}]})
    with pytest.raises(ConfigError, match="none of generated footage"):
        bench(replace(model, configuration=boxes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_regions_of_a_clip_are_that_clips_and_within_zones(tmp_path: Path) -> None:
    """Of boxes that a file has, one stands where nobody is to look."""
    (tmp_path / "boxes.csv").write_text(
        "clip,frame,x_min,y_min,x_max,y_max\n"
        + "".join(f"street,{i},10,10,30,50\nstreet,{i},500,10,530,50\n" for i in range(20))
    )
    changes = {
        "detectors": [{"kind": "boxes", "path": str(tmp_path / "boxes.csv")}],
        "zones": [{"kind": "ignore", "name": "left", "points": [[0, 0], [0.3, 0], [0.3, 1], [0, 1]]}],
        "engine": {"kind": "pytorch", "precision": "float32"},
    }
    model = untrained(configure("fast", changes))
    frames = open_source(Clip("street", write_footage(tmp_path / "street.mp4", Walkers(20, 1))))
    (tmp_path / "work").mkdir()
    assert run(frames, model, tmp_path / "work", name="street")["objects"] == 20

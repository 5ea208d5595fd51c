"""`ssmtl bench`: this machine's speed, in one table, one picture and JSON."""

import datetime
import resource
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssmtl.atomic import claim_output, write_json, write_text
from ssmtl.bench.footage import RATE, Walkers, write_footage
from ssmtl.bench.peak import best_s, gflop_per_object, matrix_product
from ssmtl.bench.stages import STAGES, Clock, live_delay_ms, run
from ssmtl.engine.cache import versions
from ssmtl.engine.choose import pick_engine_device
from ssmtl.engine.graph import given_names, given_shape
from ssmtl.engine.samples import Samples
from ssmtl.errors import ConfigError, ModelError, SourceError
from ssmtl.hardware import computes_bfloat16, cores, processor
from ssmtl.model import Model, build_network
from ssmtl.nets.inference import for_inference
from ssmtl.progress import Progress, Silent
from ssmtl.recipes import Configuration
from ssmtl.report.speed import plot_speed
from ssmtl.scoring.attributes import Usual, attribute_scores, learn_usual
from ssmtl.scoring.motion import NEEDED, measure_motion
from ssmtl.scoring.score import ScoredPart, measure_scales, raw_scores
from ssmtl.sequences.crop import crop, shown_sizes
from ssmtl.tasks.task import FRAMES, REACH
from ssmtl.video.sources import Clip, open_source, problem_of

BATCHES = (1, 7, 16)

LIVE_S = 8.0
"""Seconds that the delay of a live camera is measured over."""


def bench(
    model: Model,
    out: Path | str,
    *,
    clip: Clip | None = None,
    frames: int = 300,
    objects: int = 7,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure how fast this machine runs `model`, and write `bench.json`, `bench.md` and `bench.png` into `out`.

    Args:
        model: a trained model, or one by `untrained`.
        out: folder for the results.
        clip: footage to measure on; without it, `objects` walkers on 640×360 pixels are generated.
        frames, objects: of the generated footage.
        overwrite: write into a folder that holds something.
        progress: shows the stages.

    Raises:
        ConfigError: regions are read from files, and no clip is named.
        ModelError: the model keeps no crops.
        OutputError: `out` is taken or cannot be written.
        SourceError: the clip cannot be read.
    """
    progress = progress or Silent()
    out = Path(out)
    if model.samples is None:
        raise ModelError("the model keeps no training crops (engine.samples) to measure the network on; train it again")
    if clip is None and any(detector.kind == "boxes" for detector in model.configuration.detectors):
        raise ConfigError("detectors: regions are read from files, which have none of generated footage; name a clip")
    claim_output(out, overwrite)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if clip is None:
            step = progress.stage("drawing footage", None)
            walkers = Walkers(frames, objects)
            clip = Clip("walkers", write_footage(work / "walkers.mp4", walkers))
            model = replace(model, scene=walkers.scene) if not model.training.get("epochs") else model
            step()
        progress.stage("choosing an engine", None)()
        choice = model.engine_choice
        progress.stage("measuring the network", None)()
        network = measure_network(model)
        progress.stage("measuring the stages", None)()
        clock = Clock()
        try:
            alone = run(open_source(clip), model, work, clock, clip.name)
        except SourceError as error:
            raise SourceError(problem_of(clip, error)) from error
        progress.stage("measuring the whole", None)()
        whole = run(open_source(clip), model, work, name=clip.name)
        progress.stage("measuring the delay of a live camera", None)()
        rate = min(RATE, 0.8 * whole["frames"] / whole["seconds"])
        few = [frame for frame, _ in zip(open_source(clip), range(int(LIVE_S * rate) + 1), strict=False)]
        live = live_delay_ms(few, model, rate, clip.name)
    report = {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "cores": cores(),
        "device": _device_name(pick_engine_device(model.configuration.engine)),
        "versions": versions(),
        "recipe": model.configuration.recipe,
        "trained": bool(model.training.get("epochs")),
        "every": model.configuration.scoring.every,
        "engine": asdict(choice),
        "network": network,
        "stages_ms_per_frame": {name: round(1000 * clock.seconds[name] / alone["frames"], 3) for name in STAGES},
        "frames": whole["frames"],
        "objects_per_frame": round(whole["objects"] / whole["frames"], 2),
        "frames_per_s": round(whole["frames"] / whole["seconds"], 2),
        "objects_per_s": round(whole["objects"] / whole["seconds"], 1),
        "one_stage_at_a_time_frames_per_s": round(alone["frames"] / alone["seconds"], 2),
        "joule_per_frame": round(whole["joule"] / whole["frames"], 3) if "joule" in whole else None,
        "live": live,
        "peak_memory_MB": round(_peak_memory_mb(), 1),
        "configuration": model.configuration.model_dump(mode="json"),
    }
    write_json(out / "bench.json", report)
    write_text(out / "bench.md", table(report))
    plot_speed(out / "bench.png", report)
    return report


def untrained(configuration: Configuration, seed: int = 0) -> Model:
    """A network that learnt nothing, with crops of generated footage: as fast as a trained one.

    What an engine does to the scores of such a network says little, so that `auto` may choose otherwise than for a
    trained one; name engine.kind and engine.precision to compare.
    """
    walkers = Walkers(40, 7)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(configuration, 3).eval()
    boxes, pictures = (
        np.concatenate(parts)
        for parts in zip(*(_crops(walkers, index, configuration) for index in range(0, 34, 2)), strict=True)
    )
    names = given_names(configuration.scoring_tasks)
    chance = np.random.default_rng(0)
    given = {name: chance.random((len(pictures), *given_shape(name)), np.float32) for name in names}
    samples = Samples(pictures, given)
    with torch.no_grad():
        x_BCTHW = torch.from_numpy(pictures).float().div_(255)
        known = {name: torch.from_numpy(rows) for name, rows in given.items()}
        raw = raw_scores(for_inference(network), configuration.scoring_tasks, x_BCTHW, known).numpy()
    usual: Usual | None = None
    if configuration.attributes:
        middle = slice(REACH - NEEDED // 2, REACH + NEEDED // 2 + 1)
        shown = shown_sizes(boxes, configuration.sequences.padding, *walkers.scene.background.shape)
        motion = measure_motion(pictures[:, :, middle], shown)
        usual = learn_usual(motion, boxes, np.ones(len(boxes), bool), None, configuration.attributes)
        raw = np.concatenate([raw, attribute_scores(motion, boxes, usual, configuration.attributes)], axis=1)
    scales = measure_scales(raw, [ScoredPart(part.kind) for part in configuration.scoring_parts])
    return Model(configuration, network, 3, walkers.scene, scales, {}, samples, usual=usual)


def _crops(walkers: Walkers, index: int, configuration: Configuration) -> tuple[np.ndarray, np.ndarray]:
    """Boxes, and what they show."""
    chance = np.random.default_rng(index)
    low = chance.uniform([0, 0], [580, 280], (7, 2))
    boxes = np.concatenate([low, low + np.array([30, 70])], axis=1).astype(np.float32)
    pictures = [walkers.picture(index + t) for t in range(FRAMES)]
    return boxes, np.ascontiguousarray(crop(pictures, boxes, configuration.sequences.padding))


def measure_network(model: Model) -> dict[str, Any]:
    """Milliseconds per object in batches, and the share of this machine's matrix product, measured between them."""
    subject, engine = model.subject, model.engine
    assert subject.samples is not None
    gflop = gflop_per_object(subject)
    half = computes_bfloat16() if engine.device.type == "cpu" else True
    dtype = torch.bfloat16 if half else torch.float32
    rows = {}
    for n in BATCHES:
        few = subject.samples.first(n)
        peak = matrix_product(dtype, engine.device)
        ms = 1000 * best_s(partial(engine.scores, few.pictures, few.given)) / n
        rate = gflop / ms * 1000
        rows[str(n)] = {"ms_per_object": round(ms, 3), "gflop_per_s": round(rate, 1), "of_peak": round(rate / peak, 3)}
    return {
        "gflop_per_object": round(gflop, 3),
        "peak": f"PyTorch's {str(dtype).removeprefix('torch.')} 2048³ product",
        "peak_gflop_per_s": round(peak, 1),
        "batches": rows,
    }


def table(report: dict[str, Any]) -> str:
    """The report in Markdown."""
    network, engine, live = report["network"], report["engine"], report["live"]
    trained = "" if report["trained"] else ", untrained"
    rows = network["batches"].items()
    batches = ", ".join(f"{row['ms_per_object']:.2f} ms in batches of {n} ({row['of_peak']:.2f})" for n, row in rows)
    fast, objects, delay = report["frames_per_s"], report["objects_per_s"], live["delay_ms"]
    lines = [
        f"Measured on {report['date']}: {report['processor']}, {report['cores']} cores, {report['device']}; recipe "
        f"`{report['recipe']}`{trained}, {report['objects_per_frame']} objects per frame, scored on every "
        f"{report['every']}. frame, by {engine['kind']} in {engine['precision']}.",
        "",
        "| what | |",
        "|---|---|",
        f"| the whole, from file to CSV | **{fast:.1f} frames/s**, {objects:.0f} objects/s |",
        f"| one stage at a time | {report['one_stage_at_a_time_frames_per_s']:.1f} frames/s |",
        *(f"| {name}, ms per frame | {ms:.2f} |" for name, ms in report["stages_ms_per_frame"].items()),
        f"| network, per object (share of the peak) | {batches} |",
        f"| its work | {network['gflop_per_object']:.2f} GFLOP per object |",
        f"| the peak: {network['peak']} | {network['peak_gflop_per_s']:.0f} GFLOP/s |",
        f"| delay behind a camera of {live['camera_frames_per_s']:.1f} frames/s | {delay['p50']:.0f} ms (p95 "
        f"{delay['p95']:.0f}), of which at most {live['waiting_ms']:.0f} wait for later frames |",
        f"| memory | {report['peak_memory_MB']:.0f} MB |",
    ]
    if report["joule_per_frame"] is not None:
        lines.append(f"| energy of the processor | {report['joule_per_frame']:.2f} J per frame |")
    return "\n".join(lines) + "\n"


def _peak_memory_mb() -> float:
    # Kilobytes on Linux, bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 2**20)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"

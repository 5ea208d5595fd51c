"""What `ssmtl-plus` costs beside `fast`, in turns, on the scenes that models of both were trained on.

    python benchmarks/plus_cost.py --ped2 runs/ped2/seed0/model runs/plus/seed0/model \\
        --vtest runs/vtest/vtest_fast/seed0 runs/vtest/vtest_ssmtl-plus/seed0 [--rounds 5]

From video files to CSV, frames per second: three test clips of UCSD Ped2, and the rest of `vtest.avi`. Of all objects
that `ssmtl-plus` sees, how many are asked the arrow of time again depends on the footage, and so does what it costs.
Both are run by the engine that `auto` takes for `fast`.
Writes benchmarks/results/plus_cost.json and .md.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from machine import machine, shared_data
from vtest import TRAINED_ON

from ssmtl import load_model, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.bench.stages import Clock, run
from ssmtl.model import Model, with_settings
from ssmtl.video.sources import Clip, open_source

RESULTS = Path(__file__).parent / "results"
STAGES = ("decode", "regions", "crop", "network", "scores", "write")


def clips_of(scene: str) -> list[Clip]:
    if scene == "ped2":
        return open_dataset("ucsd", shared_data() / "UCSDped2").test_clips()[:3]
    return [Clip("vtest", shared_data() / "video" / "vtest.avi", TRAINED_ON)]


def whole(clips: list[Clip], model: Model, work: Path) -> dict[str, float]:
    """Frames, objects and seconds of all clips."""
    parts = [run(open_source(clip), model, work) for clip in clips]
    return {name: sum(part[name] for part in parts) for name in ("frames", "objects", "seconds")}


def by_stage(clips: list[Clip], model: Model, work: Path) -> dict[str, float]:
    """Milliseconds per frame, one stage at a time."""
    frames, spent = 0.0, dict.fromkeys(STAGES, 0.0)
    for clip in clips:
        clock = Clock()
        frames += run(open_source(clip), model, work, clock)["frames"]
        for name in STAGES:
            spent[name] += clock.seconds[name]
    return {name: 1000 * s / frames for name, s in spent.items()}


def measure(scene: str, folders: list[Path], rounds: int, work: Path) -> dict:
    clips = clips_of(scene)
    choice = load_model(folders[0]).engine_choice
    engine = {"engine": {"kind": choice.kind, "precision": choice.precision}}
    models = [with_settings(load_model(folder), engine) for folder in folders]
    kept: list[list[float]] = [[] for _ in models]
    for model in models:
        model.engine  # noqa: B018 - chosen before the clock runs
        run(open_source(clips[0]), model, work)
    for _ in range(rounds):
        for model, rates in zip(models, kept, strict=True):
            done = whole(clips, model, work)
            rates.append(done["frames"] / done["seconds"])
    return {
        "scene": scene,
        "engine": f"{choice.kind} {choice.precision}",
        "frames": done["frames"],
        "objects_per_frame": done["objects"] / done["frames"],
        "frames_per_s": kept,
        "times_the_cost": statistics.median(fast / plus for fast, plus in zip(*kept, strict=True)),
        "stages_ms_per_frame": [by_stage(clips, model, work) for model in models],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for scene in ("ped2", "vtest"):
        parser.add_argument(f"--{scene}", type=Path, nargs=2, metavar=("FAST", "PLUS"), required=True)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scenes = ("ped2", "vtest")
        rows = [measure(scene, getattr(options, scene), options.rounds, Path(folder)) for scene in scenes]
    report = {**machine(), "rounds": options.rounds, "rows": rows}
    write_json(RESULTS / "plus_cost.json", report)
    write_text(RESULTS / "plus_cost.md", table(report))


def table(report: dict) -> str:
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['cores']} cores; medians of {report['rounds']} "
        "rounds in turns; stages one at a time. Made by `benchmarks/plus_cost.py`.",
        "",
        "| scene | regions per frame | recipe | engine | frames/s | times the cost | "
        "decode, regions, crop, network, scores, write: ms per frame |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        for i, recipe in enumerate(("fast", "ssmtl-plus")):
            shown = ", ".join(f"{row['stages_ms_per_frame'][i][k]:.1f}" for k in STAGES)
            ratio = f"**{row['times_the_cost']:.2f}**" if i else ""
            lines.append(
                f"| {row['scene']} | {row['objects_per_frame']:.1f} | `{recipe}` | {row['engine']} | "
                f"{statistics.median(row['frames_per_s'][i]):.1f} | {ratio} | {shown} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

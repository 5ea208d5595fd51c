"""What is promised of a threshold, and what then happens: an hour of a generated street, and half of a real clip.

    python benchmarks/false_alarms.py --model ssmtl-demo/model --work runs/false_alarms [--vtest MODEL]

A model of the demonstration's street is calibrated on ten minutes of other walkers, by several budgets. Then it sees an
hour of yet others, in which nothing is wrong, and 25 clips with an anomaly each. With --vtest, a model that was fitted
to the first 400 frames of vtest.avi sees the rest, in which nothing is wrong either. Can be killed and run again.
Writes benchmarks/results/false_alarms.json and .md.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from machine import machine, shared_data

from ssmtl import load_model
from ssmtl.atomic import write_json, write_text
from ssmtl.calibrating import LEAST_THRESHOLD, score_clip
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.datasets.own import OwnDataset
from ssmtl.datasets.street import StreetConfig, write_street
from ssmtl.model import Model
from ssmtl.scoring.events import find_spans
from ssmtl.scoring.threshold import Curve, choose_threshold
from ssmtl.video.sources import Clip

RESULTS = Path(__file__).parent / "results"
BUDGETS = ("1/minute", "30/hour", "6/hour", "1/hour", "1/day")
CLIPS = {"calibration": (4, 3750, 101), "hour": (24, 3750, 102)}
"""Clips, frames of each, and the seed of their walkers."""

ANOMALIES, ANOMALY_FRAMES = 25, 200


def footage(work: Path, name: str) -> list[Clip]:
    clips, frames, seed = CLIPS[name]
    root = work / name
    if not (root / "abnormal.csv").is_file():
        with Bars(console) as bars:
            step = bars.stage(f"drawing {name}", clips * frames)
            write_street(root, StreetConfig(), seed, clips, frames, 0, 0, lambda done, total: step())
    return OwnDataset(root).train_clips()


def curves(work: Path, name: str, clips: list[Clip], model: Model) -> list[Curve]:
    """Frame scores of clips, kept from an earlier run."""
    found = []
    for clip in clips:
        file = work / "scores" / name / f"{clip.name}.npy"
        if not file.is_file():
            with Bars(console) as bars:
                curve = score_clip(clip, model, bars)
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, np.stack([curve.times_s, curve.scores]))
        times, scores = np.load(file)
        found.append(Curve(times, scores))
    return found


def street(model: Model, work: Path, minutes: float) -> dict:
    settings = model.configuration.events
    calibration = curves(work, "calibration", footage(work, "calibration"), model)
    clips = footage(work, "hour")
    hour = curves(work, "hour", clips[: max(1, round(len(clips) * minutes / 60))], model)
    root = work / "anomalies"
    if not (root / "abnormal.csv").is_file():
        write_street(root, StreetConfig(), 103, 0, 0, ANOMALIES, ANOMALY_FRAMES)
    data = OwnDataset(root)
    abnormal = []
    for clip, curve in zip(data.test_clips(), curves(work, "anomalies", data.test_clips(), model), strict=True):
        abnormal.append((curve, data.frame_labels(clip, len(curve.scores))))
    seconds = sum(curve.seconds for curve in hour)
    rows = []
    for budget in BUDGETS:
        found = choose_threshold(calibration, settings, budget, LEAST_THRESHOLD, model.most_possible[0])
        events = sum(len(find_spans(c.times_s, c.scores, settings, found.value)) for c in hour)
        hits = 0
        for curve, labels in abnormal:
            spans = find_spans(curve.times_s, curve.scores, settings, found.value)
            hits += any(labels[span.first_frame : span.last_frame + 1].any() for span in spans)
        rows.append(
            {
                "budget": budget,
                "threshold": found.value,
                "kept": found.kept,
                "allowed_per_hour": found.per_day / 24,
                "bound_per_hour": found.bound_per_day / 24,
                "words": found.words(),
                "events": events,
                "per_hour": events / seconds * 3600,
                "anomalies_found": hits,
                "anomalies": len(abnormal),
            }
        )
    return {"seconds": seconds, "calibration_s": sum(c.seconds for c in calibration), "rows": rows}


def vtest(folder: Path, work: Path) -> dict:
    model = load_model(folder)
    clip = Clip("vtest", shared_data() / "video" / "vtest.avi", 400)
    (curve,) = curves(work, "vtest", [clip], model)
    value, said_by = model.threshold()
    assert model.calibration is not None
    events = len(find_spans(curve.times_s, curve.scores, model.configuration.events, value))
    threshold = next(iter(model.calibration.thresholds.values()))
    return {
        "threshold": value,
        "words": threshold.words(),
        "said_by": said_by,
        "seconds": curve.seconds,
        "highest": float(curve.scores.max()),
        "events": events,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--vtest", type=Path)
    parser.add_argument("--minutes", type=float, default=60, help="of the hour that are watched")
    options = parser.parse_args()
    report = {**machine(), "street": street(load_model(options.model), options.work, options.minutes)}
    if options.vtest:
        report["vtest"] = vtest(options.vtest, options.work)
    write_json(RESULTS / "false_alarms.json", report)
    write_text(RESULTS / "false_alarms.md", table(report))
    print(json.dumps(report["street"]["rows"], indent=1))


def table(report: dict) -> str:
    street = report["street"]
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['cores']} cores. Made by "
        f"`benchmarks/false_alarms.py`. Generated street: calibrated on {street['calibration_s'] / 60:.0f} minutes, "
        f"then {street['seconds'] / 60:.0f} minutes of other walkers, and clips with one anomaly each.",
        "",
        "| budget | threshold | promise or estimate, per hour | promised at most, per hour | false alarms in the time, "
        "per hour | anomalies found |",
        "|---|---|---|---|---|---|",
    ]
    for row in street["rows"]:
        how = "promise" if row["kept"] else "estimate"
        lines.append(
            f"| {row['budget']} | {row['threshold']:.3f} | {how}, {row['allowed_per_hour']:.2f} | "
            f"{row['bound_per_hour']:.1f} | {row['per_hour']:.1f} | {row['anomalies_found']} of {row['anomalies']} |"
        )
    if "vtest" in report:
        real = report["vtest"]
        lines += [
            "",
            f"vtest.avi, fitted to its first 400 frames: {real['words']}. In the other {real['seconds']:.0f} seconds: "
            f"{real['events']} events, highest score {real['highest']:.2f}.",
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

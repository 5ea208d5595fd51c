"""How well regions by motion agree with a person detector's boxes on Ped2's TRAINING clips: no labels, no test footage.

    python benchmarks/regions_agreement.py --detector ../shared/weights/yolox_nano_416.onnx

By `split_aspect`, the width of one person over the height, and without splitting; and by `fragment`, the share of one
person's area below which a piece joins a neighbour. Writes benchmarks/results/regions_agreement.json and .md.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from machine import machine, shared_data

from ssmtl import open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.regions.background import BackgroundSettings
from ssmtl.regions.onnx import OnnxSettings
from ssmtl.regions.regions import overlaps
from ssmtl.sequences.store import ClipRegions, find_regions
from ssmtl.sequences.survey import survey

RESULTS = Path(__file__).parent / "results"
CLIPS, EVERY = 6, 3
ASPECTS, FRAGMENTS = (0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.8), (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
WITHOUT = {"fragment": 0}
CHOICES = [{"split_aspect": aspect} | WITHOUT for aspect in ASPECTS] + [{"split": False} | WITHOUT]
CHOICES += [{"split_aspect": 0.5, "fragment": share} for share in FRAGMENTS]


def best_overlaps(boxes: ClipRegions, others: ClipRegions) -> list[float]:
    """For each box of every third frame the highest intersection over union with one of `others`."""
    found: list[float] = []
    for index in range(0, boxes.length, EVERY):
        mine, theirs = boxes.boxes[boxes.frames == index], others.boxes[others.frames == index]
        if len(mine):
            found += overlaps(mine, theirs).max(axis=1).tolist() if len(theirs) else [0.0] * len(mine)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", type=Path, required=True)
    options = parser.parse_args()
    clips = open_dataset("ucsd", shared_data() / "UCSDped2").train_clips()
    scene = survey(clips).scene
    assert scene is not None
    rows = []
    with tempfile.TemporaryDirectory() as folder:

        def regions(settings) -> list[ClipRegions]:
            return [find_regions(clip, (settings,), scene, Path(folder), lambda: None) for clip in clips[:CLIPS]]

        people = regions(OnnxSettings(path=options.detector, min_confidence=0.5))
        for changes in CHOICES:
            moving = regions(BackgroundSettings(**changes))
            found = np.array([v for a, b in zip(people, moving, strict=True) for v in best_overlaps(a, b)])
            right = np.array([v for a, b in zip(moving, people, strict=True) for v in best_overlaps(a, b)])
            rows.append(
                {
                    "split_aspect": changes.get("split_aspect"),
                    "fragment": changes["fragment"],
                    "people_overlap": float(found.mean()),
                    "people_found": float((found >= 0.5).mean()),
                    "regions_overlap": float(right.mean()),
                    "regions_per_frame": sum(len(clip.frames) for clip in moving) / sum(c.length for c in moving),
                }
            )
    heights = {str(row): round(scene.typical_height(row), 1) for row in (120, 150, 170, 230)}
    report = {**machine(), "detector": options.detector.name, "typical_heights": heights, "rows": rows}
    write_json(RESULTS / "regions_agreement.json", report)
    lines = [
        f"Measured on {report['date']}: {CLIPS} training clips of UCSD Ped2, every {EVERY}rd frame, against "
        f"{options.detector.name} at confidence 0.5. Typical heights by row of the feet, pixels: {heights}. Made by "
        "`benchmarks/regions_agreement.py`.",
        "",
        "| `split_aspect` | `fragment` | mean IoU of a detector's box with its best region | found at IoU 0.5 "
        "| mean IoU of a region with its best box | regions per frame |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['split_aspect'] or 'left whole'} | {row['fragment']} | {row['people_overlap']:.3f} | "
        f"{row['people_found']:.3f} | {row['regions_overlap']:.3f} | {row['regions_per_frame']:.1f} |"
        for row in rows
    ]
    write_text(RESULTS / "regions_agreement.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

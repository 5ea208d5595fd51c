"""The RBDC and TBDC that regions allow: on UCSD Ped2's test clips, if every region were scored as the labels say.

    python benchmarks/ceiling.py [--recipe fast]

A diagnosis, which tells whether regions or scores are to be bettered; no default may be chosen by it. Writes
benchmarks/results/ceiling_RECIPE.json.
"""

import argparse
from pathlib import Path

import numpy as np
from machine import machine, shared_data

from ssmtl import configure, open_dataset
from ssmtl.atomic import write_json
from ssmtl.metrics.boxes import intersection_over_union
from ssmtl.metrics.regions import LEAST_OVERLAP, match_video, measure_regions
from ssmtl.progress import Silent
from ssmtl.regions.union import build_detector
from ssmtl.sequences.survey import survey
from ssmtl.video.sources import open_source

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="fast")
    options = parser.parse_args()
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    configuration = configure(options.recipe)
    scene = survey(data.train_clips(), Silent().stage("", None)).scene
    matched, count = [], 0
    for clip in data.test_clips():
        detector = build_detector(configuration.detectors, clip.name, scene, clip.start)
        found = [detector.detect(frame).boxes for frame in open_source(clip)]
        truth = data.annotated_tracks(clip, len(found))
        assert truth is not None
        scores = []
        for index, boxes in enumerate(found):
            wanted = truth.boxes[truth.frames == index]
            pairs = np.repeat(boxes, len(wanted), axis=0), np.tile(wanted, (len(boxes), 1))
            overlaps = intersection_over_union(*pairs).reshape(len(boxes), len(wanted))
            scores.append((overlaps >= LEAST_OVERLAP).any(axis=1))
        frames = np.repeat(np.arange(len(found)), [len(boxes) for boxes in found])
        values = np.concatenate(scores).astype(np.float64)
        matched.append(match_video(truth.frames, truth.ids, truth.boxes, frames, np.concatenate(found), values))
        count += len(found)
    measures = measure_regions(matched, count)
    report = {
        **machine(),
        "recipe": options.recipe,
        "rbdc": measures.rbdc,
        "tbdc": measures.tbdc,
        "truth_regions": measures.regions,
        "regions_per_frame": measures.detections / count,
        "of_those_on_an_anomaly": 1 - sum(len(video.false_positives) for video in matched) / measures.detections,
    }
    write_json(RESULTS / f"ceiling_{options.recipe}.json", report)
    print(report)


if __name__ == "__main__":
    main()

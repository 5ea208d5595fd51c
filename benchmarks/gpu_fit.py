"""Training on a GPU: SSMTL++v1 on UCSD Ped2, 20 epochs, in full.

    python benchmarks/gpu_fit.py --work runs/gpu_fit [--prepare]
    python benchmarks/gpu_fit.py --work runs/gpu_fit --cut-short CHECKPOINT --gpu NAME --sequences N

First with --prepare, where SSMTL_SHARED is: writes the training clips as video and the boxes that YOLOX-nano and
optical flow find in them, so that a machine with a GPU needs no more than that folder. Then without, on that machine:
it trains, and can be killed and run again. Ends, saying so, where PyTorch sees no GPU. A training that was killed and
cannot go on there is told by --cut-short, with how far it came. Writes benchmarks/results/gpu_fit.json.
"""

import argparse
import csv
import datetime
import io
import json
import os
from pathlib import Path

import torch
from machine import machine, shared_data
from safetensors import safe_open

from ssmtl import configure, fit, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.progress import Silent
from ssmtl.regions.flow import FlowSettings
from ssmtl.regions.onnx import OnnxSettings
from ssmtl.regions.union import build_detector
from ssmtl.sequences.survey import survey
from ssmtl.training.checkpoint import Progress
from ssmtl.video.sources import find_clips, open_source
from ssmtl.video.writer import VideoWriter

RESULTS = Path(__file__).parent / "results"
DETECTOR = "yolox_nano_416.onnx"
EPOCHS = 20
BATCH = 64


def prepare(work: Path) -> None:
    """Clips as video, and their boxes in one file."""
    weights = shared_data().parent / "weights" / DETECTOR
    for clip in open_dataset("ucsd", shared_data() / "UCSDped2").train_clips():
        images = [frame.image for frame in open_source(clip)]
        height, width = images[0].shape[:2]
        with VideoWriter(work / "clips" / f"{clip.name}.mp4", width, height, 10) as writer:
            for image in images:
                writer.write(image)
    clips = find_clips([work / "clips"])
    scene = survey(clips, Silent().stage("", None)).scene
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["clip", "frame", "x_min", "y_min", "x_max", "y_max"])
    detector = build_detector([OnnxSettings(path=weights, min_confidence=0.3), FlowSettings()], "", scene)
    for clip in clips:
        detector.reset()
        for frame in open_source(clip):
            for box in detector.detect(frame).boxes.round(2).tolist():
                table.writerow([clip.name, frame.index, *box])
        print(clip.name, flush=True)
    write_text(work / "boxes.csv", text.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--out", type=Path, help="the model's folder; default: model in the folder of --work")
    parser.add_argument("--cut-short", type=Path, help="the checkpoint of a killed training")
    parser.add_argument("--gpu", help="what that ran on")
    parser.add_argument("--sequences", type=int, help="and on how many sequences, as its log says")
    options = parser.parse_args()
    if options.prepare:
        prepare(options.work)
        return
    if options.cut_short:
        with safe_open(options.cut_short, "pt") as file:
            tell(Progress(**json.loads(file.metadata()["progress"])), options.gpu, options.sequences, {})
        return
    if not torch.cuda.is_available():
        raise SystemExit("skipped: PyTorch sees no GPU here")
    out = options.out or options.work / "model"
    configuration = configure(
        "ssmtlpp-v1",
        {
            # Smoothing as in `fast`: without it, the probabilities of both saturate (ssmtl.tasks.arrow_of_time).
            "tasks": [
                {"kind": "arrow_of_time", "label_smoothing": 0.1},
                {"kind": "motion_irregularity", "label_smoothing": 0.1},
                {"kind": "middle_box"},
                {"kind": "pseudo_anomalies"},
            ],
            "detectors": [{"kind": "boxes", "path": str(options.work / "boxes.csv")}],
            "train": {"epochs": EPOCHS, "batch_size": BATCH, "accelerator": "cuda", "checkpoint_s": 20},
        },
    )
    resumed = (out / "training" / "checkpoint.safetensors").is_file()
    with Bars(console) as bars:
        model = fit(find_clips([options.work / "clips"]), out, configuration, resume=resumed, progress=bars)
    facts = model.training
    done = Progress(facts["epochs"], 0, facts["seconds"], facts["network_busy"] * facts["seconds"], {}, facts["losses"])
    tell(done, torch.cuda.get_device_name(), facts["trained_on"], machine() | {"precision": facts["precision"]})


def tell(done: Progress, gpu: str, sequences: int, where: dict[str, object]) -> None:
    """Write how long it took."""
    of_epoch = sequences // BATCH
    steps = done.epoch * of_epoch + done.step
    report = {
        "date": datetime.date.today().isoformat(),
        **where,
        "gpu": gpu,
        "recipe": "ssmtlpp-v1",
        "sequences": sequences,
        "batch_size": BATCH,
        "steps": steps,
        "steps_of_all": EPOCHS * of_epoch,
        "minutes": done.seconds / 60,
        "minutes_for_all": done.seconds / 60 * EPOCHS * of_epoch / steps,
        "steps_per_s": steps / done.seconds,
        "network_busy": done.busy_s / done.seconds,
        "losses": done.history,
    }
    write_json(Path(os.environ.get("OUT", RESULTS)) / "gpu_fit.json", report)
    print({name: value for name, value in report.items() if name != "losses"})


if __name__ == "__main__":
    main()

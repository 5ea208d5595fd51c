"""One row and seed of a study, in a process of its own: train, score, measure. What a killed one did is kept.

The process reads its job as one line of JSON and ends when its standard input does, that is with whoever began it.
"""

import datetime
import hashlib
import json
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import torch

from ssmtl import __version__
from ssmtl.atomic import write_json, write_text
from ssmtl.config import parse
from ssmtl.datasets.dataset import Dataset
from ssmtl.detection import Detection, detect
from ssmtl.errors import DataError, SsmtlError
from ssmtl.evaluation import evaluate
from ssmtl.fitting import TRAINING, fit, teach
from ssmtl.metrics.recall import OVERLAPS, region_recall
from ssmtl.model import Model
from ssmtl.model_folder import DESCRIPTION, load_model
from ssmtl.progress import Progress, Step
from ssmtl.recipes import Configuration
from ssmtl.results import read_objects, read_scores, read_summary
from ssmtl.sequences.store import build_store
from ssmtl.sequences.survey import survey
from ssmtl.studies.choices import Scale
from ssmtl.studies.subset import open_data
from ssmtl.tasks.task import REACH
from ssmtl.video.sources import Clip

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Not on Windows: rows that run at once may then find the same regions twice.
    fcntl = None

SETTINGS, ROW, ERROR, LOG = "settings.json", "row.json", "error.txt", "log.txt"
"""In the folder of a row and seed: what was asked, what it came to, why it failed, and what happened."""

SPOKEN_S = 30.0
"""Seconds between lines of the log."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is told.

    Attributes:
        folder: of the row and seed; its `settings.json` says what to do.
        dataset, root, scale: the footage.
        sequences: folder of the training sets, shared by all rows.
        trained: a model that another row trained with the same settings, or None.
        threads: of this process.
    """

    folder: Path
    dataset: str
    root: Path
    scale: Scale
    sequences: Path
    trained: Path | None
    threads: int


class Log:
    """Tells of stages by lines on the standard output."""

    def stage(self, title: str, steps: int | None) -> Step:
        """A line now, and one every half a minute."""
        print(f"{title} ...", flush=True)
        done, said = 0, time.monotonic()

        def step() -> None:
            nonlocal done, said
            done += 1
            if time.monotonic() - said >= SPOKEN_S:
                said = time.monotonic()
                print(f"{title}: {done}" + (f" of {steps}" if steps else ""), flush=True)

        return step

    def note(self, text: str) -> None:
        """A line."""
        print(text, flush=True)


def main() -> None:
    """Do the job that the standard input names; exit code 1 and `error.txt` where it fails."""
    job = from_line(sys.stdin.readline())
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    folder = job.folder
    try:
        run_row(job, Log())
    except Exception as error:
        traceback.print_exc()
        known = isinstance(error, SsmtlError)
        write_text(folder / ERROR, str(error) if known else f"{type(error).__name__}: {error}; see {folder / LOG}")
        sys.exit(1)


def _end_with_the_input() -> None:
    sys.stdin.read()
    os._exit(1)


def run_row(job: Job, progress: Progress) -> None:
    """Train where no model is there yet, score the test clips, and write `row.json`.

    Raises:
        SsmtlError: whatever `fit`, `detect` and `evaluate` refuse.
    """
    torch.set_num_threads(job.threads)
    cv2.setNumThreads(job.threads)
    folder = job.folder
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    configuration = parse(Configuration, settings["configuration"], str(folder / SETTINGS))
    data = open_data(job.dataset, job.root, job.scale)
    where = job.trained or folder / "model"
    model = _train(where, data.train_clips(), configuration, job.sequences, progress)
    # The model may be another row's now, trained in the same way, and yet not the same to the last bit.
    resume = read_summary(folder / "result").get("model", model.identity) == model.identity
    done = detect(data.test_clips(), model, folder / "result", resume=resume, overwrite=not resume, progress=progress)
    detect_s = sum(facts["seconds"] for facts in done.clips.values())
    write_json(
        folder / ROW,
        {
            **settings,
            "model": os.path.relpath(where, folder),
            "measures": measure(data, folder / "result", model, done),
            "seconds": {"training": model.training["seconds"], "scoring": round(detect_s, 1)},
            "versions": {"ssmtl": __version__, "python": platform.python_version(), "torch": torch.__version__},
            "machine": {**_machine(), "threads": job.threads},
            "date": datetime.date.today().isoformat(),
        },
    )


def _train(
    where: Path, clips: Sequence[Clip], configuration: Configuration, sequences: Path, progress: Progress
) -> Model:
    saved = where / TRAINING / "checkpoint.safetensors"
    if (where / DESCRIPTION).is_file() and not saved.is_file():
        return load_model(where)
    detectors = json.dumps([part.model_dump(mode="json") for part in configuration.detectors])
    with _alone(sequences / f"{hashlib.sha256(detectors.encode()).hexdigest()[:16]}.lock"):
        gather(clips, configuration, sequences, progress)
    return fit(
        clips, where, configuration, resume=saved.is_file(), overwrite=True, sequences=sequences, progress=progress
    )


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process holds `lock`; it is let go when this one ends, however it does."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def gather(clips: Sequence[Clip], configuration: Configuration, folder: Path, progress: Progress) -> None:
    """Find regions, cut sequences and ask teachers as `fit` does, which then finds all of it in `folder`.

    Done by one row at a time, so that rows which look at the same places do not find them twice.
    """
    seen = survey(clips, progress.stage("looking at the footage", None))
    step = progress.stage("finding and cutting sequences", 2 * sum(seen.lengths.values()))
    settings = configuration.sequences
    channels = {"auto": 1 if seen.is_grey else 3, "grey": 1, "rgb": 3}[settings.colour]
    found, where, reach = list(seen.lengths), configuration.detectors, configuration.reach
    store = build_store(found, where, seen.scene, settings, channels, reach, folder, step, configuration.zones)
    teach(store, found, configuration, configuration.taught_by, folder, progress)


def measure(data: Dataset, result: Path, model: Model, done: Detection) -> dict[str, float | None]:
    """What a row is compared by; areas and recall in [0, 1], None where undefined."""
    frames = evaluate(data, result).frames
    assert frames is not None
    counted = sum(facts["frames"] for facts in done.clips.values())
    found = sum(sum(facts["regions"].values()) for facts in done.clips.values())
    measures = {
        "micro": frames.micro,
        "macro_anchored": frames.macro_anchored,
        "macro_defined": frames.macro_defined,
        "undefined_clips": frames.undefined,
        **measure_recall(data, result),
        "regions": sum(model.training["regions"].values()),
        "sequences": model.training["sequences"],
        "parameters": model.training["parameters"],
        "best_epoch": model.training["best_epoch"],
        "regions_per_frame": found / counted,
        "frames_per_second": counted / sum(facts["seconds"] for facts in done.clips.values()),
    }
    return {name: None if value != value else value for name, value in measures.items()}


def measure_recall(data: Dataset, result: Path) -> dict[str, float]:
    """Share of the ground truth's regions that a scored one overlaps, by `recall_<overlap in %>`.

    Of all frames that have sequences; NaN where the data set does not say where something is abnormal.
    """
    truth, found = [], []
    for clip in data.test_clips():
        frames = len(read_scores(result / clip.name).scores)
        try:
            tracks = data.tracks(clip, frames)
        except DataError:
            tracks = None
        if tracks is None:
            return {_recall(overlap): float("nan") for overlap in OVERLAPS}
        objects = read_objects(result / clip.name)
        boxes = np.split(objects.boxes, np.searchsorted(objects.frames, np.arange(1, frames)))
        truth += tracks.by_frame(frames)[REACH : frames - REACH]
        found += boxes[REACH : frames - REACH]
    return {_recall(overlap): region_recall(truth, found, overlap) for overlap in OVERLAPS}


def _recall(overlap: float) -> str:
    return f"recall_{round(100 * overlap)}"


def _machine() -> dict[str, Any]:
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), name)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"processor": name, "cores": os.cpu_count(), "gpu": gpu}


def as_line(job: Job) -> str:
    """The job as a worker reads it."""
    return json.dumps(asdict(job), default=str) + "\n"


def from_line(line: str) -> Job:
    """The job that `as_line` wrote."""
    values = json.loads(line)
    for name in ("folder", "root", "sequences", "trained"):
        values[name] = Path(values[name]) if values[name] is not None else None
    return Job(**values)


if __name__ == "__main__":
    main()

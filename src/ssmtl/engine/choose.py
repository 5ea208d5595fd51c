"""The choice of an engine, by measurement on this machine and on the user's own sequences."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec

import numpy as np
import torch
from numpy.typing import NDArray

from ssmtl.atomic import write_json
from ssmtl.engine.build import build_engine
from ssmtl.engine.cache import cached_folder, versions
from ssmtl.engine.engine import Engine, Subject
from ssmtl.engine.samples import Samples
from ssmtl.engine.settings import EngineSettings, Kind, Precision
from ssmtl.errors import ConfigError, SsmtlError
from ssmtl.scoring.score import calibrate, join_parts

WAYS: tuple[tuple[Kind, Precision], ...] = (
    ("pytorch", "float32"),
    ("pytorch", "bfloat16"),
    ("onnx", "float32"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
)
"""All engines; the first is what the others are compared with."""


MEASURED_S = 0.4
"""Least time that a speed is measured over."""


@dataclass(frozen=True)
class Trial:
    """What was found out about one way: ms per sequence in batches, the largest difference of an object's score to
    float32 on the samples, or why it does not work here."""

    kind: Kind
    precision: Precision
    ms: float | None = None
    difference: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Choice:
    """The way that is used, and what was tried."""

    kind: Kind
    precision: Precision
    difference: float | None = None
    trials: list[Trial] = field(default_factory=list)


def pick_engine_device(settings: EngineSettings) -> torch.device:
    """The device that `settings` name.

    Raises:
        ConfigError: it is not there.
    """
    there = torch.cuda.is_available()
    if settings.device == "cuda" and not there:
        raise ConfigError("engine.device=cuda: PyTorch sees no GPU here; choose auto or cpu")
    return torch.device("cuda" if there and settings.device != "cpu" else "cpu")


def choose_engine(settings: EngineSettings, subject: Subject, batch: int) -> tuple[Engine, Choice]:
    """The engine that `settings` ask for; for "auto", the fastest that is within tolerance, found out once a machine.

    Raises:
        ConfigError: what is asked for cannot be had.
    """
    device = pick_engine_device(settings)
    ways = [
        (kind, precision)
        for kind, precision in WAYS
        if (settings.kind == kind or (settings.kind == "auto" and not _outdone(kind)))
        and settings.precision in ("auto", precision)
        and (kind == "pytorch" or device.type == "cpu")
    ]
    if not ways:
        raise ConfigError(
            f"engine: there is no {settings.kind} engine in {settings.precision} on {device.type}; known ones: "
            + ", ".join(f"{kind} {precision}" for kind, precision in WAYS)
            + ("" if device.type == "cpu" else "; those but PyTorch's run on a processor: engine.device=cpu")
        )
    # What is named in full is used as it is, and so is what all are compared with.
    if len(ways) == 1 and (settings.kind != "auto" or ways[0] == WAYS[0]):
        return build_engine(subject, *ways[0], settings.threads, device, settings.compiled), Choice(*ways[0])
    if subject.samples is None or not len(subject.samples):
        return _unchecked(ways, settings, subject, device)
    threads = settings.threads or torch.get_num_threads()
    # The same network may be measured anew, on another scale.
    scales = {kind: asdict(scale) for kind, scale in subject.scales.items()}
    asked = (settings.tolerance, threads, batch, device.type, settings.compiled, subject.power, scales)
    place = cached_folder("engines", subject.identity, ways, *asked)
    found = None
    if place is not None and place.with_suffix(".json").is_file():
        found = _recall(place.with_suffix(".json").read_text(encoding="utf-8"))
    if found is None:
        found = _measure(ways, settings, subject, batch, device)
        if place is not None:
            write_json(place.with_suffix(".json"), {**asdict(found), "versions": versions()})
    return build_engine(subject, found.kind, found.precision, settings.threads, device, settings.compiled), found


def _outdone(kind: Kind) -> bool:
    """ONNX Runtime computes in float32 alone, which OpenVINO, where it is installed, does at least as fast."""
    return kind == "onnx" and find_spec("openvino") is not None


def _unchecked(
    ways: list[tuple[Kind, Precision]], settings: EngineSettings, subject: Subject, device: torch.device
) -> tuple[Engine, Choice]:
    """Without sequences to check on, float32 alone is safe."""
    safe = [way for way in ways if way[1] == "float32"]
    if not safe:
        raise ConfigError(
            "engine.precision: the model keeps no training crops to check it on; name engine.kind too, or train again"
        )
    return build_engine(subject, *safe[0], settings.threads, device, settings.compiled), Choice(*safe[0])


def _recall(text: str) -> Choice | None:
    try:
        kept = json.loads(text)
        trials = [Trial(**trial) for trial in kept["trials"]]
        return Choice(kept["kind"], kept["precision"], kept["difference"], trials)
    except (ValueError, KeyError, TypeError):
        return None


def _measure(
    ways: list[tuple[Kind, Precision]], settings: EngineSettings, subject: Subject, batch: int, device: torch.device
) -> Choice:
    trials = list(try_ways(ways, subject, batch, settings.threads, device, settings.compiled))
    good = [t for t in trials if t.ms is not None and t.difference is not None and t.difference <= settings.tolerance]
    if not good:
        problems = "; ".join(f"{t.kind} {t.precision}: {t.problem or f'off by {t.difference:.3g}'}" for t in trials)
        raise ConfigError(f"engine: none can be used within engine.tolerance={settings.tolerance:g}: {problems}")
    best = min(good, key=lambda trial: trial.ms or 0.0)
    return Choice(best.kind, best.precision, best.difference, trials)


def try_ways(
    ways: list[tuple[Kind, Precision]],
    subject: Subject,
    batch: int,
    threads: int,
    device: torch.device,
    compiled: bool = False,
) -> Iterator[Trial]:
    """Measure each way: its speed in batches, and how far its scores are from float32 on the samples."""
    assert subject.samples is not None
    exact = reference_scores(subject)
    for kind, precision in ways:
        try:
            engine = build_engine(subject, kind, precision, threads, device, compiled)
            scores = run_all(engine, subject.samples, batch)
        except (SsmtlError, RuntimeError) as error:
            yield Trial(kind, precision, problem=str(error).strip().partition("\n")[0])
            continue
        difference = score_difference(exact, scores, subject)
        yield Trial(kind, precision, round(ms_per_sequence(engine, subject.samples, batch), 4), difference)


def reference_scores(subject: Subject) -> NDArray[np.float32]:
    """Raw scores of the samples in float32, by PyTorch on the CPU."""
    assert subject.samples is not None
    return run_all(build_engine(subject, *WAYS[0], 0, torch.device("cpu")), subject.samples, 16)


def run_all(engine: Engine, samples: Samples, batch: int) -> NDArray[np.float32]:
    """Raw scores of all samples, in batches."""
    parts = []
    for i in range(0, len(samples), batch):
        given = {name: rows[i : i + batch] for name, rows in samples.given.items()}
        parts.append(engine.scores(samples.pictures[i : i + batch], given))
    return np.concatenate(parts)


def score_difference(exact: NDArray[np.float32], other: NDArray[np.float32], subject: Subject) -> float:
    """Largest difference of an object's score, on the scale of normal footage; infinite where one is no number."""
    kinds = [task.kind for task in subject.tasks]
    parts = [calibrate(scores, kinds, subject.scales) for scores in (exact, other)]
    objects = [join_parts(part, kinds, subject.scales, subject.power) for part in parts]
    difference = float(np.abs(objects[0] - objects[1]).max(initial=0.0))
    return difference if np.isfinite(other).all() else float("inf")


def ms_per_sequence(engine: Engine, samples: Samples, batch: int) -> float:
    """Milliseconds per sequence in batches of `batch`: the best of several runs, since machines are shared."""
    few = samples.first(batch)
    given: Mapping[str, NDArray[np.float32]] = few.given
    engine.scores(few.pictures, given)
    best, started = float("inf"), time.perf_counter()
    while best == float("inf") or time.perf_counter() - started < MEASURED_S:
        begin = time.perf_counter()
        engine.scores(few.pictures, given)
        best = min(best, time.perf_counter() - begin)
    return 1000 * best / batch

"""`ssmtl detect`: from footage and a model to scores, pictures and an annotated video."""

import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmtl import __version__
from ssmtl.atomic import atomic_folder, check_replaceable, claim_output, remove_unfinished, write_json
from ssmtl.datasets.dataset import Dataset
from ssmtl.errors import ConfigError, DataError, OutputError, SourceError
from ssmtl.event_files import EVENTS, FOLDER, write_events
from ssmtl.explanation import EXPLAIN, OVERVIEW, Suspect, WorstObjects, worst_of, write_sheets
from ssmtl.model import Model
from ssmtl.model_folder import load_model
from ssmtl.progress import Progress, Silent
from ssmtl.recipes import BLIND
from ssmtl.regions.union import build_detector
from ssmtl.report.curves import plot_scores
from ssmtl.report.overlay import Overlay
from ssmtl.results import REGIONS, SCORES, SUMMARY, ResultWriter, check_boxes, claim_clips, read_summary
from ssmtl.scoring.event_stream import Decided, EventStream, Happening
from ssmtl.scoring.events import Event
from ssmtl.scoring.stream import FrameResult, score_stream
from ssmtl.scoring.view_change import ViewChange
from ssmtl.sequences.store import fingerprint, state
from ssmtl.video.frame import Frame, FrameSource
from ssmtl.video.recorder import Recorder
from ssmtl.video.sources import Clip, open_source, problem_of

OVERLAY, PLOT = "overlay.mp4", "scores.png"


@dataclass
class Detection:
    """What a run over clips came to: facts of each clip, why others failed, and the sheets of the worst objects."""

    clips: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    explained: list[dict[str, Any]] = field(default_factory=list)


def detect(
    clips: Sequence[Clip],
    model: Model | Path | str,
    out: Path | str,
    *,
    overlay: bool = False,
    plot: bool = False,
    films: bool = False,
    explain: int = 0,
    dataset: Dataset | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Detection:
    """Score every frame and region of `clips`; write `out/<clip>/scores.csv`, `regions.csv` and `out/summary.json`.

    What is above the threshold becomes events: `<clip>/events.json` and `events.csv`, with a picture of each. A clip's
    folder appears when the clip is done. A clip that cannot be read is told, and the others go on.

    Args:
        clips: footage of the model's camera.
        model: a model, or its folder.
        out: folder for the results.
        overlay: also write `overlay.mp4`, the annotated video.
        plot: also write `scores.png`, the curve over time.
        films: also write a film of each event, into `events` in its clip's folder.
        explain: also write sheets of that many objects, the worst of all clips that this run scores, into
            `out/explain`: what each task saw and answered.
        dataset: shades its ground truth in the plot.
        resume: keep the clips that an earlier run with the same model and settings finished.
        overwrite: write into a folder that holds something.
        progress: shows the stages.

    Raises:
        ConfigError: `explain` is below 0, or the configuration's engine cannot be had.
        ModelError: the model folder cannot be used.
        OutputError: `out` is taken or cannot be written.
        SourceError: no clips were given.
    """
    model = model if isinstance(model, Model) else load_model(model)
    progress = progress or Silent()
    out = Path(out)
    if not clips:
        raise SourceError("no footage given; name files, folders or a data set")
    if explain < 0:
        raise ConfigError(f"explain={explain}: must be 0 (no sheets) or more")
    if explain and any(clip.name.casefold() == EXPLAIN for clip in clips):
        raise OutputError(
            f"{out / EXPLAIN}: is the place of a clip of that name; rename the clip, or ask for no sheets"
        )
    check_boxes(model.configuration.detectors)
    claim_output(out, overwrite or resume)
    claim_clips(out, clips)
    check_replaceable(out / EXPLAIN, lambda old: (old / OVERVIEW).is_file() or not explain)
    head = {
        "ssmtl": __version__,
        "configuration": model.configuration.model_dump(mode="json"),
        "scales": {kind: [scale.raw_median, scale.raw_high] for kind, scale in model.scales.items()},
        "weights": {kind: scale.weight for kind, scale in model.scales.items()},
        "model": model.identity,
        "files": {str(file): state(file) for file in model.configuration.files},
    }
    if model.configuration.blind_distillation:
        progress.note(BLIND)
    progress.stage("choosing an engine (measured once for a model on a machine)", None)
    # May differ from an earlier run's, within the tolerance that is part of the configuration.
    threshold, said_by = model.threshold()
    head["threshold"] = {"value": threshold, "from": said_by}
    engine = {"engine": asdict(model.engine_choice)}
    done = _earlier(out, head, clips) if resume else Detection()
    if not resume and (out / EXPLAIN / OVERVIEW).is_file():
        shutil.rmtree(out / EXPLAIN)
    worst: list[Suspect] = []
    kept = 0
    for clip in clips:
        if clip.name in done.clips and _is_done(clip, done.clips[clip.name], out / clip.name, overlay, plot, films):
            kept += 1
            continue
        objects = WorstObjects(clip.name, explain)
        try:
            with atomic_folder(out / clip.name) as folder:
                facts = _detect_clip(clip, model, folder, overlay, plot, films, objects, dataset, progress)
        except (SourceError, DataError) as error:
            # What an earlier run wrote was of other footage, or not all that is asked for.
            shutil.rmtree(out / clip.name, ignore_errors=True)
            done.clips.pop(clip.name, None)
            problem = problem_of(clip, error)
            done.failed[clip.name] = problem
            progress.note(f"left out: {problem}")
        else:
            done.clips[clip.name] = facts
            done.failed.pop(clip.name, None)
            worst = worst_of([*worst, *objects.found()], explain)
        write_json(out / SUMMARY, {**head, **engine, **asdict(done)})
    if explain and kept:
        progress.note(f"{kept} clips kept from an earlier run were not looked at again: the sheets leave them out")
    if worst:
        done.explained = write_sheets(out, worst, model, progress)
        write_json(out / SUMMARY, {**head, **engine, **asdict(done)})
    elif explain:
        progress.note("no sheets: this run scored no object")
    return done


def _is_done(clip: Clip, facts: dict[str, Any], folder: Path, overlay: bool, plot: bool, films: bool) -> bool:
    """Whether an earlier run scored this very footage and wrote all that is asked for."""
    same = facts.get("fingerprint") == fingerprint(clip, None)
    same = same and (not films or facts.get("films", False))
    wanted = [SCORES, REGIONS, EVENTS, *([OVERLAY] if overlay else []), *([PLOT] if plot else [])]
    return same and all((folder / name).is_file() for name in wanted)


def _earlier(out: Path, head: dict[str, Any], clips: Sequence[Clip]) -> Detection:
    """What an earlier run did; what it left when it was killed goes."""
    summary = read_summary(out)
    if not summary:
        return Detection()
    changed = [key for key, value in head.items() if summary.get(key) != value]
    if changed:
        raise OutputError(
            f"{out}: was made with another {changed[0]}; resume with the same model and settings, "
            "or start over with --overwrite"
        )
    for clip in clips:
        facts = summary.get("clips", {}).get(clip.name)
        if facts is not None and (facts.get("start", 0), facts.get("stop")) != (clip.start, clip.stop):
            raise OutputError(
                f"{out / clip.name}: was made of other frames of the clip; resume with the same --frames, or start "
                "over with --overwrite"
            )
        remove_unfinished(out / clip.name)
    return Detection(summary.get("clips", {}), summary.get("failed", {}), summary.get("explained", []))


def _detect_clip(
    clip: Clip,
    model: Model,
    folder: Path,
    overlay: bool,
    plot: bool,
    films: bool,
    objects: WorstObjects,
    dataset: Dataset | None,
    progress: Progress,
) -> dict[str, Any]:
    started = time.perf_counter()
    source = open_source(clip)
    if (note := model.rate_note(source.declared_rate)) is not None:
        progress.note(f"{clip.path}: {note}")
    step = progress.stage(clip.name, source.expected_frames)
    detector = build_detector(
        model.configuration.detectors, clip.name, model.scene, clip.start, model.configuration.zones
    )
    origins: Counter[str] = Counter()
    times, scores = [], []
    with ExitStack() as stack:
        writer = stack.enter_context(ResultWriter(folder, [part.kind for part in model.parts]))
        film: Overlay | None = None
        happened = _Events(model, folder, source.rate, films)
        for result in score_stream(_counted(source, step), model, detector):
            writer.write(result)
            objects.add(result)
            if overlay:
                film = film or stack.enter_context(_overlay(folder, source, result, model))
                _show(film, result)
            origins.update(result.regions.origin.tolist())
            times.append(result.frame.time_s)
            scores.append(result.score)
            happened.add(result)
        happened.finish()
    events = write_events(folder, happened.events, happened.films)
    seconds = time.perf_counter() - started
    if plot:
        plot_scores(folder / PLOT, times, scores, _labels(dataset, clip, len(scores), progress), clip.name)
    if source.undecodable:
        progress.note(f"{clip.path}: {source.undecodable} damaged packets or pictures left out")
    if source.expected_frames and len(scores) < 0.9 * source.expected_frames:
        progress.note(f"{clip.path}: ends after {len(scores)} of {source.expected_frames} frames; is it truncated?")
    peak = int(np.argmax(scores))
    return {
        "source": str(clip.path.resolve()),
        "fingerprint": fingerprint(clip, None),
        "start": clip.start,
        "stop": clip.stop,
        "frames": len(scores),
        "undecodable": source.undecodable,
        "rate": source.rate,
        "regions": dict(sorted(origins.items())),
        "detector_ms_per_frame": {kind: round(1000 * s / detector.frames, 3) for kind, s in detector.seconds.items()},
        "events": events,
        "films": films,
        "peak": {"frame": peak, "time_s": times[peak], "score": scores[peak]},
        "seconds": round(seconds, 3),
        "frames_per_second": round(len(scores) / seconds, 2),
    }


class _Events:
    """The events of one clip, and their films where they are wanted."""

    def __init__(self, model: Model, folder: Path, rate: float, films: bool):
        self._stream = EventStream(model, model.threshold()[0])
        self._recorder = Recorder(rate) if films else None
        self._folder = folder
        self.events: list[Event | ViewChange] = []
        self.films: list[str | None] = []

    def add(self, result: FrameResult) -> None:
        for happening in self._stream.add(result):
            self._take(happening)

    def finish(self) -> None:
        for happening in self._stream.finish():
            self._take(happening)

    def _take(self, happening: Happening) -> None:
        if not isinstance(happening, Decided):
            made = self._recorder.end() if self._recorder is not None and isinstance(happening, Event) else None
            self.events.append(happening)
            self.films.append(None if made is None else made.relative_to(self._folder).as_posix())
            return
        if self._recorder is None:
            return
        self._recorder.add(happening.result.frame.image, happening.result.frame.time_s)
        events = self._stream.events
        if self._recorder.path is None and events.hysteresis.goes_on:
            self._recorder.begin(self._folder / FOLDER / f"{len(self.events) + 1:03d}.mp4")


def _labels(dataset: Dataset | None, clip: Clip, frames: int, progress: Progress) -> NDArray[np.bool_] | None:
    """Ground truth for the plot; scores do not need it, so that a clip without it is told and plotted all the same."""
    if dataset is None or clip.start or clip.stop is not None:
        return None
    try:
        return dataset.frame_labels(clip, frames)
    except DataError as error:
        progress.note(f"plotted without ground truth: {error}")
        return None


def _counted(frames: Iterable[Frame], step: Any) -> Iterator[Frame]:
    for frame in frames:
        yield frame
        step()


def _overlay(folder: Path, source: FrameSource, first: FrameResult, model: Model) -> Overlay:
    height, width = first.frame.image.shape[:2]
    return Overlay(folder / OVERLAY, width, height, source.rate, [part.words for part in model.parts])


def _show(film: Overlay, result: FrameResult) -> None:
    film.add(
        result.frame.image,
        result.regions.boxes,
        result.object_scores,
        result.task_scores,
        result.score,
        result.frame.time_s,
    )

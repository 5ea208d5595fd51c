"""`ssmtl tune`: how scores are smoothed, chosen on normal footage with anomalies planted in it (ours).

No label is used: footage that the model was not trained on gets a person who walks twice as fast, backwards, or without
legs (`planting`), and settings are compared by how well these are found, in frames and in regions.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssmtl.atomic import claim_output, write_json, write_text
from ssmtl.engine.settings import EXACT
from ssmtl.errors import ConfigError, DataError
from ssmtl.metrics.frames import auc
from ssmtl.metrics.regions import MatchedVideo, match_video, measure_regions
from ssmtl.model import Model, with_settings
from ssmtl.planting import How, Planting, choose_start, cut, find_walks, plant
from ssmtl.progress import Progress, Silent
from ssmtl.regions.union import Union, build_detector
from ssmtl.scoring.score import join_parts
from ssmtl.scoring.settings import ScoringSettings
from ssmtl.scoring.smoothing import Painted, paint, smooth
from ssmtl.scoring.stream import score_stream
from ssmtl.scoring.tracks import Followed, average_along_tracks
from ssmtl.tasks.task import REACH
from ssmtl.video.frame import Frame
from ssmtl.video.sources import Clip, open_source

ANOMALIES: Mapping[How, float] = {"faster": 2.0, "backwards": 1.0, "cut in half": 1.0}
"""What is planted, and how many times as fast."""

CHOICES: dict[str, tuple[float, ...]] = {
    "track_frames": (1, 9, 17, 33),
    "mean_frames": (1, 5, 9, 17),
    "gaussian_frames": (0, 2, 4, 8, 12),
    "mean_pixels": (0, 10, 20, 40),
}
"""Settings of `scoring` in the order in which they are chosen, and what is tried.

Not `power`: each of those planted is seen by some part alone, so that a higher one mostly pays; what it costs, the
mistakes of single parts, is too rare in the held-out footage of a few people to tell (docs/accuracy.md).
"""

FRAMES_OF_CLIP = 300
"""Of each clip that are used, at most."""

GAIN = 0.1
"""Percentage points by which another value must be better than the model's own to be taken."""

Frames = list[Followed[int]]
"""A clip's frames: its number, boxes, and the scores of the model's parts."""

Join = Callable[[NDArray[np.float32], ScoringSettings], NDArray[np.float32]]
"""Makes N objects' scores of those of their parts, as settings say."""


@dataclass(frozen=True, slots=True)
class Case:
    """A clip with something planted, scored: its frames' height and width, and where and when the anomaly is."""

    clip: str
    how: How
    size: tuple[int, int]
    frames: Frames
    truth_frames: NDArray[np.intp]
    truth_boxes: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """How well what was planted is found, in %: micro AUC of frames, RBDC, TBDC; the mean is what is maximised."""

    micro: float
    rbdc: float
    tbdc: float

    @property
    def mean(self) -> float:
        """Of the three."""
        return (self.micro + self.rbdc + self.tbdc) / 3


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was chosen, by setting; every trial (setting, value, result); the results before and after."""

    changes: dict[str, float]
    trials: list[tuple[str, float, Found]]
    before: Found
    after: Found


def tune(
    clips: Sequence[Clip],
    model: Model,
    out: Path | None = None,
    *,
    planted: Sequence[How] = tuple(ANOMALIES),
    walks: int = 4,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Tuned:
    """Choose how a model's scores are smoothed, by anomalies planted in normal `clips`.

    Args:
        clips: normal footage of the model's camera that it was not trained on; 300 frames of each are used.
        model: the trained model.
        out: folder for tune.toml (the changes, for `--config`), tune.md and tune.json.
        planted: what those do who are planted. What is chosen finds these best; how little that may say of others:
            docs/accuracy.md.
        walks: how many people of each clip, at most, walk as no one does.
        overwrite: replace what `out` holds.
        progress: shows the stages.

    Raises:
        ConfigError: regions are read from files, which know nothing of what is planted.
        DataError: nobody can be followed in any clip.
        SourceError: a clip cannot be read.
        OutputError: `out` is taken or cannot be written.
    """
    progress = progress or Silent()
    if all(detector.kind == "boxes" for detector in model.configuration.detectors):
        raise ConfigError(
            "detectors: this model reads its regions from files, which do not show what is planted; tune a model that "
            "looks for itself, such as one with --regions motion"
        )
    if out is not None:
        claim_output(out, overwrite)
    used = with_settings(model, {"engine": EXACT, "scoring": {"track_frames": 1}})
    cases = [case for clip in clips for case in plant_all(clip, used, planted, walks, progress)]
    if not cases:
        names = ", ".join(clip.name for clip in clips)
        raise DataError(f"{names}: nobody is followed for long enough to be planted; give more or longer footage")
    tuned = choose(partial(measure, cases, joining(model)), model.configuration.scoring)
    if out is not None:
        write_results(tuned, model, [clip.name for clip in clips], planted, out)
    return tuned


def plant_all(clip: Clip, model: Model, planted: Sequence[How], walks: int, progress: Progress) -> Iterator[Case]:
    """The clip with each anomaly planted for each of up to `walks` people, one at a time, and scored."""

    def frames() -> Iterator[Frame]:
        # Decoded anew for each pass: so many pictures of a large camera would not fit into memory.
        return islice(open_source(clip), FRAMES_OF_CLIP)

    expected = open_source(clip).expected_frames
    step = progress.stage(f"looking for people in {clip.name}", expected and min(expected, FRAMES_OF_CLIP))
    detector = _detector(clip, model)
    boxes = []
    for frame in frames():
        boxes.append(detector.detect(frame).boxes)
        step()
    size = frame.image.shape[:2]
    longest = sorted(find_walks(boxes), key=lambda walk: len(walk.frames), reverse=True)[:walks]
    plantings = []
    for walk, pictures in zip(longest, cut(frames(), longest), strict=True):
        for how in planted:
            start = choose_start(walk, how, ANOMALIES[how], boxes)
            if start is not None:
                plantings.append((Planting(walk, how, start, ANOMALIES[how]), pictures))
    step = progress.stage(f"scoring {clip.name} with {len(plantings)} anomalies", len(plantings) * len(boxes))
    for planting, pictures in plantings:
        scored = score_frames(plant(frames(), planting, pictures), model, clip, step)
        yield Case(clip.name, planting.how, size, scored, planting.frames, planting.boxes)


def score_frames(frames: Iterator[Frame], model: Model, clip: Clip, step: Callable[[], None]) -> Frames:
    """The scores of all objects of a clip's frames, as the model's settings make them."""
    detector = _detector(clip, model)
    found = []
    for i, result in enumerate(score_stream(frames, model, detector)):
        found.append(Followed(i, result.regions.boxes, result.task_scores))
        step()
    return found


def _detector(clip: Clip, model: Model) -> Union:
    configuration = model.configuration
    return build_detector(configuration.detectors, clip.name, model.scene, clip.start, configuration.zones)


def joining(model: Model) -> Join:
    """How the model's parts become an object's score with changed settings."""
    kinds = [part.kind for part in model.parts]
    return lambda parts_NK, settings: join_parts(parts_NK, kinds, model.scales, settings.mean_power)


def follow(frames: Frames, join: Join, settings: ScoringSettings) -> Frames:
    """A clip's frames with one score for each object, as settings say: along its track, and of all its parts."""
    along = average_along_tracks(frames, settings.track_frames // 2)
    return [replace(frame, scores=join(frame.scores, settings)) for frame in along]


def smoothed_scores(followed: Frames, size: tuple[int, int], settings: ScoringSettings) -> list[float]:
    """The scores of a clip's frames, of a height and width in pixels."""

    def painted() -> Iterator[Painted[None]]:
        for frame in followed:
            complete = REACH <= frame.item < len(followed) - REACH
            yield Painted(None, paint(frame.boxes, frame.scores, *size) if complete else None)

    return [score for _, score in smooth(painted(), settings)]


def match_objects(
    followed: Frames,
    truth_frames: NDArray[np.intp],
    truth_tracks: NDArray[np.intp],
    truth_boxes: NDArray[np.float32],
) -> MatchedVideo:
    """A clip's objects compared with where the anomalies are."""
    index = np.concatenate([np.full(len(frame.boxes), frame.item) for frame in followed])
    boxes = np.concatenate([frame.boxes for frame in followed])
    scores = np.concatenate([frame.scores for frame in followed])
    return match_video(truth_frames, truth_tracks, truth_boxes, index, boxes, scores)


def measure(cases: Sequence[Case], join: Join, settings: ScoringSettings) -> Found:
    """How well what was planted is found with these settings."""
    labels, scores, matched = [], [], []
    for case in cases:
        followed = follow(case.frames, join, settings)
        scores += smoothed_scores(followed, case.size, settings)
        label = np.zeros(len(case.frames), bool)
        label[case.truth_frames] = True
        labels.append(label)
        tracks = np.zeros(len(case.truth_frames), np.intp)
        matched.append(match_objects(followed, case.truth_frames, tracks, case.truth_boxes))
    regions = measure_regions(matched, sum(map(len, labels)))
    return Found(*(100 * value for value in (auc(np.concatenate(labels), scores), regions.rbdc, regions.tbdc)))


def choose(measured: Callable[[ScoringSettings], Found], settings: ScoringSettings) -> Tuned:
    """One setting after the other, the best value of each taken to the next."""
    before = best = measured(settings)
    trials: list[tuple[str, float, Found]] = []
    changes: dict[str, float] = {}
    for name, values in CHOICES.items():
        found = {value: measured(settings.model_copy(update={name: value})) for value in values}
        trials += [(name, value, one) for value, one in found.items()]
        value = max(found, key=lambda v: found[v].mean)
        if found[value].mean > best.mean + GAIN:
            settings, best, changes[name] = settings.model_copy(update={name: value}), found[value], value
    return Tuned(changes, trials, before, best)


def write_results(tuned: Tuned, model: Model, clips: Sequence[str], planted: Sequence[How], out: Path) -> None:
    """tune.toml, tune.md and tune.json in the folder `out`."""
    lines = ["# Chosen by `ssmtl tune` on anomalies planted in normal footage.", "[scoring]"]
    lines += [f"{name} = {json.dumps(value)}" for name, value in tuned.changes.items()]
    write_text(out / "tune.toml", "\n".join(lines) + "\n")
    write_text(out / "tune.md", table(tuned))
    rows = [{"setting": name, "value": value, **shown(found)} for name, value, found in tuned.trials]
    report = {
        "clips": list(clips),
        "planted": list(planted),
        "before": shown(tuned.before),
        "after": shown(tuned.after),
        "changes": tuned.changes,
        "trials": rows,
        "configuration": model.configuration.model_dump(mode="json"),
    }
    write_json(out / "tune.json", report)


def shown(found: Found) -> Mapping[str, float]:
    """The three measures and their mean, by name."""
    return {"micro": found.micro, "rbdc": found.rbdc, "tbdc": found.tbdc, "mean": found.mean}


def table(tuned: Tuned) -> str:
    """Every trial as Markdown, in %."""
    lines = [
        "Anomalies planted in normal footage; in %.",
        "",
        "| setting | value | micro AUC | RBDC | TBDC | mean |",
        "|---|---|---|---|---|---|",
    ]
    rows: list[tuple[str, str, Found]] = [("as the model has them", "", tuned.before)]
    rows += [(name, str(value), found) for name, value, found in tuned.trials]
    rows.append(("chosen: " + (", ".join(f"{n} = {v}" for n, v in tuned.changes.items()) or "none"), "", tuned.after))
    for name, value, found in rows:
        cells = " | ".join(f"{number:.2f}" for number in shown(found).values())
        lines.append(f"| {name} | {value} | {cells} |")
    return "\n".join(lines) + "\n"

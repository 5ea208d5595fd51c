"""`ssmtl calibrate`: thresholds from normal footage, without training; `fit` does it with what it held out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np

from ssmtl.errors import DataError, SourceError
from ssmtl.model import Model
from ssmtl.model_folder import write_calibration
from ssmtl.progress import Progress, Silent
from ssmtl.regions.union import build_detector
from ssmtl.scoring.budget import parse_budget
from ssmtl.scoring.calibration import DAY_MINUTES, Calibration, Period
from ssmtl.scoring.event_stream import Decided, EventStream
from ssmtl.scoring.stream import score_stream
from ssmtl.scoring.threshold import Curve, choose_threshold
from ssmtl.tasks.task import FRAMES, REACH
from ssmtl.video.files import open_container
from ssmtl.video.frame import Frame
from ssmtl.video.sources import Clip, open_source, problem_of

ALL_DAY = (Period(),)

LEAST_THRESHOLD = 1.25
"""Of footage too short for a tail, on the scale on which one in a hundred ordinary objects reaches 1 for a moment: in a
quarter of a minute nobody unusual, or nobody at all, may have come by."""


def calibrate(
    clips: Sequence[Clip],
    model: Model,
    folder: Path | None = None,
    *,
    budget: str | None = None,
    periods: Sequence[Period] = ALL_DAY,
    starts: Mapping[Clip, float] | None = None,
    known: Mapping[str, Sequence[Curve]] | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Score normal footage and take the thresholds that keep the false-alarm budget on it.

    Args:
        clips: normal footage of the model's camera that it was not trained on.
        model: the trained model.
        folder: the model's; the calibration is put there.
        budget: false alarms that may be, such as "1/day"; the configuration's by default.
        periods: parts of the day, each with a threshold of its own.
        starts: when each clip begins, Unix time; needed for periods.
        known: curves that were scored before, by name; where there are periods, their times are Unix times.
        progress: shows the stages.

    Raises:
        ConfigError: no budget.
        DataError: no footage, or none of a period, or its time of day is not known.
        SourceError: none of the clips can be read.
        OutputError: the calibration cannot be written.
    """
    progress = progress or Silent()
    settings = model.configuration.events
    budget = settings.false_alarms if budget is None else budget
    # Before an hour is scored for it.
    parse_budget(budget)
    curves: list[Curve] = []
    for clip in clips:
        begins = (starts or {}).get(clip)
        if periods != ALL_DAY and begins is None:
            raise DataError(
                f"{clip.path}: it is not known when it begins; say so with --starts, or leave out --periods"
            )
        try:
            curves.append(score_clip(clip, model, progress, begins or 0.0))
        except SourceError as error:
            progress.note(f"left out: {problem_of(clip, error)}")
    curves += [curve for some in (known or {}).values() for curve in some]
    if not curves:
        raise DataError("calibration: no normal footage; name some, or --watch DIR with what a camera's watch recorded")
    least = LEAST_THRESHOLD if model.configuration.scoring.combine == "calibrated" else 0.0
    ceiling, _ = model.most_possible
    found = {}
    for period in periods:
        mine = curves if periods == ALL_DAY else [part for curve in curves for part in within(curve, period)]
        if not sum(curve.seconds for curve in mine) > 0:
            raise DataError(f"calibration: no footage of {period}; give some, or name other --periods")
        found[period] = choose_threshold(mine, settings, budget, least, ceiling)
    calibration = Calibration(
        found,
        [*dict.fromkeys(clip.name for clip in clips), *(known or {})],
        datetime.now(UTC).isoformat(timespec="seconds"),
        model.configuration.model_dump(mode="json", include={"scoring", "detectors", "zones"}),
    )
    if folder is not None:
        write_calibration(calibration, folder)
    return calibration


def score_clip(clip: Clip, model: Model, progress: Progress, begins: float = 0.0) -> Curve:
    """The frame scores of a clip; its times begin at `begins`. Where its view changes they are 0, as for events.

    Raises:
        SourceError: it cannot be read, or is too short.
    """
    source = open_source(clip)
    if (note := model.rate_note(source.declared_rate)) is not None:
        progress.note(f"{clip.path}: {note}")
    step = progress.stage(f"scoring {clip.name}", source.expected_frames)
    configuration = model.configuration
    detector = build_detector(configuration.detectors, clip.name, model.scene, clip.start, configuration.zones)

    def counted() -> Iterator[Frame]:
        for frame in source:
            yield frame
            step()

    def decided() -> Iterator[Decided]:
        events = EventStream(model, math.inf)
        for result in score_stream(counted(), model, detector):
            yield from (happening for happening in events.add(result) if isinstance(happening, Decided))
        yield from (happening for happening in events.finish() if isinstance(happening, Decided))

    rows = [(begins + one.result.frame.time_s, 0.0 if one.held else one.result.score) for one in decided()]
    table = np.array(rows, np.float64)
    return Curve(table[:, 0], table[:, 1])


def within(curve: Curve, period: Period) -> list[Curve]:
    """The parts of a curve, in Unix times, that lie in a period of the (local) day."""
    if not len(curve.times_s):
        return []
    # The offset of local time may change within a curve, on two days of the year: the hour is taken as it begins.
    first = datetime.fromtimestamp(curve.times_s[0])
    minute = (
        first.hour * 60 + first.minute + first.second / 60 + (curve.times_s - curve.times_s[0]) / 60
    ) % DAY_MINUTES
    inside = np.array([period.holds(m) for m in minute])
    borders = np.flatnonzero(np.diff(inside.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    return [replace(curve, times_s=curve.times_s[a:b], scores=curve.scores[a:b]) for a, b in borders if b - a > 1]


def held_out_clips(
    lengths: Mapping[Clip, int], clip: np.ndarray, frame: np.ndarray, held_out: np.ndarray
) -> dict[Clip, int]:
    """What a training held out, as clips and their frames: whole ones, or those pieces of each that were.

    Args:
        lengths: the training's clips and their frames.
        clip, frame: N, which clip each sequence is of, and its middle frame.
        held_out: positions of the held-out ones.
    """
    out = np.zeros(len(clip), bool)
    out[held_out] = True
    found = {}
    for number, (whole, length) in enumerate(lengths.items()):
        mine = np.flatnonzero(clip == number)
        mine = mine[np.argsort(frame[mine], kind="stable")]
        # A piece begins where what came before was not held out.
        borders = np.flatnonzero(np.diff(out[mine], prepend=False, append=False))
        for first, end in borders.reshape(-1, 2):
            start = int(frame[mine[first]]) - REACH if first else 0
            stop = int(frame[mine[end - 1]]) + REACH + 1 if end < len(mine) else None
            part = replace(whole, start=whole.start + start, stop=whole.stop if stop is None else whole.start + stop)
            found[part] = (length if stop is None else stop) - start
    return found


def shorten(lengths: Mapping[Clip, int], frames: int) -> list[Clip]:
    """So much from the beginning of each clip that together they have `frames` at most, or little more."""
    total = sum(lengths.values())
    if total <= frames:
        return list(lengths)
    return [replace(c, stop=c.start + max(FRAMES, length * frames // total)) for c, length in lengths.items()]


def begins_by_file(clip: Clip) -> float | None:
    """When a recording began, Unix time: from its own note of that, or None."""
    try:
        with open_container(str(clip.path.absolute())) as container:
            noted = container.metadata.get("creation_time")
    except (av.FFmpegError, OSError):
        return None
    try:
        return None if noted is None else datetime.fromisoformat(noted).timestamp()
    except ValueError:
        # Some containers hold whatever text a recorder wrote.
        return None


def follow_on(clips: Sequence[Clip], first: datetime) -> dict[Clip, float]:
    """When each of clips that follow one another begins, the first at `first`."""
    starts, now = {}, first
    for clip in clips:
        starts[clip] = now.timestamp()
        source = open_source(clip)
        now += timedelta(seconds=(source.expected_frames or 0) / source.rate)
    return starts

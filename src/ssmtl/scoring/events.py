"""From scores to events that someone can act on: start, end, peak, where, and why. All of it is ours; the papers end
at frame scores.

An event begins where the frame score reaches the threshold and goes on while it stays above `release` of it; what
comes back within `merge_s` is the same event, and what is shorter than `least_s` is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from ssmtl.config import Settings
from ssmtl.regions.regions import overlaps
from ssmtl.scoring.budget import DEFAULT_BUDGET, parse_budget
from ssmtl.scoring.view_change import ViewSettings

Box = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in pixels, half open."""

SAME_OBJECT = 0.2
"""Overlap (intersection over union) from which boxes of neighbouring frames are of one object."""

LOST_S = 1.0
"""An object that was not seen for so long is another when it comes back."""

LEVEL_FRAMES = 9
"""Frames over which an object's score is averaged to say which object is the most unusual."""

MOST_POINTS = 240
"""Of an object's track that are kept; of a longer one every second goes, again and again."""


class EventSettings(Settings):
    """How frame scores become events; times in seconds."""

    threshold: float | None = Field(
        None, gt=0, description="frame score at which an event begins; none: the calibrated one, or 1 without any"
    )
    false_alarms: str = Field(DEFAULT_BUDGET, description="budget from which `fit` and `calibrate` take the threshold")
    release: float = Field(0.7, gt=0, le=1, description="share of the threshold below which an event ends")
    least_s: float = Field(0.4, ge=0, description="events of less are none")
    merge_s: float = Field(2.0, ge=0, description="what comes back within this time is the same event")
    view: ViewSettings = ViewSettings()

    @field_validator("false_alarms")
    @classmethod
    def _budget(cls, text: str) -> str:
        # Now, not when a training is over.
        parse_budget(text)
        return text

    def for_highest(self, each_s: float) -> Self:
        """The same for scores that are the highest of `each_s` seconds each: a single one may be of nearly so long."""
        return self.model_copy(update={"least_s": max(0.0, self.least_s - each_s)})


@dataclass(frozen=True, slots=True)
class Span:
    """When an event was: frames and times in seconds of its stream, both ends included.

    Attributes:
        score: the highest frame score.
        threshold: the frame score from which it counted.
    """

    first_frame: int
    last_frame: int
    peak_frame: int
    start_s: float
    end_s: float
    peak_s: float
    score: float
    threshold: float


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """Where the object of an event was: frame, time in seconds, box, and its score."""

    frame: int
    time_s: float
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Event:
    """What happened.

    Attributes:
        span: when, and how unusual it was at most.
        track: of the most unusual object, in order; empty where no object was seen.
        best: position in `track` of that object's most unusual moment.
        reasons: words of each task and its score at that moment, loudest first.
        picture: the frame of that moment, H×W×3 uint8 RGB, or None.
    """

    span: Span
    track: tuple[TrackPoint, ...] = ()
    best: int = 0
    reasons: tuple[tuple[str, float], ...] = ()
    picture: NDArray[np.uint8] | None = None

    @property
    def box(self) -> Box | None:
        """Where the most unusual object was at its most unusual moment."""
        return self.track[self.best].box if self.track else None


@dataclass(frozen=True, slots=True)
class Scored:
    """What events are made of: one frame's score, and its N objects with the scores of K tasks."""

    frame: int
    time_s: float
    score: float
    boxes: NDArray[np.float32]
    object_scores: NDArray[np.float32]
    task_scores: NDArray[np.float32]
    image: NDArray[np.uint8]


class Hysteresis:
    """Where events begin and end on a stream of frame scores; knows nothing of objects.

    Attributes:
        threshold: may be changed at any time; an event that has begun keeps its own.
        begun: the event that goes on now, however short so far.
    """

    def __init__(self, settings: EventSettings, threshold: float):
        self.settings = settings
        self.threshold = threshold
        self.begun: Span | None = None

    def add(self, frame: int, time_s: float, score: float) -> Span | None:
        """Take the next score; the event that is over with it, unless it was too short."""
        ended = None
        now = self.begun
        # Frames that follow one another are together, however far apart in time.
        if now is not None and frame > now.last_frame + 1 and time_s - now.end_s > self.settings.merge_s:
            ended, now = self.finish(), None
        if now is None:
            if score >= self.threshold:
                self.begun = Span(frame, frame, frame, time_s, time_s, time_s, score, self.threshold)
        elif score >= self.settings.release * now.threshold:
            self.begun = replace(now, last_frame=frame, end_s=time_s)
            if score > now.score:
                self.begun = replace(self.begun, peak_frame=frame, peak_s=time_s, score=score)
        return ended

    def finish(self) -> Span | None:
        """End what goes on: the stream is over. The event, unless it was too short."""
        now, self.begun = self.begun, None
        return now if now is not None and self.counts(now) else None

    @property
    def goes_on(self) -> bool:
        """Whether an event goes on that is long enough to be one."""
        return self.begun is not None and self.counts(self.begun)

    def counts(self, span: Span) -> bool:
        """Whether it is long enough to be an event; times are those of frames, a rounding error must not decide."""
        return span.end_s - span.start_s >= self.settings.least_s - 1e-6


def find_spans(
    times_s: Sequence[float] | NDArray[np.float64],
    scores: Sequence[float] | NDArray[np.float64],
    settings: EventSettings,
    threshold: float,
) -> list[Span]:
    """The events of a whole curve of frame scores; frames are numbered from 0."""
    hysteresis = Hysteresis(settings, threshold)
    times, values = np.asarray(times_s, np.float64), np.asarray(scores, np.float64)
    # What is below the release changes nothing: a lack of news for `merge_s` is seen at the next frame above.
    above = np.flatnonzero(values >= settings.release * threshold)
    found = [hysteresis.add(int(i), float(times[i]), float(values[i])) for i in above]
    return [span for span in [*found, hysteresis.finish()] if span is not None]


class _Track:
    """One object, followed; a long track is thinned."""

    def __init__(self) -> None:
        self._points: list[TrackPoint] = []
        self._step, self._seen = 1, 0
        self._level = 0.0
        self.loudness = 0.0
        self.last: TrackPoint | None = None
        self.best: TrackPoint | None = None
        self.tasks: NDArray[np.float32] = np.zeros(0, np.float32)
        self.picture: NDArray[np.uint8] | None = None

    def add(self, point: TrackPoint, tasks: NDArray[np.float32], image: NDArray[np.uint8]) -> None:
        if self._seen % self._step == 0:
            self._points.append(point)
        self._seen += 1
        if len(self._points) > MOST_POINTS:
            self._points, self._step = self._points[::2], 2 * self._step
        # What is unusual for one frame alone is noise, as it is to the filter over the volume of scores.
        self._level += (point.score - self._level) / LEVEL_FRAMES
        self.loudness = max(self.loudness, self._level)
        self.last = point
        if self.best is None or point.score > self.best.score:
            self.best, self.tasks, self.picture = point, tasks, image

    def points(self) -> list[TrackPoint]:
        kept = {point.frame: point for point in [*self._points, self.best, self.last] if point is not None}
        return sorted(kept.values(), key=lambda point: point.frame)


class Events:
    """Events of a stream of scored frames, in memory that does not grow with it.

    Attributes:
        hysteresis: where events begin and end.
    """

    def __init__(self, hysteresis: Hysteresis, words: Sequence[str]):
        """Prepare for tasks of these `words`."""
        self.hysteresis = hysteresis
        self._words = list(words)
        self._tracks: list[_Track] = []
        self._began: int | None = None

    def add(self, scored: Scored) -> Event | None:
        """Take the next frame; the event that is over with it, if there is one."""
        ended = self.hysteresis.add(scored.frame, scored.time_s, scored.score)
        event = None if ended is None else self._event(ended)
        now = self.hysteresis.begun
        began = None if now is None else now.first_frame
        if began != self._began:
            self._tracks, self._began = [], began
        if now is not None:
            self._follow(scored)
        return event

    def so_far(self) -> Event | None:
        """The event that goes on now, once it is long enough to be one."""
        now = self.hysteresis.begun
        return self._event(now) if now is not None and self.hysteresis.counts(now) else None

    def finish(self) -> Event | None:
        """The event that the end of the stream ends."""
        ended = self.hysteresis.finish()
        event = None if ended is None else self._event(ended)
        self._tracks, self._began = [], None
        return event

    def _follow(self, scored: Scored) -> None:
        """Each box goes on with the track that it overlaps most, the most unusual box first, or begins one."""
        # Frames that follow one another are together, however far apart in time.
        alive = [
            t
            for t in self._tracks
            if t.last is not None and (scored.time_s - t.last.time_s <= LOST_S or scored.frame <= t.last.frame + 1)
        ]
        lost = [t for t in self._tracks if t not in alive]
        boxes = np.array([t.last.box for t in alive if t.last is not None], np.float32).reshape(-1, 4)
        common = overlaps(scored.boxes, boxes)
        free = np.ones(len(alive), bool)
        for i in np.argsort(-scored.object_scores, kind="stable"):
            candidates = np.where(free, common[i], 0)
            j = int(np.argmax(candidates)) if len(alive) else -1
            if j >= 0 and candidates[j] >= SAME_OBJECT:
                free[j] = False
                track = alive[j]
            else:
                track = _Track()
                self._tracks.append(track)
            x_min, y_min, x_max, y_max = scored.boxes[i].tolist()
            point = TrackPoint(
                scored.frame, scored.time_s, (x_min, y_min, x_max, y_max), float(scored.object_scores[i])
            )
            track.add(point, scored.task_scores[i], scored.image)
        # Of those that are gone only the most unusual matters.
        keep = max(lost, key=lambda track: track.loudness, default=None)
        self._tracks = [t for t in self._tracks if t is keep or t not in lost]

    def _event(self, span: Span) -> Event:
        track = max(self._tracks, key=lambda track: track.loudness, default=None)
        if track is None or track.best is None:
            return Event(span)
        points = track.points()
        reasons = sorted(zip(self._words, track.tasks.tolist(), strict=True), key=lambda reason: -reason[1])
        return Event(span, tuple(points), points.index(track.best), tuple(reasons), track.picture)

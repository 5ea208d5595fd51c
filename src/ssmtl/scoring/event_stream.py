"""From scored frames to events, for a file and a camera alike; the frames around a change of the view are held."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmtl.model import Model
from ssmtl.scoring.events import Event, Events, Hysteresis, Scored
from ssmtl.scoring.score import calibrate
from ssmtl.scoring.smoothing import delay
from ssmtl.scoring.stream import FrameResult
from ssmtl.scoring.view_change import ViewChange, ViewWatch
from ssmtl.tasks.task import REACH


@dataclass(frozen=True, slots=True)
class Decided:
    """A frame that is decided: `held` if it counts for no event, because the view was changing around it."""

    result: FrameResult
    held: bool


@dataclass(slots=True)
class _Waiting:
    result: FrameResult
    held: bool


Happening = Decided | Event | ViewChange


class EventStream:
    """Turns the results of `score_stream` into events, in order and in memory that does not grow.

    Attributes:
        events: the anomalies; their hysteresis has the threshold, which may be changed at any time.
        view: the watch over the picture as a whole.
        delay_frames: by how many frames a frame is decided after it is scored.
    """

    def __init__(self, model: Model, threshold: float):
        configuration = model.configuration
        self._model = model
        self._plain = configuration.scoring.combine == "plain"
        self.events = Events(Hysteresis(configuration.events, threshold), [part.words for part in model.parts])
        self.view = ViewWatch(configuration.events.view)
        # A score is smoothed with so many to either side: a change of the view shows in those too.
        self.delay_frames = REACH + delay(configuration.scoring) if configuration.events.view.hold else 0
        self._waiting: deque[_Waiting] = deque()
        self._held_to = -1

    def add(self, result: FrameResult) -> list[Happening]:
        """Take the next frame's result; what is known by now, in order."""
        found: list[Happening] = []
        frame = result.frame
        if self.delay_frames:
            change = self.view.add(frame.index, frame.time_s, frame.image)
            if change is not None:
                found.append(change)
            if self.view.changing:
                self._held_to = frame.index + self.delay_frames
                for waiting in self._waiting:
                    waiting.held = True
        self._waiting.append(_Waiting(result, frame.index <= self._held_to))
        if len(self._waiting) > self.delay_frames:
            found += self._decide(self._waiting.popleft())
        return found

    def flush(self) -> Iterator[Happening]:
        """Decide what waits, one by one: no frame follows on the last one. An event that goes on may go on after the
        gap."""
        while self._waiting:
            yield from self._decide(self._waiting.popleft())
        change = self.view.finish()
        self.view = ViewWatch(self.view.settings)
        self._held_to = -1
        if change is not None:
            yield change

    def finish(self) -> Iterator[Happening]:
        """Decide what waits, one by one: the stream is over."""
        yield from self.flush()
        event = self.events.finish()
        if event is not None:
            yield event

    def _decide(self, waiting: _Waiting) -> list[Happening]:
        result = waiting.result
        some = result.regions.take(np.arange(0 if waiting.held else len(result.regions)))
        event = self.events.add(
            Scored(
                result.frame.index,
                result.frame.time_s,
                0.0 if waiting.held else result.score,
                some.boxes,
                result.object_scores[: len(some)],
                self._on_scale(result.task_scores[: len(some)]),
                result.frame.image,
            )
        )
        decided = Decided(result, waiting.held)
        return [decided] if event is None else [event, decided]

    def _on_scale(self, task_scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Task scores on the scale on which reasons are told, where the object's score is a plain mean."""
        if not self._plain:
            return task_scores
        return calibrate(task_scores, [part.kind for part in self._model.parts], self._model.scales)

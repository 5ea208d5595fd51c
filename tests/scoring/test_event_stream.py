"""From scored frames to events, around changes of the view and gaps; the scores are made up."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from ssmtl.model import with_settings
from ssmtl.regions.regions import Regions
from ssmtl.scoring.cutting import Sequences
from ssmtl.scoring.event_stream import Decided, EventStream, Happening
from ssmtl.scoring.events import Event
from ssmtl.scoring.stream import FrameResult
from ssmtl.scoring.view_change import ViewChange
from ssmtl.video.frame import Frame

from .tiny import make_model

RATE = 10.0
SCENE = np.random.default_rng(0).integers(0, 200, (9, 16, 3), np.uint8).repeat(8, 0).repeat(8, 1)


def result(index: int, score: float, image: np.ndarray = SCENE, gap_s: float = 0.0) -> FrameResult:
    boxes = [[10.0, 10.0, 30.0, 50.0]]
    tasks = np.array([[score, score / 2, 0.1]], np.float32)
    nothing = Sequences(np.arange(0), np.zeros((0, 1, 7, 64, 64), np.uint8), {})
    frame = Frame(index, index / RATE + gap_s, image)
    return FrameResult(frame, Regions.make(boxes, "known"), tasks, tasks.mean(axis=1), True, nothing, score)


def stream(threshold: float = 1.0, **events: Any) -> EventStream:
    model = with_settings(
        make_model(mean_frames=3, gaussian_frames=1.0), {"events": {"least_s": 0.2, "merge_s": 0.25} | events}
    )
    return EventStream(model, threshold)


def run(events: EventStream, results: Iterable[FrameResult]) -> list[Happening]:
    found = [happening for one in results for happening in events.add(one)]
    return [*found, *events.finish()]


def spans(found: list[Happening]) -> list[tuple[int, int]]:
    return [(e.span.first_frame, e.span.last_frame) for e in found if isinstance(e, Event)]


def test_every_frame_is_decided_in_order_after_the_delay_it_states() -> None:
    events = stream()
    assert events.delay_frames == 3 + 1 + 3  # the sequence, the mean, the Gaussian
    for i in range(20):
        decided = [h.result.frame.index for h in events.add(result(i, 0.0)) if isinstance(h, Decided)]
        assert decided == ([] if i < 7 else [i - 7])
    assert [h.result.frame.index for h in events.finish() if isinstance(h, Decided)] == list(range(13, 20))


def test_at_the_end_too_each_frame_is_decided_when_it_comes() -> None:
    """Whoever films an event sees it go on, be it decided from the very last frames alone."""
    events = stream()
    for i in range(20):
        assert not [h for h in events.add(result(i, 2.0 if 14 <= i < 18 else 0.1)) if isinstance(h, Event)]
    seen = [(h.result.frame.index, events.events.hysteresis.goes_on) for h in events.finish() if isinstance(h, Decided)]
    assert [index for index, _ in seen] == list(range(13, 20))
    assert [index for index, goes_on in seen if goes_on] == [16, 17, 18, 19], "from where it is long enough, to its end"


def test_an_event_comes_with_what_made_it() -> None:
    found = run(stream(), (result(i, 2.0 if 10 <= i < 16 else 0.1) for i in range(40)))
    (event,) = [h for h in found if isinstance(h, Event)]
    assert spans(found) == [(10, 15)]
    assert event.box == (10.0, 10.0, 30.0, 50.0) and event.reasons[0] == ("moves backwards", 2.0)
    assert not any(h.held for h in found if isinstance(h, Decided))


@pytest.mark.parametrize("hold", [True, False])
def test_a_change_of_the_view_is_held_and_is_no_anomaly(hold: bool) -> None:
    """Lights out at frame 30; the score cries from 26 to 40, as the smoothing smears it. A real event is at 80."""
    dark = (SCENE * 0.2).astype(np.uint8)
    events = stream(view={"hold": hold, "settled_s": 1.0})
    scores = dict.fromkeys([*range(26, 41), *range(80, 86)], 3.0)
    found = run(events, (result(i, scores.get(i, 0.0), SCENE if i < 30 else dark) for i in range(110)))
    views = [h for h in found if isinstance(h, ViewChange)]
    held = [h.result.frame.index for h in found if isinstance(h, Decided) and h.held]
    if hold:
        assert spans(found) == [(80, 85)]
        assert [view.first_frame for view in views] == [30]
        # From the frames whose smoothed scores knew of it already, until as long after it is settled.
        assert held[0] == 30 - 7 and held[-1] == pytest.approx(views[0].last_frame + 7, abs=1)
        assert held == list(range(held[0], held[-1] + 1))
    else:
        assert spans(found) == [(26, 40), (80, 85)] and views == [] and held == []


def test_an_event_goes_on_over_a_short_gap_and_ends_in_a_long_one() -> None:
    for gap_s, expected in ((0.0, [(10, 31)]), (5.0, [(10, 19), (21, 31)])):
        events = stream()
        found = [h for i in range(10, 20) for h in events.add(result(i, 2.0))]
        found += events.flush()
        # A number is left out where frames are missing.
        found += [h for i in range(21, 32) for h in events.add(result(i, 2.0, gap_s=gap_s))]
        assert spans([*found, *events.finish()]) == expected


def test_another_size_after_a_gap_is_no_change_of_the_view() -> None:
    events = stream()
    found = [h for i in range(20) for h in events.add(result(i, 0.0))]
    found += events.flush()
    other = np.ascontiguousarray(SCENE[::-1, ::2])
    found += [h for i in range(21, 60) for h in events.add(result(i, 0.0, other))]
    assert not any(isinstance(h, ViewChange) for h in [*found, *events.finish()])
    assert not any(h.held for h in found if isinstance(h, Decided))


def test_reasons_of_plain_means_are_on_the_scale_of_normal_footage() -> None:
    model = with_settings(make_model(combine="plain"), {"events": {"least_s": 0.0}})
    found = run(EventStream(model, 1.0), (result(i, 1.1 if 5 <= i < 9 else 0.0) for i in range(60)))
    (event,) = [h for h in found if isinstance(h, Event)]
    # T1's scale in `make_model` is from 0.4 to 0.6: (1.1 - 0.4) / 0.2.
    assert dict(event.reasons)["moves backwards"] == pytest.approx(3.5)

"""Events from curves that are drawn by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ssmtl.scoring.events import Event, Events, EventSettings, Hysteresis, Scored, Span, find_spans

RATE = 10.0


def spans(scores: list[float], **changes: Any) -> list[tuple[int, int, int, float]]:
    settings = EventSettings(**({"least_s": 0.0, "merge_s": 0.0, "release": 1.0} | changes))
    times = np.arange(len(scores)) / RATE
    found = find_spans(times, scores, settings, 1.0)
    for span in found:
        assert (span.start_s, span.end_s, span.peak_s) == tuple(
            times[[span.first_frame, span.last_frame, span.peak_frame]]
        )
    return [(span.first_frame, span.last_frame, span.peak_frame, span.score) for span in found]


@pytest.mark.parametrize(
    ("scores", "changes", "expected"),
    [
        ([], {}, []),
        ([0.9, 0.99], {}, []),
        ([1.0], {}, [(0, 0, 0, 1.0)]),
        ([0, 1, 3, 2, 0, 0], {}, [(1, 3, 2, 3.0)]),
        # The first of equal peaks counts.
        ([2, 2], {}, [(0, 1, 0, 2.0)]),
        ([0, 1, 0.6, 0.8, 0.4, 0], {"release": 0.5}, [(1, 3, 1, 1.0)]),
        # It does not begin below the threshold, however long it is above the release.
        ([0.8, 0.8, 0.8, 1.2], {"release": 0.5}, [(3, 3, 3, 1.2)]),
        ([1, 0, 0, 1, 0, 0, 0, 0, 1], {"merge_s": 0.3}, [(0, 3, 0, 1.0), (8, 8, 8, 1.0)]),
        ([1, 1, 0, 0, 1, 1, 1], {"least_s": 0.2}, [(4, 6, 4, 1.0)]),
        ([1, 0, 1], {"least_s": 0.2, "merge_s": 0.2}, [(0, 2, 0, 1.0)]),
    ],
)
def test_spans(scores: list[float], changes: dict[str, Any], expected: list[tuple[int, int, int, float]]) -> None:
    assert spans(scores, **changes) == expected


@pytest.mark.parametrize("seed", range(20))
def test_a_whole_curve_and_a_stream_give_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.convolve(rng.exponential(0.6, 400), np.ones(5) / 5, "same")
    times = np.cumsum(rng.uniform(0.02, 0.2, 400))
    settings = EventSettings(least_s=0.3, merge_s=0.5)
    hysteresis = Hysteresis(settings, 0.8)
    streamed = [hysteresis.add(i, t, s) for i, (t, s) in enumerate(zip(times, scores, strict=True))]
    expected = [span for span in [*streamed, hysteresis.finish()] if span]
    assert expected and find_spans(times, scores, settings, 0.8) == expected


def test_an_event_keeps_the_threshold_with_which_it_began() -> None:
    hysteresis = Hysteresis(EventSettings(release=1.0, merge_s=0, least_s=0), 1.0)
    hysteresis.add(0, 0.0, 1.5)
    hysteresis.threshold = 2.0
    hysteresis.add(1, 0.1, 1.5)
    hysteresis.add(2, 0.2, 0.0)
    ended = hysteresis.add(3, 0.3, 0.0)
    assert ended == Span(0, 1, 0, 0.0, 0.1, 0.0, 1.5, 1.0)
    assert hysteresis.add(4, 0.4, 1.5) is None and hysteresis.begun is None


def scored(frame: int, score: float, *objects: tuple[float, float, tuple[float, float]]) -> Scored:
    """A frame with objects: x, score, scores of two tasks; each is 10 pixels wide and 20 high."""
    boxes = np.array([[x, 0, x + 10, 20] for x, *_ in objects], np.float32).reshape(-1, 4)
    image = np.full((24, 200, 3), frame % 256, np.uint8)
    tasks = np.array([t for *_, t in objects], np.float32).reshape(-1, 2)
    return Scored(frame, frame / RATE, score, boxes, np.array([s for _, s, _ in objects], np.float32), tasks, image)


def run(frames: list[Scored]) -> list[Event]:
    events = Events(Hysteresis(EventSettings(least_s=0.2, merge_s=0.2), 1.0), ["first", "second"])
    found = [events.add(frame) for frame in frames]
    return [event for event in [*found, events.finish()] if event is not None]


def test_the_object_that_stays_unusual_is_followed_and_says_why() -> None:
    frames = [scored(i, 0.0, (100 + i, 0.1, (0.0, 0.0))) for i in range(3)]
    frames += [
        scored(
            i,
            1.5,
            (20 + 3 * i, 1.0 + 0.1 * i, (0.5, 1.5 + 0.1 * i)),
            (100.0 + i, 0.1, (0.1, 0.1)),
            # One flicker that is louder than all, for a single frame.
            *([(170.0, 3.0, (9.0, 9.0))] if i == 5 else []),
        )
        for i in range(3, 12)
    ]
    frames += [scored(i, 0.0) for i in range(12, 20)]
    (event,) = run(frames)
    assert (event.span.first_frame, event.span.last_frame) == (3, 11)
    assert [point.box[0] for point in event.track] == [20 + 3 * i for i in range(3, 12)]
    assert [point.frame for point in event.track] == list(range(3, 12))
    assert event.track[event.best].frame == 11 and event.box == (53.0, 0.0, 63.0, 20.0)
    assert [words for words, _ in event.reasons] == ["second", "first"]
    assert event.reasons[0][1] == pytest.approx(2.6)
    assert event.picture is not None and event.picture[0, 0, 0] == 11


def test_an_event_without_objects_has_no_box() -> None:
    (event,) = run([scored(i, 2.0) for i in range(4)])
    assert event.box is None and event.track == () and event.reasons == () and event.picture is None


def test_what_goes_on_is_known_once_it_is_long_enough_and_not_after() -> None:
    events = Events(Hysteresis(EventSettings(least_s=0.2, merge_s=0.15), 1.0), ["first", "second"])
    known = []
    for frame in [scored(i, 1.5 if i < 4 else 0.0, (20, 1.0, (1.0, 2.0))) for i in range(8)]:
        events.add(frame)
        now = events.so_far()
        known.append(None if now is None else now.span.last_frame)
    assert known == [None, None, 2, 3, 3, None, None, None]


def test_two_events_have_each_their_own_object() -> None:
    frames = [scored(i, 1.5, (10, 1.5, (1, 0))) for i in range(4)]
    frames += [scored(i, 0.0) for i in range(4, 10)]
    frames += [scored(i, 1.5, (150, 1.2, (0, 1))) for i in range(10, 14)]
    first, second = run(frames)
    assert first.box is not None and first.box[0] == 10
    assert second.box is not None and second.box[0] == 150


def test_a_long_track_is_thinned_but_keeps_its_ends_and_its_best() -> None:
    frames = [scored(i, 1.5, (20, 5.0 if i == 777 else 1.0, (1, 1))) for i in range(1001)]
    (event,) = run(frames)
    points = [point.frame for point in event.track]
    assert len(points) < 260 and points[0] == 0 and points[-1] == 1000 and points == sorted(points)
    assert event.track[event.best].frame == 777


def test_frames_seconds_apart_are_of_one_object() -> None:
    """A camera that takes a picture every two seconds."""
    frames = [replace(scored(i, 1.5, (20, 1.5, (1, 1))), time_s=2.0 * i) for i in range(20)]
    (event,) = run(frames)
    assert [point.frame for point in event.track] == list(range(20))

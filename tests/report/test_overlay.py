"""What the overlay draws: colours, words, places, the strip, and the file it writes."""

import math
from collections.abc import Sequence

import av
import numpy as np
import pytest

from ssmtl.errors import OutputError
from ssmtl.report.overlay import (
    SCALE,
    Drawing,
    Overlay,
    clock,
    label_text,
    loudest_task,
    place_label,
    score_colours,
)

WORDS = ["moves backwards", "irregular motion", "does not look as expected"]
NONE = (np.zeros((0, 4), np.float32), np.zeros(0), np.zeros((0, 3)))


def grey(width: int, height: int, value: int = 90) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def one(box: Sequence[float], score: float, tasks: Sequence[float] = (0, 0, 0)) -> tuple[np.ndarray, ...]:
    return np.array([box], np.float32), np.array([score]), np.array([tasks], float)


def count(picture: np.ndarray, colour: Sequence[int]) -> int:
    return int((np.abs(picture.astype(int) - np.asarray(colour)).max(-1) <= 3).sum())


@pytest.mark.parametrize(
    ("score", "expected"),
    [(0, 0), (-1, 0), (math.nan, 0), (1, 1), (2, 2), (9, 2), (math.inf, 2)],
)
def test_colours_run_from_calm_to_alarming_and_end_at_high(score: float, expected: int) -> None:
    assert np.abs(score_colours(score)[0].astype(int) - SCALE[expected]).max() <= 3
    assert np.array_equal(score_colours(score * 2, high=4), score_colours(score))


def test_colours_of_no_scores() -> None:
    assert score_colours([]).shape == (0, 3)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([], None), ([math.nan], None), ([0.0], 0), ([0.1, 2.0, 1.0], 1), ([math.nan, -1.0], 1)],
)
def test_loudest_task(scores: list[float], expected: int | None) -> None:
    assert loudest_task(np.array(scores)) == expected


@pytest.mark.parametrize(
    ("score", "tasks", "expected"),
    [
        (0.99, [3.0, 0, 0], ""),
        (math.nan, [3.0, 0, 0], ""),
        (1.0, [3.0, 0, 0], "moves backwards  1.0"),
        (1.66, [0.2, 0.1, 4], "does not look as expected  1.7"),
        (2.5, [math.nan] * 3, "2.5"),
    ],
)
def test_label_has_the_words_of_the_loudest_task(score: float, tasks: list[float], expected: str) -> None:
    assert label_text(WORDS, score, np.array(tasks)) == expected


@pytest.mark.parametrize(
    ("box", "taken", "expected"),
    [
        ((10, 50, 30, 80), [], (10, 40)),  # above
        ((10, 5, 30, 60), [], (10, 60)),  # no room above: below
        ((10, 0, 30, 100), [], (10, 0)),  # neither: at its top
        ((90, 50, 99, 80), [], (60, 40)),  # pushed in from the right
        ((-20, 50, 5, 80), [], (0, 40)),  # and from the left
        ((10, 50, 30, 80), [(20, 35, 60, 45)], (10, 80)),  # another label is above
    ],
)
def test_label_stays_in_the_picture_and_off_other_labels(
    box: tuple[int, ...], taken: list[tuple[int, ...]], expected: tuple[int, int]
) -> None:
    assert place_label(box, (40, 10), (100, 100), taken) == expected


@pytest.mark.parametrize(
    ("seconds", "digits", "expected"),
    [
        (0, 1, "0:00.0"),
        (12.34, 1, "0:12.3"),
        (59.96, 1, "1:00.0"),
        (59.96, 0, "1:00"),
        (3723, 0, "1:02:03"),
        (-2, 1, "-0:02.0"),
    ],
)
def test_clock(seconds: float, digits: int, expected: str) -> None:
    assert clock(seconds, digits) == expected


@pytest.mark.parametrize(
    ("size", "scale"), [((360, 240), 2), ((240, 360), 2), ((64, 48), 2), ((361, 240), 1), ((640, 360), 1)]
)
def test_small_pictures_are_enlarged_and_a_strip_is_added(size: tuple[int, int], scale: int) -> None:
    drawing = Drawing(*size, WORDS)
    drawn = drawing.draw(grey(*size), *NONE, 0.0, 0.0)
    assert drawn.shape == (drawing.height, drawing.width, 3)
    assert drawing.width == size[0] * scale
    assert (drawn[: size[1] * scale] == 90).all()
    assert drawing.height - size[1] * scale >= 56


def test_boxes_have_the_colour_of_their_score_at_their_place() -> None:
    image = grey(640, 360)
    drawn = Drawing(640, 360, WORDS).draw(image, *one((100, 200, 150, 300), 0.5), 0.0, 0.0)
    colour = score_colours(0.5)[0]
    assert np.abs(drawn[[200, 299, 250, 250], [120, 120, 100, 149]].astype(int) - colour).max() == 0
    assert (drawn[201:299, 101:149] == 90).all(), "the object itself is not painted over"
    assert (image == 90).all(), "the caller's picture is untouched"


def test_abnormal_boxes_are_thicker() -> None:
    def painted(score: float) -> int:
        drawn = Drawing(640, 360, ["x"]).draw(
            grey(640, 360), *one((100, 200, 200, 300), score, [0])[:2], np.zeros((1, 1)), 0.0, 0.0
        )
        return count(drawn[200:300], score_colours(score)[0])

    assert painted(0.9) < 0.7 * painted(1.1) < 0.7 * 0.8 * painted(2.1)


def test_the_words_drawn_are_those_of_the_loudest_task() -> None:
    def draw(words: list[str], tasks: list[float]) -> np.ndarray:
        box = (300, 200, 350, 300)
        return Drawing(640, 360, words).draw(grey(640, 360), *one(box, 1.5, tasks), 1.5, 0.0).copy()

    loud_first = draw(WORDS, [2, 1, 1])
    assert np.array_equal(loud_first, draw([WORDS[1], WORDS[2], WORDS[0]], [1, 1, 2]))
    assert not np.array_equal(loud_first, draw(WORDS, [1, 2, 1]))


@pytest.mark.parametrize("box", [(0, 0, 65, 48), (-10, -10, 1, 1), (64, 47, 90, 90), (20, 20, 20, 20)])
def test_boxes_at_the_edges_of_an_odd_picture_leave_the_strip_alone(box: tuple[int, ...]) -> None:
    plain = Drawing(65, 48, WORDS).draw(grey(65, 48), *NONE, 1.5, 0.0)
    drawn = Drawing(65, 48, WORDS).draw(grey(65, 48), *one(box, 3.0, [1, 2, 3]), 1.5, 0.0)
    assert np.array_equal(plain[96:], drawn[96:])
    assert not np.array_equal(plain[:96], drawn[:96])


def test_strip_shows_the_current_score_and_only_the_last_seconds() -> None:
    old, new = Drawing(640, 360, WORDS), Drawing(640, 360, WORDS)
    for i in range(50):
        old.draw(grey(640, 360), *NONE, 2.0, i / 25)
    alarmed = old.draw(grey(640, 360), *NONE, 2.0, 2.0).copy()
    assert count(alarmed[360:], SCALE[2]) > 1000
    for i in range(60):
        late_old = old.draw(grey(640, 360), *NONE, 0.1, 100 + i / 2)
        late_new = new.draw(grey(640, 360), *NONE, 0.1, 100 + i / 2)
    assert np.array_equal(late_old, late_new)
    assert count(late_old[360:], SCALE[2]) == 0


def test_clock_set_back_starts_the_strip_anew() -> None:
    drawing = Drawing(640, 360, WORDS)
    drawing.draw(grey(640, 360), *NONE, 2.0, 50.0)
    again = drawing.draw(grey(640, 360), *NONE, 0.5, 0.0)
    assert np.array_equal(again, Drawing(640, 360, WORDS).draw(grey(640, 360), *NONE, 0.5, 0.0))


def test_a_frame_without_a_score_is_drawn_as_ordinary() -> None:
    drawn = Drawing(640, 360, WORDS).draw(grey(640, 360), *NONE, math.nan, 0.0)
    assert count(drawn[360:], SCALE[2]) == 0


@pytest.mark.parametrize(
    ("image", "objects"),
    [
        (grey(640, 350), NONE),
        (grey(640, 360), (NONE[0], np.zeros(1), NONE[2])),
        (grey(640, 360), (np.zeros((1, 4)), np.zeros(1), np.zeros((1, 2)))),
    ],
)
def test_what_does_not_fit_is_refused(image: np.ndarray, objects: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(ValueError):
        Drawing(640, 360, WORDS).draw(image, *objects, 0.0, 0.0)


def test_overlay_writes_each_frame_at_its_time(tmp_path) -> None:
    path = tmp_path / "overlay.mp4"
    times = [5.0, 5.1, 5.2, 5.6]
    with Overlay(path, 97, 63, 10, WORDS) as overlay:
        for i, time_s in enumerate(times):
            overlay.add(grey(97, 63, 40 * i), *one((10, 10, 50, 50), 1.5, [0, 2, 1]), 1.5, time_s)
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert np.allclose([frame.time for frame in frames], [0, 0.1, 0.2, 0.6], atol=0.002)
    assert (frames[0].width, frames[0].height) == (194, 182)
    corners = [frame.to_ndarray(format="rgb24")[100:120, :20].mean() for frame in frames]
    assert np.allclose(corners, [0, 40, 80, 120], atol=6)


def test_overlay_leaves_nothing_after_an_error(tmp_path) -> None:
    with pytest.raises(OutputError, match="stop"), Overlay(tmp_path / "o.mp4", 64, 48, 25, WORDS) as overlay:
        overlay.add(grey(64, 48), *NONE, 0.0, 0.0)
        raise OutputError("stop")
    assert list(tmp_path.iterdir()) == []

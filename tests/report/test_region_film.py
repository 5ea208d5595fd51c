"""What a film of regions shows: boxes in their colours, labels that hide nothing, a legend that counts."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from ssmtl.report.region_film import COLOURS, OTHER, RegionDrawing, free_place

ORIGINS = ["background", "flow"]
WHITE = (255, 255, 255)


def grey(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 90, np.uint8)


def draw(
    width: int,
    height: int,
    boxes: Sequence[Sequence[float]] = (),
    origins: Sequence[str] = (),
    labels: Sequence[str] | None = None,
    truth: Sequence[Sequence[float]] | None = None,
) -> np.ndarray:
    drawing = RegionDrawing(width, height, ORIGINS, truth is not None)
    wanted = None if truth is None else np.array(truth, np.float32).reshape(-1, 4)
    texts = [""] * len(boxes) if labels is None else labels
    return drawing.draw(grey(width, height), np.array(boxes, np.float32), origins, texts, wanted, 0, 0.0).copy()


def where(picture: np.ndarray, colour: Sequence[int]) -> np.ndarray:
    return (np.abs(picture.astype(int) - np.asarray(colour)).max(-1) <= 3).astype(np.uint8)


def extent(picture: np.ndarray, colour: Sequence[int]) -> tuple[int, int, int, int]:
    """The box, half open, around all pixels of a colour."""
    x, y, width, height = cv2.boundingRect(where(picture, colour))
    return x, y, x + width, y + height


@pytest.mark.parametrize(
    ("size", "times"), [((360, 240), 3), ((640, 360), 2), ((1280, 720), 1), ((1920, 1080), 1), ((64, 48), 4)]
)
def test_small_pictures_are_drawn_larger_and_boxes_with_them(size: tuple[int, int], times: int) -> None:
    width, height = size
    box = [width // 4, height // 4, width // 2, height // 2]
    picture = draw(width, height, [box], ["flow"])
    assert picture.shape[1] == times * width and picture.shape[0] > times * height
    found = extent(picture[: times * height], COLOURS["flow"])
    line = 2 * round(times * min(size) / 720) if times * min(size) > 720 else 2
    assert np.abs(np.array(found) - times * np.array(box)).max() <= line


def test_each_origin_has_its_colour_and_others_have_one_too() -> None:
    drawing = RegionDrawing(640, 360, ["background", "flow", "sonar"])
    boxes = np.array([[10, 10, 60, 90], [100, 10, 160, 90], [200, 10, 260, 90]], np.float32)
    origins = ["sonar", "background", "flow"]
    picture = drawing.draw(grey(640, 360), boxes, origins, [""] * 3, None, 0, 0.0)[:720]
    for box, colour in zip(boxes, [OTHER, COLOURS["background"], COLOURS["flow"]], strict=True):
        assert np.abs(np.array(extent(picture, colour)) - 2 * box).max() <= 2


def test_the_inside_of_a_box_stays_as_it_was() -> None:
    picture = draw(360, 240, [[100, 100, 120, 135]], ["flow"], ["person 0.87"])
    assert (picture[306:399, 306:354] == 90).all()


def test_ground_truth_is_dashed_white_around_a_region_that_fits() -> None:
    box = [100, 50, 160, 120]
    picture = draw(640, 360, [box], ["flow"], truth=[box])[:720]
    assert where(picture, COLOURS["flow"]).sum() > 400, "the region is still to be seen"
    x_min, y_min, x_max, y_max = extent(picture, WHITE)
    assert x_min < 200 and y_min < 100 and x_max > 320 and y_max > 240
    line = where(picture, WHITE)[y_min, x_min:x_max]
    assert 0.3 < line.mean() < 0.8 and np.abs(np.diff(line.astype(int))).sum() >= 10
    assert where(draw(640, 360, [box], ["flow"])[:720], WHITE).sum() == 0


def test_the_legend_counts_what_is_there() -> None:
    def strip(origins: list[str], truth: list[list[float]] | None) -> np.ndarray:
        boxes = [[60 * i, 20, 60 * i + 30, 80] for i in range(len(origins))]
        return draw(640, 360, boxes, origins, truth=truth)[720:]

    nothing = strip([], [])
    assert where(nothing, COLOURS["flow"]).sum() > 100 and where(nothing, COLOURS["background"]).sum() > 100
    assert np.array_equal(nothing, strip([], []))
    one, two, other = strip(["flow"], []), strip(["flow"] * 2, []), strip(["background"], [])
    strips = [nothing, one, two, other, strip(["flow"], [[5, 5, 9, 9]]), strip(["flow"], None)]
    for i, first in enumerate(strips):
        assert not any(np.array_equal(first, second) for second in strips[:i])


def test_the_legend_tells_frame_and_time() -> None:
    drawing, boxes = RegionDrawing(640, 360, ORIGINS), np.zeros((0, 4), np.float32)
    first, later, again = (
        drawing.draw(grey(640, 360), boxes, [], [], None, index, time_s)[720:].copy()
        for index, time_s in [(0, 0.0), (7, 0.0), (0, 0.3)]
    )
    assert not np.array_equal(first, later) and not np.array_equal(first, again)


@pytest.mark.parametrize("width", [40, 90, 200, 640])
def test_the_legend_fits_pictures_of_any_width(width: int) -> None:
    drawing = RegionDrawing(width, 720, ["detector", "background", "flow"], truth=True)
    picture = drawing.draw(grey(width, 720), np.zeros((0, 4), np.float32), [], [], None, 0, 0.0)
    assert picture.shape == (drawing.height, drawing.width, 3)
    legend = picture[720 * (drawing.width // width) :]
    for name in ("detector", "background", "flow"):
        x_min, y_min, x_max, y_max = extent(legend, COLOURS[name])
        assert x_max - x_min >= 20 and y_max - y_min >= 10


SIZE, PICTURE = (40, 10), (200, 100)


@pytest.mark.parametrize(
    ("box", "taken", "expected"),
    [
        ((50, 40, 70, 80), [], (50, 28)),  # above
        ((50, 5, 70, 60), [], (50, 62)),  # no room above: below
        ((185, 40, 199, 80), [], (159, 28)),  # at the right edge: ends where the box ends
        ((50, 40, 70, 80), [(70, 20, 120, 39)], (30, 28)),  # something above: moved to the left
        ((50, 40, 70, 80), [(0, 20, 120, 39)], (50, 82)),  # everything above is taken: below
        ((50, 2, 70, 98), [], (72, 2)),  # neither: to the right
        ((170, 2, 190, 98), [], (128, 2)),  # to the left
        ((50, 2, 70, 98), [(0, 0, 49, 100), (71, 0, 200, 100)], None),
        ((0, 0, 200, 100), [], None),
    ],
)
def test_a_label_covers_nothing(
    box: tuple[int, ...], taken: list[tuple[int, ...]], expected: tuple[int, int] | None
) -> None:
    everything = np.array([box, *taken])
    assert free_place(np.array(box), SIZE, PICTURE, everything, 2) == expected


def test_labels_of_a_crowd_hide_no_region() -> None:
    chance = np.random.default_rng(0)
    low = chance.integers(0, [330, 200], (25, 2))
    boxes = np.concatenate([low, low + np.array([20, 35])], axis=1)
    origins = ["flow"] * 25
    plain, labelled = draw(360, 240, boxes, origins), draw(360, 240, boxes, origins, ["person 0.87"] * 25)
    changed = (plain != labelled).any(axis=-1)
    inside = np.zeros_like(changed)
    for x_min, y_min, x_max, y_max in 3 * boxes:
        inside[y_min:y_max, x_min:x_max] = True
    assert changed.sum() > 5000 and not (changed & inside).any()


def test_a_label_within_the_ground_truth_goes_beside_that() -> None:
    inner, outer = [100, 60, 130, 100], [90, 50, 140, 110]
    plain, labelled = (draw(640, 360, [inner], ["flow"], [text], [outer]) for text in ("", "person 0.87"))
    x, y, width, height = cv2.boundingRect((plain != labelled).any(axis=-1).astype(np.uint8))
    assert width * height > 500 and y + height <= 2 * outer[1] and abs(x - 2 * outer[0]) < 10


def test_a_label_is_shortened_to_its_last_word_where_there_is_no_room() -> None:
    box = [[0, 20, 12, 48]]
    whole, short = (draw(12, 48, box, ["flow"], [text]) for text in ("person 0.87", "0.87"))
    assert np.array_equal(whole, short) and not np.array_equal(whole, draw(12, 48, box, ["flow"]))
    wide = [draw(640, 360, [[9, 90, 30, 130]], ["flow"], [text]) for text in ("person 0.87", "0.87")]
    assert not np.array_equal(*wide)


@pytest.mark.parametrize("box", [(0, 0, 65, 48), (-10, -10, 1, 1), (64, 47, 90, 90), (20, 20, 20, 20)])
def test_boxes_at_the_edges_leave_the_legend_alone(box: tuple[int, ...]) -> None:
    plain = draw(65, 48, [(30, 20, 40, 40)], ["flow"], truth=[(30, 20, 40, 40)])
    drawn = draw(65, 48, [box], ["flow"], ["person 0.87"], truth=[box])
    assert np.array_equal(plain[192:], drawn[192:]) and where(drawn[:192], COLOURS["flow"]).any()


@pytest.mark.parametrize(
    ("size", "boxes", "origins", "labels", "message"),
    [
        ((640, 350), 0, [], [], "expected a"),
        ((640, 360), 1, [], [""], "1 boxes, 0 origins"),
        ((640, 360), 1, ["flow"], [], "0 labels"),
        ((640, 360), 1, ["sonar"], [""], "sonar"),
    ],
)
def test_what_does_not_fit_is_refused(
    size: tuple[int, int], boxes: int, origins: list[str], labels: list[str], message: str
) -> None:
    drawing = RegionDrawing(640, 360, ORIGINS)
    with pytest.raises(ValueError, match=message):
        drawing.draw(grey(*size), np.ones((boxes, 4), np.float32), origins, labels, None, 0, 0.0)

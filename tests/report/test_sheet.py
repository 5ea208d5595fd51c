"""What a sheet shows: the right pictures, unblurred, the box in its place, the classes worth showing."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ssmtl.report.overlay import score_colours
from ssmtl.report.sheet import (
    MOST_IN_OVERVIEW,
    ClassAnswer,
    PictureAnswer,
    Sheet,
    TaskRow,
    difference,
    overview_png,
    sheet_png,
    telling,
)

RNG = np.random.default_rng(0)
ODDS = ClassAnswer(("forward", "backward"), np.array([0.3, 0.7], np.float32))


def noise(channels: int) -> np.ndarray:
    return RNG.integers(0, 256, (64, 64, channels)).astype(np.uint8)


def row(answer: PictureAnswer | ClassAnswer = ODDS, calibrated: float = 1.2) -> TaskRow:
    return TaskRow("Arrow of time", "moves backwards", "all frames", 0.7, 0.4, 0.65, calibrated, answer)


def sheet(channels: int = 1, **changes: object) -> Sheet:
    image = np.zeros((120, 160, 3), np.uint8)
    box = np.array([40, 30, 80, 90], np.float32)
    sequence = np.stack([noise(channels) for _ in range(7)])
    made = Sheet(1, "clip", 12, 0.48, image, box, "person 0.90, found by onnx", 3.0, "the mean", sequence, [row()])
    return replace(made, **changes)


def decode(png: bytes) -> np.ndarray:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def place(picture: np.ndarray, page: np.ndarray) -> tuple[int, int]:
    """x and y where a 64×64×C picture stands on the page, three times its size, pixel by pixel."""
    enlarged = np.broadcast_to(picture.repeat(3, axis=0).repeat(3, axis=1), (192, 192, 3)).copy()
    distance = cv2.matchTemplate(page, enlarged, cv2.TM_SQDIFF)
    _, _, (x, y), _ = cv2.minMaxLoc(distance)
    apart = np.abs(page[y : y + 192, x : x + 192].astype(int) - enlarged).max()
    assert apart <= 1, "the picture is nowhere on the page as it is"
    return x, y


@pytest.mark.parametrize("channels", [1, 3])
def test_the_sequence_stands_in_a_row_pixel_by_pixel(channels: int) -> None:
    one = sheet(channels)
    page = decode(sheet_png(one))
    places = [place(picture, page) for picture in one.sequence]
    assert len({y for _, y in places}) == 1
    assert np.diff([x for x, _ in places]).tolist() == [202] * 6


@pytest.mark.parametrize("channels", [1, 3])
def test_truth_and_answer_stand_side_by_side(channels: int) -> None:
    truth, answer = noise(channels), noise(channels)
    pictures = PictureAnswer(truth.astype(np.float32) / 255, answer.astype(np.float32) / 255)
    page = decode(sheet_png(sheet(channels, tasks=[row(), row(pictures)])))
    (x, y), (x_answer, y_answer) = place(truth, page), place(answer, page)
    assert y == y_answer and x < x_answer


def test_what_says_little_says_why() -> None:
    """Only there: a part that says what it says has nothing written below its score."""
    whole = sheet()
    little = replace(whole, tasks=[replace(row(), relevance=0.3, because="hardly moves")])
    almost = replace(whole, tasks=[replace(row(), relevance=0.999, because="hardly moves")])
    plain, little, almost = (decode(sheet_png(one)) for one in (whole, little, almost))
    assert (plain == almost).all()
    rows, columns = np.nonzero((plain != little).any(axis=2))
    assert 0 < np.ptp(rows) < 40, "a line of its own"
    assert columns.max() < 650 and (plain[rows, columns] == 255).all(), "where nothing else is"


def test_a_picture_that_is_right_leaves_its_difference_black() -> None:
    truth = noise(1).astype(np.float32) / 255
    wrong = truth.copy()
    wrong[:32] = 1 - wrong[:32]
    page = decode(sheet_png(sheet(tasks=[row(PictureAnswer(truth, wrong))])))
    x, y = place((truth * 255).round().astype(np.uint8), page)
    apart = page[y : y + 192, x + 404 : x + 404 + 192].astype(int).sum(axis=2)
    assert apart[96:].max() <= 10 and apart[:96].mean() > 100


def test_the_box_is_drawn_in_its_place_and_in_the_colour_of_the_score() -> None:
    one = sheet(score=3.0)
    page = decode(sheet_png(one)).astype(int)
    frame = page[120:720, 48:848]  # 160 × 120 drawn 5 times as large
    rows, columns = np.nonzero(np.abs(frame - score_colours(3.0)[0]).max(axis=2) <= 3)
    edges = [columns.min(), rows.min(), columns.max(), rows.max()]
    assert edges == pytest.approx([5 * edge for edge in (40, 30, 80, 90)], abs=3)
    assert frame[300, 300].tolist() == [0, 0, 0], "what is in the box can be seen"


@pytest.mark.parametrize("tasks", [1, 3, 7])
def test_each_task_has_a_row(tasks: int) -> None:
    heights = [decode(sheet_png(sheet(tasks=[row()] * n))).shape for n in (tasks, tasks + 1)]
    assert heights[0][1] == heights[1][1] == 1500
    assert heights[1][0] - heights[0][0] == 266


@pytest.mark.parametrize("size", [(1080, 1920), (856, 480), (7, 7)])
def test_frames_of_any_form(size: tuple[int, int]) -> None:
    """The frame is all green, and as large as there is room for in its own form."""
    image = np.full((*size, 3), (10, 200, 30), np.uint8)
    page = decode(sheet_png(sheet(image=image, box=np.array([0, 0, size[1], size[0]], np.float32))))
    rows, columns = np.nonzero((page[120:720, 48:848] == (10, 200, 30)).all(axis=2))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert width / height == pytest.approx(size[1] / size[0], rel=0.02)
    assert width > 770 or height > 570


@pytest.mark.parametrize(
    ("answer", "truth", "expected"),
    [
        ([0.3, 0.7], None, [0, 1]),
        ([0.1, 0.2, 0.7], [1, 0, 0], [0, 1, 2]),
        ([0.1, 0.5, 0.0, 0.4, 0.2], None, [1, 3, 4]),
        ([0.1, 0.5, 0.0, 0.4, 0.2], [0.1, 0.5, 0.9, 0.3, 0], [2, 4, 3]),
        ([0.0, 0.0, 0.0, 0.0], [0, 0, 0, 0], [0, 1, 2]),
        ([1.0], None, [0]),
    ],
)
def test_the_classes_worth_showing(answer: list[float], truth: list[float] | None, expected: list[int]) -> None:
    names = [str(i) for i in range(len(answer))]
    known = None if truth is None else np.array(truth, np.float32)
    assert telling(ClassAnswer(names, np.array(answer, np.float32), known)).tolist() == expected


@pytest.mark.parametrize(
    ("apart", "some", "end"), [(0.0, 0.0, 0.1), (0.1, 0.0, 0.1), (0.15, 0, 0.2), (0.05, 0.9, 0.1), (0.9, 0, 1.0)]
)
def test_the_scale_of_differences_ends_at_few_places(apart: float, some: float, end: float) -> None:
    """Up to 1 % of the pixels may lie beyond it."""
    answer = np.full((64, 64, 3), apart, np.float32)
    answer[0, :40] = max(some, apart)
    shown, found = difference(PictureAnswer(np.zeros((64, 64, 3), np.float32), answer))
    assert found == end and shown[1, 1] == pytest.approx(apart) and shown.shape == (64, 64)


def test_the_difference_of_colours_is_their_mean() -> None:
    truth, answer = np.zeros((2, 1, 1, 3), np.float32)
    answer[0, 0] = 0.3, 0.0, 0.6
    assert difference(PictureAnswer(truth, answer))[0] == pytest.approx(0.3)


@pytest.mark.parametrize("name", ["", "a$\\frac$b", "ü" * 300])
def test_names_are_written_as_they_are(name: str) -> None:
    usual = decode(sheet_png(sheet()))
    odd = sheet(clip=name, found=name)
    assert decode(sheet_png(odd)).shape == usual.shape
    assert decode(overview_png([odd])).shape[1] == 1500


def test_the_same_sheet_is_the_same_file() -> None:
    one = sheet()
    assert sheet_png(one) == sheet_png(one) and overview_png([one]) == overview_png([one])


def test_the_overview_shows_each_object_in_its_order() -> None:
    sheets = [sheet(3) for _ in range(5)]
    page = decode(overview_png(sheets))
    places = [place(one.sequence[3], page) for one in sheets]
    assert places == sorted(places, key=lambda at: (at[1], at[0]))
    assert len({y for _, y in places}) == 2


def test_the_overview_has_an_end() -> None:
    one = sheet()
    many = [decode(overview_png([one] * n)).shape for n in (MOST_IN_OVERVIEW, MOST_IN_OVERVIEW + 4)]
    assert many[0] == many[1]

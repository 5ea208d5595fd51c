"""One object on one sheet: the frame, the sequence that the network saw, and each task's answer beside the truth."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ssmtl.report.curves import LEVEL, score_top
from ssmtl.report.overlay import clock, loudest_task, score_colours

MOST_BARS = 3
"""Classes shown of one answer."""

MOST_IN_OVERVIEW = 60
"""Objects shown in one overview: a picture can be only so tall."""

_DPI, _WIDTH, _MARGIN, _GAP = 200, 1500, 48, 10
_SIDE = 192
"""Pixels that a picture of 64 × 64 is drawn at: a whole multiple, so that its pixels stay squares of one size."""

_COLUMN = _SIDE + _GAP
_LINE, _ROW, _TEXT = 32, 266, 8.0
_FRAME, _BAR = (800, 600), 58
_WHOLLY = 0.995
"""Relevance from which on nothing is said of it."""

_ENDS = (0.1, 0.2, 0.5, 1.0)
"""Where the scale of differences may end: few places, so that rows compare."""

_NOTES = (
    "Normal: the median of the task's raw scores on normal footage held out from training, and the level taken for 1.",
    "Calibrated: the score on the scale from 0 at that median to 1 at that level; parts that tell little reach 1 late.",
)

_INK, _DIM, _RULE, _ANSWER, _ALARM = "#1d2126", "#5c646e", "#dfe2e6", "#2f6f9f", "#b3200f"


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """What a head should have drawn and what it drew: two H×W×C pictures in [0, 1], C = 1 or 3."""

    truth: NDArray[np.float32]
    answer: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ClassAnswer:
    """The probabilities in [0, 1] that a head gives to N named classes, and the true ones where they are known."""

    names: Sequence[str]
    answer: NDArray[np.float32]
    truth: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What one task makes of an object.

    Attributes:
        title: the task's name in the papers.
        words: what a high score means.
        sees: which part of the sequence it is shown, in words.
        raw: its score.
        median: of the raw scores of normal footage; 0 when calibrated.
        high: the raw score that is 1 when calibrated.
        calibrated: its score on that scale.
        answer: what the head said; None of an attribute, which has no head.
        relevance: how far it says something of the object, 0 to 1; the calibrated score is so much less.
        because: why that may be less than 1, in words.
    """

    title: str
    words: str
    sees: str
    raw: float
    median: float
    high: float
    calibrated: float
    answer: PictureAnswer | ClassAnswer | None
    relevance: float = 1.0
    because: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is known of one object.

    Attributes:
        rank: 1 for the most unusual one.
        clip: name of its clip.
        frame: number of the middle frame of its sequence.
        time_s: presentation time of that frame.
        image: that frame, H×W×3 uint8 RGB.
        box: x_min, y_min, x_max, y_max in pixels of it, half open.
        found: what a detector took it for, and which.
        score: its object score.
        score_is: how that follows from the tasks' scores, in words.
        sequence: T×64×64×C uint8, C = 1 or 3, the middle frame in the middle.
        tasks: at least one.
    """

    rank: int
    clip: str
    frame: int
    time_s: float
    image: NDArray[np.uint8]
    box: NDArray[np.float32]
    found: str
    score: float
    score_is: str
    sequence: NDArray[np.uint8]
    tasks: Sequence[TaskRow]


def sheet_png(sheet: Sheet) -> bytes:
    """All about one object, as a PNG 1500 pixels wide; 7.5 inches at its 200 pixels per inch."""
    frame = _fit(sheet.image, *_FRAME)
    top = 120
    saw = top + max(frame.shape[0], 44 + _BAR * len(sheet.tasks) + 44) + 36
    rows = saw + 44 + _SIDE + 76
    figure = _figure(rows + _ROW * len(sheet.tasks) + 84)
    _draw_head(figure, sheet)
    _draw_frame(figure, _MARGIN, top, frame, sheet)
    left = _MARGIN + frame.shape[1] + 56
    _draw_scores(figure, left, top, _WIDTH - _MARGIN - left, sheet.tasks)
    _draw_sequence(figure, saw, sheet)
    for number, task in enumerate(sheet.tasks):
        _draw_task(figure, rows + _ROW * number, task)
    foot = rows + _ROW * len(sheet.tasks)
    _rule(figure, foot - 12)
    for number, text in enumerate(_NOTES):
        _write(figure, _MARGIN, foot + 27 * number, text, 6.5, _DIM)
    return _png(figure)


def overview_png(sheets: Sequence[Sheet]) -> bytes:
    """The middle crop, the frame, score and loudest task of each object, as one PNG; at most `MOST_IN_OVERVIEW`."""
    shown = sheets[:MOST_IN_OVERVIEW]
    across, cell = 3, _SIDE + 118
    width = (_WIDTH - 2 * _MARGIN + 30) // across
    figure = _figure(116 + cell * -(-len(shown) // across))
    many = "The most unusual object" if len(sheets) == 1 else f"The {len(sheets)} most unusual objects"
    _write(figure, _MARGIN, 32, many, 11, weight="bold")
    cut = f"; the first {len(shown)} of them" if len(shown) < len(sheets) else ""
    _write(figure, _MARGIN, 74, f"each as the network saw it and in its frame, at its worst moment{cut}", 7, _DIM)
    for number, sheet in enumerate(shown):
        x, y = _MARGIN + width * (number % across), 122 + cell * (number // across)
        _show(_axes(figure, x, y, _SIDE, _SIDE), sheet.sequence[len(sheet.sequence) // 2])
        _draw_frame(figure, x + _COLUMN, y, _fit(sheet.image, width - 30 - _COLUMN, _SIDE), sheet, 0.7)
        loudest = loudest_task(np.array([task.calibrated for task in sheet.tasks]))
        _write(figure, x, y + _SIDE + 12, f"{sheet.rank}", weight="bold")
        _chip(figure, x + 44, y + _SIDE + 15, sheet.score)
        _write(figure, x + 70, y + _SIDE + 12, f"{sheet.score:.2f}", weight="bold")
        _write(figure, x + 160, y + _SIDE + 12, "" if loudest is None else sheet.tasks[loudest].words, 7)
        _write(figure, x, y + _SIDE + 46, f"{_short(sheet.clip, 26)}, frame {sheet.frame}", 7, _DIM)
    return _png(figure)


def telling(answer: ClassAnswer, most: int = MOST_BARS) -> NDArray[np.intp]:
    """Positions of the classes worth showing: all of a few, else the `most` likeliest.

    Where the truth is known, its likeliest class comes first, then those farthest from the truth.
    """
    if len(answer.names) <= most:
        return np.arange(len(answer.names))
    weight = answer.answer
    if answer.truth is not None:
        weight = np.abs(answer.answer - answer.truth)
        weight[answer.truth.argmax()] = np.inf
    return np.argsort(-weight, kind="stable")[:most]


def difference(answer: PictureAnswer) -> tuple[NDArray[np.float32], float]:
    """H×W absolute difference, the mean over channels, and the end of its scale: no more than 1 % lies beyond."""
    apart = np.abs(answer.answer - answer.truth).mean(axis=2)
    most = np.quantile(apart, 0.99)
    return apart, next((end for end in _ENDS if most <= end), _ENDS[-1])


def _draw_head(figure: Figure, sheet: Sheet) -> None:
    name = f"{sheet.rank}.  {_short(sheet.clip, 44)}, frame {sheet.frame}"
    _write(figure, _MARGIN, 32, name, 11, weight="bold")
    _write(figure, _MARGIN, 74, f"at {clock(sheet.time_s)}; {_short(sheet.found, 60)}", 7, _DIM)
    _write(figure, _WIDTH - _MARGIN, 32, f"score {sheet.score:.2f}", 11, weight="bold", ha="right")
    _write(figure, _WIDTH - _MARGIN, 74, sheet.score_is, 7, _DIM, ha="right")


def _draw_frame(
    figure: Figure, x: float, y: float, picture: NDArray[np.uint8], sheet: Sheet, line: float = 1.3
) -> None:
    height, width = sheet.image.shape[:2]
    axes = _axes(figure, x, y, picture.shape[1], picture.shape[0])
    axes.imshow(picture, interpolation="nearest", extent=(0, width, height, 0), aspect="auto")
    x_min, y_min, x_max, y_max = sheet.box.tolist()
    for colour, width_pt in (("white", 2 * line), (_colour(sheet.score), line)):
        axes.add_patch(Rectangle((x_min, y_min), x_max - x_min, y_max - y_min, fill=False, ec=colour, lw=width_pt))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()


def _draw_scores(figure: Figure, x: float, y: float, width: float, tasks: Sequence[TaskRow]) -> None:
    _write(figure, x, y - 6, "Scores of the tasks, calibrated", 9, weight="bold")
    axes = _axes(figure, x, y + 44, width, _BAR * len(tasks))
    scores = [task.calibrated for task in tasks]
    end = score_top(scores)
    for number, (task, score) in enumerate(zip(tasks, scores, strict=True)):
        line = _BAR * number
        axes.barh(line + 42, score, 18, color=_colour(score))
        axes.text(0, line + 28, task.words, size=_TEXT, color=_INK, va="bottom", parse_math=False)
        axes.add_line(Line2D([LEVEL, LEVEL], [line + 29, line + 55], color=_ALARM, lw=1))
        axes.text(end, line + 28, f"{score:.2f}", size=_TEXT, color=_INK, va="bottom", ha="right")
    axes.set(xlim=(0, end), ylim=(_BAR * len(tasks), 0), xticks=[LEVEL], yticks=[])
    # From the tick to the right: beside high scores it stands at the left edge.
    axes.set_xticklabels(["1: unusual"], ha="left")
    axes.tick_params(labelsize=7, labelcolor=_DIM, color=_RULE, length=3)
    axes.spines[:].set_visible(False)


def _draw_sequence(figure: Figure, y: float, sheet: Sheet) -> None:
    _rule(figure, y)
    _write(figure, _MARGIN, y + 12, "What the network saw", 9, weight="bold")
    middle = len(sheet.sequence) // 2
    for number, picture in enumerate(sheet.sequence):
        x, step = _MARGIN + _COLUMN * number, number - middle
        axes = _axes(figure, x, y + 54, _SIDE, _SIDE)
        _show(axes, picture)
        name = f"frame {sheet.frame}" if not step else f"{'−' if step < 0 else '+'}{abs(step)}"
        _write(figure, x + _SIDE / 2, y + 58 + _SIDE, name, 7, _DIM if step else _INK, ha="center")


def _draw_task(figure: Figure, y: float, task: TaskRow) -> None:
    _rule(figure, y - 12)
    _write(figure, _MARGIN, y, task.title, 9, weight="bold")
    _write(figure, _MARGIN, y + 40, task.words, style="italic")
    figures = [
        ("sees", task.sees),
        ("raw score", f"{task.raw:#.3g}"),
        ("normal", f"{task.median:#.3g} to {task.high:#.3g}"),
    ]
    for number, (name, value) in enumerate(figures):
        line = y + 90 + _LINE * number
        _write(figure, _MARGIN, line, name, colour=_DIM)
        _write(figure, _MARGIN + 150, line, value)
    line = y + 90 + _LINE * len(figures)
    _write(figure, _MARGIN, line, "calibrated", colour=_DIM)
    _write(figure, _MARGIN + 150, line, f"{task.calibrated:.2f}", weight="bold")
    _chip(figure, _MARGIN + 150 + 20 * len(f"{task.calibrated:.2f}"), line + 3, task.calibrated)
    if task.relevance < _WHOLLY:
        _write(figure, _MARGIN, line + _LINE, "counts for", colour=_DIM)
        _write(figure, _MARGIN + 150, line + _LINE, f"{100 * task.relevance:.0f} %: {task.because}")
    if isinstance(task.answer, PictureAnswer):
        _draw_pictures(figure, y, task.answer)
    elif task.answer is not None:
        _draw_odds(figure, y, task.answer)


def _draw_pictures(figure: Figure, y: float, answer: PictureAnswer) -> None:
    apart, end = difference(answer)
    top = y + 32
    for number, name in enumerate(("truth", "answer", "absolute difference")):
        x = _MARGIN + _COLUMN * (3 + number)
        _write(figure, x, y, name, 7, _DIM)
        axes = _axes(figure, x, top, _SIDE, _SIDE)
        if number < 2:
            _show(axes, (answer.truth, answer.answer)[number])
        else:
            shown = _show(axes, apart[..., None], "magma", end)
    scale = _axes(figure, _MARGIN + _COLUMN * 6 + 4, top, 16, _SIDE)
    bar = figure.colorbar(shown, cax=scale, ticks=[0, end / 2, end])
    bar.set_ticklabels(["0", f"{end / 2:g}", f"≥ {end:g}" if apart.max() > end else f"{end:g}"])
    bar.outline.set_visible(False)
    scale.tick_params(labelsize=7, labelcolor=_DIM, color=_DIM, length=3)


def _draw_odds(figure: Figure, y: float, answer: ClassAnswer) -> None:
    shown = telling(answer)
    left, bars = _MARGIN + _COLUMN * 3, _MARGIN + _COLUMN * 4
    width, pitch, top = 2 * _COLUMN - _GAP, 46, y + 32
    _write(
        figure, bars, y, "probability" if answer.truth is None else "probability;  line and brackets: truth", 7, _DIM
    )
    axes = _axes(figure, bars, top, width, pitch * len(shown))
    for number, i in enumerate(shown):
        middle = pitch * (number + 0.5)
        axes.barh(middle, answer.answer[i], 24, color=_ANSWER)
        if answer.truth is not None:
            at = [float(answer.truth[i])] * 2
            axes.add_line(Line2D(at, [middle - 18, middle + 18], color=_INK, lw=1.8, clip_on=False))
        _write(figure, left, top + middle - 14, _short(answer.names[i], 17))
        value = f"{answer.answer[i]:.2f}" + ("" if answer.truth is None else f"  ({answer.truth[i]:.2f})")
        _write(figure, bars + width + 14, top + middle - 14, value)
    axes.set(xlim=(0, 1), ylim=(pitch * len(shown), 0), yticks=[], xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    axes.tick_params(labelsize=7, labelcolor=_DIM, color=_DIM, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_DIM)


def _figure(height: int) -> Figure:
    return Figure(figsize=(_WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor="white")


def _height(figure: Figure) -> float:
    return float(figure.get_figheight()) * _DPI


def _axes(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    """Axes whose upper left corner is at (x, y) pixels from the figure's."""
    whole = _height(figure)
    return figure.add_axes((x / _WIDTH, 1 - (y + height) / whole, width / _WIDTH, height / whole))


def _write(
    figure: Figure,
    x: float,
    y: float,
    text: str,
    size: float = _TEXT,
    colour: str = _INK,
    *,
    weight: str = "normal",
    style: str = "normal",
    ha: str = "left",
) -> None:
    place = x / _WIDTH, 1 - y / _height(figure)
    # The name of a clip or class may hold a dollar sign.
    figure.text(*place, text, size=size, color=colour, weight=weight, style=style, ha=ha, va="top", parse_math=False)


def _rule(figure: Figure, y: float) -> None:
    at = 1 - y / _height(figure)
    figure.add_artist(Line2D([_MARGIN / _WIDTH, 1 - _MARGIN / _WIDTH], [at, at], color=_RULE, lw=0.8))


def _chip(figure: Figure, x: float, y: float, score: float) -> None:
    """A small square in the colour of a score."""
    side, whole = 18, _height(figure)
    corner = x / _WIDTH, 1 - (y + side) / whole
    figure.add_artist(Rectangle(corner, side / _WIDTH, side / whole, color=_colour(score), lw=0))


def _show(axes: Axes, picture_HWC: NDArray[np.generic], colours: str = "gray", end: float | None = None) -> AxesImage:
    """A picture whose pixels stay squares: bytes, or values in [0, 1]."""
    axes.set_axis_off()
    if picture_HWC.shape[2] == 3:
        return axes.imshow(picture_HWC, interpolation="nearest")
    end = end or (255 if picture_HWC.dtype == np.uint8 else 1)
    return axes.imshow(picture_HWC[..., 0], colours, interpolation="nearest", vmin=0, vmax=end)


def _fit(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The image as large as fits into `width` × `height` pixels."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = [max(1, round(side * scale)) for side in (image.shape[1], image.shape[0])]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def _colour(score: float) -> tuple[float, float, float]:
    red, green, blue = (score_colours(score)[0] / 255).tolist()
    return red, green, blue


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 9]}…{text[-8:]}"


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()

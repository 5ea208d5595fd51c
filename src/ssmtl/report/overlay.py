"""The footage with its scores drawn in: boxes, the reasons in words, and the score curve underneath."""

import math
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.video.writer import VideoWriter

HIGH = 2.0
"""Score at which the colour scale ends: twice the level of the top 1 % of normal footage."""

SCALE = ((125, 185, 230), (250, 200, 70), (214, 40, 20))
"""RGB of the scores 0, HIGH / 2 and HIGH. Blue to red over yellow: told apart by the colour-blind too."""

_INK, _DIM, _BACK, _FONT = (255, 255, 255), (150, 155, 165), (22, 24, 28), cv2.FONT_HERSHEY_SIMPLEX
_WINDOW_S = 15.0
_MOST_POINTS = 4096
"""Bound on the remembered scores, for footage whose clock stands still."""


def _colour_table() -> NDArray[np.uint8]:
    """256×3 RGB, interpolated in CIELAB so that equal steps of the score look like equal steps."""
    anchors = np.asarray([SCALE], np.float32) / 255
    lab = cv2.cvtColor(anchors, cv2.COLOR_RGB2Lab)[0]
    at = np.linspace(0, len(SCALE) - 1, 256)
    table = np.stack([np.interp(at, range(len(SCALE)), lab[:, channel]) for channel in range(3)], 1)
    rgb = cv2.cvtColor(table[None].astype(np.float32), cv2.COLOR_Lab2RGB)[0]
    return np.clip(np.rint(rgb * 255), 0, 255).astype(np.uint8)


_COLOURS = _colour_table()


def score_colours(scores: object, high: float = HIGH) -> NDArray[np.uint8]:
    """Colours of N scores on the scale from calm (0) to alarming (`high` and above); NaN counts as 0.

    Returns:
        N×3 uint8 RGB.
    """
    values = np.atleast_1d(np.asarray(scores, np.float64))
    known = np.where(values > 0, np.minimum(values, high), 0)  # a comparison with NaN is false
    return _COLOURS[(known * (255 / high) + 0.5).astype(np.intp)]


def loudest_task(task_scores: NDArray[np.floating]) -> int | None:
    """Position of the highest of the K `task_scores` of one object; None where none of them is a number."""
    values = np.asarray(task_scores, np.float64).reshape(-1)
    return None if np.isnan(values).all() else int(np.nanargmax(values))


def label_text(task_words: Sequence[str], score: float, task_scores: NDArray[np.floating]) -> str:
    """What is written beside one object: the words of its loudest task and its object score.

    Empty for an ordinary object (score below 1, or NaN).
    """
    if not score >= 1:
        return ""
    loudest = loudest_task(task_scores)
    return f"{score:.1f}" if loudest is None else f"{task_words[loudest]}  {score:.1f}"


def place_label(
    box: Sequence[int], size: tuple[int, int], picture: tuple[int, int], taken: Sequence[Sequence[int]]
) -> tuple[int, int]:
    """Where the label of `box` goes: above it, below it or at its top, inside the picture.

    Args:
        box: x_min, y_min, x_max, y_max in pixels.
        size: width and height of the label, at most those of the picture.
        picture: width and height of the picture.
        taken: rectangles (as `box`) of labels already placed, avoided where possible.

    Returns:
        x and y of the label's upper left corner.
    """
    width, height = size
    x = min(max(box[0], 0), picture[0] - width)
    fallback = min(max(box[1], 0), picture[1] - height)
    for y in (box[1] - height, box[3], fallback):
        fits = 0 <= y <= picture[1] - height
        free = all(x + width <= other[0] or other[2] <= x or y + height <= other[1] or other[3] <= y for other in taken)
        if fits and free:
            return x, y
    return x, fallback


def clock(time_s: float, digits: int = 1) -> str:
    """A time as people read it: `12.3` s is "0:12.3", `3723` s with no digits is "1:02:03"."""
    sign = "-" if time_s < 0 else ""
    ticks = round(abs(time_s) * 10**digits)
    minutes, rest = divmod(ticks, 60 * 10**digits)
    seconds = f"{rest / 10**digits:0{3 + digits if digits else 2}.{digits}f}"
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{seconds}" if hours else f"{sign}{minutes}:{seconds}"


def draw_box(image: NDArray[np.uint8], box: object, score: float, unit: int = 1, high: float = HIGH) -> None:
    """Draw one box (xyxy pixels, half open) into `image` in place, thicker the more unusual it is."""
    x_min, y_min, x_max, y_max = _to_pixels(box, image.shape[1], image.shape[0])
    colour = score_colours(score, high)[0].tolist()
    thickness = unit * (3 if score >= high else 2 if score >= 1 else 1)
    corners = (x_min, y_min), (x_max - 1, y_max - 1)
    if score >= 1:
        cv2.rectangle(image, *corners, _BACK, thickness + 2 * unit)
    cv2.rectangle(image, *corners, colour, thickness)


def _to_pixels(box: object, width: int, height: int) -> tuple[int, int, int, int]:
    """The box on whole pixels, cut at the picture's edges, at least one pixel in each direction."""
    x_min, y_min, x_max, y_max = np.asarray(box, np.float64).tolist()
    left, top = min(max(math.floor(x_min), 0), width - 1), min(max(math.floor(y_min), 0), height - 1)
    return left, top, max(left + 1, min(math.ceil(x_max), width)), max(top + 1, min(math.ceil(y_max), height))


def _fit_text(text: str, scale: float, width: int) -> tuple[str, float, int, int, int]:
    """`text` made to fit `width` pixels, smaller or cut; with its font scale, width, height and baseline."""
    while True:
        (text_width, height), base = cv2.getTextSize(text, _FONT, scale, 1)
        if text_width <= width or not text:
            return text, scale, text_width, height, base
        if scale > 0.36:
            scale = max(0.35, scale * 0.9)
        else:
            text = text[:-3].rstrip() + ".." if len(text) > 4 else ""


class Drawing:
    """Draws the scores of one clip into its frames, in order and in constant memory.

    Attributes:
        width: of the drawn pictures in pixels.
        height: the same: the picture and under it the strip with the score curve.
    """

    def __init__(self, width: int, height: int, task_words: Sequence[str], high: float = HIGH) -> None:
        """Prepare to draw frames of `width`×`height` pixels; small ones are drawn at twice their size."""
        self._source = (height, width)
        self._scale = 2 if min(width, height) <= 240 and max(width, height) <= 360 else 1
        self._picture = (width * self._scale, height * self._scale)
        self._unit = max(1, round(min(self._picture) / 480))
        self._text = min(max(self._picture[1] / 960, 0.42), 1.5)
        strip = min(max(self._picture[1] * 3 // 20, 56), 160)
        self.width, self.height = self._picture[0], self._picture[1] + strip
        self._words = list(task_words)
        self._high = high
        self._history: deque[tuple[float, float]] = deque(maxlen=_MOST_POINTS)
        self._canvas = np.zeros((self.height, self.width, 3), np.uint8)

    def draw(
        self,
        image: NDArray[np.uint8],
        boxes: NDArray[np.float32],
        scores: NDArray[np.floating],
        task_scores: NDArray[np.floating],
        frame_score: float,
        time_s: float,
    ) -> NDArray[np.uint8]:
        """Draw the next frame.

        Args:
            image: height×width×3 uint8 RGB; not changed.
            boxes: N×4, xyxy pixels of `image`, half open.
            scores: N object scores.
            task_scores: N×K calibrated task scores, in the order of `task_words`.
            frame_score: score of the frame, on the same scale.
            time_s: presentation time in seconds.

        Returns:
            The drawn picture, uint8 RGB, valid until the next call.

        Raises:
            ValueError: the picture, the boxes and the scores do not fit each other.
        """
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        task_scores = np.asarray(task_scores, np.float64).reshape(len(boxes), len(self._words))
        if image.shape != (*self._source, 3) or np.shape(scores) != (len(boxes),):
            raise ValueError(
                f"a {image.shape} picture with {len(boxes)} boxes and scores of shape {np.shape(scores)}; "
                f"expected a {(*self._source, 3)} picture and one score per box"
            )
        width, height = self._picture
        picture = self._canvas[:height, :width]
        if self._scale == 1:
            picture[:] = image
        else:
            cv2.resize(image, self._picture, dst=picture, interpolation=cv2.INTER_LINEAR)
        self._draw_objects(picture, boxes * self._scale, np.asarray(scores, np.float64), task_scores)
        self._remember(time_s, frame_score)
        self._draw_strip(self._canvas[height:], time_s, frame_score)
        return self._canvas

    def _draw_objects(
        self,
        picture: NDArray[np.uint8],
        boxes: NDArray[np.float32],
        scores: NDArray[np.float64],
        task_scores: NDArray[np.float64],
    ) -> None:
        order = np.argsort(np.nan_to_num(scores), kind="stable")
        for i in order:
            draw_box(picture, boxes[i], scores[i], self._unit, self._high)
        taken: list[tuple[int, int, int, int]] = []
        for i in order[::-1]:  # the most unusual object has the first choice of a place for its label
            text = label_text(self._words, float(scores[i]), task_scores[i])
            if text:
                taken.append(self._draw_label(picture, boxes[i], text, scores[i], taken))

    def _draw_label(
        self,
        picture: NDArray[np.uint8],
        box: NDArray[np.float32],
        text: str,
        score: float,
        taken: Sequence[Sequence[int]],
    ) -> tuple[int, int, int, int]:
        pad = 3 * self._unit
        width, height = self._picture
        text, scale, text_width, text_height, base = _fit_text(text, self._text, width - 4 * pad)
        size = (min(text_width + 3 * pad, width), min(text_height + base + 2 * pad, height))
        x, y = place_label(_to_pixels(box, width, height), size, self._picture, taken)
        picture[y : y + size[1], x : x + size[0]] = _BACK
        picture[y : y + size[1], x : x + pad] = score_colours(score, self._high)
        cv2.putText(picture, text, (x + 2 * pad, y + pad + text_height), _FONT, scale, _INK, self._unit, cv2.LINE_AA)
        return x, y, x + size[0], y + size[1]

    def _remember(self, time_s: float, score: float) -> None:
        if self._history and time_s < self._history[-1][0]:
            self._history.clear()  # the clock was set back: another recording
        self._history.append((time_s, float(np.nan_to_num(score, posinf=1e6))))
        while len(self._history) > 2 and self._history[1][0] < time_s - _WINDOW_S:
            self._history.popleft()

    def _draw_strip(self, strip: NDArray[np.uint8], time_s: float, score: float) -> None:
        """The last seconds as an area whose colour follows the score; the level 1.0; score and time now."""
        strip[:] = _BACK
        height, width = strip.shape[:2]
        pad = 4 * self._unit
        reading = "-" if math.isnan(score) else f"{min(score, 999):.2f}"
        panel = min(width * 2 // 5, int(self._text * 230))
        self._draw_readings(strip[:, width - panel :], reading, clock(time_s), score)

        plot = strip[pad : height - pad, pad : width - panel]
        rows, columns = plot.shape[:2]
        times, values = np.array(self._history).T
        at = time_s - _WINDOW_S + np.arange(1, columns + 1) * (_WINDOW_S / columns)
        curve = np.interp(at, times, values, left=0.0)
        top = max(self._high, 1.05 * float(values.max()))
        filled = np.arange(rows, 0, -1)[:, None] <= np.maximum(np.rint(curve / top * rows), 1)
        colours = np.broadcast_to(score_colours(curve, self._high), plot.shape).copy()
        cv2.copyTo(colours, filled.astype(np.uint8), plot)
        level = min(rows - 1, rows - round(rows / top))
        plot[level, np.arange(columns) % (8 * self._unit) < 5 * self._unit] = _INK
        cv2.putText(plot, "1.0", (2, max(level - 3, 9)), _FONT, 0.35 * self._unit, _DIM, 1, cv2.LINE_AA)

    def _draw_readings(self, panel: NDArray[np.uint8], reading: str, now: str, score: float) -> None:
        height, width = panel.shape[:2]
        score_colour = score_colours(score, self._high)[0].tolist()
        rows = ((reading, 1.6 * self._text, score_colour, 0.52), (now, self._text, _DIM, 0.86))
        for text, scale, colour, bottom in rows:
            text, scale, *_ = _fit_text(text, scale, width - 10 * self._unit)
            at = (8 * self._unit, int(height * bottom))
            cv2.putText(panel, text, at, _FONT, scale, colour, self._unit, cv2.LINE_AA)


class Overlay:
    """A video file of drawn frames; a context manager, the file appears when it is left without an error."""

    def __init__(
        self, path: Path, width: int, height: int, rate: float, task_words: Sequence[str], high: float = HIGH
    ) -> None:
        """Prepare to draw frames of `width`×`height` pixels and to write them to `path`.

        `rate` is the nominal frame rate; each frame is shown at its own time. `task_words` are the K tasks'
        words, as in "moves backwards". Colours end at the score `high`.

        Raises:
            OutputError: `path` has an ending that names no known video format.
        """
        self._drawing = Drawing(width, height, task_words, high)
        self._writer = VideoWriter(path, self._drawing.width, self._drawing.height, rate)

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.__exit__(kind, error, traceback)

    def add(
        self,
        image: NDArray[np.uint8],
        boxes: NDArray[np.float32],
        scores: NDArray[np.floating],
        task_scores: NDArray[np.floating],
        frame_score: float,
        time_s: float,
    ) -> None:
        """Draw and write the next frame; arguments and errors as for `Drawing.draw`.

        Raises:
            ValueError: the picture, the boxes and the scores do not fit each other.
            OutputError: the file cannot be written.
        """
        drawn = self._drawing.draw(image, boxes, scores, task_scores, frame_score, time_s)
        self._writer.write(drawn, time_s)

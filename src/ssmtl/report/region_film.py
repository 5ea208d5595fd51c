"""The footage with the regions that detectors found in it: a colour for each origin, and a legend that counts."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.report.overlay import clock

COLOURS = {"detector": (86, 180, 233), "background": (255, 176, 0), "flow": (60, 200, 130), "boxes": (240, 130, 205)}
"""RGB of a region's origin, the same in every film: told apart by the colour-blind too."""

OTHER = (250, 236, 90)
"""RGB of origins of any other name."""

GROUND_TRUTH = "ground truth"

_WHITE, _INK, _DIM, _BACK = (255, 255, 255), (235, 238, 242), (150, 155, 165), (22, 24, 28)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SHORT_SIDE, _MOST_TIMES = 720, 4
"""Small pictures are drawn larger, so that lines and labels do not hide people of 20 × 35 pixels."""


class RegionDrawing:
    """Draws the regions of one clip into its frames.

    Attributes:
        width: of the drawn pictures in pixels.
        height: the same: the picture and under it the legend.
    """

    def __init__(self, width: int, height: int, origins: Sequence[str], truth: bool = False) -> None:
        """Prepare to draw frames of `width`×`height` pixels; small ones are drawn two to four times their size.

        Args:
            width: of the frames.
            height: of the frames.
            origins: names that regions may have as their origin, in the order of the legend.
            truth: whether the ground truth has a place in the legend.
        """
        self._source = (height, width)
        self._scale = min(_MOST_TIMES, max(1, round(_SHORT_SIDE / min(width, height))))
        self._picture = (width * self._scale, height * self._scale)
        self._unit = max(1, round(min(self._picture) / 720))
        self._text = 0.4 * self._unit
        self._colours = {name: COLOURS.get(name, OTHER) for name in origins}
        self._names = [*self._colours, *([GROUND_TRUTH] if truth else [])]
        self._places = self._lay_out()
        self._row = 26 * self._unit
        rows = self._places[-1][1] + 1
        self.width, self.height = self._picture[0], self._picture[1] + rows * self._row + 8 * self._unit
        self._canvas = np.zeros((self.height, self.width, 3), np.uint8)

    def draw(
        self,
        image: NDArray[np.uint8],
        boxes: NDArray[np.float32],
        origins: Sequence[str],
        labels: Sequence[str],
        truth: NDArray[np.float32] | None,
        index: int,
        time_s: float,
    ) -> NDArray[np.uint8]:
        """Draw a frame.

        A label is written where it hides no region: beside its box, shortened to its last word where there is no more
        room, and left out where there is none at all.

        Args:
            image: height×width×3 uint8 RGB; not changed.
            boxes: N×4, xyxy pixels of `image`, half open.
            origins: N names, of those that this was made with.
            labels: N texts such as "person 0.87", the most important first where room is short; "" for none.
            truth: M×4 boxes of the ground truth, or None.
            index: number of the frame.
            time_s: presentation time in seconds.

        Returns:
            The drawn picture, uint8 RGB, valid until the next call.

        Raises:
            ValueError: the picture, the boxes, the origins and the labels do not fit each other.
        """
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        if image.shape != (*self._source, 3) or not len(boxes) == len(origins) == len(labels):
            raise ValueError(
                f"a {image.shape} picture with {len(boxes)} boxes, {len(origins)} origins and {len(labels)} labels; "
                f"expected a {(*self._source, 3)} picture, and one of each per box"
            )
        if unknown := set(origins) - set(self._colours):
            raise ValueError(f"origins {sorted(unknown)} are not among {list(self._colours)}")
        width, height = self._picture
        picture = self._canvas[:height]
        cv2.resize(image, (width, height), dst=picture, interpolation=cv2.INTER_CUBIC)
        placed = self._to_picture(boxes)
        # The dashes go around a box: on its edge, a region that fits well would hide them.
        gap = 4 * self._unit
        around = np.array([-gap, -gap, gap, gap])
        wanted = around + self._to_picture(np.zeros((0, 4)) if truth is None else truth)
        for box, origin in zip(placed, origins, strict=True):
            self._draw_box(picture, box, self._colours[origin])
        for box in wanted:
            self._draw_truth(picture, box)
        self._draw_labels(picture, placed, wanted, origins, labels)
        counts = {name: len(wanted) if name == GROUND_TRUTH else list(origins).count(name) for name in self._names}
        self._draw_legend(self._canvas[height:], counts, f"frame {index}   {clock(time_s)}")
        return self._canvas

    def _to_picture(self, boxes: NDArray[np.floating]) -> NDArray[np.intp]:
        """Boxes on whole pixels of the drawn picture, cut at its edges, at least one pixel in each direction."""
        scaled = np.asarray(boxes, np.float64).reshape(-1, 4) * self._scale
        most = np.array(self._picture)
        low = np.clip(np.floor(scaled[:, :2]), 0, most - 1)
        high = np.clip(np.ceil(scaled[:, 2:]), low + 1, most)
        return np.concatenate([low, high], axis=1).astype(np.intp)

    def _draw_box(self, picture: NDArray[np.uint8], box: NDArray[np.intp], colour: tuple[int, int, int]) -> None:
        x_min, y_min, x_max, y_max = box.tolist()
        corners = (x_min, y_min), (x_max - 1, y_max - 1)
        cv2.rectangle(picture, *corners, _BACK, 4 * self._unit)
        cv2.rectangle(picture, *corners, colour, 2 * self._unit)

    def _draw_truth(self, picture: NDArray[np.uint8], box: NDArray[np.intp]) -> None:
        x_min, y_min, x_max, y_max = (box - [0, 0, 1, 1]).tolist()
        corners = [(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max)]
        cv2.rectangle(picture, corners[0], corners[2], _BACK, 4 * self._unit)
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            _dash(picture, start, end, self._unit)

    def _draw_labels(
        self,
        picture: NDArray[np.uint8],
        boxes: NDArray[np.intp],
        truth: NDArray[np.intp],
        origins: Sequence[str],
        labels: Sequence[str],
    ) -> None:
        taken = np.concatenate([boxes, truth])
        for box, origin, label in zip(boxes, origins, labels, strict=True):
            # A region within one of the ground truth has no room beside it: its label goes beside the larger one.
            around = truth[((truth[:, :2] <= box[:2]) & (truth[:, 2:] >= box[2:])).all(axis=1)]
            for text in dict.fromkeys([label, label.rpartition(" ")[2]]):
                (width, height), base = cv2.getTextSize(text, _FONT, self._text, self._unit)
                pad = 2 * self._unit
                size = (width + 2 * pad, height + base + pad)
                places = (free_place(beside, size, self._picture, taken, pad) for beside in (box, *around))
                spot = next((place for place in places if place is not None), None)
                if not text or spot is None:
                    continue
                x, y = spot
                picture[y : y + size[1], x : x + size[0]] = self._colours[origin]
                at = (x + pad, y + pad + height)
                cv2.putText(picture, text, at, _FONT, self._text, _BACK, self._unit, cv2.LINE_AA)
                taken = np.concatenate([taken, [[x, y, x + size[0], y + size[1]]]])
                break

    def _lay_out(self) -> list[tuple[int, int]]:
        """Left edge and row of each entry of the legend, and of the frame's number and time behind them."""
        edge = x = 12 * self._unit
        places, row = [], 0
        for text in [*(f"{name} 000" for name in self._names), "frame 00000   0:00:00.0"]:
            width = int(cv2.getTextSize(text, _FONT, 1.2 * self._text, self._unit)[0][0]) + 56 * self._unit
            if x + width > self._picture[0] and x > edge:
                x, row = edge, row + 1
            places.append((x, row))
            x += width
        return places

    def _draw_legend(self, strip: NDArray[np.uint8], counts: dict[str, int], now: str) -> None:
        strip[:] = _BACK
        unit = self._unit
        for (name, count), (x, row) in zip(counts.items(), self._places, strict=False):
            middle = row * self._row + 17 * unit
            if name == GROUND_TRUTH:
                _dash(strip, (x, middle), (x + 22 * unit, middle), unit)
            else:
                strip[middle - 6 * unit : middle + 6 * unit, x : x + 22 * unit] = self._colours[name]
            self._write(strip, f"{name} {count}", x + 30 * unit, row, _INK)
        x, row = self._places[-1]
        self._write(strip, now, x, row, _DIM)

    def _write(self, strip: NDArray[np.uint8], text: str, x: int, row: int, colour: tuple[int, int, int]) -> None:
        at = (x, row * self._row + 22 * self._unit)
        cv2.putText(strip, text, at, _FONT, 1.2 * self._text, colour, self._unit, cv2.LINE_AA)


def free_place(
    box: NDArray[np.intp], size: tuple[int, int], picture: tuple[int, int], taken: NDArray[np.intp], gap: int
) -> tuple[int, int] | None:
    """Where a label of `size` fits beside `box` without covering anything.

    Args:
        box: x_min, y_min, x_max, y_max in pixels.
        size: width and height of the label.
        picture: width and height of the picture.
        taken: K×4 rectangles, as `box`, that it must not cover.
        gap: pixels between the box and the label.

    Returns:
        x and y of the label's upper left corner: above the box, below, right or left of it; None where all are taken.
    """
    x_min, y_min, x_max, y_max = box.tolist()
    width, height = size
    columns = (x_min, x_max - width, (x_min + x_max - width) // 2)
    places = [(x, y) for y in (y_min - gap - height, y_max + gap) for x in columns]
    places += [(x, y) for x in (x_max + gap, x_min - gap - width) for y in (y_min, y_max - height)]
    for x, y in places:
        inside = 0 <= x <= picture[0] - width and 0 <= y <= picture[1] - height
        apart = (taken[:, 0] >= x + width) | (taken[:, 2] <= x) | (taken[:, 1] >= y + height) | (taken[:, 3] <= y)
        if inside and apart.all():
            return x, y
    return None


def _dash(image: NDArray[np.uint8], start: tuple[int, int], end: tuple[int, int], unit: int) -> None:
    """A dashed white line along a row or a column."""
    across, down = end[0] - start[0], end[1] - start[1]
    length = max(abs(across), abs(down))
    for at in range(0, length, 9 * unit):
        shares = at / length, min(at + 5 * unit, length) / length
        first, last = ((round(start[0] + part * across), round(start[1] + part * down)) for part in shares)
        cv2.line(image, first, last, _WHITE, 2 * unit)

"""An attribute that no proxy task sees: how tall an object is for its width, against others at its place (ours).

Who lies, or is cut in half, is lower than those who walk there, and no narrower. Who is far away or behind a post is
narrower too, and who is hidden by another, or cut off from one, touches that one's box: of them nothing is said. Nor of
what would be as tall as others with another box above or below: whose legs look like the ground is found in pieces.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial import cKDTree

from ssmtl.regions.regions import apart
from ssmtl.scoring.attribute import AttributeSettings
from ssmtl.scoring.speed import feet

LEAST_SPREAD = 0.15
"""Share of a height by which heights are taken to differ at least; boxes are no more exact."""

AS_TALL = 1.25
"""Times the usual height, or so many times less, that pieces are together which may be one object."""

MOST_PLACES = 8_000
"""At which it is kept what is usual; it changes little from one to the next."""


class StatureSettings(AttributeSettings):
    """Height for the width against that of the nearest objects of the training footage."""

    kind: Literal["stature"] = "stature"
    neighbours: int = Field(200, ge=10, description="objects of the training footage that say what is usual at a place")
    # Few of what is held out may stand apart from others, and none of them low.
    least_span: ClassVar[float] = 1.0
    title: ClassVar[str] = "Stature"
    sees: ClassVar[str] = "its box"
    words: ClassVar[str] = "is lower than others here, and no narrower"


@dataclass(frozen=True)
class UsualStature:
    """How high and wide objects are where.

    Attributes:
        places_M2: x and y, pixels, at which it is known.
        usual_M3: there, the medians of the logarithms of height and width, and how much lower, as `scores` measures
            it, the lowest twentieth is at least.
    """

    places_M2: NDArray[np.float32]
    usual_M3: NDArray[np.float32]

    def scores(self, boxes_N4: NDArray[np.float32]) -> NDArray[np.float32]:
        """N boxes in pixels → N scores ≥ 0: 0 is as high for its width as is usual, 1 is what one in twenty exceeds."""
        sides_N2 = _sides(boxes_N4)
        height_N, width_N, spread_N = self._usual(boxes_N4).T
        return np.maximum(0, _lower(sides_N2, height_N, width_N) / spread_N)

    def whole(self, boxes_N4: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of a frame's N boxes hold what is neither hidden by another, cut off from it, nor a piece."""
        left_N, top_N, right_N, bottom_N = boxes_N4.T
        in_line_NN = np.minimum(right_N[:, None], right_N) > np.maximum(left_N[:, None], left_N)
        np.fill_diagonal(in_line_NN, False)
        together_NN = np.maximum(bottom_N[:, None], bottom_N) - np.minimum(top_N[:, None], top_N)
        # Usual is what is so where the lower one stands.
        usual_N = self._usual(boxes_N4)[:, 0]
        usual_NN = np.where(bottom_N[:, None] > bottom_N, usual_N[:, None], usual_N)
        as_tall_NN = np.abs(np.log(np.maximum(together_NN, 1)) - usual_NN) < np.log(AS_TALL)
        return apart(boxes_N4) & ~(in_line_NN & as_tall_NN).any(axis=1)

    def _usual(self, boxes_N4: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self.usual_M3[self._tree.query(feet(boxes_N4))[1]], np.float32)

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.places_M2)


def _sides(boxes_N4: NDArray[np.float32]) -> NDArray[np.float32]:
    """N×2, the logarithms of height and width."""
    sides_N2 = (boxes_N4[:, 2:] - boxes_N4[:, :2])[:, ::-1]
    return np.asarray(np.log(np.maximum(sides_N2, 1)), np.float32)


def _lower(
    sides_N2: NDArray[np.float32], height_N: NDArray[np.float32], width_N: NDArray[np.float32]
) -> NDArray[np.float32]:
    """By how much heights fall short of the usual ones, less what widths do, in logarithms."""
    return np.asarray(height_N - sides_N2[:, 0] - np.maximum(0, width_N - sides_N2[:, 1]), np.float32)


def learn_usual_stature(
    boxes_N4: NDArray[np.float32], shape: tuple[int, int] | None, settings: StatureSettings
) -> UsualStature:
    """How high and wide N ≥ 1 objects of normal footage are, which nothing hides.

    Args:
        boxes_N4: pixels, half open.
        shape: height and width of the pictures of one scene; None: several scenes, where a place says nothing.
        settings: how many neighbours are asked.
    """
    sides_N2, places_N2 = _sides(boxes_N4), feet(boxes_N4)
    some = np.linspace(0, len(boxes_N4) - 1, min(MOST_PLACES, len(boxes_N4))).astype(np.intp) if shape else [0]
    places_M2 = places_N2[some]
    count = min(settings.neighbours, len(boxes_N4)) if shape else len(boxes_N4)
    near_MK = cKDTree(places_N2).query(places_M2, range(1, count + 1))[1]
    usual_M3 = np.empty((len(places_M2), 3), np.float32)
    for m, near_K in enumerate(near_MK):
        height, width = np.median(sides_N2[near_K], axis=0)
        lower_K = _lower(sides_N2[near_K], height, width)
        usual_M3[m] = height, width, max(float(np.quantile(lower_K, 0.95)), LEAST_SPREAD)
    return UsualStature(places_M2, usual_M3)

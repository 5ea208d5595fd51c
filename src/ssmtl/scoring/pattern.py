"""An attribute that no proxy task sees: how the parts of an object move together, against training footage (ours).

A walker's legs swing and the head glides; a cyclist's wheels are as fast as the rest; who is pushed moves as a whole.
The motion in each cell of a grid over the crop, in units of the speed that is usual at the place, is compared with the
nearest ones of training footage: what is far from all of them moves as nothing did there.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial import cKDTree

from ssmtl.regions.components import picture_scale
from ssmtl.scoring.attribute import AttributeSettings
from ssmtl.scoring.motion import Motion
from ssmtl.scoring.score import Form
from ssmtl.scoring.speed import UsualSpeed

LEAST_USUAL = 0.5
"""Pixels per frame at 360×640 that are usual at least: where all stand still, a step is not beyond all measure."""


class PatternSettings(AttributeSettings):
    """Motion in the cells of a crop against the most similar of the training footage."""

    kind: Literal["motion_pattern"] = "motion_pattern"
    components: int = Field(16, ge=1, le=48, description="principal components of the cells' motion that are compared")
    neighbours: int = Field(4, ge=1, description="nearest ones of the training footage whose mean distance counts")
    kept: int = Field(8_000, ge=1, description="objects of the training footage that are kept to compare with")
    form: ClassVar[Form] = "log"
    title: ClassVar[str] = "Motion pattern"
    sees: ClassVar[str] = "the frames before and after"
    words: ClassVar[str] = "moves unlike anything in training"


@dataclass(frozen=True)
class UsualPatterns:
    """How the objects of the training footage moved.

    Attributes:
        mean_K: mean of the cells' motion, in usual speeds.
        axes_KD: the principal components.
        known_MD: the M objects along these.
        neighbours: how many of them are asked.
        least: pixels per frame that are usual at least.
    """

    mean_K: NDArray[np.float32]
    axes_KD: NDArray[np.float32]
    known_MD: NDArray[np.float32]
    neighbours: int
    least: float

    def scores(self, motion: Motion, boxes_N4: NDArray[np.float32], usual: UsualSpeed) -> NDArray[np.float32]:
        """Mean distance of N objects to those that move most alike, in usual speeds: N ≥ 0."""
        found_ND = (_relative(motion, boxes_N4, usual, self.least) - self.mean_K) @ self.axes_KD
        count = min(self.neighbours, len(self.known_MD))
        return np.asarray(self._tree.query(found_ND, range(1, count + 1))[0].mean(axis=1), np.float32)

    @cached_property
    def _tree(self) -> cKDTree:
        # Not a product of matrices: its threads would get in the way of the network's.
        return cKDTree(self.known_MD)


def _relative(motion: Motion, boxes_N4: NDArray[np.float32], usual: UsualSpeed, least: float) -> NDArray[np.float32]:
    usual_N = np.maximum(usual.median(boxes_N4), np.float32(least))
    return np.asarray(motion.cells_NK / usual_N[:, None], np.float32)


def learn_patterns(
    motion: Motion,
    boxes_N4: NDArray[np.float32],
    usual: UsualSpeed,
    shape: tuple[int, int] | None,
    settings: PatternSettings,
) -> UsualPatterns:
    """How objects move, from N ≥ 1 of normal footage.

    Args:
        motion: of the N objects.
        boxes_N4: pixels, half open.
        usual: what speeds are usual where.
        shape: height and width of the pictures of one scene; None: several scenes.
        settings: how many components, and how many objects are kept and asked.
    """
    least = LEAST_USUAL * (picture_scale(shape) if shape else 1.0)
    cells_NK = _relative(motion, boxes_N4, usual, least)
    mean_K = cells_NK.mean(axis=0)
    apart_NK = cells_NK - mean_K
    axes_KD = np.linalg.eigh(apart_NK.T @ apart_NK)[1][:, ::-1][:, : settings.components].astype(np.float32)
    some = np.linspace(0, len(apart_NK) - 1, min(settings.kept, len(apart_NK))).astype(np.intp)
    return UsualPatterns(mean_K, axes_KD, apart_NK[some] @ axes_KD, settings.neighbours, least)

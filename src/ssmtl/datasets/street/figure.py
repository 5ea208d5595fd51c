"""What everybody is made of: limbs between joints, cut into polygons."""

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A limb between two joints: its radius at either, seen from the side and from the front."""

    a: int
    b: int
    side: tuple[float, float]
    front: tuple[float, float]
    colour: Colour
    pattern: str = "plain"
    round: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """A figure's P polygons of K corners, ready for all of them to be placed at once."""

    joints_P2: NDArray[np.intp]
    side_P2: NDArray[np.float64]
    front_P2: NDArray[np.float64]
    corners_PK3: NDArray[np.float64]  # along the limb in its lengths; along and across it in its radii
    shade_P: NDArray[np.bool_]
    colours: list[Colour]


_ARC = np.linspace(-pi / 2, pi / 2, 7)
CAPSULE = np.concatenate([[[0, -cos(t), -sin(t)] for t in _ARC], [[1, cos(t), sin(t)] for t in _ARC]])
"""Outline of a round limb: K corners as in `Look.corners_PK3`."""


def _patch(low: float, high: float, right: float, left: float) -> NDArray[np.float64]:
    """A rectangle on a limb, its last corner repeated to as many corners as a capsule has."""
    four = [[low, 0, right], [low, 0, left], [high, 0, left], [high, 0, right]]
    return np.array(four + four[-1:] * (len(CAPSULE) - 4), float)


def _pattern(name: str, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    if name == "speckles":
        return [_patch(s, s + 0.08, w, w + 0.3) for s, w in rng.uniform([0, -0.9], [0.9, 0.6], (14, 2))]
    if name == "plain":
        return []
    n = int(rng.integers(3, 6))
    rings = [_patch(i / n, (i + 0.45) / n, -1, 1) for i in range(n)]
    return rings + [_patch(0, 1, w, w + 0.25) for w in (-0.8, -0.15, 0.5)] if name == "checks" else rings


def tint(colour: Colour, factor: float) -> Colour:
    """`colour` made darker or lighter, and opaque."""
    return (*(min(255, int(c * factor)) for c in colour), 255)


def cut(parts: list[Part], rng: np.random.Generator) -> Look:
    """Cut parts into polygons: outline, pattern, and a shaded side."""
    rows: list[tuple[Part, NDArray[np.float64], bool, Colour]] = []
    for part in parts:
        outline = CAPSULE if part.round else _patch(0, 1, -1, 1)
        contrast = rng.uniform(0.4, 0.7) if sum(part.colour) > 240 else rng.uniform(1.5, 2.2)
        rows.append((part, outline, False, tint(part.colour, 1)))
        rows += [(part, patch, False, tint(part.colour, contrast)) for patch in _pattern(part.pattern, rng)]
        if part.pattern == "plain" and part.a != part.b and min(part.side) > 0.015:
            shaded = np.column_stack([outline[:, :2], np.maximum(outline[:, 2], 0.2)])
            rows.append((part, shaded, True, tint(part.colour, 0.78)))
    return Look(
        np.array([[part.a, part.b] for part, *_ in rows]),
        np.array([part.side for part, *_ in rows]),
        np.array([part.front for part, *_ in rows]),
        np.array([corners for _, corners, _, _ in rows]),
        np.array([shade for _, _, shade, _ in rows]),
        [colour for *_, colour in rows],
    )


def random_colour(rng: np.random.Generator) -> Colour:
    """A colour of clothes or lacquer: any lightness, mostly muted."""
    return tuple(int(c) for c in np.clip(rng.uniform(35, 205) + rng.normal(0, 28, 3), 12, 240))


def limb(a: int, b: int, r_a: float, r_b: float, colour: Colour) -> Part:
    """A plain round part, as thick from the side as from the front."""
    return Part(a, b, (r_a, r_b), (r_a, r_b), colour)

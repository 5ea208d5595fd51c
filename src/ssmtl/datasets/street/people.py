"""People: how a body is jointed, how it walks, runs and falls, and what it wears.

Lengths are in body heights; points are complex, forward + up·i.
"""

from cmath import exp
from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.street.figure import Part, limb, random_colour

# The joints of a body, in this order; those of what it rides follow.
_HIP, _CHEST, _HEAD, _HAIR, _NOSE, _NAPE, _BAG_LOW, _BAG_HIGH = range(8)
_SIDES = (8, 15)
_LEG, _KNEE, _ANKLE, _TOE, _SHOULDER, _ELBOW, _HAND = range(7)
BODY_JOINTS = 22
THIGH = _SHIN = 0.245
ARM = 0.165

Leg = tuple[complex, complex, complex]  # knee, ankle, toe
Joints = NDArray[np.float64]  # J×3: forward, left, up


@dataclass(frozen=True, slots=True)
class Gait:
    """How somebody moves on foot: lengths in body heights, angles in radians."""

    stride: float
    reach: float
    knee: float
    lean: float
    arms: float
    elbow: float
    bounce: float


def random_gait(rng: np.random.Generator, running: bool) -> Gait:
    """The gait of one walker or runner."""
    if running:
        stride = rng.uniform(1.4, 1.7)
        return Gait(stride, 0.7, 1.6, rng.uniform(0.2, 0.28), rng.uniform(0.6, 0.8), 1.4, 0.04)
    stride = rng.uniform(0.68, 0.82)
    # A stance leg sweeps a quarter of the stride to either side, so that the feet stay where they are put.
    reach = asin(stride / 4 / (THIGH + _SHIN))
    return Gait(stride, reach, 0.9, rng.uniform(0.06, 0.14), rng.uniform(0.2, 0.45), 0.25, 0.0)


def _hang(length: float, angle: float) -> complex:
    """The end of a bone that hangs from 0, `angle` forward of straight down."""
    return -1j * length * exp(1j * angle)


def joint_between(a: complex, b: complex, bone: float, side: int) -> complex:
    """The joint between two equal bones from `a` to `b`, on the left (+1) or right (-1) of the way there."""
    half = (b - a) / 2
    return a + half + side * 1j * half / abs(half) * max(0.0, bone**2 - abs(half) ** 2) ** 0.5


def assemble_body(hip: complex, lean: float, legs: Sequence[Leg], arms: Sequence[tuple[complex, complex]]) -> Joints:
    """Joints of a body; the arms' elbow and hand are relative to the shoulder."""
    up = 1j * exp(-1j * lean)
    back = 1j * up
    chest = hip + 0.3 * up
    head = chest + 0.12j * exp(-0.7j * lean)
    points = [hip, chest, head, head + (-0.027 + 0.022j), head + (0.06 - 0.008j), head + (-0.055 - 0.08j)]
    points += [hip + 0.12 * up + 0.095 * back, hip + 0.28 * up + 0.095 * back]
    left = [0.0] * len(points)
    for side, (knee, ankle, toe), (elbow, hand) in zip((1, -1), legs, arms, strict=True):
        points += [hip, knee, ankle, toe, chest - 0.02 * up, chest + elbow, chest + hand]
        left += [side * w for w in (0.045, 0.045, 0.04, 0.05, 0.1, 0.125, 0.11)]
    return np.array([[p.real, w, p.imag] for p, w in zip(points, left, strict=True)])


def on_foot(gait: Gait, distance: float, fallen: float) -> Joints:
    """A walker or runner after `distance` body heights; `fallen` from 0 (upright) to 1 (lying on the face)."""
    legs: list[Leg] = []
    arms = []
    for offset in (0.0, 0.5):
        phase = (distance / gait.stride + offset) % 1
        thigh = 0.03 + gait.reach * cos(2 * pi * phase)
        # The knee bends only while the leg swings forward, most of all early on.
        bend = gait.knee * sin(pi * (2 * phase - 1) ** 0.9) if phase > 0.5 else 0.0
        shin = thigh - bend
        knee = _hang(THIGH, thigh)
        ankle = knee + _hang(_SHIN, shin)
        legs.append((knee, ankle, ankle - 0.015j + 0.1 * exp(1j * (0.8 * min(shin, 0) + 0.35 * max(shin, 0)))))
        swing = -gait.arms * cos(2 * pi * phase) * (1 - fallen) + 2.3 * fallen
        elbow = _hang(ARM, swing)
        arms.append((elbow, elbow + _hang(ARM, swing + gait.elbow + 0.4 * max(0.0, swing) * (1 - fallen))))
    ground = min(min(ankle.imag - 0.03, toe.imag - 0.022) for _, ankle, toe in legs)
    hip = 1j * (gait.bounce * abs(sin(2 * pi * distance / gait.stride)) - ground)
    joints = assemble_body(hip, gait.lean, [(k + hip, a + hip, t + hip) for k, a, t in legs], arms)
    if fallen:
        turned = (joints[:, 0] + 1j * joints[:, 2]) * exp(-1j * fallen * (pi / 2 - gait.lean / 2))
        joints[:, 0], joints[:, 2] = turned.real, np.maximum(turned.imag, 0.05)
    return joints


def person_parts(rng: np.random.Generator) -> list[Part]:
    """Parts of a person with random build, clothes, skin, hair and luggage."""
    build, tone = rng.uniform(0.85, 1.2), rng.uniform(0.35, 1.0)
    skin = (int(225 * tone), int(178 * tone), int(148 * tone))
    hair = [(35, 28, 24), (80, 55, 35), (150, 120, 70), (120, 120, 118)][rng.integers(4)]
    shirt, trousers, shoes = random_colour(rng), random_colour(rng), random_colour(rng)
    sleeve = shirt if rng.random() < 0.6 else skin
    shin = trousers if rng.random() < 0.8 else skin
    pattern = ("plain", "stripes", "checks", "speckles")[rng.integers(4)]
    parts = []
    for side in _SIDES:
        parts += [
            limb(side + _ANKLE, side + _TOE, 0.03, 0.022, shoes),
            limb(side + _KNEE, side + _ANKLE, 0.042 * build, 0.027 * build, shin),
            limb(side + _LEG, side + _KNEE, 0.065 * build, 0.043 * build, trousers),
            limb(side + _HAND, side + _HAND, 0.025, 0.025, skin),
            limb(side + _ELBOW, side + _HAND, 0.03 * build, 0.022 * build, sleeve),
            limb(side + _SHOULDER, side + _ELBOW, 0.042 * build, 0.032 * build, shirt),
        ]
    parts += [
        limb(_CHEST, _HEAD, 0.034, 0.034, skin),
        Part(_HIP, _CHEST, (0.07 * build, 0.065 * build), (0.085 * build, 0.1 * build), shirt, pattern),
        limb(_HEAD, _HEAD, 0.063, 0.063, skin),
        limb(_NOSE, _NOSE, 0.016, 0.016, skin),
        limb(_HAIR, _HAIR, 0.057, 0.057, hair),
    ]
    if rng.random() < 0.4:
        parts.append(limb(_HAIR, _NAPE, 0.05, 0.025, hair))
    if rng.random() < 0.4:
        size = rng.uniform(0.045, 0.065)
        parts.append(Part(_BAG_LOW, _BAG_HIGH, (size, size * 0.8), (0.085, 0.075), random_colour(rng)))
    return parts

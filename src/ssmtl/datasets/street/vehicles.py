"""Bicycles and carts, each with somebody on it.

Lengths are in body heights; points are complex, forward + up·i.
"""

from cmath import exp
from math import pi

import numpy as np

from ssmtl.datasets.street.figure import Colour, Part, limb, random_colour, tint
from ssmtl.datasets.street.people import ARM, BODY_JOINTS, THIGH, Gait, Joints, assemble_body, joint_between

_WHEEL_JOINTS = 13


def _wheel(hub: complex, radius: float, distance: float, left: float = 0.0) -> Joints:
    """A hub and twelve joints on the rim, rolled over `distance`."""
    turn = np.exp(-1j * (distance / radius + np.arange(12) * (pi / 6)))
    points = np.concatenate([[hub], hub + radius * turn])
    return np.stack([points.real, np.full(_WHEEL_JOINTS, left), points.imag], 1)


def _wheel_parts(hub: int, tyre: float, spoke: float, colour: Colour) -> list[Part]:
    rim = [limb(hub + 1 + i, hub + 1 + (i + 1) % 12, tyre, tyre, colour) for i in range(12)]
    return rim + [limb(hub, hub + 1 + i, spoke, spoke, (150, 150, 150)) for i in (0, 3, 6, 9)]


def on_bicycle(gait: Gait, distance: float) -> Joints:
    """A cyclist after `distance` body heights: body, frame, pedals, rear and front wheel."""
    hip, crank, bar = -0.14 + 0.53j, 0.0 + 0.17j, 0.27 + 0.6j
    turn = distance / 0.19 / 2.6
    pedals = [crank + side * 0.09 * exp(-1j * turn) for side in (1, -1)]
    ankles = [pedal - 0.04 + 0.04j for pedal in pedals]
    legs = [(joint_between(hip, ankle, THIGH, 1), ankle, ankle + 0.09 - 0.02j) for ankle in ankles]
    lean = gait.lean + 0.4
    reach = bar - (hip + 0.3j * exp(-1j * lean))
    arms = [(joint_between(0, reach, ARM, -1), reach)] * 2
    frame = [-0.31 + 0.19j, 0.31 + 0.19j, crank, -0.12 + 0.5j, 0.22 + 0.5j, bar, *pedals]
    return np.concatenate(
        [
            assemble_body(hip, lean, legs, arms),
            [[p.real, 0, p.imag] for p in frame],
            _wheel(frame[0], 0.19, distance),
            _wheel(frame[1], 0.19, distance),
        ]
    )


def bicycle_parts(rng: np.random.Generator) -> list[Part]:
    """Parts of a bicycle, to follow those of its rider."""
    lacquer = random_colour(rng)
    rear, front, crank, seat, neck, bar, left, right = range(BODY_JOINTS, BODY_JOINTS + 8)
    tubes = [
        (rear, crank),
        (rear, seat),
        (crank, seat),
        (seat, neck),
        (crank, neck),
        (neck, front),
        (neck, bar),
    ]
    parts = _wheel_parts(BODY_JOINTS + 8, 0.016, 0.006, (30, 30, 30))
    parts += _wheel_parts(BODY_JOINTS + 8 + _WHEEL_JOINTS, 0.016, 0.006, (30, 30, 30))
    parts += [limb(a, b, 0.014, 0.014, lacquer) for a, b in tubes]
    return parts + [limb(crank, pedal, 0.01, 0.012, (60, 60, 60)) for pedal in (left, right)]


# Panels, roof, steering column and posts of a cart, from one point to another (forward, left, up).
_CART_PANELS = [((-0.55, w, 0.22), (0.62, w, 0.22)) for w in (-0.3, 0.3)]
_CART_SEATS = [((-0.52, w, 0.36), (-0.1, w, 0.36)) for w in (-0.28, 0.28)]
_CART_COWLS = [((0.4, w, 0.36), (0.62, w, 0.33)) for w in (-0.28, 0.28)]
_CART_ENDS = [((f, -0.3, 0.3), (f, 0.3, 0.3)) for f in (-0.55, 0.62)]
_CART_ROOF = [((-0.5, w, 1.14), (0.42, w, 1.14)) for w in (-0.3, -0.1, 0.1, 0.3)]
_CART_POSTS = [((0.45, 0.0, 0.35), (0.1, 0.0, 0.63))] + [
    ((f, w, 0.4), (f * 0.85, w, 1.14)) for f in (-0.5, 0.5) for w in (-0.29, 0.29)
]
_CART = np.array(_CART_PANELS + _CART_SEATS + _CART_COWLS + _CART_ENDS + _CART_ROOF + _CART_POSTS).reshape(-1, 3)
_CART_WHEELS = [(f, side) for f in (-0.38, 0.42) for side in (-0.3, 0.3)]


def in_cart(gait: Gait, distance: float) -> Joints:
    """A driver after `distance` body heights: body, cart, wheels."""
    hip, ankle = -0.24 + 0.48j, 0.2 + 0.26j
    leg = (joint_between(hip, ankle, THIGH, 1), ankle, ankle + 0.1)
    reach = 0.27 - 0.13j
    arm = (joint_between(0, reach, ARM, -1), reach)
    body = assemble_body(hip, gait.lean - 0.1, [leg] * 2, [arm] * 2)
    wheels = [_wheel(f + 0.13j, 0.11, distance, w) for f, w in _CART_WHEELS]
    return np.concatenate([body, _CART, *wheels])


def cart_parts(rng: np.random.Generator) -> list[Part]:
    """Parts of a cart, to follow those of its driver."""
    lacquer, roof = random_colour(rng), random_colour(rng)
    kinds = [(_CART_PANELS, 0.09, 0.01, lacquer), (_CART_SEATS, 0.1, 0.01, tint(lacquer, 0.6)[:3])]
    kinds += [(_CART_COWLS, 0.11, 0.01, lacquer), (_CART_ENDS, 0.01, 0.14, lacquer)]
    kinds += [(_CART_ROOF, 0.04, 0.1, roof), (_CART_POSTS, 0.014, 0.014, (70, 70, 70))]
    parts, joint = [], BODY_JOINTS
    for wheel in range(len(_CART_WHEELS)):
        parts += _wheel_parts(BODY_JOINTS + len(_CART) + wheel * _WHEEL_JOINTS, 0.035, 0.03, (35, 35, 35))
    for places, side, front, colour in kinds:
        for _ in places:
            parts.append(Part(joint, joint + 1, (side, side), (front, front), colour, round=False))
            joint += 2
    return parts

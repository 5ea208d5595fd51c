"""The synthetic street: seeded footage of people before a fixed camera, with labelled anomalies among them.

Everybody is a jointed figure made of the same parts by the same renderer, normal or not. Lengths in a figure are
in body heights and its points are complex, forward + up·i; the ground is in pixels as seen at mid depth.
"""

from cmath import exp
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import asin, ceil, cos, hypot, pi, sin
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ssmtl.atomic import atomic_folder, claim_output, write_text
from ssmtl.video.writer import VideoWriter

ANOMALIES = ("running", "cycling", "cart", "backwards", "falling")
"""Kinds of anomaly that a clip can hold."""

LEAD_IN = 40
"""Frames of normal footage with which a clip begins."""

Image = NDArray[np.uint8]
Colour = tuple[int, ...]


class StreetConfig(BaseModel):
    """What the street looks like.

    Attributes:
        width: pixels, even.
        height: pixels, even.
        rate: frames per second.
        colour: False makes R = G = B.
        camera: "side": people cross from left to right and back, in mild perspective; "oblique": they also come
            nearer and go away, in strong perspective.
        people_per_frame: mean number of people, those just entering or leaving the picture included.
        person_height_px: mean height of a person at mid depth.
        noise: standard deviation of the sensor's noise, in grey levels.
        drift: largest relative change of the illumination, over tens of seconds.
        sway: largest movement of the foliage, in pixels.
        background_seed: the same seed gives the same place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(320, ge=64, multiple_of=2)
    height: int = Field(240, ge=64, multiple_of=2)
    rate: float = Field(25.0, gt=0, le=240)
    colour: bool = True
    camera: Literal["side", "oblique"] = "side"
    people_per_frame: float = Field(4.0, ge=0, le=100)
    person_height_px: float = Field(48.0, ge=12, le=400)
    noise: float = Field(2.5, ge=0, le=30)
    drift: float = Field(0.06, ge=0, le=0.5)
    sway: float = Field(0.8, ge=0, le=5)
    background_seed: int = Field(0, ge=0)


@dataclass(frozen=True, slots=True)
class AbnormalBox:
    """Bounding box of one abnormal object in one frame: pixels, half open, clipped to the picture."""

    track: int
    kind: str
    x_min: float
    y_min: float
    x_max: float
    y_max: float


# --- The camera ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Camera:
    """A pinhole over level ground; at scale 1 (mid depth) a unit of the ground is one pixel."""

    focal: float
    centre: float
    horizon: float
    elevation: float
    near: float
    far: float

    def see(self, x: float, z: float) -> tuple[float, float, float]:
        """Picture position and scale of the ground point `x` to the right and `z` away."""
        scale = self.focal / z
        return self.centre + x * scale, self.horizon + self.elevation * scale, scale


def _camera(config: StreetConfig) -> _Camera:
    far, near, top, bottom = (0.82, 1.2, 0.62, 0.84) if config.camera == "side" else (0.6, 1.4, 0.42, 0.92)
    elevation = (bottom - top) * config.height / (near - far)
    horizon = top * config.height - far * elevation
    return _Camera(float(config.width), config.width / 2, horizon, elevation, near, far)


# --- Figures: joints and how they move ----------------------------------------------------------------------

# The joints of a body, in this order; those of what it rides follow.
_HIP, _CHEST, _HEAD, _HAIR, _NOSE, _NAPE, _BAG_LOW, _BAG_HIGH = range(8)
_SIDES = (8, 15)
_LEG, _KNEE, _ANKLE, _TOE, _SHOULDER, _ELBOW, _HAND = range(7)
_BODY = 22
_THIGH = _SHIN = 0.245
_ARM = 0.165
_WHEEL_JOINTS = 13
_CART_WHEELS = [(f, side) for f in (-0.38, 0.42) for side in (-0.3, 0.3)]

Limb = tuple[complex, complex, complex]  # knee, ankle, toe
Joints = NDArray[np.float64]  # J×3: forward, left, up


@dataclass(frozen=True, slots=True)
class _Gait:
    """How somebody moves on foot: lengths in body heights, angles in radians."""

    stride: float
    reach: float
    knee: float
    lean: float
    arms: float
    elbow: float
    bounce: float


def _gait(rng: np.random.Generator, running: bool) -> _Gait:
    if running:
        stride = rng.uniform(1.4, 1.7)
        return _Gait(stride, 0.7, 1.6, rng.uniform(0.2, 0.28), rng.uniform(0.6, 0.8), 1.4, 0.04)
    stride = rng.uniform(0.68, 0.82)
    # A stance leg sweeps a quarter of the stride to either side, so that the feet stay where they are put.
    reach = asin(stride / 4 / (_THIGH + _SHIN))
    return _Gait(stride, reach, 0.9, rng.uniform(0.06, 0.14), rng.uniform(0.2, 0.45), 0.25, 0.0)


def _hang(length: float, angle: float) -> complex:
    """The end of a bone that hangs from 0, `angle` forward of straight down."""
    return -1j * length * exp(1j * angle)


def _bend(a: complex, b: complex, bone: float, side: int) -> complex:
    """The joint between two equal bones from `a` to `b`, on the left (+1) or right (-1) of the way there."""
    half = (b - a) / 2
    return a + half + side * 1j * half / abs(half) * max(0.0, bone**2 - abs(half) ** 2) ** 0.5


def _assemble(hip: complex, lean: float, legs: Sequence[Limb], arms: Sequence[tuple[complex, complex]]) -> Joints:
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


def _on_foot(gait: _Gait, distance: float, fallen: float) -> Joints:
    """A walker or runner after `distance` body heights; `fallen` from 0 (upright) to 1 (lying on the face)."""
    legs: list[Limb] = []
    arms = []
    for offset in (0.0, 0.5):
        phase = (distance / gait.stride + offset) % 1
        thigh = 0.03 + gait.reach * cos(2 * pi * phase)
        # The knee bends only while the leg swings forward, most of all early on.
        bend = gait.knee * sin(pi * (2 * phase - 1) ** 0.9) if phase > 0.5 else 0.0
        shin = thigh - bend
        knee = _hang(_THIGH, thigh)
        ankle = knee + _hang(_SHIN, shin)
        legs.append((knee, ankle, ankle - 0.015j + 0.1 * exp(1j * (0.8 * min(shin, 0) + 0.35 * max(shin, 0)))))
        swing = -gait.arms * cos(2 * pi * phase) * (1 - fallen) + 2.3 * fallen
        elbow = _hang(_ARM, swing)
        arms.append((elbow, elbow + _hang(_ARM, swing + gait.elbow + 0.4 * max(0.0, swing) * (1 - fallen))))
    ground = min(min(ankle.imag - 0.03, toe.imag - 0.022) for _, ankle, toe in legs)
    hip = 1j * (gait.bounce * abs(sin(2 * pi * distance / gait.stride)) - ground)
    joints = _assemble(hip, gait.lean, [(k + hip, a + hip, t + hip) for k, a, t in legs], arms)
    if fallen:
        turned = (joints[:, 0] + 1j * joints[:, 2]) * exp(-1j * fallen * (pi / 2 - gait.lean / 2))
        joints[:, 0], joints[:, 2] = turned.real, np.maximum(turned.imag, 0.05)
    return joints


def _wheel(hub: complex, radius: float, distance: float, left: float = 0.0) -> Joints:
    """A hub and twelve joints on the rim, rolled over `distance`."""
    turn = np.exp(-1j * (distance / radius + np.arange(12) * (pi / 6)))
    points = np.concatenate([[hub], hub + radius * turn])
    return np.stack([points.real, np.full(_WHEEL_JOINTS, left), points.imag], 1)


def _on_bicycle(gait: _Gait, distance: float) -> Joints:
    hip, crank, bar = -0.14 + 0.53j, 0.0 + 0.17j, 0.27 + 0.6j
    turn = distance / 0.19 / 2.6
    pedals = [crank + side * 0.09 * exp(-1j * turn) for side in (1, -1)]
    ankles = [pedal - 0.04 + 0.04j for pedal in pedals]
    legs = [(_bend(hip, ankle, _THIGH, 1), ankle, ankle + 0.09 - 0.02j) for ankle in ankles]
    lean = gait.lean + 0.4
    reach = bar - (hip + 0.3j * exp(-1j * lean))
    arms = [(_bend(0, reach, _ARM, -1), reach)] * 2
    frame = [-0.31 + 0.19j, 0.31 + 0.19j, crank, -0.12 + 0.5j, 0.22 + 0.5j, bar, *pedals]
    return np.concatenate(
        [
            _assemble(hip, lean, legs, arms),
            [[p.real, 0, p.imag] for p in frame],
            _wheel(frame[0], 0.19, distance),
            _wheel(frame[1], 0.19, distance),
        ]
    )


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


def _in_cart(gait: _Gait, distance: float) -> Joints:
    hip, ankle = -0.24 + 0.48j, 0.2 + 0.26j
    leg = (_bend(hip, ankle, _THIGH, 1), ankle, ankle + 0.1)
    reach = 0.27 - 0.13j
    arm = (_bend(0, reach, _ARM, -1), reach)
    body = _assemble(hip, gait.lean - 0.1, [leg] * 2, [arm] * 2)
    wheels = [_wheel(f + 0.13j, 0.11, distance, w) for f, w in _CART_WHEELS]
    return np.concatenate([body, _CART, *wheels])


# --- Figures: what they look like ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A limb between two joints: its radius at either, seen from the side and from the front."""

    a: int
    b: int
    side: tuple[float, float]
    front: tuple[float, float]
    colour: Colour
    pattern: str = "plain"
    round: bool = True


@dataclass(frozen=True, slots=True)
class _Look:
    """A figure's P polygons of K corners, ready for all of them to be placed at once."""

    joints_P2: NDArray[np.intp]
    side_P2: NDArray[np.float64]
    front_P2: NDArray[np.float64]
    corners_PK3: NDArray[np.float64]  # along the limb in its lengths; along and across it in its radii
    shade_P: NDArray[np.bool_]
    colours: list[Colour]


_ARC = np.linspace(-pi / 2, pi / 2, 7)
_CAPSULE = np.concatenate([[[0, -cos(t), -sin(t)] for t in _ARC], [[1, cos(t), sin(t)] for t in _ARC]])


def _patch(low: float, high: float, right: float, left: float) -> NDArray[np.float64]:
    """A rectangle on a limb, its last corner repeated to as many corners as a capsule has."""
    four = [[low, 0, right], [low, 0, left], [high, 0, left], [high, 0, right]]
    return np.array(four + four[-1:] * (len(_CAPSULE) - 4), float)


def _pattern(name: str, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    if name == "speckles":
        return [_patch(s, s + 0.08, w, w + 0.3) for s, w in rng.uniform([0, -0.9], [0.9, 0.6], (14, 2))]
    if name == "plain":
        return []
    n = int(rng.integers(3, 6))
    rings = [_patch(i / n, (i + 0.45) / n, -1, 1) for i in range(n)]
    return rings + [_patch(0, 1, w, w + 0.25) for w in (-0.8, -0.15, 0.5)] if name == "checks" else rings


def _tint(colour: Colour, factor: float) -> Colour:
    """`colour` made darker or lighter, and opaque."""
    return (*(min(255, int(c * factor)) for c in colour), 255)


def _cut(parts: list[_Part], rng: np.random.Generator) -> _Look:
    """Cut parts into polygons: outline, pattern, and a shaded side."""
    rows: list[tuple[_Part, NDArray[np.float64], bool, Colour]] = []
    for part in parts:
        outline = _CAPSULE if part.round else _patch(0, 1, -1, 1)
        contrast = rng.uniform(0.4, 0.7) if sum(part.colour) > 240 else rng.uniform(1.5, 2.2)
        rows.append((part, outline, False, _tint(part.colour, 1)))
        rows += [(part, patch, False, _tint(part.colour, contrast)) for patch in _pattern(part.pattern, rng)]
        if part.pattern == "plain" and part.a != part.b and min(part.side) > 0.015:
            shaded = np.column_stack([outline[:, :2], np.maximum(outline[:, 2], 0.2)])
            rows.append((part, shaded, True, _tint(part.colour, 0.78)))
    return _Look(
        np.array([[part.a, part.b] for part, *_ in rows]),
        np.array([part.side for part, *_ in rows]),
        np.array([part.front for part, *_ in rows]),
        np.array([corners for _, corners, _, _ in rows]),
        np.array([shade for _, _, shade, _ in rows]),
        [colour for *_, colour in rows],
    )


def _paint(rng: np.random.Generator) -> Colour:
    """A colour of clothes or lacquer: any lightness, mostly muted."""
    return tuple(int(c) for c in np.clip(rng.uniform(35, 205) + rng.normal(0, 28, 3), 12, 240))


def _limb(a: int, b: int, r_a: float, r_b: float, colour: Colour) -> _Part:
    return _Part(a, b, (r_a, r_b), (r_a, r_b), colour)


def _person(rng: np.random.Generator) -> list[_Part]:
    """Parts of a person with random build, clothes, skin, hair and luggage."""
    build, tone = rng.uniform(0.85, 1.2), rng.uniform(0.35, 1.0)
    skin = (int(225 * tone), int(178 * tone), int(148 * tone))
    hair = [(35, 28, 24), (80, 55, 35), (150, 120, 70), (120, 120, 118)][rng.integers(4)]
    shirt, trousers, shoes = _paint(rng), _paint(rng), _paint(rng)
    sleeve = shirt if rng.random() < 0.6 else skin
    shin = trousers if rng.random() < 0.8 else skin
    pattern = ("plain", "stripes", "checks", "speckles")[rng.integers(4)]
    parts = []
    for side in _SIDES:
        parts += [
            _limb(side + _ANKLE, side + _TOE, 0.03, 0.022, shoes),
            _limb(side + _KNEE, side + _ANKLE, 0.042 * build, 0.027 * build, shin),
            _limb(side + _LEG, side + _KNEE, 0.065 * build, 0.043 * build, trousers),
            _limb(side + _HAND, side + _HAND, 0.025, 0.025, skin),
            _limb(side + _ELBOW, side + _HAND, 0.03 * build, 0.022 * build, sleeve),
            _limb(side + _SHOULDER, side + _ELBOW, 0.042 * build, 0.032 * build, shirt),
        ]
    parts += [
        _limb(_CHEST, _HEAD, 0.034, 0.034, skin),
        _Part(_HIP, _CHEST, (0.07 * build, 0.065 * build), (0.085 * build, 0.1 * build), shirt, pattern),
        _limb(_HEAD, _HEAD, 0.063, 0.063, skin),
        _limb(_NOSE, _NOSE, 0.016, 0.016, skin),
        _limb(_HAIR, _HAIR, 0.057, 0.057, hair),
    ]
    if rng.random() < 0.4:
        parts.append(_limb(_HAIR, _NAPE, 0.05, 0.025, hair))
    if rng.random() < 0.4:
        size = rng.uniform(0.045, 0.065)
        parts.append(_Part(_BAG_LOW, _BAG_HIGH, (size, size * 0.8), (0.085, 0.075), _paint(rng)))
    return parts


def _wheel_parts(hub: int, tyre: float, spoke: float, colour: Colour) -> list[_Part]:
    rim = [_limb(hub + 1 + i, hub + 1 + (i + 1) % 12, tyre, tyre, colour) for i in range(12)]
    return rim + [_limb(hub, hub + 1 + i, spoke, spoke, (150, 150, 150)) for i in (0, 3, 6, 9)]


def _bicycle_parts(rng: np.random.Generator) -> list[_Part]:
    lacquer = _paint(rng)
    rear, front, crank, seat, neck, bar, left, right = range(_BODY, _BODY + 8)
    tubes = [
        (rear, crank),
        (rear, seat),
        (crank, seat),
        (seat, neck),
        (crank, neck),
        (neck, front),
        (neck, bar),
    ]
    parts = _wheel_parts(_BODY + 8, 0.016, 0.006, (30, 30, 30))
    parts += _wheel_parts(_BODY + 8 + _WHEEL_JOINTS, 0.016, 0.006, (30, 30, 30))
    parts += [_limb(a, b, 0.014, 0.014, lacquer) for a, b in tubes]
    return parts + [_limb(crank, pedal, 0.01, 0.012, (60, 60, 60)) for pedal in (left, right)]


def _cart_parts(rng: np.random.Generator) -> list[_Part]:
    lacquer, roof = _paint(rng), _paint(rng)
    kinds = [(_CART_PANELS, 0.09, 0.01, lacquer), (_CART_SEATS, 0.1, 0.01, _tint(lacquer, 0.6)[:3])]
    kinds += [(_CART_COWLS, 0.11, 0.01, lacquer), (_CART_ENDS, 0.01, 0.14, lacquer)]
    kinds += [(_CART_ROOF, 0.04, 0.1, roof), (_CART_POSTS, 0.014, 0.014, (70, 70, 70))]
    parts, joint = [], _BODY
    for wheel in range(len(_CART_WHEELS)):
        parts += _wheel_parts(_BODY + len(_CART) + wheel * _WHEEL_JOINTS, 0.035, 0.03, (35, 35, 35))
    for places, side, front, colour in kinds:
        for _ in places:
            parts.append(_Part(joint, joint + 1, (side, side), (front, front), colour, round=False))
            joint += 2
    return parts


# --- Who is on the street -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Actor:
    """Somebody on a straight way over the ground; `fall_s` and `rise_s` are infinite for who does not fall."""

    kind: str
    look: _Look
    gait: _Gait
    height: float
    speed: float
    start_s: float
    x: float
    z: float
    heading: float
    length: float
    fall_s: float = np.inf
    rise_s: float = np.inf

    def end_s(self) -> float:
        return self.start_s + self.length / (self.height * self.speed)

    def distance(self, time: float) -> float:
        """Body heights from the start; who falls slides on a little while falling and goes on when up again."""
        slide = 0.2 * min(1.0, max(0.0, time - self.fall_s) / _FALL_S)
        after = max(0.0, time - self.rise_s - _RISE_S)
        return self.speed * (min(time, self.fall_s) - self.start_s + slide + after)

    def depth(self, time: float) -> float:
        return self.z + self.distance(time) * self.height * sin(self.heading)

    def fallen(self, time: float) -> float:
        falling = min(1.0, max(0.0, (time - self.fall_s) / _FALL_S)) ** 2
        rising = min(1.0, max(0.0, (time - self.rise_s) / _RISE_S))
        return falling - rising**2 * (3 - 2 * rising)

    def abnormal(self, time: float) -> bool:
        if self.kind == "falling":
            return self.fall_s <= time < self.rise_s + _RISE_S
        return self.kind in ANOMALIES

    def joints(self, time: float) -> Joints:
        distance = self.distance(time)
        if self.kind == "cycling":
            return _on_bicycle(self.gait, distance)
        if self.kind == "cart":
            return _in_cart(self.gait, distance)
        # A film of a walker played backwards: the gait runs back, and the figure faces where it came from.
        return _on_foot(self.gait, -distance if self.kind == "backwards" else distance, self.fallen(time))


_FALL_S, _RISE_S = 0.6, 1.2
"""Seconds that it takes to fall and to get up."""

_SPEEDS = {"running": (2.5, 3.5), "cycling": (3.0, 4.0), "cart": (1.8, 2.8)}
"""Multiples of a walking speed."""

_MARGINS = {"cycling": 0.75, "cart": 0.95}
"""Body heights outside the picture at which somebody is out of sight; 0.6 on foot."""


def _way(config: StreetConfig, camera: _Camera, rng: np.random.Generator, margin: float) -> dict[str, float]:
    """A straight way across the picture, from out of sight to out of sight."""

    def at_side(side: int, z: float) -> tuple[float, float]:
        return side * (camera.centre * z / camera.focal + margin * config.person_height_px), z

    def at_bottom(other: int) -> tuple[float, float]:
        rise = camera.elevation - config.person_height_px * max(1.1, margin + 0.5)
        scale = (config.height - camera.horizon) / rise
        # Mostly in the half away from the way's other end, so that nobody just cuts a corner.
        return other * rng.uniform(-0.9, 0.1) * camera.centre / scale, camera.focal / scale

    side = int(rng.choice([-1, 1]))
    depths = rng.uniform(camera.focal / camera.near, camera.focal / camera.far, 2)
    start, end = at_side(side, depths[0]), at_side(-side, depths[0])
    # People much taller than the camera's height would never leave by the bottom edge.
    if config.camera == "oblique" and camera.elevation > 2.2 * config.person_height_px:
        course = rng.integers(3)
        start = at_bottom(-side) if course == 1 else at_side(side, depths[0] if course == 0 else depths.max())
        end = at_bottom(side) if course == 2 else at_side(-side, depths[1] if course == 0 else depths.max())
    dx, dz = end[0] - start[0], end[1] - start[1]
    return {"x": start[0], "z": start[1], "heading": float(np.arctan2(dz, dx)), "length": hypot(dx, dz)}


def _crowd(config: StreetConfig, camera: _Camera, rng: np.random.Generator, seconds: float) -> list[_Actor]:
    """Normal walkers, alone and in pairs, whose arrivals keep the mean number of people."""
    actors: list[_Actor] = []
    time = -8 * config.width / camera.far / config.person_height_px
    while config.people_per_frame > 0:
        way = _way(config, camera, rng, 0.6)
        height, speed = config.person_height_px * rng.uniform(0.92, 1.08), rng.uniform(0.6, 1.0)
        transit = way["length"] / (height * speed)
        members = 2 if rng.random() < 0.25 else 1
        time += rng.exponential(transit * members / config.people_per_frame)
        if time >= seconds:
            break
        if time + transit < 0:
            continue
        for _ in range(members):
            look, gait = _cut(_person(rng), rng), _gait(rng, running=False)
            actors.append(_Actor("walking", look, gait, height, speed, time, **way))
            shift = 0.5 * height
            way = way | {"x": way["x"] - shift * sin(way["heading"]), "z": way["z"] + shift * cos(way["heading"])}
            height *= rng.uniform(0.94, 1.06)
            speed = actors[-1].speed * actors[-1].height / height
    return actors


def _culprits(kind: str, config: StreetConfig, camera: _Camera, rng: np.random.Generator, frames: int) -> list[_Actor]:
    """One or two actors of an abnormal kind that enter (or fall) at a random time after the lead-in."""
    latest = max(LEAD_IN, min(0.6 * frames, frames - 1.8 * config.rate))
    actors = []
    for _ in range(2 if frames >= 200 and rng.random() < 0.4 else 1):
        way = _way(config, camera, rng, _MARGINS.get(kind, 0.6))
        first = rng.uniform(LEAD_IN, latest) / config.rate
        height = config.person_height_px * rng.uniform(0.92, 1.08)
        speed = rng.uniform(0.65, 0.95) * rng.uniform(*_SPEEDS.get(kind, (1.0, 1.0)))
        parts = _person(rng)
        if kind == "cycling":
            parts += _bicycle_parts(rng)
        if kind == "cart":
            parts += _cart_parts(rng)
        look, gait = _cut(parts, rng), _gait(rng, kind == "running")
        actor = _Actor(kind, look, gait, height, speed, first, **way)
        if kind == "falling":
            before = rng.uniform(0.3, 0.7) * way["length"] / (height * speed)
            rise = first + _FALL_S + rng.uniform(1.5, 4) if rng.random() < 0.6 else np.inf
            actor = replace(actor, start_s=first - before, fall_s=first, rise_s=rise)
        actors.append(actor)
    return actors


# --- Drawing ------------------------------------------------------------------------------------------------

_OVERSAMPLING = 3
_SHIFT = 4
_RING = np.linspace(0, 2 * pi, len(_CAPSULE), endpoint=False)


def _corners(camera: _Camera, actor: _Actor, time: float) -> tuple[NDArray[np.float64], list[int]]:
    """Corners of all polygons of an actor in the picture (P×K×2), first the shadow's; and the order to fill them."""
    walked = actor.distance(time) * actor.height
    x, z = actor.x + walked * cos(actor.heading), actor.z + walked * sin(actor.heading)
    foot_x, foot_y, scale = camera.see(x, z)
    facing = actor.heading + (pi if actor.kind == "backwards" else 0.0)
    c, s, unit = cos(facing), sin(facing), actor.height * scale

    def place(forward: NDArray[np.float64], left: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64]:
        right, away = forward * c - left * s, forward * s + left * c
        tilt = camera.elevation * scale / camera.focal
        return np.stack([foot_x + unit * right, foot_y - unit * (up + tilt * away)], -1)

    joints, look = actor.joints(time), actor.look
    ends = place(*joints.T)[look.joints_P2]
    radii = unit * (abs(c) * look.side_P2 + abs(s) * look.front_P2)
    way = ends[:, 1] - ends[:, 0]
    length = np.hypot(way[:, 0], way[:, 1])[:, None]
    along = np.where(length > 1e-6, way / np.maximum(length, 1e-6), [1.0, 0.0])
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    # The light comes from the upper left, whichever way a limb points.
    across[look.shade_P & (across @ [0.5, 1.0] < 0)] *= -1
    t = look.corners_PK3[..., :1]
    radius = radii[:, None, :1] + t * (radii[:, None, 1:] - radii[:, None, :1])
    body = (
        ends[:, None, 0]
        + t * way[:, None]
        + radius * (look.corners_PK3[..., 1:2] * along[:, None] + look.corners_PK3[..., 2:] * across[:, None])
    )
    low, high = joints[:, 0].min(), joints[:, 0].max()
    shadow = place((low + high) / 2 + (0.08 + 0.4 * (high - low)) * np.cos(_RING), 0.16 * np.sin(_RING), 0 * _RING)
    # Rounded, for a heading of pi has a sine just off 0, and equally far parts must keep their order.
    away = (joints[:, 0] * s + joints[:, 1] * c)[look.joints_P2].mean(1).round(6)
    order = [0, *(1 + np.argsort(-away, kind="stable"))]
    return np.concatenate([shadow[None], body]), order


def _draw(image: Image, camera: _Camera, actor: _Actor, time: float) -> tuple[int, int, int, int] | None:
    """Draw an actor into `image`; answer with the box of the pixels that it touched, if any."""
    corners, order = _corners(camera, actor, time)
    size = np.array(image.shape[1::-1])
    x0, y0 = np.clip(np.floor(corners.min((0, 1))).astype(int) - 1, 0, size)
    x1, y1 = np.clip(np.ceil(corners.max((0, 1))).astype(int) + 2, 0, size)
    if x0 >= x1 or y0 >= y1:
        return None
    canvas = np.zeros(((y1 - y0) * _OVERSAMPLING, (x1 - x0) * _OVERSAMPLING, 4), np.uint8)
    fixed = np.rint((((corners - (x0, y0)) * _OVERSAMPLING) - 0.5) * (1 << _SHIFT)).astype(np.int32)
    colours = [(0, 0, 0, 80), *actor.look.colours]
    for i in order:
        cv2.fillConvexPoly(canvas, fixed[i], colours[i], cv2.LINE_8, _SHIFT)
    figure = cv2.resize(canvas, (int(x1 - x0), int(y1 - y0)), interpolation=cv2.INTER_AREA)
    region, alpha = image[y0:y1, x0:x1], figure[..., 3:]
    region[:] = figure[..., :3] + (region * (np.uint16(256) - alpha) >> 8)
    rows, columns = np.flatnonzero(alpha.any((1, 2))), np.flatnonzero(alpha.any((0, 2)))
    if not len(rows):
        return None
    return int(x0 + columns[0]), int(y0 + rows[0]), int(x0 + columns[-1] + 1), int(y0 + rows[-1] + 1)


def _cloud(rng: np.random.Generator, height: int, width: int, cell: float) -> NDArray[np.float32]:
    """Smooth noise of several scales, the coarsest `cell` pixels; about unit variance."""
    total = np.zeros((height, width), np.float32)
    for octave in range(4):
        step = max(1.0, cell / 2**octave)
        coarse = rng.standard_normal((ceil(height / step) + 1, ceil(width / step) + 1)).astype(np.float32)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * 0.7**octave
    return total / total.std()


def _scenery(config: StreetConfig, camera: _Camera) -> tuple[Image, NDArray[np.float32]]:
    """The empty street, and how far each pixel sways in the wind (0 to 1): wall, hedge, grass, paving, road."""
    rng = np.random.default_rng(config.background_seed)
    h, w, tall = config.height, config.width, config.person_height_px
    y, x = np.mgrid[:h, :w].astype(np.float32)
    scale = np.maximum((y - camera.horizon) / camera.elevation, 0.05)
    ground_x, ground_z = (x - camera.centre) / scale / tall, camera.focal / scale / tall
    fine, coarse = _cloud(rng, h, w, 4), _cloud(rng, h, w, 40)
    near, far = (camera.see(0, camera.focal / s)[1] for s in (camera.near, camera.far))

    def paint(where: NDArray[np.bool_], level: float, rough: float, colour: tuple[float, float, float]) -> None:
        shade = level + rough * (fine + 0.6 * coarse)
        image[where] = (shade[..., None] * np.array(colour, np.float32))[where]

    image = np.zeros((h, w, 3), np.float32)
    wall = rng.uniform(0.85, 1.1, 3)
    paint(y >= 0, rng.uniform(115, 165), 6, (1.08 * wall[0], wall[1], 0.9 * wall[2]))
    brick_x, brick_y = tall * 0.3, tall * 0.12
    image[(y % brick_y < 1) | ((x + (y // brick_y % 2) * brick_x / 2) % brick_x < 1)] *= 0.88
    for left in np.arange(rng.uniform(0, tall), w, tall * rng.uniform(1.3, 2.2)):
        pane = (x > left) & (x < left + 0.55 * tall) & (y < far - 1.5 * tall) & ((far - y) % (1.5 * tall) < 0.9 * tall)
        paint(pane, 62, 5, (0.9, 1.0, 1.15))
    top = far - tall * camera.far * (0.75 + 0.12 * _cloud(rng, 1, w, 30))
    hedge = (y > top) & (y < far - 0.1 * tall)
    paint(hedge, rng.uniform(70, 95), 17, (0.75, 1.05, 0.5))
    paint(y >= far - 0.15 * tall, rng.uniform(90, 115), 9, (0.9, 1.1, 0.6))
    paving = y >= far - 0.06 * tall
    paint(paving, rng.uniform(135, 170), 5, (1.02, 1.0, 0.95))
    image[paving & ((ground_x % 0.9 < 0.035) | (ground_z % 0.9 < 0.05))] *= 0.82
    if config.camera == "side":
        paint(y >= near + 0.12 * tall, 190, 6, (1, 1, 1))
        paint(y >= near + 0.2 * tall, rng.uniform(70, 95), 5, (1.0, 1.0, 1.03))
    else:
        image[paving & (_cloud(rng, h, w, 70) > 1)] *= 0.88
    sway = np.where(hedge, np.clip((far - y) / (0.6 * tall), 0, 1), 0)
    sway = np.asarray(cv2.GaussianBlur(sway.astype(np.float32), (0, 0), 1.5), np.float32)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 0.6), 0, 255).astype(np.uint8), sway


def _empty_street(config: StreetConfig, camera: _Camera) -> Callable[[float], Image]:
    """A function of the time in seconds that gives the street without people, its foliage in the wind."""
    image, sway = _scenery(config, camera)
    rows = np.flatnonzero(sway.max(1) * config.sway > 0.02)
    if not len(rows):
        return lambda time: image.copy()
    band = slice(int(rows[0]), int(rows[-1]) + 1)
    y, x = np.mgrid[band, : config.width].astype(np.float32)
    wave = 0.07 * x + 0.11 * y
    reach_sin, reach_cos = config.sway * sway[band] * np.sin(wave), config.sway * sway[band] * np.cos(wave)
    y -= band.start

    def at(time: float) -> Image:
        picture = image.copy()
        gust = 0.6 + 0.4 * sin(0.35 * time)
        shift = gust * sin(2.6 * time) * reach_cos + gust * cos(2.6 * time) * reach_sin
        picture[band] = cv2.remap(
            image[band], x + shift, y + 0.4 * shift, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return picture

    return at


def _exposure(config: StreetConfig, rng: np.random.Generator) -> Callable[[Image, float], Image]:
    """A function that makes the sensor's picture of a scene: drifting illumination, colour or grey, noise."""
    h, w = config.height, config.width
    # Frames cut their noise from one large sheet at random places: much faster than noise made anew.
    sheet = rng.normal(128, 32, (2 * h, 2 * w, 3 if config.colour else 1))
    sheet = np.repeat(sheet, 1 if config.colour else 3, 2).clip(0, 255).astype(np.uint8)
    periods, phases = rng.uniform(15, 60, 2), rng.uniform(0, 2 * pi, 2)

    def expose(image: Image, time: float) -> Image:
        scene: Any = image
        if not config.colour:
            scene = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        gain = 1 + config.drift / 2 * float(np.sin(2 * pi * time / periods + phases).sum())
        top, left = rng.integers(h), rng.integers(w)
        grain = sheet[top : top + h, left : left + w]
        return np.asarray(cv2.addWeighted(scene, gain, grain, config.noise / 32, -128 * config.noise / 32), np.uint8)

    return expose


# --- Clips --------------------------------------------------------------------------------------------------


def make_clip(
    config: StreetConfig, seed: int, frames: int, anomaly: str | None
) -> Iterator[tuple[Image, list[AbnormalBox]]]:
    """Footage of the street, the same for the same arguments, one frame at a time.

    The seed alone decides about place of the normal walkers, noise and light: a clip with an anomaly differs from
    the one without only where the abnormal object is.

    Args:
        config: what the street looks like.
        seed: at least 0.
        frames: length of the clip, at least 1; with an anomaly at least `LEAD_IN` + 2 seconds.
        anomaly: one of `ANOMALIES`, of which one or two appear after `LEAD_IN` frames; None for normal footage.

    Yields:
        The picture (H×W×3 uint8 RGB) and the boxes of what is abnormal in it.

    Raises:
        ValueError: an unknown anomaly, or too few frames.
    """
    if anomaly is not None and anomaly not in ANOMALIES:
        raise ValueError(f"anomaly is {anomaly!r}; choose one of {', '.join(ANOMALIES)}, or None")
    shortest = 1 if anomaly is None else LEAD_IN + ceil(2 * config.rate)
    if frames < shortest:
        raise ValueError(f"frames is {frames}; a clip with anomaly {anomaly} needs at least {shortest}")
    return _play(config, seed, frames, anomaly)


def _play(
    config: StreetConfig, seed: int, frames: int, anomaly: str | None
) -> Iterator[tuple[Image, list[AbnormalBox]]]:
    crowd_rng, culprit_rng, sensor_rng = (np.random.default_rng([seed, stream]) for stream in range(3))
    camera = _camera(config)
    crowd = _crowd(config, camera, crowd_rng, frames / config.rate)
    culprits = [] if anomaly is None else _culprits(anomaly, config, camera, culprit_rng, frames)
    street, expose = _empty_street(config, camera), _exposure(config, sensor_rng)
    for index in range(frames):
        time = index / config.rate
        image = street(time)
        boxes = []
        present = [a for a in crowd + culprits if a.start_s <= time <= a.end_s()]
        for actor in sorted(present, key=lambda a: -a.depth(time)):
            box = _draw(image, camera, actor, time)
            if box and actor.abnormal(time):
                boxes.append(AbnormalBox(culprits.index(actor), actor.kind, *map(float, box)))
        yield expose(image, time), boxes


def write_street(
    root: Path,
    config: StreetConfig,
    seed: int,
    train_clips: int,
    train_frames: int,
    test_clips: int,
    test_frames: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a data set in the layout of `ssmtl.datasets.own`, whole or not at all.

    The test clips take the anomalies in turn.

    Besides that layout there is `tracks/<clip>.txt` for each test clip, with rows
    `track_id,frame_id,x_min,y_min,x_max,y_max` in inclusive pixels.

    Args:
        root: a folder that is new or empty.
        config: what the street looks like.
        seed: at least 0; each clip derives its own from it.
        train_clips: number of clips of normal footage.
        train_frames: length of each.
        test_clips: number of clips with an anomaly.
        test_frames: length of each.
        progress: called after each frame with the frames written so far and those of the whole data set.

    Raises:
        OutputError: `root` holds something already, or cannot be written.
        ValueError: too few frames, see `make_clip`.
    """
    claim_output(root, overwrite=False)
    plan: list[tuple[str, str, int, str | None]] = [
        ("normal", f"normal_{i + 1:02d}", train_frames, None) for i in range(train_clips)
    ]
    plan += [("test", f"test_{i + 1:02d}", test_frames, ANOMALIES[i % len(ANOMALIES)]) for i in range(test_clips)]
    seeds = np.random.SeedSequence(seed).generate_state(max(1, len(plan)))[: len(plan)]
    rows, done, total = ["clip,first,last,kind"], 0, sum(frames for _, _, frames, _ in plan)
    with atomic_folder(root) as folder:
        for (part, name, frames, anomaly), clip_seed in zip(plan, seeds, strict=True):
            (folder / part).mkdir(exist_ok=True)
            boxes: list[tuple[int, AbnormalBox]] = []
            with VideoWriter(folder / part / f"{name}.mp4", config.width, config.height, config.rate) as writer:
                for index, (image, found) in enumerate(make_clip(config, int(clip_seed), frames, anomaly)):
                    writer.write(image)
                    boxes += [(index, box) for box in found]
                    done += 1
                    if progress:
                        progress(done, total)
            if part == "test":
                write_text(folder / "tracks" / f"{name}.txt", "".join(map(_track_row, boxes)))
                rows += [f"{name},{first},{last},{kind}" for first, last, kind in _intervals(boxes)]
        write_text(folder / "abnormal.csv", "\n".join(rows) + "\n")


def _track_row(entry: tuple[int, AbnormalBox]) -> str:
    index, box = entry
    return f"{box.track},{index},{box.x_min:.0f},{box.y_min:.0f},{box.x_max - 1:.0f},{box.y_max - 1:.0f}\n"


def _intervals(boxes: list[tuple[int, AbnormalBox]]) -> list[tuple[int, int, str]]:
    """First frame, last frame and kind of each unbroken stretch of a track."""
    found: list[tuple[int, int, str]] = []
    for track in sorted({box.track for _, box in boxes}):
        indices = [(index, box.kind) for index, box in boxes if box.track == track]
        for index, kind in indices:
            if found and found[-1][1] == index - 1 and index != indices[0][0]:
                found[-1] = (found[-1][0], index, kind)
            else:
                found.append((index, index, kind))
    return found

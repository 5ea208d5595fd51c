"""Who is on the street: where everybody goes, when, and who of them is abnormal."""

from dataclasses import dataclass, replace
from math import cos, hypot, sin

import numpy as np

from ssmtl.datasets.street.camera import Camera
from ssmtl.datasets.street.config import ANOMALIES, LEAD_IN, StreetConfig
from ssmtl.datasets.street.figure import Look, cut
from ssmtl.datasets.street.people import Gait, Joints, on_foot, person_parts, random_gait
from ssmtl.datasets.street.vehicles import bicycle_parts, cart_parts, in_cart, on_bicycle

_FALL_S, _RISE_S = 0.6, 1.2
"""Seconds that it takes to fall and to get up."""

_SPEEDS = {"running": (2.5, 3.5), "cycling": (3.0, 4.0), "cart": (1.8, 2.8)}
"""Multiples of a walking speed."""

_MARGINS = {"cycling": 0.75, "cart": 0.95}
"""Body heights outside the picture at which somebody is out of sight; 0.6 on foot."""


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """Somebody on a straight way over the ground; `fall_s` and `rise_s` are infinite for who does not fall."""

    kind: str
    look: Look
    gait: Gait
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
        """Seconds at which the actor is gone; never for who falls and stays down."""
        lost = 0.0 if np.isinf(self.fall_s) else self.rise_s + _RISE_S - self.fall_s
        return self.start_s + self.length / (self.height * self.speed) + lost

    def distance(self, time: float) -> float:
        """Body heights from the start; who falls slides on a little while falling and goes on when up again."""
        slide = 0.2 * min(1.0, max(0.0, time - self.fall_s) / _FALL_S)
        after = max(0.0, time - self.rise_s - _RISE_S)
        return self.speed * (min(time, self.fall_s) - self.start_s + slide + after)

    def depth(self, time: float) -> float:
        """Distance from the camera, on the ground."""
        return self.z + self.distance(time) * self.height * sin(self.heading)

    def fallen(self, time: float) -> float:
        """From 0 (upright) to 1 (lying)."""
        falling = min(1.0, max(0.0, (time - self.fall_s) / _FALL_S)) ** 2
        rising = min(1.0, max(0.0, (time - self.rise_s) / _RISE_S))
        return falling - rising**2 * (3 - 2 * rising)

    def abnormal(self, time: float) -> bool:
        """Whether this is an anomaly now; who falls is one until up again."""
        if self.kind == "falling":
            return self.fall_s <= time < self.rise_s + _RISE_S
        return self.kind in ANOMALIES

    def joints(self, time: float) -> Joints:
        """Joints of the figure and of what it rides, from the point of the ground below it."""
        distance = self.distance(time)
        if self.kind == "cycling":
            return on_bicycle(self.gait, distance)
        if self.kind == "cart":
            return in_cart(self.gait, distance)
        # A film of a walker played backwards: the gait runs back, and the figure faces where it came from.
        return on_foot(self.gait, -distance if self.kind == "backwards" else distance, self.fallen(time))


def _way(config: StreetConfig, camera: Camera, rng: np.random.Generator, margin: float) -> dict[str, float]:
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


def make_crowd(config: StreetConfig, camera: Camera, rng: np.random.Generator, seconds: float) -> list[Actor]:
    """Normal walkers, alone and in pairs, whose arrivals keep the mean number of people."""
    actors: list[Actor] = []
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
            look, gait = cut(person_parts(rng), rng), random_gait(rng, running=False)
            actors.append(Actor("walking", look, gait, height, speed, time, **way))
            shift = 0.5 * height
            way = way | {"x": way["x"] - shift * sin(way["heading"]), "z": way["z"] + shift * cos(way["heading"])}
            height *= rng.uniform(0.94, 1.06)
            speed = actors[-1].speed * actors[-1].height / height
    return actors


def make_culprits(
    kind: str, config: StreetConfig, camera: Camera, rng: np.random.Generator, frames: int
) -> list[Actor]:
    """One or two actors of an abnormal kind that enter (or fall) at a random time after the lead-in."""
    latest = max(LEAD_IN, min(0.6 * frames, frames - 1.8 * config.rate))
    actors = []
    for _ in range(2 if frames >= 200 and rng.random() < 0.4 else 1):
        way = _way(config, camera, rng, _MARGINS.get(kind, 0.6))
        first = rng.uniform(LEAD_IN, latest) / config.rate
        height = config.person_height_px * rng.uniform(0.92, 1.08)
        speed = rng.uniform(0.65, 0.95) * rng.uniform(*_SPEEDS.get(kind, (1.0, 1.0)))
        parts = person_parts(rng)
        if kind == "cycling":
            parts += bicycle_parts(rng)
        if kind == "cart":
            parts += cart_parts(rng)
        look, gait = cut(parts, rng), random_gait(rng, kind == "running")
        actor = Actor(kind, look, gait, height, speed, first, **way)
        if kind == "falling":
            before = rng.uniform(0.3, 0.7) * way["length"] / (height * speed)
            rise = first + _FALL_S + rng.uniform(1.5, 4) if rng.random() < 0.6 else np.inf
            actor = replace(actor, start_s=first - before, fall_s=first, rise_s=rise)
        actors.append(actor)
    return actors

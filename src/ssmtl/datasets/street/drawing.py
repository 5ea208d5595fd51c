"""Actors into a picture: their polygons as the camera sees them, and their shadow."""

from math import cos, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.street.actors import Actor
from ssmtl.datasets.street.camera import Camera, Image
from ssmtl.datasets.street.figure import CAPSULE

_OVERSAMPLING = 3
_SHIFT = 4
_RING = np.linspace(0, 2 * pi, len(CAPSULE), endpoint=False)


def _corners(camera: Camera, actor: Actor, time: float) -> tuple[NDArray[np.float64], list[int]]:
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


def draw(image: Image, camera: Camera, actor: Actor, time: float) -> tuple[int, int, int, int] | None:
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

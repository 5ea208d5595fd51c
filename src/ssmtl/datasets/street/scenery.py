"""The street without people: wall, hedge, ground, and the foliage in the wind."""

from collections.abc import Callable
from math import ceil, cos, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.street.camera import Camera, Image
from ssmtl.datasets.street.config import StreetConfig


def _cloud(rng: np.random.Generator, height: int, width: int, cell: float) -> NDArray[np.float32]:
    """Smooth noise of several scales, the coarsest `cell` pixels; about unit variance."""
    total = np.zeros((height, width), np.float32)
    for octave in range(4):
        step = max(1.0, cell / 2**octave)
        coarse = rng.standard_normal((ceil(height / step) + 1, ceil(width / step) + 1)).astype(np.float32)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * 0.7**octave
    return total / total.std()


def _scenery(config: StreetConfig, camera: Camera) -> tuple[Image, NDArray[np.float32]]:
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


def empty_street(config: StreetConfig, camera: Camera) -> Callable[[float], Image]:
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

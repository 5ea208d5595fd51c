"""Speed against what is usual at a place."""

import cv2
import numpy as np
import pytest

from ssmtl.scoring.speed import SpeedSettings, UsualSpeed, learn_usual_speed, measure_speeds
from ssmtl.sequences.crop import crop

CHANCE = np.random.default_rng(0)
TEXTURE = cv2.GaussianBlur(CHANCE.integers(0, 255, (240, 900, 3), np.uint8), (0, 0), 2)


def clip(speed: float, channels: int) -> list[np.ndarray]:
    """Seven pictures of a texture that moves to the left."""
    shift = [np.array([[1, 0, -100 - speed * t], [0, 1, 0]], np.float32) for t in range(7)]
    pictures = [cv2.warpAffine(TEXTURE, one, (400, 240)) for one in shift]
    return [picture if channels == 3 else picture[..., :1] for picture in pictures]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("speed", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("padding", [0.0, 0.1])
def test_pixels_of_the_picture_per_frame(speed: float, channels: int, padding: float) -> None:
    """Whatever the size of the box."""
    boxes = np.array([[100, 60, 150, 120], [200, 50, 230, 110], [50, 40, 170, 200]], np.float32)
    pictures = crop(clip(speed, channels)[1:6], boxes, padding)
    assert measure_speeds(pictures, boxes, padding) == pytest.approx([speed] * 3, abs=0.15 + 0.08 * speed)


def test_what_leaves_the_crop_is_measured_too_slow_but_fast() -> None:
    """Within two frames, 8 pixels of a crop that shows 36."""
    boxes = np.array([[200, 50, 230, 110], [50, 40, 170, 200]], np.float32)
    narrow, wide = measure_speeds(crop(clip(4.0, 1)[1:6], boxes, 0.1), boxes, 0.1)
    assert 3 < narrow < 4.5 and wide == pytest.approx(4.0, abs=0.47)


def test_no_objects() -> None:
    assert measure_speeds(np.zeros((0, 1, 5, 64, 64), np.uint8), np.zeros((0, 4), np.float32), 0.1).shape == (0,)


def box(x: float, y: float) -> list[float]:
    return [x - 10, y - 40, x + 10, y]


def test_fast_here_is_usual_there() -> None:
    """On the left all walk, on the right all run: a runner stands out where people walk."""
    x = CHANCE.uniform(20, 340, 2000)
    places = np.array([box(a, b) for a, b in zip(x, CHANCE.uniform(60, 230, 2000), strict=True)], np.float32)
    speeds = (np.where(x < 180, 1.0, 5.0) * CHANCE.uniform(0.8, 1.2, 2000)).astype(np.float32)
    usual = learn_usual_speed(speeds, places, (240, 360), SpeedSettings(neighbours=50))
    asked = np.array([box(60, 100), box(300, 100), box(60, 100), box(-50, 500)], np.float32)
    left, right, walker, outside = usual.scores(np.array([5, 5, 1, 1], np.float32), asked)
    assert left > 10 and abs(right) < 1 and abs(walker) < 1 and abs(outside) < 1


def test_one_in_twenty_exceeds_1() -> None:
    places = np.array([box(*p) for p in CHANCE.uniform([20, 60], [340, 230], (4000, 2))], np.float32)
    speeds = CHANCE.gamma(4, 1, 4000).astype(np.float32)
    found = learn_usual_speed(speeds, places, (240, 360), SpeedSettings()).scores(speeds, places)
    assert (found > 1).mean() == pytest.approx(0.05, abs=0.015)
    assert (found > 0).mean() == pytest.approx(0.5, abs=0.03)


def test_several_scenes_are_one_place() -> None:
    usual = learn_usual_speed(np.ones(20, np.float32), np.array([box(50, 90)] * 20, np.float32), None, SpeedSettings())
    assert usual.median_HW.shape == (1, 1) and usual.median_HW[0, 0] == 1
    assert np.isfinite(usual.scores(np.array([9], np.float32), np.array([box(900, 800)], np.float32))).all()


def test_one_object_is_enough() -> None:
    usual = learn_usual_speed(np.ones(1, np.float32), np.array([box(50, 90)], np.float32), (240, 360), SpeedSettings())
    assert isinstance(usual, UsualSpeed) and (usual.high_HW > usual.median_HW).all()

"""How objects move, against what is usual."""

from typing import ClassVar

import cv2
import numpy as np
import pytest

from ssmtl.scoring.attributes import MOVES, attribute_scores, learn_usual, relevance
from ssmtl.scoring.motion import Motion, _starts, measure_motion
from ssmtl.scoring.pattern import PatternSettings, learn_patterns
from ssmtl.scoring.speed import SpeedSettings, UsualSpeed, learn_usual_speed
from ssmtl.sequences.crop import crop, shown_sizes

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
    found = measure_motion(pictures, shown_sizes(boxes, padding, 240, 400))
    assert found.speed_N == pytest.approx([speed] * 3, abs=0.15 + 0.08 * speed)
    lengths, across, along = found.cells_NK.reshape(3, 3, 16).transpose(1, 0, 2)
    # At the crop's left side what moves comes from outside it.
    inner = np.arange(16).reshape(4, 4)[:, 1:].ravel()
    assert np.median(lengths[:, inner]) == pytest.approx(speed, abs=0.1 + 0.05 * speed)
    assert np.median(across[:, inner]) == pytest.approx(speed, abs=0.1 + 0.05 * speed) and along.mean() < 0.25


@pytest.mark.parametrize("speed", [4.0, 6.0, 8.0])
def test_who_is_nearly_out_of_the_crop_within_two_frames(speed: float) -> None:
    """Up to 16 pixels of a crop that shows 36."""
    boxes = np.array([[200, 50, 230, 110], [50, 40, 170, 200]], np.float32)
    shown = shown_sizes(boxes, 0.1, 240, 400)
    narrow, wide = measure_motion(crop(clip(speed, 1)[1:6], boxes, 0.1), shown).speed_N
    assert narrow == pytest.approx(speed, rel=0.1) and wide == pytest.approx(speed, rel=0.05)


def test_at_the_edge_of_the_picture() -> None:
    """Where there is no context on one side, or on any, what moves is as fast."""
    boxes = np.array([[0, 60, 40, 120], [360, 180, 400, 240], [0, 0, 400, 240]], np.float32)
    found = measure_motion(crop(clip(2.0, 1)[1:6], boxes, 0.5), shown_sizes(boxes, 0.5, 240, 400))
    assert found.speed_N == pytest.approx([2.0] * 3, abs=0.2)


class Known:
    """A search that knows how far, and like OpenCV's writes it over what it begins with."""

    def calc(self, one: np.ndarray, later: np.ndarray, flow: np.ndarray) -> np.ndarray:
        flow[:] = (-4, 0)
        return flow


@pytest.mark.parametrize(("pace", "found"), [(8, -8.0), (0, 0.0)])
def test_a_start_is_believed_where_it_is_better_than_none(pace: int, found: float) -> None:
    pictures = [np.ascontiguousarray(TEXTURE[90:154, 100 + pace * t : 164 + pace * t, 0]) for t in range(5)]
    for start_HW2 in _starts(Known(), pictures):  # type: ignore[arg-type]
        assert np.median(start_HW2[..., 0]) == found and not start_HW2[..., 1].any()


def test_each_is_measured_as_if_alone() -> None:
    """Slow and fast ones, which are searched for in other ways."""
    boxes = np.array([[200, 50, 230, 110], [50, 40, 170, 200]] * 2, np.float32)
    pictures = np.concatenate([crop(clip(speed, 1)[1:6], boxes[:2], 0.1) for speed in (6.0, 1.0)])
    shown = shown_sizes(boxes, 0.1, 240, 400)
    together = measure_motion(pictures, shown)
    for n in range(4):
        alone = measure_motion(pictures[n : n + 1], shown[n : n + 1])
        assert np.array_equal(alone.speed_N, together.speed_N[n : n + 1])
        assert np.array_equal(alone.cells_NK, together.cells_NK[n : n + 1])


def test_no_objects() -> None:
    nothing = np.zeros((0, 4), np.float32)
    motion = measure_motion(np.zeros((0, 1, 5, 64, 64), np.uint8), nothing[:, :2])
    assert motion.speed_N.shape == (0,) and motion.cells_NK.shape == (0, 48)
    attributes = (SpeedSettings(), PatternSettings())
    usual = learn_usual(
        Motion(np.ones(3, np.float32), np.ones((3, 48), np.float32)), BOXES, WHOLE, (240, 360), attributes
    )
    assert attribute_scores(motion, nothing, usual, attributes).shape == (0, 2)


BOXES = np.array([[100, 60, 120, 120]] * 3, np.float32)
WHOLE = np.ones(3, bool)


def test_the_arrow_of_time_says_nothing_of_who_stands_still() -> None:
    """Usual is a speed of 2; half of MOVES of it counts half."""
    walked = Motion(np.full(3, 2, np.float32), np.ones((3, 48), np.float32))
    usual = learn_usual(walked, BOXES, WHOLE, (240, 360), (SpeedSettings(),))
    asked = Motion(np.array([0, MOVES, 5], np.float32), np.ones((3, 48), np.float32))
    found = relevance(["speed", "arrow_of_time", "middle_box"], asked, BOXES, usual)
    assert found.tolist() == [[1, 0, 1], [1, 0.5, 1], [1, 1, 1]]
    assert relevance(["speed", "middle_box"], asked, BOXES, usual).tolist() == [[1, 1]] * 3


def test_where_nobody_moves_noise_is_no_motion() -> None:
    """Twice of what speeds are taken to differ by at least is enough: 0.32 pixels at 360×640."""
    noise = np.abs(CHANCE.normal(0.08, 0.03, 500)).astype(np.float32)
    boxes = np.repeat(BOXES[:1], 500, axis=0)
    usual = learn_usual(
        Motion(noise, np.ones((500, 48), np.float32)), boxes, np.ones(500, bool), (360, 640), (SpeedSettings(),)
    )
    asked = Motion(np.array([0.08, 0.16, 0.32, 2], np.float32), np.ones((4, 48), np.float32))
    found = relevance(["arrow_of_time"], asked, boxes[:4], usual).ravel()
    assert found == pytest.approx([0.25, 0.5, 1, 1])


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


def walkers(count: int, pace: np.ndarray | float, swing: int = 12) -> Motion:
    """Objects of which all cells move by `pace`, and that of one leg twice as fast."""
    cells = np.ones((count, 3, 16)) * np.array([1, 1, 0.1])[:, None] * CHANCE.uniform(0.9, 1.1, (count, 3, 16))
    cells[:, :, swing] *= 2
    rates = np.broadcast_to(np.asarray(pace, np.float64), (count,))
    return Motion(rates.astype(np.float32), (cells * rates[:, None, None]).reshape(count, 48).astype(np.float32))


class TestPatterns:
    PLACES: ClassVar = np.array([box(*p) for p in CHANCE.uniform([20, 60], [340, 230], (2000, 2))], np.float32)
    SHAPE = (240, 360)

    def scores(self, motion: Motion, places: np.ndarray, pace: np.ndarray | float = 1.5, **settings: int) -> np.ndarray:
        """Against 2000 walkers of that pace."""
        seen = walkers(2000, pace)
        usual = learn_usual_speed(seen.speed_N, self.PLACES, self.SHAPE, SpeedSettings(neighbours=50))
        patterns = learn_patterns(seen, self.PLACES, usual, self.SHAPE, PatternSettings(**settings))
        return patterns.scores(motion, places, usual)

    def test_who_moves_otherwise_stands_out(self) -> None:
        """Faster, or as fast with the other leg; both more than anyone who walks."""
        ordinary = self.scores(walkers(200, 1.5), self.PLACES[:200])
        for other in (walkers(200, 3.0), walkers(200, 1.5, swing=3)):
            assert self.scores(other, self.PLACES[:200]).min() > 2 * ordinary.max()

    def test_in_units_of_what_is_usual_at_the_place(self) -> None:
        """Twice as fast in the front as behind: who walks as people do there is as usual in both."""
        pace = np.where(self.PLACES[:, 3] > 150, 3.0, 1.5)
        near, far = (np.flatnonzero(self.PLACES[:, 3] > 180)[:50], np.flatnonzero(self.PLACES[:, 3] < 120)[:50])
        right = [self.scores(walkers(50, p), self.PLACES[i], pace).mean() for p, i in ((3.0, near), (1.5, far))]
        swapped = [self.scores(walkers(50, p), self.PLACES[i], pace).mean() for p, i in ((1.5, near), (3.0, far))]
        assert right[0] == pytest.approx(right[1], rel=0.2) and min(swapped) > 2 * max(right)

    def test_a_known_one_among_few(self) -> None:
        """Of one object, which all are compared with, it has no distance to itself; more neighbours than there are."""
        one = walkers(1, 1.5)
        usual = learn_usual_speed(one.speed_N, self.PLACES[:1], None, SpeedSettings())
        patterns = learn_patterns(one, self.PLACES[:1], usual, None, PatternSettings())
        assert patterns.scores(one, self.PLACES[:1], usual) == pytest.approx([0], abs=1e-3)

    def test_few_are_kept(self) -> None:
        assert self.scores(walkers(5, 1.5), self.PLACES[:5], kept=20, components=48).shape == (5,)

    def test_where_all_stand_still_a_step_is_finite(self) -> None:
        found = self.scores(walkers(5, 1.0), self.PLACES[:5], 0.0)
        assert np.isfinite(found).all() and found.max() < 100

"""The first look over footage, on frames in memory."""

from collections.abc import Iterator

import numpy as np
import pytest

from ssmtl.sequences.survey import spread, survey
from ssmtl.video.frame import Frame

from ..regions.pictures import moving_square, texture, to_frames


class Frames:
    """A source of frames in memory; what it says of its length may be wrong."""

    name, rate, undecodable = "clip", 25.0, 0

    def __init__(self, frames: list[Frame], expected_frames: int | None = None):
        self.frames = frames
        self.expected_frames = expected_frames

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.frames)


def numbered(count: int) -> list[Frame]:
    return [Frame(i, 0.0, np.full((2, 2, 3), i % 256, np.uint8)) for i in range(count)]


@pytest.mark.parametrize(
    ("count", "expected", "limit"),
    [(0, None, 4), (1, None, 4), (3, 3, 4), (7, None, 4), (100, 100, 10), (200, 100, 10), (200, None, 10), (200, 9999, 10)],
)
def test_spread(count: int, expected: int | None, limit: int) -> None:
    kept = [int(image[0, 0, 0]) for image in spread(Frames(numbered(count), expected), limit)]
    steps = set(np.diff(kept).tolist())
    assert len(kept) <= 2 * limit and len(steps) <= 1, "evenly spread"
    assert len(kept) >= (1 if expected == 9999 else min(count, limit))
    if count:
        assert kept[0] == 0


@pytest.mark.parametrize("tint", [0, 1, 60])
def test_grey_or_colour(tint: int) -> None:
    frames = to_frames([texture()] * 3)
    frames[-1].image[40:80, 40:80, 0] -= np.uint8(min(tint, 20))
    frames[-1].image[40:80, 40:80, 2] += np.uint8(tint)
    grey_clip = Frames(to_frames([texture()] * 3))
    assert survey([grey_clip, Frames(frames)]).is_grey is (tint <= 1)


def test_the_scene_is_the_background_without_what_moves() -> None:
    scene = survey([Frames(moving_square(24, step=9)), Frames(to_frames([texture()] * 24))]).scene
    assert scene is not None
    assert np.abs(scene.background.astype(int) - texture()).max() <= 1


@pytest.mark.parametrize(
    "clips",
    [
        [[]],
        [[texture()] * 5, [texture(60, 80)] * 5],
        [[texture(low=0, high=100)] * 5, [texture(low=150, high=250)] * 5],
    ],
    ids=["no pictures", "two sizes", "two places"],
)
def test_no_scene(clips: list[list[np.ndarray]]) -> None:
    assert survey([Frames(to_frames(pictures)) for pictures in clips]).scene is None


def test_heights_follow_the_row() -> None:
    """Movers are half as high as the row of their feet, and those that the edge cuts off do not count."""
    flat = np.full((180, 320), 100, np.uint8)
    pictures = []
    for i in range(60):
        picture = flat.copy()
        feet = 60 + 2 * (i % 50)
        picture[feet - feet // 2 : feet, 20 + 4 * i : 40 + 4 * i] = 220
        picture[160:180, 280:320] = 220 if i % 4 == 0 else 100
        pictures.append(picture)
    scene = survey([Frames(to_frames(pictures))]).scene
    assert scene is not None
    for feet in (80, 110, 150):
        assert scene.typical_height(feet) == pytest.approx(feet / 2, rel=0.15)


def test_too_little_moves_to_tell_heights() -> None:
    scene = survey([Frames(to_frames([texture()] * 5))]).scene
    assert scene is not None and scene.typical_height(100) == 0

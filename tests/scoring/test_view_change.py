"""Pictures that change as a whole, and pictures in which something happens."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ssmtl.scoring.view_change import ViewChange, ViewSettings, ViewWatch

RATE, HEIGHT, WIDTH = 10, 180, 320
Picture = NDArray[np.uint8]


def scene(seed: int = 0) -> Picture:
    """Blurred noise: textured everywhere."""
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return np.asarray(cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def noisy(picture: Picture, seed: int) -> Picture:
    noise = np.random.default_rng(seed).normal(0, 6, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def dark(picture: Picture) -> Picture:
    return (picture * 0.35).astype(np.uint8)


def infrared(picture: Picture) -> Picture:
    grey = 255 - cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) // 2
    return np.repeat(grey[..., None], 3, axis=2)


def moved(picture: Picture) -> Picture:
    return np.roll(picture, 25, axis=1)


def covered(picture: Picture) -> Picture:
    return np.full_like(picture, 12)


def watch(pictures: list[Picture], settings: ViewSettings | None = None) -> tuple[list[ViewChange], list[bool]]:
    view = ViewWatch(settings or ViewSettings())
    found, changing = [], []
    for i, picture in enumerate(pictures):
        found.append(view.add(i, i / RATE, noisy(picture, i)))
        changing.append(view.changing)
    return [change for change in [*found, view.finish()] if change is not None], changing


@pytest.mark.parametrize("change", [dark, infrared, moved, covered])
@pytest.mark.parametrize("gradual", [1, 3])
def test_a_change_of_the_whole_picture_is_held_until_it_is_settled(
    change: Callable[[Picture], Picture], gradual: int
) -> None:
    before = scene()
    after = change(before)
    between = [cv2.addWeighted(before, 1 - k / gradual, after, k / gradual, 0) for k in range(1, gradual)]
    pictures = [before] * 30 + [np.asarray(p, np.uint8) for p in between] + [after] * 60
    changes, changing = watch(pictures)
    (only,) = changes
    assert 30 <= only.first_frame <= 30 + gradual
    assert not any(changing[:30]) and changing[only.first_frame]
    # Settled two seconds after the last time that the pictures half a second apart differed.
    assert only.end_s - only.start_s == pytest.approx(2.0 + 0.5, abs=0.35)
    assert not any(changing[only.last_frame :])


def test_two_switches_within_the_time_to_settle_are_one_change() -> None:
    a, b = scene(), dark(scene())
    changes, _ = watch([a] * 20 + [b] * 10 + [a] * 60)
    assert len(changes) == 1 and changes[0].first_frame == 20 and changes[0].end_s > 3 + 2


def test_a_change_at_the_end_ends_with_the_stream() -> None:
    changes, changing = watch([scene()] * 20 + [dark(scene())] * 5)
    assert changes == [ViewChange(20, 24, 2.0, 2.4)] and changing[-1]


def test_what_happens_in_the_scene_is_no_change_of_it() -> None:
    """A bus of 40 % of the picture drives through; dusk falls over two minutes."""
    pictures = []
    for i in range(200):
        picture = (scene() * (1 - 0.003 * i)).astype(np.uint8)
        left = -130 + 5 * i
        if left < WIDTH:
            picture[20:, max(0, left) : max(0, left + 130)] = 220
        pictures.append(picture)
    changes, changing = watch(pictures)
    assert changes == [] and not any(changing)


def test_grey_levels_and_share_are_settings() -> None:
    pictures = [scene()] * 20 + [dark(scene())] * 40
    assert watch(pictures, ViewSettings(levels=200))[0] == []

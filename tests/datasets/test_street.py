"""The synthetic street: reproducible, honest boxes, the speeds and shapes that it promises."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from ssmtl.datasets.own import OwnDataset
from ssmtl.datasets.street import ANOMALIES, LEAD_IN, AbnormalBox, StreetConfig, make_clip, write_street
from ssmtl.datasets.street.actors import Actor
from ssmtl.datasets.street.camera import place_camera
from ssmtl.datasets.street.drawing import draw
from ssmtl.datasets.street.figure import cut
from ssmtl.datasets.street.people import person_parts, random_gait
from ssmtl.errors import OutputError
from ssmtl.video.sources import open_source

SMALL = StreetConfig(width=160, height=120, person_height_px=28)
STILL = SMALL.model_copy(update={"people_per_frame": 0.0, "noise": 0.0, "drift": 0.0, "sway": 0.0})
Played = tuple[NDArray[np.uint8], list[list[AbnormalBox]]]


@cache
def play(config: StreetConfig, seed: int, frames: int, anomaly: str | None = None) -> Played:
    images, boxes = zip(*make_clip(config, seed, frames, anomaly), strict=True)
    return np.stack(images), list(boxes)


def extent(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def speed(boxes: Sequence[tuple[float, float, float, float] | None], rate: float) -> float:
    """Median speed of boxes clear of the picture's sides, over half a second, in box heights per second."""
    whole = [box if box and box[0] > 0 and box[2] < SMALL.width else None for box in boxes]
    step = round(rate / 2)
    found = [
        (b[0] + b[2] - a[0] - a[2]) / 2 / (step / rate) / ((a[3] - a[1] + b[3] - b[1]) / 2)
        for a, b in zip(whole, whole[step:], strict=False)
        if a and b
    ]
    return float(np.median(found))


@pytest.mark.parametrize(("camera", "anomaly"), [("side", None), ("oblique", "cycling")])
def test_same_seed_gives_the_same_pixels(camera: str, anomaly: str | None) -> None:
    config = StreetConfig(width=160, height=120, person_height_px=28, camera=camera)
    (first, boxes), (second, again), (other, _) = (play.__wrapped__(config, s, 92, anomaly) for s in (3, 3, 4))
    assert first.shape == (92, 120, 160, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)
    assert boxes == again
    assert (first != other).mean() > 0.5


def test_place_depends_on_the_background_seed_alone() -> None:
    other_place = STILL.model_copy(update={"background_seed": 1})
    here, same, elsewhere = (play(config, seed, 1)[0] for config, seed in ((STILL, 1), (STILL, 2), (other_place, 1)))
    np.testing.assert_array_equal(here, same)
    assert (here != elsewhere).mean() > 0.5


def test_a_long_clip_begins_in_the_middle_of_the_traffic() -> None:
    empty = play(STILL, 0, 1)[0]
    busy = STILL.model_copy(update={"people_per_frame": 4.0})
    assert sum((play(busy, seed, 1)[0] != empty).any() for seed in range(8)) >= 6


@pytest.mark.parametrize("camera", ["side", "oblique"])
@pytest.mark.parametrize("anomaly", ANOMALIES)
def test_boxes_hold_all_that_the_anomaly_changes(camera: str, anomaly: str) -> None:
    config = SMALL.model_copy(update={"camera": camera})
    normal, none = play(config, 7, 110)
    abnormal, boxes = play(config, 7, 110, anomaly)
    assert not any(none)
    assert not any(boxes[:LEAD_IN]) and any(boxes)
    for index, found in enumerate(boxes):
        changed = (normal[index] != abnormal[index]).any(2)
        for box in found:
            assert box.kind == anomaly
            assert 0 <= box.x_min < box.x_max <= 160 and 0 <= box.y_min < box.y_max <= 120
            changed[int(box.y_min) : int(box.y_max), int(box.x_min) : int(box.x_max)] = False
        # Who falls is a normal walker before and after.
        if found or anomaly != "falling":
            assert not changed.any()


@pytest.mark.parametrize("anomaly", ANOMALIES)
def test_boxes_are_tight(anomaly: str) -> None:
    empty = play(STILL, 2, 1)[0][0]
    images, boxes = play(STILL, 2, 120, anomaly)
    for image, found in zip(images, boxes, strict=True):
        if found:
            (box,) = found
            seen = extent((np.abs(image.astype(int) - empty) > 2).any(2))
            assert np.abs(np.subtract(seen, (box.x_min, box.y_min, box.x_max, box.y_max))).max() <= 3


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("anomaly", "slowest", "fastest"),
    [("running", 1.4, 3.6), ("cycling", 1.7, 4.2), ("cart", 0.8, 2.7), ("backwards", 0.55, 1.05)],
)
def test_speed_of_anomalies_in_heights_per_second(anomaly: str, slowest: float, fastest: float, seed: int) -> None:
    _, boxes = play(STILL, seed, 190, anomaly)
    corners = [(b[0].x_min, b[0].y_min, b[0].x_max, b[0].y_max) if b else None for b in boxes]
    assert slowest < abs(speed(corners, STILL.rate)) < fastest


def test_walkers_go_both_ways_at_normal_speed() -> None:
    empty = play(STILL, 0, 1)[0][0]
    speeds = []
    for seed in range(16):
        images, _ = play(STILL.model_copy(update={"people_per_frame": 0.8}), seed, 45)
        changed = (np.abs(images.astype(int) - empty) > 2).any(3)
        boxes = [extent(mask) if mask.any() else None for mask in changed]
        alone = [b if b and b[0] > 0 and b[2] < min(160, b[0] + 36) and b[3] < b[1] + 42 else None for b in boxes]
        if sum(box is not None for box in alone) > 20:
            speeds.append(speed(alone, STILL.rate))
    assert min(speeds) < 0 < max(speeds)
    assert all(0.45 < abs(found) < 1.1 for found in speeds)


@pytest.mark.parametrize("rate", [10.0, 50.0])
def test_motion_is_smooth_and_in_seconds(rate: float) -> None:
    config = STILL.model_copy(update={"rate": rate})
    _, boxes = play(config, 1, LEAD_IN + round(5 * rate), "cart")
    centres = [(b[0].x_min + b[0].x_max) / 2 for b in boxes if b and b[0].x_min > 0 and b[0].x_max < 160]
    steps = np.diff(centres)
    assert np.ptp(steps) <= 2
    assert 0.9 < abs(steps.mean()) * rate / 28 < 3.3


def test_backwards_is_a_film_of_a_walker_in_reverse() -> None:
    config, rng = SMALL, np.random.default_rng(0)
    camera = place_camera(config)
    look, gait = cut(person_parts(rng), rng), random_gait(rng, running=False)
    walker = Actor("walking", look, gait, 28.0, 0.8, 0.0, 0.0, camera.focal, 0.0, 1000.0)
    reverse = replace(walker, kind="backwards", heading=np.pi)
    for time in (0.0, 0.13, 0.5, 1.1):
        forwards, backwards, ahead = (np.full((120, 160, 3), 128, np.uint8) for _ in range(3))
        assert draw(forwards, camera, walker, -time) == draw(backwards, camera, reverse, time)
        assert np.abs(forwards.astype(int) - backwards).max() <= 40  # rounding of corners
        draw(ahead, camera, replace(walker, heading=np.pi), time)
        assert (np.abs(ahead.astype(int) - backwards) > 40).sum() > 30


def test_who_falls_lies_down_within_a_second() -> None:
    _, boxes = play(STILL, 2, 120, "falling")
    first = next(index for index, found in enumerate(boxes) if found)
    upright, lying = boxes[first][0], boxes[first + 20][0]
    assert upright.y_max - upright.y_min > 1.3 * (upright.x_max - upright.x_min)
    assert lying.x_max - lying.x_min > 1.3 * (lying.y_max - lying.y_min)


@pytest.mark.parametrize(("colour", "equal"), [(True, False), (False, True)])
def test_grey_footage_has_equal_channels(colour: bool, equal: bool) -> None:
    image = play(SMALL.model_copy(update={"colour": colour}), 0, 1)[0][0]
    assert (image == image[..., :1]).all() == equal


@pytest.mark.parametrize(
    ("frames", "anomaly", "message"),
    [(0, None, "frames is 0"), (89, "cart", "at least 90"), (200, "flying", "choose one of running")],
)
def test_wrong_arguments(frames: int, anomaly: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_clip(SMALL, 0, frames, anomaly)


@pytest.mark.parametrize("change", [{"width": 161}, {"rate": 0}, {"camera": "above"}, {"people": 3}])
def test_wrong_configuration(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        StreetConfig(**change)


def test_written_data_set_reads_back(tmp_path: Path) -> None:
    root, calls = tmp_path / "street", []
    write_street(root, SMALL, 0, 1, 5, 5, 90, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (5 + 5 * 90, 5 + 5 * 90) and all(b[0] - a[0] == 1 for a, b in pairwise(calls))
    data = OwnDataset(root)
    assert [clip.name for clip in data.train_clips()] == ["normal_01"]
    assert len(list(open_source(data.train_clips()[0]))) == 5
    clips = data.test_clips()
    assert len(clips) == 5
    for clip in clips:
        labels = data.frame_labels(clip, sum(1 for _ in open_source(clip)))
        tracks = np.loadtxt(root / "tracks" / f"{clip.name}.txt", int, delimiter=",", ndmin=2)
        assert len(labels) == 90 and not labels[:LEAD_IN].any()
        assert set(np.flatnonzero(labels)) == set(tracks[:, 1])
        assert (tracks[:, 2:4] >= 0).all() and (tracks[:, 4] < 160).all() and (tracks[:, 5] < 120).all()
        assert (tracks[:, 2:4] <= tracks[:, 4:6]).all()
    kinds = {line.split(",")[3] for line in (root / "abnormal.csv").read_text().splitlines()[1:]}
    assert kinds == set(ANOMALIES)
    with pytest.raises(OutputError, match="not empty"):
        write_street(root, SMALL, 0, 1, 5, 0, 0)


def test_data_set_without_test_clips(tmp_path: Path) -> None:
    write_street(tmp_path, SMALL, 0, 1, 1, 0, 0)
    assert (tmp_path / "abnormal.csv").read_text() == "clip,first,last,kind\n"

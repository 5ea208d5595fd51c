"""The documented ONNX files on real pictures of people."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ssmtl.config import parse
from ssmtl.sequences.crop import crop
from ssmtl.teachers.build import Teachers, build_teacher
from ssmtl.teachers.teacher import JOINTS, Teacher
from ssmtl.video.files import VideoFile

from .networks import boxes
from .test_build import documented

SHARED = Path(os.environ.get("SSMTL_SHARED", "../shared"))
PADDING = 0.1

# Upright people at two moments of the footage, read off its pictures by hand.
PEOPLE = {
    0: [(402, 150, 427, 202), (158, 137, 177, 193), (313, 98, 332, 145)],
    100: [(367, 96, 388, 148), (216, 122, 237, 173), (309, 92, 324, 139), (234, 111, 255, 161), (324, 95, 337, 138)],
}
EMPTY = boxes((60, 250, 80, 300), (200, 290, 220, 340), (420, 290, 440, 340))


def teacher(name: str, **fields: Any) -> Teacher:
    values = documented()[name]
    path = SHARED / "weights" / values["path"]
    if not path.is_file():
        pytest.skip(f"{path} is not there; set SSMTL_SHARED to the folder that holds weights")
    settings = parse(Teachers, {name: values | {"path": str(path)} | fields})
    return build_teacher(name, getattr(settings, name), PADDING)


@pytest.fixture(scope="module")
def pictures() -> dict[int, NDArray[np.uint8]]:
    path = SHARED / "data" / "video" / "vtest.avi"
    if not path.is_file():
        pytest.skip(f"{path} is not there; set SSMTL_SHARED to the folder that holds data/video")
    seen = {}
    for frame in VideoFile(path):
        if frame.index in PEOPLE:
            seen[frame.index] = frame.image
        if frame.index == max(PEOPLE):
            break
    return seen


@pytest.fixture(params=PEOPLE)
def people(request: pytest.FixtureRequest, pictures: dict[int, NDArray[np.uint8]]) -> tuple[Any, NDArray[np.float32]]:
    return pictures[request.param], boxes(*PEOPLE[request.param])


def test_segmentation_finds_people_and_no_lawn(people: tuple[Any, NDArray[np.float32]]) -> None:
    image, some = people
    network = teacher("segmentation")
    assert (network.answer(image, some).mean(axis=(1, 2, 3)) > 0.15).mean() >= 0.8
    assert network.answer(image, EMPTY).mean() < 0.02


def test_masks_lie_on_people(people: tuple[Any, NDArray[np.float32]]) -> None:
    """These people are darker than what they walk on; shifted by a quarter of the crop, a mask would lose that."""
    image, some = people
    masks = teacher("segmentation").answer(image, some)[:, 0]
    grey = crop([image], some, PADDING)[:, :, 0].mean(axis=1)

    def contrast(shift: int) -> float:
        moved = np.roll(masks, shift, axis=2) > 0.5
        return float(np.mean([part[~mask].mean() - part[mask].mean() for part, mask in zip(grey, moved, strict=True)]))

    assert contrast(0) > 30 and contrast(0) > max(contrast(-16), contrast(16)) + 15


def test_segmentation_of_the_frame_finds_some(people: tuple[Any, NDArray[np.float32]]) -> None:
    image, some = people
    network = teacher("segmentation", sees="frame")
    assert (network.answer(image, some).mean(axis=(1, 2, 3)) > 0.1).any()
    assert network.answer(image, EMPTY).mean() < 0.02


def test_heads_are_above_shoulders_above_hips_above_feet(people: tuple[Any, NDArray[np.float32]]) -> None:
    image, some = people
    maps = teacher("pose").answer(image, some).reshape(len(some), 17, -1)
    rows = maps.argmax(axis=2) // 64
    heights = [
        rows[:, [place for place, joint in enumerate(JOINTS) if part in joint]].mean(axis=1)
        for part in ("nose", "shoulder", "hip", "knee", "ankle")
    ]
    assert (np.diff(heights, axis=0) > 0).mean() > 0.9
    # The padding is a twelfth of the crop on each side: heads begin below it, ankles are above it.
    assert (heights[0] < 20).all() and (heights[-1] > 44).all()
    assert maps.max(axis=2).mean() > 0.5
    assert teacher("pose").answer(image, EMPTY).max(axis=(2, 3)).mean() < 0.4


def test_classes_differ_between_crops(people: tuple[Any, NDArray[np.float32]]) -> None:
    image, some = people
    logits = teacher("classifier").answer(image, np.concatenate([some, EMPTY]))
    assert np.abs(logits.mean(axis=1)).max() < 1e-5
    distance = np.abs(logits[:, None] - logits[None]).max(axis=2)
    assert (distance[~np.eye(len(logits), dtype=bool)] > 0.5).all()

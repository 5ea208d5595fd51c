"""What holds for every teacher, whatever is behind it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmtl.teachers.build import build_teacher
from ssmtl.teachers.onnx import OnnxClassifierSettings, OnnxPoseSettings, OnnxSegmentationSettings
from ssmtl.teachers.teacher import TARGETS, Teacher
from ssmtl.teachers.torchvision import (
    TorchvisionClassifier,
    TorchvisionClassifierSettings,
    TorchvisionPose,
    TorchvisionPoseSettings,
    TorchvisionSegmentation,
    TorchvisionSegmentationSettings,
)

from .networks import (
    HEIGHT,
    SCALED,
    WIDTH,
    Colours,
    Finds,
    Reds,
    boxes,
    noise,
    ramps,
    random_network,
    random_rcnn,
    save_channels,
    save_classifier,
)

PADDING = 0.1


def by_colour(path: Path, **fields: Any) -> Teacher:
    weights = np.random.default_rng(0).normal(0, 0.1, (3, 1000)).astype(np.float32)
    settings = OnnxClassifierSettings(path=save_classifier(path, weights), **fields)
    return build_teacher("classifier", settings, PADDING)


def by_red(path: Path, size: tuple[int, int] = (48, 48), **fields: Any) -> Teacher:
    settings = OnnxSegmentationSettings(path=save_channels(path, 0, size), values="mask", **SCALED, **fields)
    return build_teacher("segmentation", settings, PADDING)


def by_channels(path: Path, **fields: Any) -> Teacher:
    channels = [joint % 3 for joint in range(17)]
    settings = OnnxPoseSettings(path=save_channels(path, channels, (48, 64), **fields), **SCALED)
    return build_teacher("pose", settings, PADDING)


def finds_people() -> Finds:
    places = np.random.default_rng(0).uniform(0, 100, (2, 17, 2))
    keypoints = np.concatenate([places, np.ones((2, 17, 1))], axis=2)
    people = boxes((0, 0, 80, 100), (60, 10, 160, 90))
    return Finds(boxes=people, keypoints=keypoints, keypoints_scores=np.full((2, 17), 5.0))


OF_CLASSES, OF_MASKS = TorchvisionClassifierSettings(), TorchvisionSegmentationSettings()
OF_JOINTS = TorchvisionPoseSettings()

TEACHERS: dict[str, tuple[str, Callable[[Path], Teacher]]] = {
    "onnx classifier": ("classifier", by_colour),
    "onnx probabilities": ("classifier", lambda path: by_colour(path, values="probabilities")),
    "onnx mask": ("segmentation", by_red),
    "onnx mask of the frame": ("segmentation", lambda path: by_red(path, (96, 64), sees="frame")),
    "onnx pose": ("pose", by_channels),
    "onnx pose, one by one": ("pose", lambda path: by_channels(path, batch=1, channels_last=True)),
    "stand-in classifier": ("classifier", lambda _: TorchvisionClassifier(OF_CLASSES, PADDING, Colours())),
    "stand-in Mask R-CNN": ("segmentation", lambda _: TorchvisionSegmentation(OF_MASKS, PADDING, Reds())),
    "stand-in Keypoint R-CNN": ("pose", lambda _: TorchvisionPose(OF_JOINTS, PADDING, finds_people())),
    "resnet50": (
        "classifier", lambda _: TorchvisionClassifier(OF_CLASSES, PADDING, random_network("resnet50")),
    ),
    "maskrcnn_resnet50_fpn_v2": (
        "segmentation", lambda _: TorchvisionSegmentation(OF_MASKS, PADDING, random_rcnn("maskrcnn_resnet50_fpn_v2")),
    ),
    "keypointrcnn_resnet50_fpn": (
        "pose", lambda _: TorchvisionPose(OF_JOINTS, PADDING, random_rcnn("keypointrcnn_resnet50_fpn")),
    ),
}  # fmt: skip

BOXES = {
    "none": boxes(),
    "one": boxes((30, 20, 50, 60)),
    "three": boxes((30, 20, 50, 60), (60.5, 10.25, 90.1, 80), (100, 5, 140, 25)),
    "at the edges": boxes((0, 0, 20, 30), (140, 60, WIDTH, HEIGHT), (0, 0, WIDTH, HEIGHT)),
    "partly outside": boxes((-20, -10, 30, 40), (140, 80, 200, 120), (50, 90, 60, 150)),
    "one pixel": boxes((40, 40, 41, 41), (159, 99, 160, 100)),
    "outside": boxes((-50, 10, -20, 30), (200, 10, 220, 30)),
}


@pytest.fixture(params=TEACHERS, scope="module")
def taught(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Teacher]:
    name, build = TEACHERS[request.param]
    return name, build(tmp_path_factory.mktemp("teacher") / "net.onnx")


@pytest.mark.parametrize("which", BOXES)
def test_shape_type_and_range(taught: tuple[str, Teacher], which: str) -> None:
    name, teacher = taught
    found = teacher.answer(noise(), BOXES[which])
    assert found.shape == (len(BOXES[which]), *TARGETS[name])
    assert found.dtype == np.float32 and np.isfinite(found).all()
    if name != "classifier":
        assert found.min(initial=0) >= 0 and found.max(initial=0) <= 1


def test_a_box_is_answered_alike_alone_and_among_others(taught: tuple[str, Teacher]) -> None:
    _, teacher = taught
    image, some = ramps(), BOXES["three"]
    together = teacher.answer(image, some)
    alone = np.concatenate([teacher.answer(image, box[None]) for box in some])
    assert np.abs(together - alone).max() <= 1e-4 * max(1, np.abs(together).max())


def test_boxes_are_told_apart(taught: tuple[str, Teacher]) -> None:
    _, teacher = taught
    found = teacher.answer(ramps(), BOXES["three"])
    assert np.abs(found[0] - found[2]).max() > 1e-6


def test_what_is_given_stays_as_it_was(taught: tuple[str, Teacher]) -> None:
    _, teacher = taught
    image, some = noise(), BOXES["partly outside"].copy()
    teacher.answer(image, some)
    assert np.array_equal(image, noise()) and np.array_equal(some, BOXES["partly outside"])


def test_a_view_of_a_picture_is_a_picture(taught: tuple[str, Teacher]) -> None:
    _, teacher = taught
    view = noise()[::-1, ::-1]
    assert np.array_equal(teacher.answer(view, BOXES["three"]), teacher.answer(view.copy(), BOXES["three"]))


def test_pictures_of_any_size(taught: tuple[str, Teacher]) -> None:
    name, teacher = taught
    for height, width in ((HEIGHT, WIDTH), (33, 47), (120, 90)):
        assert teacher.answer(noise(height, width), boxes((5, 5, 25, 30))).shape == (1, *TARGETS[name])

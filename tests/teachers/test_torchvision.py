"""Torchvision's networks as teachers: with stand-ins that find what is known, and the real ones with random weights."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ssmtl.errors import ConfigError, ModelError
from ssmtl.sequences.crop import crop
from ssmtl.teachers.build import build_teacher
from ssmtl.teachers.torchvision import (
    BATCH,
    TorchvisionClassifier,
    TorchvisionClassifierSettings,
    TorchvisionPose,
    TorchvisionPoseSettings,
    TorchvisionSegmentation,
    TorchvisionSegmentationSettings,
    best_fit,
    spots,
)

from .networks import HEIGHT, WIDTH, Colours, Finds, Reds, boxes, noise, ramps, random_network, random_rcnn


def segmentation(network: torch.nn.Module, padding: float = 0.0) -> TorchvisionSegmentation:
    return TorchvisionSegmentation(TorchvisionSegmentationSettings(), padding, network)


def pose(network: torch.nn.Module, padding: float = 0.0) -> TorchvisionPose:
    return TorchvisionPose(TorchvisionPoseSettings(), padding, network)


def person(places: NDArray[np.floating], scores: Any = 10.0, box: tuple[float, ...] = (0, 0, WIDTH, HEIGHT)) -> Finds:
    """Finds one person with those places (17×2) of its joints."""
    keypoints = np.concatenate([places, np.ones((17, 1))], axis=1)[None]
    return Finds(boxes=[box], keypoints=keypoints, keypoints_scores=np.broadcast_to(scores, (1, 17)))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 10, 10), 0),
        ((9, 9, 30, 30), 1),
        ((0, 0, 100, 100), 2),
        ((200, 200, 210, 210), -1),
        ((100, 0, 110, 10), -1),
        ((99, 99, 120, 120), 2),
    ],
    ids=["same", "most in common", "around all", "nowhere near", "touching", "one pixel in common"],
)
def test_best_fit(box: tuple[float, ...], expected: int) -> None:
    found = boxes((0, 0, 10, 10), (10, 10, 30, 30), (0, 0, 100, 100))
    assert best_fit(boxes(box, box), found).tolist() == [expected] * 2
    assert best_fit(boxes(box), boxes()).tolist() == [-1]
    assert best_fit(boxes(), found).tolist() == []


# Classifier.


def test_the_classifier_is_fed_as_imagenet_was() -> None:
    """The stand-in undoes ImageNet's normalisation: the mean colours of each padded box come back."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[20:60, 40:60] = (255, 102, 51)
    teacher = TorchvisionClassifier(TorchvisionClassifierSettings(), 0.0, Colours())
    found = teacher.answer(image, boxes((40, 20, 60, 60), (100, 0, 120, 40)))
    assert found[0, [0, 1, 2, 999]] == pytest.approx([1, 0.4 * 2, 0.2 * 3, 1000], rel=1e-4)
    assert np.abs(found[1]).max() < 1e-3
    padded = TorchvisionClassifier(TorchvisionClassifierSettings(), 0.5, Colours())
    assert padded.answer(image, boxes((40, 20, 60, 60)))[0, 0] == pytest.approx(0.25, rel=1e-2)


def test_more_boxes_than_a_batch_holds() -> None:
    image = ramps()
    some = boxes(*((x, 10, x + 8, 50) for x in range(BATCH + 3)))
    teacher = TorchvisionClassifier(TorchvisionClassifierSettings(), 0.0, Colours())
    found = teacher.answer(image, some)
    assert found.shape == (BATCH + 3, 1000) and (np.diff(found[:, 0]) > 0).all()


# Segmentation.


@pytest.mark.parametrize("padding", [0.0, 0.25])
def test_a_mask_lines_up_with_the_crop(padding: float) -> None:
    """The stand-in's masks are the red of the picture: what arrives is the red of the crop."""
    image = ramps()
    some = boxes((10, 20, 50, 84), (100, 10, 130, 60), (-20, 50, 30, 130), (130, 60, 160, 100))
    found = segmentation(Reds(), padding).answer(image, some)
    cut = crop([image], some, padding)[:, :1, 0] / 255
    halves = np.array([0, 1, 0, 1])
    for mask, red, half, (low, _, high, _) in zip(found, cut, halves, some, strict=True):
        inside = (low - padding * (high - low) >= 80) if half else (high + padding * (high - low) <= 80)
        assert inside and np.abs(mask - red).max() < 0.5 / HEIGHT + 1 / 255


def test_a_mask_is_exact_without_resizing() -> None:
    image = noise()
    found = segmentation(Reds()).answer(image, boxes((8, 20, 72, 84)))
    assert np.abs(found[0, 0] - image[20:84, 8:72, 0] / 255).max() < 1e-6


def test_the_instance_that_fits_best_and_none() -> None:
    masks = np.stack([np.full((1, HEIGHT, WIDTH), value) for value in (0.25, 0.5)])
    finds = Finds(boxes=boxes((0, 0, 60, 60), (20, 20, 60, 60)), masks=masks)
    found = segmentation(finds).answer(noise(), boxes((0, 0, 50, 50), (22, 22, 58, 58), (100, 70, 120, 90)))
    assert [set(mask.ravel()) for mask in found] == [{0.25}, {0.5}, {0.0}]


# Pose.


def test_spots() -> None:
    found = spots(np.array([[10.5, 20.5], [64.0, 0.0]]))
    assert np.unravel_index(found[0].argmax(), (64, 64)) == (20, 10) and found[0].max() == 1
    # Two pixels away, one standard deviation.
    assert found[0, 20, 12] == found[0, 22, 10] == pytest.approx(np.exp(-0.5))
    assert np.unravel_index(found[1].argmax(), (64, 64)) == (0, 63)


@pytest.mark.parametrize("padding", [0.0, 0.25])
def test_a_joint_lies_where_the_crop_shows_it(padding: float) -> None:
    """Bright pixels in the picture, joints at their middles: both are at the same place in the crop."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rng = np.random.default_rng(0)
    places = np.stack([rng.integers(46, 68, 17), rng.integers(22, 58, 17)], axis=1)
    box = boxes((40, 20, 72, 60))
    found = pose(person(places + 0.5), padding).answer(image, box)[0]
    for (x, y), spot in zip(places, found, strict=True):
        lit = image.copy()
        lit[y, x] = 255
        shown = crop([lit], box, padding)[0, 0, 0].astype(float)
        middles = [(np.indices((64, 64)) * part / part.sum()).sum(axis=(1, 2)) for part in (shown, spot)]
        assert np.abs(middles[0] - middles[1]).max() < 0.35


def test_joints_that_are_not_seen() -> None:
    places = np.full((17, 2), 50.0)
    scores = np.where(np.arange(17) % 2, 5.0, -5.0)
    found = pose(person(places, scores)).answer(noise(), boxes((30, 30, 70, 70)))[0]
    assert [bool(spot.any()) for spot in found] == [bool(joint % 2) for joint in range(17)]


def test_no_person_no_joints() -> None:
    places = np.full((17, 2), 100.0)
    found = pose(person(places, box=(0, 0, 20, 20))).answer(noise(), boxes((90, 90, 110, 100), (0, 0, 20, 20)))
    assert not found[0].any()


# The real networks.


@pytest.mark.parametrize("name", ["classifier", "segmentation", "pose"])
def test_torchvision_is_named_where_it_is_missing(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    settings = {
        "classifier": TorchvisionClassifierSettings,
        "segmentation": TorchvisionSegmentationSettings,
        "pose": TorchvisionPoseSettings,
    }[name](weights=tmp_path / "none.pth")
    with pytest.raises(ConfigError, match=rf"teachers\.{name}.*pip install torchvision"):
        build_teacher(name, settings, 0.1)


def test_weights_from_a_file(tmp_path: Path) -> None:
    network = random_network("resnet18")
    torch.save(network.state_dict(), tmp_path / "resnet18.pth")
    settings = TorchvisionClassifierSettings(model="resnet18", weights=tmp_path / "resnet18.pth")
    some = boxes((10, 20, 50, 84), (100, 10, 130, 60))
    found = build_teacher("classifier", settings, 0.1).answer(noise(), some)
    given = TorchvisionClassifier(TorchvisionClassifierSettings(), 0.1, network).answer(noise(), some)
    assert np.allclose(found, given, atol=1e-4) and np.abs(found[0] - found[1]).max() > 1e-3
    with pytest.raises(ModelError, match=r"other\.pth.*teachers\.classifier\.weights"):
        build_teacher("classifier", settings.model_copy(update={"weights": tmp_path / "other.pth"}), 0.1)


def ask(network: torch.nn.Module, image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """What a detector says itself, in its own form."""
    picture = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    with torch.inference_mode():
        return {name: value.numpy() for name, value in network([picture])[0].items()}


@pytest.mark.parametrize("model", ["maskrcnn_resnet50_fpn_v2", "maskrcnn_resnet50_fpn"])
def test_mask_rcnn(model: str) -> None:
    """With random weights it finds anything: each box has the mask of the instance that fits it best."""
    network = random_rcnn(model)
    image = noise(48, 60)
    found = ask(network, image)
    some = boxes((0, 0, 60, 48), (4, 4, 40, 44), (20, 0, 60, 30))
    answers = segmentation(network).answer(image, some)
    for box, mask, best in zip(some, answers, best_fit(some, found["boxes"]), strict=True):
        assert best >= 0, "random weights found nothing to compare"
        whole = (found["masks"][best].transpose(1, 2, 0) * 255).round().astype(np.uint8)
        shown = crop([whole], box[None], 0.0)[0, 0, 0] / 255
        # The crop knows nothing of what is beyond the box: its edges are a little different.
        assert shown.max() > 0.1 and np.abs(mask[0] - shown)[2:-2, 2:-2].max() < 0.01


def test_keypoint_rcnn() -> None:
    """With random weights it finds people anywhere: a joint that is seen is brightest where the network has it."""
    network = random_rcnn("keypointrcnn_resnet50_fpn")
    image = noise(64, 64)
    found = ask(network, image)
    assert len(found["boxes"]), "random weights found nobody to compare"
    n = int(best_fit(boxes((0, 0, 64, 64)), found["boxes"])[0])
    spot = pose(network).answer(image, boxes((0, 0, 64, 64)))[0]
    seen = found["keypoints_scores"][n] > 0
    assert seen.any() and [bool(joint.any()) for joint in spot] == seen.tolist()
    for joint in np.flatnonzero(seen):
        y, x = np.unravel_index(spot[joint].argmax(), (64, 64))
        # The crop is the picture: its pixels are the network's.
        assert np.abs(found["keypoints"][n, joint, :2] - (x + 0.5, y + 0.5)).max() <= 0.51

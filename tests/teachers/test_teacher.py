"""Targets, and what mirroring a crop does to an answer."""

import pytest
import torch

from ssmtl.teachers.teacher import JOINTS, TARGETS, mirror


def test_targets() -> None:
    assert TARGETS == {"classifier": (1000,), "segmentation": (1, 64, 64), "pose": (17, 64, 64)}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_mirroring_twice_changes_nothing(name: str, count: int) -> None:
    answers = torch.rand((count, *TARGETS[name]), generator=torch.Generator().manual_seed(0))
    once = mirror(name, answers)
    assert once.shape == answers.shape
    assert torch.equal(mirror(name, once), answers)


def test_classes_have_no_sides() -> None:
    answers = torch.arange(2000.0).view(2, 1000)
    assert torch.equal(mirror("classifier", answers), answers)


def test_a_mask_is_mirrored_left_to_right() -> None:
    mask = torch.zeros(1, 1, 64, 64)
    mask[0, 0, 5, 3] = 1
    assert mirror("segmentation", mask).nonzero().tolist() == [[0, 0, 5, 60]]


@pytest.mark.parametrize(
    ("joint", "becomes"),
    [
        ("nose", "nose"),
        ("left_eye", "right_eye"),
        ("right_ear", "left_ear"),
        ("left_shoulder", "right_shoulder"),
        ("left_elbow", "right_elbow"),
        ("right_wrist", "left_wrist"),
        ("left_hip", "right_hip"),
        ("right_knee", "left_knee"),
        ("left_ankle", "right_ankle"),
    ],
)
def test_a_left_joint_becomes_a_right_one(joint: str, becomes: str) -> None:
    maps = torch.zeros(1, 17, 64, 64)
    maps[0, JOINTS.index(joint), 20, 10] = 1
    assert mirror("pose", maps).nonzero().tolist() == [[0, JOINTS.index(becomes), 20, 53]]


def test_the_order_of_the_joints_is_cocos() -> None:
    places = {0: "nose", 1: "left_eye", 6: "right_shoulder", 7: "left_elbow", 12: "right_hip", 15: "left_ankle"}
    assert len(JOINTS) == 17
    assert {place: JOINTS[place] for place in places} == places

"""What training changes about sequences, and about what is given of them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from ssmtl.teachers.teacher import JOINTS
from ssmtl.training.settings import TrainSettings
from ssmtl.training.train import augment, generator

X = torch.rand(64, 1, 7, 4, 4, generator=torch.Generator().manual_seed(1))


def augmented(settings: TrainSettings, x: Tensor = X) -> Tensor:
    return augment(x, {}, settings, generator(0))[0]


def mirrored(made: Tensor, x: Tensor = X) -> list[bool]:
    """Which sequences were mirrored, each checked to be so or as it was."""
    same = (made == x).flatten(1).all(dim=1)
    flipped = (made == x.flip(4)).flatten(1).all(dim=1)
    assert (same ^ flipped).all()
    return flipped.tolist()


def test_nothing_asked_nothing_done() -> None:
    given = {"pose": torch.rand(64, 17, 4, 4), "classes": torch.rand(64, 81)}
    made, still = augment(X, given, TrainSettings(flip=False, brightness=0), generator(0))
    assert torch.equal(made, X) and still.keys() == given.keys()
    assert all(torch.equal(still[name], rows) for name, rows in given.items())


def test_half_are_mirrored_left_to_right_whole() -> None:
    assert 16 < sum(mirrored(augmented(TrainSettings(brightness=0)))) < 48


class TestGiven:
    """What belongs to a crop is mirrored with it."""

    SETTINGS = TrainSettings(brightness=0)

    def test_masks(self) -> None:
        masks = torch.rand(64, 1, 4, 4, generator=generator(3))
        made, given = augment(X, {"segmentation": masks}, self.SETTINGS, generator(0))
        for i, flipped in enumerate(mirrored(made)):
            assert torch.equal(given["segmentation"][i], masks[i].flip(-1) if flipped else masks[i])

    def test_a_left_joint_becomes_a_right_one(self) -> None:
        """Each joint at a place of its own: the person's left wrist is the mirror image's right one."""
        maps = torch.zeros(64, len(JOINTS), 4, 8)
        for joint in range(len(JOINTS)):
            maps[:, joint, joint % 4, joint % 8] = 1 + joint
        made, given = augment(X, {"pose": maps}, self.SETTINGS, generator(0))
        opposite = {"left": "right", "right": "left"}
        for i, flipped in enumerate(mirrored(made)):
            for joint, name in enumerate(JOINTS):
                side, _, part = name.partition("_")
                other = f"{opposite[side]}_{part}" if flipped and side in opposite else name
                found = given["pose"][i, JOINTS.index(other)]
                assert torch.equal(found, maps[i, joint].flip(-1) if flipped else maps[i, joint])

    @pytest.mark.parametrize("name", ["classes", "classifier"])
    def test_what_does_not_tell_left_from_right_stays(self, name: str) -> None:
        rows = torch.rand(64, 10, generator=generator(3))
        made, given = augment(X, {name: rows}, self.SETTINGS, generator(0))
        assert any(mirrored(made)) and torch.equal(given[name], rows)

    def test_brightness_is_of_pictures_alone(self) -> None:
        masks = torch.rand(64, 1, 4, 4, generator=generator(3))
        made, given = augment(X, {"segmentation": masks}, TrainSettings(flip=False, brightness=0.2), generator(0))
        assert not torch.equal(made, X) and torch.equal(given["segmentation"], masks)

    def test_the_originals_are_left_as_they_were(self) -> None:
        given = {"segmentation": torch.rand(64, 1, 4, 4, generator=generator(3))}
        kept, x = given["segmentation"].clone(), X.clone()
        augment(x, given, TrainSettings(), generator(0))
        assert torch.equal(given["segmentation"], kept) and torch.equal(x, X)


def test_brightness_is_a_line_per_sequence_within_its_limits() -> None:
    x = X * 0.3 + 0.3
    made = augmented(TrainSettings(flip=False, brightness=0.2), x)
    gains, shifts = [], []
    for before, after in zip(x, made, strict=True):
        gain, shift = np.polyfit(before.flatten().double(), after.flatten().double(), 1)
        assert np.abs(gain * before.numpy() + shift - after.numpy()).max() < 1e-5
        gains.append(gain)
        shifts.append(shift)
    assert 0.8 <= min(gains) < 0.85 and 1.15 < max(gains) <= 1.2
    assert -0.2 <= min(shifts) < -0.15 and 0.15 < max(shifts) <= 0.2
    assert abs(np.corrcoef(gains, shifts)[0, 1]) < 0.4, "drawn on their own"


def test_stays_in_range() -> None:
    made = augmented(TrainSettings(brightness=0.9))
    assert made.min() == 0 and made.max() == 1

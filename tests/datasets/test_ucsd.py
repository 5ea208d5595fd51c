"""The UCSD reader on a miniature in the official layout, and on the real set where it is at hand."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssmtl.datasets.catalogue import open_dataset
from ssmtl.datasets.ucsd import UCSD
from ssmtl.errors import DataError
from ssmtl.video.sources import open_source


def picture(path: Path, value: int, abnormal: bool = False) -> None:
    image = np.full((24, 36), value, np.uint8)
    if abnormal:
        image[3:6, 4:8] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two clips of each part; frames 2 and 3 of Test001 and none of Test002 are abnormal; junk of other systems."""
    for number in (1, 2):
        for frame in range(1, 5):
            picture(tmp_path / f"Train/Train{number:03}/{frame:03}.tif", 40 * frame)
            picture(tmp_path / f"Test/Test{number:03}/{frame:03}.tif", 40 * frame)
    for frame in range(1, 5):
        picture(tmp_path / f"Test/Test001_gt/{frame:03}.bmp", 0, abnormal=frame in (2, 3))
        picture(tmp_path / f"Test/Test002_gt/frame{frame:03}.bmp", 0)
    (tmp_path / "Test/Test001/._001.tif").write_bytes(b"junk")
    (tmp_path / "Test/Test001_gt/Thumbs.db").write_bytes(b"junk")
    (tmp_path / "Test/UCSDped.m").write_text("% Matlab")
    return tmp_path


def test_clips_and_their_frames(root: Path) -> None:
    data = UCSD(root)
    assert [clip.name for clip in data.train_clips()] == ["Train001", "Train002"]
    assert [clip.name for clip in data.test_clips()] == ["Test001", "Test002"]
    frames = list(open_source(data.test_clips()[0]))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [40, 80, 120, 160]


def test_labels_are_frames_whose_mask_is_not_empty(root: Path) -> None:
    data = UCSD(root)
    assert [data.frame_labels(clip, 4).tolist() for clip in data.test_clips()] == [
        [False, True, True, False],
        [False, False, False, False],
    ]


def test_regions_are_components_of_the_mask(root: Path) -> None:
    data = UCSD(root)
    assert [[boxes.tolist() for boxes in data.region_truth(clip, 4)] for clip in data.test_clips()] == [
        [[], [[4, 3, 8, 6]], [[4, 3, 8, 6]], []],
        [[], [], [], []],
    ]


@pytest.mark.parametrize(
    ("strokes", "expected"),
    [
        ([(slice(2, 4), slice(3, 8))], [[3, 2, 8, 4]]),
        ([(slice(2, 5), slice(3, 6))], []),
        ([(slice(2, 5), slice(3, 6)), (5, 6)], [[3, 2, 7, 6]]),
        ([(slice(0, 24), slice(0, 36))], [[0, 0, 36, 24]]),
        ([(slice(0, 4), slice(0, 3)), (slice(20, 24), slice(33, 36)), (9, 9)], [[0, 0, 3, 4], [33, 20, 36, 24]]),
    ],
    ids=["ten pixels", "nine are a speck", "joined by a corner", "all of it", "two and a speck"],
)
def test_regions_by_hand(
    root: Path, strokes: list[tuple[slice | int, slice | int]], expected: list[list[float]]
) -> None:
    mask = np.zeros((24, 36), np.uint8)
    for stroke in strokes:
        mask[stroke] = 255
    cv2.imwrite(str(root / "Test/Test002_gt/frame003.bmp"), mask)
    data = UCSD(root)
    found = data.region_truth(data.test_clips()[1], 4)[2]
    assert found.dtype == np.float32 and sorted(found.tolist()) == expected


def test_truth_of_a_part_of_a_clip(root: Path) -> None:
    data = UCSD(root)
    part = replace(data.test_clips()[0], start=1, stop=3)
    assert data.frame_labels(part, 2).all() and [len(boxes) for boxes in data.region_truth(part, 2)] == [1, 1]
    with pytest.raises(DataError, match="2 masks, but Test001 has 4 frames"):
        data.region_truth(part, 4)


def _drop_masks(root: Path) -> None:
    for mask in (root / "Test/Test001_gt").iterdir():
        mask.unlink()
    (root / "Test/Test001_gt").rmdir()


def _drop_one(root: Path) -> None:
    (root / "Test/Test001_gt/002.bmp").unlink()


def _add_one(root: Path) -> None:
    picture(root / "Test/Test001_gt/005.bmp", 0)


def _spoil_one(root: Path) -> None:
    (root / "Test/Test001_gt/002.bmp").write_bytes(b"BM no picture")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_drop_masks, "Test001_gt.*no masks for Test001"),
        (_drop_one, "3 masks, but Test001 has 4 frames"),
        (_add_one, "5 masks, but Test001 has 4 frames"),
        (_spoil_one, r"002\.bmp.*no picture"),
    ],
)
def test_masks_that_do_not_fit(root: Path, change: Callable[[Path], None], message: str) -> None:
    change(root)
    data = UCSD(root)
    with pytest.raises(DataError, match=message):
        data.frame_labels(data.test_clips()[0], 4)
    with pytest.raises(DataError, match=message):
        data.region_truth(data.test_clips()[0], 4)


def test_a_root_without_clips(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds Train and Test"):
        UCSD(tmp_path).train_clips()


@pytest.mark.parametrize(
    ("name", "folder", "message"), [("mars", "", "own, ucsd"), ("ucsd", "nothing", "no such folder")]
)
def test_what_cannot_be_opened(tmp_path: Path, name: str, folder: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_dataset(name, tmp_path / folder)


def test_the_real_set() -> None:
    root = Path(os.environ.get("SSMTL_SHARED", "../shared")) / "data" / "UCSDped2"
    if not root.is_dir():
        pytest.skip(f"{root} is not there; set SSMTL_SHARED to the folder that holds data/UCSDped2")
    data = UCSD(root)
    assert len(data.train_clips()) == 16
    for clip in data.test_clips():
        frames = sum(1 for path in clip.path.iterdir() if path.suffix == ".jpg")
        # The tracks were derived from the same masks, regions of fewer than 10 pixels left out.
        tracks = np.loadtxt(root / "tracks" / f"{clip.name}.txt", delimiter=",", ndmin=2)
        labels = data.frame_labels(clip, frames)
        in_tracks = np.isin(np.arange(frames), tracks[:, 1])
        assert labels[in_tracks].all() and (labels & ~in_tracks).mean() < 0.05
        # Those boxes name their last pixel.
        expected = [sorted((tracks[tracks[:, 1] == i, 2:] + [0, 0, 1, 1]).tolist()) for i in range(frames)]
        assert [sorted(boxes.tolist()) for boxes in data.region_truth(clip, frames)] == expected

"""Regions of masks, and which of them make one track."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssmtl.datasets.masks import component_boxes, derive_tracks, link_boxes, read_mask_picture, read_masks
from ssmtl.errors import DataError
from ssmtl.formats.records import Tracks
from ssmtl.formats.tracks import read_tracks

from .miniatures import paint

Box = tuple[int, int, int, int]


@pytest.mark.parametrize(
    ("strokes", "expected"),
    [
        ([], []),
        ([(slice(2, 4), slice(3, 8))], [[3, 2, 8, 4]]),
        ([(slice(2, 5), slice(3, 6))], []),
        ([(slice(2, 5), slice(3, 6)), (5, 6)], [[3, 2, 7, 6]]),
        ([(slice(0, 24), slice(0, 36))], [[0, 0, 36, 24]]),
        ([(slice(0, 4), slice(0, 3)), (slice(20, 24), slice(33, 36)), (9, 9)], [[0, 0, 3, 4], [33, 20, 36, 24]]),
    ],
    ids=["empty", "ten pixels", "nine are a speck", "joined by a corner", "all of it", "two and a speck"],
)
@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float64, np.int16])
def test_regions_by_hand(
    strokes: list[tuple[slice | int, slice | int]], expected: list[list[float]], dtype: type
) -> None:
    mask = np.zeros((24, 36), dtype)
    for stroke in strokes:
        mask[stroke] = 1
    found = component_boxes(mask)
    assert found.shape == (len(expected), 4) and sorted(found.tolist()) == expected


def moved(box: Box, x: int) -> Box:
    return box[0] + x, box[1], box[2] + x, box[3]


A, B = (0, 0, 10, 10), (40, 0, 50, 10)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([], []),
        ([[]], []),
        ([[A]], [0]),
        ([[A], [A]], [0, 0]),
        ([[A], [], [A]], [0, 1]),
        ([[], [A, B], [B, A]], [0, 1, 1, 0]),
        # Overlaps of 1/19, 2/18, and a tenth, which is not above a tenth.
        ([[A], [moved(A, 9)]], [0, 1]),
        ([[A], [moved(A, 8)]], [0, 0]),
        ([[(0, 0, 11, 1)], [(9, 0, 20, 1)]], [0, 1]),
        ([[(0, 0, 10, 1)], [(0, 0, 1, 1)]], [0, 1]),
        ([[(0, 0, 10, 1)], [(0, 0, 2, 1)]], [0, 0]),
        # Two continue one: the better overlap wins, whichever is listed first.
        ([[A], [moved(A, 3), moved(A, 1)]], [0, 1, 0]),
        ([[A], [moved(A, 1), moved(A, 3)]], [0, 0, 1]),
        # The loser takes the next best that is free.
        ([[A, moved(A, 5)], [A, moved(A, 1)]], [0, 1, 0, 1]),
        # Two come together: the one that overlaps more goes on, the other ends.
        ([[A, moved(A, 6)], [moved(A, 1)], [moved(A, 1)]], [0, 1, 0, 0]),
        ([[A], [B], [A]], [0, 1, 2]),
        ([[(3, 3, 3, 3)], [(3, 3, 3, 3)]], [0, 1]),
    ],
    ids=str,
)
def test_links_by_hand(frames: list[list[Box]], expected: list[int]) -> None:
    tracks = link_boxes(frames)
    assert tracks.ids.tolist() == expected and tracks.derived
    assert tracks.frames.tolist() == [i for i, boxes in enumerate(frames) for _ in boxes]
    assert [tuple(box) for box in tracks.boxes.tolist()] == [box for boxes in frames for box in boxes]
    assert tracks.boxes.shape == (len(expected), 4)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_masks_as_a_whole(count: int) -> None:
    masks = np.zeros((count, 24, 36), np.uint8)
    masks[1:3, 4:8, 5:10] = 255
    masks[3:, 0, 0] = 1
    found = read_masks(iter(masks))
    assert found.labels.dtype == bool and found.labels.tolist() == [False, True, True, True][:count]
    assert found.tracks.frames.tolist() == ([1, 2] if count == 4 else []), "one pixel is abnormal, but no region"
    assert derive_tracks(masks).boxes.tolist() == [[5, 4, 10, 8]] * len(found.tracks)


def test_a_picture_of_a_mask(tmp_path: Path) -> None:
    paint(tmp_path / "a.bmp", [(3, 4)])
    assert np.argwhere(read_mask_picture(tmp_path / "a.bmp")).tolist() == [[3, 4]]
    (tmp_path / "empty.bmp").touch()
    (tmp_path / "junk.bmp").write_bytes(b"BM no picture")
    for name, message in [("empty.bmp", "no picture"), ("junk.bmp", "no picture"), ("none.bmp", "cannot be read")]:
        with pytest.raises(DataError, match=f"{name}: .*{message}"):
            read_mask_picture(tmp_path / name)


def shared() -> Path:
    root = Path(os.environ.get("SSMTL_SHARED", "../shared")) / "data" / "UCSDped2"
    if not root.is_dir():
        pytest.skip(f"{root} is not there; set SSMTL_SHARED to the folder that holds data/UCSDped2")
    return root


def as_sets(tracks: Tracks) -> set[frozenset[tuple[float, ...]]]:
    """The tracks without their numbers: for each its frames and boxes."""
    table = np.column_stack([tracks.frames, tracks.boxes])
    return {frozenset(map(tuple, table[tracks.ids == i].tolist())) for i in np.unique(tracks.ids)}


def test_the_annotation_of_ped2_is_what_its_masks_say() -> None:
    root, seen = shared(), 0
    for path in sorted((root / "tracks").glob("*.txt")):
        masks = sorted((root / "Test" / f"{path.stem}_gt").iterdir())
        derived = derive_tracks(cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE) for mask in masks)
        given = read_tracks(path)
        assert len(derived) == len(given) and as_sets(derived) == as_sets(given), path.stem
        seen += 1
    assert seen >= 6

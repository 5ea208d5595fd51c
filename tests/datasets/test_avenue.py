"""CUHK Avenue's masks in Matlab files, and what may be wrong with them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from ssmtl.datasets.avenue import Avenue
from ssmtl.errors import DataError

from .miniatures import FRAMES, LABELS, avenue, masks, pictures, video, write_volume

MASKS = "ground_truth_demo/testing_label_mask"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return avenue(tmp_path)


@pytest.mark.parametrize("cells", [True, False])
@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float64])
def test_forms_of_the_volume(root: Path, cells: bool, dtype: type) -> None:
    write_volume(root / MASKS / "1_label.mat", masks(True).astype(dtype), cells)
    data = Avenue(root)
    clip = data.test_clips()[0]
    assert data.frame_labels(clip, FRAMES).tolist() == LABELS
    tracks = data.tracks(clip, FRAMES)
    assert tracks is not None and len(tracks) == 3 and tracks.derived


@pytest.mark.parametrize("cells", [True, False])
def test_a_clip_of_one_frame(tmp_path: Path, cells: bool) -> None:
    video(tmp_path / "testing_videos/01.avi", 1)
    write_volume(tmp_path / MASKS / "1_label.mat", masks(True)[2:3], cells)
    data = Avenue(tmp_path)
    assert data.frame_labels(data.test_clips()[0], 1).tolist() == [True]


def test_a_column_of_cells(root: Path) -> None:
    cells = np.empty((FRAMES, 1), object)
    cells[:, 0] = list(masks(True))
    savemat(root / MASKS / "1_label.mat", {"volLabel": cells})
    data = Avenue(root)
    assert data.frame_labels(data.test_clips()[0], FRAMES).tolist() == LABELS


def _remove(path: Path) -> None:
    path.unlink()


def _shorten(path: Path) -> None:
    write_volume(path, masks(True, 5))


def _lengthen(path: Path) -> None:
    write_volume(path, masks(True, 8))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("no Matlab file, but long enough for a header of one" * 10)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _rename_key(path: Path) -> None:
    savemat(path, {"labels": masks(True)})


def _newer(path: Path) -> None:
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(header.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n" + bytes(512))


def _words(path: Path) -> None:
    savemat(path, {"volLabel": np.array(["abc"], object)})


def _empty_cell(path: Path) -> None:
    cells = np.empty((1, FRAMES), object)
    cells[0] = [*masks(True)[:-1], np.empty((0, 0))]
    savemat(path, {"volLabel": cells})


def _other_size(path: Path) -> None:
    cells = np.empty((1, FRAMES), object)
    cells[0] = [*masks(True)[:-1], np.zeros((3, 4))]
    savemat(path, {"volLabel": cells})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_remove, r"no masks for 01 in ground_truth_demo/testing_label_mask, named like 1_label\.mat; copy"),
        (_shorten, r"1_label\.mat: 5 masks, but 01 has 6 frames"),
        (_lengthen, r"1_label\.mat: 8 masks, but 01 has 6 frames"),
        (_empty, r"1_label\.mat: is no Matlab file, or damaged"),
        (_text, r"1_label\.mat: is no Matlab file, or damaged"),
        (_cut, r"1_label\.mat: is no Matlab file, or damaged"),
        (_rename_key, r"1_label\.mat: has no variable volLabel"),
        (_newer, r"1_label\.mat: is in Matlab's format 7\.3"),
        (_words, r"1_label\.mat: volLabel has no mask of H×W numbers for frame 0"),
        (_empty_cell, r"1_label\.mat: volLabel has no mask of H×W numbers for frame 5"),
        (_other_size, r"1_label\.mat: the mask of frame 5 differs in size"),
    ],
)
def test_masks_that_do_not_fit(root: Path, change: Callable[[Path], None], message: str) -> None:
    change(root / MASKS / "1_label.mat")
    data = Avenue(root)
    first, second = data.test_clips()
    for ask in (data.frame_labels, data.tracks):
        with pytest.raises(DataError, match=message):
            ask(first, FRAMES)
        ask(second, FRAMES)


def test_no_masks_at_all(root: Path) -> None:
    for path in (root / MASKS).iterdir():
        path.unlink()
    data = Avenue(root)
    assert data.tracks(data.test_clips()[0], FRAMES) is None
    with pytest.raises(DataError, match="no masks for 01"):
        data.frame_labels(data.test_clips()[0], FRAMES)


def test_two_files_of_one_clip(root: Path) -> None:
    write_volume(root / MASKS / "001_label.mat", masks(True))
    data = Avenue(root)
    with pytest.raises(DataError, match="are both of clip 01"):
        data.frame_labels(data.test_clips()[0], FRAMES)


def test_footage_that_cannot_be_read(root: Path) -> None:
    (root / "testing_videos/02.avi").write_bytes(b"")
    pictures(root / "testing_videos/03", ".jpg")
    data = Avenue(root)
    assert [clip.name for clip in data.test_clips()] == ["01", "02"], "videos before pictures"
    problems = [problem for item in data.check() for problem in item.problems]
    assert any("02.avi: is empty" in problem for problem in problems)

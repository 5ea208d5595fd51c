"""ShanghaiTech's masks in NumPy files, and what may be wrong with them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssmtl.datasets.shanghaitech import ShanghaiTech
from ssmtl.errors import DataError

from .miniatures import FRAMES, LABELS, masks, shanghaitech

CLIP = "01_0014"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return shanghaitech(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        np.array(LABELS),
        np.array(LABELS, np.float32),
        np.array(LABELS, np.uint8)[:, None] * 255,
        np.array(LABELS, np.int64)[None],
    ],
    ids=["bool", "float", "column of 255", "row"],
)
def test_forms_of_frame_masks(root: Path, values: np.ndarray) -> None:
    np.save(root / f"testing/test_frame_mask/{CLIP}.npy", values)
    data = ShanghaiTech(root)
    assert data.frame_labels(data.test_clips()[0], FRAMES).tolist() == LABELS


def test_frame_masks_rule(root: Path) -> None:
    np.save(root / f"testing/test_frame_mask/{CLIP}.npy", np.arange(FRAMES) == 0)
    data = ShanghaiTech(root)
    clip = data.test_clips()[0]
    assert np.flatnonzero(data.frame_labels(clip, FRAMES)).tolist() == [0]
    tracks = data.tracks(clip, FRAMES)
    assert tracks is not None and tracks.frames.tolist() == [2, 3, 4]


def test_no_pixel_masks_at_all(root: Path) -> None:
    for path in (root / "testing/test_pixel_mask").iterdir():
        path.unlink()
    data = ShanghaiTech(root)
    assert [data.tracks(clip, FRAMES) for clip in data.test_clips()] == [None, None]
    assert data.frame_labels(data.test_clips()[0], FRAMES).tolist() == LABELS
    for path in (root / "testing/test_frame_mask").iterdir():
        path.unlink()
    data = ShanghaiTech(root)
    with pytest.raises(DataError, match=r"no 01_0014\.npy in testing/test_frame_mask or testing/test_pixel_mask"):
        data.frame_labels(data.test_clips()[0], FRAMES)


def test_one_pixel_mask_missing(root: Path) -> None:
    (root / "testing/test_pixel_mask/01_0015.npy").unlink()
    data = ShanghaiTech(root)
    tracks = data.tracks(data.test_clips()[1], FRAMES)
    assert tracks is not None and len(tracks) == 0, "nothing is abnormal in it"
    np.save(root / "testing/test_pixel_mask/01_0015.npy", masks(True))
    (root / f"testing/test_pixel_mask/{CLIP}.npy").unlink()
    data = ShanghaiTech(root)
    with pytest.raises(DataError, match=r"no 01_0014\.npy in testing/test_pixel_mask, but it has abnormal frames"):
        data.tracks(data.test_clips()[0], FRAMES)


def _shorten(path: Path) -> None:
    np.save(path, np.load(path)[:-1])


def _lengthen(path: Path) -> None:
    np.save(path, np.concatenate([np.load(path)] * 2))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("0 0 1 1")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def _objects(path: Path) -> None:
    np.save(path, np.array([[1], [1, 2]], object))


def _archive(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, masks(True))


def _words(path: Path) -> None:
    np.save(path, np.array(["a"] * FRAMES))


def _shape(path: Path) -> None:
    np.save(path, np.zeros((FRAMES, 2)))


def _scalar(path: Path) -> None:
    np.save(path, np.float64(1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_shorten, "5 (masks|labels), but 01_0014 has 6 frames"),
        (_lengthen, "12 (masks|labels), but 01_0014 has 6 frames"),
        (_empty, "is no array of NumPy, or damaged"),
        (_text, "is no array of NumPy, or damaged"),
        (_cut, "is no array of NumPy, or damaged"),
        (_objects, "is no array of NumPy, or damaged"),
        (_archive, "holds no array of numbers"),
        (_words, "holds no array of numbers"),
        (_shape, r"has the shape \(6, 2\), not"),
        (_scalar, r"has the shape \(\), not"),
    ],
)
@pytest.mark.parametrize("kind", ["frame", "pixel"])
def test_masks_that_do_not_fit(root: Path, kind: str, change: Callable[[Path], None], message: str) -> None:
    change(root / f"testing/test_{kind}_mask/{CLIP}.npy")
    data = ShanghaiTech(root)
    ask = data.frame_labels if kind == "frame" else data.tracks
    with pytest.raises(DataError, match=rf"test_{kind}_mask/01_0014\.npy: {message}"):
        ask(data.test_clips()[0], FRAMES)
    ask(data.test_clips()[1], FRAMES)


def test_values_that_are_not_finite(root: Path) -> None:
    np.save(root / f"testing/test_frame_mask/{CLIP}.npy", np.full(FRAMES, np.nan))
    data = ShanghaiTech(root)
    with pytest.raises(DataError, match="not finite"):
        data.frame_labels(data.test_clips()[0], FRAMES)

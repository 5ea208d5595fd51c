import cv2
import numpy as np
import pytest

from ssmtl.errors import SourceError
from ssmtl.video import folders
from ssmtl.video.folders import PictureFolder, natural_key

from .clips import has_true_colours, index_of, picture, truncate, write_picture, write_pictures


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".JPG", ".bmp", ".tif", ".tiff"])
def test_kinds_of_pictures(tmp_path, suffix):
    frames = list(PictureFolder(write_pictures(tmp_path / "clip", 12, suffix)))
    assert [index_of(frame.image) for frame in frames] == list(range(12))  # natural order: 2 before 10
    assert all(has_true_colours(frame.image) for frame in frames)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (np.array([[0, 100], [200, 255]], np.uint8), [[0, 100], [200, 255]]),
        (np.array([[0, 100], [200, 255]], np.uint16) * 257, [[0, 100], [200, 255]]),
    ],
    ids=["8 bits", "16 bits"],
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_grey(tmp_path, suffix, stored, expected):
    write_picture(tmp_path / f"0{suffix}", stored)
    (frame,) = PictureFolder(tmp_path)
    assert frame.image.dtype == np.uint8
    np.testing.assert_array_equal(frame.image, np.dstack([expected] * 3))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 1), (np.uint16, 257)])
def test_alpha_is_dropped(tmp_path, suffix, dtype, scale):
    stored = np.zeros((2, 3, 4), dtype)
    stored[:] = np.array([10, 20, 30, 0]) * scale
    write_picture(tmp_path / f"0{suffix}", stored)
    (frame,) = PictureFolder(tmp_path)
    np.testing.assert_array_equal(frame.image, np.full((2, 3, 3), (10, 20, 30)))


def test_orientation_of_a_photograph_is_applied(tmp_path):
    path = tmp_path / "0.jpg"
    write_picture(path, np.ascontiguousarray(np.rot90(picture(5))))
    # Exif: little endian, one entry, orientation (0x112) = 6: turn clockwise to show
    tiff = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + bytes(4)
    exif = b"Exif\0\0" + tiff
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    (frame,) = PictureFolder(tmp_path)
    assert frame.image.shape == (64, 96, 3)
    assert index_of(frame.image) == 5


def test_other_files_are_left_out(tmp_path):
    folder = write_pictures(tmp_path / "clip", 2)
    for name in ("Thumbs.db", "._0.png", ".hidden.png", "notes.txt", "no_ending"):
        (folder / name).write_bytes(b"no picture")
    (folder / "folder.png").mkdir()
    source = PictureFolder(folder)
    assert (source.expected_frames, len(list(source)), source.undecodable) == (2, 2, 0)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
@pytest.mark.parametrize("part", [0, 0.3, 0.9])
def test_undecodable_pictures_are_counted(tmp_path, suffix, part):
    folder = write_pictures(tmp_path / "clip", 4, suffix)
    truncate(folder / f"1{suffix}", part)
    source = PictureFolder(folder, rate=10)
    for _ in range(2):  # the count is that of one iteration
        frames = list(source)
        assert [index_of(frame.image) for frame in frames] == [0, 2, 3]
        assert [frame.index for frame in frames] == [0, 1, 2]
        assert [frame.time_s for frame in frames] == [0, 0.1, 0.2]
        assert (source.undecodable, source.expected_frames) == (1, 4)


def test_reads_one_picture_at_a_time(tmp_path, monkeypatch):
    read = []
    decode = cv2.imdecode
    monkeypatch.setattr(folders.cv2, "imdecode", lambda *args: read.append(1) or decode(*args))
    frames = iter(PictureFolder(write_pictures(tmp_path / "clip", 6)))
    for expected in (1, 2, 3):
        next(frames)
        assert len(read) == expected


def test_sizes_must_agree(tmp_path):
    folder = write_pictures(tmp_path / "clip", 3)
    write_picture(folder / "2.png", picture(2, 128, 192))
    frames = iter(PictureFolder(folder))
    assert [next(frames).index, next(frames).index] == [0, 1]
    with pytest.raises(SourceError, match=r"2\.png: is 192×128 but 0\.png is 96×64; "):
        next(frames)


def missing(path):
    pass


def a_file(path):
    path.write_bytes(b"x")


def no_pictures(path):
    path.mkdir()
    (path / "clip.mp4").write_bytes(b"x")


def nothing_decodes(path):
    path.mkdir()
    (path / "0.png").write_bytes(b"x")
    (path / "1.jpg").write_bytes(b"")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (missing, "no such folder"),
        (a_file, "is a file; name a folder"),
        (lambda path: path.mkdir(), "holds no pictures"),
        (no_pictures, "holds no pictures"),
        (nothing_decodes, "none of its 2 pictures could be decoded"),
    ],
)
def test_errors_name_the_folder(tmp_path, make, message):
    path = tmp_path / "clip"
    make(path)
    with pytest.raises(SourceError, match=message) as caught:
        list(PictureFolder(path))
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_rate_must_be_positive(tmp_path, rate):
    with pytest.raises(ValueError, match="rate must be positive"):
        PictureFolder(write_pictures(tmp_path / "clip", 1), rate)


@pytest.mark.parametrize(
    "ordered",
    [
        [],
        ["a"],
        ["1", "2", "10"],
        ["frame2.png", "frame10.png", "frame100.png"],
        ["a1b2", "a1b10", "a2b1"],
        ["01", "1", "02", "2"],
        ["2", "A", "b", "C"],
        ["Test001", "Test002", "test003"],
    ],
)
def test_natural_order(ordered):
    backwards = ordered[::-1]
    assert sorted(backwards, key=natural_key) == ordered

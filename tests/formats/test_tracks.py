"""Ground-truth tracks in the field's form and others."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ssmtl.errors import DataError
from ssmtl.formats.records import Tracks
from ssmtl.formats.tracks import read_tracks, read_tracks_folder

WANTED = [[7, 0, 1, 2, 4, 6], [0, 3, 0, 0, 1, 1]]
"""Track, frame and half-open box of each region."""


def rows(tracks: Tracks) -> list[list[float]]:
    assert tracks.frames.dtype == tracks.ids.dtype == np.int64 and not tracks.derived
    return np.column_stack([tracks.ids, tracks.frames, tracks.boxes]).tolist()


COCO = {
    "images": [{"id": i, "file_name": f"clip/{i}.jpg"} for i in range(4)],
    "annotations": [
        {"image_id": 0, "bbox": [1, 2, 3, 4], "track_id": 7},
        {"image_id": 3, "bbox": [0, 0, 1, 1], "instance_id": 0},
    ],
}

TEXTS = {
    "plain": ("clip.txt", "7,0,1,2,3,5\n0,3,0,0,0,0\n"),
    "blanks and comments": ("clip.txt", "\ufeff# id frame box\r\n7 0 1 2 3 5\r\n\r\n0 3 0 0 0 0\r\n\r\n"),
    "MOT": ("clip.txt", "1,7,1,2,3,4,1,1,1\n4,0,0,0,1,1,1,1,0.2\n"),
    "MOT, some not to be counted": ("clip.txt", "9,1,1,1,1,1,0,1,1\n1,7,1,2,3,4,1,1,1\n4,0,0,0,1,1,1,1,0.2\n"),
    "MOT's folder": ("clip/gt/gt.txt", "1,7,1,2,3,4,1\n4,0,0,0,1,1,1\n"),
    "CSV": ("clip.csv", "frame,track,x_min,y_min,x_max,y_max\n0,7,1,2,4,6\n3,0,0,0,1,1\n"),
    "COCO": ("all.json", json.dumps(COCO)),
}


@pytest.mark.parametrize(("file", "text"), TEXTS.values(), ids=TEXTS)
def test_every_form(tmp_path: Path, file: str, text: str) -> None:
    path = write(tmp_path / file, text)
    assert rows(read_tracks(path)) == WANTED
    for place in (path, tmp_path):
        assert {clip: rows(tracks) for clip, tracks in read_tracks_folder(place).items()} == {"clip": WANTED}


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_arrays(tmp_path: Path, dtype: type) -> None:
    array = np.array([[7, 0, 1, 2, 3, 5], [0, 3, 0, 0, 0, 0]], dtype)
    np.save(tmp_path / "clip.npy", array)
    assert rows(read_tracks(tmp_path / "clip.npy")) == WANTED
    np.savez(tmp_path / "all.npz", clip=array, other=array[:0])
    found = read_tracks_folder(tmp_path / "all.npz")
    assert {clip: rows(tracks) for clip, tracks in found.items()} == {"clip": WANTED, "other": []}
    with pytest.raises(DataError, match=r"all\.npz: holds tracks of clip, other; name a file of one clip"):
        read_tracks(tmp_path / "all.npz")


@pytest.mark.parametrize("text", ["", "\n", "# nothing abnormal\n", "1,2,0,0,5,5,0\n"])
def test_nothing_abnormal(tmp_path: Path, text: str) -> None:
    found = read_tracks(write(tmp_path / "clip.txt", text))
    assert rows(found) == [] and found.ids.shape == (0,)
    assert [boxes.shape for boxes in found.by_frame(2)] == [(0, 4), (0, 4)]


def test_an_archive_of_no_clip(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz")
    assert len(read_tracks(tmp_path / "all.npz")) == 0 and read_tracks_folder(tmp_path / "all.npz") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,1,2,3,4\n", "line 1: has 5 columns; write track, frame, x_min"),
        ("0,0,1,1,2,2\n0.5,0,1,1,2,2\n", "line 2: track is 0.5; it must be a whole number"),
        ("-1,0,1,1,2,2\n", "line 1: track is -1"),
        ("0,0,1,1,0,2\n", "line 1: not a box"),
        ("0,x,1,1,2,2\n", "line 1: column 2 is 'x'"),
        ("1,-1,0,0,5,5,0.3\n", "line 1: track is -1"),
    ],
)
def test_bad_files_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"clip\.txt, {message}"):
        read_tracks(write(tmp_path / "clip.txt", text))


def test_annotations_without_tracks(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps([{"image_id": "a/0", "bbox": [0, 0, 1, 1]}]))
    with pytest.raises(DataError, match=r"annotation 0 from 0: has no track"):
        read_tracks(path)


def test_a_folder_without_tracks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no tracks; .*gt/gt\.txt"):
        read_tracks_folder(tmp_path)


def test_the_field_s_files() -> None:
    folder = Path(os.environ.get("SSMTL_SHARED", "../shared")) / "data/UCSDped2/tracks"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there; set SSMTL_SHARED to the folder that holds data/UCSDped2")
    for clip, tracks in read_tracks_folder(folder).items():
        lines = [[int(v) for v in line.split(",")] for line in (folder / f"{clip}.txt").read_text().split()]
        assert rows(tracks) == [[i, f, a, b, c + 1, d + 1] for i, f, a, b, c, d in lines] and lines


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path

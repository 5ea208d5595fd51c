"""Found regions in every form: one convention comes out, and a mistake is named with its place."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssmtl.errors import DataError
from ssmtl.formats.records import ScoredRegions
from ssmtl.formats.regions import read_regions

HEADER = "frame,x_min,y_min,x_max,y_max,score"
WANTED = {"a": [[0, 1, 2, 4, 6, 0.5], [3, 0, 0, 1, 1, -2.25]], "b": []}
"""Frame, half-open box and score of each region."""

INCLUSIVE = np.array([[0, 1, 2, 3, 5, 0.5], [3, 0, 0, 0, 0, -2.25]])
MOT = "1,-1,1,2,3,4,0.5,-1,-1,-1\n4,-1,0,0,1,1,-2.25,-1,-1,-1\n"
COCO = {
    "images": [{"id": i, "file_name": f"a/{i:03d}.jpg"} for i in range(5)] + [{"id": 9, "file_name": "b/000.jpg"}],
    "annotations": [
        {"image_id": 0, "bbox": [1, 2, 3, 4], "score": 0.5},
        {"image_id": 3, "bbox": [0, 0, 1, 1], "score": -2.25},
    ],
}


def rows(regions: ScoredRegions) -> list[list[float]]:
    assert regions.frames.dtype == np.int64 and regions.boxes.shape == (len(regions), 4)
    return np.column_stack([regions.frames, regions.boxes, regions.scores]).tolist()


def ours(folder: Path) -> Path:
    header = f"{HEADER},origin,label,arrow_of_time\n"
    write(folder / "a/regions.csv", header + "0,1,2,4,6,0.5,flow,motion,0.1\n3,0,0,1,1,-2.25,onnx,car,0.2\n")
    write(folder / "b/regions.csv", header)
    write(folder / "a/scores.csv", "frame,time_s,score\n0,0,1\n")
    write(folder / "summary.json", "{}")
    return folder


def csv_files(folder: Path) -> Path:
    write(folder / "a.csv", "score,frame,y_max,x_max,y_min,x_min\r\n0.5,0,6,4,2,1\r\n-2.25,3,1,1,0,0\r\n\r\n")
    write(folder / "b.csv", HEADER)
    return folder


def text_files(folder: Path) -> Path:
    write(folder / "a.txt", "0,1,2,3,5,0.5\n3,0,0,0,0,-2.25\n")
    write(folder / "b.txt", "")
    return folder


def text_with_blanks(folder: Path) -> Path:
    write(folder / "a.txt", "\ufeff# frame box score\r\n0 1 2 3 5 0.5\r\n\r\n3 0 0 0 0 -2.25\r\n\r\n")
    write(folder / "b.txt", "\n")
    return folder


def arrays(folder: Path) -> Path:
    np.save(folder / "a.npy", INCLUSIVE)
    np.save(folder / "b.npy", np.empty(0))
    return folder


def one_archive(folder: Path) -> Path:
    np.savez(folder / "all.npz", a=INCLUSIVE, b=np.empty((0, 6), np.float32))
    return folder / "all.npz"


def mot_files(folder: Path) -> Path:
    write(folder / "a.txt", MOT)
    write(folder / "b.txt", "")
    return folder


def mot_folders(folder: Path) -> Path:
    write(folder / "a/det/det.txt", MOT.replace(",-1,-1,-1\n", "\n"))
    write(folder / "b/det/det.txt", "")
    write(folder / "a/gt/gt.txt", "1,1,9,9,9,9,1,1,1\n")
    return folder


def coco(folder: Path) -> Path:
    return write(folder / "all.json", json.dumps(COCO))


def coco_in_a_folder(folder: Path) -> Path:
    coco(folder)
    return folder


FORMS = [
    ours,
    csv_files,
    text_files,
    text_with_blanks,
    arrays,
    one_archive,
    mot_files,
    mot_folders,
    coco,
    coco_in_a_folder,
]


@pytest.mark.parametrize("make", FORMS)
def test_every_form(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    found = read_regions(make(tmp_path))
    assert {clip: rows(regions) for clip, regions in found.items()} == WANTED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"clip,{HEADER}\n", {}),
        (f"clip,{HEADER}\nb,1,0,0,1,1,5\na,0,1,2,4,6,0.5\nb,0,0,0,2,2,6\n", {"b": [1, 0], "a": [0]}),
        (f"{HEADER}\n0,0,0,1,1,5\n", {"all": [0]}),
        (HEADER, {"all": []}),
    ],
)
def test_one_csv(tmp_path: Path, text: str, expected: dict[str, list[int]]) -> None:
    found = read_regions(write(tmp_path / "all.csv", text))
    assert {clip: regions.frames.tolist() for clip, regions in found.items()} == expected


@pytest.mark.parametrize("place", ["clip.txt", "clip.npy", "clip.csv", "clip/regions.csv", "clip/det/det.txt"])
def test_a_single_file_is_of_the_clip_that_it_is_named_after(tmp_path: Path, place: str) -> None:
    path = write(tmp_path / place, HEADER if place.endswith("csv") else "")
    if path.suffix == ".npy":
        np.save(path, np.empty((0, 6)))
    assert list(read_regions(path)) == ["clip"]


def test_results_without_images(tmp_path: Path) -> None:
    results = [{"image_id": "a/000004", "bbox": [0, 0, 1, 1], "score": 1}]
    path = write(tmp_path / "all.json", json.dumps(results))
    with pytest.raises(DataError, match="first-frame"):
        read_regions(path)
    assert read_regions(path, first_frame=1)["a"].frames.tolist() == [3]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("a.csv", "frame,x_min,y_min,x_max,y_max\n", "no column 'score'"),
        ("a.csv", f"{HEADER}\n0,0,0,1,1,\n", "line 2: score is ''"),
        ("a.csv", f"clip,{HEADER}\n,0,0,0,1,1,1\n", "line 2: the clip has no name"),
        ("a.csv", f"clip,{HEADER}\nb,0,0,0,1,1,1\nc,0,5,0,1,1,1\n", "line 3: not a box: needs x_min < x_max"),
        ("a.csv", f"{HEADER}\n0,1,1,1,2,1\n", "line 2: not a box: needs x_min < x_max"),
        ("a.txt", "0,1,1,1,2,1\n0,2,1,1,2,1\n", "line 2: not a box: needs x_min <= x_max"),
        ("a.txt", "0,1,1,0.5,2,1\n", "line 1: not a box"),
        ("a.txt", "0.5,1,1,1,2,1\n", "line 1: frame is 0.5; it must be a whole number with frame >= 0"),
        ("a.txt", "-1,1,1,1,2,1\n", "line 1: frame is -1"),
        ("a.txt", "1e300,1,1,1,2,1\n", "line 1: frame is 1e[+]300"),
        ("a.txt", "0,1,2,3\n", "line 1: has 4 columns; write frame, x_min, y_min, x_max, y_max, score, or MOT's"),
        ("a.txt", f"{HEADER}\n", "line 1: column 1 is 'frame'"),
        ("a.txt", "0,-1,1,2,3,4,0.5\n", "line 1: frame is 0; .*frame >= 1"),
        ("a.txt", "1,-1,1,2,3,4,0.5\n\n2,-1,1,2,0,4,0.5\n", "line 3: not a box"),
        ("a.txt", "1,0.5,1,2,3,4,0.5\n", "line 1: id is 0.5; 7 columns are MOT's: frame, id, left"),
        ("a.json", '[{"image_id": "a/0", "bbox": [0, 0, 1, 1]}]', "annotation 0 from 0: has no score"),
        ("a.json", '[{"image_id": "a/0", "bbox": [0, 0, 0, 1], "score": 1}]', "annotation 0 from 0: not a box"),
        ("a.xml", "", r"files that end in '.xml' are not read; write .csv, "),
        ("a", "", "files that end in 'nothing'"),
    ],
)
def test_bad_files_name_file_and_place(tmp_path: Path, file: str, text: str, message: str) -> None:
    path = write(tmp_path / file, text)
    with pytest.raises(DataError, match=f"{file}.*{message}"):
        read_regions(path)


@pytest.mark.parametrize("shape", [(6,), (2, 5), (1, 2, 6), (), (3, 0, 2)])
def test_arrays_of_another_shape(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.savez(tmp_path / "all.npz", clip=np.ones(shape))
    with pytest.raises(DataError, match=r"all\.npz, array 'clip': is .*; write M×6: frame"):
        read_regions(tmp_path / "all.npz")


def test_a_row_of_an_array_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", [[0, 0, 0, 1, 1, 0], [0, 0, 0, -1, 1, 0]])
    with pytest.raises(DataError, match=r"a\.npy, row 1 from 0: not a box"):
        read_regions(tmp_path / "a.npy")


def test_a_folder_without_regions(tmp_path: Path) -> None:
    write(tmp_path / "notes.md", "")
    with pytest.raises(DataError, match=r"holds no regions; looked for files that end in \.csv, .*regions\.csv"):
        read_regions(tmp_path)


def test_a_clip_in_two_files_of_a_folder(tmp_path: Path) -> None:
    for name in "xy":
        write(tmp_path / f"{name}.csv", f"clip,{HEADER}\na,0,0,0,1,1,1\n")
    with pytest.raises(DataError, match=r"x\.csv and .*y\.csv are both of clip a"):
        read_regions(tmp_path)


def test_what_is_no_file(tmp_path: Path) -> None:
    for name in ("none.csv", "none"):
        with pytest.raises(DataError, match=f"{name}: no such file or folder"):
            read_regions(tmp_path / name)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(("row", "fine"), [("1,-1,10,10,20,20,0.5", True), ("1,10,10,20,20,0.5,7", False)])
def test_seven_columns_that_are_not_mots_are_refused(tmp_path: Path, row: str, fine: bool) -> None:
    (tmp_path / "a.txt").write_text(row + "\n")
    if fine:
        assert read_regions(tmp_path / "a.txt")["a"].boxes.tolist() == [[10, 10, 30, 30]]
        return
    with pytest.raises(DataError, match=r"a\.txt, line 1: seven columns are read as MOT's"):
        read_regions(tmp_path / "a.txt")

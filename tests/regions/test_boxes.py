"""Boxes from a file: what is read, and which mistake is named how."""

from pathlib import Path

import numpy as np
import pytest

from ssmtl.errors import DataError
from ssmtl.regions.boxes import Boxes, BoxesSettings, read_boxes
from ssmtl.video.frame import Frame

from .pictures import NOTHING

HEADER = "frame,x_min,y_min,x_max,y_max"


def frame(index: int) -> Frame:
    return Frame(index, 0.0, np.zeros((50, 100, 3), np.uint8))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEADER, {}),
        (f"{HEADER}\n0,1,2,3,4\n", {0: [[1, 2, 3, 4]]}),
        (f"{HEADER}\n5,1,2,3,4\n0,5,6,7.5,8\n5,0,0,9,9\n", {5: [[1, 2, 3, 4], [0, 0, 9, 9]], 0: [[5, 6, 7.5, 8]]}),
        ("y_max,x_max,y_min,x_min,frame,note\n4,3,2,1,0,hello\n", {0: [[1, 2, 3, 4]]}),
        (f"\ufeff{HEADER}\r\n0,1,2,3,4\r\n\r\n", {0: [[1, 2, 3, 4]]}),
        (f"clip,{HEADER}\nother,0,1,2,3,4\nclip,1,5,6,7,8\n", {1: [[5, 6, 7, 8]]}),
        (f"clip,{HEADER}\nother,0,1,2,3,4\n", {}),
        (f"{HEADER}\n0,-3,-4,30,40\n", {0: [[-3, -4, 30, 40]]}),
    ],
    ids=["no rows", "one", "out of order", "columns in any order", "BOM", "two clips", "another clip", "negative"],
)
def test_good_files(tmp_path: Path, text: str, expected: dict[int, list[list[float]]]) -> None:
    file = tmp_path / "clip.csv"
    file.write_text(text, encoding="utf-8")
    found = read_boxes(file, "clip")
    assert {index: regions.boxes.tolist() for index, regions in found.items()} == expected
    assert all(set(regions.origin) == {"boxes"} for regions in found.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'frame'"),
        ("frame,x_min,y_min,x_max\n0,1,2,3\n", "no column 'y_max'.*frame, x_min, y_min, x_max, y_max"),
        (f"{HEADER}\n0,1,2,3,4\nzero,1,2,3,4\n", "line 3: .*zero"),
        (f"{HEADER}\n0,1,2,3\n", "line 2"),
        (f"{HEADER}\n0,1,2,3,\n", "line 2"),
        (f"{HEADER}\n1.5,1,2,3,4\n", "line 2"),
        (f"{HEADER}\n-1,1,2,3,4\n", "line 2: .*frame >= 0"),
        (f"{HEADER}\n0,3,2,3,4\n", "line 2: .*x_min < x_max"),
        (f"{HEADER}\n0,1,4,3,2\n", "line 2: .*y_min < y_max"),
        (f"{HEADER}\n0,1,2,nan,4\n", "line 2"),
        (f"{HEADER}\n0,1,2,inf,4\n", "line 2"),
        (f"{HEADER},confidence\n0,1,2,3,4,sure\n", "line 2: .*sure"),
        (f"{HEADER}\n0,1,2,3,4\n\nzero,1,2,3,4\n", "line 4: .*zero"),
        (f"{HEADER},confidence\n0,1,2,3,4,nan\n", "line 2"),
        (f"{HEADER},confidence\n0,1,2,3,4,7\n", "line 2"),
    ],
    ids=[
        "empty file",
        "no column",
        "no number",
        "short row",
        "empty field",
        "half a frame",
        "negative frame",
        "no width",
        "upside down",
        "not a number",
        "infinite",
        "confidence is no number",
        "after an empty line",
        "confidence nan",
        "confidence above one",
    ],
)
def test_bad_files_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "clip.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=f"clip.csv.*{message}"):
        Boxes(BoxesSettings(path=file), "clip")


@pytest.mark.parametrize("data", [HEADER.encode() + b"\n0,1,2,3,4\xff\n", b"\x89PNG\r\n\x1a\n\x00\x00"])
def test_files_that_are_no_text(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "clip.csv").write_bytes(data)
    with pytest.raises(DataError, match=r"clip\.csv"):
        read_boxes(tmp_path / "clip.csv", "clip")


@pytest.mark.parametrize("place", ["clip.csv", "clip/regions.csv"])
def test_a_folder_of_files(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(f"{HEADER},score,origin,label\n3,1,2,30,40,0.5,flow,motion\n")
    assert list(read_boxes(tmp_path, "clip")) == [3]
    with pytest.raises(DataError, match=r"no boxes for clip 'other'.*other\.csv"):
        read_boxes(tmp_path, "other")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv"):
        read_boxes(tmp_path / "none.csv", "clip")


@pytest.mark.parametrize(("minimum", "kept"), [(0.0, [1, 2, 3, 4]), (0.5, [2, 3, 4]), (0.51, [3, 4]), (1.0, [4])])
def test_confidence_and_label(tmp_path: Path, minimum: float, kept: list[int]) -> None:
    rows = ["0,1,0,9,9,0.1,car", "0,2,0,9,9,0.5,bus", "0,3,0,9,9,0.9,", "0,4,0,9,9,,dog"]
    (tmp_path / "clip.csv").write_text("\n".join([f"{HEADER},confidence,label", *rows]))
    found = read_boxes(tmp_path / "clip.csv", "clip", minimum)[0]
    assert found.boxes[:, 0].tolist() == kept
    labels = {1: "car", 2: "bus", 3: "object", 4: "dog"}
    assert found.label.tolist() == [labels[k] for k in kept]
    confidence = {1: 0.1, 2: 0.5, 3: 0.9, 4: 1.0}
    assert found.confidence.tolist() == pytest.approx([confidence[k] for k in kept])


def test_boxes_are_cut_to_the_picture(tmp_path: Path) -> None:
    rows = ["0,-5,-5,20,20", "0,90,40,200,200", "0,100,0,120,20", "0,-20,0,-10,9", "0,99.5,0,120,20", "0,1,2,3,4"]
    (tmp_path / "clip.csv").write_text("\n".join([HEADER, *rows]))
    detector = Boxes(BoxesSettings(path=tmp_path / "clip.csv"), "clip")
    found = detector.detect(frame(0), NOTHING)
    assert found.boxes.tolist() == [[0, 0, 20, 20], [90, 40, 100, 50], [1, 2, 3, 4]]
    assert len(found.label) == len(found.origin) == len(found.confidence) == 3
    assert len(detector.detect(frame(1), NOTHING)) == 0


@pytest.mark.parametrize(("start", "found"), [(0, [10]), (5, [20]), (6, [])])
def test_frames_are_those_of_the_clip_whatever_part_of_it_is_used(tmp_path: Path, start: int, found: list[int]) -> None:
    (tmp_path / "a.csv").write_text("frame,x_min,y_min,x_max,y_max\n0,10,0,15,5\n5,20,0,25,5\n")
    boxes = Boxes(BoxesSettings(path=tmp_path / "a.csv"), "a", start)
    assert boxes.detect(frame(0), NOTHING).boxes[:, 0].tolist() == found

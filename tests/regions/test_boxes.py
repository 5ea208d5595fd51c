"""Boxes from a file: what is read, and which mistake is named how."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    for name in ("none.csv", "none"):
        with pytest.raises(DataError, match=f"{name}: cannot be read"):
            read_boxes(tmp_path / name, "clip")


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


INCLUSIVE = [[3, 1, 2, 29, 39, 0.5], [3, 4, 5, 6, 7, 1], [0, 0, 0, 0, 0, 0.25]]
"""Frame, inclusive box and confidence of what every form below holds of clip 01."""


def text_file(folder: Path) -> Path:
    return write(folder / "01.txt", "".join(",".join(map(str, row)) + "\n" for row in INCLUSIVE))


def text_in_a_folder(folder: Path) -> Path:
    write(folder / "02.txt", "")
    return text_file(folder).rename(folder / "1.txt").parent


def text_after_its_folder(folder: Path) -> Path:
    return text_file(folder / "01").rename(folder / "01/boxes.txt")


def array(folder: Path) -> Path:
    np.save(folder / "01.npy", INCLUSIVE)
    return folder / "01.npy"


def archive(folder: Path) -> Path:
    np.savez(folder / "all.npz", **{"1": np.array(INCLUSIVE), "02": np.empty((0, 6))})
    return folder / "all.npz"


def archive_in_a_folder(folder: Path) -> Path:
    return archive(folder).parent


def mot(folder: Path) -> Path:
    return write(
        folder / "01.txt", "4,-1,1,2,29,38,0.5,-1,-1,-1\n4,-1,4,5,3,3,-1,-1,-1,-1\n1,-1,0,0,1,1,0.25,-1,-1,-1\n"
    )


def mot_folder(folder: Path) -> Path:
    return mot(folder / "01/det").rename(folder / "01/det/det.txt").parents[2]


def coco(folder: Path, **more: Any) -> Path:
    boxes = [("01/3", [1, 2, 29, 38], 0.5), ("01/3", [4, 5, 3, 3], None), ("01/0", [0, 0, 1, 1], 0.25)]
    annotations = [{"image_id": image, "bbox": box, "score": score} for image, box, score in boxes]
    return write(folder / "all.json", json.dumps({"annotations": annotations, **more} if more else annotations))


def coco_in_a_folder(folder: Path) -> Path:
    return coco(folder).parent


FORMS = [
    text_file,
    text_in_a_folder,
    text_after_its_folder,
    array,
    archive,
    archive_in_a_folder,
    mot,
    mot_folder,
    coco,
    coco_in_a_folder,
]


@pytest.mark.parametrize("make", FORMS)
def test_other_forms(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    found = read_boxes(path, "01")
    assert {frame: regions.boxes.tolist() for frame, regions in found.items()} == {
        0: [[0, 0, 1, 1]],
        3: [[1, 2, 30, 40], [4, 5, 7, 8]],
    }
    assert {frame: regions.confidence.tolist() for frame, regions in found.items()} == {0: [0.25], 3: [0.5, 1.0]}
    assert all(set(regions.label) == {"object"} for regions in found.values())
    assert {frame: len(regions) for frame, regions in read_boxes(path, "01", 0.75).items()} == {3: 1}
    boxes = Boxes(BoxesSettings(path=path), "01", 3)
    assert boxes.detect(frame(0), NOTHING).boxes.tolist() == [[1, 2, 30, 40], [4, 5, 7, 8]]


@pytest.mark.parametrize("make", [text_in_a_folder, archive, archive_in_a_folder])
def test_a_clip_without_a_box(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    assert read_boxes(make(tmp_path), "2") == {}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (text_file, r"01\.txt: does not say that it is of clip '7'; name it 7\.txt"),
        (array, r"01\.npy: does not say that it is of clip '7'; name it 7\.npy"),
        (text_in_a_folder, r"no boxes for clip '7'; looked for 7\.csv, 7\.npy, 7\.txt and 7/regions\.csv"),
        (archive, r"all\.npz: nothing of 7; holds 1, 02"),
        (archive_in_a_folder, "no boxes for clip '7'"),
        (mot_folder, "no boxes for clip '7'"),
    ],
)
def test_boxes_of_other_clips(tmp_path: Path, make: Callable[[Path], Path], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_boxes(make(tmp_path), "7")


def test_results_name_only_clips_with_boxes_but_images_name_all(tmp_path: Path) -> None:
    assert read_boxes(coco(tmp_path), "7") == {}
    names = [{"id": f"01/{i}", "file_name": f"01/{i}"} for i in range(4)] + [{"id": "02/0", "file_name": "02/0"}]
    path = coco(tmp_path, images=names)
    assert len(read_boxes(path, "01")) == 2 and read_boxes(path, "02") == {}
    with pytest.raises(DataError, match=r"all\.json: nothing of 7; holds 01, 02"):
        read_boxes(path, "7")


def test_categories_are_labels(tmp_path: Path) -> None:
    annotations = [{"image_id": "a/0", "bbox": [1, 1, 2, 2], "category_id": i} for i in (1, 2)]
    content = {"annotations": annotations, "categories": [{"id": 1, "name": "car"}]}
    found = read_boxes(write(tmp_path / "all.json", json.dumps(content)), "a")[0]
    assert found.label.tolist() == ["car", "object"] and found.confidence.tolist() == [1, 1]
    assert found.probabilities[0].sum() == 1 and found.probabilities[1].sum() == 0


def test_the_first_frame_of_coco(tmp_path: Path) -> None:
    path = write(tmp_path / "all.json", json.dumps([{"image_id": "a/5", "bbox": [1, 1, 2, 2]}]))
    with pytest.raises(DataError, match="not clear which number"):
        Boxes(BoxesSettings(path=path), "a")
    boxes = Boxes(BoxesSettings(path=path, first_frame=1), "a")
    assert [len(boxes.detect(frame(i), NOTHING)) for i in (3, 4, 5)] == [0, 1, 0]


@pytest.mark.parametrize("confidence", [1.5, -0.5, -1])
@pytest.mark.parametrize("form", ["txt", "npy", "npz", "json", "mot"])
def test_confidences_out_of_range(tmp_path: Path, form: str, confidence: float) -> None:
    row = [0, 1, 1, 2, 2, confidence]
    path = tmp_path / f"a.{'txt' if form == 'mot' else form}"
    match form:
        case "txt":
            write(path, f"0,1,1,2,2,1\n{','.join(map(str, row))}\n")
        case "mot":
            write(path, f"1,-1,1,1,2,2,1\n1,-1,1,1,2,2,{confidence}\n")
        case "npy":
            np.save(path, [[0, 1, 1, 2, 2, 1], row])
        case "npz":
            np.savez(path, a=[[0, 1, 1, 2, 2, 1], row])
        case "json":
            scores = [1, confidence]
            write(path, json.dumps([{"image_id": "a/0", "bbox": [1, 1, 2, 2], "score": score} for score in scores]))
    if form == "mot" and confidence == -1:
        assert read_boxes(path, "a")[0].confidence.tolist() == [1, 1]
        return
    place = {"txt": "line 2", "mot": "line 2", "json": "annotation 1 from 0"}.get(form, "row 1 from 0")
    with pytest.raises(DataError, match=rf"a\.\w+.*{place}: confidence is {confidence:g}; .*between 0 and 1"):
        read_boxes(path, "a")


@pytest.mark.parametrize(
    ("make", "files"),
    [
        (text_file, ["01.txt"]),
        (text_in_a_folder, ["02.txt", "1.txt"]),
        (archive, ["all.npz"]),
        (archive_in_a_folder, ["all.npz"]),
        (mot_folder, ["01/det/det.txt"]),
        (coco_in_a_folder, ["all.json"]),
    ],
)
def test_files_that_are_read(tmp_path: Path, make: Callable[[Path], Path], files: list[str]) -> None:
    assert BoxesSettings(path=make(tmp_path)).files == [tmp_path / file for file in files]


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"clip,{HEADER}\na,0,1,2,3,4\nb,0,5,6,7,8\n")
    assert [read_boxes(path, clip)[0].boxes.tolist() for clip in "ab"] == [[[1, 2, 3, 4]], [[5, 6, 7, 8]]]
    time = path.stat().st_mtime_ns
    write(path, f"clip,{HEADER}\na,0,1,2,3,9\nb,0,5,6,7,8\n")
    os.utime(path, ns=(time, time + 1_000_000))
    assert read_boxes(path, "a")[0].boxes.tolist() == [[1, 2, 3, 9]]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path

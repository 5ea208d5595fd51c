"""The user's own layout: clips, labels, and an error that names file and line for each mistake."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssmtl.datasets.own import OwnDataset
from ssmtl.errors import DataError
from ssmtl.video.sources import Clip

HEADER = "clip,first,last,kind\n"


def make_root(root: Path, annotation: str | None) -> OwnDataset:
    """A data set of picture folders: one clip of normal footage, test clips a2 and a10."""
    for clip in ("normal/n1", "test/a10", "test/a2"):
        (root / clip).mkdir(parents=True)
        cv2.imwrite(str(root / clip / "0.png"), np.zeros((16, 16, 3), np.uint8))
    if annotation is not None:
        (root / "abnormal.csv").write_text(annotation, encoding="utf-8")
    return OwnDataset(root)


def test_clips_in_natural_order(tmp_path: Path) -> None:
    data = make_root(tmp_path, None)
    assert data.name == "own"
    assert [clip.name for clip in data.train_clips()] == ["n1"]
    assert [clip.name for clip in data.test_clips()] == ["a2", "a10"]


@pytest.mark.parametrize(
    ("annotation", "abnormal"),
    [
        (HEADER, []),
        (HEADER + "a10,0,5,running\n", []),
        (HEADER + "a2,3,3,running\n", [3]),
        (HEADER + "a2,0,9,running\n", list(range(10))),
        (HEADER + "a2,1,2,running\na2,2,4,cart\n\na2,8,8,\n", [1, 2, 3, 4, 8]),
        ("note,last,first,clip\nx,2,1,a2\n", [1, 2]),
        ("\ufeffclip, first, last\r\na2, 1, 2\r\n", [1, 2]),
    ],
    ids=["no rows", "other clip", "one frame", "all", "overlap", "columns in any order", "BOM and spaces"],
)
def test_labels(tmp_path: Path, annotation: str, abnormal: list[int]) -> None:
    data = make_root(tmp_path, annotation)
    labels = data.frame_labels(data.test_clips()[0], 10)
    assert labels.dtype == bool and len(labels) == 10
    assert np.flatnonzero(labels).tolist() == abnormal


def test_labels_of_an_empty_clip(tmp_path: Path) -> None:
    assert len(make_root(tmp_path, HEADER).frame_labels(Clip("a2", tmp_path), 0)) == 0


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (None, "abnormal.csv: no such file; write the header `clip,first,last,kind`"),
        ("", "abnormal.csv, line 1: no column clip, first, last"),
        ("clip,start,last,kind\n", "abnormal.csv, line 1: no column first"),
        ("clip;first;last;kind\n", "separated by commas, not `clip;first;last;kind`"),
        (HEADER + "a2,1,2,x\na3,1,2,x\n", "abnormal.csv, line 3: no clip 'a3'"),
        (HEADER + "a2.mp4,1,2,x\n", "without its ending: a2, a10"),
        (HEADER + "a2,one,2,x\n", "abnormal.csv, line 2: first is 'one'"),
        (HEADER + "a2,1,2.0,x\n", "abnormal.csv, line 2: last is '2.0'"),
        (HEADER + "a2,1\n", "abnormal.csv, line 2: last is ''"),
        (HEADER + "a2,3,2,x\n", "abnormal.csv, line 2: first is 3 and last is 2"),
        (HEADER + "a2,-1,2,x\n", "abnormal.csv, line 2: first is -1"),
        (HEADER + "a2,1,10,x\n", "abnormal.csv, line 2: last is 10, but clip 'a2' has 10 frames, 0 to 9"),
    ],
)
def test_mistakes_in_the_annotation(tmp_path: Path, annotation: str | None, message: str) -> None:
    data = make_root(tmp_path, annotation)
    with pytest.raises(DataError) as error:
        data.frame_labels(data.test_clips()[0], 10)
    assert message in str(error.value) and str(tmp_path) in str(error.value)


def test_annotation_that_is_no_text(tmp_path: Path) -> None:
    data = make_root(tmp_path, None)
    (tmp_path / "abnormal.csv").write_bytes(b"clip,first,last\n\xff\xfe\x00")
    with pytest.raises(DataError, match="no CSV text"):
        data.frame_labels(data.test_clips()[0], 10)


@pytest.mark.parametrize("part", ["normal", "test"])
@pytest.mark.parametrize("exists", [False, True])
def test_no_clips(tmp_path: Path, part: str, exists: bool) -> None:
    if exists:
        (tmp_path / part).mkdir()
    data = OwnDataset(tmp_path)
    with pytest.raises(DataError, match=f"{part}: no clips found"):
        data.train_clips() if part == "normal" else data.test_clips()


BOXES = "clip,first,last,kind,x_min,y_min,x_max,y_max\n"
TRACKED = "clip,first,last,x_min,y_min,x_max,y_max,track\n"


@pytest.mark.parametrize(
    ("annotation", "start", "stop", "expected"),
    [
        (HEADER + "a2,1,2,x\n", 0, None, None),
        (BOXES, 0, None, [[], [], [], []]),
        (BOXES + "a10,0,3,x,1,2,3,4\n", 0, None, [[], [], [], []]),
        (BOXES + "a2,1,2,x,1,2,3,4\n", 0, None, [[], [[1, 2, 3, 4]], [[1, 2, 3, 4]], []]),
        (
            BOXES + "a2,1,1,x,1,2,3,4\na2,1,2,,5.5,0,9,8\n",
            0,
            None,
            [[], [[1, 2, 3, 4], [5.5, 0, 9, 8]], [[5.5, 0, 9, 8]], []],
        ),
        ("y_max,x_max, y_min,x_min,last,first,clip\n4,3,2,1,0,0,a2\n", 0, None, [[[1, 2, 3, 4]], [], [], []]),
        (BOXES + "a2,1,3,x,1,2,3,4\na2,7,9,x,5,6,7,8\n", 3, 7, [[[1, 2, 3, 4]], [], [], []]),
        (BOXES + "a2,1,3,x,1,2,3,4\na2,7,9,x,5,6,7,8\n", 6, None, [[], *[[[5, 6, 7, 8]]] * 3]),
    ],
    ids=["no boxes", "no rows", "other clip", "two frames", "two boxes", "other order", "a part", "the end"],
)
def test_regions(
    tmp_path: Path, annotation: str, start: int, stop: int | None, expected: list[list[list[float]]] | None
) -> None:
    data = make_root(tmp_path, annotation)
    clip = replace(data.test_clips()[0], start=start, stop=stop)
    found = data.tracks(clip, 4)
    if expected is None:
        assert found is None
        return
    assert found is not None and [boxes.tolist() for boxes in found.by_frame(4)] == expected
    assert found.derived
    assert data.frame_labels(clip, 4).tolist() == [bool(boxes) for boxes in expected]


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ("clip,first,last,x_min,y_max\n", "abnormal.csv, line 1: has x_min, y_max only; a box needs the columns x_min"),
        (BOXES + "a2,1,2,x,1,2,3,4\na2,1,2,x,1,b,3,4\n", "abnormal.csv, line 3: y_min is 'b'; write a number"),
        (BOXES + "a2,1,2,x\n", "abnormal.csv, line 2: x_min is ''"),
        (BOXES + "a2,1,2,x,3,2,3,4\n", "abnormal.csv, line 2: the box is [3.0, 2.0, 3.0, 4.0]; write pixels with"),
        (BOXES + "a2,1,2,x,1,5,3,4\n", "y_min < y_max"),
        (BOXES + "a2,1,2,x,1,2,3,inf\n", "line 2: the box is"),
        (BOXES + "a2,1,2,x,nan,2,3,4\n", "line 2: the box is"),
        (BOXES + "a2,1,10,x,1,2,3,4\n", "line 2: last is 10, but clip 'a2' has 10 frames"),
        (TRACKED + "a2,1,2,1,2,3,4,1\na2,1,2,1,2,3,4, \n", "abnormal.csv, line 3: track is empty; name or number"),
        (TRACKED + "a2,1,2,1,2,3,4\n", "abnormal.csv, line 2: track is empty"),
    ],
)
def test_mistakes_in_boxes(tmp_path: Path, annotation: str, message: str) -> None:
    data = make_root(tmp_path, annotation)
    with pytest.raises(DataError) as error:
        data.tracks(data.test_clips()[0], 10)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("annotation", "ids", "derived"),
    [
        (TRACKED, [], False),
        (TRACKED + "a2,0,2,1,2,3,4,cart\n", [0, 0, 0], False),
        (TRACKED + "a2,0,0,1,2,3,4,cart\na2,3,3,5,6,7,8,cart\n", [0, 0], False),
        (TRACKED + "a2,0,1,1,2,3,4,7\na2,1,1,1,2,3,4,5\na2,0,0,1,2,3,4, 5 \na10,0,0,1,2,3,4,9\n", [0, 1, 0, 1], False),
        (BOXES, [], True),
        (BOXES + "a2,0,1,,0,0,9,9\na2,2,2,,20,0,29,9\na2,2,3,,1,0,10,9\n", [0, 0, 1, 0, 0], True),
        ("clip,first,last,track\na2,0,1,\n", None, None),
    ],
    ids=["no rows", "one", "comes back", "two", "no rows, linked", "linked", "a track without boxes"],
)
def test_tracks(tmp_path: Path, annotation: str, ids: list[int] | None, derived: bool | None) -> None:
    data = make_root(tmp_path, annotation)
    found = data.tracks(data.test_clips()[0], 4)
    if ids is None:
        assert found is None
        return
    assert found is not None and found.derived == derived and found.ids.tolist() == ids


def test_check(tmp_path: Path) -> None:
    data = make_root(tmp_path, TRACKED + "a2,0,0,1,2,3,4,cart\n")
    items = {item.what: item for item in data.check()}
    assert all(item.complete and item.possible for item in items.values())
    assert items["test frames"].found == 2 and items["abnormal frames"].found == 1
    assert items["rows of abnormal.csv"].found == 1 and items["rows of abnormal.csv"].note == "with tracks"
    assert items["test clips with regions"].note == "1 tracks of 1 regions"
    (tmp_path / "abnormal.csv").write_text(HEADER + "a2,0,5,x\n")
    items = {item.what: item for item in OwnDataset(tmp_path).check()}
    assert "last is 5" in items["abnormal frames"].problems[0] and not items["abnormal frames"].possible
    regions = items["test clips with regions"]
    assert regions.complete and not regions.possible, "where is not told, which is no mistake"

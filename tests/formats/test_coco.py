"""COCO's JSON: which clip and frame an image is, and what its boxes say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmtl.errors import DataError
from ssmtl.formats.coco import CocoFile, coco_text, read_coco

BOX = [1.0, 2.0, 3.0, 4.0]


def read(folder: Path, content: Any, first_frame: int | None = None, name: str = "all.json") -> CocoFile:
    (folder / name).write_text(json.dumps(content))
    return read_coco(folder / name, first_frame)


def result(image: object, **more: object) -> dict[str, object]:
    return {"image_id": image, "bbox": BOX, **more}


def frames(found: CocoFile) -> dict[str, list[float]]:
    return {clip: boxes.frames.tolist() for clip, boxes in found.clips.items()}


VIDEOS = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


@pytest.mark.parametrize(
    ("content", "first", "expected"),
    [
        ([], None, {}),
        ({"images": [], "annotations": []}, None, {}),
        ([result("a/000000"), result("a/000007.jpg"), result("b/2")], None, {"a": [0, 7], "b": [2]}),
        ([result("a/5")], 0, {"a": [5]}),
        ([result("a/5")], 1, {"a": [4]}),
        ([result("x/MOT-02/img1/000000.jpg")], None, {"MOT-02": [0]}),
        ([result("a\\frame_000.png")], None, {"a": [0]}),
        ([result("000.jpg"), result("001.jpg")], None, {"all": [0, 1]}),
        ([result("a/img2_0.jp2")], None, {"a": [0]}),
        ([result("./000.jpg")], None, {"all": [0]}),
        ([result("/a//000.jpg")], None, {"a": [0]}),
        ({"images": [{"id": 7, "file_name": "a/0.jpg"}], "annotations": [result(7)]}, None, {"a": [0]}),
        ({"images": [{"id": 7, "file_name": "a/0.jpg"}], "annotations": []}, None, {"a": []}),
        (
            {"images": [{"id": i, "file_name": f"a/{i}.jpg"} for i in (1, 2, 3)], "annotations": [result(3)]},
            None,
            {"a": [2]},
        ),
        (
            {
                "images": [{"id": 1, "file_name": "a/1.jpg"}, {"id": 2, "file_name": "b/0.jpg"}],
                "annotations": [result(1)],
            },
            None,
            {"a": [1], "b": []},
        ),
        (
            {
                "videos": VIDEOS,
                "images": [
                    {"id": "x", "video_id": 1, "frame_id": 0},
                    {"id": "y", "video_id": 1, "file_name": "q_4.jpg"},
                ],
                "annotations": [result("y"), result("x")],
            },
            None,
            {"a": [4, 0], "b": []},
        ),
        ({"images": [{"id": 1, "file_name": "a/9.jpg", "frame_id": 0}], "annotations": [result(1)]}, None, {"a": [0]}),
    ],
)
def test_clips_and_frames(tmp_path: Path, content: Any, first: int | None, expected: dict[str, list[int]]) -> None:
    assert frames(read(tmp_path, content, first)) == expected


def test_whether_all_clips_are_named(tmp_path: Path) -> None:
    assert not read(tmp_path, [result("a/0")]).lists_all
    assert read(tmp_path, {"images": [], "annotations": []}).lists_all


def test_values(tmp_path: Path) -> None:
    annotations = [
        result("a/0", score=0.5, category_id=1, track_id=4),
        {"image_id": "b/0", "bbox": [0, 0.5, 1, 1]},
        result("a/1", score=None, category_id=9, instance_id=2),
    ]
    found = read(tmp_path, {"annotations": annotations, "categories": [{"id": 1, "name": "car"}]}).clips
    a, b = found["a"], found["b"]
    np.testing.assert_array_equal(a.scores, [0.5, np.nan])
    np.testing.assert_array_equal(a.tracks, [4, 2])
    assert a.labels.tolist() == ["car", ""] and a.entries.tolist() == [0, 2] and a.boxes.tolist() == [BOX, BOX]
    assert b.boxes.tolist() == [[0, 0.5, 1, 1]] and np.isnan([b.scores[0], b.tracks[0]]).all()


def test_an_empty_clip_has_arrays_of_the_same_shape(tmp_path: Path) -> None:
    boxes = read(tmp_path, {"images": [{"id": 7, "file_name": "a/0.jpg"}], "annotations": []}).clips["a"]
    assert boxes.frames.shape == boxes.scores.shape == boxes.tracks.shape == boxes.labels.shape == (0,)
    assert boxes.boxes.shape == (0, 4)


ONE = [{"id": 1, "file_name": "a/0.jpg"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (3, "has no list of annotations"),
        ({}, "has no list of annotations"),
        ([3], "has no list of annotations"),
        ({"annotations": [], "images": {}}, "has no list of images"),
        ([result(5)], r'annotation 0 from 0: image_id is 5, and the file has no images; .*"clip/000123"'),
        ([{"bbox": BOX}], "annotation 0 from 0: image_id is None"),
        ([result("a")], "annotation 0 from 0: its name 'a' tells no clip"),
        ([result("a_01.jpg")], "its name 'a_01.jpg' tells no clip"),
        ([result("/")], "its name '/' tells no clip"),
        ([result("a/" + "9" * 20)], "has no number"),
        ([{"image_id": "a/0", "bbox": [10**400, 0, 1, 1]}], "annotation 0 from 0: .*needs image_id and bbox"),
        (
            {"images": [{"id": 1, "video_id": 1, "frame_id": 0.5}], "videos": VIDEOS, "annotations": []},
            "image 0 from 0: frame_id is 0.5",
        ),
        ([result("a/first.jpg")], "its name 'a/first.jpg' has no number"),
        ({"images": ONE, "annotations": [result(1), result(2)]}, "annotation 1 from 0: image_id is 2, which is none"),
        ({"images": ONE, "annotations": [result([1])]}, "annotation 0 from 0: .*needs image_id"),
        ({"images": [{"file_name": "a/0.jpg"}], "annotations": []}, "image 0 from 0: no 'id'"),
        ({"images": [{"id": [1], "file_name": "a/0.jpg"}], "annotations": []}, "image 0 from 0"),
        ({"images": [{"id": 1}], "annotations": []}, "image 0 from 0: its name '' tells no clip"),
        ({"images": [{"id": 1, "video_id": 9}], "videos": VIDEOS, "annotations": []}, "image 0 from 0: no 9"),
        (
            {"images": [{"id": 1, "video_id": 1, "frame_id": "x"}], "videos": VIDEOS, "annotations": []},
            "image 0 from 0",
        ),
        ({"images": ONE, "videos": [{"id": 1}], "annotations": []}, "a video's no 'file_name'; each needs id and name"),
        ({"images": ONE, "categories": [{"id": 1}], "annotations": []}, "a category's no 'name'"),
        ([{"image_id": "a/0"}], "annotation 0 from 0: no 'bbox'"),
        ([{"image_id": "a/0", "bbox": [1, 2, 3]}], "annotation 0 from 0: bbox is .*left, top, width and height"),
        ([{"image_id": "a/0", "bbox": [1, 2, 3, "x"]}], "annotation 0 from 0"),
        ([{"image_id": "a/0", "bbox": [1, 2, 3, float("nan")]}], "annotation 0 from 0: bbox is"),
        ([result("a/0", score="high")], "annotation 0 from 0"),
        ([result("a/0", score=float("inf"))], "annotation 0 from 0: a value is not finite"),
    ],
)
def test_bad_files_name_the_entry(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"all\.json.*{message}"):
        read(tmp_path, content)


class TestFirstFrame:
    @pytest.mark.parametrize(
        "content",
        [
            [result("a/1"), result("a/2")],
            {"images": [{"id": i, "file_name": f"a/{i}.jpg"} for i in (2, 3)], "annotations": []},
            {"images": [{"id": i, "file_name": f"a/{i}.jpg"} for i in (1, 3)], "annotations": []},
            {"images": [{"id": 1, "file_name": "a/1"}, {"id": 2, "file_name": "b/2"}], "annotations": []},
        ],
        ids=["results alone", "from 2", "a gap", "one clip from 2"],
    )
    def test_it_must_be_said_where_it_cannot_be_seen(self, tmp_path: Path, content: Any) -> None:
        with pytest.raises(DataError, match=r"not clear which number.*--first-frame: 0 or 1"):
            read(tmp_path, content)
        for first in (0, 1):
            assert read(tmp_path, content, first).clips["a"] is not None

    def test_no_image_comes_before_it(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"image 0 of clip a comes before the first frame.* 1; say 0"):
            read(tmp_path, [result("a/0")], 1)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "all.json").write_bytes(data)
    with pytest.raises(DataError, match=r"all\.json: is not JSON"):
        read_coco(tmp_path / "all.json")


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_coco(tmp_path / "all.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_coco(tmp_path)


def test_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "all.json").write_bytes(b"\xef\xbb\xbf[]")
    assert read_coco(tmp_path / "all.json").clips == {}


def joined(change: str) -> dict:
    """Two clips of one frame each, every id once, but for `change`: what joining two files comes to."""
    whole = {
        "videos": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "images": [{"id": i, "video_id": i, "frame_id": 0} for i in (1, 2)],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "cart"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "score": 0.5}],
    }
    if change:
        whole[change][1]["id"] = 1
    return whole


@pytest.mark.parametrize("change", ["", "videos", "images", "categories"])
def test_an_id_that_two_entries_have_is_refused(tmp_path: Path, change: str) -> None:
    path = tmp_path / "joined.json"
    path.write_text(json.dumps(joined(change)))
    if not change:
        assert [len(boxes.frames) for boxes in read_coco(path).clips.values()] == [1, 0]
        return
    with pytest.raises(DataError, match=r"0 and .* 1 \(from 0\) have the id 1 both"):
        read_coco(path)


def test_a_number_beyond_all_frames_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "far.json"
    whole = joined("")
    whole["images"][0]["frame_id"] = 10**400
    path.write_text(json.dumps(whole))
    with pytest.raises(DataError, match="image 0 from 0: its number has more than"):
        read_coco(path)


def test_a_late_box_does_not_list_all_frames_before_it(tmp_path: Path) -> None:
    text = coco_text({"a": [(30_000_000, [0, 0, 5, 5], {"score": 0.5})]})
    (tmp_path / "late.json").write_text(text)
    assert len(text) < 1000 and read_coco(tmp_path / "late.json").clips["a"].frames.tolist() == [30_000_000]

"""UBnormal: the split by lists, objects by their ids, and what may be wrong."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssmtl.datasets.ubnormal import UBnormal
from ssmtl.errors import DataError

from ..video.clips import HEIGHT, WIDTH, write_picture
from .miniatures import ABNORMAL_VIDEO, FRAMES, LABELS, NORMAL, box, ubnormal

FOLDER = f"Scene1/{ABNORMAL_VIDEO}_annotations"
TRACKS = f"{FOLDER}/{ABNORMAL_VIDEO}_tracks.txt"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return ubnormal(tmp_path)


def test_the_split(root: Path) -> None:
    data = UBnormal(root)
    assert [clip.name for clip in data.train_clips()] == ["normal_scene_1_scenario_1", "normal_scene_10_scenario_1"]
    assert [clip.name for clip in data.test_clips()] == [ABNORMAL_VIDEO, NORMAL]


@pytest.mark.parametrize(
    ("lines", "abnormal", "regions"),
    [
        ("", [], []),
        ("5,2,4", [2, 3, 4], [(2, 5), (3, 5), (4, 5)]),
        ("5,2,2\n5,4,4\n", [2, 4], [(2, 5), (4, 5)]),
        ("5,0,5\n", [0, 1, 2, 3, 4, 5], [(2, 5), (3, 5), (4, 5)]),
        ("3,1,1\n5,2,3\n", [1, 2, 3], [(1, 3), (2, 5), (3, 5)]),
        ("3,4,4\n5,4,4\n", [4], [(4, 3), (4, 5)]),
        ("5,2,3\n5,3,4\n", [2, 3, 4], [(2, 5), (3, 5), (4, 5)]),
        ("5,4,99\n", [4, 5], [(4, 5)]),
        ("9,1,2\n", [1, 2], []),
    ],
    ids=["none", "one", "comes back", "hidden", "two", "both at once", "twice the same", "too long", "never seen"],
)
def test_intervals(root: Path, lines: str, abnormal: list[int], regions: list[tuple[int, int]]) -> None:
    (root / TRACKS).write_text(lines)
    data = UBnormal(root)
    clip = data.test_clips()[0]
    assert np.flatnonzero(data.frame_labels(clip, FRAMES)).tolist() == abnormal
    tracks = data.tracks(clip, FRAMES)
    assert tracks is not None and not tracks.derived
    assert list(zip(tracks.frames.tolist(), tracks.ids.tolist(), strict=True)) == regions
    expected = [box(frame) if number == 5 else (0, 0, 4, 4) for frame, number in regions]
    assert [tuple(each) for each in tracks.boxes.tolist()] == expected


def test_normal_videos_need_no_annotation(root: Path) -> None:
    data = UBnormal(root)
    clip = data.test_clips()[1]
    tracks = data.tracks(clip, FRAMES)
    assert not data.frame_labels(clip, FRAMES).any() and tracks is not None and len(tracks) == 0


def _drop_file(root: Path) -> None:
    (root / TRACKS).unlink()


def _drop_folder(root: Path) -> None:
    for path in (root / FOLDER).iterdir():
        path.unlink()
    (root / FOLDER).rmdir()


def _late(root: Path) -> None:
    (root / TRACKS).write_text("5,2,4\n5,6,7\n")


def _backwards(root: Path) -> None:
    (root / TRACKS).write_text("5,2,4\n5,4,2\n")


def _negative(root: Path) -> None:
    (root / TRACKS).write_text("5,-1,2\n")


def _fraction(root: Path) -> None:
    (root / TRACKS).write_text("5,1.5,2\n")


def _columns(root: Path) -> None:
    (root / TRACKS).write_text("5,2\n")


def _words(root: Path) -> None:
    (root / TRACKS).write_text("id,start,end\n5,2,3\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_drop_file, rf"{ABNORMAL_VIDEO}_tracks\.txt: no such file; copy the annotation"),
        (_drop_folder, rf"{ABNORMAL_VIDEO}_tracks\.txt: no such file; copy the annotation"),
        (_late, r"_tracks\.txt: an object is abnormal from frame 6 on, but .* has 6 frames, 0 to 5"),
        (_backwards, r"_tracks\.txt: '5,4,2' is no interval"),
        (_negative, r"_tracks\.txt: '5,-1,2' is no interval"),
        (_fraction, r"_tracks\.txt: '5,1\.5,2' is no interval"),
        (_columns, r"_tracks\.txt, line 1: has 2 columns; write object_id,start,end"),
        (_words, r"_tracks\.txt, line 1"),
    ],
)
def test_intervals_that_do_not_fit(root: Path, change: Callable[[Path], None], message: str) -> None:
    change(root)
    data = UBnormal(root)
    for ask in (data.frame_labels, data.tracks):
        with pytest.raises(DataError, match=message):
            ask(data.test_clips()[0], FRAMES)


def test_pictures_that_are_missing(root: Path) -> None:
    (root / FOLDER / f"{ABNORMAL_VIDEO}_0000_gt.png").unlink()
    data = UBnormal(root)
    clip = data.test_clips()[0]
    tracks = data.tracks(clip, FRAMES)
    assert tracks is not None and len(tracks) == 3, "frame 0 is normal"
    (root / FOLDER / f"{ABNORMAL_VIDEO}_0003_gt.png").unlink()
    with pytest.raises(DataError, match=r"no pictures .* of the abnormal frames 3; copy them"):
        data.tracks(clip, FRAMES)
    assert data.frame_labels(clip, FRAMES).tolist() == LABELS
    part = data.tracks(replace(clip, start=4), 2)
    assert part is not None and part.frames.tolist() == [0]


def test_colours_of_pictures(root: Path) -> None:
    path = root / FOLDER / f"{ABNORMAL_VIDEO}_0002_gt.png"
    ids = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    ids[1:3, 1:5] = 5
    write_picture(path, ids)
    data = UBnormal(root)
    clip = data.test_clips()[0]
    tracks = data.tracks(clip, FRAMES)
    assert tracks is not None and tracks.boxes[0].tolist() == [1, 1, 5, 3], "grey as three equal channels"
    ids[1, 1] = (5, 0, 0)
    write_picture(path, ids)
    with pytest.raises(DataError, match=r"_0002_gt\.png: is in colour"):
        data.tracks(clip, FRAMES)
    write_picture(path, ids[..., 0].astype(np.uint16) * 100)
    (root / TRACKS).write_text("500,2,2\n")
    wide = data.tracks(clip, FRAMES)
    assert wide is not None and wide.ids.tolist() == [500], "ids of 16 bits"
    path.write_bytes(b"junk")
    with pytest.raises(DataError, match=r"_0002_gt\.png: is no picture"):
        data.tracks(clip, FRAMES)


def test_without_lists(root: Path) -> None:
    for path in (root / "scripts").iterdir():
        path.unlink()
    data = UBnormal(root)
    with pytest.raises(DataError, match=r"no list of the training videos; copy .* normal_training_video_names\.txt"):
        data.train_clips()
    with pytest.raises(DataError, match=r"no list of the test videos; .*abnormal_test_video_names\.txt.*scripts"):
        data.test_clips()
    assert any("no list" in problem for item in data.check() for problem in item.problems)


def test_lists_that_do_not_fit(root: Path) -> None:
    (root / "scripts/normal_test_video_names.txt").write_text("normal_scene_9_scenario_9\n")
    data = UBnormal(root)
    assert [clip.name for clip in data.test_clips()] == [ABNORMAL_VIDEO]
    problems = [problem for item in data.check() for problem in item.problems]
    assert "not there: normal_scene_9_scenario_9" in problems
    (root / "scripts/abnormal_test_video_names.txt").unlink()
    with pytest.raises(DataError, match="none of the 1 test videos is there"):
        UBnormal(root).test_clips()
    (root / "scripts/test.txt").write_text("normal_scene_1_scenario_1\n")
    with pytest.raises(DataError, match=r"normal_training_video_names\.txt and .*test\.txt both name normal_scene_1"):
        UBnormal(root).train_clips()


def test_a_list_that_names_two_parts_says_nothing(root: Path) -> None:
    (root / "scripts/train_and_test.txt").write_text(f"{NORMAL}\nnormal_scene_1_scenario_1\n")
    test_the_split(root)


def test_only_abnormal_training_videos(root: Path) -> None:
    (root / "scripts/normal_training_video_names.txt").unlink()
    with pytest.raises(DataError, match="no list of the training videos"):
        UBnormal(root).train_clips()


def test_what_is_not_used_is_counted(root: Path) -> None:
    (root / "scripts/validation_video_names.txt").write_text("abnormal_scene_2_scenario_9\nnormal_scene_7_scenario_1\n")
    found = {item.what: (item.found, item.official, item.complete) for item in UBnormal(root).check()}
    assert found["abnormal training videos"] == (1, 82, True) and found["validation videos"] == (1, 64, True)
    assert found["training clips"] == (2, 186, False) and found["test clips"] == (2, 211, False)
    assert found["test frames"] == (12, 92_640, False) and found["clips with intervals"] == (1, 1, True)


def test_two_sets_of_scenes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "Scene1").mkdir(parents=True)
    with pytest.raises(DataError, match="both hold scenes"):
        UBnormal(tmp_path).train_clips()

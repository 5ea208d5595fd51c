"""The UCSD reader: which of the two sets it is, labels by the official file or by masks, and what may be wrong."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssmtl.datasets.catalogue import open_dataset
from ssmtl.datasets.checking import Official
from ssmtl.datasets.dataset import Item
from ssmtl.datasets.ucsd import OFFICIAL, UCSD, Ped1, Ped2
from ssmtl.errors import DataError
from ssmtl.formats.tracks import read_tracks
from ssmtl.video.sources import open_source

from ..video.clips import write_picture, write_video
from .miniatures import FRAMES, LABELS, ucsd, ucsd_listed, write_tracks_file

COUNTED = ("training clips", "training frames", "test clips", "test frames")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return ucsd(tmp_path / "UCSDped2")


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    return ucsd_listed(tmp_path / "UCSDped1")


def one_picture(folder: Path, height: int, width: int) -> Path:
    for clip in ("Train/Train001", "Test/Test001"):
        (folder / clip).mkdir(parents=True)
        write_picture(folder / clip / "001.tif", np.zeros((height, width), np.uint8))
    return folder


def line(items: list[Item], what: str) -> Item:
    return next(item for item in items if item.what == what)


def test_clips_and_their_frames(root: Path) -> None:
    data = UCSD(root)
    assert [clip.name for clip in data.train_clips()] == ["Train001", "Train002"]
    assert [clip.name for clip in data.test_clips()] == ["Test001", "Test002"]
    assert len(list(open_source(data.test_clips()[0]))) == FRAMES


@pytest.mark.parametrize(
    ("folder", "size", "title"),
    [
        ("a", (158, 238), "UCSD Ped1"),
        ("a", (240, 360), "UCSD Ped2"),
        ("UCSDped1", (240, 360), "UCSD Ped2"),
        ("UCSDped1", (24, 36), "UCSD Ped1"),
        ("ped_2", (24, 36), "UCSD Ped2"),
        ("ped12", (24, 36), "UCSD"),
    ],
)
def test_which_it_is(tmp_path: Path, folder: str, size: tuple[int, int], title: str) -> None:
    assert UCSD(one_picture(tmp_path / folder, *size)).title == title


def test_a_folder_above_both(tmp_path: Path) -> None:
    for folder, size in (("UCSDped1", (158, 238)), ("UCSDped2", (240, 360))):
        one_picture(tmp_path / "UCSD_Anomaly_Dataset.v1p2" / folder, *size)
    for root in (tmp_path, tmp_path / "UCSD_Anomaly_Dataset.v1p2"):
        assert [Ped1(root).folder.name, Ped2(root).folder.name] == ["UCSDped1", "UCSDped2"]
        assert Ped2(root).test_clips()[0].path.parent.parent.name == "UCSDped2"
        with pytest.raises(DataError, match=r"holds UCSDped1 and UCSDped2; use --dataset ped1 or ped2"):
            UCSD(root).train_clips()
    with pytest.raises(DataError, match=r"holds UCSD Ped2, not Ped1; use --dataset ped2"):
        Ped1(tmp_path / "UCSD_Anomaly_Dataset.v1p2/UCSDped2").test_clips()
    assert [Ped1(tmp_path).title, Ped2(tmp_path).title] == ["UCSD Ped1", "UCSD Ped2"]


def test_the_file_rules_over_masks(listed: Path) -> None:
    (listed / "Test/UCSDped1.m").write_text(
        "TestVideoFile{end+1}.gt_frame = [1:2, 6];\nTestVideoFile{end+1}.gt_frame = [4:4];\n"
    )
    data = Ped1(listed)
    first, second = data.test_clips()
    assert np.flatnonzero(data.frame_labels(first, FRAMES)).tolist() == [0, 1, 5]
    assert np.flatnonzero(data.frame_labels(second, FRAMES)).tolist() == [3]
    assert np.flatnonzero(data.frame_labels(replace(first, start=1, stop=3), 2)).tolist() == [0]
    tracks = data.tracks(first, FRAMES)
    assert tracks is not None and tracks.frames.tolist() == [2, 3, 4], "regions are those of the masks"
    with pytest.raises(DataError, match=r"Test002_gt: no masks for Test002, only for 1 of 2 test clips"):
        data.tracks(second, FRAMES)
    items = data.check()
    assert line(items, "file of frame labels").note == "differs from the masks of Test001; the file rules"
    assert "labelled normal: Test001" in line(items, "test clips with regions").note


@pytest.mark.parametrize("name", ["ucsdPED1.M", "UCSDped1.m"])
def test_the_file_of_the_set(listed: Path, name: str) -> None:
    (listed / "Test/UCSDped1.m").rename(listed / "Test" / name)
    (listed / "Test/UCSDped2.m").write_text("TestVideoFile{end+1}.gt_frame = [1:6];")
    (listed / "Test/other.m").write_text("x = 1;")
    data = UCSD(listed)
    assert data.frame_labels(data.test_clips()[0], FRAMES).tolist() == LABELS


def test_no_masks_at_all(listed: Path) -> None:
    for path in (listed / "Test/Test001_gt").iterdir():
        path.unlink()
    data = Ped1(listed)
    assert [data.tracks(clip, FRAMES) for clip in data.test_clips()] == [None, None]
    assert data.frame_labels(data.test_clips()[0], FRAMES).tolist() == LABELS
    (listed / "Test/UCSDped1.m").unlink()
    data = Ped1(listed)
    with pytest.raises(DataError, match=r"Test001_gt: no masks for Test001, and no UCSDped1\.m"):
        data.frame_labels(data.test_clips()[0], FRAMES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("TestVideoFile{end+1}.gt_frame = [1:2];", r"UCSDped1\.m: has 1 clips, none of them Test002"),
        ("TestVideoFile{2}.gt_frame = [1:7];", r"UCSDped1\.m: frame 7 of Test002 is abnormal, but the clip has 6"),
        ("% empty", "has no line"),
    ],
)
def test_a_file_that_does_not_fit(listed: Path, text: str, message: str) -> None:
    (listed / "Test/UCSDped1.m").write_text(text)
    data = Ped1(listed)
    with pytest.raises(DataError, match=message):
        data.frame_labels(data.test_clips()[1], FRAMES)


def test_truth_of_a_part_that_is_too_short(root: Path) -> None:
    data = UCSD(root)
    part = replace(data.test_clips()[0], start=1, stop=3)
    for ask in (data.frame_labels, data.tracks):
        with pytest.raises(DataError, match="2 masks, but Test001 has 4 frames"):
            ask(part, 4)


def renumber(folder: Path, name: Callable[[int], str]) -> None:
    for path in sorted(folder.glob("[0-9]*"), reverse=True):
        path.rename(path.with_name(name(int(path.stem)) + path.suffix))


@pytest.mark.parametrize(
    ("picture", "mask"),
    [
        ("{:03}", "{}"),
        ("{:03}", "frame{:03}"),
        ("a_{}", "{}_a"),
        ("{0:03}", "{0:03}_gt2"),
        ("1{:02}", "1{:02}"),
        ("{}0", "{}0"),
    ],
)
def test_numbers_of_masks_that_fit(root: Path, picture: str, mask: str) -> None:
    renumber(root / "Test/Test001", picture.format)
    renumber(root / "Test/Test001_gt", mask.format)
    data = Ped2(root)
    assert data.frame_labels(data.test_clips()[0], FRAMES).tolist() == LABELS


def test_masks_are_in_the_order_of_their_numbers(root: Path) -> None:
    (root / "Test/Test001_gt/001.bmp").rename(root / "Test/Test001_gt/frame001.bmp")
    data = Ped2(root)
    assert data.frame_labels(data.test_clips()[0], FRAMES).tolist() == LABELS


def _drop_masks(root: Path) -> None:
    for mask in (root / "Test/Test001_gt").iterdir():
        mask.unlink()
    (root / "Test/Test001_gt").rmdir()


def _drop_one(root: Path) -> None:
    (root / "Test/Test001_gt/002.bmp").unlink()


def _drop_last(root: Path) -> None:
    (root / "Test/Test001_gt/006.bmp").unlink()


def _move_first(root: Path) -> None:
    (root / "Test/Test001_gt/001.bmp").rename(root / "Test/Test001_gt/007.bmp")


def _move_second(root: Path) -> None:
    (root / "Test/Test001_gt/002.bmp").rename(root / "Test/Test001_gt/007.bmp")


def _shift_all(root: Path) -> None:
    renumber(root / "Test/Test001_gt", lambda number: f"{number + 2:03}")


def _add_one(root: Path) -> None:
    (root / "Test/Test001_gt/007.bmp").write_bytes((root / "Test/Test001_gt/001.bmp").read_bytes())


def _spoil_one(root: Path) -> None:
    (root / "Test/Test001_gt/002.bmp").write_bytes(b"BM no picture")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_drop_masks, "Test001_gt: no masks for Test001"),
        (_drop_one, r"Test001_gt: no mask of number 2, but masks up to number 6"),
        (_drop_last, "Test001_gt: 5 masks, but Test001 has 6 frames"),
        (_move_first, r"Test001_gt: no mask of number 1, but masks up to number 7; number them from 1 on"),
        (_move_second, r"Test001_gt: no mask of number 2, but masks up to number 7"),
        (_shift_all, r"Test001_gt: no mask of number 1, 2, but masks up to number 8"),
        (_add_one, "Test001_gt: 7 masks, but Test001 has 6 frames"),
        (_spoil_one, r"002\.bmp: is no picture"),
    ],
)
def test_masks_that_do_not_fit(root: Path, change: Callable[[Path], None], message: str) -> None:
    change(root)
    data = Ped2(root)
    for ask in (data.frame_labels, data.tracks):
        with pytest.raises(DataError, match=message):
            ask(data.test_clips()[0], FRAMES)
    found = [problem for item in data.check() for problem in item.problems]
    assert any(message.partition(":")[0].replace("\\", "") in problem for problem in found), found


def test_a_root_without_clips(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no training clips of UCSD there; --root is the folder that holds Train"):
        UCSD(tmp_path).train_clips()


def write_official(root: Path, lengths: tuple[list[int], list[int]], abnormal: list[int]) -> None:
    """A copy with as many clips and frames as the official one: small videos, a file of labels, and tracks."""
    for length in set(lengths[0] + lengths[1]):
        write_video(root.parent / f"{length}.avi", [np.zeros((16, 16, 3), np.uint8)] * length, "mpeg4")
    for part, counts in zip(("Train", "Test"), lengths, strict=True):
        (root / part).mkdir(parents=True)
        for number, count in enumerate(counts, 1):
            shutil.copy(root.parent / f"{count}.avi", root / part / f"{part}{number:03}.avi")
    lines = [f"TestVideoFile{{end+1}}.gt_frame = [1:{last}];" for last in abnormal]
    (root / f"Test/{root.name}.m").write_text("\n".join(lines))
    for number in range(1, len(abnormal) + 1):
        write_tracks_file(root / f"tracks/{number}.txt", (0,))


@pytest.mark.parametrize(
    ("number", "lengths", "abnormal", "expected"),
    [
        (1, ([200] * 34, [200] * 36), [111] * 35 + [120], [34, 6800, 36, 7200, 4005]),
        (
            2,
            ([150] * 14 + [225] * 2, [180] * 8 + [120, 150, 150, 150]),
            [137] * 8 + [120] + [144] * 3,
            [16, 2550, 12, 2010, 1648],
        ),
    ],
)
def test_official_counts(
    tmp_path: Path, number: int, lengths: tuple[list[int], list[int]], abnormal: list[int], expected: list[int]
) -> None:
    write_official(tmp_path / f"UCSDped{number}", lengths, abnormal)
    items = UCSD(tmp_path / f"UCSDped{number}").check()
    counts = [line(items, part) for part in (*COUNTED, "abnormal frames")]
    assert [item.found for item in counts] == [item.official for item in counts] == expected
    assert [item.what for item in items if not item.complete] == ["clips with masks"]
    regions = line(items, "test clips with regions")
    assert regions.possible and regions.found == regions.official == expected[2]


def test_regions_of_some_clips_as_in_the_official_ped1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = ucsd(tmp_path / "UCSDped1")
    official = Official(2, 12, 4, 24, 5, clip_frames=6, region_clips=2, numbered=True)
    monkeypatch.setitem(OFFICIAL, 1, official)
    for number in (3, 4):
        shutil.copytree(root / "Test/Test001", root / f"Test/Test{number:03}")
    ranges = ("3:5", "", "1:1", "2:2")
    (root / "Test/UCSDped1.m").write_text("".join(f"TestVideoFile{{end+1}}.gt_frame = [{each}];\n" for each in ranges))
    items = UCSD(root).check()
    assert [item.what for item in items if not item.complete] == []
    regions = line(items, "test clips with regions")
    assert (regions.found, regions.official) == (2, 2) and not regions.possible
    assert regions.note.endswith("the official copy has no regions of the other 2 clips")

    (root / "Test/Test001_gt/003.bmp").write_bytes(b"junk")
    regions = line(UCSD(root).check(), "test clips with regions")
    assert regions.found == 1 and len(regions.problems) == 1 and "Test001_gt/003.bmp: is no" in regions.problems[0]

    shutil.rmtree(root / "Test/Test001_gt")
    masked = line(UCSD(root).check(), "clips with masks")
    assert (masked.found, masked.official) == (1, 2) and not masked.complete

    for number in (1, 3, 4):
        write_tracks_file(root / f"tracks/{number}.txt", (0,))
    regions = line(Ped1(root).check(), "test clips with regions")
    assert regions.complete and regions.possible and (regions.found, regions.official) == (4, 4)


def test_pictures_that_were_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = ucsd(tmp_path / "UCSDped1")
    monkeypatch.setitem(OFFICIAL, 1, Official(2, 12, 2, 12, 3, clip_frames=6, numbered=True))
    (root / "Train/Train001/006.tif").unlink()
    (root / "Test/Test001/003.tif").rename(root / "Test/Test001/007.tif")
    (root / "Test/Test002/002.tif").write_bytes(b"")
    items = Ped1(root).check()
    assert line(items, "training frames").problems == ("not 6 frames: Train001: 5",)
    assert line(items, "test frames").problems == (
        "pictures of Test001: number 3 missing, Test002: 002.tif empty (0 bytes)",
    )


def test_the_real_set() -> None:
    root = Path(os.environ.get("SSMTL_SHARED", "../shared")) / "data" / "UCSDped2"
    if not root.is_dir():
        pytest.skip(f"{root} is not there; set SSMTL_SHARED to the folder that holds data/UCSDped2")
    data = open_dataset("ped2", root)
    assert len(data.train_clips()) == 16 and UCSD(root).title == "UCSD Ped2"
    for clip in data.test_clips():
        frames = sum(1 for path in clip.path.iterdir() if path.suffix == ".jpg")
        tracks = data.tracks(clip, frames)
        given = read_tracks(root / "tracks" / f"{clip.name}.txt")
        assert tracks is not None and np.array_equal(tracks.boxes, given.boxes) and not tracks.derived
        labels = data.frame_labels(clip, frames)
        # The tracks were derived from the same masks, regions of fewer than 10 pixels left out.
        in_tracks = np.isin(np.arange(frames), tracks.frames)
        assert labels[in_tracks].all() and (labels & ~in_tracks).mean() < 0.05

"""What a look at a copy finds: all of it, a part of it, and whatever else there may be on a disk."""

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssmtl.datasets import ucsd
from ssmtl.datasets.avenue import Avenue
from ssmtl.datasets.catalogue import open_dataset
from ssmtl.datasets.checking import Official, count_clips, inspect, status, verdict
from ssmtl.datasets.dataset import Item, Use
from ssmtl.datasets.layout import Matched
from ssmtl.datasets.shanghaitech import ShanghaiTech
from ssmtl.datasets.ubnormal import UBnormal
from ssmtl.datasets.ucsd import Ped2
from ssmtl.video.sources import open_source

from ..video.clips import write_picture
from . import miniatures
from .miniatures import OFFICIAL, masks, pictures, video, write_tracks_file

SMALL = Official(2, 12, 2, 12, 3)
"""What is official of the miniatures."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold the miniatures against themselves."""
    numbered = replace(SMALL, numbered=True)
    monkeypatch.setattr(ucsd, "OFFICIAL", {1: replace(numbered, region_clips=1, clip_frames=6), 2: numbered})
    monkeypatch.setattr(Avenue, "official", numbered)
    monkeypatch.setattr(ShanghaiTech, "official", SMALL)
    monkeypatch.setattr(UBnormal, "official", SMALL)


def make(case: str, tmp_path: Path) -> tuple[str, Path]:
    name, write = OFFICIAL[case]
    # The folder's name tells which of the UCSD sets it is.
    return name, write(tmp_path / ("UCSDped1" if case == "ped1" else "UCSDped2"))


def wrong(items: Iterable[Item]) -> list[str]:
    return [item.what for item in items if not item.complete]


BENCHMARKS = [case for case in OFFICIAL if case != "own"]


@pytest.mark.parametrize("case", OFFICIAL)
def test_a_complete_copy(tmp_path: Path, case: str) -> None:
    data = open_dataset(*make(case, tmp_path))
    steps: list[None] = []
    items = data.check(lambda: steps.append(None))
    assert wrong(items) == []
    assert len(steps) == count_clips(data) == 4
    counts = {item.what: item.found for item in items}
    assert [counts[what] for what in ("training clips", "training frames")] == [2, 12]
    assert [counts[what] for what in ("test clips", "test frames", "abnormal frames")] == [2, 12, 3]
    text = verdict(data, items)
    assert text.startswith(f"{data.title}: complete and usable. Possible: training, scoring the test clips, ")
    assert "Not possible" not in text and "RBDC and TBDC" in text


@pytest.mark.parametrize("case", BENCHMARKS)
def test_nothing_is_there(tmp_path: Path, case: str) -> None:
    data = open_dataset(OFFICIAL[case][0], tmp_path)
    items = data.check()
    assert count_clips(data) == 0
    assert {"training clips", "test clips", "training frames", "test frames"} <= {item.what for item in items}
    assert all(item.found == 0 for item in items)
    text = verdict(data, items)
    assert "Possible: nothing. Not possible: training, scoring the test clips, micro" in text and data.page in text


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("case", BENCHMARKS)
@pytest.mark.parametrize("part", ["train", "test"])
def test_a_clip_is_missing(tmp_path: Path, case: str, part: str) -> None:
    name, root = make(case, tmp_path)
    data = open_dataset(name, root)
    remove((data.train_clips() if part == "train" else data.test_clips())[0].path)
    found = {item.what: item for item in open_dataset(name, root).check()}
    what = "training" if part == "train" else "test"
    for line, count in ((f"{what} clips", 1), (f"{what} frames", 6)):
        assert found[line].found == count and not found[line].complete and "missing" in status(found[line])
        assert found[line].possible
    if part == "test" and name not in {"ubnormal", "ucsd", "ped1", "ped2"}:
        kind = "clips with frame masks" if name == "shanghaitech" else "clips with masks"
        assert "of no clip here" in status(found[kind])


@pytest.mark.parametrize("case", BENCHMARKS)
def test_a_clip_too_many(tmp_path: Path, case: str) -> None:
    name, root = make(case, tmp_path)
    clip = open_dataset(name, root).train_clips()[-1]
    extra = clip.path.with_name(clip.path.name.replace(clip.name, f"{clip.name}9"))
    shutil.copytree(clip.path, extra) if clip.path.is_dir() else shutil.copy(clip.path, extra)
    if name == "ubnormal":
        (root / "scripts/more_training.txt").write_text(f"{extra.stem}\n")
    found = {item.what: item for item in open_dataset(name, root).check()}
    assert found["training clips"].found == 3 and not found["training clips"].complete
    assert status(found["training clips"]) in {"1 too many", f"not of the official set: {extra.stem}"}


def files_of(root: Path) -> list[Path]:
    """One file of each folder that matters: not the first, which may be of a frame that nobody asks about."""
    found = []
    for folder in sorted({path.parent for path in root.rglob("*") if path.is_file()}):
        files = sorted(
            path for path in folder.iterdir() if path.is_file() and path.name[0] != "." and "Thumbs" not in path.name
        )
        # UBnormal's annotation has its two kinds of files in one folder.
        kinds = {path.suffix: [each for each in files if each.suffix == path.suffix] for path in files}
        found += [each[min(3, len(each) - 1)] for each in kinds.values()]
    return found


@pytest.mark.parametrize("case", OFFICIAL)
@pytest.mark.parametrize("change", ["missing", "empty", "junk"])
def test_any_file_may_be_bad(tmp_path: Path, case: str, change: str) -> None:
    name, root = make(case, tmp_path)
    for path in files_of(root):
        kept = path.read_bytes()
        path.unlink()
        if change != "missing":
            path.write_bytes(b"" if change == "empty" else b"\x00\xffno such thing\n")
        data = open_dataset(name, root)
        items = data.check()
        verdict(data, items)
        footage = path.parent.name.startswith(("Train", "Test", "01_")) and path.suffix in {".tif", ".jpg"}
        # Pictures are counted, not decoded; of the user's own clips nobody knows how many there should be.
        unseen = (change == "junk" and footage) or (change == "missing" and case == "own" and path.suffix == ".mp4")
        empty_lists = {("empty", "abnormal_training_video_names.txt"), ("junk", "abnormal_training_video_names.txt")}
        unused = path.name in {"abnormal_training_video_names.txt", "abnormal_scene_2_scenario_9.mp4"}
        # A file of intervals without any says that nothing is abnormal.
        if not unseen and not unused and (change, path.name) not in empty_lists:
            assert wrong(items), (change, path)
        path.write_bytes(kept)


@pytest.mark.parametrize("case", OFFICIAL)
def test_files_that_cannot_be_opened(tmp_path: Path, case: str) -> None:
    """A folder where a file should be, and a file where a folder should be."""
    name, root = make(case, tmp_path)
    for path in files_of(root):
        kept = path.read_bytes()
        path.unlink()
        path.mkdir()
        assert open_dataset(name, root).check()
        path.rmdir()
        path.write_bytes(kept)
    for folder in sorted(path for path in root.rglob("*") if path.is_dir()):
        folder.rename(tmp_path / "aside")
        folder.touch()
        assert wrong(open_dataset(name, root).check()) or folder.name in {"Scene2", "Scene10"}
        folder.unlink()
        (tmp_path / "aside").rename(folder)


@pytest.mark.parametrize("case", ["ped2", "avenue", "shanghaitech"])
@pytest.mark.parametrize("count", [5, 7])
def test_footage_and_annotation_of_different_lengths(tmp_path: Path, case: str, count: int) -> None:
    name, root = make(case, tmp_path)
    clip = open_dataset(name, root).test_clips()[0]
    remove(clip.path)
    if clip.path.suffix == ".avi":
        video(clip.path, count)
    else:
        pictures(clip.path, ".jpg", frames=count)
    found = {item.what: item for item in open_dataset(name, root).check()}
    assert f"but {clip.name} has {count} frames" in found["abnormal frames"].problems[0]
    assert f"but {clip.name} has {count} frames" in found["test clips with regions"].problems[0]
    assert status(found["test frames"]) == ("1 missing" if count == 5 else "1 too many")
    text = verdict(open_dataset(name, root), list(found.values()))
    assert "Possible: training, scoring the test clips (on what is there). Not possible: micro and macro AUC" in text


def test_packets_are_what_is_decoded(tmp_path: Path) -> None:
    data = open_dataset("avenue", miniatures.avenue(tmp_path))
    found = next(item for item in data.check() if item.what == "test frames").found
    assert found == sum(1 for clip in data.test_clips() for _ in open_source(clip))


def test_tracks_that_lie_elsewhere(tmp_path: Path) -> None:
    name, root = make("ped2", tmp_path)
    write_tracks_file(tmp_path / "mine/1.txt")
    item = next(each for each in open_dataset(name, root, tmp_path / "mine").check() if "regions" in each.what)
    assert item.complete and item.note == "1 tracks of 3 regions"
    write_tracks_file(tmp_path / "mine/1.txt", (3, 6))
    item = next(each for each in open_dataset(name, root, tmp_path / "mine").check() if "regions" in each.what)
    assert "has a region in frame 6" in status(item) and not item.possible


def test_tracks_of_no_clip(tmp_path: Path) -> None:
    name, root = make("ped2", tmp_path)
    for number in (1, 2, 8):
        write_tracks_file(root / f"tracks/Test{number:03}.txt", ())
    item = next(each for each in open_dataset(name, root).check() if "regions" in each.what)
    assert item.problems == ("tracks of no clip here: Test008.txt",) and item.possible and not item.complete


@pytest.mark.parametrize("labelled", [True, False])
def test_when_but_not_where(tmp_path: Path, labelled: bool) -> None:
    """Without masks, a set with its file of labels says when something is abnormal; without that, nothing is known."""
    name, root = make("ped1", tmp_path)
    shutil.rmtree(root / "Test/Test001_gt")
    if not labelled:
        (root / "Test/UCSDped1.m").unlink()
    item = next(each for each in open_dataset(name, root).check() if "regions" in each.what)
    assert ("it is known when, but not where" in item.note) == labelled and not item.possible


OK = Item("a", 3, 3, use=Use.TRAINING)


@pytest.mark.parametrize(
    ("item", "complete", "text"),
    [
        (OK, True, "ok"),
        (replace(OK, official=None), True, "ok"),
        (replace(OK, found=2), False, "1 missing"),
        (replace(OK, found=5), False, "2 too many"),
        (replace(OK, found=2, use=None), True, "1 missing"),
        (replace(OK, found=2, problems=("x is gone", "y too")), False, "x is gone; y too"),
        (replace(OK, problems=("x is bad",)), False, "x is bad"),
        (replace(OK, possible=False), True, "not enough for training"),
        (replace(OK, found=None), False, "ok"),
    ],
    ids=str,
)
def test_states(item: Item, complete: bool, text: str) -> None:
    assert (item.complete, status(item)) == (complete, text)


class Nothing:
    """A data set that a sentence is said about."""

    name, title, page = "x", "X", "https://x"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], "X: complete and usable. Possible: training, scoring the test clips, micro and macro AUC, RBDC and TBDC."),
        (
            [OK, Item("r", 1, 1, use=Use.REGIONS, possible=False)],
            "X: complete. Possible: training, scoring the test clips, micro and macro AUC. "
            "Not possible: RBDC and TBDC.",
        ),
        (
            [replace(OK, found=2), Item("f", 0, 9, use=Use.FRAMES, possible=False), Item("u", 0, 9)],
            "X: not complete. Possible: training (on what is there), scoring the test clips, RBDC and TBDC. "
            "Not possible: micro and macro AUC. Figures on a part of a data set do not compare with published ones. "
            "The rest is at https://x",
        ),
        (
            [Item(use, 0, 1, use=use, possible=False) for use in Use],
            "X: not complete. Possible: nothing. Not possible: training, scoring the test clips, micro and macro AUC, "
            "RBDC and TBDC. The rest is at https://x",
        ),
    ],
)
def test_sentences(items: list[Item], expected: str) -> None:
    assert verdict(Nothing(), items) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("clips", [0, 1])
def test_few_clips(tmp_path: Path, clips: int) -> None:
    for number in range(clips):
        video(tmp_path / f"testing_videos/{number + 1}.avi")
    items = inspect(Avenue(tmp_path), Official(), lambda test: [Item("seen", len(test))], lambda: None)
    assert [item.found for item in items if item.what == "seen"] == ([1] if clips else [])


def test_official_numbers_of_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets of as many clips as the official ones, each of a frame or none."""
    monkeypatch.undo()
    video(tmp_path / "one.mp4", 1)
    first = (tmp_path / "one.mp4").read_bytes()
    for number in range(1, 22):
        for part in ("training", "testing")[number > 16 :]:
            path = tmp_path / f"avenue/{part}_videos/{number:02}.avi"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(first)
        miniatures.write_volume(
            tmp_path / f"avenue/ground_truth_demo/testing_label_mask/{number}_label.mat", masks(False, 1)
        )
    for number in range(330):
        path = tmp_path / f"shanghaitech/training/videos/{number // 40 + 1:02}_{number:03}.avi"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(first)
    for kind in ("frame", "pixel"):
        (tmp_path / f"shanghaitech/testing/test_{kind}_mask").mkdir(parents=True)
    for number in range(107):
        name = f"{number // 10 + 1:02}_{number:04}"
        pictures(tmp_path / f"shanghaitech/testing/frames/{name}", ".jpg", frames=1)
        np.save(tmp_path / f"shanghaitech/testing/test_frame_mask/{name}.npy", np.zeros(1))
        np.save(tmp_path / f"shanghaitech/testing/test_pixel_mask/{name}.npy", masks(False, 1))
    for name, counts in (("avenue", (16, 16, 21, 21)), ("shanghaitech", (330, 330, 107, 107))):
        items = open_dataset(name, tmp_path / name).check()
        assert [item.found for item in items[:4]] == list(counts), name
        assert wrong(items) == ["training frames", "test frames"], "one frame each is not enough"


def test_a_mask_of_no_clip(tmp_path: Path) -> None:
    name, root = make("ped2", tmp_path)
    write_picture(root / "Test/Test001_gt/001.bmp", masks(True)[0])
    (root / "Test/Test009_gt").mkdir()
    write_picture(root / "Test/Test009_gt/001.bmp", masks(True)[0])
    data = Ped2(root)
    item = next(each for each in data.annotation_items(data.test_clips()) if each.what == "clips with masks")
    assert item.problems == ("of no clip here: Test009_gt",) and name == "ped2"
    assert Matched().of == {}

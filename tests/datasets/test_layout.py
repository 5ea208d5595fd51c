"""Finding folders and matching names in copies that differ a little."""

from pathlib import Path

import pytest

from ssmtl.datasets.layout import clips_at, find_folders, folder_at, list_clips, match_files, numbers_in, subfolders
from ssmtl.errors import DataError, SourceError

from .miniatures import pictures


def make(root: Path, *folders: str) -> None:
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)


def test_subfolders(tmp_path: Path) -> None:
    make(tmp_path, "a10", "a2", ".hidden", "__MACOSX")
    (tmp_path / "file").touch()
    assert [path.name for path in subfolders(tmp_path)] == ["a2", "a10"]
    assert subfolders(tmp_path / "a2") == subfolders(tmp_path / "none") == subfolders(tmp_path / "file") == []


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ([], []),
        (["x/y"], []),
        (["training/videos"], ["training/videos"]),
        (["Training/VIDEOS"], ["Training/VIDEOS"]),
        (["training"], []),
        (["a/training/videos", "b"], ["a/training/videos"]),
        (["frames", "training/videos"], ["training/videos", "frames"]),
        (["a/training/videos", "frames"], ["frames", "a/training/videos"]),
        (["a/b/training/videos"], []),
    ],
    ids=str,
)
def test_places(tmp_path: Path, there: list[str], found: list[str]) -> None:
    make(tmp_path, *there)
    places = find_folders(tmp_path, ("training/videos", "frames"))
    assert [str(folder.relative_to(tmp_path)) for _, folder in places] == found


def test_a_place_says_what_it_is_in(tmp_path: Path) -> None:
    make(tmp_path, "a/frames")
    assert list(find_folders(tmp_path, ("frames",))) == [(tmp_path / "a", tmp_path / "a/frames")]
    assert folder_at(tmp_path, "A/Frames") == tmp_path / "a/frames" and folder_at(tmp_path, "frames") is None
    make(tmp_path, "b/Frames")
    with pytest.raises(DataError, match=r"a and b both hold frames; name one of them with --root"):
        list(find_folders(tmp_path, ("frames",)))


def test_clips_of_a_folder(tmp_path: Path) -> None:
    assert list_clips(tmp_path) == []
    pictures(tmp_path / "10", ".jpg", frames=1)
    pictures(tmp_path / "2", ".JPG", frames=1)
    pictures(tmp_path / "2_GT", ".bmp", frames=1)
    make(tmp_path, "3")
    (tmp_path / "cover.jpg").touch()
    assert [clip.name for clip in list_clips(tmp_path, "_gt")] == ["2", "10"]
    assert [clip.name for clip in list_clips(tmp_path)] == ["2", "2_GT", "10"]
    (tmp_path / "7.AVI").touch()
    assert [clip.name for clip in list_clips(tmp_path)] == ["7"], "pictures beside videos are copies of their frames"
    with pytest.raises(SourceError, match="no such folder"):
        list_clips(tmp_path / "none")


def test_the_first_place_that_has_clips(tmp_path: Path) -> None:
    make(tmp_path, "first", "second")
    with pytest.raises(DataError) as error:
        clips_at(tmp_path, ("first", "second", "third"), "training clips of X", "https://x")
    for part in ("no training clips of X", "first: holds no video", "--root", "first or second or third", "https://x"):
        assert part in str(error.value)
    pictures(tmp_path / "second/a", ".png", frames=1)
    base, clips = clips_at(tmp_path, ("first", "second"), "clips", "")
    assert base == tmp_path and [clip.name for clip in clips] == ["a"]
    pictures(tmp_path / "first/b", ".png", frames=1)
    assert [clip.name for clip in clips_at(tmp_path, ("first", "second"), "clips", "")[1]] == ["b"]


@pytest.mark.parametrize(
    ("names", "files", "of", "extra"),
    [
        ([], [], {}, []),
        ([], ["a.npy"], {}, ["a.npy"]),
        (["a"], [], {}, []),
        (["a"], ["a.npy"], {"a": "a.npy"}, []),
        (["01"], ["1_label.mat"], {"01": "1_label.mat"}, []),
        (["01", "1"], ["1_label.mat"], {"1": "1_label.mat"}, []),
        (["01", "1"], ["1.mat", "01_LABEL.mat"], {"01": "01_LABEL.mat", "1": "1.mat"}, []),
        (["Test001"], ["TEST1.txt", "test2.txt"], {"Test001": "TEST1.txt"}, ["test2.txt"]),
        (["01_0014"], ["1_14.npy", "1_140.npy"], {"01_0014": "1_14.npy"}, ["1_140.npy"]),
        (["Test001", "Test002"], ["2.txt"], {"Test002": "2.txt"}, []),
        (["a1", "b1"], ["1.txt"], {}, ["1.txt"]),
        (["a"], ["1.txt"], {}, ["1.txt"]),
    ],
    ids=str,
)
def test_files_of_clips(
    tmp_path: Path, names: list[str], files: list[str], of: dict[str, str], extra: list[str]
) -> None:
    found = match_files(names, [tmp_path / file for file in files], "_label$", by_number=True)
    assert {name: path.name for name, path in found.of.items()} == of
    assert [path.name for path in found.extra] == extra


def test_numbers_alone_match_only_where_that_is_wanted(tmp_path: Path) -> None:
    assert match_files(["Test001"], [tmp_path / "1.txt"]).of == {}
    assert numbers_in("a01_0014b") == (1, 14) and numbers_in("a") == ()


def test_two_files_of_one_clip(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1\.npy and 001\.npy are both of clip 01; take one of them away"):
        match_files(["01"], [tmp_path / "1.npy", tmp_path / "001.npy"])
    assert match_files(["01"], [tmp_path / "1.npy", tmp_path / "01.npy"]).of == {"01": tmp_path / "01.npy"}

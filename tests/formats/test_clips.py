"""Which file is of which clip."""

from pathlib import Path

import numpy as np
import pytest

from ssmtl.errors import DataError
from ssmtl.formats.clips import clip_files, clip_key, group_rows, match_clips, natural_order, own_name, some

INSIDE = ("regions.csv", "det/det.txt")


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ([], [], []),
        ([], ["a"], []),
        (["a"], ["a"], ["a"]),
        (["01", "02"], ["2", "1", "3"], ["1", "2"]),
        (["Test001"], ["Test1"], ["Test1"]),
        (["Test1"], ["test0001"], ["test0001"]),
        (["01_0014"], ["1_14"], ["1_14"]),
        (["0"], ["000"], ["000"]),
        (["1", "01"], ["01", "1"], ["1", "01"]),
        (["01"], ["1", "01"], ["01"]),
        (["10", "1"], ["01", "010"], ["010", "01"]),
    ],
)
def test_matching(wanted: list[str], found: list[str], expected: list[str]) -> None:
    matched = match_clips(wanted, found, "here")
    assert list(matched) == wanted and list(matched.values()) == expected


@pytest.mark.parametrize(
    ("wanted", "found", "message"),
    [
        (["a"], [], "here: nothing of a; holds no clip"),
        (["a", "b"], ["b"], "here: nothing of a; holds b"),
        ([str(i) for i in range(9)], ["x"], "nothing of 0, 1, 2, 3, 4 and 4 more; holds x"),
        (["001"], ["01", "1"], "here: 01, 1 may be of 001"),
        (["001", "01"], ["1"], "1 may be of 001, 01"),
        (["001", "01"], ["01"], "nothing of 001"),
        (["1"], ["11"], "nothing of 1; holds 11"),
        (["1_1"], ["11"], "nothing of 1_1"),
    ],
)
def test_what_cannot_be_matched(wanted: list[str], found: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        match_clips(wanted, found, "here")


@pytest.mark.parametrize(
    ("name", "key"), [("", ""), ("Test001", "test1"), ("000", "0"), ("a00b010", "a0b10"), ("100", "100")]
)
def test_key(name: str, key: str) -> None:
    assert clip_key(name) == key


def test_natural_order() -> None:
    assert natural_order(["b", "a10", "a2", "a02", "A1"]) == ["A1", "a02", "a2", "a10", "b"]


@pytest.mark.parametrize(("count", "text"), [(0, ""), (1, "0"), (5, "0, 1, 2, 3, 4"), (6, "0, 1, 2, 3, 4 and 1 more")])
def test_some(count: int, text: str) -> None:
    assert some([str(i) for i in range(count)]) == text


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], {}),
        (["notes.md", "a/other.csv"], {}),
        (["a.csv"], {"a": "a.csv"}),
        (["10.TXT", "2.txt"], {"2": "2.txt", "10": "10.TXT"}),
        (["b/regions.csv", "a.csv", "notes.txt"], {"a": "a.csv", "b": "b/regions.csv"}),
        (["a/regions.csv", "summary.json"], {"a": "a/regions.csv"}),
        (["a/det/det.txt", "b/det/det.txt", "b/gt/gt.txt"], {"a": "a/det/det.txt", "b": "b/det/det.txt"}),
        (["a.npy", ".b.npy", ".c/regions.csv"], {"a": "a.npy"}),
        (["all.json"], {"all": "all.json"}),
    ],
)
def test_files_of_a_folder(tmp_path: Path, files: list[str], expected: dict[str, str]) -> None:
    make(tmp_path, files)
    found = clip_files(tmp_path, INSIDE)
    assert {name: path.relative_to(tmp_path).as_posix() for name, path in found.items()} == expected
    assert list(found) == list(expected)


@pytest.mark.parametrize("file", INSIDE)
def test_the_folder_of_one_clip(tmp_path: Path, file: str) -> None:
    make(tmp_path / "clip", [file, "scores.csv"])
    assert clip_files(tmp_path / "clip", INSIDE) == {"clip": tmp_path / "clip" / file}


@pytest.mark.parametrize("files", [["a.csv", "a.txt"], ["a.csv", "a/regions.csv"], ["a/regions.csv", "a/det/det.txt"]])
def test_two_files_of_one_clip(tmp_path: Path, files: list[str]) -> None:
    make(tmp_path, files)
    with pytest.raises(DataError, match="both of clip a"):
        clip_files(tmp_path, INSIDE)


@pytest.mark.parametrize(
    ("files", "left"),
    [
        (["a.csv", "b.txt"], "b.txt"),
        (["summary.csv", "10.txt", "2.txt"], "2.txt, 10.txt"),
        (["a.csv", "b.npy"], "b.npy"),
        (["a/regions.csv", "b/det/det.txt"], "b/det/det.txt"),
        (["a.npy", "b.txt", "all.json"], "b.txt"),
    ],
)
def test_clips_of_another_kind_than_the_one_taken(tmp_path: Path, files: list[str], left: str) -> None:
    make(tmp_path, files)
    for path in tmp_path.rglob("*.txt"):
        path.write_text("0,1,1,2,2,0.5\n")
    with pytest.raises(DataError, match=f"files are read where there are any, and {left} would be left out; write all"):
        clip_files(tmp_path, INSIDE)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", False),
        ("# frame box score\n\n", False),
        ("\ufeff# frame\r\n\r\n -1,2\r\n", True),
        (".5\n", True),
        ("made by hand on 2024-01-01\n", False),
        ("- see the paper\n", False),
    ],
)
def test_texts_that_are_no_numbers_are_of_no_clip(tmp_path: Path, text: str, numbers: bool) -> None:
    make(tmp_path, ["a.csv"])
    (tmp_path / "notes.txt").write_text(text, encoding="utf-8", newline="")
    if numbers:
        with pytest.raises(DataError, match=r"notes\.txt would be left out"):
            clip_files(tmp_path, INSIDE)
    else:
        assert list(clip_files(tmp_path, INSIDE)) == ["a"]


def test_the_same_clip_padded_otherwise_is_not_left_out(tmp_path: Path) -> None:
    make(tmp_path, ["01.csv"])
    (tmp_path / "1.txt").write_text("0,1,1,2,2,0.5\n")
    assert list(clip_files(tmp_path, INSIDE)) == ["01"]


def test_kinds_that_are_not_asked_for(tmp_path: Path) -> None:
    make(tmp_path, ["a.csv", "a.json"])
    assert list(clip_files(tmp_path, INSIDE, (".csv", ".npy"))) == ["a"]


def test_what_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        clip_files(tmp_path / "none", INSIDE)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("x/a.csv", "a"),
        ("a/regions.csv", "a"),
        ("a/det/det.txt", "a"),
        ("a/det.txt", "det"),
        ("x/regions.txt", "regions"),
    ],
)
def test_the_name_of_a_file(tmp_path: Path, path: str, name: str) -> None:
    assert own_name(tmp_path / path, INSIDE) == name


def test_the_name_of_a_file_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "a", ["regions.csv"])
    monkeypatch.chdir(tmp_path / "a")
    assert own_name(Path("regions.csv"), INSIDE) == "a"


@pytest.mark.parametrize(
    ("names", "expected"),
    [([], {}), (["a"], {"a": [0]}), (["b", "a", "b", "c", "a"], {"b": [0, 2], "a": [1, 4], "c": [3]})],
)
def test_rows_by_clip(names: list[str], expected: dict[str, list[int]]) -> None:
    found = group_rows(np.array(names, np.str_), str)
    assert list(found) == list(expected)
    assert {name: rows.tolist() for name, rows in found.items()} == expected


def test_a_row_of_no_clip() -> None:
    with pytest.raises(DataError, match=r"row 1: the clip has no name"):
        group_rows(np.array(["a", "", "b"]), lambda row: f"row {row}")


def make(folder: Path, files: list[str]) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("")


def test_numbers_of_any_length_are_ordered() -> None:
    names = ["c" + "9" * 5000, "c10", "c2", "c" + "1" + "0" * 5000, "c007"]
    assert natural_order(names) == [names[2], names[4], names[1], names[0], names[3]]

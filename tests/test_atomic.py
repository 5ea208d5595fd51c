"""Outputs appear whole or not at all."""

import json
from pathlib import Path

import pytest

from ssmtl.atomic import atomic_file, atomic_folder, claim_output, write_json, write_text
from ssmtl.errors import OutputError


def everything(folder: Path) -> dict[str, str]:
    """Text of all files below a folder, hidden ones included."""
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("name", ["scores.csv", "plain", "in/a/folder.json"])
def test_a_file_appears_whole(tmp_path: Path, before: str | None, name: str) -> None:
    path = tmp_path / name
    if before is not None:
        write_text(path, before)
    with atomic_file(path) as temporary:
        assert temporary.parent == path.parent and temporary.name.endswith(path.suffix)
        temporary.write_text("new")
        assert path.exists() == (before is not None)
    assert everything(tmp_path) == {name: "new"}


@pytest.mark.parametrize("before", [None, "old"])
def test_a_file_that_fails_leaves_nothing(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "scores.csv"
    if before is not None:
        path.write_text(before)
    with pytest.raises(RuntimeError, match="broken"), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("broken")
    assert everything(tmp_path) == ({} if before is None else {"scores.csv": before})


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file" / "scores.csv", tmp_path):
        with pytest.raises(OutputError, match=str(path)):
            write_text(path, "text")
    assert everything(tmp_path) == {"file": "in the way"}
    full = tmp_path / "full.csv"
    with pytest.raises(OutputError, match=r"full\.csv.*No space left"), atomic_file(full):
        raise OSError(28, "No space left on device")


def test_text_is_utf8_and_json_reads_back(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "Straße")
    assert (tmp_path / "a.txt").read_bytes() == "Straße".encode()
    write_json(tmp_path / "a.json", {"x": [1, None]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": [1, None]}


@pytest.mark.parametrize("before", [None, {}, {"old": "1", "both": "1"}])
def test_a_folder_takes_the_place_of_another(tmp_path: Path, before: dict[str, str] | None) -> None:
    path = tmp_path / "in" / "result"
    for name, text in (before or {}).items():
        write_text(path / name, text)
    if before is not None:
        path.mkdir(parents=True, exist_ok=True)
    with atomic_folder(path) as temporary:
        (temporary / "new").write_text("2")
        (temporary / "both").write_text("2")
    assert everything(tmp_path) == {"in/result/both": "2", "in/result/new": "2"}
    assert [p.name for p in path.parent.iterdir()] == ["result"]


def test_a_folder_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "result"
    write_text(path / "old", "1")
    with pytest.raises(RuntimeError), atomic_folder(path) as temporary:
        (temporary / "new").write_text("half")
        raise RuntimeError
    assert everything(tmp_path) == {"result/old": "1"}
    assert [p.name for p in tmp_path.iterdir()] == ["result"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="result"), atomic_folder(tmp_path / "file" / "result"):
        pytest.fail("no folder was made")


@pytest.mark.parametrize(
    ("content", "overwrite", "message"),
    [
        (None, False, None),
        ({}, False, None),
        ({"a": "1"}, True, None),
        ({"a": "1"}, False, "not empty.*--overwrite"),
        ("a file", False, "is a file"),
        ("a file", True, "is a file"),
    ],
    ids=["free", "empty", "overwritten", "full", "file", "file, overwrite"],
)
def test_claim_output(
    tmp_path: Path, content: dict[str, str] | str | None, overwrite: bool, message: str | None
) -> None:
    path = tmp_path / "deep" / "out"
    if isinstance(content, str):
        write_text(path, content)
    elif content is not None:
        path.mkdir(parents=True)
        for name, text in content.items():
            write_text(path / name, text)
    before = everything(tmp_path)
    if message is None:
        claim_output(path, overwrite)
        assert path.is_dir()
    else:
        with pytest.raises(OutputError, match=message):
            claim_output(path, overwrite)
    assert everything(tmp_path) == before


def test_claim_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        claim_output(tmp_path / "file" / "out", overwrite=False)


def test_a_name_may_be_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    name = "ж" * 123 + ".txt"
    write_text(tmp_path / name, "whole")
    with atomic_folder(tmp_path / ("ж" * 127)) as folder:
        (folder / "a").write_text("")
    assert (tmp_path / name).read_text() == "whole" and (tmp_path / ("ж" * 127) / "a").is_file()

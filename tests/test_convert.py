"""`ssmtl convert`: what a file holds is told by itself, and one form becomes another."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from ssmtl.cli.convert import convert
from ssmtl.errors import DataError, OutputError
from ssmtl.formats.frame_scores import read_frame_scores
from ssmtl.formats.regions import read_regions
from ssmtl.formats.tracks import read_tracks_folder
from ssmtl.results import check_whole

APP = typer.Typer()
APP.command()(convert)

HEADER = "frame,x_min,y_min,x_max,y_max,score\n"


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def regions_text(folder: Path) -> Path:
    return write(folder / "a.txt", "4,1,2,3,5,0.5\n4,10,20,30,50,2\n")


def regions_csv(folder: Path) -> Path:
    return write(folder / "a/regions.csv", HEADER + "4,1,2,4,6,0.5\n4,10,20,31,51,2\n")


def regions_mot(folder: Path) -> Path:
    return write(folder / "a.txt", "5,-1,1,2,3,4,0.5,-1,-1,-1\n5,-1,10,20,21,31,2,-1,-1,-1\n")


def regions_coco(folder: Path) -> Path:
    boxes = [([1, 2, 3, 4], 0.5), ([10, 20, 21, 31], 2)]
    results = [{"image_id": "a/4", "bbox": box, "score": score} for box, score in boxes]
    return write(folder / "all.json", json.dumps(results))


def regions_npz(folder: Path) -> Path:
    np.savez(folder / "all.npz", a=np.array([[4, 1, 2, 3, 5, 0.5], [4, 10, 20, 30, 50, 2]]))
    return folder / "all.npz"


@pytest.mark.parametrize("make", [regions_text, regions_csv, regions_mot, regions_coco, regions_npz])
def test_regions_are_told(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    source = make(tmp_path)
    result = run(source, "--to", "csv", "--out", tmp_path / "out", "--first-frame", 0)
    assert result.exit_code == 0
    found = (tmp_path / "out/a/regions.csv").read_text()
    assert found == HEADER + "4,1,2,4,6,0.5\n4,10,20,31,51,2\n"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.txt", "7,4,1,2,3,5\n7,5,1,2,3,5\n"),
        ("a.txt", "7,0,1,2,3,5\n"),
        ("a.txt", "5,7,1,2,3,4,1,1,1\n"),
        ("a/gt/gt.txt", "5,7,1,2,3,4,1,1,1\n"),
        ("a.csv", "track,frame,x_min,y_min,x_max,y_max\n7,4,1,2,4,6\n"),
    ],
)
def test_tracks_are_told(tmp_path: Path, file: str, text: str) -> None:
    source = write(tmp_path / file, text)
    wanted = read_tracks_folder(source)["a"]
    assert run(source, "--to", "npz", "--out", tmp_path / "out.npz").exit_code == 0
    found = read_tracks_folder(tmp_path / "out.npz")["a"]
    assert found.ids.tolist() == wanted.ids.tolist() == [7] * len(wanted)
    assert np.array_equal(found.boxes, wanted.boxes)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.txt", "0.5\n2\n"),
        ("a.csv", "frame,score\n0,0.5\n1,2\n"),
        ("a/scores.csv", "frame,time_s,score\n0,0,0.5\n1,1,2\n"),
    ],
)
def test_scores_are_told(tmp_path: Path, file: str, text: str) -> None:
    source = write(tmp_path / file, text)
    assert run(source, "--to", "text", "--out", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out/a.txt").read_text() == "0.5\n2\n"


def test_what_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    results = tmp_path / "results"
    write(results / "a/regions.csv", HEADER + "4,1,2,4,6,0.5\n")
    write(results / "a/scores.csv", "frame,time_s,score\n0,0,0.5\n")
    with pytest.raises(DataError, match="results: holds regions and scores; say which with --what"):
        run(results, "--to", "npz", "--out", tmp_path / "out.npz")
    run(results, "--to", "npz", "--out", tmp_path / "regions.npz", "--what", "regions")
    run(results, "--to", "npz", "--out", tmp_path / "scores.npz", "--what", "scores")
    assert read_regions(tmp_path / "regions.npz")["a"].boxes.tolist() == [[1, 2, 4, 6]]
    assert read_frame_scores(tmp_path / "scores.npz")["a"].tolist() == [0.5]


@pytest.mark.parametrize("text", ["", "1,7,1,2,3,4,0.5,-1,-1,-1\n"], ids=["empty", "a tracker's result"])
def test_what_may_be_several_things(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"a\.txt: may hold regions or tracks.*; say which with --what"):
        run(write(tmp_path / "a.txt", text), "--to", "npz", "--out", tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()


def test_the_file_s_mistake_is_named_where_it_is_known_what_it_holds(tmp_path: Path) -> None:
    write(tmp_path / "in/a/regions.csv", HEADER + "4,1,2,x,6,0.5\n")
    with pytest.raises(DataError, match=r"regions\.csv, line 2: x_max is 'x'"):
        run(tmp_path / "in", "--to", "npz", "--out", tmp_path / "out.npz")


def test_what_is_none_of_them(tmp_path: Path) -> None:
    source = write(tmp_path / "a.txt", "1,2,3\n")
    with pytest.raises(DataError, match=r"a\.txt: cannot be read as .*as regions: .*as tracks: .*as scores: .*--what"):
        run(source, "--to", "npz", "--out", tmp_path / "out.npz")


@pytest.mark.parametrize("form", ["mot", "coco"])
def test_forms_that_scores_do_not_have(tmp_path: Path, form: str) -> None:
    source = write(tmp_path / "a.txt", "1\n")
    with pytest.raises(DataError, match=f"frame scores, which have no form {form}; choose csv, text, npy, npz"):
        run(source, "--to", form, "--out", tmp_path / "out.json")


def test_output_that_is_there(tmp_path: Path) -> None:
    source = regions_text(tmp_path)
    write(tmp_path / "out/old.npy", "")
    with pytest.raises(OutputError, match="--overwrite"):
        run(source, "--to", "npy", "--out", tmp_path / "out")
    run(source, "--to", "npy", "--out", tmp_path / "out", "--overwrite")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.npy"]
    write(tmp_path / "out/thesis.txt", "mine")
    with pytest.raises(OutputError, match="holds other things"):
        run(source, "--to", "npy", "--out", tmp_path / "out", "--overwrite")
    assert (tmp_path / "out/thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("out", [".", "in", "in/a.txt"])
def test_the_source_is_never_replaced(tmp_path: Path, out: str) -> None:
    source = write(tmp_path / "in/a.txt", "0.5\n")
    with pytest.raises(OutputError, match="holds what is to be read"):
        run(source, "--to", "text", "--out", tmp_path / out, "--overwrite")
    assert source.read_text() == "0.5\n"


@pytest.mark.parametrize("what", [[], ["--what", "regions"], ["--what", "tracks"], ["--what", "scores"]])
def test_what_holds_no_clips(tmp_path: Path, what: list[str]) -> None:
    np.savez(tmp_path / "all.npz")
    with pytest.raises(DataError, match=r"all\.npz: holds no clips; name"):
        run(tmp_path / "all.npz", "--to", "csv", "--out", tmp_path / "out", *what)
    assert not (tmp_path / "out").exists()


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: no such file or folder"):
        run(tmp_path / "none", "--to", "csv", "--out", tmp_path / "out")


@pytest.mark.parametrize("arguments", [["--to", "xml"], ["--to", "csv", "--what", "labels"], []])
def test_wrong_options(tmp_path: Path, arguments: list[str]) -> None:
    assert run(regions_text(tmp_path), *arguments, "--out", tmp_path / "out").exit_code == 2
    assert not (tmp_path / "out").exists()


def test_what_lies_around_other_peoples_files_is_left_alone(tmp_path: Path) -> None:
    """A summary.json of theirs may be anything."""
    (tmp_path / "summary.json").write_text("no JSON")
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / "a.csv").write_text("frame,x_min,y_min,x_max,y_max,score\n0,1,2,3,4,0.5\n")
    for source in (tmp_path / "boxes", tmp_path / "boxes" / "a.csv"):
        check_whole(source)

"""Frame scores in every form, and of clips that are joined."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssmtl.errors import DataError
from ssmtl.formats.frame_scores import read_frame_scores, split_joined

WANTED = {"01": [0.5, -1.0, 1e-9], "2": []}


def ours(folder: Path) -> Path:
    write(folder / "01/scores.csv", "frame,time_s,score\n0,0.0,0.5\n1,0.04,-1\n2,0.08,1e-09\n")
    write(folder / "2/scores.csv", "frame,time_s,score\n")
    write(folder / "01/regions.csv", "frame,x_min\n")
    write(folder / "summary.json", "{}")
    return folder


def csv_files(folder: Path) -> Path:
    write(folder / "01.csv", "score,frame\r\n0.5,0\r\n-1,1\r\n1e-9,2\r\n\r\n")
    write(folder / "2.csv", "frame,score")
    return folder


def text_files(folder: Path) -> Path:
    write(folder / "01.txt", "\ufeff# score\r\n0.5\r\n-1\r\n1e-9\r\n\r\n")
    write(folder / "2.txt", "")
    return folder


def arrays(folder: Path) -> Path:
    np.save(folder / "01.npy", WANTED["01"])
    np.save(folder / "2.npy", np.empty((0, 1)))
    return folder


def one_archive(folder: Path) -> Path:
    np.savez(folder / "all.npz", **{"01": np.array(WANTED["01"])[:, None], "2": np.empty(0, np.float32)})
    return folder / "all.npz"


@pytest.mark.parametrize("make", [ours, csv_files, text_files, arrays, one_archive])
def test_every_form(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    found = read_frame_scores(make(tmp_path))
    assert {clip: scores.tolist() for clip, scores in found.items()} == WANTED
    assert all(scores.ndim == 1 and scores.dtype == np.float64 for scores in found.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clip,frame,score\n", {}),
        ("clip,frame,score\na,0,5\n", {"a": [5]}),
        ("frame,clip,score\n0,b,1\n0,a,2\n1,b,3\n1,a,4\n2,b,5\n", {"b": [1, 3, 5], "a": [2, 4]}),
    ],
)
def test_one_csv_of_several_clips(tmp_path: Path, text: str, expected: dict[str, list[float]]) -> None:
    found = read_frame_scores(write(tmp_path / "all.csv", text))
    assert {clip: scores.tolist() for clip, scores in found.items()} == expected


@pytest.mark.parametrize("place", ["clip.txt", "clip.csv", "clip/scores.csv"])
def test_a_single_file_is_of_the_clip_that_it_is_named_after(tmp_path: Path, place: str) -> None:
    path = write(tmp_path / place, "frame,score\n" if place.endswith("csv") else "")
    assert list(read_frame_scores(path)) == ["clip"]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("a.csv", "score\n1\n", "no column 'frame'"),
        ("a.csv", "frame,score\n1,5\n", "line 2: frame 1 where 0 should be; frames run from 0 without gaps"),
        ("a.csv", "frame,score\n0,5\n\n2,5\n", "line 4: frame 2 where 1 should be"),
        ("a.csv", "frame,score\n0,5\n0,5\n", "line 3: frame 0 where 1 should be"),
        ("a.csv", "clip,frame,score\nx,0,1\ny,0,1\nx,2,1\n", "line 4: frame 2 where 1 should be"),
        ("a.csv", "clip,frame,score\n,0,1\n", "line 2: the clip has no name"),
        ("a.csv", "frame,score\n0,nan\n", "line 2: score is nan"),
        ("a.txt", "1\nx\n", "line 2: column 1 is 'x'"),
        ("a.txt", "1,2\n", "line 1: has 2 columns; write one score per line"),
        ("a.txt", "1\ninf\n", "line 2: a value is not finite"),
        ("a.json", "{}", r"not read from files that end in '.json'; write .csv, .npy, .txt, .npz"),
    ],
)
def test_bad_files_name_file_and_line(tmp_path: Path, file: str, text: str, message: str) -> None:
    path = write(tmp_path / file, text)
    with pytest.raises(DataError, match=f"{file}.*{message}"):
        read_frame_scores(path)


@pytest.mark.parametrize("shape", [(), (1, 3), (2, 2), (2, 1, 1)])
def test_arrays_of_another_shape(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.ones(shape))
    with pytest.raises(DataError, match=r"a\.npy: is .*; write one score per line, frame 0 first: N, or N×1"):
        read_frame_scores(tmp_path / "a.npy")


@pytest.mark.parametrize("files", [[], ["notes.md"], ["summary.json"]])
def test_a_folder_without_scores(tmp_path: Path, files: list[str]) -> None:
    for file in files:
        write(tmp_path / file, "")
    with pytest.raises(DataError, match=r"holds no frame scores; .*scores\.csv in a folder per clip"):
        read_frame_scores(tmp_path)


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ({}, {}),
        ({"a": 0}, {"a": []}),
        ({"a": 3}, {"a": [0, 1, 2]}),
        ({"b": 2, "a": 1}, {"b": [0, 1], "a": [2]}),
        ({"a": 0, "b": 2, "c": 0, "d": 1}, {"a": [], "b": [0, 1], "c": [], "d": [2]}),
    ],
)
def test_splitting(lengths: dict[str, int], expected: dict[str, list[float]]) -> None:
    found = split_joined(np.arange(float(sum(lengths.values()))), lengths)
    assert {clip: scores.tolist() for clip, scores in found.items()} == expected and list(found) == list(lengths)


@pytest.mark.parametrize("count", [0, 4, 6])
def test_another_total_is_refused(count: int) -> None:
    with pytest.raises(DataError, match=rf"all\.npy: {count} scores, but the 2 clips have 5 frames in all"):
        split_joined(np.zeros(count), {"a": 3, "b": 2}, "all.npy")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path

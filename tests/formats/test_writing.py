"""What is written is read back equal, in every form, whole or not at all."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmtl.errors import DataError, OutputError
from ssmtl.formats.frame_scores import read_frame_scores
from ssmtl.formats.records import ScoredRegions, Tracks
from ssmtl.formats.regions import read_regions
from ssmtl.formats.tracks import read_tracks_folder, write_tracks
from ssmtl.formats.writing import SCORE_FORMS, Form, write_frame_scores, write_regions

NAMES = {Form.NPZ: "out.npz", Form.COCO: "out.json"}


def regions(*rows: tuple[float, ...]) -> ScoredRegions:
    table = np.array(rows, np.float64).reshape(-1, 6)
    return ScoredRegions(table[:, 0].astype(np.int64), table[:, 1:5], table[:, 5])


def tracks(*rows: tuple[float, ...]) -> Tracks:
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Tracks(table[:, 0].astype(np.int64), table[:, 5].astype(np.int64), table[:, 1:5])


def place(folder: Path, form: Form) -> Path:
    return folder / NAMES.get(form, "out")


REGIONS = {
    "02": regions((3, 1, 2, 40, 60, 0.1), (0, 0, 0, 1, 1, -1e-12), (3, 5, 6, 7, 8, 1 / 3)),
    "none": regions(),
    "clip 10": regions((100, 0, 0, 2.0**20, 3, 1e300)),
}
TRACKS = {"02": tracks((3, 1, 2, 40, 60, 0), (0, 0, 0, 1, 1, 5), (3, 5, 6, 7, 8, 5)), "none": tracks()}
SCORES: dict[str, list[float]] = {"02": [0.1, -1e-12, 1 / 3, 1e300, 0], "none": [], "one": [7]}


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("clips", [REGIONS, {"a": regions()}, {"a": regions((5, 1, 1, 2, 2, 3))}], ids=["3", "0", "1"])
def test_regions(tmp_path: Path, form: Form, clips: Mapping[str, ScoredRegions]) -> None:
    write_regions(clips, place(tmp_path, form), form)
    found = read_regions(place(tmp_path, form))
    assert set(found) == set(clips)
    for clip, wanted in clips.items():
        assert np.array_equal(found[clip].frames, wanted.frames)
        assert np.array_equal(found[clip].boxes, wanted.boxes)
        assert np.array_equal(found[clip].scores, wanted.scores)


@pytest.mark.parametrize("form", Form)
def test_tracks(tmp_path: Path, form: Form) -> None:
    write_tracks(TRACKS, place(tmp_path, form), form)
    found = read_tracks_folder(place(tmp_path, form))
    assert set(found) == set(TRACKS)
    for clip, wanted in TRACKS.items():
        assert np.array_equal(found[clip].frames, wanted.frames)
        assert np.array_equal(found[clip].boxes, wanted.boxes)
        assert np.array_equal(found[clip].ids, wanted.ids)


@pytest.mark.parametrize("form", SCORE_FORMS)
def test_frame_scores(tmp_path: Path, form: Form) -> None:
    write_frame_scores(SCORES, place(tmp_path, form), form)
    found = read_frame_scores(place(tmp_path, form))
    assert {clip: scores.tolist() for clip, scores in found.items()} == SCORES


@pytest.mark.parametrize("form", Form)
def test_boxes_between_pixels(tmp_path: Path, form: Form) -> None:
    generator = np.random.default_rng(0)
    corners = generator.uniform(0, 500, (50, 2))
    boxes = np.concatenate([corners, corners + generator.uniform(1, 100, (50, 2))], axis=1)
    wanted = ScoredRegions(np.arange(50), boxes, generator.normal(size=50))
    write_regions({"a": wanted}, place(tmp_path, form), form)
    found = read_regions(place(tmp_path, form))["a"]
    np.testing.assert_allclose(found.boxes, boxes, rtol=0, atol=0 if form is Form.CSV else 2e-13)
    assert np.array_equal(found.scores, wanted.scores)


FILES = {
    Form.CSV: {"a/regions.csv": "frame,x_min,y_min,x_max,y_max,score\n4,1,2,4,6.5,0.25\n"},
    Form.TEXT: {"a.txt": "4,1,2,3,5.5,0.25\n"},
    Form.MOT: {"a.txt": "5,-1,1,2,3,4.5,0.25,-1,-1,-1\n"},
}


@pytest.mark.parametrize(("form", "files"), FILES.items(), ids=FILES)
def test_the_text_of_regions(tmp_path: Path, form: Form, files: dict[str, str]) -> None:
    write_regions({"a": regions((4, 1, 2, 4, 6.5, 0.25))}, tmp_path / "out", form)
    assert texts(tmp_path / "out") == files


@pytest.mark.parametrize(
    ("form", "files"),
    [
        (Form.CSV, {"a/tracks.csv": "frame,x_min,y_min,x_max,y_max,track\n4,1,2,4,6,9\n"}),
        (Form.TEXT, {"a.txt": "9,4,1,2,3,5\n"}),
        (Form.MOT, {"a/gt/gt.txt": "5,9,1,2,3,4,1,1,1\n"}),
    ],
)
def test_the_text_of_tracks(tmp_path: Path, form: Form, files: dict[str, str]) -> None:
    write_tracks({"a": tracks((4, 1, 2, 4, 6, 9))}, tmp_path / "out", form)
    assert texts(tmp_path / "out") == files


@pytest.mark.parametrize(
    ("form", "files"), [(Form.CSV, {"a/scores.csv": "frame,score\n0,0.5\n1,2\n"}), (Form.TEXT, {"a.txt": "0.5\n2\n"})]
)
def test_the_text_of_scores(tmp_path: Path, form: Form, files: dict[str, str]) -> None:
    write_frame_scores({"a": [0.5, 2]}, tmp_path / "out", form)
    assert texts(tmp_path / "out") == files


def test_the_json_of_regions(tmp_path: Path) -> None:
    write_regions({"a": regions((1, 1, 2, 4, 6.5, 0.25))}, tmp_path / "a.json", Form.COCO)
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["videos"] == [{"id": 1, "name": "a"}] and written["categories"] == [{"id": 1, "name": "object"}]
    assert [image["file_name"] for image in written["images"]] == ["a/000000", "a/000001"]
    assert written["annotations"] == [
        {"id": 1, "image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4.5], "area": 13.5, "iscrowd": 0, "score": 0.25}
    ]


def test_arrays_hold_what_text_does(tmp_path: Path) -> None:
    write_regions({"a": regions((4, 1, 2, 4, 6, 0.25))}, tmp_path / "out", Form.NPY)
    assert np.load(tmp_path / "out/a.npy", allow_pickle=False).tolist() == [[4, 1, 2, 3, 5, 0.25]]


@pytest.mark.parametrize("form", [Form.TEXT, Form.NPY, Form.NPZ])
def test_boxes_that_inclusive_pixels_cannot_say(tmp_path: Path, form: Form) -> None:
    with pytest.raises(DataError, match=r"clip a, frame 4: a box is narrower than a pixel.*write csv, mot or coco"):
        write_regions({"a": regions((4, 1, 2, 1.5, 6, 0))}, place(tmp_path, form), form)
    assert list(tmp_path.iterdir()) == []


Write = Callable[[Path, Form, bool], None]


def some_regions(out: Path, form: Form, overwrite: bool) -> None:
    write_regions(REGIONS, out, form, overwrite)


def some_tracks(out: Path, form: Form, overwrite: bool) -> None:
    write_tracks(TRACKS, out, form, overwrite)


def some_scores(out: Path, form: Form, overwrite: bool) -> None:
    write_frame_scores(SCORES, out, form, overwrite)


WRITERS = [some_regions, some_tracks, some_scores]


@pytest.mark.parametrize("write", WRITERS)
class TestOutput:
    def test_a_folder_that_is_there(self, tmp_path: Path, write: Write) -> None:
        out = tmp_path / "out"
        out.mkdir()
        (out / "old.txt").write_text("mine")
        with pytest.raises(OutputError, match="--overwrite"):
            write(out, Form.TEXT, False)
        assert texts(out) == {"old.txt": "mine"}
        write(out, Form.TEXT, True)
        assert "old.txt" not in texts(out) and "02.txt" in texts(out)
        assert list(tmp_path.iterdir()) == [out]

    def test_a_file_that_is_there(self, tmp_path: Path, write: Write) -> None:
        out = tmp_path / "out.npz"
        out.write_text("mine")
        with pytest.raises(OutputError, match=r"out\.npz: exists; .*--overwrite"):
            write(out, Form.NPZ, False)
        assert out.read_text() == "mine"
        write(out, Form.NPZ, True)
        assert out.read_bytes()[:2] == b"PK" and list(tmp_path.iterdir()) == [out]

    def test_the_wrong_sort_of_place(self, tmp_path: Path, write: Write) -> None:
        with pytest.raises(OutputError, match=r"let it end in \.npz"):
            write(tmp_path / "out", Form.NPZ, False)
        (tmp_path / "out.npz").mkdir()
        with pytest.raises(OutputError, match="is a folder"):
            write(tmp_path / "out.npz", Form.NPZ, True)
        (tmp_path / "file").write_text("mine")
        with pytest.raises(OutputError, match="is a file"):
            write(tmp_path / "file", Form.CSV, True)

    def test_nothing_is_left_of_a_failure(self, tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("ssmtl.formats.writing.write_array", fail)
        monkeypatch.setattr("ssmtl.formats.writing.write_arrays", fail)
        for form in (Form.NPY, Form.NPZ):
            with pytest.raises(OutputError, match="No space left"):
                write(place(tmp_path, form), form, False)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["", "a/b", "..", "../a", ".hidden", "a\\b", "/a"])
def test_names_that_are_no_files(tmp_path: Path, name: str) -> None:
    for form in (Form.CSV, Form.TEXT, Form.NPY, Form.MOT):
        with pytest.raises(DataError, match="its name cannot be that of a file"):
            write_regions({name: regions()}, tmp_path / "out", form)
    assert list(tmp_path.iterdir()) == []
    if name:
        write_regions({name: regions((0, 1, 1, 2, 2, 3))}, tmp_path / "out.json", Form.COCO)
        assert list(read_regions(tmp_path / "out.json")) == [name]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (regions((0, 1, 1, 2, 2, np.nan)), "finite"),
        (regions((0, 1, 1, np.inf, 2, 0)), "finite"),
        (regions((0, 1, 1, 1, 2, 0)), "some width and height"),
        (regions((-1, 1, 1, 2, 2, 0)), "frames count from 0"),
        (ScoredRegions(np.arange(2), np.ones((1, 4)), np.ones(1)), "M frames"),
        (ScoredRegions(np.arange(1), np.ones((1, 3)), np.ones(1)), "M×4 boxes"),
    ],
)
def test_what_is_no_region(tmp_path: Path, wrong: ScoredRegions, message: str) -> None:
    for form in Form:
        with pytest.raises(ValueError, match=f"clip a.*{message}"):
            write_regions({"a": wrong}, place(tmp_path, form), form)


@pytest.mark.parametrize("wrong", [[np.nan], [[1.0]], 1.0])
def test_what_are_no_scores(tmp_path: Path, wrong: object) -> None:
    with pytest.raises(ValueError, match="scores of clip a must be N finite numbers"):
        write_frame_scores({"a": np.array(wrong)}, tmp_path / "out", Form.CSV)


@pytest.mark.parametrize("form", ["mot", "coco"])
def test_forms_that_scores_do_not_have(tmp_path: Path, form: str) -> None:
    with pytest.raises(ValueError, match="choose csv, text, npy, npz"):
        write_frame_scores(SCORES, tmp_path / "out.json", form)


def texts(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}

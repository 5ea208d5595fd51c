"""Evaluations of files and data sets: what is compared with what, and what is refused."""

import json
import math
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from ssmtl.cli.main import main
from ssmtl.datasets.own import OwnDataset
from ssmtl.errors import DataError, OutputError
from ssmtl.evaluation import Evaluation, evaluate, evaluate_files
from ssmtl.evaluation_table import as_csv, as_json, conventions, latex, markdown, table_rows, write_evaluation
from ssmtl.metrics.published import VIDEOS, published
from ssmtl.metrics.regions import match_video, measure_regions
from ssmtl.video.writer import VideoWriter

TRUTH = {"01": "0,2,10,10,29,49\n0,3,12,10,31,49\n", "02": ""}
FOUND = {
    "01": "2,10,10,29,49,0.9\n3,50,10,69,49,0.7\n3,12,10,31,49,0.5\n",
    "02": "0,0,0,9,9,0.8\n",
}
FRAMES = 5


def write(folder: Path, texts: dict[str, str]) -> Path:
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path / "tracks", TRUTH), write(tmp_path / "regions", FOUND)


@pytest.fixture
def own(tmp_path: Path) -> OwnDataset:
    """Two test clips of five frames; something walks through the first in frames 2 and 3."""
    root = tmp_path / "own"
    for folder, name in (("normal", "n"), ("test", "01"), ("test", "02")):
        (root / folder).mkdir(parents=True, exist_ok=True)
        with VideoWriter(root / folder / f"{name}.mp4", 80, 60, 25) as film:
            for i in range(FRAMES):
                film.write(np.full((60, 80, 3), 40 + i, np.uint8), i / 25)
    (root / "abnormal.csv").write_text(
        "clip,first,last,track,x_min,y_min,x_max,y_max\n01,2,2,0,10,10,30,50\n01,3,3,0,12,10,32,50\n"
    )
    return OwnDataset(root)


def test_two_folders_of_text_need_no_data_set(files: tuple[Path, Path]) -> None:
    done = evaluate_files(*files, 10)
    assert done.regions is not None and done.frames is None
    # Detected at 0.9 and, after false positives at 0.8 and 0.7, at 0.5: the curve rises to 1/2 at once, to 1 at 0.2.
    assert done.regions.rbdc == pytest.approx(0.5 * 0.2 + 0.8)
    assert done.regions.tbdc == 1.0
    assert (done.regions.regions, done.regions.tracks, done.regions.detections) == (2, 1, 4)
    assert not done.derived_tracks and done.clips == ["01", "02"]


def test_more_frames_make_false_positives_rarer(files: tuple[Path, Path]) -> None:
    few, many = evaluate_files(*files, 5).regions, evaluate_files(*files, 1000).regions
    assert few is not None and many is not None and few.rbdc < many.rbdc < 1


def test_names_may_be_padded_otherwise(files: tuple[Path, Path], tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"1": FOUND["01"], "2": FOUND["02"]})
    assert evaluate_files(files[0], other, 10).as_dict()["regions"] == evaluate_files(*files, 10).as_dict()["regions"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tracks, regions: (regions / "02.txt").unlink(), "regions: nothing of 02"),
        (lambda tracks, regions: (tracks / "02.txt").unlink(), "has 02, of which .*tracks|has 02, of which the ground"),
        (lambda tracks, regions: (regions / "02.txt").write_text("500,0,0,9,9,0.8\n"), "frame 500"),
        (
            lambda tracks, regions: (tracks / "01.txt").write_text("0,77,0,0,9,9\n"),
            "ground-truth region lies in frame 77",
        ),
        (lambda tracks, regions: (regions / "02.txt").write_text("0,0,0,9,9\n"), "02.txt"),
        (lambda tracks, regions: (regions / "02.txt").write_text("0,0,0,9,9,nan\n"), "02.txt, line 1"),
    ],
    ids=["no regions", "no tracks", "late region", "late track", "five columns", "no number"],
)
def test_what_does_not_fit_is_refused(files: tuple[Path, Path], change, said: str) -> None:
    change(*files)
    with pytest.raises(DataError, match=said):
        evaluate_files(*files, 10)


@pytest.mark.parametrize("missing", [{"frames": None}, {"regions": None}, {"tracks": None, "regions": None}])
def test_what_is_missing_is_asked_for(files: tuple[Path, Path], missing: dict) -> None:
    given = {"tracks": files[0], "regions": files[1], "frames": 10}
    with pytest.raises(DataError, match="--"):
        evaluate_files(**{**given, **missing})


def test_labels_and_scores_without_a_data_set(tmp_path: Path, files: tuple[Path, Path]) -> None:
    labels = write(tmp_path / "labels", {"01": "0\n0\n1\n1\n0\n", "02": "0\n0\n0\n0\n0\n"})
    scores = write(tmp_path / "scores", {"1": ".1\n.2\n.9\n.4\n.5\n", "2": "0\n0\n0\n0\n0\n"})
    done = evaluate_files(*files, labels=labels, scores=scores)
    assert done.frames is not None and done.regions is not None
    assert done.frames.micro == pytest.approx((8 + 7) / 16) and done.frames.undefined == 1
    assert done.regions.frames == 10
    with pytest.raises(DataError, match="10 labels"):
        evaluate_files(*files, 11, labels=labels, scores=scores)
    (labels / "01.txt").write_text("0\n0\n1\n2\n0\n")
    with pytest.raises(DataError, match="neither 0 nor 1"):
        evaluate_files(labels=labels, scores=scores)


def own_scores(folder: Path) -> Path:
    return write(folder, {"01": "0\n.1\n.9\n.8\n.2\n", "02": "0\n.3\n0\n0\n0\n"})


def test_a_data_set_brings_labels_and_tracks(own: OwnDataset, tmp_path: Path) -> None:
    regions = write(tmp_path / "regions", FOUND)
    done = evaluate(own, own_scores(tmp_path / "scores"), regions=regions)
    alone = evaluate(own, regions=regions)
    assert done.frames is not None and done.frames.micro == 1.0 and done.frames.abnormal == 2
    assert done.regions is not None and alone.regions is not None and alone.frames is None
    assert done.regions.rbdc == alone.regions.rbdc == pytest.approx(0.9)
    assert done.dataset == own.title and not done.derived_tracks
    assert evaluate(own, own_scores(tmp_path / "again")).without_regions.startswith("no regions were given")


def test_scores_of_all_clips_may_be_joined_in_one_array(own: OwnDataset, tmp_path: Path) -> None:
    np.save(tmp_path / "all.npy", [0, 0.1, 0.9, 0.8, 0.2, 0, 0.3, 0, 0, 0])
    apart = evaluate(own, own_scores(tmp_path / "scores"))
    joined = evaluate(own, tmp_path / "all.npy")
    assert joined.as_dict() == apart.as_dict() and joined.as_dict()["frames"]["micro"] == 1.0
    np.save(tmp_path / "all.npy", np.zeros(9))
    with pytest.raises(DataError, match=r"9 scores.*10 frames"):
        evaluate(own, tmp_path / "all.npy")


def test_a_table_need_not_name_a_clip_without_regions(own: OwnDataset, tmp_path: Path) -> None:
    table = tmp_path / "regions.csv"
    table.write_text("clip,frame,x_min,y_min,x_max,y_max,score\n01,2,10,10,30,50,0.5\n")
    done = evaluate(own, regions=table).regions
    assert done is not None and (done.rbdc, done.tbdc, done.detections) == (0.5, 1.0, 1)


def test_regions_where_the_truth_has_none(own: OwnDataset, tmp_path: Path) -> None:
    (own.root / "abnormal.csv").write_text("clip,first,last\n01,2,3\n")
    blind = OwnDataset(own.root)
    with pytest.raises(DataError, match="--tracks"):
        evaluate(blind, regions=write(tmp_path / "regions", FOUND))


def test_nothing_to_evaluate(own: OwnDataset) -> None:
    with pytest.raises(DataError, match="--scores"):
        evaluate(own)


def test_the_hash_is_that_of_the_numbers(own: OwnDataset, tmp_path: Path) -> None:
    first = evaluate(own, own_scores(tmp_path / "a")).scores_sha256
    other = own_scores(tmp_path / "b")
    assert evaluate(own, other).scores_sha256 == first
    (other / "02.txt").write_text("0\n.3\n0\n0\n1e-9\n")
    assert evaluate(own, other).scores_sha256 != first


@pytest.fixture
def done(own: OwnDataset, tmp_path: Path) -> Evaluation:
    return evaluate(own, own_scores(tmp_path / "s"), regions=write(tmp_path / "r", FOUND), system="mine & 100 %_x|y")


def test_the_same_figures_in_every_form(done: Evaluation) -> None:
    assert table_rows(done)[-1][1] == pytest.approx((1.0, 1.0, 1.0, 0.0, 1.0, 0.9, 1.0))
    assert "| 100.00 | 100.00 | 100.00 | 0.00 | 100.00 | 90.00 | 100.00 |" in markdown(done)
    assert "mine & 100 %_x\\|y" in markdown(done)
    assert "mine \\& 100 \\%\\_x\\textbar{}y" in latex(done)
    assert as_csv(done).splitlines()[-1].endswith(",1,1,1,0,1,0.9,1")
    values = json.loads(json.dumps(as_json(done), allow_nan=False))
    assert values["regions"]["rbdc"] == pytest.approx(0.9) and values["frames"]["undefined"] == 1
    assert values["clips"] == {"01": 1.0, "02": None}
    for text in conventions(done):
        assert text in markdown(done) and "% " + text in latex(done)


def test_what_it_depends_on_is_said(done: Evaluation) -> None:
    said = " ".join(conventions(done))
    for word in ("anchored", "1 of 2 clips", "no smoothing", "0.1", "as the annotation gives", done.scores_sha256[:16]):
        assert word in said


@pytest.mark.parametrize("name", ["out.json", "out.md", "out.tex", "out.csv"])
def test_one_file_by_its_ending(done: Evaluation, tmp_path: Path, name: str) -> None:
    assert write_evaluation(done, tmp_path / name) == [tmp_path / name]
    assert "90" in (tmp_path / name).read_text() or "0.9" in (tmp_path / name).read_text()


def test_a_folder_holds_all_forms_and_the_curves(done: Evaluation, tmp_path: Path) -> None:
    written = write_evaluation(done, tmp_path / "out")
    names = ["evaluation.csv", "evaluation.json", "evaluation.md", "evaluation.tex", "regions.png", "roc.png"]
    assert sorted(path.name for path in written) == names == sorted(p.name for p in (tmp_path / "out").iterdir())
    with pytest.raises(OutputError, match=r"\.json"):
        write_evaluation(done, tmp_path / "out.xlsx")


def test_published_rows_stand_beside_ours() -> None:
    ours = Evaluation("UCSD Ped2", "ours", ["a"], regions=measure_regions([match_video([], [], [], [], [], [])], 4))
    rows = table_rows(ours)
    assert [name for name, _ in rows] == ["SSMTL, published", "best known, published", "ours"]
    assert rows[0][1] == pytest.approx((0.975, 0.998, None, None, None, 0.728, 0.912))
    assert math.isnan(rows[-1][1][5] or 0) and "| – |" in markdown(ours)
    assert "over 12 test clips, the measured ones over 1" in " ".join(conventions(ours))


@pytest.mark.parametrize("title", VIDEOS)
def test_published_numbers_are_shares(title: str) -> None:
    for row in published(title):
        values = [value for value in (row.micro, row.macro, row.rbdc, row.tbdc) if value is not None]
        assert values and all(0.1 < value <= 1 for value in values)


def test_scores_are_one_for_each_frame_of_the_footage(own: OwnDataset, tmp_path: Path) -> None:
    scores = own_scores(tmp_path / "scores")
    (scores / "02.txt").write_text("0\n.3\n0\n0\n")
    with pytest.raises(DataError, match="4 scores of 02, which has 5 frames"):
        evaluate(own, scores)


def test_scores_of_clips_without_truth_are_refused(own: OwnDataset, tmp_path: Path) -> None:
    scores = own_scores(tmp_path / "scores")
    (scores / "03.txt").write_text("0\n")
    with pytest.raises(DataError, match="has 03, of which the data set knows nothing"):
        evaluate(own, scores)


def test_truth_of_clips_without_labels_is_refused(tmp_path: Path, files: tuple[Path, Path]) -> None:
    labels, scores = (write(tmp_path / name, {"01": "0\n0\n1\n1\n0\n"}) for name in ("labels", "scores"))
    with pytest.raises(DataError, match="has 02"):
        evaluate_files(*files, labels=labels, scores=scores)


@pytest.mark.parametrize("given", ["regions", "labels"])
def test_a_table_of_tracks_need_not_name_a_normal_clip(tmp_path: Path, files: tuple[Path, Path], given: str) -> None:
    table = tmp_path / "tracks.csv"
    table.write_text("clip,track,frame,x_min,y_min,x_max,y_max\n01,0,2,10,10,30,50\n01,0,3,12,10,32,50\n")
    wanted = evaluate_files(*files, 10).regions
    if given == "regions":
        assert evaluate_files(table, files[1], 10).regions.rbdc == wanted.rbdc
    else:
        truth = write(tmp_path / "labels", {"01": "0\n0\n1\n1\n0\n", "02": "0\n" * 5})
        assert evaluate_files(table, files[1], labels=truth, scores=truth).regions.rbdc == wanted.rbdc


def test_the_hash_does_not_depend_on_the_order_of_rows(tmp_path: Path, files: tuple[Path, Path]) -> None:
    first = evaluate_files(*files, 10).scores_sha256
    path = files[1] / "01.txt"
    path.write_text("\n".join(reversed(path.read_text().split())))
    assert evaluate_files(*files, 10).scores_sha256 == first
    path.write_text(path.read_text().replace("0.9", "0.91"))
    assert evaluate_files(*files, 10).scores_sha256 != first


@pytest.mark.parametrize(
    "summary",
    [{"auc": 0.9}, {"clips": [], "configuration": {}}, {"clips": {"01": {}}, "configuration": {"scoring": {}}}],
)
def test_a_summary_of_another_program_is_left_alone(own: OwnDataset, tmp_path: Path, summary: dict) -> None:
    scores = own_scores(tmp_path / "scores")
    (scores / "summary.json").write_text(json.dumps(summary))
    assert evaluate(own, scores).settings == {}


def test_a_clip_without_frames_is_refused(tmp_path: Path) -> None:
    for name in ("labels", "scores"):
        np.savez(tmp_path / f"{name}.npz", a=np.array([0.0, 1.0]), b=np.empty(0))
    with pytest.raises(DataError, match="no scores of b"):
        evaluate_files(labels=tmp_path / "labels.npz", scores=tmp_path / "scores.npz")


def test_one_array_is_enough_for_one_clip(own: OwnDataset, tmp_path: Path) -> None:
    (own.root / "test" / "02.mp4").unlink()
    np.save(tmp_path / "any.npy", [0, 0.1, 0.9, 0.8, 0.2])
    (tmp_path / "other.txt").write_text(FOUND["01"])
    done = evaluate(OwnDataset(own.root), tmp_path / "any.npy", regions=tmp_path / "other.txt")
    assert done.frames is not None and done.frames.micro == 1.0 and done.regions is not None


def test_pictures_of_an_earlier_evaluation_do_not_stay(done: Evaluation, own: OwnDataset, tmp_path: Path) -> None:
    write_evaluation(done, tmp_path / "out")
    write_evaluation(evaluate(own, own_scores(tmp_path / "t")), tmp_path / "out")
    assert not (tmp_path / "out" / "regions.png").exists() and (tmp_path / "out" / "roc.png").exists()


def test_signs_that_latex_reads_are_escaped() -> None:
    text = latex(Evaluation("", "a\\b~_^<x>[red]|", ["a"]))
    assert (
        "a\\textbackslash{}b\\textasciitilde{}\\_\\textasciicircum{}\\textless{}x\\textgreater{}[red]\\textbar{}"
        in text
    )


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_command_shows_every_figure_and_any_name(files: tuple[Path, Path], options: list[str], capsys) -> None:
    arguments = ["evaluate", "--tracks", files[0], "--regions", files[1], "--frames", 10, "--name", "[/x]", *options]
    with patch.object(sys, "argv", ["ssmtl", *map(str, arguments)]), pytest.raises(SystemExit) as end:
        main()
    shown = capsys.readouterr().out
    assert end.value.code == 0 and "[/x]" in shown
    assert "90.00" in shown and "100.00" in shown if not options else json.loads(shown)["regions"]["tbdc"] == 1.0


def test_a_table_of_one_clip_alone_is_not_one_of_all(files: tuple[Path, Path], tmp_path: Path) -> None:
    """A table with a column "clip" may leave out a clip in which nothing is; one without names no other."""
    header, row = "frame,x_min,y_min,x_max,y_max,score", "2,10,10,30,50,0.9"
    (tmp_path / "01.csv").write_text(f"{header}\n{row}\n")
    with pytest.raises(DataError, match="nothing of 02"):
        evaluate_files(files[0], tmp_path / "01.csv", 10)
    (tmp_path / "all.csv").write_text(f"clip,{header}\n01,{row}\n")
    done = evaluate_files(files[0], tmp_path / "all.csv", 10)
    assert done.regions is not None and done.regions.detections == 1


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_names_its_clips_whatever_separates_its_columns(
    own: OwnDataset, tmp_path: Path, separator: str
) -> None:
    rows = ["clip,frame,x_min,y_min,x_max,y_max,score", "01,2,10,10,30,50,0.5"]
    table = tmp_path / "regions.csv"
    table.write_text("\n".join(rows).replace(",", separator))
    done = evaluate(own, regions=table).regions
    assert done is not None and done.rbdc == 0.5
    (own.root / "test" / "02.mp4").unlink()
    table.write_text("\n".join(rows).replace("01,", "other,").replace(",", separator))
    with pytest.raises(DataError, match="other"):
        evaluate(OwnDataset(own.root), regions=table)


def test_regions_of_a_part_of_a_clip_are_refused(own: OwnDataset, tmp_path: Path) -> None:
    """As its frame scores are: its frames count from the part's first."""
    result = tmp_path / "result"
    for name in ("01", "02"):
        (result / name).mkdir(parents=True)
        (result / name / "regions.csv").write_text("frame,x_min,y_min,x_max,y_max,score\n0,10,10,30,50,0.5\n")
    facts = {"01": {"start": 2, "stop": None}, "02": {"start": 0, "stop": None}}
    configuration = {"recipe": "fast", "seed": 0, "scoring": {}}
    (result / "summary.json").write_text(json.dumps({"clips": facts, "configuration": configuration}))
    with pytest.raises(DataError, match="a part of the clip only"):
        evaluate(own, own_scores(tmp_path / "scores"), regions=result)


def test_the_first_frame_may_be_said_of_a_data_sets_tracks(own: OwnDataset, tmp_path: Path) -> None:
    """Of COCO's JSON whose images do not begin with a clip's first one."""
    images = [{"id": i, "file_name": f"01/{i:03}.png", "width": 80, "height": 60} for i in (3, 4)]
    annotations = [{"id": i, "image_id": i, "category_id": 1, "track_id": 7, "bbox": [10, 10, 20, 40]} for i in (3, 4)]
    categories = [{"id": 1, "name": "abnormal"}]
    file = tmp_path / "tracks.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    regions = write(tmp_path / "regions", FOUND)
    with pytest.raises(DataError, match="--first-frame"):
        evaluate(OwnDataset(own.root, file), regions=regions)
    frames = {}
    for first in (0, 1):
        tracks = OwnDataset(own.root, file, first).tracks(own.test_clips()[0], FRAMES)
        assert tracks is not None
        frames[first] = tracks.frames.tolist()
    assert frames == {0: [3, 4], 1: [2, 3]}


@pytest.mark.parametrize("ending", ["npy", "txt", "csv"])
def test_one_file_of_labels_and_one_of_scores(tmp_path: Path, ending: str) -> None:
    for name, values in (("labels", [0, 0, 1, 1]), ("scores", [0.1, 0.2, 0.9, 0.8])):
        file = tmp_path / f"{name}.{ending}"
        if ending == "npy":
            np.save(file, values)
        else:
            rows = [f"{i},{value}" for i, value in enumerate(values)] if ending == "csv" else map(str, values)
            file.write_text("\n".join([*(["frame,score"] if ending == "csv" else []), *rows]))
    done = evaluate_files(labels=tmp_path / f"labels.{ending}", scores=tmp_path / f"scores.{ending}")
    assert done.frames is not None and done.frames.micro == 1.0

"""Tables and pictures of studies, from measures made up by hand."""

import csv
import io
from pathlib import Path
from typing import Any

import cv2
import pytest

from ssmtl.studies.choices import Choices
from ssmtl.studies.rows import STUDIES, Row, Study
from ssmtl.studies.table import About, Result, as_csv, markdown, write_study


def outcome(row: Row, micro: float | None, speed: float = 10.0) -> dict[str, Any]:
    measures = {"micro": micro, "macro_anchored": 0.75, "regions": 1234, "recall_10": 0.9, "recall_50": None}
    return {
        "configuration": {
            "seed": 0,
            "tasks": [{"kind": "middle_box"}],
            "teachers": {"classifier": {"kind": "onnx"}, "pose": {"kind": "onnx"}},
            "engine": {"kind": "pytorch", "precision": "float32"},
            "train": {"epochs": 20, "rate": row.published["micro"]},
        },
        "data": {"dataset": "ucsd", "train": {"a": "1"}, "test": {"b": "2", "c": "3"}, "files": {}},
        "measures": {**measures, "frames_per_second": speed, "undefined_clips": 1},
        "seconds": {"training": 90.0, "scoring": 30.0},
        "versions": {"ssmtl": "0", "python": "3", "torch": "2"},
        "machine": {"processor": "a processor", "cores": 2, "gpu": None, "threads": 1},
        "date": "2026-01-01",
    }


def results(study: Study, seeds: int = 1) -> list[Result]:
    """All rows but the last, whose measures grow from row to row and from seed to seed."""
    found = [
        Result(row, {seed: outcome(row, 0.5 + 0.02 * i + 0.1 * seed, 5.0 + 9 * i) for seed in range(seeds)})
        for i, row in enumerate(study.rows[:-1])
    ]
    return [*found, Result(study.rows[-1], {}, "not run: so\nit | is")]


def cells(text: str, row: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if f"(`{row}`)" in line]
    return [cell.strip() for cell in line.replace("\\|", "/").split("|")[2:-1]]


def test_one_seed_has_no_spread_and_two_have_mean_and_standard_deviation() -> None:
    study, about = STUDIES["table2"], About("ucsd", Choices((Path("d.onnx"),)), 2)
    assert cells(markdown(study, results(study), about), "T3") == ["50.0", "89.6", "75.0", "1.5", "0.5", ""]
    two = markdown(study, results(study, 2), about)
    # The standard deviation of 50 and 60 is the root of 50.
    assert cells(two, "T3")[:3] == ["55.0 ± 7.1", "89.6", "75.0 ± 0.0"]
    assert cells(two, "T1-3+3d") == ["–", "92.5", "–", "–", "–", "not run: so it / is"]


def test_table1_has_objects_and_recall() -> None:
    study = STUDIES["table1"]
    text = markdown(study, results(study), About("ucsd", Choices((Path("d.onnx"),)), 1))
    assert cells(text, "A+flow")[:6] == ["1234", "113000", "90.0", "–", "91.3", "52.0"]
    assert "in the place of YOLOv3: d.onnx" in text and "in the place of YOLOv5" not in text


@pytest.mark.parametrize(
    ("name", "dataset", "scale", "said", "unsaid"),
    [
        ("table2", "ucsd", "full", "numbers are of Avenue, the measured ones of ucsd", "Scale: small"),
        ("table2", "avenue", "full", "2 to score: b, c", "numbers are of Avenue"),
        ("table2", "avenue", "small", "Scale: small", "numbers are of Avenue"),
        ("table2", "ucsd", "full", "train: epochs 20", "rate"),
        ("table2", "ucsd", "full", "engine: kind pytorch, precision float32", "kind middle_box"),
        ("table2", "ucsd", "full", "a processor, 2 cores, threads of a row: 1", "teachers"),
        ("table4", "ucsd", "full", "teachers.classifier: kind onnx", "tasks.middle_box"),
        ("figure1", "ucsd", "full", "of one class only, which have no AUC of their own: 1", "teachers.pose"),
    ],
)
def test_what_is_told_below_the_table(name: str, dataset: str, scale: Any, said: str, unsaid: str) -> None:
    study = STUDIES[name]
    text = markdown(study, results(study), About(dataset, Choices((Path("d.onnx"),), scale=scale), 1))
    assert said in text and unsaid not in text


def test_csv_has_a_line_for_each_row_and_seed() -> None:
    study = STUDIES["figure1"]
    lines = list(csv.DictReader(io.StringIO(as_csv(study, results(study, 2)))))
    assert [(line["row"], line["seed"]) for line in lines][:3] == [("ssmtl", "0"), ("ssmtl", "1"), ("ssmtlpp-v1", "0")]
    assert (lines[1]["micro"], lines[1]["published_speed"], lines[1]["recall_50"]) == ("0.6", "50.0", "")
    assert as_csv(study, []) == "study,row,seed\n"


def colour(study: Study, rows: list[Result], out: Path) -> int:
    """Coloured pixels of the picture that is written for `rows`."""
    write_study(study, rows, About("ucsd", Choices((Path("d.onnx"),)), 2), out)
    assert sorted(path.name for path in out.iterdir()) == [
        f"{study.name}.{end}" for end in ("csv", "json", "md", "png")
    ]
    picture = cv2.imread(str(out / f"{study.name}.png"))
    assert picture is not None
    return int((cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)[..., 1] > 100).sum())


@pytest.mark.parametrize("name", STUDIES)
def test_pictures_show_what_is_published_and_what_is_measured_so_far(name: str, tmp_path: Path) -> None:
    study = STUDIES[name]
    nothing = colour(study, [Result(row, {}, "not run") for row in study.rows], tmp_path)
    undefined = colour(study, [Result(row, {0: outcome(row, None)}) for row in study.rows], tmp_path)
    one = colour(study, [*results(study)[:1], *(Result(row, {}, "not run") for row in study.rows[1:])], tmp_path)
    many = colour(study, results(study, 2), tmp_path)
    assert 0 < nothing == undefined < one < many

"""The studies as data: what each row trains, and the numbers that the paper reports."""

from pathlib import Path
from typing import Any

import pytest

from ssmtl.config import read_assignments
from ssmtl.errors import ConfigError
from ssmtl.recipes import RECIPES, TASKS
from ssmtl.studies.choices import Choices, check, flat, resolve, why_not
from ssmtl.studies.rows import STUDIES, Row, Study

# Typed again from the papers: SSMTL++, Tables 1 to 4 and the comparison of systems, on Avenue.
MICRO = {
    "table1": {
        "A": 83.5,
        "A+flow": 89.6,
        "A+background": 88.4,
        "B": 86.9,
        "B+flow": 89.0,
        "B+background": 88.2,
    },
    "table2": {"T3": 89.6, "T3+2d": 90.1, "T3+3d": 90.6, "T1-3": 90.7, "T1-3+3d": 92.5},
    "table3": {
        "1x6": 91.6,
        "1x12": 90.1,
        "1x18": 91.4,
        "2x6": 92.4,
        "2x12": 92.0,
        "2x18": 90.5,
        "3x6": 91.1,
        "3x12": 92.5,
        "3x18": 92.2,
    },
    "table4": {
        "T1-3": 92.5,
        "T1-3+T4": 92.0,
        "T1-3+T5": 93.7,
        "T1-3+T6": 91.6,
        "T1-3+T7": 90.7,
        "T1-3+T8": 90.2,
        "T1-3+T9": 91.1,
        "T1-3+T4+T5": 89.8,
        "T1-3+T4+T6": 89.5,
        "T1-3+T5+T6": 90.1,
        "T1-3+T4+T5+T6": 89.6,
        "T1-3+T4+T5+T6-apart": 90.5,
    },
    "figure1": {"ssmtl": 91.5, "ssmtlpp-v1": 93.7, "ssmtlpp-v2": 91.6, "T1-3": 90.7},
}
OBJECTS_AND_RECALL = {
    "A": (111_000, 88.2),
    "A+flow": (113_000, 91.3),
    "A+background": (118_000, 94.8),
    "B": (105_000, 87.7),
    "B+flow": (110_000, 90.9),
    "B+background": (120_000, 96.1),
}
MACRO_AND_SPEED = {"ssmtl": (91.9, 50.0), "ssmtlpp-v1": (91.7, 20.2), "ssmtlpp-v2": (92.5, 18.8)}

EVERY = [(study, row) for study in STUDIES.values() for row in study.rows]


@pytest.fixture
def choices(tmp_path: Path) -> Choices:
    """Two files that stand for detectors; nothing opens them."""
    files = tmp_path / "first.onnx", tmp_path / "second.onnx"
    for file in files:
        file.touch()
    return Choices(files)


def settings(study: str, row: str, choices: Choices) -> Any:
    found = STUDIES[study]
    return resolve(next(r for r in found.rows if r.name == row), found, choices, 0)


def test_published_numbers() -> None:
    assert {name: {row.name: row.published["micro"] for row in s.rows} for name, s in STUDIES.items()} == MICRO
    rows = {row.name: row.published for row in STUDIES["table1"].rows}
    assert {name: (row["regions"], row["recall"]) for name, row in rows.items()} == OBJECTS_AND_RECALL
    rows = {row.name: row.published for row in STUDIES["figure1"].rows if "speed" in row.published}
    assert {name: (row["macro"], row["speed"]) for name, row in rows.items()} == MACRO_AND_SPEED


@pytest.mark.parametrize(("study", "row"), EVERY, ids=[f"{s.name}-{r.name}" for s, r in EVERY])
def test_every_row_is_a_configuration_at_both_scales(study: Study, row: Row, choices: Choices) -> None:
    full = resolve(row, study, choices, 3)
    assert full.seed == 3 and full.train.epochs == 20 and full.sequences.max_sequences == 120_000
    assert [task.kind for task in full.tasks] == [TASKS[number - 1] for number in row.tasks]
    small = resolve(row, study, Choices(choices.detectors, scale="small"), 3)
    assert (small.backbone.depth, small.backbone.width) == ("shallow", "narrow")
    fixed = ("cvt.blocks", "cvt.heads", "transformer", "per_task")
    backbones = [flat(one.backbone.model_dump(mode="json")) for one in (small, full)]
    assert all(backbones[0][name] == backbones[1][name] for name in fixed)
    assert (small.tasks[:3], small.detectors) == (full.tasks[:3], full.detectors)
    assert all(task.begins == 1 for task in small.tasks)


@pytest.mark.parametrize(("row", "kinds"), [(row, row.split("+")) for row in MICRO["table1"]])
def test_table1_differs_in_where_it_looks(row: str, kinds: list[str], choices: Choices) -> None:
    found = settings("table1", row, choices)
    file = choices.detectors[kinds[0] == "B"]
    assert found.detectors[0].path == file and found.detectors[0].min_confidence == 0.8
    assert [part.kind for part in found.detectors[1:]] == kinds[1:]
    assert [task.kind for task in found.tasks] == ["middle_box"]
    assert (found.backbone.depth, found.backbone.width, found.backbone.transformer) == ("shallow", "narrow", "none")


@pytest.mark.parametrize(
    ("row", "tasks", "depth", "width", "transformer"),
    [
        ("T3", 1, "shallow", "narrow", "none"),
        ("T3+2d", 1, "shallow", "narrow", "2d"),
        ("T3+3d", 1, "shallow", "narrow", "3d"),
        ("T1-3", 3, "deep", "wide", "none"),
        ("T1-3+3d", 3, "deep", "wide", "3d"),
    ],
)
def test_table2_differs_in_the_transformer(
    row: str, tasks: int, depth: str, width: str, transformer: str, choices: Choices
) -> None:
    found = settings("table2", row, choices)
    assert len(found.tasks) == tasks and [part.kind for part in found.detectors] == ["onnx", "flow"]
    assert (found.backbone.depth, found.backbone.width, found.backbone.transformer) == (depth, width, transformer)


@pytest.mark.parametrize("row", MICRO["table3"])
def test_table3_differs_in_blocks_and_heads(row: str, choices: Choices) -> None:
    backbone = settings("table3", row, choices).backbone
    assert f"{backbone.cvt.blocks}x{backbone.cvt.heads}" == row
    assert (backbone.depth, backbone.width, backbone.transformer) == ("deep", "wide", "3d")


@pytest.mark.parametrize(
    ("row", "added", "apart"),
    [
        ("T1-3", [], False),
        ("T1-3+T4", ["distillation"], False),
        ("T1-3+T5", ["pseudo_anomalies"], False),
        ("T1-3+T6", ["inpainting"], False),
        ("T1-3+T7", ["segmentation"], False),
        ("T1-3+T8", ["jigsaw"], False),
        ("T1-3+T9", ["pose"], False),
        ("T1-3+T4+T5+T6", ["distillation", "pseudo_anomalies", "inpainting"], False),
        ("T1-3+T4+T5+T6-apart", ["distillation", "pseudo_anomalies", "inpainting"], True),
    ],
)
def test_table4_differs_in_tasks(row: str, added: list[str], apart: bool, choices: Choices) -> None:
    found = settings("table4", row, choices)
    assert [task.kind for task in found.tasks] == ["arrow_of_time", "motion_irregularity", "middle_box", *added]
    assert found.backbone.per_task is apart


@pytest.mark.parametrize("recipe", ["ssmtl", "ssmtlpp-v1", "ssmtlpp-v2"])
def test_the_systems_of_figure1_are_the_recipes(recipe: str, choices: Choices) -> None:
    found, known = (
        flat(settings("figure1", recipe, choices).model_dump(mode="json")),
        flat(RECIPES[recipe]().model_dump(mode="json")),
    )
    changed = {name for name in known if found[name] != known[name]}
    assert changed == {"detectors.onnx.path", "engine.kind", "engine.precision"}


def test_regions_take_the_place_of_the_detectors_but_in_table1(choices: Choices) -> None:
    motion = ({"kind": "background"}, {"kind": "flow"})
    both = Choices(choices.detectors[:1], motion)
    assert [part.kind for part in settings("table3", "1x6", both).detectors] == ["background", "flow"]
    assert [part.kind for part in settings("table1", "A", both).detectors] == ["onnx"]
    alone = Choices(regions=motion)
    check(list(STUDIES.values()), alone)
    assert why_not(STUDIES["figure1"].rows[0], STUDIES["figure1"], alone) is None
    assert "--detector" in (why_not(STUDIES["table1"].rows[0], STUDIES["table1"], alone) or "")
    with pytest.raises(ConfigError, match=r"--regions: table1"):
        check([STUDIES["table1"]], alone)


def test_without_a_second_detector_the_rows_of_the_second_cannot_be_run(choices: Choices) -> None:
    one, table1 = Choices(choices.detectors[:1]), STUDIES["table1"]
    reasons = {row.name: why_not(row, table1, one) for row in table1.rows}
    assert [name for name, reason in reasons.items() if reason is None] == ["A", "A+flow", "A+background"]
    assert "YOLOv5" in (reasons["B"] or "")


@pytest.mark.parametrize("name", STUDIES)
def test_without_a_detector_it_says_how_to_get_one_and_how_to_go_on(name: str) -> None:
    with pytest.raises(ConfigError, match=r"yolox_s.onnx(?s:.*)--regions motion"):
        check([STUDIES[name]], Choices())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("backbone.cvt.heads=4", "backbone.cvt.heads: is what the rows of table3 set"),
        ("seed=4", "seed: is what"),
        ('tasks=[{kind="middle_box"}]', "tasks: is what"),
        ('detectors=[{kind="background"}]', "detectors: .*--regions"),
        ("detectors.onnx.path=other.onnx", "detectors: .*--regions"),
        ("detectors.background.rate=0.5", "detectors.background: no row has it"),
        ("tasks.jigsaw.permutations=4", "tasks.jigsaw: no row has it"),
        ("train.epochs=0", "train.epochs"),
        ("teachers.clasifier.batch=3", "teachers: clasifier: unknown field"),
        ("teachers.classifier.nonsense=3", "teachers: classifier.*nonsense: unknown field"),
    ],
)
def test_refused_changes(change: str, message: str, choices: Choices) -> None:
    with pytest.raises(ConfigError, match=message):
        check([STUDIES["table3"]], Choices(choices.detectors, changes=(read_assignments([change]),)))


def test_a_change_goes_to_the_rows_that_it_concerns(choices: Choices) -> None:
    texts = [
        "train.epochs=7",
        "tasks.inpainting.rounds=2",
        "detectors.flow.min_area=90",
        'teachers.pose={kind="onnx", path="p"}',
    ]
    changed = Choices(choices.detectors, changes=(read_assignments(texts),), scale="small")
    with_t6, with_t9 = settings("table4", "T1-3+T6", changed), settings("table4", "T1-3+T9", changed)
    assert with_t6.train.epochs == with_t9.train.epochs == 7
    assert with_t6.tasks[3].rounds == 2
    assert settings("table1", "A+flow", changed).detectors[1].min_area == 90
    assert [part.kind for part in settings("table1", "A", changed).detectors] == ["onnx"]
    # A teacher that a row does not ask is not among its settings: naming one later leaves its result valid.
    assert with_t9.teachers.pose.kind == "onnx" and with_t6.teachers.pose.kind == "torchvision"

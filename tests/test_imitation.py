"""What a student takes from its teacher's model folder, and when it cannot learn from it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ssmtl.config import read_assignments
from ssmtl.errors import ConfigError, ModelError
from ssmtl.imitation import check_channels, imitate, load_imitated
from ssmtl.model import Model, build_network
from ssmtl.model_folder import save_model
from ssmtl.recipes import configure
from ssmtl.scoring.score import TaskScale
from ssmtl.tasks.motion_irregularity import MotionIrregularity

SMALL = {"backbone": {"depth": "shallow", "width": "narrow", "transformer": "none"}}


def write_model(folder: Path, recipe: str, channels: int = 1, **changes: Any) -> Model:
    configuration = configure(recipe, SMALL, changes)
    scales = {task.kind: TaskScale(0.0, 1.0) for task in configuration.scoring_tasks}
    torch.manual_seed(0)
    model = Model(configuration, build_network(configuration, channels), channels, None, scales)
    folder.mkdir()
    save_model(model, folder)
    return model


@pytest.mark.parametrize(
    ("recipe", "tasks"),
    [
        ("ssmtlpp-v1", ["arrow_of_time", "motion_irregularity", "middle_box"]),
        ("ssmtlpp-v2", ["arrow_of_time", "motion_irregularity", "middle_box", "inpainting"]),
    ],
)
@pytest.mark.parametrize(("channels", "colour"), [(1, "grey"), (3, "rgb")])
def test_a_student_sees_and_scores_as_its_teacher(
    tmp_path: Path, recipe: str, tasks: list[str], channels: int, colour: str
) -> None:
    changes = {"sequences": {"padding": 0.3}, "train": {"held_out": 0.3, "epochs": 9}, "scoring": {"every": 2}}
    teacher = write_model(
        tmp_path / "teacher",
        recipe,
        channels,
        detectors=[{"kind": "flow", "min_area": 77}],
        zones=[{"kind": "ignore", "name": "road", "points": [[0, 0], [1, 0], [1, 1]]}],
        **changes,
    ).configuration
    student = configure("ssmtlpp-lite", imitate(tmp_path / "teacher"))
    assert [task.kind for task in student.tasks] == tasks and student.tasks == teacher.scoring_tasks
    assert (student.detectors, student.scoring) == (teacher.detectors, teacher.scoring)
    assert student.zones == teacher.zones != ()
    assert student.sequences == teacher.sequences.model_copy(update={"colour": colour})
    assert student.train.held_out == 0.3 and student.train.imitation is not None
    assert student.train.imitation.teacher == tmp_path / "teacher"
    # All else is the recipe's.
    plain = configure("ssmtlpp-lite")
    assert (student.recipe, student.backbone) == (plain.recipe, plain.backbone)
    assert student.train.epochs == plain.train.epochs
    load_imitated(student)


def test_what_a_user_says_comes_after(tmp_path: Path) -> None:
    write_model(tmp_path / "teacher", "ssmtlpp-v1")
    said = read_assignments(["sequences.padding=0.5", "train.imitation.own_loss=1", "scoring.combine=calibrated"])
    student = configure("ssmtlpp-lite", imitate(tmp_path / "teacher"), said)
    assert student.sequences.padding == 0.5 and student.scoring.combine == "calibrated"
    assert student.train.imitation is not None
    assert (student.train.imitation.own_loss, student.train.imitation.teacher) == (1, tmp_path / "teacher")


def test_nothing_is_loaded_where_nobody_is_imitated() -> None:
    assert load_imitated(configure("fast")) is None


def test_a_student_without_a_teacher_is_told_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"train\.imitation\.teacher.*--teacher"):
        load_imitated(configure("ssmtlpp-lite"))


def test_a_teacher_that_is_not_there(tmp_path: Path) -> None:
    missing = {"train": {"imitation": {"teacher": str(tmp_path / "missing")}}}
    with pytest.raises(ModelError, match=r"train\.imitation\.teacher.*missing.*ssmtl fit"):
        load_imitated(configure("ssmtlpp-lite", missing))


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([{"kind": "middle_box"}, {"kind": "jigsaw"}], "no answers for jigsaw, only for .*middle_box.*--tasks"),
        ([{"kind": "motion_irregularity", "max_step": 2}], r"tasks\.motion_irregularity: is set otherwise"),
        ([{"kind": "middle_box"}], None),
        ([{"kind": "middle_box"}, {"kind": "pseudo_anomalies"}], None),
    ],
)
def test_a_teacher_must_have_a_head_for_what_scores(
    tmp_path: Path, tasks: list[dict[str, Any]], message: str | None
) -> None:
    write_model(tmp_path / "teacher", "ssmtlpp-v1")
    student = configure("ssmtlpp-lite", imitate(tmp_path / "teacher"), {"tasks": tasks})
    if message is None:
        load_imitated(student)
        return
    with pytest.raises(ConfigError, match=message):
        load_imitated(student)


def test_both_see_the_same_colours(tmp_path: Path) -> None:
    teacher = write_model(tmp_path / "teacher", "ssmtlpp-v1", 3)
    check_channels(teacher, 3)
    with pytest.raises(ConfigError, match=r"sequences\.colour.*rgb"):
        check_channels(teacher, 1)
    with pytest.raises(ConfigError, match="grey"):
        check_channels(replace(teacher, picture_channels=1), 3)


def test_a_teachers_task_is_as_the_teacher_learnt_it(tmp_path: Path) -> None:
    write_model(tmp_path / "teacher", "ssmtlpp-v1", tasks=[{"kind": "motion_irregularity", "max_step": 2}])
    student = configure("ssmtlpp-lite", imitate(tmp_path / "teacher"))
    assert student.tasks == (MotionIrregularity(max_step=2),) and student.reach == 6

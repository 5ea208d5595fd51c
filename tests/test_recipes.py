"""Recipes, and what may be changed in them."""

import json
from pathlib import Path
from typing import Any

import pytest

from ssmtl.config import parse, read_assignments
from ssmtl.errors import ConfigError
from ssmtl.recipes import RECIPES, TASKS, Configuration, configure
from ssmtl.regions.background import BackgroundSettings
from ssmtl.regions.boxes import BoxesSettings
from ssmtl.regions.flow import FlowSettings
from ssmtl.tasks.middle_box import MiddleBox
from ssmtl.tasks.motion_irregularity import MotionIrregularity


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_is_named_after_itself(name: str) -> None:
    assert configure(name) == RECIPES[name]()
    assert configure(name).recipe == name


@pytest.mark.parametrize("name", RECIPES)
def test_round_trip_through_json(name: str) -> None:
    configuration = configure(name)
    assert parse(Configuration, json.loads(json.dumps(configuration.model_dump(mode="json")))) == configuration


def test_round_trip_of_paths() -> None:
    configuration = Configuration(detectors=(BoxesSettings(path=Path("boxes/all.csv"), min_confidence=0.5),))
    assert parse(Configuration, json.loads(json.dumps(configuration.model_dump(mode="json")))) == configuration


def test_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'fsat'.*fast"):
        configure("fsat")


def test_later_changes_win() -> None:
    changed = configure("fast", {"train": {"epochs": 2, "batch_size": 8}}, read_assignments(["train.epochs=9"]))
    assert (changed.train.epochs, changed.train.batch_size) == (9, 8)
    assert changed.scoring == configure("fast").scoring


def test_a_part_is_changed_by_its_kind() -> None:
    texts = ["detectors.flow.preset=medium", "tasks.motion_irregularity.max_step=2"]
    changed = configure("fast", read_assignments(texts))
    assert changed.detectors == (BackgroundSettings(), FlowSettings(preset="medium"))
    assert changed.tasks[1] == MotionIrregularity(max_step=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("tasks=[]", "tasks: .*at least one"),
        ("detectors=[]", "detectors: .*at least one"),
        ('tasks=[{kind="middle_box"}, {kind="middle_box"}]', "tasks: .*once.*middle_box"),
        ('detectors=[{kind="flow"}, {kind="flow", preset="medium"}]', "detectors: .*once.*flow"),
        ('tasks=[{kind="jigsaw_puzzle"}]', "tasks.*arrow_of_time"),
        ("detectors.optical.rate=1", "detectors.optical: .*background, flow"),
        ("detectors.flow=3", "detectors.flow"),
        ("train.epoch=1", "train.epoch: unknown field"),
        ("train.epochs=0", "train.epochs"),
        ("train.batch_size=1", "train.batch_size"),
        ("train.held_out=1", "train.held_out"),
        ("train.learning_rate=inf", "train.learning_rate"),
        ("train.learning_rate=nan", "train.learning_rate"),
        ("train=3", "train"),
        ("tasks.motion_irregularity.max_step=1", "max_step"),
        ("backbone.depth=medium", "backbone.depth: .*'shallow' or 'deep'"),
        ("scoring.mean_frames=4", "scoring.mean_frames"),
        ("seed=-1", "seed"),
        ('tasks=[{kind="pseudo_anomalies"}]', "tasks: .*gives a score"),
        ("backbone.transformer=4d", "backbone.transformer"),
        ('detectors=[{kind="flow"}, {kind="onnx"}]', r"detectors: .*name it last: onnx\+flow"),
        ("backbone.cvt.heads=0", "backbone.cvt.heads"),
    ],
)
def test_refused(change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configure("fast", read_assignments([change]))


T1, T2, T3 = "arrow_of_time", "motion_irregularity", "middle_box"


@pytest.mark.parametrize(
    ("name", "tasks", "size", "transformer", "detectors"),
    [
        ("ssmtl", [T1, T2, T3, "distillation"], ("deep", "wide"), "none", ["onnx"]),
        ("ssmtlpp-v1", [T1, T2, T3, "pseudo_anomalies"], ("deep", "wide"), "3d", ["onnx", "flow"]),
        ("ssmtlpp-v2", [T1, T2, T3, "inpainting"], ("deep", "wide"), "3d", ["onnx", "flow"]),
        ("fast", [T1, T2, T3], ("shallow", "narrow"), "none", ["background", "flow"]),
        ("ssmtlpp-lite", [T1, T2, T3], ("deep", "tapered"), "none", ["onnx", "flow"]),
    ],
)
def test_recipes_are_the_papers(
    name: str, tasks: list[str], size: tuple[str, str], transformer: str, detectors: list[str]
) -> None:
    """SSMTL, section 3, and SSMTL++, section 4: tasks, networks, detection."""
    recipe = configure(name)
    assert [task.kind for task in recipe.tasks] == tasks
    assert (recipe.backbone.depth, recipe.backbone.width) == size
    assert recipe.backbone.transformer == transformer and not recipe.backbone.per_task
    assert [detector.kind for detector in recipe.detectors] == detectors
    assert (recipe.train.imitation is not None) == (name == "ssmtlpp-lite")
    if name not in ("fast", "ssmtlpp-lite"):
        assert recipe.sequences.padding == 0 and recipe.detectors[0].min_confidence == 0.8
        for flow in recipe.detectors[1:]:
            assert (flow.min_area, flow.split) == (1500, False)
        assert (recipe.backbone.cvt.blocks, recipe.backbone.cvt.heads) == (3, 12)
        assert (recipe.train.epochs, recipe.train.learning_rate, recipe.train.held_out) == (20, 1e-3, 0.15)
        assert recipe.train.batch_size in (64, 128, 256) and recipe.scoring.combine == "plain"


def test_the_tasks_are_numbered() -> None:
    names = "arrow_of_time motion_irregularity middle_box distillation pseudo_anomalies inpainting segmentation jigsaw"
    assert (*names.split(), "pose") == TASKS[:9]


def test_what_the_tasks_learn_from() -> None:
    assert configure("fast").taught_by == []
    assert configure("ssmtl").taught_by == ["classifier"]
    both = [{"kind": "pose"}, {"kind": "segmentation"}, {"kind": "pseudo_anomalies"}]
    recipe = configure("fast", {"tasks": both})
    assert recipe.taught_by == ["pose", "segmentation"]
    assert [task.kind for task in recipe.scoring_tasks] == ["pose", "segmentation"]


def test_a_teacher_of_another_kind_takes_the_place_of_the_old_one() -> None:
    changed = configure("ssmtl", read_assignments(['teachers.classifier={kind="onnx", path="net.onnx"}']))
    assert changed.teachers.classifier.kind == "onnx" and changed.teachers.pose == configure("ssmtl").teachers.pose


@pytest.mark.parametrize(
    ("tasks", "reach"),
    [
        ((MiddleBox(),), 3),
        ((MotionIrregularity(),), 12),
        ((MiddleBox(), MotionIrregularity(max_step=2)), 6),
    ],
)
def test_reach_is_that_of_the_farthest_task(tasks: Any, reach: int) -> None:
    assert Configuration(tasks=tasks).reach == reach


@pytest.mark.parametrize(
    ("recipe", "detectors", "blind"),
    [("ssmtl", ["onnx"], False), ("ssmtl", ["background", "flow"], True), ("fast", ["background", "flow"], False)],
)
def test_distillation_without_a_detector_is_noticed(recipe: str, detectors: list[str], blind: bool) -> None:
    configuration = configure(recipe, {"detectors": [{"kind": kind} for kind in detectors]})
    assert configuration.blind_distillation is blind


def test_the_files_that_a_configuration_depends_on(tmp_path: Path) -> None:
    tasks = [{"kind": "pseudo_anomalies", "pictures": str(tmp_path)}, {"kind": "distillation"}]
    detectors = [{"kind": "onnx", "path": "net.onnx"}, {"kind": "flow"}]
    teachers = {"classifier": {"kind": "onnx", "path": "t.onnx"}, "pose": {"kind": "onnx", "path": "unused.onnx"}}
    found = configure("fast", {"tasks": tasks, "detectors": detectors, "teachers": teachers}).files
    assert found == [Path("net.onnx"), Path("t.onnx"), tmp_path]

"""The model folder: what is saved is loaded, and what was changed is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssmtl.errors import ModelError
from ssmtl.model import Model, build_network
from ssmtl.model_folder import DESCRIPTION, FORMAT, WEIGHTS, _checksum, load_model, save_model
from ssmtl.recipes import configure
from ssmtl.regions.scene import Scene
from ssmtl.scoring.attributes import Settings, Usual
from ssmtl.scoring.calibration import Calibration, Period
from ssmtl.scoring.pattern import PatternSettings, UsualPatterns
from ssmtl.scoring.score import TaskScale
from ssmtl.scoring.speed import SpeedSettings, UsualSpeed
from ssmtl.scoring.stature import StatureSettings, UsualStature
from ssmtl.scoring.stream import score_sequences, score_stream
from ssmtl.scoring.threshold import Curve, choose_threshold
from ssmtl.video.sources import Clip, open_source

from .regions.pictures import texture
from .scoring.tiny import detector, frames, make_model
from .video.clips import write_pictures

SCENE = Scene(texture(48, 64), 0.25, 12.5)


@pytest.mark.parametrize("scene", [None, SCENE], ids=["no scene", "scene"])
@pytest.mark.parametrize("picture_channels", [1, 3])
def test_round_trip(tmp_path: Path, picture_channels: int, scene: Scene | None) -> None:
    model = make_model(scene, picture_channels, batch=3)
    save_model(model, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [DESCRIPTION, WEIGHTS]
    torch.manual_seed(123)
    loaded = load_model(tmp_path)
    assert loaded.configuration == model.configuration and loaded.picture_channels == picture_channels
    assert loaded.scales == model.scales and loaded.training == model.training
    assert [task.kind for task in loaded.tasks] == ["arrow_of_time", "motion_irregularity", "middle_box"]
    assert not loaded.network.training
    if scene is None:
        assert loaded.scene is None
    else:
        assert loaded.scene is not None and np.array_equal(loaded.scene.background, scene.background)
        assert (loaded.scene.height_slope, loaded.scene.height_offset) == (0.25, 12.5)
    sequences = np.random.default_rng(0).integers(0, 256, (4, picture_channels, 7, 64, 64), np.uint8)
    assert np.array_equal(score_sequences(sequences, {}, model), score_sequences(sequences, {}, loaded))


def test_a_loaded_model_scores_a_clip_as_the_saved_one(tmp_path: Path) -> None:
    model = make_model(combine="plain")
    save_model(model, tmp_path)

    def scores(of: Model) -> list[float]:
        boxes = {i: [(2.0, 3.0, 20.0, 30.0)] for i in range(9)}
        return [result.score for result in score_stream(frames(9), of, detector(boxes))]

    assert scores(load_model(tmp_path)) == scores(model) and min(scores(model)) > 0


def with_attributes(*attributes: Settings) -> Model:
    """A model that also scores these: 1 px per frame is usual on the left, 4 on the right."""
    model = make_model()
    configuration = model.configuration.model_copy(update={"attributes": attributes})
    median = np.array([[1, 4]], np.float32)
    patterns = None
    if any(one.kind == "motion_pattern" for one in attributes):
        chance = np.random.default_rng(0)
        mean, axes, known = (chance.random(shape, np.float32) for shape in (48, (48, 16), (5, 16)))
        patterns = UsualPatterns(mean, axes, known, 4, 0.5)
    stature = None
    if any(one.kind == "stature" for one in attributes):
        stature = UsualStature(np.array([[8, 30], [40, 30]], np.float32), np.array([[4, 3, 0.2]] * 2, np.float32))
    scales = {**model.scales, **{one.kind: TaskScale(0.0, 1.0) for one in attributes}}
    usual = Usual(UsualSpeed(median, median + 1, 32.0, 0.1), patterns, stature)
    return replace(model, configuration=configuration, usual=usual, scales=scales)


ATTRIBUTES = [
    (SpeedSettings(),),
    (PatternSettings(),),
    (StatureSettings(),),
    (StatureSettings(), PatternSettings(), SpeedSettings()),
]


@pytest.mark.parametrize("attributes", ATTRIBUTES, ids=["speed", "pattern", "stature", "all"])
def test_a_model_with_attributes(tmp_path: Path, attributes: tuple[Settings, ...]) -> None:
    """What is usual is saved, and their columns come after those of the tasks, in their order."""
    model = with_attributes(*attributes)
    save_model(model, tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.usual is not None and model.usual is not None and loaded.usual.speed.cell == 32.0
    for part, theirs in vars(model.usual).items():
        for name, value in vars(theirs).items() if theirs else ():
            assert np.array_equal(getattr(getattr(loaded.usual, part), name), value)
    assert [part.kind for part in loaded.parts][3:] == [one.kind for one in attributes]
    boxes = {i: [(2.0, 3.0, 20.0, 30.0)] for i in range(9)}
    ours, before = (list(score_stream(frames(9), one, detector(boxes))) for one in (loaded, model))
    assert all(one.task_scores.shape == (1, 3 + len(attributes)) for one in ours)
    assert all(np.array_equal(a.task_scores, b.task_scores) for a, b in zip(ours, before, strict=True))
    assert all(np.isfinite(one.task_scores).all() for one in ours)


def test_stature_says_nothing_of_what_is_touched_or_cut_by_the_edge() -> None:
    """Alone it is low for its width; beside another, or at the edge of the picture, part of it may be hidden."""
    model = with_attributes(StatureSettings())
    low, beside, at_edge = (10.0, 10.0, 30.0, 20.0), (30.5, 10.0, 50.0, 20.0), (0.0, 10.0, 20.0, 20.0)
    for boxes, expected in (([low], [True]), ([low, beside], [False, False]), ([at_edge], [False])):
        found = list(score_stream(frames(7), model, detector(dict.fromkeys(range(7), boxes))))[3]
        assert (found.task_scores[:, 3] > 1).tolist() == expected and (found.task_scores[:, 3] >= 0).all()


def test_a_scale_for_each_part(tmp_path: Path) -> None:
    model = with_attributes(SpeedSettings())
    save_model(replace(model, scales=make_model().scales), tmp_path)
    with pytest.raises(ModelError, match="no scale for speed"):
        load_model(tmp_path)


def test_motion_that_was_measured_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssmtl.model_folder.FORMAT", 11)
    save_model(with_attributes(SpeedSettings()), tmp_path / "old")
    with pytest.raises(ModelError, match=f"--network {tmp_path}"):
        load_model(tmp_path / "old")
    save_model(make_model(), tmp_path / "tasks")
    assert load_model(tmp_path / "tasks").usual is None


@pytest.mark.parametrize(
    ("learnt", "said"), [(25.0, None), (22.0, None), (None, None), (12.5, "slower"), (50, "faster")]
)
def test_footage_of_another_rate_is_told(learnt: float | None, said: str | None) -> None:
    model = make_model()
    note = (model if learnt is None else replace(model, training={"rate": learnt})).rate_note(25)
    assert (note is None) == (said is None)
    assert said is None or (note is not None and said in note and "25 frames per second" in note)


def test_pictures_do_not_say_their_rate(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", 9)
    source = open_source(Clip("pictures", tmp_path / "pictures", 0, 8))
    assert (source.rate, source.declared_rate) == (25.0, None)
    assert replace(make_model(), training={"rate": 10}).rate_note(source.declared_rate) is None


def test_tasks_weights_within_their_scales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As format 6 has them: all count alike beside them, and what was measured of rare scores is left."""
    monkeypatch.setattr("ssmtl.model_folder.FORMAT", 6)
    model = make_model()
    old = {kind: {"median": s.median, "high": s.high, "form": s.form, "rare": 2.0} for kind, s in model.scales.items()}
    monkeypatch.setattr(
        "ssmtl.model_folder.asdict", lambda scale: next(old[k] for k, s in model.scales.items() if s is scale)
    )
    save_model(model, tmp_path)
    assert "rare" in (tmp_path / "model.json").read_text()
    assert load_model(tmp_path).scales == model.scales


def test_before_frames_scored_along_tracks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As format 7 has it: its thresholds are of another scale where there are tracks, and it kept its last weights."""
    threshold = choose_threshold([Curve(np.arange(90.0), np.ones(90))], make_model().configuration.events, "1/day")
    monkeypatch.setattr("ssmtl.model_folder.FORMAT", 7)
    for tracks in (1, 17):
        model = make_model(track_frames=tracks)
        settings = model.configuration.model_dump(mode="json")
        save_model(replace(model, calibration=Calibration({Period(): threshold}, ["a"], "now", settings)), tmp_path)
        path = tmp_path / "model.json"
        description = json.loads(path.read_text())
        del description["configuration"]["train"]["average"], description["checksum"]
        path.write_text(json.dumps(description | {"checksum": _checksum(description)}))
        read = load_model(tmp_path)
        assert read.configuration.train.average == 0
        assert (read.calibration is None) == (tracks > 1)


def test_saving_again_replaces_both_files(tmp_path: Path) -> None:
    save_model(make_model(combine="plain"), tmp_path)
    save_model(make_model(SCENE, 3, combine="calibrated"), tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.picture_channels == 3 and loaded.configuration.scoring.combine == "calibrated"


def test_numbers_are_saved_exactly(tmp_path: Path) -> None:
    """Weights that no decimal text could carry, and statistics of the normalisation, come back bit by bit."""
    model = make_model()
    with torch.no_grad():
        for value in model.network.state_dict().values():
            if value.is_floating_point():
                value += torch.rand(value.shape, generator=torch.Generator().manual_seed(0))
            else:
                value += 17
    save_model(model, tmp_path)
    loaded, saved = load_model(tmp_path).network.state_dict(), model.network.state_dict()
    assert loaded.keys() == saved.keys() and all(torch.equal(loaded[name], saved[name]) for name in saved)


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def edit(folder: Path, **changes: Any) -> None:
    path = folder / DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text()) | changes, indent=2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / WEIGHTS).unlink(), f"{WEIGHTS}: cannot be read"),
        (lambda folder: (folder / DESCRIPTION).unlink(), f"{DESCRIPTION}: cannot be read"),
        (lambda folder: flip(folder / WEIGHTS, -1), f"{WEIGHTS}: .*damaged or changed"),
        (lambda folder: flip(folder / WEIGHTS, 20), f"{WEIGHTS}: .*damaged or changed"),
        (lambda folder: (folder / WEIGHTS).write_bytes(b""), f"{WEIGHTS}: .*damaged or changed"),
        (lambda folder: (folder / DESCRIPTION).write_text(""), f"{DESCRIPTION}: is not a description"),
        (lambda folder: (folder / DESCRIPTION).write_text("[1, 2]"), f"{DESCRIPTION}: is not a description"),
        (lambda folder: (folder / DESCRIPTION).write_text('"text"'), f"{DESCRIPTION}: is not a description"),
        (lambda folder: (folder / DESCRIPTION).write_text("{}"), f"{DESCRIPTION}: is not a description"),
        (lambda folder: (folder / DESCRIPTION).write_bytes(b"\xff\xfe"), f"{DESCRIPTION}: is not a description"),
        (lambda folder: edit(folder, picture_channels=3), f"{DESCRIPTION}: was changed"),
        (lambda folder: edit(folder, scales={}), f"{DESCRIPTION}: was changed"),
        (lambda folder: edit(folder, extra=1), f"{DESCRIPTION}: was changed"),
        (lambda folder: edit(folder, format=FORMAT + 1, ssmtl="9.9"), rf"{DESCRIPTION}: has format {FORMAT + 1}.*9\.9"),
        (lambda folder: edit(folder, format=1), f"{DESCRIPTION}: has format 1,"),
    ],
    ids=[
        "no weights", "no description", "last byte", "header byte", "empty weights", "empty description", "a list",
        "a text", "an empty object", "not UTF-8", "channels edited", "scales edited", "field added", "newer", "older",
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, change: Callable[[Path], object], message: str) -> None:
    save_model(make_model(), tmp_path)
    change(tmp_path)
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path)


def test_the_weights_of_another_model(tmp_path: Path) -> None:
    save_model(make_model(), tmp_path / "a")
    save_model(make_model(picture_channels=3), tmp_path / "b")
    (tmp_path / "b" / WEIGHTS).replace(tmp_path / "a" / WEIGHTS)
    with pytest.raises(ModelError, match=WEIGHTS):
        load_model(tmp_path / "a")


@pytest.mark.parametrize("name", ["missing", "file"])
def test_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(ModelError, match=f"{name}: no such model folder.*ssmtl fit"):
        load_model(tmp_path / name)


@pytest.mark.parametrize(
    ("changes", "heads"),
    [
        ({}, 2 * (9 * 32 * 32 + 32 + 1026) + 9 * 32 * 32 + 32 + 9 * 32 * 16 + 16 + 9 * 16 * 16 + 16 + 145),
        ({"tasks": [{"kind": "middle_box"}]}, 9 * 32 * 32 + 32 + 9 * 32 * 16 + 16 + 9 * 16 * 16 + 16 + 145),
    ],
)
def test_the_network_has_a_head_per_task(changes: dict[str, Any], heads: int) -> None:
    configuration = configure("fast", changes)
    network = build_network(configuration, 1)
    assert list(network.heads) == [task.kind for task in configuration.tasks]
    backbone = 27 * (16 + 16 * 32 + 32 * 32) + 2 * (16 + 32 + 32)
    assert sum(p.numel() for p in network.parameters()) == heads + backbone

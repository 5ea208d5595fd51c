"""Which objects are explained, and that the sheets say what the scores rest on."""

import gc
import tracemalloc
import weakref
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ssmtl.errors import OutputError
from ssmtl.explanation import NEAR_FRAMES, Suspect, WorstObjects, explain, worst_of, write_sheets
from ssmtl.model import Model
from ssmtl.regions.regions import Regions
from ssmtl.report.sheet import ClassAnswer, PictureAnswer
from ssmtl.scoring.cutting import RELEVANCE, Sequences
from ssmtl.scoring.score import MOST_UNUSUAL, raw_scores
from ssmtl.scoring.stream import FrameResult, score_stream
from ssmtl.video.frame import Frame

from .scoring.tiny import detector, frames, make_model

Box = tuple[float, float, float, float]
HERE: Box = (100, 100, 120, 140)
THERE: Box = (300, 100, 320, 140)


def result(index: int, boxes: list[Box], scores: list[float], seen: list[int] | None = None) -> FrameResult:
    """A frame whose objects have these scores; those `seen` (all) have sequences, all pixels their position."""
    rows = np.arange(len(boxes)) if seen is None else np.array(seen, int)
    pictures = np.broadcast_to(rows.astype(np.uint8)[:, None, None, None, None], (len(rows), 1, 7, 64, 64)).copy()
    looked_at = Sequences(rows, pictures, {"classes": rows[:, None].astype(np.float32)})
    values = np.array(scores, np.float32)
    frame = Frame(index, index / 25, np.zeros((4, 4, 3), np.uint8))
    return FrameResult(frame, Regions.make(boxes, "known"), values[:, None], values, True, looked_at)


def found(results: list[FrameResult], count: int = 9) -> list[tuple[int, float]]:
    """Frame and score of the worst objects."""
    objects = WorstObjects("clip", count)
    for one in results:
        objects.add(one)
    return [(one.frame.index, pytest.approx(one.score)) for one in objects.found()]


def moved(box: Box, x: float) -> Box:
    return (box[0] + x, box[1], box[2] + x, box[3])


def test_the_worst_come_first_with_what_belongs_to_them() -> None:
    places = [moved(HERE, 50 * i) for i in range(5)]
    objects = WorstObjects("street", 3)
    objects.add(result(7, places, [0.1, 0.9, 0.3, 2.0, 0.2]))
    worst = objects.found()
    assert [tuple(one.box.tolist()) for one in worst] == [places[3], places[1], places[2]]
    assert [one.score for one in worst] == pytest.approx([2.0, 0.9, 0.3])
    assert [int(one.pictures.max()) for one in worst] == [3, 1, 2]
    assert [one.given["classes"].tolist() for one in worst] == [[3], [1], [2]]
    assert all((one.clip, one.frame.index, one.found) == ("street", 7, "motion, found by known") for one in worst)


SIGHTINGS = {
    "none": ([], []),
    "the same box in neighbouring frames": ([(5, HERE, 1), (6, HERE, 3), (7, HERE, 2)], [6]),
    "the same box within a second": ([(5, HERE, 1), (5 + NEAR_FRAMES, HERE, 3)], [5 + NEAR_FRAMES]),
    "the same place later": ([(5, HERE, 1), (6 + NEAR_FRAMES, HERE, 3)], [6 + NEAR_FRAMES, 5]),
    "intersection over union 1/3": ([(5, HERE, 3), (6, moved(HERE, 10), 2)], [5]),
    "intersection over union 1/9": ([(5, HERE, 3), (6, moved(HERE, 16), 2)], [5, 6]),
    "side by side": ([(5, HERE, 1), (5, moved(HERE, 20), 2)], [5, 5]),
    "two boxes of one frame for one object": ([(5, HERE, 1), (5, moved(HERE, 2), 2)], [5]),
    "a part of it": ([(5, HERE, 3), (6, (100, 100, 110, 110), 2)], [5]),
    "moving away": ([(5 + i, moved(HERE, 8 * i), i) for i in range(20)], [24]),
    "jumping away": ([(5 + i, moved(HERE, 30 * i), i) for i in range(3)], [7, 6, 5]),
}


@pytest.mark.parametrize("case", SIGHTINGS)
def test_an_object_is_found_once(case: str) -> None:
    sightings, expected = SIGHTINGS[case]
    results = []
    for index in sorted({index for index, _, _ in sightings}):
        here = [(box, score) for at, box, score in sightings if at == index]
        results.append(result(index, [box for box, _ in here], [score for _, score in here]))
    assert [index for index, _ in found(results)] == expected


def test_objects_that_pass_each_other_stay_two() -> None:
    """One stands and one walks by, one frame behind the other at the same place."""
    results = [result(i, [HERE, moved((100, 20, 120, 60), 6 * i - 60)], [1 + i / 100, 2 + i / 100]) for i in range(20)]
    assert found(results) == [(19, 2.19), (19, 1.19)]


def test_who_walks_where_another_stood_before_stays_the_same() -> None:
    results = [result(0, [HERE, moved(HERE, 12)], [5, 1])]
    results += [result(i, [moved(HERE, 4 * i)], [3]) for i in range(1, 8)]
    assert found(results) == [(0, 5.0), (0, 1.0)]


@pytest.mark.parametrize("count", [0, 1, 3, 8, 50])
def test_nothing_worse_is_ever_forgotten(count: int) -> None:
    """Eight objects that stay where they are: the worst moments of the worst of them, whatever came before."""
    scores = np.random.default_rng(count).random((60, 8))
    places = [moved(HERE, 50 * i) for i in range(8)]
    results = [result(i, places, row.tolist()) for i, row in enumerate(scores)]
    best = sorted(zip(scores.max(axis=0), scores.argmax(axis=0), strict=True), reverse=True)[:count]
    assert found(results, count) == [(frame, pytest.approx(score)) for score, frame in best]


def test_only_what_went_through_the_network_counts() -> None:
    """In between an object is not shown, yet followed: its boxes at both ends have nothing in common."""
    results = [result(i, [moved(HERE, 8 * i)], [9.0 if i == 3 else i], [0] if i % 4 == 0 else []) for i in range(9)]
    assert found(results) == [(8, 8.0)]


def test_memory_does_not_grow() -> None:
    """New objects all the time, each worse than all before it."""
    objects = WorstObjects("clip", 2)
    alive: list[weakref.ref[np.ndarray]] = []
    held = []
    tracemalloc.start()
    for index in range(1500):
        one = result(index, [moved(HERE, 500 * (index % 40))], [index])
        alive += [weakref.ref(one.frame.image), weakref.ref(one.looked_at.pictures)]
        objects.add(one)
        alive = [reference for reference in alive if reference() is not None]
        if index in (500, 1499):
            del one
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert len(alive) <= 4 + 2, "twice the objects wanted, and the frame at hand"
    assert held[1] - held[0] < 20_000, "bytes, in a thousand frames"
    assert [one.frame.index for one in objects.found()] == [1499, 1498]


def test_clips_are_kept_apart_and_mixed_by_score() -> None:
    suspects = []
    for clip, score in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
        objects = WorstObjects(clip, 2)
        objects.add(result(5, [HERE, THERE], [score, score / 10]))
        suspects += objects.found()
    assert [one.clip for one in worst_of(suspects, 4)] == ["b", "c", "a", "b"]
    assert worst_of(suspects, 0) == [] and len(worst_of(suspects, 99)) == 6


def some(model: Model, count: int = 2) -> list[Suspect]:
    """Objects of noise, the worst first."""
    objects = WorstObjects("clip", count)
    boxes = {i: [(2.0, 3.0, 20.0, 30.0), (30.0, 10.0, 50.0, 44.0)] for i in range(9)}
    for one in score_stream(frames(9), model, detector(boxes)):
        objects.add(one)
    return objects.found()


@pytest.mark.parametrize("combine", ["plain", "calibrated"])
@pytest.mark.parametrize("picture_channels", [1, 3])
def test_a_sheet_says_what_the_score_rests_on(combine: str, picture_channels: int) -> None:
    model = make_model(picture_channels=picture_channels, combine=combine)
    suspect = some(model)[0]
    sheet = explain(suspect, 4, model)
    x_BCTHW = torch.from_numpy(suspect.pictures[None]).float() / 255
    with torch.inference_mode():
        raw = raw_scores(model.network, model.tasks, x_BCTHW, {})[0].tolist()
    assert [row.raw for row in sheet.tasks] == pytest.approx(raw, abs=1e-4)
    for row in sheet.tasks:
        on_scale = np.clip((row.raw - row.median) / (row.high - row.median), 0, MOST_UNUSUAL)
        assert row.calibrated == pytest.approx(on_scale, rel=1e-4)
    mean = np.mean([row.raw if combine == "plain" else row.calibrated for row in sheet.tasks])
    assert sheet.score == pytest.approx(mean, abs=1e-3) and ("raw" in sheet.score_is) == (combine == "plain")
    assert sheet.sequence.shape == (7, 64, 64, picture_channels) and sheet.rank == 4

    arrow, irregular, box = (row.answer for row in sheet.tasks)
    assert isinstance(arrow, ClassAnswer) and arrow.answer[1] == pytest.approx(sheet.tasks[0].raw, abs=1e-6)
    assert isinstance(irregular, ClassAnswer) and irregular.answer[1] == pytest.approx(sheet.tasks[1].raw, abs=1e-6)
    assert isinstance(box, PictureAnswer)
    np.testing.assert_allclose(box.truth * 255, sheet.sequence[3], atol=1e-3)
    assert box.answer.shape == box.truth.shape and box.answer.min() >= 0 and box.answer.max() <= 1
    assert [row.sees for row in sheet.tasks] == ["all frames", "all frames", "all but the middle frame"]


def test_a_sheet_says_what_says_little_of_an_object() -> None:
    model = make_model()
    suspect = some(model)[0]
    little = replace(suspect, given={**suspect.given, RELEVANCE: np.array([0.0, 0.5, 1.0], np.float32)})
    whole, rows = explain(suspect, 1, model).tasks, explain(little, 1, model).tasks
    assert [row.relevance for row in rows] == [0, 0.5, 1]
    for row, before in zip(rows, whole, strict=True):
        assert row.calibrated == pytest.approx(before.calibrated * row.relevance / before.relevance, abs=1e-6)
    assert "hardly moves" in rows[0].because and "edge" in rows[1].because


def test_sheets_are_listed_as_they_are_written(tmp_path: Path) -> None:
    model = make_model()
    suspects = some(model)
    (tmp_path / "explain").mkdir()
    (tmp_path / "explain" / "01_older_3.png").write_bytes(b"")
    about = write_sheets(tmp_path, suspects, model)
    assert [(one["clip"], one["frame"], one["box"]) for one in about] == [
        ("clip", one.frame.index, one.box.tolist()) for one in suspects
    ]
    assert [one["score"] for one in about] == [one.score for one in suspects]
    names = [f"explain/{i:02}_clip_{one.frame.index}.png" for i, one in enumerate(suspects, 1)]
    assert [one["file"] for one in about] == names
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.png")) == [*names, "explain/index.png"]
    assert all(cv2.imread(str(tmp_path / name)).shape[1] == 1500 for name in names)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model = make_model()
    with pytest.raises(OutputError, match="file"):
        write_sheets(tmp_path / "file", some(model, 1), model)

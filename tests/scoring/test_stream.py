"""The one way from frames to scores, with a small untrained network."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ssmtl.engine.shared import SharedEngine
from ssmtl.errors import SourceError
from ssmtl.model import Model, with_settings
from ssmtl.scoring import cutting
from ssmtl.scoring.score import TaskScale, calibrate, raw_scores
from ssmtl.scoring.stream import FrameResult, delay_frames, score_sequences, score_stream
from ssmtl.sequences.crop import crop, prepare_picture
from ssmtl.teachers.teacher import TARGETS
from ssmtl.video.frame import Frame

from .tiny import detector, frames, make_model

COUNT = 11


def crowd(count: int = COUNT) -> dict[int, list[tuple[float, ...]]]:
    """None to two boxes per frame, which stay where they are."""
    places = [(2.0, 3.0, 20.0, 30.0), (30.0, 10.0, 50.0, 44.0)]
    return {i: places[: (i + 1) % 3] for i in range(count)}


def results(count: int = COUNT, boxes: dict[int, Any] | None = None, **scoring: Any) -> list[FrameResult]:
    known = crowd(count) if boxes is None else boxes
    return list(score_stream(frames(count), make_model(**scoring), detector(known)))


@cache
def usual() -> list[FrameResult]:
    """What the settings as they are give."""
    return results()


def same(a: list[FrameResult], b: list[FrameResult], tolerance: float = 0.0) -> bool:
    return len(a) == len(b) and all(
        np.allclose(x.task_scores, y.task_scores, rtol=0, atol=tolerance) and abs(x.score - y.score) <= tolerance
        for x, y in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("count", [7, COUNT])
@pytest.mark.parametrize("every", [1, 3])
def test_every_frame_has_one_result_in_order(count: int, every: int) -> None:
    found = results(count, every=every)
    assert [result.frame.index for result in found] == list(range(count))
    assert [result.complete for result in found] == [3 <= i < count - 3 for i in range(count)]
    for i, result in enumerate(found):
        # Of a clip's ends those regions that are in every frame up to the nearest which has sequences.
        nearest = min(max(i, 3), count - 4)
        n = min(len(crowd()[k]) for k in range(min(i, nearest), max(i, nearest) + 1))
        assert result.regions.boxes.tolist() == [list(box) for box in crowd()[i][:n]]
        assert result.task_scores.shape == (n, 3) and result.object_scores.shape == (n,)
        assert np.isfinite(result.task_scores).all() and np.isfinite(result.score)


@pytest.mark.parametrize("count", range(7))
def test_fewer_than_seven_frames(count: int) -> None:
    with pytest.raises(SourceError, match=f"{count} frames.*7"):
        results(count)


@pytest.mark.parametrize("combine", ["plain", "calibrated"])
@pytest.mark.parametrize("picture_channels", [1, 3])
def test_scores_are_those_of_sequences_cut_by_hand(combine: str, picture_channels: int) -> None:
    model = make_model(picture_channels=picture_channels, combine=combine)
    found = list(score_stream(frames(COUNT), model, detector(crowd())))[7]
    pictures = [prepare_picture(frame.image, picture_channels) for frame in frames(COUNT)[4:11]]
    sequences = crop(pictures, np.array(crowd()[7], np.float32), model.configuration.sequences.padding)
    with torch.inference_mode():
        expected = raw_scores(model.network, model.tasks, torch.from_numpy(sequences).float() / 255, {}).numpy()
    if combine == "calibrated":
        expected = calibrate(expected, [task.kind for task in model.tasks], model.scales)
    np.testing.assert_allclose(found.task_scores, expected, atol=1e-4)
    np.testing.assert_allclose(found.object_scores, expected.mean(axis=1), atol=1e-4)


def test_what_the_edge_cuts_scores_as_much_less_as_it_scored_more_in_training() -> None:
    """Of two who stand, one at the edge of the picture."""
    boxes = {i: [(0.0, 3.0, 12.0, 30.0), (20.0, 6.0, 34.0, 33.0)] for i in range(COUNT)}
    model = make_model()
    scales = {kind: replace(scale, edge=0.25) for kind, scale in model.scales.items()}
    plain = list(score_stream(frames(COUNT), model, detector(boxes)))
    brought_down = list(score_stream(frames(COUNT), replace(model, scales=scales), detector(boxes)))
    for before, after in zip(plain, brought_down, strict=True):
        expected = before.task_scores * np.array([[0.25], [1]], np.float32)
        np.testing.assert_allclose(after.task_scores, expected, atol=1e-6)


def test_without_smoothing_a_frame_scores_its_highest_object() -> None:
    found = results(combine="plain", mean_frames=1, gaussian_frames=0)
    highest = [max(result.object_scores, default=0.0) for result in found[3:-3]]
    expected = [highest[0]] * 3 + highest + [highest[-1]] * 3
    assert [result.score for result in found] == pytest.approx(expected)
    assert 0 in expected and len(set(expected)) > 3


def share(model: Model, lanes: Sequence[Any]) -> None:
    """Let its batches run on these."""
    vars(model)["shared_engine"] = SharedEngine(SimpleNamespace(lanes=lambda: lanes))  # type: ignore[arg-type]


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize(("every", "tracks"), [(1, 1), (4, 1), (2, 5)])
def test_offline_and_live_are_the_same(every: int, tracks: int, lanes: int) -> None:
    """A camera gives a frame when it has one and knows nothing of the next; a list is there from the start."""
    widths = {"mean_frames": 3, "gaussian_frames": 0.5, "track_frames": tracks}
    model = make_model(every=every, max_wait=1, **widths)
    share(model, [model.engine] * lanes)
    delay = delay_frames(model.configuration.scoring)
    live: list[FrameResult] = []
    told = threading.Condition()

    def camera() -> Iterator[Frame]:
        """Gives a frame only once all is said that must be said before it."""
        for frame in frames(COUNT):
            with told:
                assert told.wait_for(lambda n=frame.index: len(live) >= n - delay, 20), "later than the stated delay"
            yield frame

    for result in score_stream(camera(), model, detector(crowd())):
        with told:
            live.append(result)
            told.notify()
    assert same(live, list(score_stream(frames(COUNT), model, detector(crowd()))))
    assert same(live, results(every=every, **widths), 1e-5), "waiting changes no score"


class Lane:
    """An engine that does what it is told before it scores a batch."""

    def __init__(self, engine: Any, first: Callable[[], object]):
        self.engine = engine
        self.first = first

    def scores(self, pictures: Any, given: Any) -> Any:
        self.first()
        return self.engine.scores(pictures, given)


def test_batches_run_at_once_and_stay_in_order() -> None:
    """Each waits until the other lane has one too, and the first lane is the slower one."""
    model = make_model(batch=1, max_wait=1)
    met = threading.Barrier(2, timeout=20)
    share(model, [Lane(model.engine, lambda: (met.wait(), time.sleep(0.05))), Lane(model.engine, met.wait)])
    places = [(2.0, 3.0, 20.0, 30.0)]
    boxes = dict.fromkeys(range(3, 9), places)
    found = list(score_stream(frames(12), model, detector(boxes)))
    assert same(found, results(12, boxes), 1e-5)


def test_opencv_has_its_threads_again_when_the_last_stream_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order they end."""
    threads = [4]
    monkeypatch.setattr("cv2.getNumThreads", lambda: threads[-1])
    monkeypatch.setattr("cv2.setNumThreads", threads.append)
    monkeypatch.setattr("ssmtl.scoring.stream.cores", lambda: 2)
    first, second = (score_stream(frames(COUNT), make_model(), detector({})) for _ in range(2))
    next(first), next(second)
    assert threads[-1] == 1
    first.close()
    assert threads[-1] == 1
    list(second)
    assert threads[-1] == 4


def test_an_error_of_a_lane_is_the_readers() -> None:
    model = make_model(batch=1, max_wait=1)

    def fail() -> None:
        raise RuntimeError("no memory")

    share(model, [Lane(model.engine, fail)] * 2)
    with pytest.raises(RuntimeError, match="no memory"):
        list(score_stream(frames(COUNT), model, detector(crowd())))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ssmtl-")], "all have ended"


@pytest.mark.parametrize("lanes", [1, 2])
def test_an_error_of_the_source_comes_after_all_before_it(lanes: int) -> None:
    """Batches that wait for a lane are still scored."""

    def broken() -> Iterator[Frame]:
        yield from frames(COUNT)
        raise SourceError("the file ends here")

    model = make_model(batch=1, max_wait=1, mean_frames=1, gaussian_frames=0)
    share(model, [Lane(model.engine, lambda: time.sleep(0.05))] * lanes)
    found = []
    with pytest.raises(SourceError, match="ends here"):
        for result in score_stream(broken(), model, detector(crowd())):
            found.append(result)
    expected = results(combine="calibrated", mean_frames=1, gaussian_frames=0)
    assert len(found) == COUNT - 3 and same(found, expected[: COUNT - 3], 1e-5)


def test_what_speaks_for_and_against_adds_up_along_a_track() -> None:
    """Task scores of a frame may be below 0; their mean along the track counts, and no object scores less than 0."""
    model = make_model(tasks=["arrow_of_time"], mean_frames=1, gaussian_frames=0)
    boxes = {i: [(2.0, 3.0, 20.0, 30.0)] for i in range(COUNT)}

    def scored(model: Model) -> list[FrameResult]:
        return [one for one in score_stream(frames(COUNT), model, detector(boxes)) if one.complete]

    raw = np.concatenate([one.task_scores for one in scored(with_settings(model, {"scoring": {"combine": "plain"}}))])
    # Of a part that says both in these frames.
    even = float(np.log(np.median(raw) / (1 - np.median(raw))))
    scales = {"arrow_of_time": TaskScale(even, even + 0.1, "logit", most=3.0)}
    apart = [one.task_scores[0, 0] for one in scored(replace(model, scales=scales))]
    assert min(apart) < 0 < max(apart)
    along = scored(with_settings(replace(model, scales=scales), {"scoring": {"track_frames": 2 * COUNT + 1}}))
    for one in along:
        # The clip's ends have no sequences of their own: they show what their neighbours do.
        ends = [apart[0]] * 3 + [apart[-1]] * 3
        assert one.task_scores[0, 0] == pytest.approx(np.mean([*apart, *ends]), abs=1e-4)
        assert one.object_scores[0] == pytest.approx(max(0, float(np.mean([*apart, *ends]))), abs=1e-4)


def test_a_frames_score_is_of_its_objects_as_they_are_along_their_tracks() -> None:
    found = results(combine="plain", mean_frames=1, gaussian_frames=0, track_frames=5)
    as_they_were = results(combine="plain", mean_frames=1, gaussian_frames=0)
    highest = [max(result.object_scores, default=0.0) for result in found[3:-3]]
    assert [result.score for result in found[3:-3]] == pytest.approx(highest)
    assert [result.score for result in found] != pytest.approx([result.score for result in as_they_were])


@pytest.mark.parametrize(("batch", "max_wait"), [(1, 1), (3, 64)])
def test_batching_changes_no_score(batch: int, max_wait: int) -> None:
    assert same(usual(), results(batch=batch, max_wait=max_wait), 1e-5)


def test_nothing_moves_nothing_scores() -> None:
    found = results(boxes={})
    assert [result.score for result in found] == [0.0] * COUNT
    assert all(result.task_scores.shape == (0, 3) for result in found)


@pytest.mark.parametrize("every", [1, 3])
def test_objects_of_a_clips_ends_have_their_scores_of_the_nearest_frame(every: int) -> None:
    """One walks by a third of its width a frame: only from frame to frame is it found again. One is gone too soon."""
    boxes = {i: [(4.0 * i, 3.0, 4.0 * i + 12, 30.0)] for i in range(COUNT)}
    boxes[2].insert(0, (2.0, 32.0, 20.0, 46.0))
    found = results(COUNT, boxes, every=every, combine="plain")
    assert [result.regions.boxes.tolist() for result in found] == [[list(boxes[i][-1])] for i in range(COUNT)]
    for i, nearest in [(0, 3), (1, 3), (2, 3), (8, 7), (9, 7), (10, 7)]:
        assert np.array_equal(found[i].task_scores, found[nearest].task_scores)
        assert np.array_equal(found[i].object_scores, found[nearest].object_scores)
        assert len(found[i].looked_at) == 0 and not found[i].complete
    assert not np.array_equal(found[3].task_scores, found[7].task_scores)


def test_an_abnormal_moment_raises_the_score_around_it() -> None:
    """Boxes in one frame only: the score is highest there and falls to either side."""
    found = results(21, boxes={10: crowd()[1]}, combine="plain", mean_frames=3, gaussian_frames=2)
    scores = [result.score for result in found]
    assert np.argmax(scores) == 10 and (np.diff(scores[4:11]) > 0).all() and (np.diff(scores[10:17]) < 0).all()
    assert scores[10 - 4] == pytest.approx(scores[10 + 4])


class TestEvery:
    BOX = (2.0, 3.0, 20.0, 30.0)

    @pytest.mark.parametrize("every", [2, 4])
    def test_in_between_an_object_takes_the_mean_of_its_scores(self, every: int) -> None:
        boxes = {i: [self.BOX] for i in range(15)}
        full, sparse = (results(15, boxes, every=n, combine="plain") for n in (1, every))
        looked_at = [i for i in range(3, 12) if (i - 3) % every == 0]
        for i in range(3, 12):
            before = max(k for k in looked_at if k <= i)
            after = min((k for k in looked_at if k >= i), default=before)
            expected = (full[before].task_scores + full[after].task_scores) / 2
            np.testing.assert_allclose(sparse[i].task_scores, expected, atol=1e-5)

    def test_what_is_seen_in_between_only_is_looked_at(self) -> None:
        boxes = {5: [self.BOX]}
        full, sparse = (results(COUNT, boxes, every=n, combine="plain") for n in (1, 4))
        assert full[5].task_scores.min() > 0
        np.testing.assert_allclose(sparse[5].task_scores, full[5].task_scores, atol=1e-5)

    def test_what_appears_just_before_the_end_is_looked_at(self) -> None:
        """Frames 3 and 7 are scored; the next would be 11, of which no sequence can be cut any more."""
        boxes = {i: [self.BOX] for i in range(8, 13)}
        found = results(13, boxes, every=4, combine="plain")
        assert found[8].task_scores.min() > 0 and found[9].task_scores.min() > 0


class Fake:
    """A teacher whose answers are known: one value per region, from the picture's mean and the region's place."""

    def __init__(self, name: str) -> None:
        self.shape = TARGETS[name]

    def value(self, image: np.ndarray, box: np.ndarray) -> float:
        return float(image.mean() / 255 + box[0] / 100)

    def answer(self, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        answers = [np.full(self.shape, self.value(image, box), np.float32) for box in boxes]
        return np.array(answers, np.float32).reshape(-1, *self.shape)


TAUGHT = ["distillation", "segmentation", "pose", "arrow_of_time"]


def taught(**scoring: Any) -> Model:
    """A model of tasks that score against what is known of a region besides its pixels."""
    model = make_model(tasks=TAUGHT, combine="plain", **scoring)
    vars(model)["teachers"] = {name: Fake(name) for name in ("segmentation", "pose")}
    return model


class TestGiven:
    """Class probabilities and teachers' answers are those of the region and the middle frame."""

    @pytest.mark.parametrize(("batch", "every", "objects"), [(1, 1, 6), (16, 1, 6), (16, 3, 4)])
    def test_scores_are_those_worked_out_by_hand(self, batch: int, every: int, objects: int) -> None:
        model = taught(batch=batch, every=every)
        found = list(score_stream(frames(COUNT), model, detector(crowd())))
        looked_at = 0
        for result in found[3:-3]:
            index = result.looked_at.index
            if len(index) == 0:
                continue
            boxes = result.regions.boxes[index]
            pictures = [prepare_picture(f.image, 1) for f in frames(COUNT)[result.frame.index - 3 :][:7]]
            x = crop(pictures, boxes, model.configuration.sequences.padding)
            assert np.array_equal(result.looked_at.pictures, x)
            given = {name: Fake(name).answer(result.frame.image, boxes) for name in ("segmentation", "pose")}
            given["classes"] = result.regions.probabilities[index]
            given["relevance"] = np.ones((len(index), len(model.parts)), np.float32)
            assert result.looked_at.given.keys() == given.keys()
            with torch.inference_mode():
                tensors = {name: torch.from_numpy(rows) for name, rows in given.items()}
                expected = raw_scores(model.network, model.tasks, torch.from_numpy(x).float() / 255, tensors)
            np.testing.assert_allclose(result.task_scores[index], expected.numpy(), rtol=1e-3, atol=1e-4)
            looked_at += len(index)
        assert looked_at == objects

    def test_probabilities_matter(self) -> None:
        """A detector that is sure of another class gives T4 another score, and no other task."""
        person, car = (
            list(score_stream(frames(COUNT), taught(), detector(crowd(), label)))[4].task_scores
            for label in ("person", "car")
        )
        assert (person[:, 0] != car[:, 0]).all() and np.array_equal(person[:, 1:], car[:, 1:])

    def test_teachers_are_not_asked_for_the_training_alone(self) -> None:
        """T4's classifier does not run at test time, nor T5's decoder."""
        model = make_model(tasks=["distillation", "pseudo_anomalies"])
        assert model.teachers == {} and [task.kind for task in model.tasks] == ["distillation"]
        found = list(score_stream(frames(COUNT), model, detector(crowd())))
        assert found[4].task_scores.shape == (2, 1)


@pytest.mark.parametrize("n", [1, 16, 17])
def test_score_sequences_of_any_number(n: int) -> None:
    rng = np.random.default_rng(0)
    sequences = rng.integers(0, 256, (n, 1, 7, 64, 64), np.uint8)
    given = {"classes": rng.random((n, 81), np.float32)}
    model = make_model(combine="plain", tasks=["arrow_of_time", "distillation"])
    together = score_sequences(sequences, given, model)
    assert together.shape == (n, 2) and together.dtype == np.float32
    last = {name: rows[-1:] for name, rows in given.items()}
    np.testing.assert_allclose(together[-1], score_sequences(sequences[-1:], last, model)[0], atol=1e-5)


def test_crops_on_the_device_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: frames are tensors, cut by PyTorch; the scores differ by what a grey level of rounding does."""
    usual = results()
    monkeypatch.setattr(cutting, "on_device", lambda model: True)
    found = results()
    assert same(found, usual, 0.02)
    assert any(isinstance(result.looked_at.pictures, torch.Tensor) for result in found)
    assert not any(isinstance(result.looked_at.pictures, torch.Tensor) for result in usual)


@pytest.mark.parametrize(
    ("batch", "max_wait", "sizes"), [(8, 8, [6, 6, 3]), (2, 8, [2, 1] * 5), (64, 2, [3, 6, 6]), (15, 8, [15])]
)
def test_a_batch_is_of_whole_frames(
    batch: int, max_wait: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three objects in each of five frames: what a batch has no place for goes with the next; too many are cut."""
    places = [(2.0, 3.0, 20.0, 30.0), (30.0, 10.0, 50.0, 44.0), (5.0, 20.0, 25.0, 44.0)]
    model = make_model(batch=batch, max_wait=max_wait)
    seen: list[int] = []
    scores = type(model.engine).scores

    def counted(engine: Any, pictures: Any, given: Any) -> Any:
        seen.append(len(pictures))
        return scores(engine, pictures, given)

    monkeypatch.setattr(type(model.engine), "scores", counted)
    list(score_stream(frames(COUNT), model, detector(dict.fromkeys(range(COUNT), places))))
    assert seen == sizes


@pytest.mark.parametrize("every", [1, 3])
def test_crops_of_several_frames_are_cut_together(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a device there is one call for a batch, and each frame gets what was cut for it."""
    monkeypatch.setattr(cutting, "on_device", lambda model: True)
    calls: list[int] = []
    cut = cutting.crop_on_device

    def counted(pictures: Any, boxes: Any, *more: Any) -> Any:
        calls.append(len(boxes))
        return cut(pictures, boxes, *more)

    monkeypatch.setattr(cutting, "crop_on_device", counted)
    found = results(every=every, batch=64, max_wait=64)
    assert len(calls) == 1
    for result in found[3:-3]:
        pictures = [prepare_picture(frame.image, 1) for frame in frames(COUNT)[result.frame.index - 3 :][:7]]
        x = crop(pictures, result.regions.boxes[result.looked_at.index], 0.1)
        there = result.looked_at.pictures
        assert len(there) == len(x) and np.abs(np.asarray(there).astype(int) - x).max(initial=0) <= 1

"""Thresholds from footage, from what a training held out, and from what a watch recorded."""

import json
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ssmtl import detect
from ssmtl.calibrating import LEAST_THRESHOLD, begins_by_file, calibrate, held_out_clips, score_clip, shorten, within
from ssmtl.cli.options import print_calibration
from ssmtl.datasets.street import StreetConfig, write_street
from ssmtl.errors import DataError, ModelError
from ssmtl.live.recorded import normal_curves
from ssmtl.live.records import Kind, LiveEvent, Status
from ssmtl.live.store import open_store
from ssmtl.model import Model, with_settings
from ssmtl.model_folder import CALIBRATION, load_model, save_model
from ssmtl.progress import Silent
from ssmtl.scoring.calibration import Period, parse_periods
from ssmtl.scoring.score import TaskScale
from ssmtl.scoring.threshold import Curve, choose_threshold, rate
from ssmtl.video.sources import Clip

from .scoring.test_event_stream import SCENE, result
from .scoring.tiny import make_model

EXACT = {"engine": {"kind": "pytorch", "precision": "float32"}}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    root = tmp_path_factory.mktemp("street")
    write_street(root, StreetConfig(), 5, 2, 60, 0, 0)
    return [Clip(path.stem, path) for path in sorted((root / "normal").glob("*.mp4"))]


@pytest.fixture(scope="module")
def model() -> Model:
    return with_settings(make_model(picture_channels=3, every=3, gaussian_frames=1.0), EXACT)


def test_footage_of_another_rate_is_told(clips: list[Clip], model: Model, tmp_path: Path) -> None:
    notes: list[str] = []

    class Told(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    slow = replace(model, training={"rate": 10.0})
    save_model(slow, tmp_path / "model")
    calibrate(clips[:1], slow, tmp_path / "model", progress=Told())
    detect(clips[:1], slow, tmp_path / "result", progress=Told())
    assert len(notes) == 2 and all("25 frames per second" in note and clips[0].name in note for note in notes)


def test_the_threshold_is_that_of_the_scores_and_is_kept_with_the_model(
    clips: list[Clip], model: Model, tmp_path: Path
) -> None:
    save_model(model, tmp_path)
    assert load_model(tmp_path).threshold() == (1.0, "not calibrated")
    done = calibrate(clips, model, tmp_path, budget="2/hour")
    curves = [score_clip(clip, model, Silent()) for clip in clips]
    expected = choose_threshold(curves, model.configuration.events, "2/hour", LEAST_THRESHOLD, 4.0)
    assert done.thresholds == {Period(): expected} and done.footage == [clip.name for clip in clips]
    # No event was seen in footage that the budget allows none in.
    assert expected.value > max(curve.scores.max() for curve in curves) and expected.footage_s == pytest.approx(4.8)
    read = load_model(tmp_path)
    # Two an hour from five seconds: what can be estimated is one in thirty times that.
    assert read.threshold()[0] == expected.value
    assert read.threshold()[1] == f"calibrated, an estimate for {rate(86400 / 30 / expected.footage_s)}"
    # Scores of other settings are on another scale; how often objects are looked at changes none.
    assert with_settings(read, {"scoring": {"every": 1}}).threshold()[0] == expected.value
    assert with_settings(read, {"scoring": {"mean_frames": 9}}).threshold()[0] == 1.0
    assert "other settings" in with_settings(read, {"scoring": {"mean_frames": 9}}).threshold()[1]
    assert with_settings(read, {"events": {"threshold": 0.3}}).threshold() == (0.3, "events.threshold")


def test_a_threshold_that_nothing_can_reach_is_told(model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    """With a plain mean, nothing is known of what is much."""
    high = with_settings(model, {"events": {"threshold": 4.5}})
    assert high.threshold() == (4.5, "events.threshold; nothing can score more than 4: lower it")
    plain = {"scoring": {"combine": "plain"}}
    assert with_settings(high, plain).threshold() == (4.5, "events.threshold")
    for loudest, said in ((4.2, "nothing can score more than 4: no event"), (1.0, "alone begins no event: ")):
        curve = Curve(np.arange(10.0), np.full(10, loudest))
        found = calibrate([], model, known={"seen": [curve]})
        print_calibration(found, model)
        assert said in capsys.readouterr().err


def test_where_nobody_comes_by_the_threshold_is_not_nothing(clips: list[Clip], model: Model) -> None:
    """In short footage; on the scale of raw scores, nothing is known of what is much."""
    calm = replace(model, scales={kind: TaskScale(0.999, 1.0) for kind in model.scales})
    assert calibrate(clips, calm).highest.value == LEAST_THRESHOLD
    plain = with_settings(calm, {"scoring": {"combine": "plain"}})
    assert 0 < calibrate(clips, plain).highest.value < LEAST_THRESHOLD


def test_changes_of_the_view_do_not_count(clips: list[Clip], model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for events: lights that go out cry for some frames."""
    dark = (SCENE * 0.2).astype(np.uint8)
    made = [result(i, 9.0 if 28 <= i < 36 else 0.5, SCENE if i < 30 else dark) for i in range(120)]
    monkeypatch.setattr("ssmtl.calibrating.score_stream", lambda *arguments: iter(made))
    curve = score_clip(clips[0], model, Silent(), begins=100.0)
    assert len(curve.scores) == 120 and curve.times_s[0] == 100.0 and set(curve.scores) == {0.0, 0.5}
    held = with_settings(model, {"events": {"view": {"hold": False}}})
    assert score_clip(clips[0], held, Silent()).scores.max() == 9.0


@pytest.mark.parametrize(
    ("noted", "known"), [("2026-05-03T10:00:00Z", True), ("Fri May 03 2024", False), (None, False)]
)
def test_when_a_recording_began_as_it_says(noted: str | None, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    container = SimpleNamespace(metadata={} if noted is None else {"creation_time": noted})
    monkeypatch.setattr("ssmtl.calibrating.open_container", lambda path: nullcontext(container))
    assert (begins_by_file(Clip("a", Path("a.flv"))) is not None) == known


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"thresholds": 3}'])
def test_a_damaged_calibration_is_refused_with_the_remedy(text: str, tmp_path: Path) -> None:
    save_model(make_model(), tmp_path)
    (tmp_path / CALIBRATION).write_text(text)
    with pytest.raises(ModelError, match=r"calibration\.json: is no calibration .*ssmtl calibrate"):
        load_model(tmp_path)


def test_times_of_day_need_the_time_at_which_footage_begins(clips: list[Clip], model: Model) -> None:
    periods = parse_periods("06:00-18:00,18:00-06:00")
    with pytest.raises(DataError, match="not known when it begins; say so with --starts"):
        calibrate(clips, model, periods=periods)
    day, night = (datetime(2026, 11, 25, hour).timestamp() for hour in (12, 23))
    done = calibrate(clips, model, periods=periods, starts={clips[0]: day, clips[1]: night})
    assert [t.footage_s for t in done.thresholds.values()] == pytest.approx([2.4, 2.4])
    by_day = choose_threshold(
        [score_clip(clips[0], model, Silent())], model.configuration.events, "1/day", LEAST_THRESHOLD
    )
    assert done.at(day).value == pytest.approx(by_day.value)
    with pytest.raises(DataError, match=r"no footage of 18:00-06:00"):
        calibrate(clips[:1], model, periods=periods, starts={clips[0]: day})


def test_a_curve_over_midnight_is_cut_into_its_periods() -> None:
    day, night = parse_periods("06:00-22:00,22:00-06:00")
    begin = datetime(2026, 11, 25, 21).timestamp()
    curve = Curve(begin + np.arange(0, 10 * 3600, 60.0), np.arange(600.0))
    assert [(part.scores[0], part.scores[-1]) for part in within(curve, day)] == [(0, 59), (540, 599)]
    assert [(part.scores[0], part.scores[-1]) for part in within(curve, night)] == [(60, 539)]


def test_what_was_held_out_is_whole_clips_or_pieces_of_them() -> None:
    a, b, c = Clip("a", Path("a")), Clip("b", Path("b"), 100), Clip("c", Path("c"))
    clip = np.array([0, 0, 1, 1, 1, 2])
    frame = np.array([12, 50, 20, 70, 80, 30])
    found = held_out_clips({a: 90, b: 95, c: 60}, clip, frame, np.array([0, 1, 3, 4]))
    assert found == {a: 90, replace(b, start=167): 28}
    assert shorten(found, 1000) == list(found)
    # Held out are 60 to 80 and 150 on; what lies between is learnt from, or neither.
    frame = np.array([150, 60, 10, 70, 80, 110, 170])
    pieces = held_out_clips({b: 200}, np.zeros(7, int), frame, np.array([0, 1, 3, 4, 6]))
    assert pieces == {replace(b, start=157, stop=184): 27, replace(b, start=247): 53}
    assert [(part.start, part.stop) for part in shorten(found, 59)] == [(0, 45), (167, 181)]


def about(folder: Path, model: Model, **facts: object) -> None:
    """What a watch says of itself."""
    (folder / "watch.json").write_text(json.dumps({"score_identity": model.score_identity, **facts}))


def recorded(folder: Path, model: Model, status: Status) -> list[Curve]:
    """A watch of an hour with an event of ten seconds at its middle."""
    about(folder, model)
    store = open_store(folder, None)
    rows = [(1000 + i, 5.0 if 1800 <= i < 1810 else 0.1 + 0.001 * (i % 7), 0.0, 1) for i in range(3600)]
    store.add_scores("here", "door", rows)
    store.put(LiveEvent("k", "here", "door", Kind.ANOMALY, 2800.0, 2810.0, 2805.0, 5.0, 1.0, (64, 48)))
    store.set_status("k", status)
    store.close()
    return normal_curves(folder, model)["door"]


def test_a_dismissed_event_counts_as_ordinary_and_others_do_not(model: Model, tmp_path: Path) -> None:
    thresholds = {}
    for status in Status:
        folder = tmp_path / status.value
        folder.mkdir()
        curves = recorded(folder, model, status)
        if status is Status.DISMISSED:
            assert len(curves) == 1 and sum(len(curve.scores) for curve in curves) == 3600
        else:
            # Five seconds on either side are left out too.
            assert [(c.times_s[0], c.times_s[-1]) for c in curves] == [(1000, 2794), (2816, 4599)]
        calibration = calibrate([], model, known={"door": curves}, budget="1/day")
        thresholds[status] = next(iter(calibration.thresholds.values())).value
    assert thresholds[Status.DISMISSED] > 5.0 > 1.0 > thresholds[Status.NEW] == thresholds[Status.CONFIRMED]


def test_other_machines_of_a_shared_database_do_not_count(model: Model, tmp_path: Path) -> None:
    curves = recorded(tmp_path, model, Status.DISMISSED)
    about(tmp_path, model, machine="here")
    with closing(open_store(tmp_path, None)) as store:
        store.add_scores("there", "door", [(1000 + i, 9.0, 0.0, 1) for i in range(3600)])
        store.add_scores("there", "gate", [(1000, 9.0, 0.0, 1)])
    found = normal_curves(tmp_path, model)
    assert list(found) == ["door"] and found["door"][0].scores.max() == curves[0].scores.max() == 5.0
    assert found["door"][0].each_s == 1.0


def test_what_another_model_recorded_does_not_count(model: Model, tmp_path: Path) -> None:
    recorded(tmp_path, model, Status.DISMISSED)
    about(tmp_path, model, since=4000.0)
    (curve,) = normal_curves(tmp_path, model)["door"]
    assert curve.times_s[0] == 4000 and len(curve.scores) == 600
    rescaled = replace(model, scales={kind: TaskScale(0.3, 0.7) for kind in model.scales})
    for other in (rescaled, with_settings(model, {"scoring": {"power": 4.0}})):
        with pytest.raises(DataError, match="another model or other settings"):
            normal_curves(tmp_path, other)
    assert normal_curves(tmp_path, with_settings(model, {"scoring": {"every": 4}}))


def test_a_watch_that_recorded_nothing(model: Model, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder of `ssmtl watch`"):
        normal_curves(tmp_path, model)
    about(tmp_path, model)
    with pytest.raises(DataError, match="no scores were recorded"):
        normal_curves(tmp_path, model)
    with pytest.raises(DataError, match="has no camera gate"):
        normal_curves(tmp_path, model, camera="gate")


def test_a_watch_in_which_something_always_happened(model: Model, tmp_path: Path) -> None:
    about(tmp_path, model)
    with closing(open_store(tmp_path, None)) as store:
        store.add_scores("here", "door", [(1000 + i, 2.0, 0.0, 1) for i in range(20)])
        store.put(LiveEvent("k", "here", "door", Kind.ANOMALY, 1004.0, 1016.0, 1005.0, 2.0, 1.0, (64, 48)))
        with pytest.raises(DataError, match="an event that was confirmed or that nobody judged yet; dismiss"):
            normal_curves(tmp_path, model)
        store.set_status("k", Status.DISMISSED)
    assert sum(len(curve.scores) for curve in normal_curves(tmp_path, model)["door"]) == 20

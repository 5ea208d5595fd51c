"""Settings chosen on planted anomalies."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ssmtl import configure
from ssmtl.datasets.street import StreetConfig, write_street
from ssmtl.errors import ConfigError, DataError, OutputError
from ssmtl.model import with_settings
from ssmtl.progress import Silent
from ssmtl.scoring.score import TaskScale, join_parts
from ssmtl.scoring.settings import ScoringSettings
from ssmtl.scoring.tracks import Followed
from ssmtl.tuning import CHOICES, Case, choose, measure, plant_all, tune
from ssmtl.video.sources import Clip
from tests.scoring.test_stream import make_model

SETTINGS = ScoringSettings()


def MEAN(parts, settings):  # noqa: N802
    return parts.mean(axis=1)


def case(noise: float, seed: int = 0, count: int = 120) -> Case:
    """Two objects that stand still; one is planted, and scores 1 more in half of its frames."""
    chance = np.random.default_rng(seed)
    boxes = np.array([[0, 0, 20, 40], [60, 0, 80, 40]], np.float32)
    truth = np.arange(40, 80)
    frames = []
    for i in range(count):
        scores = noise * chance.standard_normal((2, 1)).astype(np.float32)
        if i in truth:
            scores[1] += 1
        frames.append(Followed(i, boxes, scores))
    return Case("clip", "faster", (60, 100), frames, truth, np.repeat(boxes[1:], len(truth), axis=0))


def test_a_perfect_score_is_a_hundred() -> None:
    found = measure([case(0.0)], MEAN, SETTINGS.model_copy(update={"mean_frames": 1, "gaussian_frames": 0}))
    assert found.micro == pytest.approx(100) and found.rbdc == pytest.approx(100) and found.tbdc == pytest.approx(100)
    assert found.mean == pytest.approx(100)


def test_noise_is_averaged_away() -> None:
    cases = [case(1.0, seed) for seed in range(3)]
    tuned = choose(partial(measure, cases, MEAN), SETTINGS.model_copy(update={"gaussian_frames": 0.0}))
    assert tuned.changes["track_frames"] > 1 and tuned.after.mean > tuned.before.mean
    assert len(tuned.trials) == sum(map(len, CHOICES.values()))


def test_what_is_no_better_is_not_taken() -> None:
    perfect = SETTINGS.model_copy(update={"mean_frames": 1, "gaussian_frames": 0.0})
    assert choose(partial(measure, [case(0.0)], MEAN), perfect).changes == {}


def test_a_worse_anomaly_makes_it_worse() -> None:
    whole = case(0.3)
    late = replace(whole, truth_frames=whole.truth_frames + 35)
    assert measure([late], MEAN, SETTINGS).rbdc < measure([whole], MEAN, SETTINGS).rbdc


def test_nobody_to_plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssmtl.tuning.plant_all", lambda *arguments: iter(()))
    with pytest.raises(DataError, match="empty: nobody is followed"):
        tune([Clip("empty", tmp_path)], make_model(), tmp_path / "out")


def test_results_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "tune.toml").write_text("")
    with pytest.raises(OutputError, match="--overwrite"):
        tune([Clip("any", tmp_path)], make_model(), tmp_path / "out")


def test_every_choice_is_a_setting() -> None:
    for name, values in CHOICES.items():
        for value in values:
            configure("fast", {"scoring": {name: value}})


def test_who_stands_out_by_one_part_alone_is_found_by_a_high_power() -> None:
    """One part of four sees what is planted; in the mean, the noise of the others is as loud."""
    chance = np.random.default_rng(3)
    cases = []
    for one in (case(0.0), case(0.0)):
        frames = [
            replace(f, scores=np.concatenate([f.scores, chance.uniform(0, 0.9, (2, 3))], axis=1, dtype=np.float32))
            for f in one.frames
        ]
        cases.append(replace(one, frames=frames))
    kinds = list("abcd")
    scales = {kind: TaskScale(0.0, 1.0) for kind in kinds}
    found = partial(measure, cases, lambda parts, s: join_parts(parts, kinds, scales, s.mean_power))
    assert found(SETTINGS.model_copy(update={"power": 4.0})).mean > found(SETTINGS).mean + 1
    assert "power" not in choose(found, SETTINGS).changes, "it would always pay: see CHOICES"


def test_nobody_is_planted_where_nobody_looks(tmp_path: Path) -> None:
    write_street(tmp_path, StreetConfig(width=160, height=120, person_height_px=30), 3, 1, 120, 0, 0)
    (path,) = (tmp_path / "normal").glob("*.mp4")
    model = make_model(picture_channels=3)
    everywhere = {"kind": "ignore", "points": [(0, 0), (1, 0), (1, 1), (0, 1)]}
    blind = with_settings(model, {"zones": [everywhere]})
    assert next(plant_all(Clip("a", path), model, ["faster"], 1, Silent()), None) is not None
    assert next(plant_all(Clip("a", path), blind, ["faster"], 1, Silent()), None) is None


def test_regions_from_files_do_not_show_what_is_planted(tmp_path: Path) -> None:
    model = with_settings(make_model(), {"detectors": [{"kind": "boxes", "path": "boxes.csv"}]})
    with pytest.raises(ConfigError, match=r"detectors: .*--regions motion"):
        tune([Clip("any", tmp_path)], model, tmp_path / "out")

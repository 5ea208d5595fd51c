"""Studies as they are run: in processes of their own, with kills, failures and changes of mind."""

import csv
import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch

from ssmtl.cli.main import main
from ssmtl.datasets.own import OwnDataset
from ssmtl.datasets.street import StreetConfig, write_street
from ssmtl.errors import ConfigError, ModelError, OutputError
from ssmtl.fitting import fit
from ssmtl.metrics.boxes import intersection_over_union
from ssmtl.model_folder import DESCRIPTION, load_model
from ssmtl.results import read_objects, read_scores
from ssmtl.studies import processes, worker
from ssmtl.studies.choices import Choices, resolve
from ssmtl.studies.rows import STUDIES
from ssmtl.studies.run import run_studies
from ssmtl.studies.subset import Subset
from ssmtl.studies.units import Unit, plan
from ssmtl.studies.worker import ROW, gather

QUICK = {
    "sequences": {"max_sequences": 24},
    "train": {"epochs": 1, "min_steps": 0, "batch_size": 8},
    "backbone": {"depth": "shallow", "width": "narrow"},
    "scoring": {"every": 4},
    # T4's teacher cannot be had: the rows with T4 must fail, and no others.
    "teachers": {"classifier": {"kind": "onnx", "path": "missing.onnx"}},
}
CHOICES = Choices(regions=({"kind": "background"},), changes=(QUICK,))


class Told:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.notes: list[str] = []
        self.steps = 0

    def stage(self, title: str, steps: int | None) -> Any:
        self.stages.append((title, steps))
        return self.step

    def step(self) -> None:
        self.steps += 1

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "street"
    write_street(root, StreetConfig(width=128, height=96, person_height_px=26, people_per_frame=2), 3, 2, 50, 2, 92)
    return root


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    """Each process gets one thread, however many run at once: sums do not depend on it then."""
    with patch.object(processes, "cores", lambda: 1):
        yield


@dataclass(frozen=True)
class Run:
    """A run of studies: its folder, why rows failed, what was said."""

    out: Path
    failed: dict[str, str]
    told: Told

    def read(self, study: str, row: str) -> dict[str, Any]:
        done: dict[str, Any] = json.loads((self.folder(study, row) / ROW).read_text())
        return done

    def folder(self, study: str, row: str) -> Path:
        return self.out / study / row / "seed0"


@pytest.fixture(scope="module")
def done(street: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two rows of Table 2 at once; then one of Figure 1 that cannot be run, and one that Table 2 has trained."""
    out, told = tmp_path_factory.mktemp("study"), Told()
    rows = ["T3", "T1-3", "ssmtl"]
    failed = run_studies(["table2", "figure1"], "own", street, out, CHOICES, jobs=2, rows=rows, progress=told)
    return Run(out, failed, told)


def untimed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row["measures"].items() if name != "frames_per_second"}


def test_a_row_that_fails_is_told_and_the_others_go_on(done: Run) -> None:
    assert list(done.failed) == ["figure1 ssmtl, seed 0"] and "missing.onnx" in done.failed["figure1 ssmtl, seed 0"]
    assert not (done.folder("figure1", "ssmtl") / ROW).exists()
    assert done.told.stages == [(STUDIES["table2"].title, 2), (STUDIES["figure1"].title, 2)] and done.told.steps == 4
    assert sum("failed: teachers.classifier" in note for note in done.told.notes) == 1
    (line,) = [note for note in done.told.notes if note.startswith("table2 T1-3, seed 0: micro AUC")]
    assert f"{100 * done.read('table2', 'T1-3')['measures']['micro']:.2f} %" in line


def recall(data: OwnDataset, result: Path, overlap: float) -> float:
    """Share of the ground truth's regions that a scored one overlaps enough, in frames that have sequences."""
    hits = []
    for clip in data.test_clips():
        objects, tracks = read_objects(result / clip.name), data.tracks(clip, 92)
        assert tracks is not None
        for frame, box in zip(tracks.frames, tracks.boxes, strict=True):
            if 3 <= frame < 92 - 3:
                found = objects.boxes[objects.frames == frame]
                hits.append(intersection_over_union(found, box).max(initial=0) >= overlap)
    return float(np.mean(hits))


def test_measures_are_those_of_the_scores_and_the_model(street: Path, done: Run) -> None:
    data, row, folder = OwnDataset(street), done.read("table2", "T1-3"), done.folder("table2", "T1-3")
    labels = np.concatenate([data.frame_labels(clip, 92) for clip in data.test_clips()])
    scores = np.concatenate([read_scores(folder / "result" / clip.name).scores for clip in data.test_clips()])
    pairs = scores[labels][:, None] - scores[~labels][None]
    assert row["measures"]["micro"] == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    model = load_model(folder / row["model"])
    assert row["configuration"] == model.configuration.model_dump(mode="json")
    assert row["measures"]["regions"] == sum(model.training["regions"].values()) > 0
    assert row["measures"]["recall_50"] == pytest.approx(recall(data, folder / "result", 0.5))
    assert 0 < row["measures"]["recall_50"] <= row["measures"]["recall_10"]
    assert row["seconds"]["training"] == model.training["seconds"] and row["machine"]["threads"] == 1


def test_a_model_that_two_studies_need_is_trained_once(done: Run) -> None:
    first, second = done.read("table2", "T1-3"), done.read("figure1", "T1-3")
    assert second["model"] == "../../../table2/T1-3/seed0/model" and untimed(second) == untimed(first)
    assert not (done.folder("figure1", "T1-3") / "model").exists()


def test_tables_hold_what_was_measured_and_published(done: Run) -> None:
    measured = done.read("table2", "T1-3")
    lines = (done.out / "table2.md").read_text().splitlines()
    cells = {line.split("`")[1]: [cell.strip() for cell in line.split("|")[2:-1]] for line in lines if "(`" in line}
    assert list(cells) == [row.name for row in STUDIES["table2"].rows]
    assert cells["T1-3"][:2] == [f"{100 * measured['measures']['micro']:.1f}", "90.7"]
    assert cells["T1-3"][-1] == "" and cells["T3+3d"] == ["–", "90.6", "–", "–", "–", "not run"]
    text = "\n".join(lines)
    assert "The paper's numbers are of Avenue, the measured ones of own." in text
    assert "train: epochs 1" in text and "in place of the paper's detectors: background" in text
    assert "teachers" not in text.partition("Settings")[2], "no row asks one"
    rows = list(csv.DictReader(io.StringIO((done.out / "table2.csv").read_text())))
    assert [row["row"] for row in rows] == ["T3", "T1-3"] and rows[1]["published_micro"] == "0.907"
    assert float(rows[1]["micro"]) == measured["measures"]["micro"]
    values = json.loads((done.out / "table2.json").read_text())
    assert values["rows"][3]["seeds"] == {"0": measured} and values["rows"][1]["state"] == "not run"
    figure = (done.out / "figure1.md").read_text()
    assert "failed: teachers.classifier" in figure and "| 50.0 |" in figure
    assert all((done.out / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in ("table2", "figure1"))


def test_one_at_a_time_gives_the_same(street: Path, done: Run, tmp_path: Path) -> None:
    alone = Run(tmp_path, run_studies(["table2"], "own", street, tmp_path, CHOICES, jobs=1, rows=["T3"]), Told())
    assert alone.failed == {} and untimed(alone.read("table2", "T3")) == untimed(done.read("table2", "T3"))


def test_what_is_done_is_not_done_again_and_what_changed_is_refused(street: Path, done: Run) -> None:
    told, row = Told(), done.folder("table2", "T1-3") / ROW
    before = row.stat().st_mtime_ns
    assert run_studies(["table2"], "own", street, done.out, CHOICES, rows=["T1-3"], progress=told) == {}
    assert row.stat().st_mtime_ns == before and told.notes == [] and told.steps == 1
    other = Choices(regions=CHOICES.regions, changes=({**QUICK, "train": {"epochs": 2}},))
    with pytest.raises(OutputError, match=r"configuration\.train\..*epochs.*--overwrite"):
        run_studies(["table2"], "own", street, done.out, other, rows=["T1-3"])
    assert row.stat().st_mtime_ns == before
    # A teacher that a row does not ask, and a row of which nothing is there to be lost, stand in nobody's way.
    mended = Choices(regions=CHOICES.regions, changes=({**QUICK, "teachers": {}},))
    started: list[str] = []
    with patch.object(processes.Runner, "run", lambda self, units, ended: started.extend(map(str, units))):
        run_studies(["figure1"], "own", street, done.out, mended, rows=["T1-3", "ssmtl"])
    assert started == ["figure1 ssmtl, seed 0"]


def test_a_row_that_was_killed_after_its_training_is_only_scored(street: Path, done: Run) -> None:
    folder, before = done.folder("table2", "T3"), done.read("table2", "T3")
    trained = (folder / "model" / DESCRIPTION).stat().st_mtime_ns
    (folder / ROW).unlink()
    assert run_studies(["table2"], "own", street, done.out, CHOICES, rows=["T3"]) == {}
    assert (folder / "model" / DESCRIPTION).stat().st_mtime_ns == trained
    assert done.read("table2", "T3")["measures"] == before["measures"], "clips that were scored are kept"


def test_a_row_that_another_model_scored_in_part_is_scored_anew(street: Path, done: Run) -> None:
    """That of another row that was trained in the same way, not to the last bit."""
    folder, before = done.folder("table2", "T3"), done.read("table2", "T3")
    summary = folder / "result" / "summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"model": "another"}))
    (folder / ROW).unlink()
    assert run_studies(["table2"], "own", street, done.out, CHOICES, rows=["T3"]) == {}
    assert untimed(done.read("table2", "T3")) == untimed(before)


def test_a_row_whose_process_is_killed_is_told_in_the_table(street: Path, tmp_path: Path) -> None:
    killed = patch.object(processes.subprocess, "Popen", partial(_killed, processes.subprocess.Popen))
    with killed:
        failed = run_studies(["table2"], "own", street, tmp_path, CHOICES, rows=["T3"])
    assert "ended with code -9" in failed["table2 T3, seed 0"]
    assert "failed: its process ended with code -9" in (tmp_path / "table2.md").read_text()


def _killed(start: Any, arguments: list[str], **options: Any) -> Any:
    return start([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], **options)


def test_zones_are_told_apart_and_the_version_is(street: Path, tmp_path: Path) -> None:
    tops = {"a": 1.0, "b": 0.5}
    zones = [{"name": name, "kind": "ignore", "points": [[0, 0], [1, 0], [1, top]]} for name, top in tops.items()]
    other = [{**zones[0], "points": [[0, 0], [1, 0], [0.5, 0.5]]}, zones[1]]

    def unit(chosen: list[dict[str, Any]]) -> Unit:
        choices = replace(CHOICES, changes=({**QUICK, "zones": chosen},))
        return plan([STUDIES["table2"]], OwnDataset(street), tmp_path, choices, 1)[0]

    first = unit(zones)
    first.folder.mkdir(parents=True)
    (first.folder / "settings.json").write_text(json.dumps(first.settings))
    (first.folder / ROW).write_text("{}")
    assert first.changed() == unit(zones).changed() == []
    assert all(name.startswith("configuration.zones.0.points") for name in unit(other).changed() or ["none"])
    with patch("ssmtl.studies.units.__version__", "9"):
        assert unit(zones).changed() == ["ssmtl"]


def test_what_is_gathered_for_rows_is_what_their_training_would(street: Path, tmp_path: Path) -> None:
    """With a zone at the picture's edge that is not looked at."""
    points = [[0, 0], [0.1, 0], [0.1, 1], [0, 1]]
    zones = [{"name": "left", "kind": "ignore", "points": points}]
    choices = replace(CHOICES, changes=({**QUICK, "zones": zones},))
    configuration = resolve(STUDIES["table2"].rows[0], STUDIES["table2"], choices, 0)
    clips = OwnDataset(street).train_clips()
    gather(clips, configuration, tmp_path / "sequences", Told())
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "sequences").iterdir()}
    assert len(before) == 2 * len(clips)
    fit(clips, tmp_path / "model", configuration, sequences=tmp_path / "sequences")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "sequences").iterdir()} == before


def test_unknown_rows_and_studies_without_a_detector(street: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--rows T1-3\+T44: unknown; known ones: T1-3, T1-3\+T4"):
        run_studies(["table4"], "own", street, tmp_path, CHOICES, rows=["T1-3+T44"])
    out, err = io.StringIO(), io.StringIO()
    arguments = ["study", "table2", "--dataset", "own", "--root", str(street), "--out", str(tmp_path)]
    said = redirect_stdout(out), redirect_stderr(err)
    with patch("sys.argv", ["ssmtl", *arguments]), said[0], said[1], pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1 and "--detector" in err.getvalue() and "Traceback" not in err.getvalue()
    assert list(tmp_path.iterdir()) == []


def test_small_is_the_first_clips_with_both_labels(tmp_path: Path) -> None:
    root = tmp_path / "street"
    write_street(root, StreetConfig(width=64, height=64), 0, 4, 2, 3, 92)
    rows = ["clip,first,last,kind", "test_01,0,91,all", "test_02,0,91,all", "test_03,5,20,some"]
    (root / "abnormal.csv").write_text("\n".join(rows) + "\n")
    small = Subset(OwnDataset(root))
    assert [clip.name for clip in small.train_clips()] == ["normal_01", "normal_02", "normal_03"]
    assert [clip.name for clip in small.test_clips()] == ["test_01", "test_03"]
    assert small.frame_labels(small.test_clips()[1], 92).sum() == 16 and small.name == "own"


def test_a_row_that_was_killed_in_its_training_is_resumed(street: Path, tmp_path: Path) -> None:
    folder = tmp_path / "table2" / "T3" / "seed0"
    data, table2 = OwnDataset(street), STUDIES["table2"]
    unit = plan([table2], data, tmp_path, CHOICES, 1)[0]
    (folder / "model" / "training").mkdir(parents=True)
    (folder / "model" / "training" / "checkpoint.safetensors").touch()
    (folder / "settings.json").write_text(json.dumps(unit.settings))
    job = worker.Job(folder, "own", street, "full", tmp_path / "sequences", None, torch.get_num_threads())
    assert unit.folder == folder and worker.from_line(worker.as_line(job)) == job
    with pytest.raises(ModelError, match=r"checkpoint.safetensors: is damaged"):
        worker.run_row(job, Told())

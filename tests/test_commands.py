"""The commands as a person runs them: real processes, real files, real kills."""

import io
import json
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from ssmtl import configure, demonstration, find_clips, fit, load_model, open_source, review
from ssmtl.cli.config import LISTS, fields
from ssmtl.cli.configuring import read_configuration
from ssmtl.cli.main import main
from ssmtl.config import read_assignments
from ssmtl.datasets.own import OwnDataset
from ssmtl.datasets.street import StreetConfig, write_street
from ssmtl.detection import detect
from ssmtl.evaluation import evaluate
from ssmtl.metrics.frames import auc
from ssmtl.model import build_network, with_settings
from ssmtl.model_folder import _checksum, save_model
from ssmtl.recipes import RECIPES
from ssmtl.report.page import Page
from ssmtl.results import read_objects, read_scores, read_summary
from ssmtl.scoring.score import TaskScale, calibrate, measure_scales
from ssmtl.tasks.distillation import Distillation
from ssmtl.training.train import Trainer

from .video.clips import write_pictures

QUICK = ["sequences.max_sequences=48", "train.min_steps=0", "train.epochs=1", "train.batch_size=8"]
PLAIN = ["engine.kind=pytorch", "engine.precision=float32"]
"""Nothing is measured before scoring: tests/engine does that."""
GONE = '{kind="onnx", path="gone.onnx"}'


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "ssmtl", *map(str, arguments)]


def run(*arguments: object, file_limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command: in this process, which saves the start, or in its own where its files are to be limited."""
    if file_limit is not None:
        return subprocess.run(
            command(*arguments), capture_output=True, text=True, timeout=300, preexec_fn=lambda: limit(file_limit)
        )
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with patch.object(sys, "argv", ["ssmtl", *map(str, arguments)]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess([], code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


def limit(size: int) -> None:
    """Let this process write no file beyond `size` bytes: what a full disk is to it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def quick(*more: str) -> list[str]:
    return [part for setting in (*QUICK, *PLAIN, *more) for part in ("--set", setting)]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "street"
    write_street(root, StreetConfig(width=160, height=120, person_height_px=30), 3, 2, 70, 2, 100)
    return root


@pytest.fixture(scope="module")
def model(street: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model") / "model"
    done = run("fit", "--dataset", "own", "--root", street, "--out", out, *quick())
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def result(street: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("result") / "result"
    options = ("--dataset", "own", "--root", street, "--model", model, "--out", out, "--overlay", "--plot")
    done = run("detect", *options)
    assert done.returncode == 0, done.stderr
    return out


def one_line_error(done: subprocess.CompletedProcess[str]) -> str:
    """The error that a failed command said: one line, no traceback."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode not in (0, 2) and len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    return lines[0]


def test_the_model_folder_holds_what_it_says_and_nothing_else(model: Path) -> None:
    assert sorted(p.relative_to(model).as_posix() for p in model.rglob("*")) == [
        "calibration.json",
        "model.json",
        "model.safetensors",
        "samples.safetensors",
        "training",
        "training/losses.csv",
        "training/losses.png",
    ]
    description = json.loads((model / "model.json").read_text())
    assert description["configuration"]["sequences"]["max_sequences"] == 48
    assert description["training"]["rate"] > 0
    assert description["training"]["trained_on"] + description["training"]["held_out"] <= 48


def test_a_result_has_a_score_for_each_frame_and_object(street: Path, result: Path) -> None:
    summary = read_summary(result)
    assert list(summary["clips"]) == ["test_01", "test_02"] and not summary["failed"]
    for name, facts in summary["clips"].items():
        scores, objects = read_scores(result / name), read_objects(result / name)
        assert len(scores.scores) == facts["frames"] == 100
        assert np.allclose(scores.time_s, np.arange(100) / 25, atol=1e-3)
        assert facts["peak"]["score"] == pytest.approx(scores.scores.max(), rel=1e-4)
        assert facts["peak"]["frame"] == scores.scores.argmax()
        assert sum(facts["regions"].values()) == len(objects.frames) > 50
        assert objects.kinds == ["arrow_of_time", "motion_irregularity", "middle_box"]
        weights = np.array([summary["weights"][kind] for kind in objects.kinds])
        assert np.allclose(objects.task_scores @ weights / weights.sum(), objects.scores, atol=1e-3)
        assert objects.frames.min() >= 0 and objects.frames.max() <= 99
        assert (objects.boxes[:, 2:] <= [160, 120]).all() and (objects.boxes >= 0).all()
        film = list(open_source(result / name / "overlay.mp4"))
        assert len(film) == 100
        assert (result / name / "scores.png").read_bytes().startswith(b"\x89PNG")


def test_evaluate_prints_what_the_scores_and_labels_say(street: Path, result: Path, tmp_path: Path) -> None:
    data = OwnDataset(street)
    labels = [data.frame_labels(clip, 100) for clip in data.test_clips()]
    scores = [read_scores(result / clip.name).scores for clip in data.test_clips()]
    options = ("--dataset", "own", "--root", street, "--scores", result)
    done = run("evaluate", *options, "--json", "--out", tmp_path / "figures.json")
    printed = json.loads(done.stdout)
    assert printed["frames"]["micro"] == pytest.approx(auc(np.concatenate(labels), np.concatenate(scores)))
    assert printed["frames"]["macro_defined"] == pytest.approx(
        np.mean([auc(*v) for v in zip(labels, scores, strict=True)])
    )
    assert printed["settings"]["recipe"] == "fast"
    assert json.loads((tmp_path / "figures.json").read_text()) == printed
    table = run("evaluate", *options).stdout
    assert f"{100 * printed['frames']['micro']:.2f}" in table and "gaussian_frames 6.0" in table
    for given in (
        ("--dataset", "own", "--root", street, "--regions", result),
        ("--tracks", street / "tracks", "--regions", result, "--frames", "200"),
    ):
        other = run("evaluate", *given, "--json")
        assert json.loads(other.stdout)["settings"] == printed["settings"]


def test_a_killed_training_resumes_to_the_same_weights(street: Path, tmp_path: Path) -> None:
    options = ["fit", street / "normal", *quick("train.epochs=3", "train.checkpoint_s=0")]
    whole = run(*options, "--out", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr

    out = tmp_path / "killed"
    checkpoint = out / "training" / "checkpoint.safetensors"
    process = subprocess.Popen(command(*options, "--out", out), stderr=subprocess.DEVNULL)
    written: set[int] = set()
    while len(written) < 4 and process.poll() is None:
        if checkpoint.exists():
            written.add(checkpoint.stat().st_mtime_ns)
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the training was over before it could be killed"
    assert not (out / "model.json").exists()

    assert "--resume" in one_line_error(run(*options, "--out", out))
    assert "other settings" in one_line_error(run(*options, "--set", "seed=9", "--out", out, "--resume"))
    resumed = run(*options, "--out", out, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    for name in ("model.safetensors", "training/losses.csv"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not checkpoint.exists() and not list(out.rglob("*.part*"))


class TestTeacher:
    """A student: `fit --recipe ssmtlpp-lite --teacher MODEL`."""

    def fit(self, street: Path, out: Path, *options: object) -> subprocess.CompletedProcess[str]:
        return run("fit", street / "normal", "--recipe", "ssmtlpp-lite", "--out", out, *quick(), *options)

    def test_it_scores_without_its_teacher(self, street: Path, model: Path, tmp_path: Path) -> None:
        teacher = shutil.copytree(model, tmp_path / "teacher")
        done = self.fit(street, tmp_path / "lite", "--teacher", teacher)
        assert done.returncode == 0, done.stderr
        shutil.rmtree(teacher)
        lite, known = load_model(tmp_path / "lite"), load_model(model)
        assert lite.training["imitated"] == {"recipe": "fast", "identity": known.identity}
        assert lite.configuration.recipe == "ssmtlpp-lite" and lite.configuration.backbone.width == "tapered"
        assert lite.configuration.detectors == known.configuration.detectors
        assert lite.training["held_out_clips"] == known.training["held_out_clips"]
        clip = street / "test" / "test_01.mp4"
        done = run("detect", clip, "--model", tmp_path / "lite", "--out", tmp_path / "result", "--frames", ":30")
        assert done.returncode == 0, done.stderr
        objects = read_objects(tmp_path / "result" / "test_01")
        assert objects.kinds == ["arrow_of_time", "motion_irregularity", "middle_box"] and len(objects.frames) > 0

    def test_without_one_it_is_told_what_to_do_and_nothing_is_left(self, street: Path, tmp_path: Path) -> None:
        error = one_line_error(self.fit(street, tmp_path / "lite"))
        assert "train.imitation.teacher" in error and "--teacher" in error and not (tmp_path / "lite").exists()
        missing = one_line_error(self.fit(street, tmp_path / "lite", "--teacher", tmp_path / "none"))
        assert "no such model folder" in missing and not (tmp_path / "lite").exists()

    def test_other_colours_than_the_teachers(self, street: Path, model: Path, tmp_path: Path) -> None:
        wrong = self.fit(street, tmp_path / "lite", "--teacher", model, "--set", "sequences.colour=grey")
        assert "sequences.colour" in one_line_error(wrong) and not (tmp_path / "lite").exists()

    def test_a_killed_run_goes_on_with_the_same_teacher_alone(
        self, street: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Killed after its first epoch; the teacher may have moved, but must be the same one."""
        more = ("--set", "train.epochs=2", "--teacher")
        assert self.fit(street, tmp_path / "whole", *more, model).returncode == 0
        with monkeypatch.context() as patched:
            patched.setattr(Trainer, "_end_epoch", _killed_after_one(Trainer._end_epoch))
            with pytest.raises(KeyboardInterrupt):
                configuration = read_configuration("ssmtlpp-lite", None, [*QUICK, "train.epochs=2"], None, None, model)
                fit(find_clips([street / "normal"]), tmp_path / "lite", configuration)
        other = shutil.copytree(model, tmp_path / "other")
        wrong = replace(load_model(model))
        with torch.no_grad():
            next(wrong.network.parameters()).add_(1)
        save_model(wrong, other)
        assert "other settings" in one_line_error(self.fit(street, tmp_path / "lite", "--resume", *more, other))
        moved = shutil.copytree(model, tmp_path / "moved")
        done = self.fit(street, tmp_path / "lite", "--resume", *more, moved)
        assert done.returncode == 0, done.stderr
        weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "lite")]
        assert weights[0] == weights[1]


class TestNetwork:
    """A trained network that is kept: `fit --network MODEL`."""

    def fit(self, street: Path, out: Path, *options: object) -> subprocess.CompletedProcess[str]:
        return run("fit", street / "normal", "--out", out, *options)

    def test_without_a_recipe_it_is_the_same_model(self, street: Path, model: Path, tmp_path: Path) -> None:
        done = self.fit(street, tmp_path / "again", "--network", model)
        assert done.returncode == 0 and "the network of" in done.stderr and "training on" not in done.stderr, (
            done.stderr
        )
        known, again = load_model(model), load_model(tmp_path / "again")
        assert (again.identity, again.scales) == (known.identity, known.scales)
        values = again.configuration.model_dump(mode="json", exclude={"sequences": {"colour"}})
        assert values == known.configuration.model_dump(mode="json", exclude={"sequences": {"colour"}})
        assert again.threshold() == known.threshold() and again.training["losses"] == known.training["losses"]
        assert again.training["network"] == {"recipe": "fast", "identity": known.identity}

    def test_how_many_are_scored_at_once_says_nothing_of_what_tasks_are_worth(
        self, street: Path, model: Path, tmp_path: Path
    ) -> None:
        done = self.fit(street, tmp_path / "again", "--network", model, "--set", "scoring.batch=1")
        assert done.returncode == 0, done.stderr
        known, again = load_model(model).scales, load_model(tmp_path / "again").scales
        for kind, scale in known.items():
            assert again[kind].weight == pytest.approx(scale.weight, rel=1e-3), kind

    def test_a_training_set_that_is_to_be_kept_stays(self, street: Path, model: Path, tmp_path: Path) -> None:
        """Also where `fit` would put its own."""
        kept = tmp_path / "out" / "training" / "sequences"
        done = self.fit(street, tmp_path / "out", "--network", model, "--sequences", kept)
        assert done.returncode == 0 and list(kept.glob("*.sequences.npy")), done.stderr

    def test_another_recipe_measures_what_it_adds(self, street: Path, model: Path, tmp_path: Path) -> None:
        done = self.fit(street, tmp_path / "plus", "--network", model, "--recipe", "ssmtl-plus", "--set", PLAIN[0])
        assert done.returncode == 0, done.stderr
        known, plus = load_model(model), load_model(tmp_path / "plus")
        assert plus.identity == known.identity and plus.configuration.recipe == "ssmtl-plus"
        assert plus.usual is not None and {"motion_pattern", "stature"} < plus.scales.keys()
        # What was cut is what the network was trained on, whatever the recipe would cut.
        assert plus.training["sequences"] == known.training["sequences"] <= 48
        clip = street / "test" / "test_01.mp4"
        done = run("detect", clip, "--model", tmp_path / "plus", "--out", tmp_path / "result")
        assert done.returncode == 0, done.stderr
        assert len(read_objects(tmp_path / "result" / "test_01").kinds) == 5
        # What is usual is known in pixels.
        other = write_pictures(tmp_path / "smaller")
        done = run("detect", other, "--model", tmp_path / "plus", "--out", tmp_path / "small")
        assert done.returncode and f"{other}: pictures of 96×64" in done.stderr and "160×120" in done.stderr
        # What the weights learnt from stays, whatever footage the rest was measured on.
        more = run("fit", street / "test", "--out", tmp_path / "more", "--network", tmp_path / "plus")
        assert more.returncode == 0, more.stderr
        measured = load_model(tmp_path / "more").training
        assert measured["learnt"] == known.training["learnt"] and measured["clips"] != known.training["clips"]
        # One whose attributes another version measured is of use for its network alone.
        path = tmp_path / "plus" / "model.json"
        description = json.loads(path.read_text()) | {"format": 12}
        path.write_text(json.dumps(description | {"checksum": _checksum(description)}))
        options = ("--model", tmp_path / "plus", "--out", tmp_path / "other")
        error = one_line_error(run("detect", clip, *options))
        assert f"--network {tmp_path / 'plus'}" in error
        assert self.fit(street, tmp_path / "new", "--network", tmp_path / "plus").returncode == 0
        assert load_model(tmp_path / "new").scales == plus.scales

    def test_fewer_tasks_need_fewer_heads(self, street: Path, model: Path, tmp_path: Path) -> None:
        done = self.fit(street, tmp_path / "few", "--network", model, "--tasks", "T2+T3", *quick())
        assert done.returncode == 0, done.stderr
        few, known = load_model(tmp_path / "few").network.state_dict(), load_model(model).network.state_dict()
        assert len(few) < len(known) and all(torch.equal(known[name], value) for name, value in few.items())

    def test_what_only_training_needs_is_not_asked_for(self, street: Path, model: Path, tmp_path: Path) -> None:
        """A network that a teacher taught is kept where the teacher is no longer at hand."""
        known = load_model(model)
        gone = configure("fast", read_assignments(["teachers.classifier=" + GONE])).teachers
        tasks = (*known.configuration.tasks, Distillation())
        taught = known.configuration.model_copy(update={"tasks": tasks, "teachers": gone})
        network = build_network(taught, known.picture_channels)
        scales = known.scales | {"distillation": TaskScale(0.1, 0.2)}
        save_model(replace(known, configuration=taught, network=network, scales=scales), tmp_path / "taught")
        done = self.fit(street, tmp_path / "anew", "--network", tmp_path / "taught", "--tasks", "T2+T4", *quick())
        assert done.returncode == 0, done.stderr
        assert set(load_model(tmp_path / "anew").scales) == {"motion_irregularity", "distillation"}
        trained = self.fit(street, tmp_path / "trained", "--tasks", "T2+T4", *quick("teachers.classifier=" + GONE))
        assert "gone.onnx" in one_line_error(trained)

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            (("--set", "backbone.width=wide"), "backbone.width"),
            (("--set", "sequences.padding=0"), "sequences.padding"),
            (("--set", "sequences.colour=grey"), "sequences.colour"),
            (("--tasks", "T1+T6"), "inpainting"),
            (("--config", "changes.toml"), "tasks.motion_irregularity.max_step"),
            (("--teacher", "changes.toml"), "--network"),
        ],
    )
    def test_what_weights_rest_on_stays_as_it_was(
        self, options: tuple[str, ...], field: str, street: Path, model: Path, tmp_path: Path
    ) -> None:
        file = tmp_path / "changes.toml"
        file.write_text("[tasks.motion_irregularity]\nmax_step = 2\n")
        given = [str(file) if option == file.name else option for option in options]
        done = self.fit(street, tmp_path / "new", "--network", model, *given)
        assert field in one_line_error(done) and not (tmp_path / "new").exists()

    def test_no_model(self, street: Path, tmp_path: Path) -> None:
        done = self.fit(street, tmp_path / "new", "--network", tmp_path / "none")
        assert "no such model folder" in one_line_error(done) and not (tmp_path / "new").exists()


def _killed_after_one(end_epoch: Callable[..., object]) -> Callable[..., object]:
    calls = 0

    def end(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise KeyboardInterrupt
        return end_epoch(*arguments)

    return end


def test_the_same_seed_gives_the_same_model_and_another_another(street: Path, tmp_path: Path) -> None:
    clips = find_clips([street / "normal"])
    settings = [
        configure("fast", {"seed": s, "train": {"min_steps": 0}, "sequences": {"max_sequences": 40}}) for s in (1, 1, 2)
    ]
    for name, configuration in zip("abc", settings, strict=True):
        fit(clips, tmp_path / name, configuration)
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_detect_keeps_finished_clips_when_resumed(street: Path, model: Path, tmp_path: Path) -> None:
    data = OwnDataset(street)
    out = tmp_path / "result"
    detect(data.test_clips()[:1], model, out)
    before = (out / "test_01" / "scores.csv").stat().st_mtime_ns
    detect(data.test_clips(), model, out, resume=True)
    assert (out / "test_01" / "scores.csv").stat().st_mtime_ns == before
    assert len(evaluate(data, out).frames.per_video) == 2


def test_parts_of_a_clip_are_numbered_from_0_and_keep_their_times(street: Path, model: Path, tmp_path: Path) -> None:
    clip = street / "test" / "test_01.mp4"
    done = run("detect", clip, "--model", model, "--out", tmp_path / "r", "--frames", "40:80")
    assert done.returncode == 0, done.stderr
    scores = read_scores(tmp_path / "r" / "test_01")
    assert len(scores.scores) == 40 and scores.time_s[0] == pytest.approx(1.6)


def test_scoring_can_be_changed_after_training_but_not_what_weights_rest_on(
    street: Path, model: Path, tmp_path: Path
) -> None:
    clip = street / "test" / "test_01.mp4"
    run("detect", clip, "--model", model, "--out", tmp_path / "plain", "--set", "scoring.combine=plain")
    objects = read_objects(tmp_path / "plain" / "test_01")
    assert ((objects.task_scores[:, 0] >= 0) & (objects.task_scores[:, 0] <= 1)).all()
    wrong = run("detect", clip, "--model", model, "--out", tmp_path / "r", "--set", "backbone.width=wide")
    assert "backbone" in one_line_error(wrong)


def _text(path: Path) -> Path:
    path.write_text("no video")
    return path


def _empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


BAD_FOOTAGE = {
    "missing": (lambda d, s: d / "nothing.mp4", "nothing.mp4"),
    "empty": (lambda d, s: _empty(d / "empty.mp4"), "empty.mp4"),
    "no video": (lambda d, s: _text(d / "text.mp4"), "text.mp4"),
    "no pictures": (lambda d, s: _folder(d / "folder"), "folder"),
}


@pytest.mark.parametrize("case", BAD_FOOTAGE)
@pytest.mark.parametrize("what", ["fit", "detect"])
def test_bad_footage_is_one_line_that_names_it(case: str, what: str, street: Path, model: Path, tmp_path: Path) -> None:
    make, name = BAD_FOOTAGE[case]
    more = ["--model", model] if what == "detect" else []
    done = run(what, make(tmp_path, street), "--out", tmp_path / "out", *more)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert name in done.stderr
    assert not list((tmp_path / "out").glob("*/scores.csv")) and not (tmp_path / "out" / "model.json").exists()


def test_a_clip_of_fewer_than_seven_frames(street: Path, model: Path, tmp_path: Path) -> None:
    clip = street / "test" / "test_01.mp4"
    done = run("detect", clip, "--frames", "0:6", "--model", model, "--out", tmp_path / "out")
    assert done.returncode == 1 and "6 frames" in done.stderr
    short = run("fit", clip, "--frames", "0:20", "--out", tmp_path / "model")
    assert "at least 25 frames" in one_line_error(short)


def test_footage_in_which_nothing_moves(street: Path, tmp_path: Path) -> None:
    from ssmtl.video.writer import VideoWriter

    with VideoWriter(tmp_path / "still.mp4", 64, 48, 25) as film:
        for _ in range(40):
            film.write(np.full((48, 64, 3), 90, np.uint8))
    assert "nothing moves" in one_line_error(run("fit", tmp_path / "still.mp4", "--out", tmp_path / "model"))


def test_a_bad_clip_among_good_ones_is_told_and_skipped(street: Path, model: Path, tmp_path: Path) -> None:
    bad, good = _text(tmp_path / "bad.mp4"), street / "test" / "test_01.mp4"
    done = run("detect", bad, good, "--model", model, "--out", tmp_path / "out")
    assert done.returncode == 3 and "bad.mp4" in done.stderr
    assert list(read_summary(tmp_path / "out")["failed"]) == ["bad"]
    assert len(read_scores(tmp_path / "out" / "test_01").scores) == 100
    normal = sorted((street / "normal").iterdir())
    done = run("fit", bad, *normal, "--out", tmp_path / "model", *quick())
    assert done.returncode == 3 and "bad.mp4" in done.stderr
    assert len(load_model(tmp_path / "model").training["clips"]) == 2


CONFIGURATIONS = {
    "unknown field": (["--set", "train.speed=9"], "train.speed"),
    "out of range": (["--set", "train.epochs=0"], "train.epochs"),
    "wrong type": (["--set", "scoring.every=often"], "scoring.every"),
    "unknown recipe": (["--recipe", "slow"], "fast"),
    "no equals": (["--set", "train.epochs"], "train.epochs"),
    "unknown part": (["--set", "tasks.juggling.x=1"], "juggling"),
    "unknown regions": (["--regions", "nowhere"], "nowhere"),
    "no such file": (["--config", "nothing.toml"], "nothing.toml"),
    "bad frames": (["--frames", "9:3"], "9:3"),
    "root without dataset": (["--root", "."], "--dataset"),
}


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_a_bad_configuration_is_one_line_that_names_the_field(case: str, street: Path, tmp_path: Path) -> None:
    options, name = CONFIGURATIONS[case]
    error = one_line_error(run("fit", street / "normal", "--out", tmp_path / "model", *options))
    assert name in error
    assert not (tmp_path / "model").exists()


def test_outputs_that_exist_are_left_alone(street: Path, model: Path, result: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for folder in (model, result) for path in folder.rglob("*")}
    clip = street / "test" / "test_01.mp4"
    assert "--overwrite" in one_line_error(run("fit", street / "normal", "--out", model))
    assert "--overwrite" in one_line_error(run("detect", clip, "--model", model, "--out", result))
    own = tmp_path / "video" / "video.mp4"
    own.parent.mkdir()
    shutil.copy(clip, own)
    wrong = run("detect", own, "--model", model, "--out", tmp_path, "--overwrite")
    assert "holds the footage itself" in one_line_error(wrong) and own.is_file()
    failed = run("fit", street / "normal" / "nothing.mp4", "--out", model, "--overwrite")
    assert "nothing.mp4" in one_line_error(failed)
    assert {path: path.stat().st_mtime_ns for folder in (model, result) for path in folder.rglob("*")} == before


def test_a_folder_that_cannot_be_written(street: Path, model: Path, tmp_path: Path) -> None:
    blocker = _text(tmp_path / "file")
    clip = street / "test" / "test_01.mp4"
    assert str(blocker) in one_line_error(run("fit", street / "normal", "--out", blocker / "model"))
    assert str(blocker) in one_line_error(run("detect", clip, "--model", model, "--out", blocker / "out"))
    assert str(blocker) in one_line_error(run("detect", clip, "--model", model, "--out", blocker))


def test_a_full_disk_is_an_error_and_leaves_no_halves(street: Path, model: Path, tmp_path: Path) -> None:
    done = run("fit", street / "normal", "--out", tmp_path / "model", *quick(), file_limit=1 << 20)
    assert "cannot be written" in one_line_error(done)
    assert not (tmp_path / "model" / "model.json").exists() and not list(tmp_path.rglob("*.part*"))
    clip = street / "test" / "test_01.mp4"
    done = run("detect", clip, "--model", model, "--out", tmp_path / "out", file_limit=2000)
    assert "cannot be written" in one_line_error(done)
    assert not (tmp_path / "out" / "test_01").exists()


def test_models_that_are_not_whole(street: Path, model: Path, tmp_path: Path) -> None:
    clip = street / "test" / "test_01.mp4"
    assert "nowhere" in one_line_error(run("detect", clip, "--model", tmp_path / "nowhere", "--out", tmp_path / "o"))
    copy = _folder(tmp_path / "copy")
    (copy / "model.json").write_bytes((model / "model.json").read_bytes())
    assert "model.safetensors" in one_line_error(run("detect", clip, "--model", copy, "--out", tmp_path / "o"))
    assert not (tmp_path / "o").exists()


def test_annotations_that_do_not_fit(street: Path, result: Path, tmp_path: Path) -> None:
    lonely = tmp_path / "lonely"
    (lonely / "test_01").mkdir(parents=True)
    options = ("--dataset", "own", "--root", street)
    assert "scores.csv" in one_line_error(run("evaluate", *options, "--scores", lonely))
    (lonely / "test_01" / "scores.csv").write_text("frame,score\n0,0.5\n2,0.1\n")
    assert "line 3" in one_line_error(run("evaluate", *options, "--scores", lonely))
    assert "unknown; known ones" in one_line_error(
        run("evaluate", "--dataset", "mars", "--root", street, "--scores", result)
    )


def test_wrong_usage_is_exit_code_2_with_help() -> None:
    done = run("detect", "--no-such-option")
    assert done.returncode == 2 and "no-such-option" in done.stderr


@pytest.mark.parametrize("recipe", RECIPES)
def test_config_prints_names_that_set_takes(recipe: str) -> None:
    configuration = configure(recipe, {"tasks": [{"kind": "jigsaw"}, {"kind": "motion_irregularity"}]})
    rows = fields(configuration)
    some = {"train.epochs", "engine.kind", "tasks.motion_irregularity.max_step", "tasks.jigsaw.asked"}
    assert some <= {row[0] for row in rows}
    assignments = [f"{name}={json.dumps(value)}" for name, value, _ in rows if value is not None and name not in LISTS]
    tasks = {"tasks": configuration.model_dump(mode="json")["tasks"]}
    assert configure(recipe, tasks, read_assignments(assignments)) == configuration
    shown = run("config", "--recipe", recipe, "--tasks", "T8+T2")
    assert shown.returncode == 0 and max(map(len, shown.stdout.splitlines())) < 400
    assert [re.split("[:=]", line.lstrip("# "))[0].strip() for line in shown.stdout.splitlines()] == [
        row[0] for row in rows
    ]


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_config_prints_is_a_file_for_config(recipe: str, tmp_path: Path) -> None:
    """Which names its recipe, and shows parts without fields."""
    printed = run("config", "--recipe", recipe).stdout
    (tmp_path / "c.toml").write_text(printed)
    again = run("config", "--config", tmp_path / "c.toml", "--json")
    assert json.loads(again.stdout) == configure(recipe).model_dump(mode="json")
    tasks = ", ".join(task.kind for task in configure(recipe).tasks)
    assert f"# tasks: {tasks}\n" in printed


def test_a_recipe_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('recipe = "ssmtl"\n[train]\nepochs = 7\n')
    chosen = json.loads(run("config", "--config", tmp_path / "c.toml", "--json").stdout)
    assert chosen == configure("ssmtl", {"train": {"epochs": 7}}).model_dump(mode="json")
    assert run("config", "--config", tmp_path / "c.toml", "--recipe", "ssmtl").returncode == 0
    both = one_line_error(run("config", "--config", tmp_path / "c.toml", "--recipe", "fast"))
    assert "c.toml: recipe is 'ssmtl', but --recipe says fast" in both
    (tmp_path / "c.toml").write_text('recipe = "banana"\n')
    assert "banana" in one_line_error(run("config", "--config", tmp_path / "c.toml"))
    assert "--recipe" in one_line_error(run("config", "--set", "recipe=ssmtl"))


def test_config_shows_what_was_changed() -> None:
    printed = json.loads(run("config", "--json", "--set", "train.epochs=7").stdout)
    assert printed == configure("fast", {"train": {"epochs": 7}}).model_dump(mode="json")
    assert "train.epochs = 7" in run("config", "--set", "train.epochs=7").stdout


def test_results_of_other_frames_are_not_compared_with_labels(street: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "part"
    options = ("--dataset", "own", "--root", street)
    assert run("detect", *options, "--model", model, "--out", out, "--frames", "20:").returncode == 0
    assert "part of the clip" in one_line_error(run("evaluate", *options, "--scores", out))
    files = ("--tracks", street / "tracks", "--regions", out, "--frames", 400)
    assert "test_01: holds a part of the clip only" in one_line_error(run("evaluate", *files))
    for place in (out, out / "test_02", out / "test_02" / "regions.csv"):
        converted = run("convert", place, "--what", "regions", "--to", "text", "--out", tmp_path / "text")
        assert "part of the clip only" in one_line_error(converted)
    found = one_line_error(
        run("detect", street / "test", "--model", model, "--out", tmp_path / "again", "--regions", out)
    )
    assert "part of the clip only" in found and not (tmp_path / "again").exists()
    clip = street / "test" / "test_01.mp4"
    assert run("detect", clip, "--model", model, "--out", out, "--overwrite").returncode == 0
    assert "test_02" in one_line_error(run("evaluate", *options, "--scores", out)), "left over from another run"


def test_resume_replaces_nothing_by_other_frames(street: Path, model: Path, tmp_path: Path) -> None:
    clip, out = street / "test" / "test_01.mp4", tmp_path / "result"
    options = ("detect", clip, "--model", model, "--out", out)
    assert run(*options).returncode == 0
    (out / ".test_01.killed.part").mkdir()
    assert "other frames of the clip" in one_line_error(run(*options, "--resume", "--frames", "0:20"))
    assert len(read_scores(out / "test_01").scores) > 20
    assert run(*options, "--resume").returncode == 0
    assert not (out / ".test_01.killed.part").exists()


def test_what_failed_leaves_nothing_of_before(street: Path, model: Path, tmp_path: Path) -> None:
    clip, out = tmp_path / "test_01.mp4", tmp_path / "result"
    shutil.copy(street / "test" / "test_01.mp4", clip)
    assert run("detect", clip, "--model", model, "--out", out).returncode == 0
    clip.write_bytes(b"no video")
    assert run("detect", clip, "--model", model, "--out", out, "--resume").returncode == 1
    assert not (out / "test_01").exists() and read_summary(out)["clips"] == {}


def test_resume_does_not_take_other_footage_for_the_same(street: Path, model: Path, tmp_path: Path) -> None:
    other = tmp_path / "test_01.mp4"
    other.write_bytes((street / "normal" / "normal_01.mp4").read_bytes())
    out = tmp_path / "result"
    run("detect", street / "test" / "test_01.mp4", "--model", model, "--out", out)
    assert run("detect", other, "--model", model, "--out", out, "--resume").returncode == 0
    assert len(read_scores(out / "test_01").scores) == 70
    assert run("detect", other, "--model", model, "--out", out, "--resume", "--plot").returncode == 0
    assert (out / "test_01" / "scores.png").exists()


def test_boxes_of_a_file_join_motion_and_are_not_taken_for_another_clip(
    street: Path, model: Path, result: Path, tmp_path: Path
) -> None:
    clip = street / "test" / "test_02.mp4"
    options = ("detect", clip, "--model", model, "--out", tmp_path / "out")
    done = run(*options, "--regions", f"{result}+background")
    assert done.returncode == 0, done.stderr
    origins = read_summary(tmp_path / "out")["clips"]["test_02"]["regions"]
    assert origins["boxes"] == len(read_objects(result / "test_02").frames)
    boxes = _text(tmp_path / "test_01.csv")
    boxes.write_text("frame,x_min,y_min,x_max,y_max\n5,10,10,20,30\n")
    wrong = run(*options, "--overwrite", "--regions", boxes)
    assert wrong.returncode == 1 and "test_01.csv" in wrong.stderr and "column 'clip'" in wrong.stderr


def test_training_that_diverges_is_an_error_and_leaves_no_model(street: Path, tmp_path: Path) -> None:
    done = run("fit", street / "normal", "--out", tmp_path / "m", *quick("train.learning_rate=1e30"))
    assert "train.learning_rate" in one_line_error(done) and not (tmp_path / "m" / "model.json").exists()


def test_a_device_that_is_not_there(street: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = run("fit", street / "normal", "--out", tmp_path / "m", *quick("train.accelerator=cuda"))
    assert "train.accelerator=cuda" in one_line_error(done)


def test_demo_tells_what_it_found_and_writes_one_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TRAIN_CLIPS": 1, "TRAIN_FRAMES": 80, "TEST_CLIPS": 1, "TEST_FRAMES": 100}.items():
        monkeypatch.setattr(demonstration, name, value)
    settings = {"sequences": {"max_sequences": 24}, "train": {"epochs": 1, "min_steps": 0, "batch_size": 8}}
    monkeypatch.setattr(demonstration, "demo_configuration", lambda: configure("fast", settings))
    done = run("demo", "--out", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    labels = OwnDataset(tmp_path / "demo" / "street").frame_labels(find_clips([tmp_path / "demo/street/test"])[0], 100)
    scores = read_scores(tmp_path / "demo" / "result" / "test_01").scores
    assert ("found" if labels[scores.argmax()] else "missed") in done.stderr and "running" in done.stderr
    page = (tmp_path / "demo" / "report.html").read_text()
    assert "test_01" in page and "data:image/" in page and 'src="http' not in page
    assert "--overwrite" in one_line_error(run("demo", "--out", tmp_path / "demo"))


def test_the_library_calls_take_plain_strings(street: Path, model: Path, tmp_path: Path) -> None:
    done = detect(find_clips([str(street / "test")])[:1], str(model), str(tmp_path / "result"))
    assert list(done.clips) == ["test_01"]
    review(str(tmp_path / "result"), str(tmp_path / "page.html"))
    assert (tmp_path / "page.html").stat().st_size > 5000


def test_a_report_of_plain_means_tells_reasons_as_events_do(
    street: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the scale of normal footage; of the means it says that they are on none."""
    used = with_settings(load_model(model), {"scoring": {"combine": "plain"}})
    detect(find_clips([str(street / "test")])[:1], used, tmp_path / "result")
    pages: list[Page] = []
    monkeypatch.setattr("ssmtl.result_page.write_page", lambda path, page: pages.append(page))
    review(tmp_path / "result", tmp_path / "page.html")
    monkeypatch.undo()
    objects = read_objects(tmp_path / "result" / "test_01")
    expected = calibrate(objects.task_scores.astype(np.float32), objects.kinds, used.scales)
    (clip,) = pages[0].clips
    shown = [np.nanmax(curve) for curve in clip.task_scores.values()]
    assert np.allclose(shown, expected.max(axis=0), rtol=1e-4, atol=1e-4) and not pages[0].on_scale
    review(tmp_path / "result", tmp_path / "page.html")
    assert "plain means of the tasks" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_regions_shows_where_a_recipe_looks_and_how_much_it_misses(street: Path, tmp_path: Path) -> None:
    """The street's tracks as ground truth, and the same tracks as detections: nothing is missed."""
    root = tmp_path / "street"
    root.mkdir()
    for part in ("normal", "test"):
        (root / part).symlink_to(street / part)
    truth, boxes = ["clip,first,last,x_min,y_min,x_max,y_max"], ["clip,frame,x_min,y_min,x_max,y_max"]
    for track in sorted((street / "tracks").iterdir()):
        for row in track.read_text().splitlines():
            _, frame, x_min, y_min, x_max, y_max = map(int, row.split(","))
            box = f"{x_min},{y_min},{x_max + 1},{y_max + 1}"
            truth.append(f"{track.stem},{frame},{frame},{box}")
            boxes.append(f"{track.stem},{frame},{box}")
    (root / "abnormal.csv").write_text("\n".join(truth))
    (tmp_path / "boxes.csv").write_text("\n".join(boxes))
    data = ("--dataset", "own", "--root", root)
    done = run("regions", *data, "--regions", tmp_path / "boxes.csv", "--out", tmp_path / "perfect")
    assert done.returncode == 0, done.stderr
    assert f"share of {len(truth) - 1} ground-truth regions" in done.stdout and "100.0 %" in done.stdout
    out = tmp_path / "motion"
    done = run("regions", *data, "--regions", "motion", "--out", out)
    assert done.returncode == 0, done.stderr
    summary = json.loads((out / "summary.json").read_text())
    total = summary["total"]
    assert total["frames"] == 200 and total["ground_truth_regions"] == len(truth) - 1
    assert total["recall"]["0.1"] > 0.5 and set(total["ms_per_frame"]) == {"background", "flow"}
    for name, facts in summary["clips"].items():
        cells = next(line.split() for line in done.stdout.splitlines() if line.split()[:1] == [name])
        assert cells[1:4] == ["100", str(facts["regions"]["background"]), str(facts["regions"]["flow"])]
        assert f"{100 * facts['recall']['0.5']:.1f}" in cells
        assert len(list(open_source(out / name / "regions.mp4"))) == 100
    assert "--overwrite" in one_line_error(run("regions", *data, "--out", out))


def test_regions_of_training_clips_of_files_and_of_a_model(street: Path, model: Path, tmp_path: Path) -> None:
    data = ("--dataset", "own", "--root", street)
    done = run("regions", *data, "--part", "train", "--frames", "0:20", "--out", tmp_path / "train")
    assert done.returncode == 0 and "recall" not in done.stdout, done.stderr
    assert list(read_summary(tmp_path / "train")["clips"]) == ["normal_01", "normal_02"]

    clip, bad = street / "test" / "test_01.mp4", _text(tmp_path / "bad.mp4")
    done = run("regions", bad, clip, "--frames", "30:60", "--recipe", "fast", "--out", tmp_path / "files")
    assert done.returncode == 3 and "bad.mp4" in done.stderr
    assert list(read_summary(tmp_path / "files")["failed"]) == ["bad"]

    options = ("regions", clip, "--frames", "30:60", "--model", model, "--out", tmp_path / "model")
    assert run(*options, "--set", "detectors.flow.min_magnitude=2").returncode == 0
    detectors = read_summary(tmp_path / "model")["detectors"]
    assert [part["kind"] for part in detectors] == ["background", "flow"] and detectors[1]["min_magnitude"] == 2
    assert run(*options, "--overwrite", "--regions", "flow").returncode == 0
    assert [part["kind"] for part in read_summary(tmp_path / "model")["detectors"]] == ["flow"]
    assert "backbone" in one_line_error(run(*options, "--overwrite", "--set", "backbone.width=wide"))


def test_other_regions_of_a_papers_recipe_are_as_the_papers_have_them(tmp_path: Path) -> None:
    (tmp_path / "yolo.onnx").touch()
    chosen = read_configuration("ssmtl", None, [], f"{tmp_path / 'yolo.onnx'}+flow")
    assert chosen.detectors[1] == RECIPES["ssmtlpp-v1"]().detectors[1]
    assert chosen.detectors[0].min_confidence == 0.8
    assert read_configuration("ssmtlpp-v1", None, [], "torchvision+flow").detectors[0].min_confidence == 0.8
    assert read_configuration("fast", None, [], "torchvision").detectors[0].min_confidence == 0.5
    assert read_configuration("fast", None, [], "motion").detectors == RECIPES["fast"]().detectors


def test_a_recipe_beside_a_model_is_refused(street: Path, model: Path, tmp_path: Path) -> None:
    both = ("--recipe", "ssmtl-plus", "--model", model, "--out", tmp_path / "out")
    assert "has its own" in one_line_error(run("regions", street / "test", *both))
    assert "has its own" in one_line_error(run("bench", *both))


def test_regions_refuses_what_it_cannot_use(street: Path, tmp_path: Path) -> None:
    clip = street / "test" / "test_01.mp4"
    assert "nothing.mp4" in one_line_error(run("regions", tmp_path / "nothing.mp4", "--out", tmp_path / "out"))
    assert "nowhere" in one_line_error(run("regions", clip, "--regions", "nowhere", "--out", tmp_path / "out"))
    assert "nowhere" in one_line_error(run("regions", clip, "--model", tmp_path / "nowhere", "--out", tmp_path / "out"))
    assert run("regions", clip, "--part", "half").returncode == 2
    done = run("regions", clip, "--frames", "0:20", "--out", tmp_path / "out", file_limit=2000)
    assert "cannot be written" in one_line_error(done)
    assert not (tmp_path / "out" / "test_01").exists() and not list(tmp_path.rglob("*.part*"))


def test_explain_writes_sheets_of_the_worst_objects(street: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    # Every object is looked at: along a track, the highest mean may else be of a frame between.
    options = ("detect", "--dataset", "own", "--root", street, "--model", model, "--out", out, "--every", 1)
    done = run(*options, "--explain", 3)
    assert done.returncode == 0 and "3 most unusual objects" in done.stderr, done.stderr
    explained = read_summary(out)["explained"]
    assert len(explained) == 3 and sorted((out / "explain").iterdir()) == sorted(
        [out / "explain" / "index.png", *(out / one["file"] for one in explained)]
    )
    objects = {name: read_objects(out / name) for name in ("test_01", "test_02")}
    for one in explained:
        mine = objects[one["clip"]]
        here = (mine.frames == one["frame"]) & np.isclose(mine.boxes, one["box"], atol=1e-3).all(axis=1)
        assert np.allclose(mine.scores[here], one["score"], rtol=1e-3) and here.sum() == 1
    assert explained[0]["score"] == pytest.approx(max(mine.scores.max() for mine in objects.values()), rel=1e-3)
    assert [one["score"] for one in explained] == sorted((one["score"] for one in explained), reverse=True)

    before = (out / explained[0]["file"]).stat().st_mtime_ns
    again = run(*options, "--explain", 3, "--resume")
    assert "2 clips kept from an earlier run were not looked at again" in again.stderr and "no sheets" in again.stderr
    assert (out / explained[0]["file"]).stat().st_mtime_ns == before and read_summary(out)["explained"] == explained
    assert run(*options, "--overwrite").returncode == 0
    assert not (out / "explain").exists() and read_summary(out)["explained"] == []


def test_an_attribute_from_training_to_the_report(street: Path, tmp_path: Path) -> None:
    """How things move is learnt, scores, is drawn and named."""
    model, result = tmp_path / "model", tmp_path / "result"
    own = ("--dataset", "own", "--root", street)
    every = ("--set", "attributes=[{kind='speed'}, {kind='motion_pattern'}, {kind='stature'}]")
    done = run("fit", *own, "--recipe", "ssmtl-plus", *every, "--out", model, *quick())
    assert done.returncode == 0, done.stderr
    trained = load_model(model)
    kinds = ["speed", "motion_pattern", "stature"]
    assert trained.usual is not None and [part.kind for part in trained.parts][-3:] == kinds
    done = run("detect", *own, "--model", model, "--out", result, "--explain", "3")
    assert done.returncode == 0, done.stderr
    objects = read_objects(result / "test_01")
    for kind in kinds:
        scores = objects.task_scores[:, objects.kinds.index(kind)]
        assert len(scores) and np.isfinite(scores).all() and (np.ptp(scores) > 0 or kind == "stature")
    assert len(read_summary(result)["explained"]) == 3
    done = run("report", result, "--out", tmp_path / "report.html")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(kind in page for kind in kinds)


def test_what_the_edge_cuts_is_known_of_each_of_several_scenes(
    street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = StreetConfig(width=240, height=180, person_height_px=40, background_seed=1)
    write_street(tmp_path / "other", other, 5, 2, 70, 1, 100)
    given: list[np.ndarray] = []

    def measured(*arguments: object) -> dict[str, TaskScale]:
        given.append(np.asarray(arguments[4]))
        return measure_scales(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("ssmtl.held_out.measure_scales", measured)
    clips = find_clips([street / "normal", tmp_path / "other" / "normal"])
    model = fit(clips, tmp_path / "model", configure("fast", read_assignments([*QUICK, *PLAIN])))
    assert model.scene is None and model.training["held_out"] == len(given[0])
    assert 0 < given[0].sum() < len(given[0])


def test_explain_of_a_clip_without_objects_or_of_its_own_name(street: Path, model: Path, tmp_path: Path) -> None:
    clip = tmp_path / "explain.mp4"
    clip.write_bytes((street / "test" / "test_01.mp4").read_bytes())
    options = ("--model", model, "--out", tmp_path / "out")
    assert "rename the clip" in one_line_error(run("detect", clip, *options, "--explain", 1))
    assert not (tmp_path / "out").exists()
    assert run("detect", clip, *options, "--explain", -1).returncode == 2
    boxes = tmp_path / "test_01.csv"
    boxes.write_text("frame,x_min,y_min,x_max,y_max\n0,10,10,20,30\n")
    done = run("detect", street / "test" / "test_01.mp4", *options, "--explain", 2, "--regions", boxes)
    assert done.returncode == 0 and "no sheets" in done.stderr, done.stderr
    assert not (tmp_path / "out" / "explain").exists() and read_summary(tmp_path / "out")["explained"] == []


def test_what_is_no_sheet_stays(street: Path, model: Path, tmp_path: Path) -> None:
    """Whatever `--overwrite` says, and untouched where no sheets are asked for."""
    mine = tmp_path / "out" / "explain" / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    options = ["detect", street / "test" / "test_01.mp4", "--model", model, "--out", tmp_path / "out", "--overwrite"]
    assert "holds other things" in one_line_error(run(*options, "--explain", 1))
    assert not (tmp_path / "out" / "test_01").exists()
    assert run(*options).returncode == 0 and mine.read_text() == "mine"


def test_every_kth_frame(street: Path, model: Path, result: Path, tmp_path: Path) -> None:
    """Fewer objects go through the network; all have scores; the settings say so."""
    done = run("detect", "--dataset", "own", "--root", street, "--model", model, "--out", tmp_path, "--every", 4)
    assert done.returncode == 0, done.stderr
    assert read_summary(tmp_path)["configuration"]["scoring"]["every"] == 4
    for name in ("test_01", "test_02"):
        sparse, dense = read_objects(tmp_path / name), read_objects(result / name)
        assert np.array_equal(sparse.boxes, dense.boxes) and np.isfinite(sparse.task_scores).all()
        assert not np.array_equal(sparse.task_scores, dense.task_scores)
    assert run("detect", "x.mp4", "--model", model, "--every", 5).returncode == 2


def test_bench_as_a_command(tmp_path: Path) -> None:
    done = run("bench", "--frames", 50, "--objects", 1, "--out", tmp_path / "b", "--every", 4, *quick_engine())
    assert done.returncode == 0, done.stderr
    assert "frames/s**" in done.stdout and "scored on every 4. frame" in done.stdout
    assert {path.name for path in (tmp_path / "b").iterdir()} == {"bench.json", "bench.md", "bench.png"}


def quick_engine() -> list[str]:
    return [part for setting in PLAIN for part in ("--set", setting)]


def test_export_as_a_command(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    done = run("export", model, "--to", "openvino", "--out", tmp_path / "e")
    assert done.returncode == 0 and "scores.xml: pictures n×" in done.stderr, done.stderr
    assert load_model(tmp_path / "e").exported == tmp_path / "e"
    assert run("export", model, "--to", "tflite", "--out", tmp_path / "f").returncode == 1


def test_calibrate_as_a_command(street: Path, model: Path, tmp_path: Path) -> None:
    """For other settings of scoring too: then it fits these, and no others."""
    mine = shutil.copytree(model, tmp_path / "model")
    change = "scoring.mean_frames=9"
    done = run("calibrate", mine, street / "normal", "--false-alarms", "2/day", "--set", change)
    assert done.returncode == 0 and "For a promise of 2/day" in done.stderr, done.stderr
    assert "they fit with the same --set alone" in done.stderr
    found = load_model(mine)
    assert "other settings" in found.threshold()[1]
    assert with_settings(found, read_assignments([change])).threshold()[1].startswith("calibrated, an estimate")
    error = one_line_error(run("calibrate", mine, street / "normal", "--set", "backbone.depth=deep"))
    assert "backbone: is part of the training" in error


def test_tune_as_a_command(model: Path, tmp_path: Path) -> None:
    """What it writes is what `--set` and `--config` take; the model stays as it is."""
    before = (model / "model.json").read_bytes()
    write_street(tmp_path / "more", StreetConfig(width=160, height=120, person_height_px=30), 5, 1, 200, 0, 0)
    normal = tmp_path / "more" / "normal" / "normal_01.mp4"
    done = run("tune", model, normal, "--walks", 1, "--plant", "half+backwards", "--out", tmp_path / "tune")
    assert done.returncode == 0, done.stderr
    assert "| track_frames | 17 |" in done.stdout and (model / "model.json").read_bytes() == before
    report = json.loads((tmp_path / "tune" / "tune.json").read_text())
    assert report["after"]["mean"] >= report["before"]["mean"] and report["planted"] == ["cut in half", "backwards"]
    assert "known ones: faster, backwards, half" in one_line_error(run("tune", model, normal, "--plant", "sideways"))
    settings = read_configuration("fast", tmp_path / "tune" / "tune.toml", [], None).scoring
    assert all(getattr(settings, name) == value for name, value in report["changes"].items())
    assert "pass --overwrite" in one_line_error(run("tune", model, normal, "--out", tmp_path / "tune"))

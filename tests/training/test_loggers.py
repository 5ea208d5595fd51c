"""What a logger holds at the end is what the training did, whole or killed on the way; and it changes nothing."""

import csv
import math
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ssmtl import configure, fit
from ssmtl.datasets.own import OwnDataset
from ssmtl.datasets.street import StreetConfig, write_street
from ssmtl.errors import ConfigError, OutputError
from ssmtl.model import Model
from ssmtl.progress import Silent, Step
from ssmtl.training.loggers import PACKAGES, check_logger
from ssmtl.training.settings import WATCHING, TrainSettings
from ssmtl.video.sources import Clip

PLACES = [name for name in PACKAGES if name != "none"]
KINDS = ["arrow_of_time", "motion_irregularity", "middle_box"]
TRAIN = {"epochs": 3, "min_steps": 0, "batch_size": 4, "accelerator": "cpu", "checkpoint_s": 3600.0, "log_every": 2}

Points = dict[str, list[tuple[int, float]]]
"""Steps and values by name, in the order of steps."""


def needs(log_to: str) -> None:
    for package in PACKAGES[log_to]:
        pytest.importorskip(package, reason=f"{package} is not installed: pip install {package}")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_PROJECT", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    root = tmp_path_factory.mktemp("street")
    write_street(root, StreetConfig(width=160, height=120, person_height_px=30), 3, 6, 40, 0, 0)
    return OwnDataset(root).train_clips()


@pytest.fixture(scope="module")
def train(clips: list[Clip], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Model]:
    """Train on the clips; the sequences are cut once for all."""
    sequences = tmp_path_factory.mktemp("sequences")

    def run(out: Path, log_to: str, kill_at: int | None = None, resume: bool = False, **changes: object) -> Model:
        values = {"sequences": {"max_sequences": 24}, "train": TRAIN | {"log_to": log_to} | changes}
        progress = None if kill_at is None else KilledAt(kill_at)
        return fit(clips, out, configure("fast", values), sequences=sequences, resume=resume, progress=progress)

    return run


class KilledError(BaseException):
    """What ends a run from outside."""


class KilledAt(Silent):
    """Ends the run in the middle of a training step."""

    def __init__(self, step: int) -> None:
        self.left = step

    def stage(self, title: str, steps: int | None) -> Step:
        return self.count if title.startswith("training") else super().stage(title, steps)

    def count(self) -> None:
        self.left -= 1
        if not self.left:
            raise KilledError


@pytest.fixture(scope="module")
def plain(train: Callable[..., Model], tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path]:
    """The run that nobody watches."""
    out = tmp_path_factory.mktemp("plain") / "model"
    return train(out, "none"), out


def weights(model: Model) -> dict[str, Tensor]:
    return dict(model.network.state_dict())


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def losses(out: Path) -> list[dict[str, float]]:
    with (out / "training" / "losses.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def logs(out: Path) -> Path:
    return out / "training" / "logs"


def from_tensorboard(out: Path) -> tuple[Points, dict[str, str]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    (folder,) = (logs(out) / "tensorboard").iterdir()
    events = EventAccumulator(str(folder), {"scalars": 0})
    events.Reload()
    points = {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}
    begun = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    settings = HParamsPluginData.FromString(begun).session_start_info.hparams
    # Its name is known from the beginning, its value is not.
    step, value = points["hp_metric"].pop(0)
    assert step == 0 and math.isnan(value)
    return points, {name: str(getattr(value, value.WhichOneof("kind"))) for name, value in settings.items()}


def from_mlflow(out: Path) -> tuple[Points, dict[str, str]]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{logs(out) / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'ssmtl'")
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.info.run_name) == ("FINISHED", out.name)
    histories = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    return {name: sorted({(m.step, m.value) for m in history}) for name, history in histories.items()}, run.data.params


def records(file: Path) -> list[bytes]:
    """What W&B writes: the log format of LevelDB, after seven bytes of its own."""
    data, at, found, part = file.read_bytes(), 7, [], b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        part += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):
            found.append(part)
            part = b""
    return found


def from_wandb(out: Path) -> tuple[Points, dict[str, str]]:
    import json

    from wandb.proto.wandb_internal_pb2 import Record

    points: dict[str, set[tuple[int, float]]] = {}
    settings: dict[str, str] = {}
    runs = set()
    for file in sorted((logs(out) / "wandb").glob("offline-run-*/*.wandb")):
        for data in records(file):
            record = Record.FromString(data)
            for item in [*record.run.config.update, *record.config.update]:
                settings[item.key or "/".join(item.nested_key)] = item.value_json
            if record.HasField("run"):
                runs.add((record.run.run_id, record.run.display_name, record.run.project))
            row = {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in record.history.item}
            for name in row.keys() - {"trainer/global_step"}:
                if not name.startswith("_"):
                    points.setdefault(name, set()).add((row["trainer/global_step"], row[name]))
    assert len(runs) == 1 and {run[1:] for run in runs} == {(out.name, "ssmtl")}
    nested = {f"{a}/{b}": str(v) for a in settings for b, v in _items(json.loads(settings[a]))}
    return {name: sorted(values) for name, values in points.items()}, nested | settings


def _items(value: object) -> list[tuple[str, object]]:
    return list(value.items()) if isinstance(value, dict) else []


READ = {"tensorboard": from_tensorboard, "mlflow": from_mlflow, "wandb": from_wandb}


def close(points: list[tuple[int, float]], expected: list[tuple[int, float]]) -> bool:
    """TensorBoard keeps float32."""
    return [s for s, _ in points] == [s for s, _ in expected] and [v for _, v in points] == pytest.approx(
        [v for _, v in expected], rel=1e-6
    )


@pytest.mark.parametrize("kill_at", [None, 4, 8], ids=["whole", "killed before a checkpoint", "killed after one"])
@pytest.mark.parametrize("log_to", PLACES)
def test_the_log_says_what_the_training_did(
    log_to: str, kill_at: int | None, train: Callable[..., Model], plain: tuple[Model, Path], tmp_path: Path
) -> None:
    needs(log_to)
    out = tmp_path / "model"
    if kill_at is not None:
        with pytest.raises(KilledError):
            train(out, log_to, kill_at)
        assert (out / "training" / "checkpoint.safetensors").is_file() == (kill_at == 8)
    model = train(out, log_to, resume=kill_at is not None)
    assert equal(weights(model), weights(plain[0])), "a logger changes nothing of what is learnt"

    points, settings = READ[log_to](out)
    table = losses(out)
    assert table == losses(plain[1])
    steps = model.training["trained_on"] // 4
    assert len(table) == 3 and 4 <= steps <= 7, "killed before the first epoch ends, or after"
    for name in table[0]:
        assert close(points[name], [((i + 1) * steps, row[name]) for i, row in enumerate(table)]), name
    every = list(range(2, 3 * steps + 1, 2))
    rates = [1e-3 * 0.5 * (1 + math.cos(math.pi * (step - 1) / (3 * steps))) for step in every]
    assert close(points["learning_rate"], list(zip(every, rates, strict=True)))
    for kind in KINDS:
        assert [step for step, _ in points[f"batch/{kind}"]] == every
    assert close(points["hp_metric"], [(3 * steps, min(row["held_out/total"] for row in table))])
    assert points["summary/trained_on"] == [(3 * steps, model.training["trained_on"])]
    assert float(settings["train/learning_rate"]) == 1e-3 and settings["train/log_to"].strip('"') == log_to


def test_the_losses_of_batches_have_the_mean_of_the_epoch(train: Callable[..., Model], tmp_path: Path) -> None:
    needs("tensorboard")
    model = train(tmp_path / "model", "tensorboard", log_every=1)
    points, _ = from_tensorboard(tmp_path / "model")
    steps = model.training["trained_on"] // 4
    for kind in KINDS:
        batches = [value for _, value in points[f"batch/{kind}"]]
        means = [sum(batches[i * steps : (i + 1) * steps]) / steps for i in range(3)]
        assert means == pytest.approx([row[f"train/{kind}"] for row in losses(tmp_path / "model")], rel=1e-5)


def test_wandb_may_lose_the_settings_in_a_kill(train: Callable[..., Model], tmp_path: Path) -> None:
    needs("wandb")
    with pytest.raises(KilledError):
        train(tmp_path / "model", "wandb", 8)
    (lost,) = (logs(tmp_path / "model") / "wandb").glob("offline-run-*/*.wandb")
    lost.unlink()
    train(tmp_path / "model", "wandb", resume=True)
    assert from_wandb(tmp_path / "model")[1]["train/batch_size"] == "4"


def test_a_run_may_go_on_with_another_logger_or_none(
    train: Callable[..., Model], plain: tuple[Model, Path], tmp_path: Path
) -> None:
    needs("tensorboard")
    with pytest.raises(KilledError):
        train(tmp_path / "model", "tensorboard", 8)
    model = train(tmp_path / "model", "none", resume=True, log_every=7)
    assert equal(weights(model), weights(plain[0]))


def test_a_new_run_in_the_same_place_is_another_run(
    clips: list[Clip], train: Callable[..., Model], tmp_path: Path
) -> None:
    needs("tensorboard")
    train(tmp_path / "model", "tensorboard", epochs=1)
    values = {"sequences": {"max_sequences": 24}, "train": TRAIN | {"epochs": 1, "log_to": "tensorboard"}}
    fit(clips, tmp_path / "model", configure("fast", values), overwrite=True)
    runs = sorted(path.name for path in (logs(tmp_path / "model") / "tensorboard").iterdir())
    assert runs == ["version_0", "version_1"]


def test_nobody_watches_by_default(plain: tuple[Model, Path]) -> None:
    assert TrainSettings().log_to == "none"
    assert sorted(path.name for path in (plain[1] / "training").iterdir()) == ["losses.csv", "losses.png"]


def test_watching_is_a_part_of_the_settings() -> None:
    assert set(TrainSettings.model_fields) >= WATCHING


@pytest.mark.parametrize(("log_to", "package"), [(name, package) for name in PLACES for package in PACKAGES[name]])
def test_a_missing_package_is_told_before_the_footage_is_looked_at(
    log_to: str, package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for other in PACKAGES[log_to]:
        if other != package and find_spec(other) is None:
            pytest.skip(f"{other} is not installed either")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf"train\.log_to={log_to}: .*{package}.*pip install {package}"):
        fit([], tmp_path / "model", configure("fast", {"train": {"log_to": log_to}}))
    assert not (tmp_path / "model").exists()


def test_a_folder_of_that_name_is_no_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As W&B leaves ./wandb behind, which Python would import."""
    monkeypatch.setitem(PACKAGES, "wandb", ("wandb_left_behind",))
    (tmp_path / "wandb_left_behind").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert find_spec("wandb_left_behind") is not None
    with pytest.raises(ConfigError, match="needs the package wandb_left_behind"):
        check_logger(TrainSettings(log_to="wandb"))


def test_nobody_logged_in_to_wandb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    needs("wandb")
    import wandb

    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    wandb.teardown()
    with pytest.raises(ConfigError, match=r"train\.log_to=wandb: .*wandb login.*WANDB_MODE=offline"):
        check_logger(TrainSettings(log_to="wandb"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    wandb.teardown()
    check_logger(TrainSettings(log_to="wandb"))


def test_a_server_of_mlflow_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    needs("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ConfigError, match=r"train\.log_to=mlflow: .*127\.0\.0\.1"):
        check_logger(TrainSettings(log_to="mlflow"))


def test_a_log_that_cannot_be_written_leaves_a_run_that_can_go_on(
    train: Callable[..., Model], plain: tuple[Model, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    needs("tensorboard")
    from lightning_fabric.loggers import TensorBoardLogger

    write = TensorBoardLogger.log_metrics

    def full(self: TensorBoardLogger, metrics: dict[str, float], step: int | None = None) -> None:
        if (step or 0) > 7:
            raise OSError(28, "No space left on device")
        write(self, metrics, step)

    monkeypatch.setattr(TensorBoardLogger, "log_metrics", full)
    with pytest.raises(
        OutputError, match=r"train\.log_to=tensorboard: .*No space left.*--resume --set train\.log_to=none"
    ):
        train(tmp_path / "model", "tensorboard")
    assert equal(weights(train(tmp_path / "model", "none", resume=True)), weights(plain[0]))

"""A training watched while it runs: Lightning's loggers for TensorBoard, MLflow and Weights & Biases (all optional)."""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning_fabric.loggers import Logger

from ssmtl.atomic import write_text
from ssmtl.errors import ConfigError, OutputError
from ssmtl.training.settings import TrainSettings

Log = Callable[[Mapping[str, float], int], None]
"""Told values by name, and the number of steps done so far; at first no values, where training begins or goes on.

What came after the last checkpoint of a killed run is told again when it goes on, with the same values.
"""

PACKAGES = {
    "none": (),
    "tensorboard": ("tensorboard",),
    "mlflow": ("pytorch_lightning", "mlflow"),
    "wandb": ("pytorch_lightning", "wandb"),
}
"""What each place to log to needs."""


def check_logger(settings: TrainSettings) -> None:
    """See that `train.log_to` can work, before any long work is done.

    Raises:
        ConfigError: a package is missing, the server of MLflow does not answer, or nobody is logged in to W&B.
    """
    for name in PACKAGES[settings.log_to]:
        spec = find_spec(name)
        # A folder ./wandb or ./mlflow, as those write them, passes for a package without an origin.
        if spec is None or spec.origin is None:
            raise ConfigError(
                f"train.log_to={settings.log_to}: needs the package {name}; install it: pip install {name}"
            )
    try:
        if settings.log_to == "mlflow" and (uri := os.environ.get("MLFLOW_TRACKING_URI")):
            from mlflow import MlflowClient

            MlflowClient(uri).search_experiments(max_results=1)
        if settings.log_to == "wandb":
            import wandb

            if wandb.setup().settings.mode == "online" and not wandb.login(prompt=False):
                raise ConfigError("nobody is logged in; run `wandb login`, or set WANDB_MODE=offline")
    except Exception as error:
        # Whatever the packages raise: each has exceptions of its own, and those of what it builds on.
        raise ConfigError(f"train.log_to={settings.log_to}: {_first_line(error)}") from error


@contextmanager
def open_log(
    settings: TrainSettings, folder: Path, name: str, configuration: dict[str, Any], resume: bool
) -> Iterator[Log]:
    """The `Log` of one run; the run ends with the block, as failed where an exception leaves it.

    Args:
        settings: where to log to.
        folder: for the logs, unless they go to a server; it is made when the first is written.
        name: of the run.
        configuration: all settings, noted as hyperparameters when the run begins.
        resume: go on with the run that was last logged to the same place, where there is one.

    Raises:
        OutputError: by the `Log` or at the end of the block, where a log cannot be written or sent.
    """
    if settings.log_to == "none":
        yield lambda values, step: None
        return
    logger: Logger | None = None

    def log(values: Mapping[str, float], step: int) -> None:
        nonlocal logger
        with _explained(settings):
            if logger is None:
                logger = _open(settings.log_to, folder, name, configuration, resume, step)
            if values:
                logger.log_metrics(dict(values), step)
                # Written out at once: a checkpoint never knows of more steps than the log.
                logger.save()

    try:
        yield log
    except BaseException:
        with suppress(Exception):
            _close(logger, settings.log_to, "failed")
        raise
    with _explained(settings):
        _close(logger, settings.log_to, "success")


def _open(log_to: str, folder: Path, name: str, configuration: dict[str, Any], resume: bool, step: int) -> Logger:
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"{log_to}.run"
    run = note.read_text(encoding="utf-8").strip() if resume and note.is_file() else None
    logger = OPEN[log_to](folder.resolve(), name, run, step)
    if run is None or log_to == "wandb":
        # W&B's process writes in its own time, and a kill may have come before these.
        # What runs are compared by is known at the end; TensorBoard has to know its name, and Lightning would say -1.
        unknown = [{"hp_metric": math.nan}] if log_to == "tensorboard" else []
        logger.log_hyperparams(configuration, *unknown)
    if run is None:
        write_text(note, f"{logger.version}\n")
    return logger


def _tensorboard(folder: Path, name: str, run: str | None, step: int) -> Logger:
    from lightning_fabric.loggers import TensorBoardLogger

    # Steps that are about to be told again take the place of those that a killed process has logged.
    return TensorBoardLogger(folder, "tensorboard", None if run is None else int(run), purge_step=step + 1)


def _mlflow(folder: Path, name: str, run: str | None, step: int) -> Logger:
    from pytorch_lightning.loggers import MLFlowLogger

    server = os.environ.get("MLFLOW_TRACKING_URI")
    logger = MLFlowLogger(
        os.environ.get("MLFLOW_EXPERIMENT_NAME", "ssmtl"),
        name,
        server or f"sqlite:///{(folder / 'mlflow.db').as_posix()}",
        artifact_location=None if server else (folder / "mlflow").as_uri(),
        run_id=run,
    )
    if run is not None:
        logger.experiment.update_run(run, "RUNNING")
    return logger


def _wandb(folder: Path, name: str, run: str | None, step: int) -> Logger:
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    # Left alone by W&B: the console, on which progress bars are drawn.
    console = wandb.Settings(console="off")
    project = os.environ.get("WANDB_PROJECT", "ssmtl")
    return WandbLogger(name, folder, project=project, id=run, settings=console)


OPEN: dict[str, Callable[[Path, str, str | None, int], Logger]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
    "wandb": _wandb,
}


def _close(logger: Logger | None, log_to: str, status: str) -> None:
    if logger is None:
        return
    logger.finalize(status)
    if log_to == "wandb":
        import wandb

        # Lightning leaves the run open, and the next one of this process would go on in it.
        wandb.finish(0 if status == "success" else 1)


@contextmanager
def _explained(settings: TrainSettings) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise OutputError(
            f"train.log_to={settings.log_to}: {_first_line(error)}; mend it and go on with --resume, "
            "or go on without: --resume --set train.log_to=none"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

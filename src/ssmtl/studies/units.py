"""A row with a seed: what it is to do, what of it is done, and whether that was the same."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ssmtl import __version__
from ssmtl.datasets.dataset import Dataset
from ssmtl.errors import OutputError
from ssmtl.fitting import TRAINING
from ssmtl.model_folder import DESCRIPTION
from ssmtl.recipes import Configuration
from ssmtl.sequences.store import state
from ssmtl.studies.choices import Choices, flat, resolve, why_not
from ssmtl.studies.rows import Row, Study
from ssmtl.studies.worker import ROW, SETTINGS
from ssmtl.video.sources import Clip


@dataclass(frozen=True, slots=True)
class Unit:
    """A row with a seed: its folder, its configuration, and the state of the footage and files that it depends on."""

    study: Study
    row: Row
    seed: int
    folder: Path
    settings: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.study.name} {self.row.name}, seed {self.seed}"

    def outcome(self) -> dict[str, Any] | None:
        """What it came to, where it is finished with these very settings."""
        done = _read(self.folder / ROW)
        return done if done is not None and not self.changed() else None

    def changed(self) -> list[str]:
        """Names of what is not as it was when the folder was begun; none where nothing in it is of use yet."""
        before = _read(self.folder / SETTINGS)
        model = self.folder / "model"
        of_use = (self.folder / ROW, model / DESCRIPTION, model / TRAINING / "checkpoint.safetensors")
        if before is None or not any(file.is_file() for file in of_use):
            return []
        old, new = flat(before), flat(self.settings)
        return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))

    def trained(self, out: Path) -> Path | None:
        """The model of a finished row in `out`, of any study, that this one's training would give again."""
        wanted = _training(self.settings, {"ssmtl": __version__, "torch": torch.__version__})
        for file in sorted(out.glob(f"*/*/{self.folder.name}/{ROW}")):
            done = _read(file)
            if done is not None and _training(done, done["versions"]) == wanted:
                model = (file.parent / done["model"]).resolve()
                if model.is_dir():
                    return model
        return None


def plan(studies: Sequence[Study], data: Dataset, out: Path, choices: Choices, seeds: int) -> list[Unit]:
    """All rows that can be run, with each seed.

    Raises:
        ConfigError: a row's configuration is refused.
        DataError: the data set has no clips.
    """
    parts = {"train": data.train_clips(), "test": data.test_clips()}
    footage = {part: {clip.name: _state(clip) for clip in clips} for part, clips in parts.items()}
    units = []
    for study in studies:
        for row in study.rows:
            for seed in range(seeds) if why_not(row, study, choices) is None else ():
                configuration = resolve(row, study, choices, seed)
                settings = {
                    "ssmtl": __version__,
                    "configuration": configuration.model_dump(mode="json"),
                    "data": {"dataset": data.name, **footage, "files": _files(configuration)},
                }
                units.append(Unit(study, row, seed, out / study.name / row.name / f"seed{seed}", settings))
    return units


def _state(clip: Clip) -> str:
    """Which footage a clip means: place, part, and its files' number, bytes and age."""
    return " ".join(map(str, (clip.path.resolve(), clip.start, clip.stop, *state(clip.path))))


def _files(configuration: Configuration) -> dict[str, str]:
    """Which state of the files that it reads a configuration means: files, bytes, age."""
    return {str(file): " ".join(map(str, state(file))) or "missing" for file in configuration.files}


def _training(settings: dict[str, Any], versions: dict[str, str]) -> str:
    """Hash of what decides trained weights; the recipe's name does not."""
    configuration = {name: value for name, value in settings["configuration"].items() if name != "recipe"}
    parts = [configuration, settings["data"], versions["ssmtl"], versions["torch"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise OutputError(f"{path}: is damaged ({error}); run the row anew with --overwrite") from error
    return value if isinstance(value, dict) else None

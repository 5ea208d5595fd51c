"""A trained model, ready to score: its network, what it knows of normal footage, and the engine that runs it."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from ssmtl.config import merge, parse
from ssmtl.engine.choose import Choice, choose_engine
from ssmtl.engine.engine import Engine, Subject
from ssmtl.engine.samples import Samples
from ssmtl.engine.shared import SharedEngine
from ssmtl.errors import ConfigError
from ssmtl.nets.backbone import Backbone
from ssmtl.nets.inference import for_inference
from ssmtl.nets.network import SHARED, Network, channels_last
from ssmtl.recipes import Attribute, Configuration, Task
from ssmtl.regions.scene import Scene
from ssmtl.scoring.attributes import Usual
from ssmtl.scoring.calibration import UNCALIBRATED, Calibration, relevant
from ssmtl.scoring.score import TaskScale, most_possible
from ssmtl.teachers.build import build_teacher
from ssmtl.teachers.teacher import Teacher

CHANGEABLE = ("scoring", "detectors", "teachers", "engine", "events", "zones")
"""Parts of the configuration that the weights do not depend on."""

OTHER_RATE = 1.2
"""From which ratio of frames per second on it is said that things move otherwise."""


@dataclass(frozen=True)
class Model:
    """A trained model, ready to score.

    Attributes:
        configuration: all settings, resolved.
        network: the network, in evaluation mode.
        picture_channels: 1 (grey) or 3.
        scene: what training footage told of the fixed camera's scene, or None.
        scales: the scale of each part that scores on held-out normal footage.
        training: summary of the training: clips, sequences, epochs, losses, seconds, versions.
        samples: a few held-out training sequences that engines are checked and calibrated on, or None.
        exported: the folder of a graph that was exported for one engine, or None.
        usual: how the objects of the training footage moved and looked; None where the configuration has no attributes.
        calibration: from which score on a frame counts, or None where that was never measured.
    """

    configuration: Configuration
    network: Network
    picture_channels: int
    scene: Scene | None
    scales: Mapping[str, TaskScale]
    training: Mapping[str, Any] = field(default_factory=dict)
    samples: Samples | None = None
    exported: Path | None = None
    calibration: Calibration | None = None
    usual: Usual | None = None

    @cached_property
    def identity(self) -> str:
        """Hash of the weights: the same model has the same."""
        digest = hashlib.sha256()
        for name, value in sorted(self.network.state_dict().items()):
            digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def score_identity(self) -> str:
        """Hash of all that a score rests on; only scores of the same one compare."""
        settings = self.configuration.model_dump(mode="json")
        scales = {kind: asdict(scale) for kind, scale in self.scales.items()}
        parts = [self.identity, scales, relevant(settings), settings["tasks"], settings["attributes"]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def _calibration_fits(self) -> bool:
        """Asked for every frame of a camera: the settings are compared once."""
        return self.calibration is not None and self.calibration.fits(self.configuration.model_dump(mode="json"))

    @cached_property
    def most_possible(self) -> tuple[float, Mapping[str, float]]:
        """The highest score that an object can have, by all parts and by each alone; without a bound, infinite."""
        scales: dict[str, TaskScale] = {part.kind: self.scales[part.kind] for part in self.parts}
        power = self.configuration.scoring.mean_power
        return (math.inf, {}) if power is None else most_possible(scales, power)

    def threshold(self, time: float | None = None) -> tuple[float, str]:
        """The frame score at which an event begins, at a Unix time or at any, and who says so."""
        return self.noted(*self._threshold(time))

    def noted(self, threshold: float, said_by: str) -> tuple[float, str]:
        """A threshold and who says so, with a word of warning where nothing can reach it."""
        most, _ = self.most_possible
        if threshold > most:
            said_by = f"{said_by}; nothing can score more than {most:.3g}: lower it"
        return threshold, said_by

    def _threshold(self, time: float | None) -> tuple[float, str]:
        chosen = self.configuration.events.threshold
        if chosen is not None:
            return chosen, "events.threshold"
        if self.calibration is None:
            return UNCALIBRATED, "not calibrated"
        if not self._calibration_fits:
            return UNCALIBRATED, "calibrated with other settings: calibrate again"
        found = self.calibration.highest if time is None else self.calibration.at(time)
        return found.value, f"calibrated, {found.rate_words()}"

    def rate_note(self, rate: float | None) -> str | None:
        """What is to be said of footage of so many frames per second, where what was learnt from has far other ones.

        Nothing where either does not say how many (None), as pictures do not.
        """
        learnt = self.training.get("learnt", self.training).get("rate")
        if rate is None or learnt is None or 1 / OTHER_RATE < rate / learnt < OTHER_RATE:
            return None
        how = "faster" if rate < learnt else "slower"
        return (
            f"has {rate:.4g} frames per second, and the model learnt from {learnt:.4g}: all that moves seems {how} to "
            "it; fit it to footage of the same rate"
        )

    @property
    def tasks(self) -> Sequence[Task]:
        """The proxy tasks that score, in the order of their scores."""
        return self.configuration.scoring_tasks

    @property
    def parts(self) -> Sequence[Task | Attribute]:
        """All that scores: the tasks, then the attributes; each has a column in an object's scores."""
        return self.configuration.scoring_parts

    @cached_property
    def teachers(self) -> Mapping[str, Teacher]:
        """The teachers whose answers the scores need."""
        return build_teachers(self.configuration, self.configuration.scored_by)

    @cached_property
    def scorer(self) -> Network:
        """The network in float32, for what its heads answer; the same outputs up to rounding."""
        return for_inference(self.network)

    @property
    def subject(self) -> Subject:
        """What engines run."""
        digest = hashlib.sha256(self.identity.encode())
        digest.update(json.dumps([task.model_dump(mode="json") for task in self.tasks], sort_keys=True).encode())
        if self.samples is not None:
            digest.update(self.samples.pictures.tobytes())
        name = digest.hexdigest()[:16]
        of = (self.network, self.tasks, self.picture_channels, self.scales, self.samples, name, self.exported)
        return Subject(*of, power=self.configuration.scoring.power)

    @cached_property
    def _chosen(self) -> tuple[Engine, Choice]:
        return choose_engine(self.configuration.engine, self.subject, self.configuration.scoring.batch)

    @property
    def engine(self) -> Engine:
        """What runs the network when it scores; the first call may measure for half a minute, once a machine.

        Raises:
            ConfigError: what the configuration asks for cannot be had here.
        """
        return self._chosen[0]

    @cached_property
    def shared_engine(self) -> SharedEngine:
        """The same, for several callers at once."""
        return SharedEngine(self.engine)

    @property
    def engine_choice(self) -> Choice:
        """Which engine it is, and what was tried."""
        return self._chosen[1]


def with_settings(model: Model, changes: dict[str, Any]) -> Model:
    """The model with changes to how it scores or where it looks; what its weights depend on cannot be changed.

    Raises:
        ConfigError: another field, an unknown one, or one out of range.
    """
    fixed = [name for name in changes if name not in CHANGEABLE]
    if fixed:
        raise ConfigError(f"{fixed[0]}: is part of the training; only {', '.join(CHANGEABLE)} can be changed later")
    if model.exported is not None and {"kind", "precision"} & changes.get("engine", {}).keys():
        raise ConfigError(f"engine: {model.exported} was exported for one engine; name the model that it came from")
    values = merge(model.configuration.model_dump(mode="json"), changes)
    return replace(model, configuration=parse(Configuration, values))


def build_network(configuration: Configuration, picture_channels: int) -> Network:
    """A new network for `configuration`; its weights come from PyTorch's global generator."""
    settings = configuration.backbone
    names = [task.kind for task in configuration.tasks] if settings.per_task else [SHARED]
    backbones: dict[str, nn.Module] = {name: Backbone(settings, picture_channels) for name in names}
    heads: dict[str, nn.Module] = {
        task.kind: task.head(settings.channels, picture_channels) for task in configuration.tasks
    }
    network = Network(backbones, heads)
    channels_last(network)
    return network


def build_teachers(configuration: Configuration, names: Iterable[str]) -> dict[str, Teacher]:
    """The teachers of those names.

    Raises:
        ConfigError: a teacher's network is not at hand.
    """
    padding = configuration.sequences.padding
    try:
        return {name: build_teacher(name, getattr(configuration.teachers, name), padding) for name in names}
    except ConfigError as error:
        raise ConfigError(
            f"{error}; or name an ONNX file (docs/teachers.md), or go on without the task that it teaches (--tasks)"
        ) from error

"""Which trained network a `fit` keeps as it is, and what its configuration must then leave as it was (ours).

What is usual, scales and thresholds are measured anew: other attributes, another way to score, or more footage of the
same camera need no training.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssmtl.errors import ConfigError, ModelError
from ssmtl.model import Model, build_network
from ssmtl.model_folder import load_model
from ssmtl.nets.network import Network
from ssmtl.recipes import Configuration
from ssmtl.video.sources import Clip

LEARNT = ("seed", "sequences", "backbone", "train")
"""Parts of a configuration that the weights rest on, besides its tasks."""

BEGINNING = 2**20
"""Bytes of a file that tell it from others of its size."""

LOOKED = ("detectors", "teachers", "zones")
"""Parts by which it looks; what was looked at in training should be looked at again."""


def keep_network(folder: Path | str, *, whole: bool = False) -> dict[str, Any]:
    """Changes to a recipe by which `fit` can keep the network of the model in `folder`, for `configure`; with `whole`,
    all that the model has, whatever the recipe.

    Raises:
        ModelError: there is no model, or it is damaged.
    """
    model = load_model(folder, attributes=False)
    values = model.configuration.model_dump(mode="json")
    values["sequences"]["colour"] = "grey" if model.picture_channels == 1 else "rgb"
    return values if whole else {name: values[name] for name in (*LEARNT, *LOOKED)}


def load_kept(folder: Path | str, configuration: Configuration) -> Model:
    """The model whose network a `fit` with this configuration keeps.

    Raises:
        ConfigError: the configuration differs from the model's in what weights rest on.
        ModelError: there is no model, or it is damaged.
    """
    try:
        model = load_model(folder, attributes=False)
    except ModelError as error:
        raise ModelError(f"network to keep: {error}") from error
    known = {task.kind: task for task in model.configuration.tasks}
    for task in configuration.tasks:
        if task.kind not in known:
            raise ConfigError(f"tasks: the network of {folder} has not learnt {task.kind}, only {', '.join(known)}")
        _same(f"tasks.{task.kind}", folder, known[task.kind].learnt(), task.learnt())
    old, new = (part.model_dump(mode="json", include=set(LEARNT)) for part in (model.configuration, configuration))
    _same("", folder, old, new)
    return model


def learnt_from(model: Model) -> Mapping[str, Any]:
    """What footage the model's network was trained on: its clips, those of them that were held out, and its rate.

    Clips are told by `portrait`, or, of older models, by name.
    """
    known: Mapping[str, Any] = model.training.get("learnt", model.training)
    return {name: known[name] for name in ("clips", "held_out_clips", "rate") if name in known}


def learnt_clips(model: Model, clips: Sequence[Clip]) -> tuple[list[int], bool]:
    """Which of the clips the model's network was trained on, and whether on all of each."""
    known = learnt_from(model)
    trained, held_out = (set(known.get(part, ())) for part in ("clips", "held_out_clips"))
    # Of few clips, pieces of each were held out.
    whole = trained - held_out
    return [i for i, clip in enumerate(clips) if {portrait(clip), clip.name} & (whole or trained)], bool(whole)


def portrait(clip: Clip) -> str:
    """Short hash of a clip's footage, wherever it lies and whatever it is called.

    Of its part, its files' number and sizes, and how the first begins.
    """
    files = sorted(one for one in clip.path.iterdir() if one.is_file()) if clip.path.is_dir() else [clip.path]
    digest = hashlib.sha256(repr((clip.start, clip.stop, [file.stat().st_size for file in files])).encode())
    with files[0].open("rb") as file:
        digest.update(file.read(BEGINNING))
    return digest.hexdigest()[:16]


def _same(field: str, folder: Path | str, old: object, new: object) -> None:
    # Which colours there are, the channels of its pictures say.
    if old == new or field == "sequences.colour":
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old | new:
            _same(f"{field}.{name}" if field else name, folder, old.get(name), new.get(name))
        return
    raise ConfigError(
        f"{field}: is {new}, but the network of {folder} was trained with {old}; leave it as it was, or train anew"
    )


def kept_network(model: Model, configuration: Configuration) -> Network:
    """The model's network with the heads of the configuration's tasks alone."""
    network = build_network(configuration, model.picture_channels)
    weights = model.network.state_dict()
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    return network

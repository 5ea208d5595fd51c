"""Which model a training imitates, and what both must have in common (docs/lite.md)."""

from pathlib import Path
from typing import Any

from ssmtl.errors import ConfigError, ModelError
from ssmtl.model import Model
from ssmtl.model_folder import load_model
from ssmtl.recipes import Configuration

HOW = "name the folder of a trained model (--teacher MODEL); `ssmtl fit --recipe ssmtlpp-v1` makes one"


def imitate(folder: Path | str) -> dict[str, Any]:
    """Changes to a recipe by which it imitates the model in `folder`, for `configure`.

    It then looks where that model looks, sees what it sees, learns the tasks by which it scores, and scores as it does.
    What it learns from is in its own settings: once trained, it does not need the other.

    Raises:
        ModelError: there is no model, or it is damaged.
    """
    model = load_model(folder)
    values = model.configuration.model_dump(mode="json")
    scoring = {task.kind for task in model.tasks}
    return {
        "detectors": values["detectors"],
        "sequences": values["sequences"] | {"colour": "grey" if model.picture_channels == 1 else "rgb"},
        "tasks": [task for task in values["tasks"] if task["kind"] in scoring],
        "teachers": values["teachers"],
        "zones": values["zones"],
        # On which frames objects are looked at is a matter of the speed that a recipe is for.
        "scoring": {name: value for name, value in values["scoring"].items() if name != "every"},
        "train": {
            # The same clips stay unseen.
            "held_out": values["train"]["held_out"],
            "imitation": {"teacher": str(Path(folder).resolve())},
        },
    }


def load_imitated(configuration: Configuration) -> Model | None:
    """The model that a training of this configuration imitates, or None where it imitates none.

    Raises:
        ConfigError: no model is named, or it has no head for a task.
        ModelError: there is none in that place, or it is damaged.
    """
    settings = configuration.train.imitation
    if settings is None:
        return None
    if settings.teacher is None:
        raise ConfigError(f"train.imitation.teacher: {configuration.recipe} learns from another model; {HOW}")
    try:
        model = load_model(settings.teacher)
    except ModelError as error:
        raise ModelError(f"train.imitation.teacher: {error}") from error
    known = {task.kind: task for task in model.tasks}
    for task in configuration.scoring_tasks:
        if task.kind not in known:
            raise ConfigError(
                f"tasks: the teacher {settings.teacher} has no answers for {task.kind}, only for {', '.join(known)}; "
                "leave it out (--tasks)"
            )
        if known[task.kind] != task:
            raise ConfigError(
                f"tasks.{task.kind}: is set otherwise than in the teacher {settings.teacher}; take its settings, "
                "as --teacher does"
            )
    return model


def check_channels(model: Model, channels: int) -> None:
    """See that the footage has the colour that the model sees, which is imitated or whose network is kept.

    Raises:
        ConfigError: it does not.
    """
    if model.picture_channels != channels:
        colour = "grey" if model.picture_channels == 1 else "rgb"
        raise ConfigError(f"sequences.colour: the model that is given sees {colour}; set sequences.colour={colour}")

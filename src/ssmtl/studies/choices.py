"""From a row and what the user chose for all rows to one configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ssmtl.config import merge, parse
from ssmtl.engine.settings import EXACT
from ssmtl.errors import ConfigError
from ssmtl.recipes import RECIPES, TASKS, Configuration, configure
from ssmtl.studies.rows import BACKGROUND, FLOW, STANDS_FOR, STUDIES, A, B, Row, Study
from ssmtl.teachers.build import Teachers

Scale = Literal["full", "small"]

SMALL_SCALE: dict[str, Any] = {
    "sequences": {"max_sequences": 240},
    "tasks": {"pseudo_anomalies": {"first_epoch": 1}},
    "train": {"batch_size": 16, "epochs": 1, "min_steps": 20},
    "backbone": {"depth": "shallow", "width": "narrow", "cvt": {"head_size": 16}},
    "scoring": {"every": 4},
}
"""What `--scale small` changes, besides the clips: all of a study in minutes, to see that it works."""

NO_DETECTOR = (
    "the study needs an object detector, and no weights come with ssmtl. Download some in ONNX, for example "
    "yolox_s.onnx from the releases page of github.com/Megvii-BaseDetection/YOLOX, or export YOLOv3 and YOLOv5; "
    "then name the file: --detector yolox_s.onnx. To go on without one: --regions motion (all studies but table1)"
)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose for all rows.

    Attributes:
        detectors: ONNX files of object detectors: the first stands for YOLOv3, the second for YOLOv5.
        regions: settings of detectors that replace those of every row; None to keep them. Not for Table 1.
        changes: nested changes to every configuration, in order.
        scale: "small" shows that all works; only "full" says anything of the method.
    """

    detectors: tuple[Path, ...] = ()
    regions: tuple[dict[str, Any], ...] | None = None
    changes: tuple[dict[str, Any], ...] = ()
    scale: Scale = "full"


def check(studies: Sequence[Study], choices: Choices) -> None:
    """Refuse at once what no row could run with.

    Raises:
        ConfigError: no detector, a file that is not there, or a change to a part that no row has.
    """
    for file in choices.detectors:
        if not file.is_file():
            raise ConfigError(f"--detector {file}: no such file; name the ONNX file of an object detector")
    if len(choices.detectors) > len(STANDS_FOR):
        raise ConfigError("--detector: name two at most; the first stands for YOLOv3, the second for YOLOv5")
    if choices.regions is None and not choices.detectors:
        raise ConfigError(NO_DETECTOR)
    if choices.regions is not None and not choices.detectors and studies == [STUDIES["table1"]]:
        raise ConfigError("--regions: table1 compares where to look; name object detectors with --detector FILE.onnx")
    possible = [(row, study) for study in studies for row in study.rows if why_not(row, study, choices) is None]
    configurations = [resolve(row, study, choices, 0) for row, study in possible]
    for change in choices.changes:
        for part in ("detectors", "tasks"):
            for kind in change[part] if isinstance(change.get(part), dict) else ():
                if not any(kind in _kinds(getattr(configuration, part)) for configuration in configurations):
                    raise ConfigError(f"{part}.{kind}: no row has it; see the rows in the documentation of studies")
        # Rows take what they use of these.
        parse(Teachers, merge(Teachers().model_dump(mode="json"), change.get("teachers", {})), "teachers")


def why_not(row: Row, study: Study, choices: Choices) -> str | None:
    """Why a row cannot be run with these choices; None where it can."""
    if _replaced(study, choices):
        return None
    for part, place in ((A, 0), (B, 1)):
        if part in row.detectors and len(choices.detectors) <= place:
            count = "a second --detector FILE.onnx" if place else "--detector FILE.onnx"
            return f"needs {count}, which stands for {STANDS_FOR[part]}"
    return None


def resolve(row: Row, study: Study, choices: Choices, seed: int) -> Configuration:
    """The row's whole configuration.

    Raises:
        ConfigError: an unknown or out-of-range field, or a change to what the study compares.
    """
    kept = {task["kind"]: task for task in RECIPES[row.recipe]().model_dump(mode="json")["tasks"]}
    kinds = [TASKS[number - 1] for number in row.tasks]
    own: dict[str, Any] = {
        "seed": seed,
        "detectors": list(choices.regions or ()) if _replaced(study, choices) else _detectors(row, choices),
        "tasks": [kept.get(kind, {"kind": kind}) for kind in kinds],
        "backbone": dict(row.backbone),
    }
    # Rows differ by nothing but what their study is about.
    base = configure(row.recipe, {"engine": EXACT}, own)
    changed = base
    for change in ([SMALL_SCALE] if choices.scale == "small" else []) + list(choices.changes):
        changed = configure(row.recipe, changed.model_dump(mode="json"), _applicable(change, changed))
    for name, value in _compared(base).items():
        if _compared(changed)[name] != value:
            raise ConfigError(
                f"{name}: is what the rows of {study.name} set, and cannot be changed for all of them; leave it out"
                + (", or use --regions" if name == "detectors" else "")
            )
    return changed


def _replaced(study: Study, choices: Choices) -> bool:
    return choices.regions is not None and study.name != "table1"


def _detectors(row: Row, choices: Choices) -> list[dict[str, Any]]:
    detector, flow = RECIPES["ssmtlpp-v1"]().model_dump(mode="json")["detectors"]
    # As the paper's flow: components of its least area, and whole.
    motion = {FLOW: flow, BACKGROUND: {"kind": BACKGROUND, "min_area": flow["min_area"], "split": flow["split"]}}
    found: list[dict[str, Any]] = []
    for part in row.detectors:
        if part in motion:
            found.append(motion[part])
        else:
            found.append(merge(detector, {"path": str(choices.detectors[list(STANDS_FOR).index(part)].resolve())}))
    return found


def _applicable(change: dict[str, Any], configuration: Configuration) -> dict[str, Any]:
    """The change without what is said of detectors, tasks and teachers that this configuration does not use."""
    used = {
        "detectors": _kinds(configuration.detectors),
        "tasks": _kinds(configuration.tasks),
        "teachers": configuration.taught_by,
    }
    result = dict(change)
    for part, names in used.items():
        if isinstance(change.get(part), dict):
            result[part] = {name: fields for name, fields in change[part].items() if name in names}
    return result


def _kinds(parts: Sequence[Any]) -> list[str]:
    return [part.kind for part in parts]


def _compared(configuration: Configuration) -> dict[str, Any]:
    """What rows differ by: no common change may touch it."""
    backbone = configuration.backbone
    return {
        "seed": configuration.seed,
        "detectors": [(part.kind, part.files) for part in configuration.detectors if part.kind == "onnx"]
        + _kinds(configuration.detectors),
        "tasks": _kinds(configuration.tasks),
        "backbone.transformer": backbone.transformer,
        "backbone.cvt.blocks": backbone.cvt.blocks,
        "backbone.cvt.heads": backbone.cvt.heads,
        "backbone.per_task": backbone.per_task,
    }


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by their dotted names; parts of a list that carry a `kind` of their own go by it, else by place."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
            kinds = [part.get("kind") for part in value]
            named = None not in kinds and len(set(kinds)) == len(kinds)
            value = dict(zip(kinds if named else map(str, range(len(value))), value, strict=True))
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found

"""The model folder: `model.safetensors` (weights, background), `samples.safetensors` (a few training crops) and
`model.json` (all else). Never a pickle."""

import hashlib
import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ssmtl import __version__
from ssmtl.atomic import atomic_file, write_json
from ssmtl.config import parse
from ssmtl.engine.samples import Samples
from ssmtl.errors import ModelError
from ssmtl.model import Model, build_network
from ssmtl.recipes import Configuration
from ssmtl.regions.scene import Scene
from ssmtl.scoring.attributes import Usual
from ssmtl.scoring.calibration import Calibration
from ssmtl.scoring.pattern import PatternSettings, UsualPatterns
from ssmtl.scoring.score import TaskScale
from ssmtl.scoring.speed import UsualSpeed
from ssmtl.scoring.stature import StatureSettings, UsualStature

FORMAT = 13
"""Version of the folder's layout."""

READABLE = range(2, FORMAT + 1)
"""Versions that can be read; 2 knows no engines and keeps no samples, 3 neither events nor zones, 4 no attributes; 6
has tasks' weights within their scales; to 7, frames did not score along tracks, and no mean of weights was kept;
to 9, the median was every part's floor; to 12, motion was measured otherwise, so that what a model with attributes
says of it cannot be used."""

WEIGHTS, SAMPLES, DESCRIPTION = "model.safetensors", "samples.safetensors", "model.json"
CALIBRATION = "calibration.json"
"""In the folder of a calibrated model: the thresholds, apart from the rest so that they can be made anew."""

EXPORT = "export.json"
"""In the folder of an exported model: which engine its graph is for."""

BACKGROUND = "scene.background"

SPEED_MEDIAN, SPEED_HIGH = "speed.median", "speed.high"
PATTERN_MEAN, PATTERN_AXES, PATTERN_KNOWN = "pattern.mean", "pattern.axes", "pattern.known"
STATURE_PLACES, STATURE_USUAL = "stature.places", "stature.usual"


def _checksum(description: dict[str, Any]) -> str:
    rest = {key: value for key, value in description.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def save_model(model: Model, folder: Path) -> None:
    """Write the model's two files into `folder`.

    Raises:
        OutputError: they cannot be written.
    """
    tensors: dict[str, Tensor] = {
        f"network.{name}": value.detach().cpu().contiguous() for name, value in model.network.state_dict().items()
    }
    if model.scene is not None:
        tensors[BACKGROUND] = torch.from_numpy(np.ascontiguousarray(model.scene.background))
    usual = model.usual
    if usual is not None:
        arrays = {SPEED_MEDIAN: usual.speed.median_HW, SPEED_HIGH: usual.speed.high_HW}
        if usual.patterns is not None:
            arrays |= {
                PATTERN_MEAN: usual.patterns.mean_K,
                PATTERN_AXES: usual.patterns.axes_KD,
                PATTERN_KNOWN: usual.patterns.known_MD,
            }
        if usual.stature is not None:
            arrays |= {STATURE_PLACES: usual.stature.places_M2, STATURE_USUAL: usual.stature.usual_M3}
        tensors |= {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
    data = save(tensors)
    scene = model.scene
    description = {
        "format": FORMAT,
        "ssmtl": __version__,
        "configuration": model.configuration.model_dump(mode="json"),
        "picture_channels": model.picture_channels,
        "scene": None if scene is None else {"height_slope": scene.height_slope, "height_offset": scene.height_offset},
        "speed_cell": None if usual is None else usual.speed.cell,
        "least_speed": None if usual is None else usual.speed.least,
        "least_usual": None if usual is None or usual.patterns is None else usual.patterns.least,
        "scales": {kind: asdict(scale) for kind, scale in model.scales.items()},
        "training": dict(model.training),
        "weights_sha256": hashlib.sha256(data).hexdigest(),
    }
    crops = b""
    if model.samples is not None:
        rows = model.samples.arrays().items()
        crops = save({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in rows})
        description["samples_sha256"] = hashlib.sha256(crops).hexdigest()
    description["checksum"] = _checksum(description)
    # All are written before any takes its place: a full disk leaves an older model as it was.
    with ExitStack() as stack:
        text, weights = (stack.enter_context(atomic_file(folder / name)) for name in (DESCRIPTION, WEIGHTS))
        text.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        weights.write_bytes(data)
        if crops:
            stack.enter_context(atomic_file(folder / SAMPLES)).write_bytes(crops)
    # A graph that was exported before is of other weights or scales.
    (folder / EXPORT).unlink(missing_ok=True)
    if not crops:
        (folder / SAMPLES).unlink(missing_ok=True)
    if model.calibration is None:
        (folder / CALIBRATION).unlink(missing_ok=True)
    else:
        write_calibration(model.calibration, folder)


def write_calibration(calibration: Calibration, folder: Path) -> None:
    """Put the thresholds into a model's folder; nothing else in it changes.

    Raises:
        OutputError: it cannot be written.
    """
    write_json(folder / CALIBRATION, calibration.dump())


def _read_calibration(folder: Path) -> Calibration | None:
    path = folder / CALIBRATION
    if not path.is_file():
        return None
    try:
        return Calibration.read(json.loads(_read(path)))
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path}: is no calibration ({error}); delete it, or make it anew: `ssmtl calibrate`"
        ) from error


def load_model(folder: Path | str, *, attributes: bool = True) -> Model:
    """Read a model folder. Without what its `attributes` need to score, also one where another version measured that.

    Raises:
        ModelError: a file is missing, was changed after it was written, or is of another version.
    """
    folder = Path(folder)
    description = _read_description(folder)
    data = _read_checked(folder / WEIGHTS, description["weights_sha256"])
    crops = None
    if "samples_sha256" in description:
        crops = load(_read_checked(folder / SAMPLES, description["samples_sha256"]))
    old = description["format"] < 8
    if old:
        description["configuration"]["train"].setdefault("average", 0)
    configuration = parse(Configuration, description["configuration"], f"{folder / DESCRIPTION}, configuration")
    if attributes and configuration.attributes and description["format"] < 13:
        raise ModelError(
            f"{folder}: how objects move was measured otherwise when it was trained; measure it again, without "
            f"training: ssmtl fit NORMAL --network {folder} --out NEW"
        )
    try:
        tensors = load(data)
        background = tensors.pop(BACKGROUND, None)
        scene = None
        if background is not None and description["scene"] is not None:
            scene = Scene(background.numpy(), **description["scene"])
        usual = _read_usual(tensors, description, configuration) if attributes and configuration.attributes else None
        network = build_network(configuration, description["picture_channels"])
        weights = {name: value for name, value in tensors.items() if name.startswith("network.")}
        network.load_state_dict({name.removeprefix("network."): value for name, value in weights.items()})
        scales = {}
        for kind, scale in description["scales"].items():
            scale.pop("rare", None)  # of format 6
            scales[kind] = TaskScale(**scale)
        scored = configuration.scoring_parts if attributes else configuration.scoring_tasks
        missing = [part.kind for part in scored if part.kind not in scales]
        if missing:
            raise KeyError(f"no scale for {missing[0]}")
    except (SafetensorError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        text = str(error).splitlines()[0]
        raise ModelError(f"{folder}: its weights do not fit its description ({text}); train again") from error
    network.eval()
    return Model(
        configuration,
        network,
        description["picture_channels"],
        scene,
        scales,
        description["training"],
        None if crops is None else Samples.of({name: tensor.numpy() for name, tensor in crops.items()}),
        folder if (folder / EXPORT).is_file() else None,
        # Along tracks, frame scores are made otherwise since: a threshold of before is of another scale.
        None if old and configuration.scoring.track_frames > 1 else _read_calibration(folder),
        usual,
    )


def _read_usual(tensors: dict[str, Tensor], description: dict[str, Any], configuration: Configuration) -> Usual:
    """Takes its tensors out of `tensors`; a KeyError names one that is missing."""
    median, high = (tensors.pop(name).numpy() for name in (SPEED_MEDIAN, SPEED_HIGH))
    speed = UsualSpeed(median, high, float(description["speed_cell"]), float(description["least_speed"]))
    patterns, stature = None, None
    for attribute in configuration.attributes:
        if isinstance(attribute, PatternSettings):
            mean, axes, known = (tensors.pop(name).numpy() for name in (PATTERN_MEAN, PATTERN_AXES, PATTERN_KNOWN))
            patterns = UsualPatterns(mean, axes, known, attribute.neighbours, float(description["least_usual"]))
        elif isinstance(attribute, StatureSettings):
            stature = UsualStature(*(tensors.pop(name).numpy() for name in (STATURE_PLACES, STATURE_USUAL)))
    return Usual(speed, patterns, stature)


def _read_checked(path: Path, digest: str) -> bytes:
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != digest:
        raise ModelError(f"{path}: is not the file that {DESCRIPTION} describes (damaged or changed); train again")
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}); name a folder that `ssmtl fit` finished"
        ) from error


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder; make one with `ssmtl fit`")
    try:
        description = json.loads(_read(path))
        version, checksum = description["format"], description["checksum"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: is not a description of a model ({error}); train again") from error
    if version not in READABLE:
        raise ModelError(
            f"{path}: has format {version}, this is ssmtl {__version__} with format {FORMAT}; "
            f"train again, or use the version that wrote it ({description.get('ssmtl', 'unknown')})"
        )
    if checksum != _checksum(description):
        raise ModelError(f"{path}: was changed after it was written; restore it or train again")
    return description

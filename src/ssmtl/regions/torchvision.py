"""Object detectors of torchvision (optional), and how any of its networks is loaded."""

import inspect
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator
from torch import Tensor, nn

from ssmtl.config import Settings
from ssmtl.errors import ConfigError, ModelError
from ssmtl.regions.classes import COCO
from ssmtl.regions.decoders import COCO_IDS, known_names, to_regions
from ssmtl.regions.regions import Regions
from ssmtl.video.frame import Frame

Device = Literal["auto", "cpu", "cuda"]


class TorchvisionSettings(Settings):
    """A detector of torchvision's, trained on COCO: "published" weights are downloaded once, by torchvision.

    A path names a state dict of the same network (.pth, or .safetensors) with COCO's 91 ids as classes.
    """

    kind: Literal["torchvision"] = "torchvision"
    model: Literal[
        "fasterrcnn_resnet50_fpn_v2",
        "fasterrcnn_mobilenet_v3_large_fpn",
        "retinanet_resnet50_fpn_v2",
        "fcos_resnet50_fpn",
        "ssdlite320_mobilenet_v3_large",
        "maskrcnn_resnet50_fpn_v2",
    ] = "fasterrcnn_resnet50_fpn_v2"
    weights: Literal["published"] | Path = "published"
    min_confidence: float = Field(0.5, ge=0, le=1)
    keep: tuple[str, ...] = Field((), description="names of COCO classes to keep; none: all")
    device: Device = "auto"

    @field_validator("keep")
    @classmethod
    def _known(cls, keep: tuple[str, ...]) -> tuple[str, ...]:
        return known_names(keep, COCO)

    @property
    def files(self) -> list[Path]:
        """The files that the detector reads."""
        return [self.weights] if isinstance(self.weights, Path) else []


class TorchvisionDetector:
    """A torchvision detector as a region detector without a memory.

    Args:
        settings: which network, with which weights.
        network: used in place of the one that the settings name.

    Raises:
        ConfigError: torchvision is not installed, or there is no such device.
        ModelError: the weights cannot be had, or fit another network.
    """

    def __init__(self, settings: TorchvisionSettings, network: nn.Module | None = None):
        self.settings = settings
        self.device = pick_device(settings.device, "detectors.torchvision.device")
        if network is None:
            network = share_torchvision(
                settings.model, settings.weights, "detectors.torchvision.weights", str(self.device)
            )
        self.network = network.to(self.device)

    def reset(self) -> None:
        """Nothing to forget: each frame is searched by itself."""

    def detect(self, frame: Frame, known: Regions) -> Regions:
        """The objects in `frame`, whatever is known of it."""
        image_CHW = torch.from_numpy(np.ascontiguousarray(frame.image)).to(self.device).permute(2, 0, 1).float() / 255
        with torch.inference_mode():
            found = self.network([image_CHW])[0]
        boxes, labels, scores = (found[name].cpu().numpy() for name in ("boxes", "labels", "scores"))
        return to_regions(
            boxes.astype(np.float32),
            class_scores(labels, scores.astype(np.float32)),
            COCO,
            frame.image.shape,
            self.settings.min_confidence,
            self.settings.keep,
        )


def class_scores(labels: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """N×80 scores from N labels, which are COCO's ids up to 90, and the one score of each; an unused id has none."""
    return np.asarray((labels[:, None] == np.asarray(COCO_IDS)) * scores[:, None], np.float32)


def pick_device(device: Device, field: str) -> torch.device:
    """The device that `field` of the configuration names; "auto" is CUDA where there is one.

    Raises:
        ConfigError: it is not there.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"{field}=cuda: PyTorch finds no CUDA device here; choose auto or cpu")
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


def share_torchvision(name: str, weights: Literal["published"] | Path, field: str, device: str) -> nn.Module:
    """What `load_torchvision` loads, on `device`, once for all clips of a process.

    Raises:
        ConfigError, ModelError: as `load_torchvision`.
    """
    age = weights.stat().st_mtime_ns if isinstance(weights, Path) and weights.is_file() else 0
    return _shared(name, weights, field, device, age)


@lru_cache(maxsize=4)
def _shared(name: str, weights: Literal["published"] | Path, field: str, device: str, age: int) -> nn.Module:
    return load_torchvision(name, weights, field).to(device)


def load_torchvision(name: str, weights: Literal["published"] | Path, field: str) -> nn.Module:
    """A network of torchvision's in evaluation mode, on the CPU.

    Args:
        name: any name that `torchvision.models.get_model` knows.
        weights: "published" downloads torchvision's best ones, once, into PyTorch's cache; a path is a state dict as
            `torch.save(network.state_dict(), path)` or safetensors writes it. No pickle is run.
        field: the field of the configuration that names the weights, for the text of errors.

    Raises:
        ConfigError: torchvision is not installed or does not fit PyTorch, or knows no such network.
        ModelError: the download fails, or the file is missing, no state dict, or one of another network.
    """
    models = _import_models(field)
    try:
        builder = models.get_model_builder(name)
    except ValueError as error:
        raise ConfigError(f"{field}: this torchvision has no network '{name}'; update it or name another") from error
    if weights == "published":
        return _download(models, name, field)
    # Without this, some networks download a backbone that the file's weights then replace.
    backbone = {"weights_backbone": None} if "weights_backbone" in inspect.signature(builder).parameters else {}
    network: nn.Module = models.get_model(name, weights=None, **backbone)
    _fill(network, name, Path(weights), field)
    return network.eval()


def _import_models(field: str) -> ModuleType:
    try:
        from torchvision import models
    except ImportError as error:
        raise ConfigError(
            f"{field}: torchvision is not installed; pip install torchvision, from the index that PyTorch came from "
            "(pytorch.org/get-started)"
        ) from error
    except RuntimeError as error:
        raise ConfigError(
            f"{field}: the installed torchvision was built for another PyTorch than {torch.__version__} "
            f"({_first_line(error)}); install both from one index, see pytorch.org/get-started"
        ) from error
    return models


def _download(models: ModuleType, name: str, field: str) -> nn.Module:
    try:
        network: nn.Module = models.get_model(name, weights="DEFAULT")
    except (OSError, HTTPException, RuntimeError) as error:
        url = models.get_model_weights(name).DEFAULT.url
        raise ModelError(
            f"{url}: the published weights of {name} cannot be downloaded ({_first_line(error)}); "
            f"try again, or download the file elsewhere and name it by {field}"
        ) from error
    return network.eval()


def _fill(network: nn.Module, name: str, path: Path, field: str) -> None:
    """Load the state dict in `path` into `network`."""
    state = read_state(path, field)
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        sizes = str(error).splitlines()
        raise ModelError(
            f"{path}: is not of torchvision's {name} ({sizes[min(1, len(sizes) - 1)].strip()}); "
            f"name weights of that network by {field}, or another network"
        ) from error
    # Batch counters play no part in evaluation, and published files of frozen batch norms have none.
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unexpected:
        what = f"lacks {missing[0]}" if missing else f"holds {unexpected[0]}, which that network has not"
        raise ModelError(
            f"{path}: is not of torchvision's {name} ({what}); name weights of that network by {field}, "
            "or another network"
        )


def read_state(path: Path, field: str) -> dict[str, Tensor]:
    """The tensors of a state dict, from safetensors or from a file of `torch.save`, of which no code is run.

    Raises:
        ModelError: the file is missing or holds anything else.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file; check {field}") from error
    except Exception as error:  # A damaged file, or one that is no pickle, raises whatever its bytes lead to.
        raise ModelError(
            f"{path}: cannot be read as weights ({_first_line(error)}); {field} wants a file that "
            "torch.save(network.state_dict(), file) or safetensors wrote"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelError(f"{path}: holds more than a state dict; save network.state_dict() alone, check {field}")
    return state


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

"""Object detectors in ONNX, by ONNX Runtime (optional): YOLO of many versions, YOLOX, RT-DETR, D-FINE, RF-DETR."""

from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from ssmtl.config import Settings
from ssmtl.errors import ConfigError, ModelError
from ssmtl.regions.classes import COCO
from ssmtl.regions.decoders import Floats, known_names, to_regions
from ssmtl.regions.forms import READINGS, Answer, Form, Reading, place_picture
from ssmtl.regions.regions import Regions
from ssmtl.video.frame import Frame


class OnnxSettings(Settings):
    """An object detector's weights in ONNX; none come with ssmtl.

    Forms, told from the file where `form` is "auto":
    yolox: YOLOX as it is exported by default, its grid not decoded;
    yolov5: YOLOv5, and what is exported like it (YOLOv3 by Ultralytics, YOLOv7; named by hand, YOLOv6), YOLOv8, YOLO11;
    yolov3: the three raw maps, or the ONNX model zoo's file;
    end_to_end: RT-DETR, D-FINE, RF-DETR, YOLOv10, YOLO26: those that answer without doubles.
    """

    kind: Literal["onnx"] = "onnx"
    path: Path | None = None
    form: Literal["auto"] | Form = "auto"
    min_confidence: float = Field(0.5, ge=0, le=1, description="0.8 in SSMTL++, 0.5 on UCSD Ped2")
    max_overlap: float = Field(0.45, gt=0, le=1, description="intersection over union of two boxes of one class")
    classes: tuple[str, ...] = Field(COCO, min_length=1, description="the network's classes, in its order")
    keep: tuple[str, ...] = Field((), description="names of classes to keep; none: all")
    input_size: int = Field(640, ge=32, multiple_of=32, description="pixels, where the file leaves the size open")
    threads: int = Field(0, ge=0, description="0: as many as PyTorch")

    @field_validator("keep")
    @classmethod
    def _known(cls, keep: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return known_names(keep, info.data.get("classes", ()))

    @property
    def files(self) -> list[Path]:
        """The files that the detector reads."""
        return [self.path] if self.path else []


TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


class OnnxNetwork:
    """A detector's file, open.

    Attributes:
        height, width: of its input, in pixels.
        seen: its inputs and outputs, in words.
        outputs: what it answers to a black picture; tells the form of its answers, open dimensions included.
    """

    def __init__(self, path: Path, input_size: int, threads: int):
        runtime = _import_runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        there = runtime.get_available_providers()
        providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in there]
        try:
            self.session = runtime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # ONNX Runtime's errors have no base of their own.
            raise ModelError(
                f"{path}: is no ONNX file that ONNX Runtime can run ({_first_line(error)}); "
                "download or export it again, or update onnxruntime"
            ) from error
        self.path = path
        self.picture, self.further = self._sort_inputs()
        shape = self.picture.shape
        self.channels_last = shape[3] == 3 and shape[1] != 3
        sides = shape[1:3] if self.channels_last else shape[2:4]
        self.height, self.width = (side if isinstance(side, int) else input_size for side in sides)
        self.outputs = self.run(np.zeros((self.height, self.width, 3), np.float32))
        self.seen = "inputs " + ", ".join(_shown(node.name, node.shape) for node in self.session.get_inputs())
        self.seen += "; outputs " + ", ".join(_shown(name, array.shape) for name, array in self.outputs.items())

    def _sort_inputs(self) -> tuple[Any, list[Any]]:
        """The input for the picture and the others, all of a type that can be fed."""
        inputs = self.session.get_inputs()
        pictures = [node for node in inputs if len(node.shape) == 4]
        odd = [node.type for node in inputs if node.type not in TYPES]
        if len(pictures) != 1 or 3 not in (pictures[0].shape[1], pictures[0].shape[3]) or odd:
            seen = ", ".join(f"{_shown(node.name, node.shape)} {node.type}" for node in inputs)
            raise ModelError(
                f"{self.path}: is no object detector that can be fed (its inputs: {seen}); a detector has one input "
                "B×3×H×W of type float or float16; export it so"
            )
        return pictures[0], [node for node in inputs if node is not pictures[0]]

    def run(self, input_HWC: Floats) -> dict[str, NDArray[Any]]:
        """The outputs for an input, by name; floats as float32.

        Raises:
            ModelError: ONNX Runtime fails.
        """
        layout = input_HWC if self.channels_last else input_HWC.transpose(2, 0, 1)
        feeds = {self.picture.name: np.ascontiguousarray(layout[None], TYPES[self.picture.type])}
        for node in self.further:
            # RT-DETR asks for the size as width, height in integers, YOLOv3 of the model zoo for height, width.
            size = (self.width, self.height) if "int" in node.type else (self.height, self.width)
            feeds[node.name] = np.asarray([size], TYPES[node.type])
        try:
            values = self.session.run(None, feeds)
        except Exception as error:  # ONNX Runtime's errors have no base of their own.
            raise ModelError(
                f"{self.path}: ONNX Runtime cannot run it on a picture of {self.height}×{self.width} pixels "
                f"({_first_line(error)}); export it for batches of one picture, or change detectors.onnx.input_size"
            ) from error
        names = [node.name for node in self.session.get_outputs()]
        return {
            name: value.astype(np.float32) if value.dtype.kind == "f" else value
            for name, value in zip(names, values, strict=True)
        }


class OnnxDetector:
    """An object detector in ONNX as a region detector without a memory.

    Raises:
        ConfigError: no file is named, ONNX Runtime is not installed, or the form of the answers is unknown.
        ModelError: the file cannot be read or run.
    """

    def __init__(self, settings: OnnxSettings):
        self.settings = settings
        self.network = _open(settings)
        self.reading = find_reading(self.network, settings)

    def reset(self) -> None:
        """Nothing to forget: each frame is searched by itself."""

    def detect(self, frame: Frame, known: Regions) -> Regions:
        """The objects in `frame`, whatever is known of it."""
        settings, network, reading = self.settings, self.network, self.reading
        picture, placement = place_picture(frame.image, network.height, network.width, reading.feed)
        outputs = network.run(reading.feed.prepare(picture))
        candidates = reading.decode(Answer(outputs, network.height, network.width, len(settings.classes)))
        if candidates is None:
            raise ModelError(
                f"{network.path}: its answer changed its form within a clip; check detectors.onnx.form and the file"
            )
        return to_regions(
            placement.back(candidates[0]),
            candidates[1],
            settings.classes,
            frame.image.shape,
            settings.min_confidence,
            settings.keep,
            settings.max_overlap if reading.doubles else None,
        )


def find_reading(network: OnnxNetwork, settings: OnnxSettings) -> Reading:
    """The first reading of `settings.form` that fits the network's answers.

    Raises:
        ConfigError: none does; says what the file's inputs and outputs are.
    """
    trial = Answer(network.outputs, network.height, network.width, len(settings.classes))
    for reading in READINGS:
        if settings.form in ("auto", reading.form) and reading.decode(trial) is not None:
            return reading
    what = "no known form" if settings.form == "auto" else f"not of the form {settings.form}"
    raise ConfigError(
        f"{network.path}: is {what} with {len(settings.classes)} classes: {network.seen}; name its form by "
        "detectors.onnx.form (yolov3, yolov5, yolox, end_to_end), and its classes by detectors.onnx.classes "
        "where they are not COCO's"
    )


def _open(settings: OnnxSettings) -> OnnxNetwork:
    if settings.path is None:
        raise ConfigError(
            "detectors.onnx.path: the configuration wants an object detector, and its weights do not come with ssmtl. "
            "Download some in ONNX, for example yolox_s.onnx from the releases page of "
            "github.com/Megvii-BaseDetection/YOLOX, or export YOLOv5 or YOLOv3 to ONNX; then name the file: "
            "--regions yolox_s.onnx+flow. To go on without a detector: --regions motion"
        )
    try:
        age = settings.path.stat().st_mtime_ns
    except OSError as error:
        raise ModelError(
            f"{settings.path}: cannot be read ({error.strerror}); name the detector's file with "
            "--regions FILE.onnx+flow or --set detectors.onnx.path=FILE.onnx"
        ) from error
    return _shared(settings.path, settings.input_size, settings.threads or torch.get_num_threads(), age)


@lru_cache(maxsize=4)
def _shared(path: Path, input_size: int, threads: int, age: int) -> OnnxNetwork:
    """One network for all clips of a process; a file that changed is opened anew."""
    return OnnxNetwork(path, input_size, threads)


def _import_runtime() -> ModuleType:
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(
            "detectors.onnx: ONNX Runtime is not installed; install it with: pip install onnxruntime"
        ) from error
    return onnxruntime


def _shown(name: str, shape: Any) -> str:
    return f"{name} {'×'.join(str(side) for side in shape)}"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]

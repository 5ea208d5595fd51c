"""Networks in ONNX files: a few settings say what a file expects, its sizes and types are read from the file."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from ssmtl.config import Settings
from ssmtl.errors import ConfigError, ModelError

BATCH = 16
"""Pictures that go through the network at once, where the file leaves the number open."""

TYPES: dict[str, type[np.generic]] = {
    "tensor(uint8)": np.uint8,
    "tensor(float16)": np.float16,
    "tensor(float)": np.float32,
}
"""What a network may take, by ONNX Runtime's name."""

NOTHING, ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
"""The mean and the deviation that leave pixels as they are."""

Positive = Annotated[float, Field(gt=0)]
Side = Annotated[int, Field(gt=0)]


class OnnxTeacherSettings(Settings):
    """A network in an ONNX file with one input: a batch of pictures, channels first or last.

    Of a pixel it is given `(value - mean) / std`, with values from 0 to 255.
    """

    kind: Literal["onnx"] = "onnx"
    path: Path
    colour: Literal["rgb", "bgr"] = Field("rgb", description="order of the input's channels")
    mean: tuple[float, float, float] = Field(NOTHING, description="in the order of the input's channels")
    std: tuple[Positive, Positive, Positive] = Field(ONE, description="in the order of the channels")
    size: tuple[Side, Side] | None = Field(
        None, description="input's width and height, where the file leaves them open"
    )
    output: int | str = Field(0, description="which output: its place or its name")

    @property
    def files(self) -> list[Path]:
        """The files that the answers depend on."""
        return [self.path]


class _Session(Protocol):
    """What is used of `onnxruntime.InferenceSession`, which has no types."""

    def get_inputs(self) -> list[Any]: ...
    def get_outputs(self) -> list[Any]: ...
    def run(self, names: list[str], inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]: ...


def open_session(path: Path, field: str) -> _Session:
    """The network in the file `path`, which the configuration's `field` names; opened once in this process.

    Raises:
        ConfigError: there is no such file, or ONNX Runtime is not installed.
        ModelError: the file is damaged or holds what ONNX Runtime does not know.
    """
    if not path.is_file():
        raise ConfigError(f"{field}.path: {path}: no such file; name the ONNX file of the network")
    try:
        return _open(path.resolve(), path.stat().st_mtime_ns)
    except ImportError as error:
        raise ConfigError(f"{field}.kind: onnx needs ONNX Runtime; install it with: pip install onnxruntime") from error
    except Exception as error:  # ONNX Runtime's errors have no base of their own.
        raise ModelError(f"{path}: ONNX Runtime cannot read it ({_first_line(error)}); export it again") from error


@cache
def _open(path: Path, age: int) -> _Session:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    known = onnxruntime.get_available_providers()
    providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in known]
    session: _Session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    return session


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


class OnnxNetwork:
    """A network in an ONNX file, from pictures to its raw output.

    Attributes:
        width, height: of its input.
        channels_last: whether its maps have their channels at the end.
    """

    def __init__(self, settings: OnnxTeacherSettings, field: str):
        self._settings, self._field = settings, field
        self._session = open_session(settings.path, field)
        outputs = [output.name for output in self._session.get_outputs()]
        chosen = dict(enumerate(outputs)) | dict(zip(outputs, outputs, strict=True))
        if settings.output not in chosen:
            raise ConfigError(f"{field}.output: {settings.path} has none '{settings.output}'; it has {outputs}")
        self._output: str = chosen[settings.output]
        self._read_input()

    def _read_input(self) -> None:
        settings, path = self._settings, self._settings.path
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 4 or 3 not in (shape[1], shape[3]):
            raise ModelError(
                f"{path}: has inputs {[entry.shape for entry in inputs]}; a teacher has one, of N×3×H×W or N×H×W×3"
            )
        if inputs[0].type not in TYPES:
            raise ModelError(f"{path}: takes {inputs[0].type}; export it for one of {', '.join(TYPES)}")
        self._input, self._type = inputs[0].name, TYPES[inputs[0].type]
        if self._type is np.uint8 and (settings.mean, settings.std) != (NOTHING, ONE):
            raise ConfigError(f"{self._field}.mean, std: {path} takes bytes as they are; leave both out")
        if isinstance(shape[0], int) and shape[0] != 1:
            raise ModelError(f"{path}: takes batches of {shape[0]} only; export it with a batch of 1, or an open one")
        self._batch = 1 if shape[0] == 1 else BATCH
        self.channels_last = shape[1] != 3
        self.height, self.width = self._find_size(*(shape[1:3] if self.channels_last else shape[2:]))

    def _find_size(self, height: int | str | None, width: int | str | None) -> tuple[int, int]:
        """Height and width of the input, which the file fixes or leaves open."""
        size = self._settings.size
        if isinstance(height, int) and isinstance(width, int):
            if size not in (None, (width, height)):
                raise ConfigError(f"{self._field}.size: {self._settings.path} has {width}×{height}; leave it out")
            return height, width
        if size is None:
            raise ConfigError(f"{self._field}.size: {self._settings.path} leaves it open; give [width, height]")
        return size[1], size[0]

    def run(self, pictures: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[Any]]:
        """The output for each of the `pictures`, height×width×3 RGB.

        Raises:
            ModelError: the network fails, or its output has no batch.
        """
        waiting = iter(pictures)
        while batch := list(islice(waiting, self._batch)):
            try:
                (output,) = self._session.run([self._output], {self._input: self._prepare(np.stack(batch))})
            except Exception as error:
                raise ModelError(
                    f"{self._settings.path}: fails on pictures of {self.width}×{self.height} ({_first_line(error)}); "
                    f"check {self._field}"
                ) from error
            if output.shape[:1] != (len(batch),):
                if len(batch) > 1:
                    raise self.misfit(output, f"a batch of {len(batch)}")
                output = output[None]
            yield from output

    def _prepare(self, pictures: NDArray[np.uint8]) -> NDArray[Any]:
        """B×height×width×3 RGB as the network wants it."""
        values: NDArray[Any] = pictures[..., ::-1] if self._settings.colour == "bgr" else pictures
        if self._type is not np.uint8:
            mean, std = (np.array(three, np.float32) for three in (self._settings.mean, self._settings.std))
            values = (values - mean) / std
        return np.ascontiguousarray(values if self.channels_last else values.transpose(0, 3, 1, 2), self._type)

    def planes(self, output: NDArray[Any]) -> NDArray[Any]:
        """One picture's output as C×H×W, whichever way the network has its channels."""
        if output.ndim != 3:
            raise self.misfit(output, "C×H×W")
        return output.transpose(2, 0, 1) if self.channels_last else output

    def misfit(self, output: NDArray[Any], expected: str) -> ModelError:
        """The error that says that an output is not what was expected."""
        return ModelError(
            f"{self._settings.path}: output '{self._output}' is {'×'.join(map(str, output.shape))}, not {expected}; "
            f"check {self._field}"
        )

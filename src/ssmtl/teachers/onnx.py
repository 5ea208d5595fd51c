"""Teachers from ONNX files."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ssmtl.teachers.onnx_network import OnnxNetwork, OnnxTeacherSettings
from ssmtl.teachers.teacher import CLASSES, JOINTS, TARGETS
from ssmtl.teachers.windows import Window, crop_windows, look, onto_crop, whole, without_distortion


class OnnxClassifierSettings(OnnxTeacherSettings):
    """A classifier of ImageNet's 1000 classes, which sees each padded box resized to its input."""

    values: Literal["logits", "probabilities"] = Field("logits", description="before or after the softmax")
    first_class: int = Field(0, ge=0, description="place of ImageNet's first class; 1 where 0 is the background")
    scale: float = Field(1.0, gt=0, description="what the output is multiplied by; 1/255 for probabilities as bytes")


class OnnxSegmentationSettings(OnnxTeacherSettings):
    """A segmentation network: which class each pixel is of, or the share of it that the object covers."""

    values: Literal["classes", "logits", "mask"] = Field(
        "classes", description="H×W indices, a map for each class, or one map of probabilities in [0, 1]"
    )
    foreground: tuple[int, ...] = Field((), description="classes that count as an object; none named: all but 0")
    sees: Literal["crop", "frame"] = Field(
        "crop", description="each box, or the whole frame once; both without distortion"
    )
    context: float = Field(2.0, ge=0, le=5, description="around a box that is seen, as a share of its side")


class OnnxPoseSettings(OnnxTeacherSettings):
    """A pose network for one person: a heat-map in [0, 1] of each of COCO's 17 joints.

    It sees each box without distortion: people who are stretched to the input's shape are not what it knows.
    """

    context: float = Field(0.3, ge=0, le=5, description="around the box, as a share of its side")


class OnnxClassifier:
    """The values before the softmax of each padded box."""

    def __init__(self, settings: OnnxClassifierSettings, field: str, padding: float):
        self._settings, self._field, self._padding = settings, field, padding
        self._network = OnnxNetwork(settings, field)

    def answer(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """N×1000 logits; of probabilities, their logarithms, of mean 0."""
        network = self._network
        windows = crop_windows(image, boxes, self._padding)
        outputs = network.run(look(image, window, network.width, network.height) for window in windows)
        answers = [self._logits(output) for output in outputs]
        return np.array(answers, np.float32).reshape(len(boxes), *TARGETS["classifier"])

    def _logits(self, output: NDArray[Any]) -> NDArray[np.float32]:
        first = self._settings.first_class
        if output.size != first + CLASSES:
            beside = output.size - CLASSES
            hint = f"; set {self._field}.first_class = {beside}" if 0 <= beside <= 8 else "; is it a classifier?"
            raise self._network.misfit(output, f"{first} + {CLASSES} classes{hint}")
        values = output.reshape(-1)[first:].astype(np.float64) * self._settings.scale
        if self._settings.values == "logits":
            return values.astype(np.float32)
        # A probability of 0 was rounded down: from anything below half of the smallest step.
        integer = np.issubdtype(output.dtype, np.integer)
        least = self._settings.scale / 2 if integer else float(np.finfo(output.dtype).tiny)
        logarithms = np.log(np.maximum(values, least))
        return (logarithms - logarithms.mean()).astype(np.float32)


class OnnxSegmentation:
    """The pixels of each crop that are of the foreground's classes, whichever object's they are."""

    def __init__(self, settings: OnnxSegmentationSettings, field: str, padding: float):
        self._settings, self._padding = settings, padding
        self._network = OnnxNetwork(settings, field)

    def answer(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """N×1×64×64 masks in [0, 1]."""
        parts = crop_windows(image, boxes, self._padding)
        masks = self._masks(image, boxes) if len(boxes) else ()
        answers = [onto_crop(mask[None], window, part) for part, (window, mask) in zip(parts, masks, strict=True)]
        return np.array(answers, np.float32).reshape(len(boxes), *TARGETS["segmentation"])

    def _masks(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> Iterator[tuple[Window, NDArray[Any]]]:
        """A window and its mask for each box."""
        if self._settings.sees == "frame":
            ((window, output),) = _see(self._network, image, [whole(image)])
            yield from [(window, self._mask(output))] * len(boxes)
        else:
            windows = crop_windows(image, boxes, max(self._settings.context, self._padding))
            for window, output in _see(self._network, image, windows):
                yield window, self._mask(output)

    def _mask(self, output: NDArray[Any]) -> NDArray[np.float32]:
        values = self._settings.values
        flat = self._network.planes(output).argmax(axis=0) if values == "logits" else np.squeeze(output)
        if flat.ndim != 2:
            raise self._network.misfit(output, "H×W")
        if values == "mask":
            return flat.astype(np.float32)
        if values == "classes" and not np.issubdtype(output.dtype, np.integer):
            raise self._network.misfit(output, f"H×W class indices, which are whole numbers (it gives {output.dtype})")
        foreground = self._settings.foreground
        return (np.isin(flat, foreground) if foreground else flat != 0).astype(np.float32)


class OnnxPose:
    """The joints' heat-maps of the person in each box, as the network gives them."""

    def __init__(self, settings: OnnxPoseSettings, field: str, padding: float):
        self._padding, self._context = padding, max(settings.context, padding)
        self._network = OnnxNetwork(settings, field)

    def answer(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """N×17×64×64 heat-maps in [0, 1]."""
        parts = crop_windows(image, boxes, self._padding)
        seen = _see(self._network, image, crop_windows(image, boxes, self._context))
        answers = [
            onto_crop(self._maps(output), window, part) for part, (window, output) in zip(parts, seen, strict=True)
        ]
        return np.array(answers, np.float32).reshape(len(boxes), *TARGETS["pose"])

    def _maps(self, output: NDArray[Any]) -> NDArray[np.float32]:
        maps = self._network.planes(output)
        if len(maps) != len(JOINTS):
            raise self._network.misfit(output, f"one map for each of COCO's {len(JOINTS)} joints")
        return maps.astype(np.float32)


def _see(
    network: OnnxNetwork, image: NDArray[np.uint8], windows: list[Window]
) -> Iterator[tuple[Window, NDArray[Any]]]:
    """What the network answers to each window, widened so that nothing is distorted: what it saw, and its output."""
    seen = [without_distortion(window, network.width, network.height) for window in windows]
    outputs = network.run(look(image, window, network.width, network.height) for window in seen)
    return zip(seen, outputs, strict=True)

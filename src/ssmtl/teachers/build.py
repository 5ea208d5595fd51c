"""Which teacher stands for each target, and how it is built from its settings."""

from typing import Annotated

from pydantic import Field

from ssmtl.config import Settings
from ssmtl.teachers.onnx import (
    OnnxClassifier,
    OnnxClassifierSettings,
    OnnxPose,
    OnnxPoseSettings,
    OnnxSegmentation,
    OnnxSegmentationSettings,
)
from ssmtl.teachers.teacher import Teacher
from ssmtl.teachers.torchvision import (
    TorchvisionClassifier,
    TorchvisionClassifierSettings,
    TorchvisionPose,
    TorchvisionPoseSettings,
    TorchvisionSegmentation,
    TorchvisionSegmentationSettings,
)

ClassifierSettings = Annotated[OnnxClassifierSettings | TorchvisionClassifierSettings, Field(discriminator="kind")]
SegmentationSettings = Annotated[
    OnnxSegmentationSettings | TorchvisionSegmentationSettings, Field(discriminator="kind")
]
PoseSettings = Annotated[OnnxPoseSettings | TorchvisionPoseSettings, Field(discriminator="kind")]


class Teachers(Settings):
    """The network behind each target; it is loaded where a task learns from it."""

    classifier: ClassifierSettings = TorchvisionClassifierSettings()
    segmentation: SegmentationSettings = TorchvisionSegmentationSettings()
    pose: PoseSettings = TorchvisionPoseSettings()


def build_teacher(
    name: str, settings: ClassifierSettings | SegmentationSettings | PoseSettings, padding: float
) -> Teacher:
    """The teacher of the target `name`, which its field of `Teachers` describes.

    Args:
        name: one of `TARGETS`.
        settings: that field.
        padding: context around a box on each side, as a share of its side; the same as of the crops.

    Raises:
        ConfigError: a library or a file is missing, or the settings do not fit the file.
        ModelError: the file is damaged, or the weights are of another network.
    """
    field = f"teachers.{name}"
    match settings:
        case OnnxClassifierSettings():
            return OnnxClassifier(settings, field, padding)
        case OnnxSegmentationSettings():
            return OnnxSegmentation(settings, field, padding)
        case OnnxPoseSettings():
            return OnnxPose(settings, field, padding)
        case TorchvisionClassifierSettings():
            return TorchvisionClassifier(settings, padding)
        case TorchvisionSegmentationSettings():
            return TorchvisionSegmentation(settings, padding)
        case TorchvisionPoseSettings():
            return TorchvisionPose(settings, padding)

"""Teachers from torchvision, with their published weights: ResNet-50, Mask R-CNN, Keypoint R-CNN."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from ssmtl.config import Settings
from ssmtl.regions.regions import overlaps
from ssmtl.regions.torchvision import pick_device, share_torchvision
from ssmtl.sequences.crop import SIZE
from ssmtl.teachers.teacher import TARGETS
from ssmtl.teachers.windows import crop_windows, look, onto_crop, whole

INPUT = 224
"""Height and width of a classifier's input in pixels."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of pixels in [0, 1]: what torchvision's classifiers are trained with."""

BATCH = 16
"""Pictures that go through a classifier at once."""

SPREAD = 2.0
"""Standard deviation of a joint's spot in pixels of the crop."""

VISIBLE = 0.0
"""Score above which a joint counts as seen. Keypoint R-CNN's scores are values before a softmax over places."""


class TorchvisionTeacherSettings(Settings):
    """A network of torchvision's: "published" weights are downloaded once, by torchvision; a path is a state dict."""

    kind: Literal["torchvision"] = "torchvision"
    weights: Literal["published"] | Path = Field("published", description="or a .pth or .safetensors file")

    @property
    def files(self) -> list[Path]:
        """The files that the answers depend on."""
        return [self.weights] if isinstance(self.weights, Path) else []


class TorchvisionClassifierSettings(TorchvisionTeacherSettings):
    """A classifier of ImageNet's 1000 classes, which sees each padded box resized to 224×224."""

    model: Literal["resnet50", "resnet18", "mobilenet_v3_large"] = "resnet50"


class TorchvisionSegmentationSettings(TorchvisionTeacherSettings):
    """Instance segmentation, which sees the whole frame."""

    model: Literal["maskrcnn_resnet50_fpn_v2", "maskrcnn_resnet50_fpn"] = "maskrcnn_resnet50_fpn_v2"


class TorchvisionPoseSettings(TorchvisionTeacherSettings):
    """People's joints, by a network that sees the whole frame."""

    model: Literal["keypointrcnn_resnet50_fpn"] = "keypointrcnn_resnet50_fpn"


AnySettings = TorchvisionClassifierSettings | TorchvisionSegmentationSettings | TorchvisionPoseSettings


class _TorchvisionTeacher:
    """What the three have in common: a network on CUDA where there is one, else on the CPU.

    Args:
        settings: which network, with which weights.
        padding: context around a box on each side in the crop, as a share of the box's side.
        network: used in place of the one that the settings name.

    Raises:
        ConfigError: torchvision is not installed.
        ModelError: the weights cannot be had, or fit another network.
    """

    target: ClassVar[str]

    def __init__(self, settings: AnySettings, padding: float, network: nn.Module | None = None):
        self.padding = padding
        self.device = pick_device("auto", f"teachers.{self.target}")
        if network is None:
            field = f"teachers.{self.target}.weights"
            network = share_torchvision(settings.model, settings.weights, field, str(self.device))
        self.network = network.to(self.device)

    def prepare(self, pictures: NDArray[np.uint8]) -> Tensor:
        """N×H×W×3 bytes → N×3×H×W in [0, 1], on the network's device."""
        return torch.from_numpy(np.ascontiguousarray(pictures)).to(self.device).permute(0, 3, 1, 2).float() / 255

    def find(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> tuple[dict[str, Tensor], NDArray[np.intp]]:
        """What a detector finds in the whole frame, and which of it fits each box best."""
        with torch.inference_mode():
            found = self.network(list(self.prepare(image[None])))[0]
        return found, best_fit(boxes, found["boxes"].cpu().numpy())


class TorchvisionClassifier(_TorchvisionTeacher):
    """The values before the softmax of each padded box."""

    target = "classifier"

    def answer(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """N×1000 logits."""
        windows = crop_windows(image, boxes, self.padding)
        answers = np.empty((len(boxes), *TARGETS[self.target]), np.float32)
        mean, std = (torch.tensor(values, device=self.device).view(3, 1, 1) for values in (MEAN, STD))
        for first in range(0, len(boxes), BATCH):
            some = slice(first, first + BATCH)
            pictures = np.stack([look(image, window, INPUT, INPUT) for window in windows[some]])
            with torch.inference_mode():
                answers[some] = self.network((self.prepare(pictures) - mean) / std).cpu().numpy()
        return answers


class TorchvisionSegmentation(_TorchvisionTeacher):
    """The mask of the instance that fits each box best."""

    target = "segmentation"

    def answer(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """N×1×64×64 masks in [0, 1]; 0 where no instance overlaps the box."""
        answers = np.zeros((len(boxes), *TARGETS[self.target]), np.float32)
        if not len(boxes):
            return answers
        found, best = self.find(image, boxes)
        for n, window in enumerate(crop_windows(image, boxes, self.padding)):
            if best[n] >= 0:
                mask = found["masks"][best[n]].cpu().numpy()
                answers[n] = onto_crop(mask, whole(image), window)
        return answers


class TorchvisionPose(_TorchvisionTeacher):
    """The joints of the person that fits each box best: a Gaussian at each one that is seen."""

    target = "pose"

    def answer(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """N×17×64×64 heat-maps in [0, 1]; 0 for joints that are not seen, and where no person overlaps the box."""
        answers = np.zeros((len(boxes), *TARGETS[self.target]), np.float32)
        if not len(boxes):
            return answers
        found, best = self.find(image, boxes)
        for n, (low, high) in enumerate(crop_windows(image, boxes, self.padding)):
            if best[n] >= 0:
                places = found["keypoints"][best[n], :, :2].cpu().numpy()
                seen = found["keypoints_scores"][best[n]].cpu().numpy() > VISIBLE
                answers[n] = spots((places - low) / (high - low) * SIZE) * seen[:, None, None]
        return answers


def best_fit(boxes: NDArray[np.float32], found: NDArray[np.float32]) -> NDArray[np.intp]:
    """For each of N boxes, which of the M found has the highest intersection over union; -1 where none overlaps."""
    return np.array([row.argmax() if row.max(initial=0) > 0 else -1 for row in overlaps(boxes, found)], np.intp)


def spots(places: NDArray[np.floating]) -> NDArray[np.float32]:
    """K×64×64: a Gaussian of height 1 about each of K places (K×2: x and y, from the crop's edges, in its pixels)."""
    middles = np.arange(SIZE) + 0.5
    x, y = (np.exp(-0.5 * ((middles - places[:, i, None]) / SPREAD) ** 2) for i in (0, 1))
    return np.asarray(y[:, :, None] * x[:, None, :], np.float32)

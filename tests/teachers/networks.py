"""Tiny networks whose answers are known, and the pictures that they are asked about."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

HEIGHT, WIDTH = 100, 160

NAMES = {np.uint8: TensorProto.UINT8, np.float16: TensorProto.FLOAT16, np.float32: TensorProto.FLOAT}
SCALED = {"std": (255.0, 255.0, 255.0)}


def ramps(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A smooth picture: red grows to the right, green downwards, blue both ways."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 / width, y * 255 / height, (x + y) * 255 / (height + width)], axis=-1).astype(np.uint8)


def noise(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def boxes(*rows: tuple[float, float, float, float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def save_channels(
    path: Path,
    channels: int | list[int],
    size: tuple[int, int] | None = (64, 64),
    batch: int | str = "batch",
    kind: type[np.generic] = np.float32,
    channels_last: bool = False,
    also: bool = False,
) -> Path:
    """A network that answers with some channels of its input, in that order; a single one makes B×H×W.

    `size` is width and height, None leaves them open. `also`: it has the whole input as a first output, "all".
    """
    width, height = size or ("width", "height")
    shape = [batch, height, width, 3] if channels_last else [batch, 3, height, width]
    given = helper.make_tensor_value_info("picture", NAMES[kind], shape)
    answer = helper.make_tensor_value_info("answer", NAMES[kind], None)
    nodes = [helper.make_node("Gather", ["picture", "channels"], ["answer"], axis=3 if channels_last else 1)]
    outputs = [answer]
    if also:
        nodes.append(helper.make_node("Identity", ["picture"], ["all"]))
        outputs.insert(0, helper.make_tensor_value_info("all", NAMES[kind], None))
    constants = [numpy_helper.from_array(np.array(channels, np.int64), "channels")]
    return save(path, helper.make_graph(nodes, "channels", [given], outputs, constants))


def save_classifier(path: Path, weights: NDArray[np.float32], size: tuple[int, int] = (8, 8), bias: float = 0) -> Path:
    """A network whose 3×K `weights` are applied to the mean of each colour."""
    width, height = size
    given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["batch", 3, height, width])
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["batch", weights.shape[1]])
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["means"]),
        helper.make_node("Flatten", ["means"], ["colours"]),
        helper.make_node("MatMul", ["colours", "weights"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["answer"]),
    ]
    constants = [numpy_helper.from_array(weights.astype(np.float32), "weights")]
    constants.append(numpy_helper.from_array(np.float32([bias]), "bias"))
    return save(path, helper.make_graph(nodes, "classifier", [given], [answer], constants))


def save_constant(path: Path, answer: NDArray[np.generic], shape: tuple[int | str, ...] = (1, 3, 8, 8)) -> Path:
    """A network that gives the same `answer` to whatever it is asked."""
    given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)
    constant = numpy_helper.from_array(answer, "value")
    output = helper.make_tensor_value_info("answer", constant.data_type, None)
    node = helper.make_node("Identity", ["value"], ["answer"])
    return save(path, helper.make_graph([node], "constant", [given], [output], [constant]))


def save(path: Path, graph: onnx.GraphProto) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


class Colours(nn.Module):
    """Stands for a torchvision classifier: class k is 1 + k times the mean of colour k % 3, before normalisation."""

    def forward(self, pictures: Tensor) -> Tensor:
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        colours = pictures.mean(dim=(2, 3)).cpu() * std + mean
        return colours[:, torch.arange(1000) % 3] * torch.arange(1, 1001)


class Finds(nn.Module):
    """Stands for a torchvision detector: it finds the same whatever the picture shows."""

    def __init__(self, **found: NDArray[np.floating]):
        super().__init__()
        self.found = {name: torch.as_tensor(np.asarray(value, np.float32)) for name, value in found.items()}

    def forward(self, pictures: list[Tensor]) -> list[dict[str, Tensor]]:
        assert [tuple(picture.shape[:1]) for picture in pictures] == [(3,)]
        assert all(float(picture.min()) >= 0 and float(picture.max()) <= 1 for picture in pictures)
        return [self.found]


class Reds(nn.Module):
    """Stands for Mask R-CNN: two halves of the picture, left and right; a mask is the picture's red there."""

    def forward(self, pictures: list[Tensor]) -> list[dict[str, Tensor]]:
        red = pictures[0][:1]
        height, width = red.shape[1:]
        left = torch.arange(width, device=red.device) < width / 2
        halves = torch.tensor([[0.0, 0, width / 2, height], [width / 2, 0, width, height]])
        return [{"boxes": halves, "masks": torch.stack([red * left, red * ~left])}]


def random_network(name: str, **fields: Any) -> nn.Module:
    """One of torchvision's networks with random weights; without torchvision the test is skipped."""
    models = pytest.importorskip("torchvision", reason="torchvision is not installed").models
    torch.manual_seed(0)
    network: nn.Module = models.get_model(name, weights=None, **fields).eval()
    return network


def random_rcnn(name: str) -> nn.Module:
    """Mask or Keypoint R-CNN with random weights: small and fast, and it finds a few things in anything."""
    few = {"rpn_post_nms_top_n_test": 200, "box_detections_per_img": 20, "box_score_thresh": 0.0}
    return random_network(name, weights_backbone=None, min_size=96, **few)

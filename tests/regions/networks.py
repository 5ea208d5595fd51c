"""Small networks in ONNX, made with the tests: some answer always the same, one finds whatever is bright."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

BRIGHT = 181 / 255
"""Level above which a pixel is of the square in `pictures.with_square`, and never of the texture behind it."""

Input = tuple[str, int, Sequence[int | str]]


def picture_input(
    height: int | str, width: int | str, name: str = "images", kind: int = TensorProto.FLOAT, last: bool = False
) -> Input:
    return name, kind, (1, height, width, 3) if last else (1, 3, height, width)


def save(
    path: Path, inputs: Sequence[Input], nodes: list[onnx.NodeProto], outputs: Mapping[str, int], **constants: NDArray
) -> Path:
    """Write a network of `nodes`, whose `outputs` are of the types given, and return `path`."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def save_constant(path: Path, inputs: Sequence[Input], outputs: Mapping[str, NDArray]) -> Path:
    """A network that answers with `outputs` to whatever it is shown."""
    nodes = [helper.make_node("Identity", [f"{name}_value"], [name]) for name in outputs]
    types = {name: helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in outputs.items()}
    return save(path, inputs, nodes, types, **{f"{name}_value": value for name, value in outputs.items()})


def save_bright(path: Path, height: int, width: int) -> Path:
    """A network that finds the box around all bright pixels, in the form of YOLO26: 1×1×6, a person of 0.9."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    # The largest of each over the bright pixels: how near the left, upper, right and lower end they come.
    ends = np.stack([width - x, height - y, x + 1, y + 1])[None]
    make = helper.make_node
    nodes = [
        make("ReduceMax", ["images"], ["level"], axes=[1], keepdims=1),
        make("Greater", ["level", "bright"], ["is_bright"]),
        make("Cast", ["is_bright"], ["mask"], to=TensorProto.FLOAT),
        make("Mul", ["mask", "ends"], ["reached"]),
        make("ReduceMax", ["reached"], ["largest"], axes=[2, 3], keepdims=0),
        make("Mul", ["largest", "sign"], ["signed"]),
        make("Add", ["signed", "size"], ["box"]),
        make("ReduceMax", ["mask"], ["any"], axes=[2, 3], keepdims=0),
        make("Mul", ["any", "sure"], ["score"]),
        make("Concat", ["box", "score", "person"], ["row"], axis=1),
        make("Unsqueeze", ["row", "one"], ["output0"]),
    ]
    constants = {
        "bright": np.array(BRIGHT, np.float32),
        "ends": ends,
        "sign": np.array([[-1, -1, 1, 1]], np.float32),
        "size": np.array([[width, height, 0, 0]], np.float32),
        "sure": np.array(0.9, np.float32),
        "person": np.zeros((1, 1), np.float32),
        "one": np.array([1], np.int64),
    }
    return save(path, [picture_input(height, width)], nodes, {"output0": TensorProto.FLOAT}, **constants)


class Bright(nn.Module):
    """The same in the form of torchvision's detectors: a person (COCO's id 1) around all bright pixels."""

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        y, x = torch.nonzero(images[0].amax(dim=0) > BRIGHT, as_tuple=True)
        box = [x.min(), y.min(), x.max() + 1, y.max() + 1] if len(x) else []
        n = len(box) // 4
        return [
            {
                "boxes": torch.tensor(box, dtype=torch.float32).reshape(n, 4),
                "labels": torch.ones(n, dtype=torch.int64),
                "scores": torch.full((n,), 0.9),
            }
        ]

"""How teachers are configured, and that the documentation's examples are what the settings take."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ssmtl.config import merge, parse
from ssmtl.errors import ConfigError
from ssmtl.teachers.build import Teachers, build_teacher
from ssmtl.teachers.onnx import OnnxClassifier, OnnxPose, OnnxSegmentation
from ssmtl.teachers.teacher import TARGETS

from .networks import SCALED, boxes, noise, save_channels

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "teachers.md"


def documented() -> dict[str, Any]:
    """The `[teachers.NAME]` blocks of the documentation, as one configuration would hold them."""
    lines = [line.strip() for line in DOCUMENTATION.read_text(encoding="utf-8").splitlines() if line.startswith("    ")]
    lines = [line for line in lines if re.match(r"\[teachers|\w+ = ", line)]
    return dict(tomllib.loads("\n".join(lines))["teachers"])


def test_defaults_are_torchvisions_published_networks() -> None:
    models = {name: getattr(Teachers(), name).model for name in TARGETS}
    assert models == {
        "classifier": "resnet50",
        "segmentation": "maskrcnn_resnet50_fpn_v2",
        "pose": "keypointrcnn_resnet50_fpn",
    }
    assert all(getattr(Teachers(), name).weights == "published" for name in TARGETS)
    assert all(getattr(Teachers(), name).files == [] for name in TARGETS)


def test_the_documented_examples() -> None:
    examples = documented()
    assert examples.keys() == TARGETS.keys()
    settings = parse(Teachers, merge(Teachers().model_dump(mode="json"), examples))
    for name in TARGETS:
        part = getattr(settings, name)
        assert part.kind == "onnx" and part.files == [Path(examples[name]["path"])]
    # What is saved with a model reads back as it was.
    assert parse(Teachers, settings.model_dump(mode="json")) == settings


def test_files_are_what_answers_depend_on() -> None:
    settings = parse(Teachers, {"classifier": {"kind": "torchvision", "weights": "mine.pth"}})
    assert settings.classifier.files == [Path("mine.pth")]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("pose", {"kind": "onnx"}, r"pose\.onnx\.path: field required"),
        ("pose", {"kind": "tensorrt"}, "pose: .*'onnx', 'torchvision'"),
        ("pose", {"kind": "onnx", "path": "a", "foreground": [1]}, r"pose\.onnx\.foreground: unknown field"),
        ("pose", {"kind": "onnx", "path": "a", "std": [1, 0, 1]}, r"pose\.onnx\.std\.1: .*greater than 0"),
        ("pose", {"kind": "onnx", "path": "a", "size": [0, 64]}, r"pose\.onnx\.size\.0"),
        ("pose", {"kind": "torchvision", "model": "resnet50"}, r"pose\.torchvision\.model: .*keypointrcnn"),
        ("classifier", {"kind": "onnx", "path": "a", "values": "softmax"}, r"values: .*'logits' or 'probabilities'"),
        ("segmentation", {"kind": "onnx", "path": "a", "sees": "box"}, r"sees: .*'crop' or 'frame'"),
    ],
)
def test_mistakes_name_the_field(name: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(Teachers, {name: values}, "teachers")


@pytest.mark.parametrize(
    ("name", "kind"), [("classifier", OnnxClassifier), ("segmentation", OnnxSegmentation), ("pose", OnnxPose)]
)
def test_the_settings_choose_the_teacher(tmp_path: Path, name: str, kind: type) -> None:
    path = save_channels(tmp_path / "net.onnx", [0] * 17)
    settings = getattr(parse(Teachers, {name: {"kind": "onnx", "path": str(path)}}), name)
    assert type(build_teacher(name, settings, 0.1)) is kind


def test_the_padding_is_the_crops(tmp_path: Path) -> None:
    """With more padding, an object takes less of the answer: as much as it takes of the crop."""
    path = save_channels(tmp_path / "net.onnx", 0, (160, 100))
    image = noise() * 0
    image[20:60, 40:80] = 255
    values = {"kind": "onnx", "path": str(path), "values": "mask", "sees": "frame", **SCALED}
    settings = parse(Teachers, {"segmentation": values}).segmentation
    for padding, share in ((0.0, 1.0), (0.5, 0.25)):
        found = build_teacher("segmentation", settings, padding).answer(image, boxes((40, 20, 80, 60)))
        assert found.mean() == pytest.approx(share, abs=0.02)

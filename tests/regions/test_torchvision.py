"""Detectors of torchvision: what becomes of their answers, and how weights are read without running any code."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args
from urllib.error import URLError

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from ssmtl.config import parse
from ssmtl.errors import ConfigError, ModelError
from ssmtl.regions.classes import COCO
from ssmtl.regions.decoders import COCO_IDS
from ssmtl.regions.flow import FlowSettings
from ssmtl.regions.torchvision import (
    TorchvisionDetector,
    TorchvisionSettings,
    class_scores,
    load_torchvision,
    pick_device,
    read_state,
    share_torchvision,
)
from ssmtl.regions.union import build_detector
from ssmtl.video.frame import Frame

from .pictures import NOTHING, texture, to_frames

FIELD = "detectors.torchvision.weights"


class Fixed(nn.Module):
    """Answers in the form of torchvision's detectors, and notes what it was shown."""

    def __init__(self, boxes: list[list[float]], labels: list[int], scores: list[float]):
        super().__init__()
        self.answer = {"boxes": torch.tensor(boxes).reshape(-1, 4), "labels": torch.tensor(labels, dtype=torch.int64)}
        self.answer["scores"] = torch.tensor(scores)

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        self.shown = images
        return [self.answer]


@pytest.fixture
def models() -> Any:
    return pytest.importorskip("torchvision.models", reason="torchvision is not installed", exc_type=ImportError)


class TestDetector:
    FRAME = Frame(0, 0.0, np.full((60, 100, 3), [51, 102, 204], np.uint8))
    ANSWER = ([[1.0, 2, 30, 40], [50, 20, 70, 50], [5, 5, 9, 9], [0, 0, 9, 9]], [1, 3, 18, 12], [0.9, 0.75, 0.2, 0.9])
    """A person, a car, a dog that is hardly one, and an id that COCO does not use."""

    @pytest.mark.parametrize(
        ("values", "labels"),
        [
            ({}, ["person", "car"]),
            ({"min_confidence": 0.1}, ["person", "car", "dog"]),
            ({"min_confidence": 0.0}, ["person", "car", "dog"]),
            ({"min_confidence": 0.8}, ["person"]),
            ({"keep": ("car", "dog")}, ["car"]),
        ],
    )
    def test_labels_and_probabilities(self, values: dict[str, Any], labels: list[str]) -> None:
        found = TorchvisionDetector(TorchvisionSettings(**values), Fixed(*self.ANSWER)).detect(self.FRAME, NOTHING)
        assert found.label.tolist() == labels and set(found.origin) == {"detector"}
        expected = {"person": 0.9, "car": 0.75, "dog": 0.2}
        for label, box, row in zip(labels, found.boxes, found.probabilities, strict=True):
            assert box.tolist() == self.ANSWER[0][list(expected).index(label)]
            assert {COCO[i]: round(float(row[i]), 5) for i in np.flatnonzero(row)} == {label: expected[label]}

    def test_the_network_is_shown_red_green_blue_up_to_one(self) -> None:
        network = Fixed([], [], [])
        assert len(TorchvisionDetector(TorchvisionSettings(), network).detect(self.FRAME, NOTHING)) == 0
        (image,) = network.shown
        assert tuple(image.shape) == (3, 60, 100) and image.dtype == torch.float32
        np.testing.assert_allclose(image[:, 0, 0].cpu(), [0.2, 0.4, 0.8], rtol=1e-6)

    @pytest.mark.parametrize("labels", [[], [1], [90, 12, 0, 91]])
    def test_class_scores(self, labels: list[int]) -> None:
        scores = class_scores(np.array(labels, np.int64), np.full(len(labels), 0.5, np.float32))
        assert scores.shape == (len(labels), 80) and scores.dtype == np.float32
        columns = {1: [0], 90: [79]}
        assert [np.flatnonzero(row).tolist() for row in scores] == [columns.get(label, []) for label in labels]

    @pytest.mark.parametrize("values", [{"keep": ["ghost"]}, {"model": "yolo"}, {"min_confidence": 2}])
    def test_settings_that_cannot_be(self, values: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match=next(iter(values))):
            parse(TorchvisionSettings, values)

    def test_a_device_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert pick_device("auto", FIELD).type == pick_device("cpu", FIELD).type == "cpu"
        with pytest.raises(ConfigError, match=r"detectors\.torchvision\.device=cuda: .*choose auto or cpu"):
            TorchvisionDetector(TorchvisionSettings(device="cuda"), Fixed([], [], []))

    def test_torchvisions_classes(self, models: Any) -> None:
        """Its published weights name what each id stands for."""
        names = models.detection.FasterRCNN_ResNet50_FPN_V2_Weights.DEFAULT.meta["categories"]
        assert [names[i] for i in COCO_IDS] == list(COCO)
        assert {name for i, name in enumerate(names) if i not in COCO_IDS} == {"__background__", "N/A"}

    def test_all_that_the_settings_name_is_there(self, models: Any) -> None:
        for settings in (TorchvisionSettings, FlowSettings):
            for name in get_args(settings.model_fields["model"].annotation):
                assert len(models.get_model_weights(name).DEFAULT.url) > 0

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("fasterrcnn_mobilenet_v3_large_fpn", {"box_score_thresh": 0.0}),
            ("ssdlite320_mobilenet_v3_large", {}),
            ("retinanet_resnet50_fpn_v2", {"score_thresh": 0.0}),
        ],
    )
    def test_an_untrained_network(self, name: Any, options: dict[str, float], models: Any) -> None:
        """Random weights find nothing sensible, but in boxes of the picture and with classes of COCO's."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = models.get_model(name, weights=None, weights_backbone=None, **options).eval()
        detector = TorchvisionDetector(TorchvisionSettings(model=name, min_confidence=0.0), network)
        found = detector.detect(to_frames([texture(90, 160)])[0], NOTHING)
        assert len(found) > 0
        assert (found.boxes >= 0).all() and (found.boxes <= [160, 90, 160, 90]).all()
        assert set(found.label) <= set(COCO)
        assert np.array_equal(found.probabilities.max(axis=1), found.confidence)


RESNET = "resnet18"


def save_pth(state: Any, path: Path) -> Path:
    torch.save(state, path)
    return path


def save_safetensors(state: dict[str, Tensor], path: Path) -> Path:
    safetensors.torch.save_file(state, path)
    return path


class TestWeights:
    @pytest.mark.parametrize(("save", "suffix"), [(save_pth, ".pth"), (save_safetensors, ".safetensors")])
    @pytest.mark.parametrize("name", [RESNET, "ssdlite320_mobilenet_v3_large", "raft_small"])
    def test_a_file_comes_back(
        self, name: str, save: Callable[[Any, Path], Path], suffix: str, models: Any, tmp_path: Path
    ) -> None:
        kinds = {"weights_backbone": None} if name.startswith("ssd") else {}
        state = models.get_model(name, weights=None, **kinds).state_dict()
        network = load_torchvision(name, save(state, tmp_path / f"weights{suffix}"), FIELD)
        assert not network.training
        assert state.keys() == network.state_dict().keys()
        assert all(torch.equal(value, network.state_dict()[key]) for key, value in state.items())

    def test_batch_counters_may_be_missing(self, models: Any, tmp_path: Path) -> None:
        state = models.get_model(RESNET, weights=None).state_dict()
        fewer = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
        assert len(fewer) < len(state)
        network = load_torchvision(RESNET, save_pth(fewer, tmp_path / "a.pth"), FIELD)
        assert torch.equal(network.state_dict()["fc.weight"], state["fc.weight"])

    def test_of_another_network(self, models: Any, tmp_path: Path) -> None:
        state = models.get_model(RESNET, weights=None).state_dict()
        odd = [
            ({**state, "more": torch.zeros(1)}, "holds more"),
            ({key: value for key, value in state.items() if key != "fc.bias"}, "lacks fc.bias"),
            ({**state, "fc.bias": torch.zeros(3)}, "size mismatch for fc.bias"),
            ({}, "lacks conv1.weight"),
        ]
        for values, problem in odd:
            with pytest.raises(ModelError, match=rf"a\.pth: is not of torchvision's resnet18 \({problem}.*{FIELD}"):
                load_torchvision(RESNET, save_pth(values, tmp_path / "a.pth"), FIELD)

    def test_an_unknown_network(self, models: Any, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=f"{FIELD}: this torchvision has no network 'yolov99'"):
            load_torchvision("yolov99", tmp_path / "a.pth", FIELD)

    def test_the_detector_reads_its_file_once_and_anew_when_it_changes(self, models: Any, tmp_path: Path) -> None:
        network = models.get_model("ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None)
        file = save_pth(network.state_dict(), tmp_path / "a.pth")
        settings = TorchvisionSettings(model="ssdlite320_mobilenet_v3_large", weights=file)
        first, second = (build_detector([settings], "clip", None).detectors[0] for _ in range(2))
        assert isinstance(first, TorchvisionDetector) and isinstance(second, TorchvisionDetector)
        assert first.network is second.network and not first.network.training
        key = "backbone.features.0.0.0.weight"
        save_pth({**network.state_dict(), key: torch.zeros_like(network.state_dict()[key])}, file)
        third = share_torchvision("ssdlite320_mobilenet_v3_large", file, FIELD, "cpu")
        assert first.network.state_dict()[key].abs().sum() > 0 and third.state_dict()[key].abs().sum() == 0

    @pytest.mark.parametrize(
        "error",
        [URLError("no route to host"), RuntimeError('invalid hash value (expected "a", got "b")'), TimeoutError()],
    )
    def test_a_download_that_fails(self, error: Exception, models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: Any, **kwargs: Any) -> None:
            raise error

        monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
        with pytest.raises(ModelError, match=rf"https://.*resnet18.*cannot be downloaded.*name it by {FIELD}"):
            load_torchvision(RESNET, "published", FIELD)


class Trap:
    """A pickle that would make a file when it is read."""

    def __init__(self, file: Path):
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


class TestFiles:
    def test_good_ones(self, tmp_path: Path) -> None:
        state = {"a": torch.arange(3), "b": torch.ones(2, 2)}
        for path in (save_pth(state, tmp_path / "a.pth"), save_safetensors(state, tmp_path / "a.safetensors")):
            read = read_state(path, FIELD)
            assert read.keys() == state.keys() and all(torch.equal(read[key], state[key]) for key in state)

    def test_no_code_is_run(self, tmp_path: Path) -> None:
        file = save_pth({"a": Trap(tmp_path / "sprung")}, tmp_path / "a.pth")
        with pytest.raises(ModelError, match=rf"a\.pth: cannot be read as weights.*{FIELD} wants"):
            read_state(file, FIELD)
        assert not (tmp_path / "sprung").exists()

    @pytest.mark.parametrize("value", [{"model": {"a": torch.zeros(1)}}, [torch.zeros(1)], {"a": 1}], ids=str)
    def test_more_than_a_state_dict(self, value: Any, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=rf"a\.pth: holds more than a state dict.*{FIELD}"):
            read_state(save_pth(value, tmp_path / "a.pth"), FIELD)

    @pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
    @pytest.mark.parametrize("data", [b"", b"no weights\n" * 99, b"PK\x03\x04" + bytes(99), None])
    def test_damaged(self, name: str, data: bytes | None, tmp_path: Path) -> None:
        file = tmp_path / name
        if data is None:
            (save_pth if name == "a.pth" else save_safetensors)({"a": torch.ones(1000)}, file)
            data = file.read_bytes()[:-2000]
        file.write_bytes(data)
        with pytest.raises(ModelError, match=rf"{name}: cannot be read as weights"):
            read_state(file, FIELD)

    @pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
    def test_missing(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=rf"{name}: no such file; check {FIELD}"):
            read_state(tmp_path / name, FIELD)


class TestInstallation:
    @pytest.fixture(autouse=True)
    def forget(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            monkeypatch.delitem(sys.modules, name)

    def test_torchvision_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "torchvision", None)
        for settings in (TorchvisionSettings(), FlowSettings(method="raft")):
            with pytest.raises(ConfigError, match=rf"detectors\.{settings.kind}\.weights: .*pip install torchv"):
                build_detector([settings], "clip", None)

    def test_torchvision_of_another_pytorch(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """What a torchvision for CUDA says beside a PyTorch for the CPU."""
        (tmp_path / "torchvision").mkdir()
        (tmp_path / "torchvision/__init__.py").write_text(
            "raise RuntimeError('operator torchvision::nms does not exist')"
        )
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(ConfigError, match=r"built for another PyTorch.*nms does not exist.*one index"):
            load_torchvision("resnet18", "published", FIELD)

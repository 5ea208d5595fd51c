"""Whole detectors of every form in ONNX Runtime: a known box must come back, and each mistake is named."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from ssmtl.config import parse
from ssmtl.errors import ConfigError, ModelError
from ssmtl.regions.classes import COCO
from ssmtl.regions.decoders import COCO_IDS
from ssmtl.regions.forms import READINGS, Feed, place_picture
from ssmtl.regions.onnx import OnnxDetector, OnnxSettings, find_reading
from ssmtl.regions.union import build_detector
from ssmtl.video.frame import Frame

from .networks import Input, picture_input, save, save_constant
from .pictures import NOTHING

HEIGHT, WIDTH = 64, 96
"""Of the networks' input."""

BICYCLE, CAR = 1, 2
C = len(COCO)
Box = NDArray[np.float64]
Outputs = dict[str, NDArray[Any]]


def picture(height: int, width: int) -> Frame:
    return Frame(0, 0.0, np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def centre_form(box: Box) -> Box:
    return np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]])


def logit(p: Any) -> Any:
    return np.log(p) - np.log1p(-np.asarray(p))


def classes(bicycle: float, car: float) -> Box:
    scores = np.zeros(C)
    scores[BICYCLE], scores[CAR] = bicycle, car
    return scores


# Each writes down, in the form's own terms, a bicycle of probability 0.72 (and 0.18 a car) in `box` (input pixels).


def yolox(box: Box) -> Outputs:
    rows = np.zeros((1, 96 + 24 + 6, 5 + C), np.float32)
    x, y, w, h = centre_form(box)
    column, row = int(x // 8), int(y // 8)
    rows[0, row * 12 + column] = [x / 8 - column, y / 8 - row, np.log(w / 8), np.log(h / 8), 0.9, *classes(0.8, 0.2)]
    return {"output": rows}


def yolov5(box: Box, count: int = 3 * 126) -> Outputs:
    rows = np.zeros((1, count, 5 + C), np.float32)
    rows[0, 7] = [*centre_form(box), 0.9, *classes(0.8, 0.2)]
    rows[0, 9] = [*(centre_form(box) + 0.5), 0.8, *classes(0.8, 0.2)]
    return {"output0": rows}


def yolov8(box: Box) -> Outputs:
    columns = np.zeros((1, 4 + C, 126), np.float32)
    columns[0, :, 5] = [*centre_form(box), *classes(0.72, 0.18)]
    columns[0, :, 6] = [*(centre_form(box) - 0.5), *classes(0.7, 0.1)]
    return {"output0": columns}


def yolov3_maps(box: Box) -> Outputs:
    maps = [np.full((HEIGHT // s, WIDTH // s, 3, 5 + C), -20, np.float32) for s in (8, 16, 32)]
    x, y, w, h = centre_form(box)
    column, row = int(x // 16), int(y // 16)
    offset = np.clip([x / 16 - column, y / 16 - row], 1e-6, 1 - 1e-6)
    place = [*logit(offset), np.log(w / 62), np.log(h / 45)]
    maps[1][row, column, 1] = [*place, logit(0.9), *logit(np.maximum(classes(0.8, 0.2), 1e-8))]
    return {f"map_{i}": map_.reshape(1, *map_.shape[:2], -1).transpose(0, 3, 1, 2) for i, map_ in enumerate(maps)}


def yolov3_zoo(box: Box) -> Outputs:
    boxes, scores = np.zeros((1, 50, 4), np.float32), np.zeros((1, C, 50), np.float32)
    boxes[0, 3], scores[0, :, 3] = box[[1, 0, 3, 2]], classes(0.72, 0.18)
    boxes[0, 4], scores[0, :, 4] = box[[1, 0, 3, 2]], classes(0.7, 0)
    return {"boxes": boxes, "scores": scores, "indices": np.array([[0, BICYCLE, 3]], np.int32)}


def labelled(box: Box) -> Outputs:
    boxes = np.stack([box, box + 30]).astype(np.float32)[None]
    return {"a": np.array([[BICYCLE, CAR]]), "b": boxes, "c": np.array([[0.72, 0.1]], np.float32)}


def rfdetr(box: Box) -> Outputs:
    boxes, logits = np.zeros((1, 2, 4), np.float32), np.full((1, 2, 91), -20, np.float32)
    boxes[0, 0] = centre_form(box) / [WIDTH, HEIGHT, WIDTH, HEIGHT]
    logits[0, 0, [COCO_IDS[BICYCLE], COCO_IDS[CAR]]] = logit([0.72, 0.18])
    return {"dets": boxes, "labels": logits}


def rows(box: Box) -> Outputs:
    found = np.zeros((1, 300, 6), np.float32)
    found[0, 0] = [*box, 0.72, BICYCLE]
    return {"output0": found}


IMAGES = [picture_input(HEIGHT, WIDTH)]
ZOO = [picture_input("h", "w", "input_1"), ("image_shape", TensorProto.FLOAT, (1, 2))]
DETR = [picture_input(HEIGHT, WIDTH), ("orig_target_sizes", TensorProto.INT64, (1, 2))]

# Where the picture lies in the input, the form, the network's inputs, its answer, and whether it says a second class.
FORMS: dict[str, tuple[str, str, list[Input], Callable[[Box], Outputs], bool]] = {
    "yolox": ("corner", "yolox", IMAGES, yolox, True),
    "yolov5": ("centre", "yolov5", IMAGES, yolov5, True),
    "yolov5 with four strides": ("centre", "yolov5", IMAGES, lambda box: yolov5(box, 3 * 127), True),
    "yolov8": ("centre", "yolov5", IMAGES, yolov8, True),
    "yolov3 maps": ("centre", "yolov3", IMAGES, yolov3_maps, True),
    "yolov3 of the zoo": ("centre", "yolov3", ZOO, yolov3_zoo, True),
    "RT-DETR": ("stretch", "end_to_end", DETR, labelled, False),
    "RF-DETR": ("stretch", "end_to_end", IMAGES, rfdetr, True),
    "YOLO26": ("centre", "end_to_end", IMAGES, rows, False),
}


def to_input(box: Box, place: str, height: int, width: int) -> Box:
    """A box of a picture in an input of HEIGHT × WIDTH, by the definition of each placement."""
    if place == "stretch":
        return box * np.tile([WIDTH / width, HEIGHT / height], 2)
    scale = min(WIDTH / width, HEIGHT / height)
    # A letterbox is a whole number of pixels wide and high, and so is what is left and above of it.
    size = np.round([width * scale, height * scale])
    margin = np.zeros(2) if place == "corner" else np.floor(([WIDTH, HEIGHT] - size) / 2)
    return box * np.tile(size / [width, height], 2) + np.tile(margin, 2)


@pytest.mark.parametrize("size", [(120, 200), (200, 120), (64, 96), (240, 360), (100, 500)], ids=str)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("named", [False, True], ids=["auto", "named"])
def test_a_known_box_comes_back(form: str, size: tuple[int, int], named: bool, tmp_path: Path) -> None:
    place, name, inputs, answer, several = FORMS[form]
    height, width = size
    box = np.array([0.3 * width, 0.2 * height, 0.7 * width, 0.9 * height])
    # The zoo's network leaves the size of its input open; it is made HEIGHT × WIDTH here as the others are.
    fixed = [picture_input(HEIGHT, WIDTH, "input_1"), inputs[1]] if inputs is ZOO else inputs
    file = save_constant(tmp_path / "detector.onnx", fixed, answer(to_input(box, place, height, width)))
    detector = OnnxDetector(OnnxSettings.model_validate({"path": file, "form": name if named else "auto"}))
    found = detector.detect(picture(height, width), NOTHING)
    assert found.label.tolist() == ["bicycle"] and found.origin.tolist() == ["detector"]
    np.testing.assert_allclose(found.boxes[0], box, atol=0.01)
    assert found.confidence[0] == pytest.approx(0.72, abs=1e-4)
    expected = {BICYCLE: 0.72} | ({CAR: 0.18} if several else {})
    for column, probability in enumerate(found.probabilities[0]):
        assert probability == pytest.approx(expected.get(column, 0), abs=1e-4), column


@pytest.mark.parametrize("size", [(120, 200), (200, 120), (37, 500), (1, 1)], ids=str)
@pytest.mark.parametrize("place", ["corner", "centre", "stretch"])
def test_there_and_back(place: str, size: tuple[int, int]) -> None:
    """What is bright in the input lies where the placement says, and goes back to where it was in the picture."""
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    top, bottom, left, right = height // 4, height - height // 3, width // 5, width - width // 4
    image[top:bottom, left:right] = 255
    placed, placement = place_picture(image, 160, 160, Feed(place, fill=0))
    assert placed.shape == (160, 160, 3)
    y, x = np.nonzero(placed[..., 0] > 127)
    bright = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], np.float32)
    tolerance = max(1.0, height / 160, width / 160)
    np.testing.assert_allclose(placement.back(bright)[0], [left, top, right, bottom], atol=tolerance)


def test_the_rest_of_a_letterbox_is_grey() -> None:
    white = np.full((50, 100, 3), 255, np.uint8)
    corner, _ = place_picture(white, 100, 100, Feed("corner", fill=114))
    centre, _ = place_picture(white, 100, 100, Feed("centre", fill=128))
    assert (corner[:50] == 255).all() and (corner[50:] == 114).all()
    assert (centre[25:75] == 255).all() and (centre[:25] == 128).all() and (centre[75:] == 128).all()


def pixel_reader(path: Path, form: str, channel: int, kind: int, last: bool) -> Path:
    """A network whose one box is as probable as the input's pixel (row 20, column 30) of a channel is bright."""
    answer = yolox if form == "yolox" else yolov5
    value = answer(np.array([20.0, 10, 60, 50]))
    ((name, output),) = value.items()
    index = np.flatnonzero(output[0].any(axis=1))[0]
    output[..., 4:] = 0
    scale = np.zeros_like(output)
    scale[0, index, 4] = 1 / 255 if form == "yolox" else 1
    output[0, index, 5 + CAR] = 1
    where = [0, 20, 30, channel] if last else [0, channel, 20, 30]
    nodes = [
        helper.make_node("Slice", ["images", "from", "to"], ["pixel"]),
        helper.make_node("Cast", ["pixel"], ["level"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["level", "flat"], ["number"]),
        helper.make_node("Mul", ["scale", "number"], ["objectness"]),
        helper.make_node("Add", ["objectness", "value"], ["sum"]),
        helper.make_node("Cast", ["sum"], [name], to=kind),
    ]
    inputs = [picture_input(HEIGHT, WIDTH, kind=kind, last=last)]
    constants = {"from": np.array(where), "to": np.array(where) + 1, "flat": np.array([1, 1, 1])}
    return save(path, inputs, nodes, {name: kind}, value=output, scale=scale, **constants)


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16], ids=["float32", "float16"])
@pytest.mark.parametrize(("form", "levels"), [("yolox", [200, 100, 50]), ("yolov5", [50, 100, 200])])
def test_what_the_network_is_shown(form: str, levels: list[int], kind: int, last: bool, tmp_path: Path) -> None:
    """YOLOX wants blue first and levels up to 255, the others red first and levels up to 1."""
    frame = Frame(0, 0.0, np.full((HEIGHT, WIDTH, 3), [50, 100, 200], np.uint8))
    for channel, level in enumerate(levels):
        file = pixel_reader(tmp_path / f"{channel}.onnx", form, channel, kind, last)
        found = OnnxDetector(OnnxSettings(path=file, min_confidence=0.1)).detect(frame, NOTHING)
        assert found.label.tolist() == ["car"]
        assert found.confidence[0] == pytest.approx(level / 255, abs=1e-3)


@pytest.mark.parametrize(
    ("index", "expected"),
    [(0, [51, 102, 204]), (4, [204, 102, 51]), (5, [51, 102, 204])],
    ids=["yolov3", "yolox", "yolov5"],
)
def test_levels(index: int, expected: list[int]) -> None:
    feed = READINGS[index].feed
    shown = feed.prepare(np.full((1, 1, 3), [51, 102, 204], np.uint8))[0, 0]
    np.testing.assert_allclose(shown * (1 if feed.bgr else 255), expected, rtol=1e-6)


def test_rfdetr_is_shown_levels_by_imagenets_mean_and_deviation(tmp_path: Path) -> None:
    file = save_constant(tmp_path / "detector.onnx", IMAGES, rfdetr(np.array([1.0, 1, 9, 9])))
    shown = OnnxDetector(OnnxSettings(path=file)).reading.feed.prepare(np.full((1, 1, 3), 255, np.uint8))[0, 0]
    np.testing.assert_allclose(shown, [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], rtol=1e-5)


@pytest.mark.parametrize(("form", "boxes"), [("yolov5", 1), ("yolov8", 1), ("YOLO26", 2)])
def test_only_forms_with_doubles_are_rid_of_them(form: str, boxes: int, tmp_path: Path) -> None:
    _, _, inputs, answer, _ = FORMS[form]
    outputs = answer(np.array([20.0, 10, 60, 50]))
    if form == "YOLO26":
        outputs["output0"][0, 1] = [20, 10, 60, 51, 0.6, BICYCLE]
    file = save_constant(tmp_path / "detector.onnx", inputs, outputs)
    frame = picture(HEIGHT, WIDTH)
    assert len(OnnxDetector(OnnxSettings(path=file)).detect(frame, NOTHING)) == boxes
    assert len(OnnxDetector(OnnxSettings(path=file, max_overlap=0.99)).detect(frame, NOTHING)) == 2


@pytest.mark.parametrize("input_size", [32, 64, 320])
def test_an_open_size_is_taken_from_the_settings(input_size: int, tmp_path: Path) -> None:
    """The network of the zoo answers where it was told that the picture is as large as its input."""
    nodes = [
        helper.make_node("Concat", ["image_shape", "image_shape"], ["size"], axis=1),
        helper.make_node("Mul", ["size", "part"], ["box"]),
        helper.make_node("Unsqueeze", ["box", "zero"], ["boxes"]),
        helper.make_node("Identity", ["scores_value"], ["scores"]),
        helper.make_node("Identity", ["indices_value"], ["indices"]),
    ]
    constants = {
        "part": np.array([[0.25, 0.5, 0.75, 1]], np.float32),
        "zero": np.array([1]),
        "scores_value": np.float32(classes(0.72, 0.18))[None, :, None],
        "indices_value": np.array([[[0, BICYCLE, 0]]], np.int32),
    }
    types = {"boxes": TensorProto.FLOAT, "scores": TensorProto.FLOAT, "indices": TensorProto.INT32}
    file = save(tmp_path / "zoo.onnx", ZOO, nodes, types, **constants)
    detector = OnnxDetector(OnnxSettings(path=file, input_size=input_size))
    assert (detector.network.height, detector.network.width) == (input_size, input_size)
    found = detector.detect(picture(80, 80), NOTHING)
    np.testing.assert_allclose(found.boxes, [[40, 20, 80, 60]], atol=1e-3)


def test_detr_is_asked_for_pixels_of_its_input(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["orig_target_sizes"], ["size"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["size", "size"], ["sizes"], axis=1),
        helper.make_node("Mul", ["sizes", "part"], ["box"]),
        helper.make_node("Unsqueeze", ["box", "one"], ["boxes"]),
        helper.make_node("Identity", ["label"], ["labels"]),
        helper.make_node("Identity", ["score"], ["scores"]),
    ]
    constants = {
        "part": np.array([[0.25, 0.5, 0.75, 1]], np.float32),
        "one": np.array([1]),
        "label": np.array([[CAR]]),
        "score": np.array([[0.9]], np.float32),
    }
    types = {"labels": TensorProto.INT64, "boxes": TensorProto.FLOAT, "scores": TensorProto.FLOAT}
    file = save(tmp_path / "detr.onnx", DETR, nodes, types, **constants)
    found = OnnxDetector(OnnxSettings(path=file)).detect(picture(100, 200), NOTHING)
    np.testing.assert_allclose(found.boxes, [[50, 50, 150, 100]], atol=1e-3)
    assert found.label.tolist() == ["car"]


class TestClasses:
    NAMES = ("scooter", "person", "dog")

    def save(self, path: Path) -> Path:
        answer = np.zeros((1, 7, 126), np.float32)
        answer[0, :, 0], answer[0, :, 9] = [30, 30, 20, 20, 0.9, 0.05, 0.02], [70, 30, 20, 20, 0.1, 0.8, 0.3]
        return save_constant(path, IMAGES, {"output0": answer})

    @pytest.mark.parametrize(
        ("keep", "labels"), [((), ["scooter", "person"]), (("person",), ["person"]), (("dog",), [])]
    )
    def test_of_ones_own(self, keep: tuple[str, ...], labels: list[str], tmp_path: Path) -> None:
        settings = OnnxSettings(path=self.save(tmp_path / "own.onnx"), classes=self.NAMES, keep=keep)
        found = OnnxDetector(settings).detect(picture(HEIGHT, WIDTH), NOTHING)
        assert found.label.tolist() == labels
        for label, probabilities in zip(found.label, found.probabilities, strict=True):
            known = {COCO.index("person"): 0.8, COCO.index("dog"): 0.3}
            if label == "scooter":
                known = {COCO.index("person"): 0.05, COCO.index("dog"): 0.02}
            assert {int(i): round(float(probabilities[i]), 4) for i in np.flatnonzero(probabilities)} == known

    def test_as_many_as_the_network_has(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"own\.onnx.*80 classes.*output0 1×7×126.*detectors\.onnx\.classes"):
            OnnxDetector(OnnxSettings(path=self.save(tmp_path / "own.onnx")))

    @pytest.mark.parametrize(
        "values", [{"keep": ["ghost"]}, {"classes": ["dog"], "keep": ["cat"]}, {"classes": []}, {"input_size": 100}]
    )
    def test_settings_that_cannot_be(self, values: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match=next(reversed(values))):
            parse(OnnxSettings, values)


class TestForm:
    def test_one_class_rows_are_told_by_their_number(self, tmp_path: Path) -> None:
        """With one class, YOLO's rows and those of end-to-end networks both have six numbers."""
        for count, form in [(126, "yolox"), (3 * 126, "yolov5"), (300, "end_to_end")]:
            file = save_constant(tmp_path / f"{count}.onnx", IMAGES, {"output": np.zeros((1, count, 6), np.float32)})
            assert OnnxDetector(OnnxSettings(path=file, classes=("person",))).reading.form == form

    def test_a_name_decides_where_shapes_do_not(self, tmp_path: Path) -> None:
        """YOLOv6 answers like YOLOX, but with its grid decoded."""
        outputs = yolov5(np.array([20.0, 10, 60, 50]), count=126)
        file = save_constant(tmp_path / "yolov6.onnx", IMAGES, outputs)
        found = OnnxDetector(OnnxSettings(path=file, form="yolov5")).detect(picture(HEIGHT, WIDTH), NOTHING)
        np.testing.assert_allclose(found.boxes, [[20, 10, 60, 50]], atol=1e-4)
        assert OnnxDetector(OnnxSettings(path=file)).reading.form == "yolox"

    @pytest.mark.parametrize("form", ["auto", "yolov3", "yolov5", "yolox", "end_to_end"])
    def test_what_was_seen_is_said(self, form: str, tmp_path: Path) -> None:
        file = save_constant(tmp_path / "classifier.onnx", IMAGES, {"prob": np.zeros((1, 1000), np.float32)})
        with pytest.raises(ConfigError, match=r"inputs images 1×3×64×96; outputs prob 1×1000; .*detectors\.onnx\.form"):
            OnnxDetector(OnnxSettings.model_validate({"path": file, "form": form}))

    @pytest.mark.parametrize("form", FORMS)
    def test_another_name_is_refused(self, form: str, tmp_path: Path) -> None:
        _, name, inputs, answer, _ = FORMS[form]
        fixed = [picture_input(HEIGHT, WIDTH), *inputs[1:]]
        file = save_constant(tmp_path / "detector.onnx", fixed, answer(np.array([20.0, 10, 60, 50])))
        network = OnnxDetector(OnnxSettings(path=file)).network
        others = {"yolov3", "yolov5", "yolox", "end_to_end"} - {name} - ({"yolov5"} if name == "yolox" else set())
        for other in others:
            with pytest.raises(ConfigError, match=f"not of the form {other}"):
                find_reading(network, OnnxSettings.model_validate({"path": file, "form": other}))


class TestMistakes:
    def test_no_file_named(self) -> None:
        with pytest.raises(ConfigError) as caught:
            build_detector([OnnxSettings()], "clip", None)
        for part in ("detectors.onnx.path", "YOLOX", "export", "--regions yolox_s.onnx+flow", "--regions motion"):
            assert part in str(caught.value)

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"none\.onnx: cannot be read \(No such file.*detectors\.onnx\.path"):
            OnnxDetector(OnnxSettings(path=tmp_path / "none.onnx"))

    @pytest.mark.parametrize("kind", ["empty", "text", "cut", "folder"])
    def test_no_onnx(self, kind: str, tmp_path: Path) -> None:
        path = tmp_path / "detector.onnx"
        if kind == "folder":
            path.mkdir()
        elif kind == "cut":
            save_constant(path, IMAGES, yolov5(np.array([20.0, 10, 60, 50])))
            path.write_bytes(path.read_bytes()[:-2000])
        else:
            path.write_text("no network\n" * 20 if kind == "text" else "")
        with pytest.raises(ModelError, match=r"detector\.onnx: is no ONNX file.*download or export it again"):
            OnnxDetector(OnnxSettings(path=path))

    @pytest.mark.parametrize(
        ("inputs", "seen"),
        [
            ([("tokens", TensorProto.INT64, (1, 7))], "tokens 1×7 tensor\\(int64\\)"),
            ([picture_input(HEIGHT, WIDTH, kind=TensorProto.UINT8)], "images 1×3×64×96 tensor\\(uint8\\)"),
            ([("images", TensorProto.FLOAT, (1, 1, 64, 64))], "images 1×1×64×64"),
            ([*IMAGES, picture_input(HEIGHT, WIDTH, "before")], "before 1×3×64×96"),
        ],
        ids=["no picture", "bytes", "grey", "two pictures"],
    )
    def test_inputs_that_cannot_be_fed(self, inputs: list[Input], seen: str, tmp_path: Path) -> None:
        file = save_constant(tmp_path / "detector.onnx", inputs, yolov5(np.array([20.0, 10, 60, 50])))
        with pytest.raises(ModelError, match=rf"detector\.onnx: .*{seen}.*B×3×H×W"):
            OnnxDetector(OnnxSettings(path=file))

    def test_a_batch_of_four(self, tmp_path: Path) -> None:
        inputs = [("images", TensorProto.FLOAT, (4, 3, HEIGHT, WIDTH))]
        file = save_constant(tmp_path / "detector.onnx", inputs, yolov5(np.array([20.0, 10, 60, 50])))
        with pytest.raises(ModelError, match=r"detector\.onnx: ONNX Runtime cannot run it.*batches of one"):
            OnnxDetector(OnnxSettings(path=file))

    def test_a_class_beyond_those_named(self, tmp_path: Path) -> None:
        file = save_constant(tmp_path / "detector.onnx", DETR, labelled(np.array([20.0, 10, 60, 50])))
        with pytest.raises(ConfigError, match=r"detectors\.onnx\.classes: names 1 classes.*class 2"):
            OnnxDetector(OnnxSettings(path=file, classes=("person",)))

    def test_onnx_runtime_is_missing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        (tmp_path / "detector.onnx").write_text("")
        with pytest.raises(ConfigError, match=r"pip install onnxruntime"):
            OnnxDetector(OnnxSettings(path=tmp_path / "detector.onnx"))


def test_a_file_is_opened_once_and_anew_when_it_changes(tmp_path: Path) -> None:
    file = save_constant(tmp_path / "detector.onnx", IMAGES, yolov5(np.array([20.0, 10, 60, 50])))
    first, second = (OnnxDetector(OnnxSettings(path=file)) for _ in range(2))
    assert first.network is second.network
    save_constant(file, IMAGES, yolov5(np.array([30.0, 10, 60, 50])))
    os.utime(file, ns=(0, 0))
    found = OnnxDetector(OnnxSettings(path=file)).detect(picture(HEIGHT, WIDTH), NOTHING)
    np.testing.assert_allclose(found.boxes, [[30, 10, 60, 50]], atol=1e-4)


def test_yolox_finds_the_people_of_a_ped2_frame() -> None:
    shared = Path(os.environ.get("SSMTL_SHARED", "../shared"))
    weights, image = shared / "weights/yolox_nano_416.onnx", shared / "data/UCSDped2/Test/Test001/001.jpg"
    if not weights.is_file() or not image.is_file():
        pytest.skip(f"{weights} or {image} is not there; set SSMTL_SHARED to the folder that holds them")
    frame = Frame(0, 0.0, np.asarray(cv2.cvtColor(cv2.imread(str(image)), cv2.COLOR_BGR2RGB), np.uint8))
    found = OnnxDetector(OnnxSettings(path=weights, min_confidence=0.3)).detect(frame, NOTHING)
    people = found.take(found.label == "person")
    assert len(people) >= 8
    assert (people.boxes >= 0).all() and (people.boxes[:, 2:] <= (360, 240)).all()
    width, height = (people.boxes[:, 2:] - people.boxes[:, :2]).T
    assert 10 < np.median(width) < 25 and 22 < np.median(height) < 45
    assert (width < 50).all() and (height < 70).all()

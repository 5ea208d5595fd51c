"""ONNX files whose answers are known: how they are described, fed and read, and which mistake is named how."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ssmtl.errors import ConfigError, ModelError
from ssmtl.sequences.crop import crop
from ssmtl.teachers.build import build_teacher
from ssmtl.teachers.onnx import OnnxClassifierSettings, OnnxPoseSettings, OnnxSegmentationSettings
from ssmtl.teachers.onnx_network import BATCH, OnnxNetwork, OnnxTeacherSettings

from .networks import HEIGHT, SCALED, WIDTH, boxes, noise, ramps, save, save_channels, save_classifier, save_constant

KINDS = {
    "classifier": OnnxClassifierSettings,
    "segmentation": OnnxSegmentationSettings,
    "pose": OnnxPoseSettings,
}


def answer(
    name: str, path: Path, image: NDArray[np.uint8], some: NDArray[np.float32], padding: float = 0.0, **fields: Any
) -> NDArray[np.float32]:
    return build_teacher(name, KINDS[name](path=path, **fields), padding).answer(image, some)


def run(path: Path, pictures: list[NDArray[np.uint8]], **fields: Any) -> list[NDArray[Any]]:
    return list(OnnxNetwork(OnnxTeacherSettings(path=path, **fields), "teachers.pose").run(pictures))


# How pictures get into a network.


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.float16, np.float32])
@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_the_file_says_layout_and_type(
    tmp_path: Path, channels_last: bool, kind: type[np.generic], colour: str
) -> None:
    path = save_channels(tmp_path / "net.onnx", [0, 1, 2], (20, 10), kind=kind, channels_last=channels_last)
    picture = noise(10, 20)
    network = OnnxNetwork(OnnxTeacherSettings(path=path, colour=colour), "teachers.pose")
    assert (network.width, network.height, network.channels_last) == (20, 10, channels_last)
    (output,) = network.run([picture])
    expected = picture if colour == "rgb" else picture[..., ::-1]
    assert output.dtype == kind
    assert np.array_equal(network.planes(output), expected.transpose(2, 0, 1))


def test_mean_and_deviation_are_of_the_inputs_channels(tmp_path: Path) -> None:
    path = save_channels(tmp_path / "net.onnx", [0, 1, 2], (20, 10))
    picture = noise(10, 20)
    (output,) = run(path, [picture], colour="bgr", mean=(10, 20, 30), std=(2, 4, 8))
    for channel, (mean, std) in enumerate([(10, 2), (20, 4), (30, 8)]):
        assert np.abs(output[channel] - (picture[..., 2 - channel] - np.float32(mean)) / std).max() < 1e-5


def test_an_open_size_is_a_setting(tmp_path: Path) -> None:
    path = save_channels(tmp_path / "net.onnx", [0, 1, 2], None)
    network = OnnxNetwork(OnnxTeacherSettings(path=path, size=(20, 10)), "teachers.pose")
    assert (network.width, network.height) == (20, 10)
    assert [output.shape for output in network.run([noise(10, 20)])] == [(3, 10, 20)]


@pytest.mark.parametrize("batch", [1, "batch"])
@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 3])
def test_each_picture_has_its_own_answer(tmp_path: Path, batch: int | str, count: int) -> None:
    path = save_channels(tmp_path / "net.onnx", 0, (4, 4), batch)
    pictures = [np.full((4, 4, 3), n, np.uint8) for n in range(count)]
    assert [output.mean() for output in run(path, pictures)] == list(range(count))


@pytest.mark.parametrize(("output", "shape"), [(0, (3, 4, 4)), (1, (4, 4)), ("all", (3, 4, 4)), ("answer", (4, 4))])
def test_an_output_is_named_by_place_or_name(tmp_path: Path, output: int | str, shape: tuple[int, ...]) -> None:
    path = save_channels(tmp_path / "net.onnx", 0, (4, 4), also=True)
    assert run(path, [noise(4, 4)], output=output)[0].shape == shape


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    for channel in (0, 2):
        save_channels(path, channel, (4, 4))
        picture = noise(4, 4)
        assert np.array_equal(run(path, [picture])[0], picture[..., channel])


# Classifiers.


def test_a_classifier_sees_the_padded_box(tmp_path: Path) -> None:
    """Weights of one colour each: the answer tells the mean colour of what was seen."""
    weights = np.zeros((3, 1000), np.float32)
    weights[[0, 1, 2], [0, 500, 999]] = 1
    path = save_classifier(tmp_path / "net.onnx", weights)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[20:60, 40:60] = (200, 100, 50)
    # With half of its side around it on each side, a box is a quarter of what is seen.
    some = boxes((40, 20, 60, 60), (100, 0, 120, 40))
    assert answer("classifier", path, image, some)[:, [0, 500, 999]].tolist() == [[200, 100, 50], [0, 0, 0]]
    assert answer("classifier", path, image, some, 0.5)[0, [0, 500, 999]].tolist() == [50, 25, 12.5]


def test_classes_begin_after_the_background(tmp_path: Path) -> None:
    values = np.arange(1001, dtype=np.float32)[None]
    path = save_constant(tmp_path / "net.onnx", values)
    found = answer("classifier", path, noise(), boxes((0, 0, 9, 9)), first_class=1, scale=0.5)
    assert found[0].tolist() == (values[0, 1:] / 2).tolist()


def test_probabilities_become_logits(tmp_path: Path) -> None:
    """The softmax of what comes back is what went in, and its mean is 0."""
    logits = np.random.default_rng(0).normal(0, 2, 1000)
    probabilities = np.exp(logits) / np.exp(logits).sum()
    path = save_constant(tmp_path / "net.onnx", probabilities.astype(np.float32)[None])
    found = answer("classifier", path, noise(), boxes((0, 0, 9, 9)), values="probabilities")[0]
    assert np.abs(found - (logits - logits.mean())).max() < 1e-4


def test_probabilities_of_0_are_half_a_step(tmp_path: Path) -> None:
    values = np.zeros((1, 1001), np.uint8)
    values[0, [0, 1, 2]] = 55, 200, 1
    path = save_constant(tmp_path / "net.onnx", values)
    some = boxes((0, 0, 9, 9))
    found = answer("classifier", path, noise(), some, values="probabilities", first_class=1, scale=1 / 255)[0]
    assert abs(found.mean()) < 1e-6
    assert found[:3] - found[3] == pytest.approx(np.log([400, 2, 1]), abs=1e-5)
    assert len(set(found[2:])) == 1


def test_a_float_probability_of_0_is_finite(tmp_path: Path) -> None:
    path = save_constant(tmp_path / "net.onnx", np.eye(1, 1000, dtype=np.float32))
    assert np.isfinite(answer("classifier", path, noise(), boxes((0, 0, 9, 9)), values="probabilities")).all()


# Maps: where they lie.

PLACES = {
    "inside": (30, 20, 70, 60),
    "tall": (50, 10, 62, 70),
    "wide": (20, 40, 120, 60),
    "fractions": (30.4, 20.7, 70.2, 61.3),
    "upper left corner": (0, 0, 12, 30),
    "lower right corner": (140, 60, 160, 100),
    "partly outside": (-20, 50, 30, 130),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("padding", [0.0, 0.1])
@pytest.mark.parametrize(
    ("name", "size", "fields"),
    [
        ("segmentation", (64, 64), {"context": 0.0}),
        ("segmentation", (128, 96), {"context": 1.0}),
        ("segmentation", (WIDTH, HEIGHT), {"sees": "frame"}),
        ("segmentation", (200, 200), {"sees": "frame"}),
        ("pose", (192, 256), {"context": 0.0}),
        ("pose", (192, 256), {"context": 0.3}),
    ],
    ids=["mask", "mask with context", "frame", "frame of another shape", "pose", "pose with context"],
)
def test_maps_line_up_with_the_crop(
    tmp_path: Path, name: str, size: tuple[int, int], fields: dict[str, Any], padding: float, place: str
) -> None:
    """A network that gives the picture back: what arrives is the crop, to less than half a pixel of the picture."""
    image = ramps()
    channels = 0 if name == "segmentation" else [0, 1, 2, *[0] * 14]
    path = save_channels(tmp_path / "net.onnx", channels, size)
    fields = fields | ({"values": "mask"} if name == "segmentation" else {})
    some = boxes(PLACES[place])
    found = answer(name, path, image, some, padding, **SCALED, **fields)[0]
    cut = crop([image], some, padding)[0, :, 0].astype(np.float32) / 255
    # Half a pixel along the steepest ramp, which climbs from 0 to 1 over the picture's height, and rounding to bytes.
    allowed = 0.5 / HEIGHT + 1 / 255
    for map_, channel in zip(found, cut, strict=False):
        assert np.abs(map_ - channel).max() < allowed


@pytest.mark.parametrize(
    ("name", "size", "fields"),
    [
        ("segmentation", (64, 64), {"context": 0.0}),
        ("segmentation", (192, 192), {"context": 1.0}),
        ("segmentation", (400, 300), {"sees": "frame"}),
        ("pose", (192, 256), {"context": 1.0}),
    ],
)
def test_without_resizing_maps_are_exact(
    tmp_path: Path, name: str, size: tuple[int, int], fields: dict[str, Any]
) -> None:
    """Windows of the network's own size: every pixel arrives where the crop has it."""
    image = noise(300, 400)
    channels = 1 if name == "segmentation" else [1] * 17
    path = save_channels(tmp_path / "net.onnx", channels, size)
    fields = fields | ({"values": "mask"} if name == "segmentation" else {})
    some = boxes((150, 110, 214, 174))
    found = answer(name, path, image, some, **SCALED, **fields)[0]
    cut = crop([image], some, 0.0)[0, 1, 0] / np.float32(255)
    assert np.abs(found - cut).max() < 1e-6


# Maps: what they say.

LABELS = {(): [False, True, True], (2,): [False, False, True], (0, 1): [True, True, False]}


@pytest.mark.parametrize("foreground", LABELS)
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("values", ["classes", "logits"])
def test_foreground(tmp_path: Path, values: str, channels_last: bool, foreground: tuple[int, ...]) -> None:
    """Three stripes of the classes 0, 1, 2: as the value of red, or as the colour that is the brightest."""
    stripe = np.repeat([0, 1, 2], [20, 20, 24])
    if values == "classes":
        image = np.repeat(stripe[None, :, None], 64, axis=0).repeat(3, axis=2).astype(np.uint8)
        channels: int | list[int] = 0
    else:
        image = np.repeat((np.eye(3)[stripe] * 255).astype(np.uint8)[None], 64, axis=0)
        channels = [0, 1, 2]
    path = save_channels(tmp_path / "net.onnx", channels, kind=np.uint8, channels_last=channels_last)
    found = answer("segmentation", path, image, boxes((0, 0, 64, 64)), values=values, foreground=foreground, context=0)
    expected = np.array(LABELS[foreground])[stripe]
    assert np.array_equal(found[0, 0], np.repeat(expected[None], 64, axis=0))


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8), (1, 1, 8, 8)])
def test_a_map_of_classes_with_or_without_a_batch(tmp_path: Path, shape: tuple[int, ...]) -> None:
    classes = (np.arange(64).reshape(8, 8) % 8 >= 4).astype(np.int64)
    path = save_constant(tmp_path / "net.onnx", classes.reshape(shape))
    found = answer("segmentation", path, ramps(64, 64), boxes((0, 0, 64, 64)), context=0)[0, 0]
    assert (found[:, :28] == 0).all() and (found[:, 36:] == 1).all()


def test_the_frame_is_seen_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_channels(tmp_path / "net.onnx", 0)
    seen: list[int] = []
    original = OnnxNetwork.run

    def counted(self: OnnxNetwork, pictures: Any) -> Any:
        listed = list(pictures)
        seen.append(len(listed))
        return original(self, listed)

    monkeypatch.setattr(OnnxNetwork, "run", counted)
    some = boxes((0, 0, 9, 9), (9, 9, 40, 40), (50, 50, 70, 99))
    for sees in ("frame", "crop"):
        answer("segmentation", path, noise(), some, values="mask", sees=sees, **SCALED)
    assert seen == [1, 3]


# Mistakes.


def broken(path: Path) -> Path:
    path.write_bytes(b"this is no network")
    return path


MISTAKES = {
    "no file": (
        "pose", lambda p: p, {}, ConfigError, r"teachers\.pose\.path: .*net\.onnx: no such file; name",
    ),
    "a folder": (
        "pose", lambda p: p.mkdir() or p, {}, ConfigError, r"teachers\.pose\.path: .*no such file",
    ),
    "no network": ("pose", broken, {}, ModelError, r"net\.onnx: ONNX Runtime cannot read it \(.*; export it again"),
    "size left open": (
        "pose", lambda p: save_channels(p, [0] * 17, None), {}, ConfigError, r"teachers\.pose\.size: .*leaves it open",
    ),
    "another size": (
        "pose", lambda p: save_channels(p, [0] * 17), {"size": (32, 64)}, ConfigError, r"pose\.size: .*has 64×64",
    ),
    "bytes with a mean": (
        "pose", lambda p: save_channels(p, [0] * 17, kind=np.uint8), {"mean": (1, 1, 1)}, ConfigError,
        r"teachers\.pose\.mean, std: .*takes bytes",
    ),
    "fixed batch": (
        "pose", lambda p: save_channels(p, [0] * 17, batch=4), {}, ModelError, r"net\.onnx: takes batches of 4 only",
    ),
    "no such output": (
        "pose", lambda p: save_channels(p, [0] * 17), {"output": 1}, ConfigError,
        r"teachers\.pose\.output: .*has none '1'; it has \['answer'\]",
    ),
    "no output of that name": (
        "pose", lambda p: save_channels(p, [0] * 17), {"output": "maps"}, ConfigError, r"has none 'maps'",
    ),
    "a grey input": (
        "pose", lambda p: save_constant(p, np.zeros((1, 17, 8, 8), np.float32), (1, 1, 8, 8)), {}, ModelError,
        r"net\.onnx: has inputs \[\[1, 1, 8, 8\]\]; a teacher has one",
    ),
    "too few joints": (
        "pose", lambda p: save_channels(p, [0] * 16), {}, ModelError, r"'answer' is 16×64×64, not one map .* 17 joints",
    ),
    "a mask for joints": (
        "pose", lambda p: save_channels(p, 0), {}, ModelError, r"is 64×64, not C×H×W; check teachers\.pose",
    ),
    "colours for classes": (
        "segmentation", lambda p: save_channels(p, [0, 1, 2]), {}, ModelError,
        r"is 3×64×64, not H×W; check teachers\.segmentation",
    ),
    "classes for logits": (
        "segmentation", lambda p: save_channels(p, 0), {"values": "logits"}, ModelError, r"is 64×64, not C×H×W",
    ),
    "background among the classes": (
        "classifier", lambda p: save_classifier(p, np.ones((3, 1001), np.float32)), {}, ModelError,
        r"is 1001, not 0 \+ 1000 classes; set teachers\.classifier\.first_class = 1",
    ),
    "another set of classes": (
        "classifier", lambda p: save_classifier(p, np.ones((3, 21), np.float32)), {}, ModelError,
        r"is 21, not 0 \+ 1000 classes; is it a classifier.; check",
    ),
    "no batch": (
        "segmentation", lambda p: save_constant(p, np.zeros((1, 8, 8), np.int64), ("batch", 3, 8, 8)), {}, ModelError,
        r"is 1×8×8, not a batch of 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(tmp_path: Path, mistake: str) -> None:
    name, make, fields, error, message = MISTAKES[mistake]
    path = tmp_path / "net.onnx"
    make(path)
    with pytest.raises(error, match=message):
        answer(name, path, noise(), boxes((0, 0, 9, 9), (9, 9, 40, 40)), **fields)


def test_a_network_that_fails(tmp_path: Path) -> None:
    """A file that leaves its batch open and takes one picture all the same: it fails only when it runs."""
    given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["batch", 3, 8, 8])
    answers = helper.make_tensor_value_info("answer", TensorProto.FLOAT, None)
    node = helper.make_node("Reshape", ["picture", "shape"], ["answer"])
    shape = numpy_helper.from_array(np.array([1, 192]), "shape")
    path = save(tmp_path / "net.onnx", helper.make_graph([node], "one", [given], [answers], [shape]))
    with pytest.raises(ModelError, match=r"net\.onnx: fails on pictures of 8×8 .*; check teachers\.classifier"):
        answer("classifier", path, noise(), boxes((0, 0, 9, 9), (9, 9, 40, 40)))


def test_onnx_runtime_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_channels(tmp_path / "net.onnx", [0] * 17)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"teachers\.pose\.kind: .*pip install onnxruntime"):
        build_teacher("pose", OnnxPoseSettings(path=path), 0.1)

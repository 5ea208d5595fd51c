"""The contract of a region detector, over all of them."""

from pathlib import Path

import numpy as np
import pytest

from ssmtl.config import parse
from ssmtl.regions.background import Background, BackgroundSettings
from ssmtl.regions.boxes import Boxes, BoxesSettings
from ssmtl.regions.classes import CLASSES
from ssmtl.regions.flow import Flow, FlowSettings
from ssmtl.regions.onnx import OnnxDetector, OnnxSettings
from ssmtl.regions.regions import MOTION, RegionDetector, Regions
from ssmtl.regions.scene import Scene
from ssmtl.regions.torchvision import TorchvisionDetector, TorchvisionSettings
from ssmtl.regions.union import DetectorSettings, Union, build_detector
from ssmtl.video.frame import Frame

from .networks import Bright, save_bright
from .pictures import HEIGHT, NOTHING, WIDTH, covered, iou, moving_square, square_box, texture, to_frames, with_square

KINDS = ["background", "background with a scene", "flow", "boxes", "onnx", "torchvision", "union"]

OBJECTS = {"boxes", "onnx", "torchvision"}
"""Those that find objects, whatever is known."""


def make(kind: str, folder: Path) -> RegionDetector:
    file = folder / "clip.csv"
    rows = [f"{i},{','.join(map(str, square_box(i, step=8)))}" for i in range(30)]
    file.write_text("\n".join(["frame,x_min,y_min,x_max,y_max", *rows]))
    scene = Scene(texture())
    match kind:
        case "background":
            return Background(BackgroundSettings())
        case "background with a scene":
            return Background(BackgroundSettings(), scene)
        case "flow":
            return Flow(FlowSettings())
        case "boxes":
            return Boxes(BoxesSettings(path=file), "clip")
        case "onnx":
            return OnnxDetector(OnnxSettings(path=save_bright(folder / "bright.onnx", HEIGHT, WIDTH)))
        case "torchvision":
            return TorchvisionDetector(TorchvisionSettings(), Bright())
        case _:
            return Union([Background(BackgroundSettings(), scene), Flow(FlowSettings())])


def same(a: Regions, b: Regions) -> bool:
    return all(
        np.array_equal(x, y)
        for x, y in [(a.boxes, b.boxes), (a.confidence, b.confidence), (a.label, b.label), (a.origin, b.origin)]
    )


@pytest.mark.parametrize("kind", KINDS)
class TestContract:
    def test_arrays(self, kind: str, tmp_path: Path) -> None:
        detector = make(kind, tmp_path)
        found = [detector.detect(frame, NOTHING) for frame in moving_square(24, step=8)]
        for regions in found:
            n = len(regions)
            assert regions.boxes.shape == (n, 4) and regions.boxes.dtype == np.float32
            assert regions.confidence.shape == (n,) and regions.confidence.dtype == np.float32
            assert regions.label.shape == regions.origin.shape == (n,)
            assert regions.label.dtype.kind == regions.origin.dtype.kind == "U"
            assert ((regions.confidence >= 0) & (regions.confidence <= 1)).all()
            assert regions.probabilities.shape == (n, len(CLASSES)) and regions.probabilities.dtype == np.float32
            for label, confidence, row in zip(regions.label, regions.confidence, regions.probabilities, strict=True):
                assert label not in CLASSES or row[CLASSES.index(label)] == confidence
        assert sum(map(len, found)) >= 15, "the square moves in every frame but the first"

    def test_boxes_lie_in_the_picture(self, kind: str, tmp_path: Path) -> None:
        detector = make(kind, tmp_path)
        pictures = [with_square(texture(), -20 + 3 * i, HEIGHT - 20) for i in range(6)]
        pictures += [with_square(texture(), WIDTH - 18 + 3 * i, -8) for i in range(6)]
        for frame in to_frames(pictures):
            boxes = detector.detect(frame, NOTHING).boxes
            assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= (WIDTH, HEIGHT)).all()
            assert (boxes[:, :2] < boxes[:, 2:]).all()

    def test_covers_what_moves(self, kind: str, tmp_path: Path) -> None:
        detector = make(kind, tmp_path)
        for frame in moving_square(24, step=8):
            boxes = detector.detect(frame, NOTHING).boxes
            if frame.index >= 6:
                square = square_box(frame.index, step=8)
                assert max((covered(square, box) for box in boxes), default=0) > 0.7, frame.index

    def test_the_same_again_after_a_reset(self, kind: str, tmp_path: Path) -> None:
        detector = make(kind, tmp_path)
        frames = moving_square(12)
        first = [detector.detect(frame, NOTHING) for frame in frames]
        for frame in to_frames([texture(60, 80, seed=3), texture(seed=4)]):
            detector.detect(frame, NOTHING)
        detector.reset()
        assert all(same(a, detector.detect(frame, NOTHING)) for a, frame in zip(first, frames, strict=True))

    def test_leaves_the_frame_as_it_was(self, kind: str, tmp_path: Path) -> None:
        detector = make(kind, tmp_path)
        frames = moving_square(4)
        before = [frame.image.copy() for frame in frames]
        for frame in frames:
            detector.detect(frame, Regions.make([[0, 0, 30, 30]], "known"))
        assert all(np.array_equal(frame.image, image) for frame, image in zip(frames, before, strict=True))

    def test_the_picture_size_may_change(self, kind: str, tmp_path: Path) -> None:
        detector = make(kind, tmp_path)
        for frame in moving_square(4) + to_frames([texture(40, 60, seed=i // 3) for i in range(3)]):
            boxes = detector.detect(frame, NOTHING).boxes
            height, width = frame.image.shape[:2]
            assert (boxes[:, 2:] <= (width, height)).all()

    def test_a_still_picture_has_no_motion(self, kind: str, tmp_path: Path) -> None:
        if kind == "boxes":
            pytest.skip("boxes are given, whatever the picture shows")
        detector = make(kind, tmp_path)
        assert not any(len(detector.detect(frame, NOTHING)) for frame in to_frames([texture()] * 5))

    def test_known_regions_are_left_out(self, kind: str, tmp_path: Path) -> None:
        if kind in OBJECTS:
            pytest.skip("objects are found, whatever is known")
        detector = make(kind, tmp_path)
        for frame in moving_square(10):
            _, top, right, bottom = square_box(frame.index)
            # The band that the square moves in: where it was at first is a region of the background's for a while.
            known = Regions.make([[0, top - 24, right + 24, bottom + 24]], "known")
            assert len(detector.detect(frame, known)) == 0

    def test_one_pixel(self, kind: str, tmp_path: Path) -> None:
        detector = make(kind, tmp_path)
        for i in range(3):
            found = detector.detect(Frame(i + 100, 0.0, np.full((1, 1, 3), 90 * i, np.uint8)), NOTHING)
            assert len(found) == 0


class TestUnion:
    class Fixed:
        """Finds one box and notes what was known."""

        def __init__(self, x: int):
            self.x = x
            self.known: list[float] = []
            self.resets = 0

        def detect(self, frame: Frame, known: Regions) -> Regions:
            self.known = known.boxes[:, 0].tolist()
            return Regions.make([[self.x, 0, self.x + 1, 1]], f"at {self.x}")

        def reset(self) -> None:
            self.resets += 1

    FRAME = Frame(0, 0.0, np.zeros((8, 8, 3), np.uint8))

    @pytest.mark.parametrize("places", [[], [1], [3, 1, 2]])
    def test_each_knows_what_those_before_it_found(self, places: list[int]) -> None:
        parts = [self.Fixed(x) for x in places]
        found = Union(parts).detect(self.FRAME)
        assert found.boxes[:, 0].tolist() == places
        assert found.origin.tolist() == [f"at {x}" for x in places]
        assert [part.known for part in parts] == [places[:i] for i in range(len(places))]

    def test_what_is_known_is_passed_on_but_not_found(self) -> None:
        parts = [self.Fixed(1), self.Fixed(2)]
        found = Union(parts).detect(self.FRAME, Regions.make([[7, 0, 8, 1]], "known"))
        assert found.boxes[:, 0].tolist() == [1, 2]
        assert [part.known for part in parts] == [[7], [7, 1]]

    def test_reset_resets_all(self) -> None:
        parts = [self.Fixed(1), self.Fixed(2)]
        Union(parts).reset()
        assert [part.resets for part in parts] == [1, 1]

    def test_what_each_kind_costs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [0.0]
        monkeypatch.setattr("ssmtl.regions.union.time.perf_counter", lambda: now[0])

        class Slow(self.Fixed):  # type: ignore[name-defined, misc]
            def detect(self, frame: Frame, known: Regions) -> Regions:
                now[0] += self.x
                return super().detect(frame, known)  # type: ignore[no-any-return]

        class Named(Slow):
            settings = FlowSettings()

        union = Union([Slow(1), Named(2), Slow(4)])
        assert (union.frames, union.seconds) == (0, {"slow": 0, "flow": 0})
        for _ in range(3):
            union.detect(self.FRAME)
            union.reset()
        assert (union.frames, union.seconds) == (3, {"slow": 15, "flow": 6})

    def test_flow_finds_only_what_the_background_left(self) -> None:
        frames = moving_square(8)
        scene = Scene(texture())
        together = build_detector([BackgroundSettings(), FlowSettings()], "clip", scene)
        alone = build_detector([FlowSettings()], "clip", scene)
        for frame in frames:
            found = together.detect(frame)
            assert found.origin[0] == "background" and iou(found.boxes[0], square_box(frame.index)) > 0.7
            assert all(covered(box, square_box(frame.index)) < 0.1 for box in found.boxes[found.origin == "flow"])
        assert [set(alone.detect(frame).origin) for frame in frames] == [set()] + [{"flow"}] * 7

    def test_built_in_the_order_of_the_settings(self, tmp_path: Path) -> None:
        (tmp_path / "clip.csv").write_text("frame,x_min,y_min,x_max,y_max\n0,1,1,9,9\n")
        onnx = OnnxSettings(path=save_bright(tmp_path / "bright.onnx", 32, 32))
        settings = [FlowSettings(), onnx, BoxesSettings(path=tmp_path), BackgroundSettings()]
        union = build_detector(settings, "clip", None)
        assert [type(detector) for detector in union.detectors] == [Flow, OnnxDetector, Boxes, Background]
        assert list(union.seconds) == ["flow", "onnx", "boxes", "background"]

    def test_an_object_is_not_found_again_as_motion(self, tmp_path: Path) -> None:
        settings = [OnnxSettings(path=save_bright(tmp_path / "bright.onnx", HEIGHT, WIDTH)), FlowSettings()]
        union = build_detector(settings, "clip", None)
        for frame in moving_square(6):
            found = union.detect(frame)
            assert found.label.tolist() == ["person"] and iou(found.boxes[0], square_box(frame.index)) > 0.9


def test_motion_is_the_label_of_motion() -> None:
    detector = Flow(FlowSettings())
    found = [detector.detect(frame, NOTHING) for frame in moving_square(3)][-1]
    assert set(found.label) == {MOTION} and set(found.confidence) == {1.0} and set(found.origin) == {"flow"}


@pytest.mark.parametrize(
    ("settings", "files"),
    [
        (BoxesSettings(path=Path("here/clip.csv")), ["here/clip.csv"]),
        (OnnxSettings(), []),
        (OnnxSettings(path=Path("a.onnx")), ["a.onnx"]),
        (TorchvisionSettings(), []),
        (TorchvisionSettings(weights=Path("a.pth")), ["a.pth"]),
        (FlowSettings(), []),
        (FlowSettings(weights=Path("a.pth")), []),
        (FlowSettings(method="raft"), []),
        (FlowSettings(method="raft", weights=Path("a.pth")), ["a.pth"]),
    ],
    ids=str,
)
def test_files_that_are_read(settings: DetectorSettings, files: list[str]) -> None:
    assert not isinstance(settings, BackgroundSettings) and settings.files == [Path(file) for file in files]


@pytest.mark.parametrize(
    "settings",
    [
        OnnxSettings(),
        OnnxSettings(path=Path("a.onnx"), form="yolox", classes=("dog", "cat"), keep=("cat",)),
        TorchvisionSettings(),
        TorchvisionSettings(weights=Path("a.pth"), keep=("person",)),
        FlowSettings(method="raft", weights=Path("a.pth")),
    ],
    ids=str,
)
def test_settings_survive_being_saved(settings: DetectorSettings) -> None:
    assert parse(type(settings), settings.model_dump(mode="json")) == settings


def test_files_in_a_folder_of_boxes(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/regions.csv", "a.csv", "notes.txt"):
        (tmp_path / name).write_text("")
    assert BoxesSettings(path=tmp_path).files == [tmp_path / "a.csv", tmp_path / "b/regions.csv"]

"""Each form of a detector's answer, on numbers whose box is known; and which candidates become regions."""

import numpy as np
import pytest

from ssmtl.errors import ConfigError
from ssmtl.regions.classes import CLASSES, COCO
from ssmtl.regions.decoders import (
    COCO_IDS,
    arrange_map,
    count_cells,
    decode_labelled,
    decode_rfdetr,
    decode_selected,
    decode_yolov3,
    decode_yolov5,
    decode_yolov8,
    decode_yolox,
    sigmoid,
    to_regions,
)

SHAPE = (100, 200, 3)


def rows(*values: list[float]) -> np.ndarray:
    return np.array(values, np.float32)


class TestYolox:
    # 64 × 96: 8×12 cells of 8 pixels, 4×6 of 16, 2×3 of 32.
    @pytest.mark.parametrize(
        ("row", "stride", "corner"),
        [
            (0, 8, (0, 0)),
            (1, 8, (8, 0)),
            (12, 8, (0, 8)),
            (95, 8, (88, 56)),
            (96, 16, (0, 0)),
            (103, 16, (16, 16)),
            (120, 32, (0, 0)),
            (124, 32, (32, 32)),
        ],
    )
    def test_a_row_is_of_one_cell(self, row: int, stride: int, corner: tuple[int, int]) -> None:
        answer = np.zeros((count_cells(64, 96), 7), np.float32)
        answer[row] = [0.5, 0.25, np.log(2), np.log(3), 0.5, 0.8, 0.2]
        boxes, scores = decode_yolox(answer, 64, 96)
        x, y = corner[0] + 0.5 * stride, corner[1] + 0.25 * stride
        np.testing.assert_allclose(boxes[row], [x - stride, y - 1.5 * stride, x + stride, y + 1.5 * stride], rtol=1e-5)
        np.testing.assert_allclose(scores[row], [0.4, 0.1], rtol=1e-6)
        assert scores.sum() == pytest.approx(0.5)

    def test_the_number_of_cells(self) -> None:
        assert count_cells(416, 416) == 3549 and count_cells(640, 640) == 8400 and count_cells(64, 96) == 126

    def test_no_side_is_infinite(self) -> None:
        answer = np.full((count_cells(32, 32), 6), 1000, np.float32)
        assert np.isfinite(decode_yolox(answer, 32, 32)[0]).all()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_yolov5(n: int) -> None:
    boxes, scores = decode_yolov5(rows([50, 40, 20, 10, 0.5, 0.8, 0.4], [10, 20, 4, 8, 1, 0, 1])[:n])
    assert boxes.tolist() == [[40, 35, 60, 45], [8, 16, 12, 24]][:n]
    np.testing.assert_allclose(scores, rows([0.4, 0.2], [0, 1])[:n], rtol=1e-6)


def test_yolov8() -> None:
    boxes, scores = decode_yolov8(rows([50, 10], [40, 20], [20, 4], [10, 8], [0.8, 0.1], [0.4, 0.9]))
    assert boxes.tolist() == [[40, 35, 60, 45], [8, 16, 12, 24]]
    np.testing.assert_allclose(scores, rows([0.8, 0.4], [0.1, 0.9]))


class TestYolov3:
    def maps(self) -> list[np.ndarray]:
        """Of a network of 64 × 96 with two classes: one object on each map, on another anchor each time."""
        maps = [np.full((64 // stride, 96 // stride, 3, 7), -20, np.float32) for stride in (8, 16, 32)]
        maps[0][3, 5, 0] = [0, 0, 0, 0, 20, 20, -20]
        maps[1][1, 4, 1] = [0, np.log(3), np.log(2), 0, 0, 20, 20]
        maps[2][0, 2, 2] = [0, 0, -np.log(10), -np.log(10), 20, 0, -20]
        return maps

    EXPECTED = (
        # Centre (5.5, 3.5) · 8, anchor 10×13; centre (4.5, 1.75) · 16, anchor 62×45 twice as wide;
        # centre (2.5, 0.5) · 32, a tenth of the anchor 373×326.
        ([39, 21.5, 49, 34.5], [1, 0]),
        ([10, 5.5, 134, 50.5], [0.5, 0.5]),
        ([61.35, -0.3, 98.65, 32.3], [0.5, 0]),
    )

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
    def test_maps_in_any_order(self, order: tuple[int, ...]) -> None:
        maps = self.maps()
        boxes, scores = decode_yolov3([maps[i] for i in order])
        assert len(boxes) == 3 * 126
        found = np.flatnonzero(scores.max(axis=1) > 0.01)
        assert len(found) == 3
        for i, (box, score) in zip(found, self.EXPECTED, strict=True):
            np.testing.assert_allclose(boxes[i], box, atol=1e-3)
            np.testing.assert_allclose(scores[i], score, atol=1e-3)

    @pytest.mark.parametrize("layout", ["channels first", "channels last", "anchors apart"])
    def test_layouts(self, layout: str) -> None:
        for map_ in self.maps():
            height, width = map_.shape[:2]
            given = {
                "channels first": map_.transpose(2, 3, 0, 1).reshape(1, 21, height, width),
                "channels last": map_.reshape(1, height, width, 21),
                "anchors apart": map_.transpose(2, 0, 1, 3)[None],
            }[layout]
            arranged = arrange_map(given, 2)
            assert arranged is not None and np.array_equal(arranged, map_)
            assert arrange_map(given, 3) is None

    def test_of_the_model_zoo(self) -> None:
        boxes = rows([1, 2, 11, 22], [0, 0, 5, 5], [30, 40, 50, 60])
        scores = rows([0.1, 0.2, 0.9], [0.7, 0.3, 0.8])
        found, probabilities = decode_selected(boxes, scores, np.array([[0, 1, 2], [0, 0, 2], [0, 1, 0]]))
        assert found.tolist() == [[2, 1, 22, 11], [40, 30, 60, 50]]
        np.testing.assert_array_equal(probabilities, rows([0.1, 0.7], [0.9, 0.8]))
        assert len(decode_selected(boxes, scores, np.zeros((0, 3), np.int64))[0]) == 0


def test_a_label_is_a_column() -> None:
    boxes, scores = decode_labelled(
        rows([1, 2, 3, 4], [5, 6, 7, 8]), np.array([0.5, 0.25], np.float32), np.array([2, 0]), 3
    )
    assert boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]] and scores.tolist() == [[0, 0, 0.5], [0.25, 0, 0]]
    with pytest.raises(ConfigError, match=r"detectors\.onnx\.classes: names 2 classes.*class 2"):
        decode_labelled(boxes, np.ones(2, np.float32), np.array([2, 0]), 2)


def test_rfdetr() -> None:
    boxes, scores = decode_rfdetr(rows([0.5, 0.25, 0.5, 0.1]), rows([0, np.log(3)]), 100, 200)
    np.testing.assert_allclose(boxes, rows([50, 20, 150, 30]), rtol=1e-6)
    np.testing.assert_allclose(scores, rows([0.5, 0.75]), rtol=1e-6)


def test_sigmoid() -> None:
    x = np.array([-1e6, -np.log(3), 0, np.log(9), 1e6], np.float32)
    np.testing.assert_allclose(sigmoid(x), [0, 0.25, 0.5, 0.9, 1], atol=1e-6)


def test_coco_ids() -> None:
    assert len(set(COCO_IDS)) == len(COCO_IDS) == len(COCO) and list(COCO_IDS) == sorted(COCO_IDS)
    unused = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    assert set(range(1, 91)) - set(COCO_IDS) == unused
    # From the annotations' own list of categories.
    assert {COCO[COCO_IDS.index(i)] for i in (1, 13, 90, 46)} == {"person", "stop sign", "toothbrush", "wine glass"}


class TestToRegions:
    NAMES = ("person", "ghost", "car")

    def test_probabilities(self) -> None:
        found = to_regions(
            rows([10, 20, 30, 40], [50, 20, 70, 90]), rows([0.6, 0.3, 0.5], [0.1, 0.9, 0.2]), self.NAMES, SHAPE, 0.5
        )
        assert found.label.tolist() == ["ghost", "person"] and set(found.origin) == {"detector"}
        np.testing.assert_allclose(found.confidence, [0.9, 0.6])
        assert found.boxes.tolist() == [[50, 20, 70, 90], [10, 20, 30, 40]]
        known = {"person": [0.1, 0.6], "car": [0.2, 0.5]}
        for column, name in enumerate(CLASSES):
            np.testing.assert_allclose(found.probabilities[:, column], known.get(name, [0, 0]))

    @pytest.mark.parametrize(("minimum", "count"), [(0.0, 2), (0.5, 2), (0.51, 1), (0.75, 1), (0.76, 0), (1.0, 0)])
    def test_min_confidence(self, minimum: float, count: int) -> None:
        boxes = rows([10, 20, 30, 40], [50, 20, 70, 90], [50, 20, 70, 90])
        found = to_regions(boxes, rows([0.5, 0, 0], [0, 0.75, 0], [0, 0, 0]), self.NAMES, SHAPE, minimum)
        assert len(found) == count

    @pytest.mark.parametrize(
        ("keep", "left"), [((), [0, 1, 2]), (("car",), [2]), (("car", "person"), [0, 2]), (("ghost",), [1])]
    )
    def test_keep(self, keep: tuple[str, ...], left: list[int]) -> None:
        boxes = rows([0, 0, 10, 10], [1, 0, 10, 10], [2, 0, 10, 10])
        found = to_regions(boxes, np.eye(3, dtype=np.float32), self.NAMES, SHAPE, 0.5, keep)
        assert found.boxes[:, 0].tolist() == left

    def test_boxes_are_cut_to_the_picture(self) -> None:
        boxes = rows([-5, -5, 20, 20], [190, 90, 300, 300], [200, 0, 220, 20], [-20, 0, -10, 9], [199.5, 0, 220, 20],
                     [30, 30, 20, 20], [1, 2, np.nan, 4], [1, 2, np.inf, 4], [5, 6, 7, 8])  # fmt: skip
        found = to_regions(boxes, np.ones((len(boxes), 3), np.float32), self.NAMES, SHAPE, 0.5)
        assert found.boxes.tolist() == [[0, 0, 20, 20], [190, 90, 200, 100], [5, 6, 7, 8]]
        assert found.boxes.dtype == np.float32 and len(found.label) == 3 and found.probabilities.shape == (3, 81)

    # Two people that overlap by 1/3, 3/5 and 3/5 of their union; a car in the same place.
    BOXES = rows([0, 0, 20, 20], [10, 0, 30, 20], [5, 0, 25, 20], [0, 0, 20, 20])
    SCORES = rows([0.7, 0, 0], [0.8, 0, 0], [0.9, 0, 0], [0, 0, 0.6])

    @pytest.mark.parametrize(
        ("overlap", "left"),
        [(None, [0.9, 0.8, 0.7, 0.6]), (0.65, [0.9, 0.8, 0.7, 0.6]), (0.55, [0.9, 0.6]), (0.3, [0.9, 0.6])],
    )
    def test_doubles_are_dropped_within_a_class(self, overlap: float | None, left: list[float]) -> None:
        found = to_regions(self.BOXES, self.SCORES, self.NAMES, SHAPE, 0.5, (), overlap)
        np.testing.assert_allclose(found.confidence, left)

    def test_what_was_dropped_drops_nothing(self) -> None:
        """The second person is a double of the first, the third one only of the second."""
        boxes = rows([0, 0, 20, 20], [5, 0, 25, 20], [10, 0, 30, 20])
        found = to_regions(boxes, rows([0.9, 0, 0], [0.8, 0, 0], [0.7, 0, 0]), self.NAMES, SHAPE, 0.5, (), 0.5)
        assert found.boxes[:, 0].tolist() == [0, 10]

    @pytest.mark.parametrize("overlap", [None, 0.5])
    def test_no_candidates(self, overlap: float | None) -> None:
        found = to_regions(
            np.zeros((0, 4), np.float32), np.zeros((0, 3), np.float32), self.NAMES, SHAPE, 0.5, (), overlap
        )
        assert len(found) == 0 and found.boxes.shape == (0, 4) and found.probabilities.shape == (0, 81)

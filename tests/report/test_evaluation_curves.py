"""The curves of an evaluation: drawn for every shape of curve, with the figures in them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ssmtl.metrics.frames import measure_frames, roc
from ssmtl.metrics.regions import match_video, measure_regions
from ssmtl.report.evaluation_curves import _some, plot_regions, plot_roc

BOX = [10, 10, 20, 20]


def picture(path: Path) -> np.ndarray:
    image = cv2.imread(str(path))
    assert image is not None and image.shape[0] > 300
    return image


@pytest.mark.parametrize(
    ("labels", "scores"),
    [([0, 1], [0.1, 0.9]), ([0, 0], [0.1, 0.9]), ([0, 1, 0, 1], [1, 1, 1, 1]), ([1], [0.5])],
    ids=["perfect", "one class", "all equal", "one frame"],
)
def test_roc(tmp_path: Path, labels: list[int], scores: list[float]) -> None:
    plot_roc(tmp_path / "roc.png", roc(labels, scores), measure_frames([labels], [scores]), "cost: $5 & more")
    picture(tmp_path / "roc.png")


def test_another_curve_is_another_picture(tmp_path: Path) -> None:
    labels = [0, 0, 1, 1]
    for name, scores in (("a", [1, 2, 3, 4]), ("b", [4, 2, 3, 1])):
        plot_roc(tmp_path / f"{name}.png", roc(labels, scores), measure_frames([labels], [scores]))
    assert (picture(tmp_path / "a.png") != picture(tmp_path / "b.png")).any()


@pytest.mark.parametrize(
    ("truth", "found"),
    [([0], [0, 1]), ([0], []), ([], [0, 1]), ([], []), ([0], [1] * 9)],
    ids=["both", "nothing found", "no truth", "nothing", "beyond one"],
)
def test_regions(tmp_path: Path, truth: list[int], found: list[int]) -> None:
    match = match_video(truth, truth, [BOX] * len(truth), found, [BOX] * len(found), np.linspace(0, 1, len(found)))
    plot_regions(tmp_path / "regions.png", measure_regions([match], 2))
    picture(tmp_path / "regions.png")


@pytest.mark.parametrize(("points", "kept"), [(1, 1), (2, 2), (4000, 4000), (100_000, 4000)])
def test_both_ends_of_a_long_curve_are_drawn(points: int, kept: int) -> None:
    chosen = _some(np.linspace(0, 1, points))
    assert (chosen[0], chosen[-1], len(chosen)) == (0, points - 1, kept)


def test_of_what_lies_beyond_one_only_the_next_point_is_drawn() -> None:
    assert _some(np.array([0, 0.5, 3, 4, 5])).tolist() == [0, 1, 2]

"""What teachers say of a training set: asked once, kept row by row, found again."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ssmtl.config import Settings
from ssmtl.sequences.store import ClipRegions, SequenceStore
from ssmtl.teachers.answers import answer_clips
from ssmtl.teachers.teacher import TARGETS
from ssmtl.video.sources import Clip

from ..video.clips import write_picture


class Brightness:
    """A teacher whose answer tells which picture and which box it was asked about."""

    def __init__(self, name: str):
        self.shape = TARGETS[name]
        self.calls = 0

    def answer(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        self.calls += 1
        values = (image[0, 0, 0] + boxes[:, 0]) / 255
        return np.broadcast_to(values.reshape(-1, *[1] * len(self.shape)), (len(boxes), *self.shape)).astype(np.float32)


class Chosen(Settings):
    """Settings of a teacher."""

    number: int = 1


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    """Six pictures, of the grey levels 0, 10, ... 50."""
    (tmp_path / "clip").mkdir()
    for i in range(6):
        write_picture(tmp_path / "clip" / f"{i}.png", np.full((32, 32, 3), 10 * i, np.uint8))
    return Clip("clip", tmp_path / "clip")


def regions(*rows: tuple[int, int]) -> ClipRegions:
    """One region per (frame, x_min)."""
    boxes = np.array([[x, 0, x + 5, 5] for _, x in rows], np.float32).reshape(-1, 4)
    nothing, origin = np.zeros((len(rows), 81), np.float16), np.full(len(rows), "boxes")
    return ClipRegions(np.array([f for f, _ in rows], np.int64), boxes, nothing, origin, 6)


def ask(clip: Clip, rows: ClipRegions, folder: Path, teacher: Brightness, name: str, **options: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return answer_clips([clip], [rows], name, teacher, Chosen(**options), 0.1, folder)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("rows", [[], [(2, 3)], [(0, 1), (0, 2), (3, 0), (5, 7)]])
def test_a_row_for_each_region(clip: Clip, tmp_path: Path, name: str, rows: list[tuple[int, int]]) -> None:
    (file,) = ask(clip, regions(*rows), tmp_path / "kept", Brightness(name), name)
    kept = np.load(file)
    assert kept.shape == (len(rows), *TARGETS[name])
    scale = 255 if kept.dtype == np.uint8 else 1
    found = kept.reshape(len(rows), np.prod(TARGETS[name]))[:, 0].astype(float) / scale
    assert found.tolist() == pytest.approx([(10 * frame + x) / 255 for frame, x in rows], abs=2e-3)


def test_asked_once(clip: Clip, tmp_path: Path) -> None:
    teacher, rows = Brightness("pose"), regions((1, 0), (1, 4), (4, 2))
    first = ask(clip, rows, tmp_path / "kept", teacher, "pose")
    assert teacher.calls == 2, "one call per picture"
    assert ask(clip, rows, tmp_path / "kept", teacher, "pose") == first and teacher.calls == 2
    assert ask(clip, rows, tmp_path / "kept", teacher, "pose", number=2) != first, "another teacher"
    assert ask(clip, regions((1, 0)), tmp_path / "kept", teacher, "pose") != first, "other regions"


def test_the_store_gives_them_by_sequence(clip: Clip, tmp_path: Path) -> None:
    rows = regions((1, 0), (1, 4), (4, 2))
    np.save(tmp_path / "sequences.npy", np.zeros((3, 1, 7, 64, 64), np.uint8))
    store = SequenceStore([tmp_path / "sequences.npy"], [rows], [rows])
    for name in TARGETS:
        store.add(name, ask(clip, rows, tmp_path / "kept", Brightness(name), name))
    given = store.given(np.array([2, 0]), [*TARGETS, "classes"])
    assert set(given) == {*TARGETS, "classes"} and all(rows.dtype == np.float32 for rows in given.values())
    for name, shape in TARGETS.items():
        assert given[name].shape == (2, *shape)
        np.testing.assert_allclose(given[name].reshape(2, -1)[:, 0], [42 / 255, 10 / 255], atol=2e-3)
    assert given["classes"].shape == (2, 81)

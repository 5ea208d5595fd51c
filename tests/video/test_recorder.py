"""Films from a little before."""

from pathlib import Path

import numpy as np
import pytest

from ssmtl.errors import OutputError
from ssmtl.video.files import VideoFile
from ssmtl.video.recorder import Recorder, shrink

RATE = 10.0


def picture(level: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def levels(path: Path) -> list[int]:
    return [round(float(frame.image.mean()) / 10) for frame in VideoFile(path)]


def test_a_film_begins_before_and_ends_when_told(tmp_path: Path) -> None:
    recorder = Recorder(RATE, before_s=0.5)
    for i in range(20):
        if i == 10:
            recorder.begin(tmp_path / "a.mp4")
            assert recorder.path == tmp_path / "a.mp4" and not (tmp_path / "a.mp4").exists()
        if i == 15:
            assert recorder.end() == tmp_path / "a.mp4"
        recorder.add(picture(10 * i), i / RATE)
    # Pictures 0.4 to 0.9 s were remembered.
    assert levels(tmp_path / "a.mp4") == list(range(4, 15))
    assert recorder.end() is None and recorder.path is None


def test_a_second_film_does_not_show_the_first_ones_pictures(tmp_path: Path) -> None:
    recorder = Recorder(RATE, before_s=10)
    for i in range(12):
        if i in (4, 8):
            recorder.begin(tmp_path / f"{i}.mp4")
        recorder.add(picture(10 * i), i / RATE)
        if i in (5, 10):
            recorder.end()
    assert levels(tmp_path / "4.mp4") == [0, 1, 2, 3, 4, 5]
    assert levels(tmp_path / "8.mp4") == [6, 7, 8, 9, 10]


def test_a_film_has_a_longest_length_and_can_be_dropped(tmp_path: Path) -> None:
    recorder = Recorder(RATE, before_s=0.2, most_s=1.0)
    recorder.add(picture(0), 0.0)
    recorder.begin(tmp_path / "a.mp4")
    for i in range(1, 30):
        recorder.add(picture(5 * i), i / RATE)
    recorder.end()
    assert len(levels(tmp_path / "a.mp4")) == 11
    recorder.add(picture(0), 3.0)
    recorder.begin(tmp_path / "b.mp4")
    assert recorder.end(keep=False) is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_nothing_to_begin_with(tmp_path: Path) -> None:
    recorder = Recorder(RATE)
    recorder.begin(tmp_path / "a.mp4")
    assert recorder.path is None and recorder.end() is None


def test_a_film_that_cannot_be_written_leaves_the_recorder_ready(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    recorder = Recorder(RATE)
    recorder.add(picture(0), 0.0)
    with pytest.raises(OutputError):
        recorder.begin(tmp_path / "file" / "a.mp4")
    recorder.add(picture(10), 0.1)
    recorder.begin(tmp_path / "b.mp4")
    recorder.end()
    assert levels(tmp_path / "b.mp4") == [1]


@pytest.mark.parametrize(
    ("size", "expected"),
    [((48, 64), (48, 64)), ((1080, 1920), (540, 960)), ((1920, 1080), (960, 540)), ((3, 2000), (1, 960))],
)
def test_large_pictures_are_shrunk(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert shrink(np.zeros((*size, 3), np.uint8)).shape[:2] == expected


def test_a_film_goes_on_after_a_gap_with_pictures_of_its_size(tmp_path: Path) -> None:
    recorder = Recorder(RATE)
    recorder.add(picture(10), 0.0)
    recorder.begin(tmp_path / "a.mp4")
    recorder.add(picture(20, height=96), 0.1)
    recorder.add(picture(30), 5.0)
    assert recorder.end() == tmp_path / "a.mp4" and levels(tmp_path / "a.mp4") == [1, 3]

"""Counting frames without decoding them, as decoding would."""

from pathlib import Path

import pytest

from ssmtl.datasets.footage import count_frames, empty_pictures, missing_pictures
from ssmtl.errors import SourceError
from ssmtl.video.sources import Clip, open_source

from ..video.clips import truncate, write_pictures, write_video


@pytest.mark.parametrize("count", [1, 2, 12])
@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "libx264"), (".avi", "mpeg4"), (".avi", "libx264"), (".mkv", "mjpeg")]
)
def test_videos(tmp_path: Path, count: int, suffix: str, codec: str) -> None:
    clip = Clip("a", write_video(tmp_path / f"a{suffix}", codec=codec, count=count))
    assert count_frames(clip) == sum(1 for _ in open_source(clip)) == count


@pytest.mark.parametrize("count", [1, 3])
def test_pictures(tmp_path: Path, count: int) -> None:
    assert count_frames(Clip("a", write_pictures(tmp_path / "a", count))) == count


def test_what_cannot_be_counted(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.avi").touch()
    (tmp_path / "text.avi").write_text("no video")
    truncate(write_video(tmp_path / "cut.mp4"), 0.5)
    for name in ("empty", "empty.avi", "text.avi", "cut.mp4", "none.avi"):
        with pytest.raises(SourceError, match=name):
            count_frames(Clip("a", tmp_path / name))


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ([], []),
        (["007"], []),
        (["001", "002", "003"], []),
        (["0", "1", "3"], ["2"]),
        (["frame003", "frame004", "frame010", "frame012", "frame013"], ["5 to 9", "11"]),
        (["00", "05", "10"], []),
        (["00", "05"], []),
        (["a", "b"], []),
        (["1", "1b", "2"], []),
        (["00012_0003", "00012_0005", "00012_0006"], ["4"]),
    ],
    ids=str,
)
def test_gaps(tmp_path: Path, names: list[str], missing: list[str]) -> None:
    for name in names:
        (tmp_path / f"{name}.jpg").touch()
    assert missing_pictures(tmp_path) == missing


def test_empty_pictures(tmp_path: Path) -> None:
    write_pictures(tmp_path / "a", 3)
    assert empty_pictures(tmp_path / "a") == []
    (tmp_path / "a/1.png").write_bytes(b"")
    (tmp_path / "a/3.png").touch()
    assert empty_pictures(tmp_path / "a") == ["1.png", "3.png"]

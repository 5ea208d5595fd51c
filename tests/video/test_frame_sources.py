"""The contract of a frame source, over all of its implementations."""

import numpy as np
import pytest

from ssmtl.video.files import VideoFile
from ssmtl.video.folders import PictureFolder

from .clips import has_true_colours, index_of, write_pictures, write_video

SOURCES = {
    "file": lambda path, count: VideoFile(write_video(path / "clip.mp4", count=count)),
    "folder": lambda path, count: PictureFolder(write_pictures(path / "clip", count)),
}


@pytest.fixture(params=SOURCES)
def make(request):
    return SOURCES[request.param]


@pytest.mark.parametrize("count", [1, 2, 12])
def test_frames_in_order_without_gaps(make, tmp_path, count):
    source = make(tmp_path, count)
    frames = list(source)
    assert [frame.index for frame in frames] == list(range(count))
    assert [index_of(frame.image) for frame in frames] == list(range(count))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(count) / 25, atol=1e-6)
    assert (source.name, source.rate, source.expected_frames, source.undecodable) == ("clip", 25, count, 0)


def test_images_are_rgb_bytes(make, tmp_path):
    for frame in make(tmp_path, 3):
        assert frame.image.shape == (64, 96, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert has_true_colours(frame.image)


def test_iterating_again_starts_over(make, tmp_path):
    source = make(tmp_path, 12)
    abandoned = iter(source)
    assert [index_of(next(abandoned).image) for _ in range(3)] == [0, 1, 2]
    assert [index_of(frame.image) for frame in source] == list(range(12))
    assert [frame.index for frame in source] == list(range(12))


def test_frames_stay_valid_after_the_next(make, tmp_path):
    frames = list(make(tmp_path, 6))
    assert [index_of(frame.image) for frame in frames] == list(range(6))


def test_name_can_be_given(tmp_path):
    assert VideoFile(write_video(tmp_path / "a.mp4", count=1), "b").name == "b"
    assert PictureFolder(write_pictures(tmp_path / "a", 1), name="b").name == "b"

from contextlib import contextmanager

import av
import numpy as np
import pytest

from ssmtl.errors import OutputError
from ssmtl.video import writer
from ssmtl.video.files import VideoFile
from ssmtl.video.writer import VideoWriter

from .clips import has_true_colours, index_of, picture


def write(path, count=12, rate=25.0, times_s=None, height=64, width=96):
    with VideoWriter(path, width, height, rate) as out:
        for i in range(count):
            out.write(picture(i, height, width), None if times_s is None else times_s[i])
    return VideoFile(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".m4v", ".mkv"])
@pytest.mark.parametrize("count", [1, 30])
def test_round_trip(tmp_path, suffix, count):
    source = write(tmp_path / f"clip{suffix}", count)
    frames = list(source)
    assert source.undecodable == 0
    assert [index_of(frame.image) for frame in frames] == list(range(count))
    assert all(has_true_colours(frame.image) for frame in frames)
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(count) / 25, atol=1e-3)
    assert list(tmp_path.iterdir()) == [tmp_path / f"clip{suffix}"]


@pytest.mark.parametrize("rate", [1, 7.5, 24, 29.97, 30, 60])
def test_rate(tmp_path, rate):
    source = write(tmp_path / "clip.mp4", 12, rate)
    assert source.rate == pytest.approx(rate, rel=1e-3)
    np.testing.assert_allclose([frame.time_s for frame in source], np.arange(12) / rate, atol=1e-3)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([0, 0.04, 0.5, 2, 2.001], [0, 0.04, 0.5, 2, 2.001]),
        ([100, 100.5, 103], [0, 0.5, 3]),
        ([0, 0.5, 0.5, 0.4, 1], [0, 0.5, 0.5, 0.5, 1]),
        ([0, 1, None, None, 3], [0, 1, 1.04, 1.08, 3]),
    ],
    ids=["variable", "from another origin", "not rising", "partly given"],
)
def test_times(tmp_path, given, expected):
    frames = list(write(tmp_path / "clip.mp4", len(given), times_s=given))
    assert [index_of(frame.image) for frame in frames] == list(range(len(given)))
    np.testing.assert_allclose([frame.time_s for frame in frames], expected, atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(65, 97), (64, 97), (65, 96), (1, 1)])
def test_odd_sizes_grow_to_even(tmp_path, height, width):
    images = np.full((2, height, width, 3), (200, 30, 40), np.uint8)
    with VideoWriter(tmp_path / "clip.mp4", width, height, 25) as out:
        for image in images:
            out.write(image)
    for frame in VideoFile(tmp_path / "clip.mp4"):
        assert frame.image.shape == (height + height % 2, width + width % 2, 3)
        assert np.abs(frame.image.astype(int) - (200, 30, 40)).max() < 30  # no dark edge


def test_plays_in_browsers(tmp_path):
    path = tmp_path / "clip.mp4"
    write(path)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_without_the_h264_encoder(tmp_path, monkeypatch):
    def codec(name, mode):
        raise av.codec.codec.UnknownCodecError(name)

    monkeypatch.setattr(writer.av, "Codec", codec)
    assert VideoWriter(tmp_path / "clip.mp4", 96, 64, 25).codec == "mpeg4"
    frames = list(write(tmp_path / "clip.mp4", 12))
    assert [index_of(frame.image) for frame in frames] == list(range(12))
    assert all(has_true_colours(frame.image) for frame in frames)


@pytest.mark.parametrize("error", [KeyError("x"), FileNotFoundError("x"), KeyboardInterrupt()])
@pytest.mark.parametrize("count", [0, 1, 30])
def test_an_exception_leaves_nothing(tmp_path, error, count):
    with pytest.raises(type(error)) as caught, VideoWriter(tmp_path / "clip.mp4", 96, 64, 25) as out:
        for i in range(count):
            out.write(picture(i))
        raise error
    assert caught.value is error
    assert list(tmp_path.iterdir()) == []


def test_an_exception_leaves_the_older_file(tmp_path):
    path = tmp_path / "clip.mp4"
    write(path)
    before = path.read_bytes()
    with pytest.raises(KeyError), VideoWriter(path, 96, 64, 25) as out:
        out.write(picture(0))
        raise KeyError
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_file_appears_only_when_done(tmp_path):
    path = tmp_path / "new" / "clip.mp4"
    with VideoWriter(path, 96, 64, 25) as out:
        out.write(picture(0))
        assert not path.exists()
    assert path.exists()


@contextmanager
def files_no_larger_than(size):
    resource = pytest.importorskip("resource", reason="this system limits no file sizes")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("part", [0, 0.3, 0.6, 0.999])
def test_a_full_disk_is_an_output_error(tmp_path, part):
    def write_noise(path):
        with VideoWriter(path, 96, 64, 25) as out:
            for image in np.random.default_rng(0).integers(0, 256, (40, 64, 96, 3), np.uint8):
                out.write(image)

    write_noise(tmp_path / "whole.mp4")
    size = int((tmp_path / "whole.mp4").stat().st_size * part)
    with files_no_larger_than(size), pytest.raises(OutputError, match=r"clip\.mp4: cannot be written"):
        write_noise(tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == [tmp_path / "whole.mp4"]


def test_no_frames_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="no frame was written"), VideoWriter(tmp_path / "clip.mp4", 96, 64, 25):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "clip.mp4").mkdir()
    with pytest.raises(OutputError, match="cannot be written"), VideoWriter(tmp_path / "clip.mp4", 96, 64, 25) as out:
        out.write(picture(0))
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("name", ["clip", "clip.txt", "clip.avi"])
def test_unknown_endings(tmp_path, name):
    with pytest.raises(OutputError, match=r"unknown ending; .*\.mp4"):
        VideoWriter(tmp_path / name, 96, 64, 25)


@pytest.mark.parametrize(("width", "height", "rate"), [(0, 64, 25), (96, 0, 25), (96, 64, 0), (96, 64, -1)])
def test_sizes_and_rates_out_of_range(tmp_path, width, height, rate):
    with pytest.raises(ValueError, match="must be positive"):
        VideoWriter(tmp_path / "clip.mp4", width, height, rate)


@pytest.mark.parametrize(
    "image", [np.zeros((64, 95, 3), np.uint8), np.zeros((64, 96), np.uint8), np.zeros((64, 96, 3), np.float32)]
)
def test_images_that_do_not_fit(tmp_path, image):
    with pytest.raises(ValueError, match="expected"), VideoWriter(tmp_path / "clip.mp4", 96, 64, 25) as out:
        out.write(image)
    assert list(tmp_path.iterdir()) == []

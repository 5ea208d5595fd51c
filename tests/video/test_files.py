import av
import numpy as np
import pytest

from ssmtl.errors import SourceError
from ssmtl.video.files import VideoFile

from .clips import damage, has_true_colours, index_of, picture, truncate, write_video


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        ("libx264", ".mp4"),
        ("libx264", ".avi"),
        ("libx264", ".mkv"),
        ("libx264", ".mov"),
        ("libx264", ".ts"),
        ("libx264", ".h264"),
        ("libx265", ".mp4"),
        ("libx265", ".mkv"),
        ("mpeg4", ".mp4"),
        ("mpeg4", ".avi"),
        ("mpeg4", ".mkv"),
        ("mjpeg", ".mp4"),
        ("mjpeg", ".avi"),
        ("mjpeg", ".mkv"),
    ],
)
def test_codecs_and_containers(tmp_path, codec, suffix):
    frames = list(VideoFile(write_video(tmp_path / f"clip{suffix}", codec=codec, count=30)))
    assert [index_of(frame.image) for frame in frames] == list(range(30))
    assert all(has_true_colours(frame.image) for frame in frames)
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(30) / 25, atol=1e-3)


@pytest.mark.parametrize(("suffix", "expected"), [(".mp4", 12), (".avi", 12), (".mkv", 12), (".h264", None)])
def test_expected_frames(tmp_path, suffix, expected):
    source = VideoFile(write_video(tmp_path / f"clip{suffix}"))
    assert (source.rate, source.expected_frames) == (25, expected)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_variable_frame_rate_keeps_its_times(tmp_path, suffix):
    times_ms = [0, 40, 80, 1000, 1033, 1500, 4000, 4001]
    source = VideoFile(write_video(tmp_path / f"clip{suffix}", count=8, times_ms=times_ms))
    np.testing.assert_allclose([frame.time_s for frame in source], np.array(times_ms) / 1000, atol=1e-3)


def test_times_count_from_the_first_frame(tmp_path):
    source = VideoFile(write_video(tmp_path / "clip.mkv", count=3, times_ms=[5000, 5040, 5100]))
    np.testing.assert_allclose([frame.time_s for frame in source], [0, 0.04, 0.1], atol=1e-3)


def test_times_never_go_back_where_recordings_are_joined(tmp_path):
    parts = [write_video(tmp_path / f"{i}.ts", count=50).read_bytes() for i in range(2)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(parts))
    times = [frame.time_s for frame in VideoFile(joined)]
    assert len(times) > 90
    assert np.diff(times).min() >= 0
    assert times[-1] == pytest.approx(100 / 25, abs=0.2)


@pytest.mark.skipif(not hasattr(av.VideoStream, "set_display_rotation"), reason="this PyAV writes no rotation")
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_applied(tmp_path, suffix, rotation):
    turns = rotation // 90
    stored = [np.ascontiguousarray(np.rot90(picture(i), -turns)) for i in range(3)]
    frames = list(VideoFile(write_video(tmp_path / f"clip{suffix}", stored, rotation=rotation)))
    assert [index_of(frame.image) for frame in frames] == [0, 1, 2]
    for frame in frames:
        assert frame.image.shape == (64, 96, 3)
        assert has_true_colours(frame.image)


# Rows (a, b) and (c, d) of the matrix in a file's track header, and what a player must do to the stored picture.
MATRICES = [
    ((1, 0, 0, 1), lambda image: image),
    ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    ((0, -1, 1, 0), lambda image: np.rot90(image)),
    ((-1, 0, 0, 1), np.fliplr),
    ((1, 0, 0, -1), np.flipud),
    ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
    ((0, -1, -1, 0), lambda image: np.rot90(image, 2).swapaxes(0, 1)),
]


@pytest.mark.parametrize(("matrix", "shown"), MATRICES)
def test_display_matrix_in_the_track_header(tmp_path, matrix, shown):
    path = write_video(tmp_path / "clip.mp4", count=2)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # after the type: version and flags 4, times and ids 20, reserved 8, others 12 - 4
    identity = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4")
    assert data[at : at + 36] == identity.tobytes()
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    path.write_bytes(data)
    for frame in VideoFile(path):
        expected = shown(picture(frame.index))
        assert frame.image.shape == expected.shape
        assert np.abs(frame.image.astype(int) - expected).mean() < 12


@pytest.mark.parametrize(
    ("codec", "suffix"), [("libx264", ".mp4"), ("libx265", ".mp4"), ("mpeg4", ".mp4"), ("mjpeg", ".mkv")]
)
def test_damage_is_counted_and_decoding_goes_on(tmp_path, capfd, codec, suffix):
    path = write_video(tmp_path / f"clip{suffix}", codec=codec, count=60, options={"g": "6"})
    damage(path, 0.4, 0.5)
    source = VideoFile(path)
    for _ in range(2):  # the count is that of one iteration
        frames = list(source)
        assert source.undecodable > 0
        assert 30 <= len(frames) <= 60 - source.undecodable
        assert [frame.index for frame in frames] == list(range(len(frames)))
        assert index_of(frames[0].image) == 0
        assert index_of(frames[-1].image) == 59
        assert np.diff([frame.time_s for frame in frames]).min() >= 0
    assert capfd.readouterr() == ("", "")  # FFmpeg's own complaints stay away


class FailingContainer:
    """A container that fails to read after every so many packets, as on a damaged file or disk."""

    def __init__(self, container, error, after):
        self.container, self.error, self.after = container, error, after

    def __getattr__(self, name):
        return getattr(self.container, name)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.container.close()

    def demux(self, stream):
        for count, packet in enumerate(self.container.demux(stream)):
            yield packet
            if count + 1 == self.after:
                raise self.error


@pytest.mark.parametrize(
    ("error", "after", "outcome"),
    [
        (av.error.InvalidDataError(1, "invalid"), 5, 2),  # after 5, 10, not after the last two and the end
        (av.error.InvalidDataError(1, "invalid"), 12, 1),
        (av.error.OSError(5, "disk failed"), 5, r"reading failed \(disk failed\)"),
    ],
)
def test_errors_while_reading(tmp_path, monkeypatch, error, after, outcome):
    source = VideoFile(write_video(tmp_path / "clip.mp4"))
    open_container = av.open
    monkeypatch.setattr(
        av, "open", lambda *args, **kwargs: FailingContainer(open_container(*args, **kwargs), error, after)
    )
    if isinstance(outcome, str):
        with pytest.raises(SourceError, match=outcome):
            list(source)
    else:
        assert [index_of(frame.image) for frame in source] == list(range(12))
        assert source.undecodable == outcome


def test_does_not_read_ahead(tmp_path):
    path = write_video(tmp_path / "clip.mp4", codec="mjpeg", count=60)
    damage(path, 0.5, 0.6)
    source = VideoFile(path)
    frames = iter(source)
    for _ in range(20):
        next(frames)
    assert source.undecodable == 0
    list(frames)
    assert source.undecodable > 0


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".avi"])
def test_truncated_file_yields_what_it_can(tmp_path, suffix):
    path = write_video(tmp_path / f"clip{suffix}", codec="mpeg4", count=60, options={"g": "6"})
    truncate(path, 0.8)
    indices = [index_of(frame.image) for frame in VideoFile(path)]
    assert 5 < len(indices) < 60
    assert indices == list(range(len(indices)))


def test_changing_picture_size_is_an_error(tmp_path):
    small = write_video(tmp_path / "small.h264").read_bytes()
    large = write_video(tmp_path / "large.h264", [picture(i, 128, 192) for i in range(3)]).read_bytes()
    path = tmp_path / "both.h264"
    path.write_bytes(small + large)
    frames = iter(VideoFile(path))
    assert next(frames).image.shape == (64, 96, 3)
    with pytest.raises(SourceError, match=r"both\.h264: .* from 96×64 to 192×128 at frame 12; split"):
        list(frames)


def write_sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
        (lambda path: path.write_text("not a video\n" * 50), "not a video, or truncated"),
        (lambda path: truncate(write_video(path), 0.5), "not a video, or truncated"),
        (write_sound, "no video stream"),
        (lambda path: damage(write_video(path, codec="mjpeg"), 0, 1), "no frame could be decoded"),
    ],
)
def test_errors_name_the_file(tmp_path, capfd, make, message):
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(SourceError, match=message) as caught:
        list(VideoFile(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")  # FFmpeg's own complaints stay away


def test_names_that_ffmpeg_could_take_for_something_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "clip.mp4", count=2).rename("12:30 façade 100%d.mp4")
    assert len(list(VideoFile("12:30 façade 100%d.mp4"))) == 2

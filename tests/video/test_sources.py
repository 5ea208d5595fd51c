import pytest

from ssmtl.errors import SourceError
from ssmtl.video.files import VideoFile
from ssmtl.video.folders import PictureFolder
from ssmtl.video.sources import Clip, find_clips, first_frame_size, open_source

from .clips import picture, write_pictures, write_video

# Empty files do: finding clips does not look into them.
TREE = [
    "videos/clip1.mp4",
    "videos/clip2.avi",
    "videos/clip10.MKV",
    "videos/.hidden.mp4",
    "videos/notes.txt",
    "frames/02/1.jpg",
    "frames/02/2.jpg",
    "frames/1/1.png",
    "frames/10/1.tif",
    "frames/.hidden/1.tif",
    "frames/empty/notes.txt",
    "cameras/a/0001.mp4",
    "cameras/b/0001.mp4",
    "cameras/b/0002.mp4",
    "same/x.mp4",
    "same/x.avi",
    "same/X.mkv",
    "odd/my clip: é #1.mp4",
    "odd/...mp4",
    "odd/[1].mp4",
    "mixed/1.mp4",
    "mixed/poster.jpg",
    "nothing/notes.txt",
    "strange/recording.xyz",
]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in TREE:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ([], []),
        (["videos/clip1.mp4"], ["clip1=videos/clip1.mp4"]),
        (["videos/./clip1.mp4"], ["clip1=videos/clip1.mp4"]),
        (["strange/recording.xyz"], ["recording=strange/recording.xyz"]),
        (["videos"], ["clip1=videos/clip1.mp4", "clip2=videos/clip2.avi", "clip10=videos/clip10.MKV"]),
        (["frames/02"], ["02=frames/02"]),
        (["frames/02/"], ["02=frames/02"]),
        (["frames"], ["1=frames/1", "02=frames/02", "10=frames/10"]),
        (["cameras"], ["a_0001=cameras/a/0001.mp4", "b_0001=cameras/b/0001.mp4", "0002=cameras/b/0002.mp4"]),
        (["frames/10", "videos/clip1.mp4"], ["10=frames/10", "clip1=videos/clip1.mp4"]),
        (["videos/*.mp4"], ["clip1=videos/clip1.mp4"]),
        (["videos/*"], ["clip1=videos/clip1.mp4", "clip2=videos/clip2.avi", "clip10=videos/clip10.MKV"]),
        (["frames/*"], ["1=frames/1", "02=frames/02", "10=frames/10"]),
        (["cameras/**/0002.mp4"], ["0002=cameras/b/0002.mp4"]),
        (["cameras/?/0001.mp4"], ["a_0001=cameras/a/0001.mp4", "b_0001=cameras/b/0001.mp4"]),
        (["videos/clip1.mp4", "videos/*.mp4", "videos/../videos/clip1.mp4"], ["clip1=videos/clip1.mp4"]),
        (["same"], ["x=same/x.avi", "X-2=same/X.mkv", "x-3=same/x.mp4"]),
        (["odd/[1].mp4"], ["_1_=odd/[1].mp4"]),
        (["odd/my clip: é #1.mp4"], ["my_clip_é_1=odd/my clip: é #1.mp4"]),
        (["odd/...mp4"], ["clip=odd/...mp4"]),
    ],
)
def test_find_clips(tree, sources, expected):
    clips = find_clips(sources)
    assert [f"{clip.name}={clip.path.as_posix()}" for clip in clips] == expected
    absolute = find_clips([str(tree / source) for source in sources])
    assert [clip.name for clip in absolute] == [clip.name for clip in clips]
    assert [clip.path for clip in absolute] == [tree / clip.path for clip in clips] or ".." in str(sources)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.mp4", r"missing\.mp4: no such file; "),
        ("missing", r"missing: no such file or folder; "),
        ("videos/*.mov", r"videos/\*\.mov: no file or folder matches"),
        ("videos/*.txt", "none of its 1 matches is a video file"),
        ("frames/02/*.jpg", "matches pictures one by one; name the folder"),
        ("frames/02/1.jpg", "is a single picture; name the folder"),
        ("nothing", "nothing: neither this folder nor one right in it holds"),
        ("mixed", r"mixed: holds pictures \(poster\.jpg, \.\.\.\) and video files \(1\.mp4, \.\.\.\)"),
    ],
)
def test_sources_without_clips(tree, source, message):
    with pytest.raises(SourceError, match=message):
        find_clips(["videos", source])


def test_one_source_needs_no_list(tree):
    assert find_clips("frames/02") == find_clips(["frames/02"])
    assert find_clips(tree / "frames") == find_clips([tree / "frames"])


def test_current_folder(tree, monkeypatch):
    monkeypatch.chdir(tree / "frames" / "02")
    (clip,) = find_clips(["."])
    assert clip.name == "02"
    assert open_source(clip).expected_frames == 2


def test_open_source(tmp_path):
    video = write_video(tmp_path / "a.mp4", count=2)
    folder = write_pictures(tmp_path / "b", 3)
    for given, kind, name, count in [
        (Clip("front", video), VideoFile, "front", 2),
        (video, VideoFile, "a", 2),
        (str(folder), PictureFolder, "b", 3),
        (Clip("back", folder), PictureFolder, "back", 3),
    ]:
        source = open_source(given)
        assert isinstance(source, kind)
        assert (source.name, len(list(source))) == (name, count)
    assert open_source(folder, rate=10).rate == 10


def test_first_frame_size(tmp_path):
    assert first_frame_size(write_video(tmp_path / "a.mp4", [picture(0, 48, 112)])) == (48, 112)
    assert first_frame_size(Clip("b", write_pictures(tmp_path / "b", 1))) == (64, 96)
    with pytest.raises(SourceError, match="no such file"):
        first_frame_size(tmp_path / "missing.mp4")

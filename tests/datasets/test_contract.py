"""What every data set promises, on miniatures in the official layouts and in others that are about."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssmtl.datasets.catalogue import DATASETS, open_dataset
from ssmtl.datasets.dataset import Dataset
from ssmtl.errors import DataError
from ssmtl.formats.records import Tracks
from ssmtl.formats.tracks import write_tracks
from ssmtl.video.folders import natural_key
from ssmtl.video.sources import Clip, open_source

from .miniatures import ABNORMAL, FRAMES, LABELS, OFFICIAL, VARIANTS, box, write_tracks_file

CASES = {**OFFICIAL, **VARIANTS}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A data set's name and where it lies; not to be changed."""
    name, write = CASES[request.param]
    return name, write(tmp_path_factory.mktemp(name) / "root")


@pytest.fixture
def data(case: tuple[str, Path]) -> Dataset:
    return open_dataset(*case)


@pytest.fixture(params=OFFICIAL)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A data set in the official layout that may be changed."""
    name, write = OFFICIAL[request.param]
    return name, write(tmp_path / "root")


def clip_of(data: Dataset, abnormal: bool) -> Clip:
    """The test clip in which something is abnormal, or the other."""
    return next(clip for clip in data.test_clips() if data.frame_labels(clip, FRAMES).any() == abnormal)


def rows(tracks: Tracks | None) -> list[tuple[int, tuple[float, ...]]]:
    """Frame and box of each region, in order."""
    assert tracks is not None
    assert tracks.frames.dtype == tracks.ids.dtype == np.int64 and tracks.boxes.dtype == np.float64
    assert tracks.boxes.shape == (len(tracks.frames), 4) and len(tracks.ids) == len(tracks.frames)
    return sorted((int(frame), tuple(b)) for frame, b in zip(tracks.frames, tracks.boxes.tolist(), strict=True))


def test_every_data_set_is_tested() -> None:
    assert {name for name, _ in OFFICIAL.values()} == set(DATASETS)
    assert all(open_dataset(name, Path()).name == name for name in DATASETS)


def test_clips_in_natural_order(data: Dataset) -> None:
    for clips in (data.train_clips(), data.test_clips()):
        names = [clip.name for clip in clips]
        assert len(names) == 2 and names == sorted(set(names), key=natural_key)
        assert all(sum(1 for _ in open_source(clip)) == FRAMES for clip in clips)
    assert data.title


def test_labels(data: Dataset) -> None:
    labels = [data.frame_labels(clip, FRAMES) for clip in data.test_clips()]
    assert all(each.dtype == bool and each.shape == (FRAMES,) for each in labels)
    assert sorted(each.tolist() for each in labels) == [[False] * FRAMES, LABELS]


def test_tracks(data: Dataset) -> None:
    tracks = data.tracks(clip_of(data, True), FRAMES)
    assert rows(tracks) == [(frame, box(frame)) for frame in ABNORMAL]
    assert tracks is not None and len(set(tracks.ids.tolist())) == 1
    assert tracks.derived == (data.name != "ubnormal")
    assert rows(data.tracks(clip_of(data, False), FRAMES)) == []


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 6), (0, 1), (0, 3), (2, 3), (2, 5), (3, 6), (5, 6), (3, None), (1, None), (2, 100)]
)
def test_parts_of_clips(data: Dataset, start: int, stop: int | None) -> None:
    part = replace(clip_of(data, True), start=start, stop=stop)
    frames = len(LABELS[start:stop])
    assert data.frame_labels(part, frames).tolist() == LABELS[start:stop]
    expected = [(frame - start, box(frame)) for frame in ABNORMAL if start <= frame < start + frames]
    assert rows(data.tracks(part, frames)) == expected


def test_one_folder_deeper(fresh: tuple[str, Path]) -> None:
    name, root = fresh
    if name == "own":
        pytest.skip("the user's own layout is what the user makes it")
    here, above = open_dataset(name, root), open_dataset(name, root.parent)
    assert above.train_clips() == here.train_clips() and above.test_clips() == here.test_clips()
    clip = clip_of(above, True)
    assert rows(above.tracks(clip, FRAMES)) == rows(here.tracks(clip, FRAMES)) != []


def tracks_name(name: str) -> str:
    """A clip's name with other zeros."""
    return name.replace("00", "") if "00" in name else name.replace("0", "")


@pytest.mark.parametrize("place", ["tracks", "Tracks", "extras/tracks", "elsewhere"])
def test_tracks_files_rule(fresh: tuple[str, Path], tmp_path: Path, place: str) -> None:
    name, root = fresh
    clip = clip_of(open_dataset(name, root), True)
    given = tmp_path / place if place == "elsewhere" else None
    write_tracks_file((given or root / place) / f"{tracks_name(clip.name)}.txt", (3, 4))
    data = open_dataset(name, root, given)
    tracks = data.tracks(clip, FRAMES)
    assert rows(tracks) == [(frame, box(frame)) for frame in (3, 4)]
    assert tracks is not None and not tracks.derived and tracks.ids.tolist() == [7, 7]
    assert rows(data.tracks(replace(clip, start=4, stop=5), 1)) == [(0, box(4))]
    assert rows(data.tracks(clip_of(data, False), FRAMES)) == [], "nothing is abnormal, so that no file is needed"


def test_tracks_files_that_do_not_fit(fresh: tuple[str, Path], tmp_path: Path) -> None:
    name, root = fresh
    data = open_dataset(name, root)
    abnormal, normal = clip_of(data, True), clip_of(data, False)
    write_tracks_file(root / "tracks" / f"{normal.name}.txt", ())
    with pytest.raises(DataError, match=rf"{abnormal.name}\.txt: no such file, but {abnormal.name} has abnormal"):
        open_dataset(name, root).tracks(abnormal, FRAMES)
    write_tracks_file(root / "tracks" / f"{abnormal.name}.txt", (3, 6))
    with pytest.raises(DataError, match=rf"{abnormal.name}\.txt: has a region in frame 6, but .* has 6 frames, 0 to 5"):
        open_dataset(name, root).tracks(abnormal, FRAMES)
    with pytest.raises(DataError, match="no such file or folder"):
        open_dataset(name, root, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no tracks of any test clip; name the files after them, as .*\.txt"):
        open_dataset(name, root, tmp_path / "empty").tracks(abnormal, FRAMES)


FORMS = ("text", "csv", "npy", "mot", "npz", "coco", "table", "table in a folder", "npz in a folder")


def write_form(form: str, clips: dict[str, tuple[int, ...]], out: Path) -> Path:
    """The block of each clip in some frames, in one of the forms of tracks; where it was written."""
    if not form.startswith("table"):
        kind, _, inside = form.partition(" ")
        boxes = {
            name: Tracks(np.array(at), np.full(len(at), 7), np.array([box(frame) for frame in at], float))
            for name, at in clips.items()
        }
        path = out / "all.npz" if inside else out.with_suffix({"npz": ".npz", "coco": ".json"}.get(kind, ""))
        path.parent.mkdir(exist_ok=True)
        write_tracks(boxes, path, kind)
        return path
    # By number, the name of the file would be taken for that of a clip.
    path = out / "part1.csv" if "folder" in form else out.with_suffix(".csv")
    path.parent.mkdir(exist_ok=True)
    lines = [f"{name},{frame},7,{','.join(map(str, box(frame)))}" for name, at in clips.items() for frame in at]
    path.write_text("\n".join(["clip,frame,track,x_min,y_min,x_max,y_max", *lines]))
    return path.parent if "folder" in form else path


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_tracks(fresh: tuple[str, Path], tmp_path: Path, form: str) -> None:
    name, root = fresh
    clip = clip_of(open_dataset(name, root), True)
    given = write_form(form, {tracks_name(clip.name): (3, 4), "of no clip 99": (0,)}, tmp_path / "given")
    data = open_dataset(name, root, given)
    tracks = data.tracks(clip, FRAMES)
    assert rows(tracks) == [(frame, box(frame)) for frame in (3, 4)]
    assert tracks is not None and not tracks.derived and len(set(tracks.ids.tolist())) == 1
    assert rows(data.tracks(replace(clip, start=4, stop=5), 1)) == [(0, box(4))]
    assert rows(data.tracks(clip_of(data, False), FRAMES)) == []
    found = next(item for item in data.check() if item.what == "test clips with regions")
    assert len(found.problems) == 1 and found.problems[0].startswith("tracks of no clip here: of no clip 99")


@pytest.mark.parametrize("form", ["npz", "table"])
def test_a_file_of_tracks_that_does_not_fit(fresh: tuple[str, Path], tmp_path: Path, form: str) -> None:
    name, root = fresh
    data = open_dataset(name, root)
    abnormal, normal = clip_of(data, True), clip_of(data, False)
    for number, (clips, message) in enumerate(
        [
            ({normal.name: (0,)}, rf"no tracks of {abnormal.name}, but it has abnormal frames; add them"),
            ({abnormal.name: (3, 6)}, r"has a region in frame 6, but .* has 6 frames, 0 to 5"),
            ({"9" * 5000: (3,)}, r"holds no tracks of any test clip; name the clips as the data set does"),
            ({tracks_name(abnormal.name): (4,), abnormal.name: (3,)}, None),
        ]
    ):
        if len(max(clips, key=len)) > 200 and form == "npz":
            continue
        given = write_form(form, clips, tmp_path / f"given{number}")
        data = open_dataset(name, root, given)
        if message is None:
            assert rows(data.tracks(abnormal, FRAMES)) == [(3, box(3))], "the very name comes first"
        else:
            with pytest.raises(DataError, match=message):
                data.tracks(abnormal, FRAMES)


def test_two_entries_of_one_clip(tmp_path: Path) -> None:
    data = open_dataset("ped2", OFFICIAL["ped2"][1](tmp_path / "UCSDped2"))
    given = write_form("npz", {"test1": (3,), "TEST01": (4,)}, tmp_path / "given")
    with pytest.raises(DataError, match=r"given\.npz: test1 and TEST01 are both of clip Test001"):
        open_dataset("ped2", tmp_path / "UCSDped2", given).tracks(clip_of(data, True), FRAMES)


def test_a_folder_of_other_peoples_tracks_is_left_alone(fresh: tuple[str, Path]) -> None:
    name, root = fresh
    write_tracks_file(root / "tracks" / "somebody else.txt")
    data = open_dataset(name, root)
    assert rows(data.tracks(clip_of(data, True), FRAMES)) == [(frame, box(frame)) for frame in ABNORMAL]


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_nothing_there(tmp_path: Path, name: str) -> None:
    data = open_dataset(name, tmp_path)
    for clips in (data.train_clips, data.test_clips):
        with pytest.raises(DataError, match=str(tmp_path)):
            clips()


@pytest.mark.parametrize(
    ("name", "folder", "message"), [("mars", "", ".*".join(sorted(DATASETS))), ("ucsd", "nothing", "no such folder")]
)
def test_what_cannot_be_opened(tmp_path: Path, name: str, folder: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_dataset(name, tmp_path / folder)

"""The store of training sequences: right crops, nothing done twice, and errors that say what to do."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ssmtl.errors import DataError, OutputError, SourceError
from ssmtl.regions.background import BackgroundSettings
from ssmtl.regions.boxes import BoxesSettings
from ssmtl.regions.regions import apart
from ssmtl.regions.scene import Scene
from ssmtl.regions.zones import Zone
from ssmtl.sequences.crop import SIZE, crop, prepare_picture
from ssmtl.sequences.store import (
    ClipRegions,
    SequenceSettings,
    SequenceStore,
    build_store,
    choose,
    cut_sequences,
    find_regions,
    fingerprint,
    state,
)
from ssmtl.video.sources import Clip, open_source

from ..regions.pictures import texture, with_square
from ..video.clips import write_picture

HEADER = "frame,x_min,y_min,x_max,y_max"
SCENE = Scene(texture(90, 160))


class Count:
    """Counts how often it was called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1


def make_clip(folder: Path, name: str, count: int, moves: bool = True) -> Clip:
    """A folder of grey pictures, 160×90, with a square that moves, or without it."""
    path = folder / name
    path.mkdir(parents=True)
    for i in range(count):
        picture = texture(90, 160)
        if moves:
            picture = with_square(picture, 10 + 4 * i, 30, 20)
        write_picture(path / f"{i:03}.png", picture)
    return Clip(name, path)


def make_boxes(folder: Path, *rows: tuple[int, ...]) -> BoxesSettings:
    (folder / "a.csv").write_text("\n".join([HEADER, *(",".join(map(str, row)) for row in rows)]))
    return BoxesSettings(path=folder / "a.csv")


def regions_of(*frames: int, length: int) -> ClipRegions:
    boxes = np.array([[10 + i, 20, 40 + i, 60] for i in range(len(frames))], np.float32).reshape(-1, 4)
    probabilities = np.eye(len(frames), 81, dtype=np.float16)
    return ClipRegions(np.array(frames, np.int64), boxes, probabilities, np.full(len(frames), "boxes"), length)


def cut_by_hand(clip: Clip, frame: int, box: NDArray[np.float32], channels: int, reach: int) -> NDArray[np.uint8]:
    pictures = [prepare_picture(f.image, channels) for f in open_source(clip)][frame - reach : frame + reach + 1]
    return crop(pictures, box[None], 0.1)[0]


@pytest.mark.parametrize(
    ("frames", "length", "reach", "usable"),
    [
        ([], 10, 3, []),
        ([0, 2, 3, 5, 6, 7], 10, 3, [2, 3, 4]),
        ([3, 3], 7, 3, [0, 1]),
        ([3], 6, 3, []),
        ([0, 1], 2, 0, [0, 1]),
    ],
)
def test_usable_regions_have_frames_on_either_side(
    frames: list[int], length: int, reach: int, usable: list[int]
) -> None:
    assert regions_of(*frames, length=length).usable(reach).tolist() == usable


@pytest.mark.parametrize(
    ("usable", "limit", "sizes"),
    [([], 5, []), ([0], 5, [0]), ([3, 0, 2], 5, [3, 0, 2]), ([3, 0, 2], 6, [3, 0, 2]), ([1], 1, [1])],
)
def test_choose_keeps_all_within_the_limit(usable: list[int], limit: int, sizes: list[int]) -> None:
    assert [kept.tolist() for kept in choose(usable, limit)] == [list(range(n)) for n in sizes]


@pytest.mark.parametrize("limit", [1, 100, 999])
def test_choose_spreads_evenly(limit: int) -> None:
    usable = [600, 0, 200, 200]
    kept = choose(usable, limit)
    assert sum(map(len, kept)) == limit
    for positions, n in zip(kept, usable, strict=True):
        assert len(np.unique(positions)) == len(positions) and (positions >= 0).all() and (positions < n).all()
        assert (np.diff(positions) > 0).all()
        assert abs(len(positions) - limit * n / 1000) <= max(1, 0.15 * limit)
    assert all(np.array_equal(a, b) for a, b in zip(kept, choose(usable, limit), strict=True)), "the same every time"


def test_choose_is_not_every_kth() -> None:
    """With two objects in each frame, every second region would always be the same object."""
    kept = choose([1000], 500)[0]
    assert 200 < (kept % 2).sum() < 300


def test_fingerprint(tmp_path: Path) -> None:
    clip = make_clip(tmp_path, "a", 2)
    first = fingerprint(clip, {"rate": 1})
    assert first == fingerprint(clip, {"rate": 1})
    other = make_clip(tmp_path, "b", 2)
    assert len({first, fingerprint(clip, {"rate": 2}), fingerprint(other, {"rate": 1})}) == 3
    picture = clip.path / "001.png"
    before = picture.read_bytes()
    picture.write_bytes(before + b" ")
    longer = fingerprint(clip, {"rate": 1})
    picture.write_bytes(before)
    os.utime(picture, ns=(0, picture.stat().st_mtime_ns + 1))
    assert len({first, longer, fingerprint(clip, {"rate": 1})}) == 3, "a picture was written over"


def test_the_state_of_a_folder_is_that_of_all_within(tmp_path: Path) -> None:
    """As T5 reads pictures in folders of folders."""
    (tmp_path / "cats" / "small").mkdir(parents=True)
    write_picture(tmp_path / "cats" / "small" / "0.png", texture(9, 16))
    before = state(tmp_path)
    assert before[0] == 1 and before[1] == (tmp_path / "cats" / "small" / "0.png").stat().st_size
    write_picture(tmp_path / "cats" / "small" / "0.png", texture(90, 160))
    larger = state(tmp_path)
    assert larger[1] > before[1]
    write_picture(tmp_path / "cats" / "1.png", texture(9, 16))
    assert state(tmp_path)[0] == 2 and state(tmp_path / "dogs") == []


def test_regions_are_found_once(tmp_path: Path) -> None:
    clip = make_clip(tmp_path, "a", 9)
    first, second = Count(), Count()
    found = find_regions(clip, [BackgroundSettings()], SCENE, tmp_path / "kept", first)
    assert found.length == 9 and set(found.frames) == set(range(9)) and len(found.boxes) == len(found.frames)
    # Were the clip decoded again, the damaged picture would be noticed.
    picture = clip.path / "004.png"
    stat = picture.stat()
    picture.write_bytes(b"damaged".ljust(stat.st_size))
    os.utime(picture, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    again = find_regions(clip, [BackgroundSettings()], SCENE, tmp_path / "kept", second)
    assert np.array_equal(found.frames, again.frames) and np.array_equal(found.boxes, again.boxes)
    assert again.length == 9 and first.calls == second.calls == 9


@pytest.mark.parametrize(
    "changed", ["settings", "scene", "height", "clip"], ids=["settings", "no scene", "heights", "another clip"]
)
def test_regions_are_found_again_where_something_changed(tmp_path: Path, changed: str) -> None:
    clip, settings, scene = make_clip(tmp_path, "a", 9), BackgroundSettings(), SCENE
    find_regions(clip, [settings], scene, tmp_path / "kept", Count())
    match changed:
        case "settings":
            find_regions(clip, [BackgroundSettings(threshold=30)], scene, tmp_path / "kept", Count())
        case "scene":
            find_regions(clip, [settings], None, tmp_path / "kept", Count())
        case "height":
            find_regions(clip, [settings], Scene(scene.background, 0.0, 20.0), tmp_path / "kept", Count())
        case "clip":
            other = make_clip(tmp_path / "other", "a", 9)
            find_regions(other, [settings], scene, tmp_path / "kept", Count())
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_changed_boxes_are_read_again(tmp_path: Path) -> None:
    clip = make_clip(tmp_path, "a", 4, moves=False)
    before = find_regions(clip, [make_boxes(tmp_path, (1, 1, 2, 30, 40))], None, tmp_path / "kept", Count())
    after = find_regions(clip, [make_boxes(tmp_path, (2, 5, 6, 70, 80))], None, tmp_path / "kept", Count())
    assert before.boxes.tolist() == [[1, 2, 30, 40]]
    assert (after.frames.tolist(), after.boxes.tolist()) == ([2], [[5, 6, 70, 80]])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("frames", "length", "reach"), [([], 7, 3), ([3], 7, 3), ([3, 3, 5, 8], 12, 3), ([6], 13, 6)])
def test_sequences_are_those_cut_by_hand(
    tmp_path: Path, frames: list[int], length: int, reach: int, channels: int
) -> None:
    clip, regions, count = make_clip(tmp_path, "a", length), regions_of(*frames, length=length), Count()
    file = cut_sequences(clip, regions, SequenceSettings(), channels, reach, tmp_path / "kept", count)
    cut = np.load(file)
    assert cut.shape == (len(frames), channels, 2 * reach + 1, SIZE, SIZE) and cut.dtype == np.uint8
    for n, frame in enumerate(frames):
        assert np.array_equal(cut[n], cut_by_hand(clip, frame, regions.boxes[n], channels, reach))
    assert count.calls == length


def test_sequences_are_cut_once(tmp_path: Path) -> None:
    clip, regions, count = make_clip(tmp_path, "a", 8), regions_of(3, 4, length=8), Count()
    arguments = (clip, regions, SequenceSettings(), 1, 3, tmp_path / "kept")
    file = cut_sequences(*arguments, Count())
    os.utime(file, (0, 0))
    assert cut_sequences(*arguments, count) == file
    assert file.stat().st_mtime == 0 and count.calls == 8
    others = {
        cut_sequences(clip, regions_of(3, length=8), *arguments[2:], Count()),
        cut_sequences(clip, regions, SequenceSettings(padding=0.2), *arguments[3:], Count()),
        cut_sequences(*arguments[:3], 3, *arguments[4:], Count()),
        cut_sequences(*arguments[:4], 2, arguments[5], Count()),
    }
    assert len(others | {file}) == 5


def test_the_store_is_its_clips_in_order(tmp_path: Path) -> None:
    clips = [make_clip(tmp_path, "a", 9), make_clip(tmp_path, "still", 9, moves=False), make_clip(tmp_path, "b", 8)]
    count = Count()
    store = build_store(
        clips, [BackgroundSettings()], SCENE, SequenceSettings(), 1, 3, tmp_path / "kept", progress=count
    )
    assert store.clip.tolist() == [0, 0, 0, 2, 2] and store.frame.tolist() == [3, 4, 5, 3, 4]
    assert len(store) == 5 and store.channels == 1
    assert store.frames == 26 and store.regions == {"background": 17} and store.bytes >= 5 * 7 * SIZE * SIZE
    assert count.calls == 2 * (9 + 9 + 8)
    found = [find_regions(clip, [BackgroundSettings()], SCENE, tmp_path / "kept", Count()) for clip in clips]
    taken = store.take(np.array([4, 0]))
    for row, (clip, frame) in zip(taken, [(2, 4), (0, 3)], strict=True):
        box = found[clip].boxes[found[clip].frames == frame][0]
        assert np.array_equal(row, cut_by_hand(clips[clip], frame, box, 1, 3))


def test_the_store_has_an_upper_limit(tmp_path: Path) -> None:
    clips = [make_clip(tmp_path, "a", 12), make_clip(tmp_path, "b", 12)]
    settings = SequenceSettings(max_sequences=4)
    store = build_store(clips, [BackgroundSettings()], SCENE, settings, 3, 3, tmp_path / "kept")
    assert len(store) == 4 and store.channels == 3
    assert store.take(np.arange(4)).shape == (4, 3, 7, SIZE, SIZE)


def test_who_is_touched_by_what_is_not_kept(tmp_path: Path) -> None:
    """In the fourth frame two boxes touch, in the fifth they do not; of each frame one is kept."""
    clip = make_clip(tmp_path, "a", 8, moves=False)
    boxes = make_boxes(tmp_path, (3, 0, 0, 20, 40), (3, 21, 0, 40, 40), (4, 0, 0, 20, 40), (4, 30, 0, 40, 40))
    folder = tmp_path / "kept"
    store = build_store([clip], [boxes], None, SequenceSettings(max_sequences=3), 1, 3, folder)
    assert store.judged(np.arange(3), apart).tolist() == (store.frame == 4).tolist()


def test_a_store_of_one(tmp_path: Path) -> None:
    clip = make_clip(tmp_path, "a", 7, moves=False)
    boxes = make_boxes(tmp_path, (2, 0, 0, 30, 30), (3, 10, 20, 50, 60), (4, 0, 0, 30, 30))
    store = build_store([clip], [boxes], None, SequenceSettings(), 1, 3, tmp_path / "kept")
    assert isinstance(store, SequenceStore) and len(store) == 1
    box = np.array([10, 20, 50, 60], np.float32)
    assert np.array_equal(store.take(np.array([0]))[0], cut_by_hand(clip, 3, box, 1, 3))


def test_footage_of_which_zones_leave_nothing(tmp_path: Path) -> None:
    clip, boxes = make_clip(tmp_path, "a", 7), make_boxes(tmp_path, (3, 10, 20, 50, 60))
    everything = Zone(points=((0, 0), (1, 0), (1, 1), (0, 1)))
    with pytest.raises(DataError, match=r"nothing moves.* where zones let look.*; change the zones, lower"):
        build_store([clip], [boxes], None, SequenceSettings(), 1, 3, tmp_path / "kept", zones=[everything])


@pytest.mark.parametrize(
    ("lengths", "moves", "reach", "error", "message"),
    [
        ([6], True, 3, SourceError, "at least 7 frames.*the longest has 6"),
        ([5, 12, 8], True, 12, SourceError, "at least 25 frames.*the longest has 12.*max_step"),
        ([9], False, 3, DataError, "nothing moves.*--regions"),
    ],
    ids=["too short", "too short for T2", "nothing moves"],
)
def test_footage_that_teaches_nothing(
    tmp_path: Path, lengths: list[int], moves: bool, reach: int, error: type[Exception], message: str
) -> None:
    clips = [make_clip(tmp_path, f"clip{i}", n, moves) for i, n in enumerate(lengths)]
    with pytest.raises(error, match=f"clip0: .*{message}"):
        build_store(clips, [BackgroundSettings()], SCENE, SequenceSettings(), 1, reach, tmp_path / "kept")


def test_a_full_disk_is_told_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, full = make_clip(tmp_path, "a", 9), shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(OutputError, match=r"kept: .*max_sequences"):
        build_store([clip], [BackgroundSettings()], SCENE, SequenceSettings(), 1, 3, tmp_path / "kept")
    assert not list((tmp_path / "kept").glob("*.sequences.npy"))


def test_few_files_are_open_at_once(tmp_path: Path) -> None:
    """A set of a thousand clips must not need a thousand open files."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("open files are counted by /proc")
    files, regions = [], []
    for i in range(100):
        files.append(tmp_path / f"{i}.npy")
        np.save(files[-1], np.full((1, 1, 7, 64, 64), i, np.uint8))
        regions.append(regions_of(3, length=7))
    before = len(list(descriptors.iterdir()))
    store = SequenceStore(files, regions, regions)
    store.add("segmentation", files)
    taken = store.take(np.arange(100))
    given = store.given(np.arange(100), ["segmentation"])["segmentation"]
    assert taken[:, 0, 0, 0, 0].tolist() == list(range(100))
    assert np.rint(255 * given[:, 0, 0, 0, 0]).tolist() == list(range(100))
    assert len(list(descriptors.iterdir())) - before <= 70

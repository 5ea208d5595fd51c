"""A training set of object-centric sequences: found clip by clip, cropped once, kept on disk, fed from there.

What is kept, and why: the crops of each chosen region over 2·reach + 1 frames (25 with T2's steps of up to 4), as
bytes: 100 KiB in grey, 300 KiB in colour. A batch is then one read per sequence, without decoding or resizing, and
its size does not depend on the picture's. Footage holds far more regions than training needs, and neighbouring frames
say nearly the same: at most `max_sequences` are drawn, evenly over the footage, so the store has a known upper limit.
"""

import hashlib
import json
import os
import shutil
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ssmtl import __version__
from ssmtl.atomic import atomic_file
from ssmtl.config import Settings
from ssmtl.errors import DataError, OutputError, SourceError
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene
from ssmtl.regions.union import DetectorSettings, build_detector
from ssmtl.regions.zones import Zone
from ssmtl.sequences.crop import SIZE, crop, prepare_picture
from ssmtl.video.sources import Clip, open_source

Progress = Callable[[], None]
"""Called once a frame."""


class SequenceSettings(Settings):
    """How sequences are cut and how many are kept."""

    padding: float = Field(0.1, ge=0, le=2, description="context on each side, as a share of the box's side")
    colour: Literal["auto", "grey", "rgb"] = Field("auto", description="auto: grey where all footage is grey")
    max_sequences: int = Field(8_000, ge=1, description="kept for training, held-out ones included")


@dataclass(frozen=True, slots=True)
class ClipRegions:
    """Regions of one clip.

    Attributes:
        frames: N frame indices, in order.
        boxes, probabilities, origin: N×4, N×81, N, as in `Regions`.
        length: how many frames the clip has.
        seconds: what each kind of detector took for all of them.
    """

    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]
    probabilities: NDArray[np.float16]
    origin: NDArray[np.str_]
    length: int
    seconds: Mapping[str, float] = field(default_factory=dict)

    def usable(self, reach: int) -> NDArray[np.intp]:
        """Positions of the regions that have `reach` frames on either side."""
        return np.flatnonzero((self.frames >= reach) & (self.frames < self.length - reach))

    def take(self, index: NDArray[np.intp]) -> "ClipRegions":
        """The regions at `index`."""
        return replace(
            self,
            frames=self.frames[index],
            boxes=self.boxes[index],
            probabilities=self.probabilities[index],
            origin=self.origin[index],
        )


def fingerprint(clip: Clip, settings: Any) -> str:
    """Short hash of a clip's place, size and age, and of what is done with it by which version: the same work has the
    same one."""
    what = [str(clip.path.resolve()), clip.start, clip.stop, state(clip.path), settings, __version__]
    return hashlib.sha256(json.dumps(what, default=str, sort_keys=True).encode()).hexdigest()[:16]


def state(path: Path) -> list[int]:
    """Number of files, bytes and youngest age of a file, or of all files in a folder; empty where it is gone."""
    if not path.exists():
        return []
    files = [Path(folder, name) for folder, _, names in os.walk(path) for name in names] if path.is_dir() else [path]
    stats = [file.stat() for file in files if file.is_file()]
    ages = [stat.st_mtime_ns for stat in stats]
    return [len(stats), sum(stat.st_size for stat in stats), max(ages, default=0)]


def _scene_key(scene: Scene | None) -> list[object]:
    if scene is None:
        return []
    return [scene.height_slope, scene.height_offset, hashlib.sha256(scene.background.tobytes()).hexdigest()]


def _file_ages(detectors: Sequence[DetectorSettings]) -> list[int]:
    """When the files that detectors read were last written."""
    files = [file for detector in detectors for file in getattr(detector, "files", ())]
    return [file.stat().st_mtime_ns for file in files if file.is_file()]


def find_regions(
    clip: Clip,
    detectors: Sequence[DetectorSettings],
    scene: Scene | None,
    folder: Path,
    progress: Progress,
    zones: Sequence[Zone] = (),
) -> ClipRegions:
    """Regions of every frame of `clip`, kept in `folder`; read from there where the same was asked before.

    Raises:
        SourceError, DataError: the clip or its boxes cannot be read.
    """
    where = [part.model_dump(mode="json") for part in (*detectors, *zones)]
    key = fingerprint(clip, [where, _scene_key(scene), _file_ages(detectors)])
    file = folder / f"{clip.name}.{key}.regions.npz"
    if file.is_file():
        kept = dict(np.load(file))
        length, seconds = int(kept.pop("length")), dict(zip(kept.pop("kinds"), kept.pop("seconds"), strict=True))
        for _ in range(length):
            progress()
        return ClipRegions(**kept, length=length, seconds=seconds)
    detector = build_detector(detectors, clip.name, scene, clip.start, zones)
    frames, parts = [], []
    for frame in open_source(clip):
        found = detector.detect(frame)
        frames.append(np.full(len(found), frame.index, np.int64))
        parts.append(found)
        progress()
    every = Regions.join(parts)
    kept = {
        "frames": np.concatenate(frames),
        "boxes": every.boxes,
        "probabilities": every.probabilities.astype(np.float16),
        "origin": every.origin,
    }
    kinds, costs = np.array(list(detector.seconds), np.str_), np.array(list(detector.seconds.values()), np.float64)
    with atomic_file(file) as temporary:
        # Compressed for the probabilities' sake, which are nearly all 0.
        np.savez_compressed(temporary, **kept, length=len(parts), kinds=kinds, seconds=costs)
    return ClipRegions(**kept, length=len(parts), seconds=detector.seconds)


def choose(usable: Sequence[int], limit: int) -> list[NDArray[np.intp]]:
    """Which of each clip's `usable` regions to keep: all, or `limit` of them spread evenly over all clips."""
    total = sum(usable)
    if total <= limit:
        return [np.arange(n) for n in usable]
    # Drawn, not every k-th: with k objects in each frame that would be the same object again and again.
    kept = np.sort(np.random.default_rng(0).choice(total, limit, replace=False))
    starts = np.cumsum([0, *usable])
    return [kept[(kept >= a) & (kept < b)] - a for a, b in pairwise(starts)]


def _sequences_file(
    clip: Clip, regions: ClipRegions, settings: SequenceSettings, channels: int, reach: int, folder: Path
) -> Path:
    """Where the crops of just these regions lie, or will."""
    digest = hashlib.sha256(regions.frames.tobytes() + regions.boxes.tobytes()).hexdigest()[:16]
    key = fingerprint(clip, [settings.padding, channels, reach, digest])
    return folder / f"{clip.name}.{key}.sequences.npy"


def cut_sequences(
    clip: Clip,
    regions: ClipRegions,
    settings: SequenceSettings,
    channels: int,
    reach: int,
    folder: Path,
    progress: Progress,
) -> Path:
    """Crop the `regions` of `clip` over 2·reach + 1 frames; N×C×T×64×64 bytes in an .npy file in `folder`."""
    file = _sequences_file(clip, regions, settings, channels, reach, folder)
    if file.is_file():
        for _ in range(regions.length):
            progress()
        return file
    shape = (len(regions.frames), channels, 2 * reach + 1, SIZE, SIZE)
    with atomic_file(file) as temporary, temporary.open("wb") as out:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(out, header)
        window: deque[NDArray[np.uint8]] = deque(maxlen=2 * reach + 1)
        for frame in open_source(clip):
            window.append(prepare_picture(frame.image, channels))
            middle = frame.index - reach
            first, last = np.searchsorted(regions.frames, [middle, middle + 1])
            if last > first:
                out.write(crop(list(window), regions.boxes[first:last], settings.padding).tobytes())
            progress()
    return file


class SequenceStore:
    """Sequences of several clips as one array, read from disk as they are asked for.

    Attributes:
        clip: N int, which clip each sequence is of.
        frame: N int, its middle frame.
        chosen: the sequences' regions, clip by clip.
        frames, regions, seconds, bytes: of the whole footage: its frames, the regions found in them by origin, what
            each kind of detector took, the size on disk.
    """

    def __init__(self, files: Sequence[Path], regions: Sequence[ClipRegions], found: Sequence[ClipRegions]):
        self.chosen = list(regions)
        self.frames = sum(clip.length for clip in found)
        self.regions = Counter(str(origin) for clip in found for origin in clip.origin)
        self.seconds: Counter[str] = Counter()
        for clip in found:
            self.seconds.update(clip.seconds)
        self.bytes = sum(file.stat().st_size for file in files)
        self._files = list(files)
        # Each holds a file open, of which a system allows a thousand or fewer.
        self._open = lru_cache(maxsize=64)(partial(np.load, mmap_mode="r"))
        self.clip = np.concatenate([np.full(len(r.frames), i) for i, r in enumerate(regions)])
        self.frame = np.concatenate([r.frames for r in regions])
        self._row = np.concatenate([np.arange(len(r.frames)) for r in regions])
        self._found = [(clip.frames, clip.boxes) for clip in found]
        self._answers: dict[str, list[Path]] = {}

    def __len__(self) -> int:
        return len(self.clip)

    @property
    def channels(self) -> int:
        """Channels of the crops: 1 or 3."""
        return int(self._open(self._files[0]).shape[1])

    def take(self, index: NDArray[np.intp]) -> NDArray[np.uint8]:
        """The sequences at `index`: N×C×T×64×64 uint8."""
        return np.stack([self._open(self._files[self.clip[i]])[self._row[i]] for i in index])

    def boxes(self, index: NDArray[np.intp]) -> NDArray[np.float32]:
        """The boxes of the sequences at `index`: N×4, pixels, half open."""
        return np.stack([self.chosen[self.clip[i]].boxes[self._row[i]] for i in index])

    def judged(
        self, index: NDArray[np.intp], judge: Callable[[NDArray[np.float32]], NDArray[np.bool_]]
    ) -> NDArray[np.bool_]:
        """What `judge` says of the boxes of the sequences at `index`, when it sees all that their frames have: N."""
        said = np.empty(len(index), bool)
        of_frames: dict[tuple[int, int], NDArray[np.bool_]] = {}
        for n, (i, box) in enumerate(zip(index, self.boxes(index), strict=True)):
            where = int(self.clip[i]), int(self.frame[i])
            frames, boxes = self._found[where[0]]
            there = boxes[slice(*np.searchsorted(frames, [where[1], where[1] + 1]))]
            if where not in of_frames:
                of_frames[where] = judge(there)
            said[n] = of_frames[where][(there == box).all(axis=1)][0]
        return said

    def add(self, name: str, files: Sequence[Path]) -> None:
        """Add what a teacher said of each sequence: an .npy file per clip, a row per sequence; bytes stand for /255."""
        self._answers[name] = list(files)

    def given(self, index: NDArray[np.intp], names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """What is known of the sequences at `index` besides their pixels, by name: N×... each."""
        found: dict[str, NDArray[np.float32]] = {}
        for name in names:
            if name == "classes":
                rows = np.stack([self.chosen[self.clip[i]].probabilities[self._row[i]] for i in index])
            else:
                rows = np.stack([self._open(self._answers[name][self.clip[i]])[self._row[i]] for i in index])
            found[name] = rows.astype(np.float32) / np.float32(255 if rows.dtype == np.uint8 else 1)
        return found


def build_store(
    clips: Sequence[Clip],
    detectors: Sequence[DetectorSettings],
    scene: Scene | None,
    settings: SequenceSettings,
    channels: int,
    reach: int,
    folder: Path,
    progress: Progress = lambda: None,
    zones: Sequence[Zone] = (),
) -> SequenceStore:
    """Find, choose and crop the sequences of `clips`; what `folder` holds already is not made again.

    Raises:
        SourceError: no clip is long enough.
        DataError: no clip has a region with `reach` frames on either side.
        OutputError: the disk is too small.
    """
    found = [find_regions(clip, detectors, scene, folder, progress, zones) for clip in clips]
    usable = [regions.usable(reach) for regions in found]
    if not sum(map(len, usable)):
        longest = max((regions.length for regions in found), default=0)
        if longest < 2 * reach + 1:
            raise SourceError(
                f"{clips[0].path}: training needs clips of at least {2 * reach + 1} frames (three steps of "
                f"motion irregularity on each side), the longest has {longest}; give longer footage or lower "
                "tasks.motion_irregularity.max_step"
            )
        raise DataError(
            f"{clips[0].path}: nothing moves in the footage{' where zones let look' if zones else ''}, so there is "
            f"nothing to learn from; {'change the zones, ' if zones else ''}lower "
            f"detectors.{detectors[-1].kind}.min_area or its threshold, or look elsewhere with --regions"
        )
    kept = choose([len(positions) for positions in usable], settings.max_sequences)
    chosen = [regions.take(mine[keep]) for regions, mine, keep in zip(found, usable, kept, strict=True)]
    folder.mkdir(parents=True, exist_ok=True)
    missing = [
        regions
        for clip, regions in zip(clips, chosen, strict=True)
        if not _sequences_file(clip, regions, settings, channels, reach, folder).is_file()
    ]
    need = sum(len(regions.frames) for regions in missing) * channels * (2 * reach + 1) * SIZE * SIZE
    if shutil.disk_usage(folder).free < need:
        raise OutputError(
            f"{folder}: the sequences need {need / 2**30:.1f} GiB, more than is free there; lower "
            "sequences.max_sequences, or name another disk with --sequences"
        )
    files = [
        cut_sequences(clip, regions, settings, channels, reach, folder, progress)
        for clip, regions in zip(clips, chosen, strict=True)
    ]
    return SequenceStore(files, chosen, found)

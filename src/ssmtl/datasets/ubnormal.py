"""UBnormal (Acsintoae et al., CVPR 2022): videos of synthetic scenes.

ROOT/Scene1/normal_scene_1_scenario_1.mp4 ...
ROOT/Scene1/abnormal_scene_1_scenario_1.mp4 ...
ROOT/Scene1/abnormal_scene_1_scenario_1_annotations/abnormal_scene_1_scenario_1_0000_gt.png ...   pixel = object id
ROOT/Scene1/abnormal_scene_1_scenario_1_annotations/abnormal_scene_1_scenario_1_tracks.txt        object_id,start,end
ROOT/scripts/normal_training_video_names.txt, abnormal_test_video_names.txt ...                   the official split

A text file is a list of the split if its name holds "train", "val" or "test" and its lines are names of videos. Of
the training videos only the normal ones are trained on, as in the papers.

Our reading of the annotation: an object is abnormal in the frames `start` to `end`, both included, counted from 0; an
end beyond the video means its last frame. Several lines may be of one object, which is one track all the same: the
object that comes back is no other. Its box holds all of its pixels; where it has none, it is hidden and has no region.
Videos whose names begin with "normal" have no annotation.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.benchmark import Benchmark
from ssmtl.datasets.checking import Official, annotation_item, attempt
from ssmtl.datasets.dataset import Item, Use
from ssmtl.datasets.footage import count_frames
from ssmtl.datasets.layout import Matched, list_clips, match_files, numbers_in, subfolders
from ssmtl.datasets.masks import read_mask_picture
from ssmtl.datasets.ubnormal_split import PARTS, read_split
from ssmtl.errors import DataError, SourceError
from ssmtl.formats.clips import clip_key, some
from ssmtl.formats.records import Tracks
from ssmtl.formats.tables import read_numbers
from ssmtl.video.folders import list_files, list_pictures, natural_key
from ssmtl.video.sources import Clip

ANNOTATIONS = "_annotations"
TRACKS = "_tracks"
NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class _Interval:
    """Frames in which an object is abnormal, both included."""

    object_id: int
    first: int
    last: int


class UBnormal(Benchmark):
    """Clips, labels and tracks in the layout above."""

    name = "ubnormal"
    full_name = "UBnormal"
    page = "https://github.com/lilygeorgescu/UBnormal"
    official = Official(186, None, 211, 92_640)

    def train_clips(self) -> list[Clip]:
        """The normal training videos, in natural order.

        Raises:
            DataError: there are no videos, or no list says which are for training.
        """
        return self._part("train", [name for name in self._split["train"] if _is_normal(name)])

    def test_clips(self) -> list[Clip]:
        """The test videos, in natural order; same errors."""
        return self._part("test", self._split["test"])

    def frame_labels(self, clip: Clip, frames: int) -> NDArray[np.bool_]:
        """Which of the `frames` frames of a test clip hold an abnormal object.

        Raises:
            DataError: the annotation is missing, malformed, or begins beyond the clip.
        """
        labels = np.zeros(clip.start + frames, bool)
        for interval in self._intervals(clip, frames):
            labels[interval.first : interval.last + 1] = True
        return labels[clip.start :]

    def annotated_tracks(self, clip: Clip, frames: int) -> Tracks:
        """Boxes of the abnormal objects' pixels in the same frames; the track's number is that of the object."""
        wanted: dict[int, set[int]] = {}
        for interval in self._intervals(clip, frames):
            for frame in range(max(interval.first, clip.start), interval.last + 1):
                wanted.setdefault(frame, set()).add(interval.object_id)
        if not wanted:
            return Tracks.none()
        pictures = self._pictures(clip)
        absent = [str(frame) for frame in sorted(wanted) if frame not in pictures]
        if absent:
            raise DataError(
                f"{self._folder(clip)}: no pictures {clip.name}_..._gt.png of the abnormal frames {some(absent)}; copy "
                f"them from the data set, {self.page}"
            )
        rows = [
            (frame - clip.start, object_id, *box)
            for frame in sorted(wanted)
            for object_id, box in _object_boxes(pictures[frame], wanted[frame])
        ]
        table = np.array(rows, np.float64).reshape(-1, 6)
        return Tracks(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:])

    def annotation_items(self, clips: list[Clip]) -> list[Item]:
        """Folders and files of annotation, and the parts of the set that are not used."""
        names = [clip.name for clip in clips if not _is_normal(clip.name)]
        folders = Matched({name: path for name, path in self._folders.of.items() if name in names})
        files = Matched({name: path for name in names if (path := self._track_file(name)) is not None})
        abnormal = [name for name in self._split["train"] if not _is_normal(name) and clip_key(name) in self._videos]
        validation = [name for name in self._split["val"] if clip_key(name) in self._videos]
        return [
            annotation_item("clips with pictures of objects", names, folders, Use.REGIONS, len(names)),
            annotation_item("clips with intervals", names, files, Use.FRAMES, len(names)),
            *self._list_items(),
            Item("abnormal training videos", len(abnormal), 82, note="not used"),
            Item("validation videos", len(validation), 64, note="not used"),
        ]

    def _list_items(self) -> list[Item]:
        """What the lists of the split name that is not there."""
        items = []
        for part, use in (("train", Use.TRAINING), ("test", Use.SCORING)):
            names = [name for name in self._split[part] if part == "test" or _is_normal(name)]
            missing = [name for name in names if clip_key(name) not in self._videos]
            problems = (f"not there: {some(missing)}",) if missing else ()
            items.append(Item(f"videos that lists name, {part}", len(names), None, problems, use=use))
        return items

    @cached_property
    def home(self) -> Path:
        """The folder that holds the scenes: `root`, or one in it.

        Raises:
            DataError: there is none, or there are several.
        """
        found = [folder for folder in (self.root, *subfolders(self.root)) if _scenes(folder)]
        if not found:
            raise DataError(
                f"{self.root}: no folders Scene1, Scene2, ... there; --root is the folder that holds them; the "
                f"official copy is at {self.page}"
            )
        if len(found) > 1:
            raise DataError(f"{self.root}: {found[0]} and {found[1]} both hold scenes; name one of them with --root")
        return found[0]

    @cached_property
    def test_names(self) -> list[str]:
        """The names of the test clips; same errors as `test_clips`."""
        return [clip.name for clip in self.test_clips()]

    @cached_property
    def _videos(self) -> dict[str, Clip]:
        """All videos, by `clip_key`, in natural order."""
        try:
            clips = [clip for scene in _scenes(self.home) for clip in list_clips(scene, ANNOTATIONS)]
        except SourceError as error:
            raise DataError(f"{self.home}: {error}") from error
        return {clip_key(clip.name): clip for clip in sorted(clips, key=lambda clip: natural_key(clip.name))}

    @cached_property
    def _split(self) -> dict[str, list[str]]:
        return read_split(self.root, _scenes(self.home))

    def _part(self, part: str, names: list[str]) -> list[Clip]:
        """The videos of those names, which the lists of one part have."""
        if not names:
            raise DataError(
                f"{self.root}: no list of the {PARTS[part]} videos; copy the lists of the official split, such as "
                f"normal_{PARTS[part]}_video_names.txt and abnormal_{PARTS[part]}_video_names.txt, from the folder "
                f"scripts at {self.page} to {self.root / 'scripts'}"
            )
        wanted = {clip_key(name) for name in names}
        clips = [clip for key, clip in self._videos.items() if key in wanted]
        if not clips:
            raise DataError(f"{self.home}: none of the {len(wanted)} {PARTS[part]} videos is there; copy the scenes")
        return clips

    @cached_property
    def _folders(self) -> Matched:
        """The folder of annotation of each video that has one."""
        found = [path for scene in _scenes(self.home) for path in subfolders(scene)]
        folders = [path for path in found if path.name.casefold().endswith(ANNOTATIONS)]
        return match_files([clip.name for clip in self._videos.values()], folders, f"{ANNOTATIONS}$")

    def _folder(self, clip: Clip) -> Path:
        return self._folders.of.get(clip.name, clip.path.with_name(clip.name + ANNOTATIONS))

    def _track_file(self, name: str) -> Path | None:
        """The intervals of a video, in its folder of annotation or beside the video."""
        places = [self._videos[clip_key(name)].path.parent]
        if name in self._folders.of:
            places.insert(0, self._folders.of[name])
        for place in places:
            files = [path for path in list_files(place, frozenset({".txt"})) if path.stem.casefold().endswith(TRACKS)]
            found = match_files([name], files, f"{TRACKS}$").of
            if found:
                return found[name]
        return None

    def _intervals(self, clip: Clip, frames: int) -> list[_Interval]:
        """The intervals of a clip or of the part that it is, in frames of the whole clip."""
        if _is_normal(clip.name):
            return []
        path = self._track_file(clip.name)
        if path is None:
            raise DataError(
                f"{self._folder(clip) / (clip.name + TRACKS)}.txt: no such file; copy the annotation of {clip.name} "
                f"from the data set, {self.page}"
            )
        end = clip.start + frames
        whole = clip.stop is None or end < clip.stop
        intervals = _read_intervals(path)
        for interval in intervals:
            if whole and interval.first >= end:
                raise DataError(
                    f"{path}: an object is abnormal from frame {interval.first} on, but {clip.name} has {end} frames, "
                    f"0 to {end - 1}; take the annotation of this video"
                )
        return [replace(each, last=min(each.last, end - 1)) for each in intervals]

    def _pictures(self, clip: Clip) -> dict[int, Path]:
        """The pictures of objects by frame, from 0; where there is one for each frame, whatever number is the first."""
        folder = self._folder(clip)
        found = [path for path in list_pictures(folder) if numbers_in(path.stem)] if folder.is_dir() else []
        of = {numbers_in(path.stem)[-1]: path for path in found}
        first = min(of, default=0)
        if first and max(of) - first + 1 == len(of) == attempt(lambda: count_frames(clip)):
            return {number - first: path for number, path in of.items()}
        return of


def _scenes(folder: Path) -> list[Path]:
    return [path for path in subfolders(folder) if path.name.casefold().startswith("scene") and numbers_in(path.name)]


def _is_normal(name: str) -> bool:
    return name.casefold().startswith(NORMAL)


def _read_intervals(path: Path) -> list[_Interval]:
    table = read_numbers(path, (3,), "object_id,start,end")
    wrong = np.flatnonzero((table != np.floor(table)).any(axis=1) | (table[:, 1] < 0) | (table[:, 1] > table[:, 2]))
    if len(wrong):
        values = ",".join(f"{value:g}" for value in table[wrong[0]])
        raise DataError(
            f"{path}: {values!r} is no interval; write object_id,start,end as whole numbers with 0 <= start <= end"
        )
    return [_Interval(*map(int, row)) for row in table]


def _object_boxes(path: Path, ids: set[int]) -> Iterator[tuple[int, tuple[int, int, int, int]]]:
    """Number and box, xyxy half open, of those objects that have pixels in a picture."""
    pixels = _object_ids(path)
    for object_id in sorted(ids):
        mask = pixels == object_id
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if len(rows):
            yield object_id, (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _object_ids(path: Path) -> NDArray[Any]:
    """The object id of each pixel, H×W."""
    pixels = read_mask_picture(path, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 3:
        if not (pixels[..., :3] == pixels[..., :1]).all():
            raise DataError(f"{path}: is in colour; the value of a pixel must be an object's id; copy it anew")
        pixels = pixels[..., 0]
    return pixels

"""UCSD pedestrians, Ped1 and Ped2 (Mahadevan et al., CVPR 2010).

ROOT/Train/Train001/001.tif ...
ROOT/Test/Test001/001.tif ...
ROOT/Test/Test001_gt/001.bmp ...   masks: a frame is abnormal where any pixel is set
ROOT/Test/UCSDped1.m               frame labels, which rule where masks say otherwise

ROOT is the folder of one of the two, or one above. The official Ped1 has masks for ten of its 36 test clips. Clips
may also lie in `training/frames` and `testing/frames`, and may be video files.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.benchmark import Benchmark
from ssmtl.datasets.checking import Official, annotation_item, attempt, inspect
from ssmtl.datasets.dataset import Item, Step, Use, no_step
from ssmtl.datasets.layout import Matched, clips_at, folder_at, match_files, numbers_in, subfolders
from ssmtl.datasets.masks import MaskTruth, read_mask_picture, read_masks
from ssmtl.datasets.truth import cut_labels, cut_tracks
from ssmtl.datasets.ucsd_labels import read_label_file
from ssmtl.errors import DataError, SourceError
from ssmtl.formats.clips import some
from ssmtl.formats.records import Tracks
from ssmtl.video.folders import list_files, list_pictures
from ssmtl.video.sources import Clip, first_frame_size

PAGE = "http://www.svcl.ucsd.edu/projects/anomaly/dataset.htm"
MASKS = "_gt"
TRAIN = ("Train", "training/frames", "training/videos")
TEST = ("Test", "testing/frames", "testing/videos")

SIZES = {(158, 238): 1, (240, 360): 2}
"""Height and width of the pictures of Ped1 and Ped2."""

OFFICIAL = {
    1: Official(34, 6800, 36, 7200, 4005, clip_frames=200, region_clips=10, numbered=True),
    2: Official(16, 2550, 12, 2010, 1648, numbered=True),
}


class UCSD(Benchmark):
    """Whichever of the two sets is there."""

    name = "ucsd"
    page = PAGE
    train_places, test_places = TRAIN, TEST
    leave_out = MASKS
    by_number = True
    wanted: int | None = None
    """Which of the two; None = either."""

    def __init__(self, root: Path, tracks_folder: Path | None = None, first_frame: int | None = None) -> None:
        """Nothing is read yet; arguments as of `Benchmark`."""
        super().__init__(root, tracks_folder, first_frame)
        self._truth = cache(_read_folder)
        self._ranges = cache(read_label_file)

    @property
    def title(self) -> str:
        """As in tables; of either set, what the size of its pictures or else its folder's name says.

        Raises:
            DataError: both are there, so that it is not clear which is meant.
        """
        number = self.wanted or self._found[1]
        return "UCSD" if number is None else f"UCSD Ped{number}"

    @cached_property
    def folder(self) -> Path:
        """The folder that holds `Train` and `Test`; same errors, or the other set is there."""
        return self._found[0]

    def frame_labels(self, clip: Clip, frames: int) -> NDArray[np.bool_]:
        """Which of the `frames` frames of a test clip are abnormal: by the official file, or else by the masks.

        Raises:
            DataError: both are missing, or the one that rules is malformed or does not fit the clip.
        """
        if self._label_file is not None:
            return self._listed(self._label_file, clip, frames)
        folder = self._masks.of.get(clip.name)
        if folder is None:
            raise DataError(
                f"{clip.path}{MASKS}: no masks for {clip.name}, and no UCSDped1.m or UCSDped2.m in its folder; copy "
                f"the set's ground truth there, from {PAGE}"
            )
        return cut_labels(self._truth(folder, clip.path).labels, clip, frames, folder, "masks")

    def annotated_tracks(self, clip: Clip, frames: int) -> Tracks | None:
        """The regions of the masks, linked over time; None where no clip has masks."""
        if not self._masks.of:
            return None
        folder = self._masks.of.get(clip.name)
        if folder is not None:
            truth = self._truth(folder, clip.path)
            cut_labels(truth.labels, clip, frames, folder, "masks")
            return cut_tracks(truth.tracks, clip, frames, folder)
        if self.frame_labels(clip, frames).any():
            raise DataError(
                f"{clip.path}{MASKS}: no masks for {clip.name}, only for {len(self._masks.of)} of "
                f"{len(self.test_names)} test clips; add them, or a folder of tracks of all, to score regions"
            )
        return Tracks.none(derived=True)

    def check(self, step: Step = no_step) -> list[Item]:
        """What is there, against the official counts of the one that it is."""
        found = attempt(lambda: self._found)
        number = self.wanted if isinstance(found, str) else found[1]
        official = Official() if number is None else OFFICIAL[number]
        without = attempt(lambda: self._officially_without_masks)
        if isinstance(without, str) or not without:
            official = replace(official, region_clips=None)
        return inspect(
            self,
            official,
            self.annotation_items,
            step,
            [] if isinstance(without, str) else without,
            lambda: self.track_files,
        )

    def annotation_items(self, clips: list[Clip]) -> list[Item]:
        """Masks, and the file of frame labels."""
        masks, without = self._masks, self._officially_without_masks
        names = [clip.name for clip in clips if clip.name not in without]
        number = self._found[1]
        whole = None if number is None else OFFICIAL[number].test_clips
        official = OFFICIAL[1].region_clips if without else whole
        use = Use.FRAMES if self._label_file is None else Use.REGIONS
        items = [annotation_item("clips with masks", names, masks, use, official)]
        if self._label_file is not None:
            differing = [clip.name for clip in clips if self._differs(clip)]
            note = f"differs from the masks of {some(differing)}; the file rules" if differing else ""
            items.append(Item("file of frame labels", 1, 1, note=note, use=Use.FRAMES))
        elif not without and all(name in masks.of for name in names):
            items.append(Item("file of frame labels", 0, None, note="not needed: the masks say it"))
        else:
            items.append(Item("file of frame labels", 0, 1, use=Use.FRAMES))
        return items

    @cached_property
    def _officially_without_masks(self) -> list[str]:
        """Test clips of Ped1 that have none in the official copy either, where there are no tracks in their place."""
        few = None if self._found[1] is None else OFFICIAL[self._found[1]].region_clips
        if few is None or self.track_files is not None or not 0 < len(self._masks.of) <= few:
            return []
        return [name for name in self.test_names if name not in self._masks.of]

    def _differs(self, clip: Clip) -> bool:
        """Whether file and masks disagree about a clip that both are of."""
        folder, file = self._masks.of.get(clip.name), self._label_file
        if folder is None or file is None:
            return False
        masks = attempt(lambda: self._truth(folder, clip.path).labels)
        if isinstance(masks, str):
            return False
        listed = attempt(lambda: self._listed(file, clip, len(masks)))
        return isinstance(listed, str) or not np.array_equal(listed, masks)

    def _listed(self, file: Path, clip: Clip, frames: int) -> NDArray[np.bool_]:
        """Labels by the official file."""
        number = numbers_in(clip.name)[-1:]
        clips = self._ranges(file)
        ranges = clips.get(number[0]) if number else None
        if ranges is None:
            raise DataError(f"{file}: has {len(clips)} clips, none of them {clip.name}; copy the official file anew")
        end = clip.start + frames
        whole = clip.stop is None or end < clip.stop
        labels = np.zeros(end, bool)
        for first, last in ranges:
            if whole and last > end:
                raise DataError(
                    f"{file}: frame {last} of {clip.name} is abnormal, but the clip has {end} frames; copy the missing "
                    "ones, or score the whole clip"
                )
            labels[first - 1 : last] = True
        return labels[clip.start :]

    @cached_property
    def _label_file(self) -> Path | None:
        number = self.wanted or self._found[1] or "[12]"
        files = [path for place in self._test_folders for path in list_files(place, frozenset({".m"}))]
        return next((path for path in files if re.fullmatch(f"ucsdped{number}", path.stem.casefold())), None)

    @cached_property
    def _masks(self) -> Matched:
        found = [path for place in self._test_folders for path in subfolders(place)]
        folders = [path for path in found if path.name.casefold().endswith(MASKS) and list_pictures(path)]
        return match_files(self.test_names, folders, f"{MASKS}$", by_number=True)

    @cached_property
    def _test_folders(self) -> list[Path]:
        """Where annotation may lie: beside the test clips, above them, or where it officially does."""
        beside = self.test_clips()[0].path.parent
        places = [beside, beside.parent, folder_at(self.folder, TEST[0])]
        return list(dict.fromkeys(place for place in places if place is not None))

    @cached_property
    def _found(self) -> tuple[Path, int | None]:
        """The folder of the set and which of the two it is, if that can be told."""
        sets = [(folder, _which(folder)) for folder in _set_folders(self.root)]
        if self.wanted is not None and sets:
            sets = [each for each in sets if each[1] == self.wanted] or [each for each in sets if each[1] is None]
            if not sets:
                other = 3 - self.wanted
                raise DataError(
                    f"{self.root}: holds UCSD Ped{other}, not Ped{self.wanted}; use --dataset ped{other}, or name the "
                    f"folder UCSDped{self.wanted} with --root"
                )
        if len(sets) > 1:
            raise DataError(
                f"{self.root}: holds {' and '.join(folder.name for folder, _ in sets)}; use --dataset ped1 or ped2, or "
                "name one of the folders with --root"
            )
        return sets[0] if sets else (self.root, self.wanted)


class Ped1(UCSD):
    """The set of 36 test clips, 158×238."""

    name = "ped1"
    wanted = 1


class Ped2(UCSD):
    """The set of 12 test clips, 240×360."""

    name = "ped2"
    wanted = 2


def _set_folders(root: Path) -> list[Path]:
    """Folders that hold training or test clips: `root` itself, or those in it, or those one deeper."""
    level = [root]
    for _ in range(3):
        found = [folder for folder in level if any(folder_at(folder, place) for place in (*TRAIN, *TEST))]
        if found:
            return found
        level = [path for folder in level for path in subfolders(folder)]
    return []


def _which(folder: Path) -> int | None:
    """1 or 2 by the size of the pictures, or else by the folder's name."""
    try:
        number = SIZES.get(first_frame_size(clips_at(folder, (*TEST, *TRAIN), "clips", PAGE, MASKS)[1][0]))
    except (DataError, SourceError):
        number = None
    named = re.search("ped[ _-]?([12])(?![0-9])", folder.resolve().name.casefold())
    return number or (int(named[1]) if named else None)


def _read_folder(folder: Path, clip: Path) -> MaskTruth:
    """What the masks of a clip, whose pictures or video lie at `clip`, say.

    Raises:
        DataError: one cannot be read, or their numbers show that one is missing.
    """

    def masks() -> Iterator[NDArray[np.uint8]]:
        for path in _in_order(folder, clip):
            yield read_mask_picture(path)

    return read_masks(masks())


def _in_order(folder: Path, clip: Path) -> list[Path]:
    """The masks by the numbers that their names end in, or by name where these do not number them.

    The numbers are those of the clip's pictures, or go on one by one from the first of these; where one of both counts
    from 0, the other may count from 1.

    Raises:
        DataError: a number is missing.
    """
    paths = list_pictures(folder)
    numbers = _last_numbers(paths)
    if not numbers:
        return paths
    ordered = [path for _, path in sorted(zip(numbers, paths, strict=True))]
    pictures = sorted(_last_numbers(list_pictures(clip)) if clip.is_dir() else [])
    if sorted(numbers) == pictures:
        return ordered
    first, begin = min(numbers), pictures[0] if pictures else 1
    start = first if {first, begin} <= {0, 1} else begin
    missing = sorted(set(range(start, start + len(numbers))) - set(numbers))
    if missing:
        raise DataError(
            f"{folder}: no mask of number {some([str(number) for number in missing])}, but masks up to number "
            f"{max(numbers)}; number them from {start} on as the frames of {clip.name}, one each, or copy them anew"
        )
    return ordered


def _last_numbers(paths: list[Path]) -> list[int]:
    """The last number in each name; none at all where that does not tell the files apart."""
    numbers = [number for path in paths for number in numbers_in(path.stem)[-1:]]
    return numbers if len(set(numbers)) == len(paths) else []

"""ShanghaiTech Campus (Luo et al., ICCV 2017).

ROOT/training/videos/01_001.avi ...
ROOT/testing/frames/01_0014/000.jpg ...
ROOT/testing/test_frame_mask/01_0014.npy ...   one number per frame, nonzero = abnormal
ROOT/testing/test_pixel_mask/01_0014.npy ...   T×H×W, likewise

Clips may also lie in `training/frames` and `testing/videos`. Where a clip has no frame mask, its pixel mask stands in.
"""

from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.benchmark import Benchmark
from ssmtl.datasets.checking import Official, annotation_item
from ssmtl.datasets.dataset import Item, Use
from ssmtl.datasets.layout import Matched, find_folders, match_files
from ssmtl.datasets.masks import MaskTruth, read_masks
from ssmtl.datasets.truth import cut_labels, cut_tracks
from ssmtl.errors import DataError
from ssmtl.formats.records import Tracks
from ssmtl.video.folders import list_files
from ssmtl.video.sources import Clip

FRAME_MASKS = ("testing/test_frame_mask", "test_frame_mask")
PIXEL_MASKS = ("testing/test_pixel_mask", "test_pixel_mask")


class ShanghaiTech(Benchmark):
    """Clips in the layout above, labels from frame masks, regions from pixel masks."""

    name = "shanghaitech"
    full_name = "ShanghaiTech"
    page = "https://svip-lab.github.io/dataset/campus_dataset.html"
    train_places = ("training/videos", "training/frames")
    test_places = ("testing/frames", "testing/videos")
    official = Official(330, 274_515, 107, 40_791)

    def __init__(self, root: Path, tracks_folder: Path | None = None, first_frame: int | None = None) -> None:
        """Nothing is read yet; arguments as of `Benchmark`."""
        super().__init__(root, tracks_folder, first_frame)
        self._truth = cache(_read_pixel_masks)

    def frame_labels(self, clip: Clip, frames: int) -> NDArray[np.bool_]:
        """Which of the `frames` frames of a test clip are abnormal.

        Raises:
            DataError: the clip has neither mask, or the one that rules is unreadable or not one value per frame.
        """
        path = self._frame_masks.of.get(clip.name)
        if path is not None:
            return cut_labels(_read_frame_mask(path), clip, frames, path)
        path = self._pixel_masks.of.get(clip.name)
        if path is not None:
            return cut_labels(self._truth(path).labels, clip, frames, path, "masks")
        raise DataError(
            f"{self.folder}: no {clip.name}.npy in {FRAME_MASKS[0]} or {PIXEL_MASKS[0]}; copy the set's ground truth "
            f"there, from {self.page}"
        )

    def annotated_tracks(self, clip: Clip, frames: int) -> Tracks | None:
        """The regions of the pixel masks, linked over time; None where no clip has one."""
        if not self._pixel_masks.of:
            return None
        path = self._pixel_masks.of.get(clip.name)
        if path is not None:
            truth = self._truth(path)
            cut_labels(truth.labels, clip, frames, path, "masks")
            return cut_tracks(truth.tracks, clip, frames, path)
        if self.frame_labels(clip, frames).any():
            raise DataError(
                f"{self.folder}: no {clip.name}.npy in {PIXEL_MASKS[0]}, but it has abnormal frames; copy it from "
                f"{self.page} to score regions"
            )
        return Tracks.none(derived=True)

    def annotation_items(self, clips: list[Clip]) -> list[Item]:
        """The files of both kinds of masks."""
        names, count = [clip.name for clip in clips], self.official.test_clips
        return [
            annotation_item("clips with frame masks", names, self._frame_masks, Use.FRAMES, count),
            annotation_item("clips with pixel masks", names, self._pixel_masks, Use.REGIONS, count),
        ]

    @cached_property
    def _frame_masks(self) -> Matched:
        return self._files(FRAME_MASKS)

    @cached_property
    def _pixel_masks(self) -> Matched:
        return self._files(PIXEL_MASKS)

    def _files(self, places: tuple[str, ...]) -> Matched:
        for _, folder in find_folders(self.folder, places):
            files = list_files(folder, frozenset({".npy"}))
            if files:
                return match_files(self.test_names, files)
        return Matched()


def _read_frame_mask(path: Path) -> NDArray[np.bool_]:
    values = _load(path)
    if values.size != max(values.shape, default=0):
        raise DataError(f"{path}: has the shape {values.shape}, not one value per frame; copy it anew")
    if not np.isfinite(values).all():
        raise DataError(f"{path}: a value is not finite; copy it anew")
    return np.asarray(values.reshape(-1) != 0)


def _read_pixel_masks(path: Path) -> MaskTruth:
    masks = _load(path)
    if masks.ndim != 3:
        raise DataError(f"{path}: has the shape {masks.shape}, not frames × height × width; copy it anew")
    return read_masks(masks)


def _load(path: Path) -> NDArray[Any]:
    """An array of numbers, of which memory holds only what is looked at.

    Raises:
        DataError: it is none.
    """
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: is no array of NumPy, or damaged ({error}); copy it anew") from error
    if not (isinstance(values, np.ndarray) and values.dtype.kind in "biuf"):
        raise DataError(f"{path}: holds no array of numbers; copy it anew")
    return values

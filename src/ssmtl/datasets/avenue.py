"""CUHK Avenue (Lu et al., ICCV 2013).

ROOT/training_videos/01.avi ...
ROOT/testing_videos/01.avi ...
ROOT/ground_truth_demo/testing_label_mask/1_label.mat ...   `volLabel`: a cell array of one mask per frame

Clips may also lie in `training/frames/01`, `testing/frames/01` as pictures, or in `training/videos`, `testing/videos`;
`volLabel` may be an array of H×W×T.
"""

from collections.abc import Iterator
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

MASKS = ("ground_truth_demo/testing_label_mask", "testing_label_mask", "testing/testing_label_mask")
KEY = "volLabel"


class Avenue(Benchmark):
    """Clips in the layout above, labels and regions from the masks."""

    name = "avenue"
    full_name = "CUHK Avenue"
    page = "http://www.cse.cuhk.edu.hk/leojia/projects/detectabnormal/dataset.html"
    train_places = ("training_videos", "training/videos", "training/frames")
    test_places = ("testing_videos", "testing/videos", "testing/frames")
    by_number = True
    official = Official(16, 15328, 21, 15324, numbered=True)

    def __init__(self, root: Path, tracks_folder: Path | None = None, first_frame: int | None = None) -> None:
        """Nothing is read yet; arguments as of `Benchmark`."""
        super().__init__(root, tracks_folder, first_frame)
        self._truth = cache(_read_file)

    def frame_labels(self, clip: Clip, frames: int) -> NDArray[np.bool_]:
        """Which of the `frames` frames of a test clip have an abnormal pixel.

        Raises:
            DataError: the masks are missing, unreadable, or not one per frame.
        """
        path = self._path(clip)
        return cut_labels(self._truth(path).labels, clip, frames, path, "masks")

    def annotated_tracks(self, clip: Clip, frames: int) -> Tracks | None:
        """The regions of the masks, linked over time; None where no clip has masks."""
        if not self._masks.of:
            return None
        path = self._path(clip)
        truth = self._truth(path)
        cut_labels(truth.labels, clip, frames, path, "masks")
        return cut_tracks(truth.tracks, clip, frames, path)

    def annotation_items(self, clips: list[Clip]) -> list[Item]:
        """The files of masks."""
        names = [clip.name for clip in clips]
        return [annotation_item("clips with masks", names, self._masks, Use.FRAMES, self.official.test_clips)]

    def _path(self, clip: Clip) -> Path:
        path = self._masks.of.get(clip.name)
        if path is None:
            raise DataError(
                f"{self.root}: no masks for {clip.name} in {MASKS[0]}, named like 1_label.mat; copy the ground truth "
                f"there, from {self.page}"
            )
        return path

    @cached_property
    def _masks(self) -> Matched:
        for _, folder in find_folders(self.folder, MASKS):
            files = list_files(folder, frozenset({".mat"}))
            if files:
                return match_files(self.test_names, files, "_label$", by_number=True)
        return Matched()


def _read_file(path: Path) -> MaskTruth:
    """What the masks of a clip say; a file is as large in memory as its video's grey pixels.

    Raises:
        DataError: it cannot be read or holds no masks.
    """
    from scipy.io import loadmat  # takes long to load, and only this needs it

    try:
        found = loadmat(path, variable_names=[KEY]).get(KEY)
    except NotImplementedError as error:  # so SciPy says that it is HDF5
        raise DataError(f"{path}: is in Matlab's format 7.3; save it with -v7, or copy the official one") from error
    except Exception as error:  # a damaged file makes the reader fail in any way
        raise DataError(f"{path}: is no Matlab file, or damaged ({error}); copy it anew") from error
    if found is None:
        raise DataError(f"{path}: has no variable {KEY}; copy the set's own testing_label_mask")
    return read_masks(_split(path, found))


def _split(path: Path, volume: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The H×W masks of a cell array or of an array of H×W×T; Matlab drops a last dimension of 1."""
    cells = volume.dtype == object
    masks = list(volume.ravel(order="F") if cells else np.moveaxis(np.atleast_3d(volume), 2, 0))
    for index, mask in enumerate(masks):
        if not (isinstance(mask, np.ndarray) and mask.ndim == 2 and mask.size and mask.dtype.kind in "biuf"):
            raise DataError(f"{path}: {KEY} has no mask of H×W numbers for frame {index}; copy the file anew")
        if mask.shape != masks[0].shape:
            raise DataError(f"{path}: the mask of frame {index} differs in size from the first; copy the file anew")
        yield mask

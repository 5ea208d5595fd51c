"""UCSD pedestrians, Ped1 and Ped2 (Mahadevan et al., CVPR 2010), in the official layout.

ROOT/Train/Train001/001.tif ...
ROOT/Test/Test001/001.tif ...
ROOT/Test/Test001_gt/001.bmp ...   masks: a frame is abnormal where any pixel is set
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import DataError, SourceError
from ssmtl.video.folders import list_pictures
from ssmtl.video.sources import Clip, find_clips

MASKS = "_gt"

LEAST_REGION = 10
"""Pixels: smaller specks of a mask are slips of the pen, not regions."""


class UCSD:
    """One of the two UCSD sets; `root` is the folder that holds `Train` and `Test`."""

    name = "ucsd"

    def __init__(self, root: Path):
        self.root = Path(root)

    def train_clips(self) -> list[Clip]:
        """The clips of `ROOT/Train`.

        Raises:
            DataError: none are there.
        """
        return self._clips("Train")

    def test_clips(self) -> list[Clip]:
        """The clips of `ROOT/Test`; same errors."""
        return self._clips("Test")

    def _clips(self, part: str) -> list[Clip]:
        folder = self.root / part
        clips = sorted(p for p in folder.glob(f"{part}*") if p.is_dir() and not p.name.endswith(MASKS))
        if not clips:
            raise DataError(
                f"{folder}: no clips there; --root is the folder that holds Train and Test (UCSDped1 or UCSDped2)"
            )
        try:
            return find_clips(clips)
        except SourceError as error:
            raise DataError(f"{folder}: {error}") from error

    def frame_labels(self, clip: Clip, frames: int) -> NDArray[np.bool_]:
        """Which of the `frames` frames of a test clip have an abnormal pixel.

        Raises:
            DataError: the masks are missing, unreadable, or not one per frame.
        """
        return np.array([mask.any() for mask in self._masks(clip, frames)], bool)

    def region_truth(self, clip: Clip, frames: int) -> list[NDArray[np.float32]]:
        """The 8-connected components of each frame's mask that have at least `LEAST_REGION` pixels; same errors."""
        return [_component_boxes(mask) for mask in self._masks(clip, frames)]

    def _masks(self, clip: Clip, frames: int) -> Iterator[NDArray[np.uint8]]:
        """The H×W masks of the clip's frames, nonzero = abnormal."""
        folder = clip.path.with_name(clip.path.name + MASKS)
        try:
            masks = list_pictures(folder)[clip.start : clip.stop]
        except (OSError, SourceError) as error:
            raise DataError(
                f"{folder}: no masks for {clip.name} ({error}); copy the set's ground truth there"
            ) from error
        if len(masks) != frames:
            raise DataError(
                f"{folder}: {len(masks)} masks, but {clip.name} has {frames} frames; copy the missing ones, "
                "or score the whole clip"
            )
        for path in masks:
            mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if mask is None:
                raise DataError(f"{path}: is no picture; copy it anew")
            yield np.asarray(mask, np.uint8)


def _component_boxes(mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    """M×4 float32 boxes of the regions of a mask."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
    left, top, width, height, area = stats[1:].T
    boxes = np.stack([left, top, left + width, top + height], axis=1)
    return boxes[area >= LEAST_REGION].astype(np.float32)

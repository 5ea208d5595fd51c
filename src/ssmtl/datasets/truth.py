"""Ground truth of a whole clip, cut to the clip or the part of one that is asked for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import DataError
from ssmtl.formats.records import Tracks
from ssmtl.video.sources import Clip


def cut_labels(
    labels: NDArray[np.bool_], clip: Clip, frames: int, where: Path, what: str = "labels"
) -> NDArray[np.bool_]:
    """Labels of the `frames` frames of a clip or of the part that it is.

    Args:
        labels: T, of the whole clip.
        clip: the clip or part.
        frames: its length.
        where: the file or folder that the labels are from.
        what: what there is one of per frame, in errors.

    Raises:
        DataError: there is not one label for each frame.
    """
    part = labels[clip.start : clip.stop]
    if len(part) != frames:
        raise DataError(
            f"{where}: {len(part)} {what}, but {clip.name} has {frames} frames; copy what is missing of either, "
            "or score the whole clip"
        )
    return part


def cut_tracks(tracks: Tracks, clip: Clip, frames: int, where: Path) -> Tracks:
    """Tracks of the same frames, which then count from the part's first.

    Raises:
        DataError: a region lies in a frame that the clip does not have.
    """
    end = clip.start + frames
    whole = clip.stop is None or end < clip.stop
    outside = tracks.frames[(tracks.frames < 0) | ((tracks.frames >= end) & whole)]
    if len(outside):
        raise DataError(
            f"{where}: has a region in frame {outside[0]}, but {clip.name} has {end} frames, 0 to {end - 1}; "
            "frames count from 0; take the tracks of this clip"
        )
    inside = (tracks.frames >= clip.start) & (tracks.frames < end)
    return replace(
        tracks, frames=tracks.frames[inside] - clip.start, ids=tracks.ids[inside], boxes=tracks.boxes[inside]
    )

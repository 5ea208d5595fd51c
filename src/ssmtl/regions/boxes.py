"""Regions from a file of boxes that some other program found."""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from ssmtl.config import Settings
from ssmtl.errors import DataError
from ssmtl.formats.box_files import DETECTIONS, BoxRows, read_box_file
from ssmtl.formats.clips import ClipFile, clip_files, clip_key, match_clips
from ssmtl.regions.regions import Regions
from ssmtl.video.frame import Frame

_MANY = {".json", ".npz"}
"""Endings of files of several clips, which in a folder may have any name."""


class BoxesSettings(Settings):
    """Boxes in any form of `ssmtl.formats.box_files`, with their confidence and, in CSV and COCO's JSON, their class.

    `frame` counts from 0, the clip's first, whatever part of the clip is used; in MOT's text from 1. `path` is

    * a CSV file with the columns frame, x_min, y_min, x_max, y_max (half open) and, if known, confidence and label, and
      with a column `clip` or named after its clip;
    * text or an `.npy` named after its clip: frame, x_min, y_min, x_max, y_max (inclusive), confidence; or MOT's text;
    * an `.npz` with such an array for each clip, or COCO's JSON;
    * a folder of any of these, or with `<clip>/regions.csv` (the result of `ssmtl regions`, or of `ssmtl detect` over
      whole clips).

    Confidences lie in [0, 1]; a box without one, or with -1 in MOT's text, has 1.
    """

    kind: Literal["boxes"] = "boxes"
    path: Path
    min_confidence: float = Field(0.0, ge=0, le=1)
    first_frame: int | None = Field(
        None, ge=0, description="number of a clip's first frame in COCO's JSON; none: as the file lets see"
    )

    @property
    def files(self) -> list[Path]:
        """The files that the boxes may come from."""
        return sorted(clip_files(self.path, DETECTIONS.inside).values()) if self.path.is_dir() else [self.path]


class Boxes:
    """Boxes of one clip from its frame `start` on, as a region detector without a memory."""

    def __init__(self, settings: BoxesSettings, clip: str, start: int = 0):
        self._start = start
        self._frames = read_boxes(settings.path, clip, settings.min_confidence, settings.first_frame)

    def reset(self) -> None:
        """Nothing to forget: frames are looked up by their index."""

    def detect(self, frame: Frame, known: Regions) -> Regions:
        """The file's boxes of this frame, cut to the picture."""
        regions = self._frames.get(self._start + frame.index)
        if regions is None:
            return Regions.make([], "boxes")
        height, width = frame.image.shape[:2]
        boxes = np.clip(regions.boxes, 0, np.array([width, height, width, height], np.float32))
        keep = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
        return replace(regions, boxes=boxes).take(keep)


def read_boxes(
    path: Path, clip: str, min_confidence: float = 0.0, first_frame: int | None = None
) -> dict[int, Regions]:
    """Regions of each frame of `clip` that has any.

    Args:
        path: the file or folder.
        clip: the clip's name.
        min_confidence: boxes of less are left out.
        first_frame: number of a clip's first frame in COCO's JSON; None = as the file lets see.

    Raises:
        DataError: no such file, a column is missing, or a value is no number; names the file and line.
    """
    rows = _in_folder(Path(path), clip, first_frame) if Path(path).is_dir() else _in_file(Path(path), clip, first_frame)
    if rows is None:
        return {}
    wrong = np.flatnonzero((rows.values < 0) | (rows.values > 1))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{rows.where(row)}: confidence is {rows.values[row]:g}; it must be between 0 and 1, so scale all of them"
        )
    kept = np.flatnonzero(rows.values >= min_confidence)
    kept = kept[np.argsort(rows.frames[kept], kind="stable")]
    labels = np.where(rows.labels == "", "object", rows.labels)
    frames, starts = np.unique(rows.frames[kept], return_index=True)
    return {
        int(frame): Regions.make(rows.boxes[part], "boxes", labels[part], rows.values[part])
        for frame, part in zip(frames, np.split(kept, starts)[1:], strict=True)
    }


def _in_folder(folder: Path, clip: str, first_frame: int | None) -> BoxRows | None:
    """Boxes of the clip in the file that is named after it, or in one of several clips."""
    files = clip_files(folder, DETECTIONS.inside)
    name = _name_of(clip, files, folder)
    if name is not None:
        found = _read(files[name], first_frame)
        return _rows_of(clip, found, files[name]) if found.named else next(iter(found.clips.values()))
    for file in files.values():
        if file.suffix.lower() in _MANY:
            found = _read(file, first_frame)
            if _name_of(clip, found.clips, file) is not None:
                return _rows_of(clip, found, file)
    looked = ", ".join(f"{clip}{ending}" for ending in (".csv", ".npy", ".txt"))
    raise DataError(f"{folder}: no boxes for clip '{clip}'; looked for {looked} and {clip}/regions.csv there")


def _in_file(file: Path, clip: str, first_frame: int | None) -> BoxRows | None:
    found = _read(file, first_frame)
    if found.named:
        return _rows_of(clip, found, file)
    if clip_key(clip) not in {clip_key(name) for name in (*found.clips, file.stem, file.parent.name)}:
        form = " or give it a column 'clip'" if file.suffix.lower() == ".csv" else " or save an .npz of all clips"
        raise DataError(f"{file}: does not say that it is of clip '{clip}'; name it {clip}{file.suffix}{form}")
    return next(iter(found.clips.values()))


def _rows_of(clip: str, found: ClipFile[BoxRows], file: Path) -> BoxRows | None:
    """Boxes of the clip in a file of several; None where it has none and the file names only clips that have some."""
    if not found.lists_all and _name_of(clip, found.clips, file) is None:
        return None
    return found.clips[match_clips([clip], found.clips, str(file))[clip]]


def _name_of(clip: str, names: Iterable[str], where: Path) -> str | None:
    """The one of `names` that means the clip, if any."""
    alike = [name for name in names if clip_key(name) == clip_key(clip)]
    return match_clips([clip], alike, str(where))[clip] if alike else None


def _read(file: Path, first_frame: int | None) -> ClipFile[BoxRows]:
    """The file, which is not read again for the next clip."""
    try:
        state = file.stat()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); check the path and its permissions") from error
    return _read_once(file, first_frame, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1)
def _read_once(file: Path, first_frame: int | None, changed: int, size: int) -> ClipFile[BoxRows]:
    return read_box_file(file, DETECTIONS, first_frame)

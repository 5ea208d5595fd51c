"""Regions from a file of boxes that some other program found."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from ssmtl.config import Settings
from ssmtl.errors import DataError
from ssmtl.regions.regions import Regions
from ssmtl.video.frame import Frame

COLUMNS = ("frame", "x_min", "y_min", "x_max", "y_max")


class BoxesSettings(Settings):
    """Boxes as CSV with the columns frame, x_min, y_min, x_max, y_max and, if known, confidence and label.

    `frame` counts from 0, the clip's first, whatever part of the clip is used. `path` is one file with a column `clip`
    or named after its clip, or a folder with `<clip>.csv` or `<clip>/regions.csv` (the result of `ssmtl regions`, or of
    `ssmtl detect` over whole clips).
    """

    kind: Literal["boxes"] = "boxes"
    path: Path
    min_confidence: float = Field(0.0, ge=0, le=1)

    @property
    def files(self) -> list[Path]:
        """The files that the boxes may come from."""
        return sorted(self.path.rglob("*.csv")) if self.path.is_dir() else [self.path]


class Boxes:
    """Boxes of one clip from its frame `start` on, as a region detector without a memory."""

    def __init__(self, settings: BoxesSettings, clip: str, start: int = 0):
        self._start = start
        self._frames = read_boxes(settings.path, clip, settings.min_confidence)

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


def _find(path: Path, clip: str) -> Path:
    if path.is_file():
        return path
    for candidate in (path / f"{clip}.csv", path / clip / "regions.csv"):
        if candidate.is_file():
            return candidate
    raise DataError(f"{path}: no boxes for clip '{clip}'; looked for {clip}.csv and {clip}/regions.csv there")


def read_boxes(path: Path, clip: str, min_confidence: float = 0.0) -> dict[int, Regions]:
    """Regions of each frame of `clip` that has any.

    Raises:
        DataError: no such file, a column is missing, or a value is no number; names the file and line.
    """
    file = _find(Path(path), clip)
    frames: dict[int, list[tuple[list[float], float, str]]] = {}
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        reader = csv.DictReader(line.replace("\0", "") for line in stream)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if not missing and "clip" not in (reader.fieldnames or ()) and clip not in (file.stem, file.parent.name):
            raise DataError(
                f"{file}: does not say that it is of clip '{clip}'; name it {clip}.csv or give it a column 'clip'"
            )
        if missing:
            raise DataError(f"{file}: no column '{missing[0]}'; the first line must name {', '.join(COLUMNS)}")
        for row in reader:
            line = reader.line_num
            if row.get("clip", clip) != clip:
                continue
            try:
                index = int(row["frame"])
                box = [float(row[name]) for name in COLUMNS[1:]]
                confidence = float(row.get("confidence") or 1.0)
            except (TypeError, ValueError) as error:
                raise DataError(f"{file}, line {line}: {error}; boxes are five numbers") from error
            if not (box[0] < box[2] and box[1] < box[3]) or index < 0 or not np.isfinite(box).all():
                raise DataError(f"{file}, line {line}: not a box: needs frame >= 0, x_min < x_max, y_min < y_max")
            if not 0 <= confidence <= 1:
                raise DataError(f"{file}, line {line}: confidence is {confidence:g}; it must be between 0 and 1")
            if confidence >= min_confidence:
                frames.setdefault(index, []).append((box, confidence, row.get("label") or "object"))
    return {
        index: Regions.make(
            [box for box, _, _ in rows],
            "boxes",
            [label for _, _, label in rows],
            [confidence for _, confidence, _ in rows],
        )
        for index, rows in frames.items()
    }

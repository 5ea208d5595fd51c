"""Frames of a folder of pictures."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import SourceError
from ssmtl.video.frame import Frame

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"})
"""Endings, in lower case, of the pictures that make a clip."""


class PictureFolder:
    """The pictures of one folder in natural order: a `FrameSource`.

    Grey and colour, 8 and 16 bits (the upper 8 are kept); alpha is dropped, the orientation in a JPEG file
    is applied. Hidden files and other kinds of files are left out without a word; a picture that cannot be
    decoded, or ends too early, is left out and counted.

    Attributes:
        path: the folder.
        name: the clip's name; the folder's name unless given.
        rate: frames per second, as given: pictures do not say.
        expected_frames: number of pictures.
        undecodable: pictures left out in the current iteration.
    """

    def __init__(self, path: str | Path, rate: float = 25.0, name: str | None = None) -> None:
        """List the folder.

        Raises:
            SourceError: the folder is missing, cannot be read, or holds no picture.
            ValueError: `rate` is not positive.
        """
        if not rate > 0:
            raise ValueError(f"rate must be positive, not {rate}")
        self.path = Path(path)
        self.name = name or self.path.name or self.path.resolve().name
        self.rate = float(rate)
        self.declared_rate: float | None = None
        self.undecodable = 0
        self._pictures = list_pictures(self.path)
        if not self._pictures:
            raise SourceError(
                f"{self.path}: holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))}); "
                "name a folder of pictures or a video file"
            )
        self.expected_frames: int | None = len(self._pictures)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames from the first one on; `time_s` is `index / rate`.

        Raises:
            SourceError: no picture could be decoded, or one differs in size from the first.
        """
        self.undecodable = 0
        index = 0
        first: tuple[Path, tuple[int, ...]] | None = None
        for path in self._pictures:
            image = _read(path)
            if image is None:
                self.undecodable += 1
                continue
            first = first or (path, image.shape)
            if image.shape != first[1]:
                raise SourceError(
                    f"{path}: is {_size(image.shape)} but {first[0].name} is {_size(first[1])}; "
                    "keep pictures of different sizes in different folders"
                )
            yield Frame(index, index / self.rate, image)
            index += 1
        if index == 0:
            raise SourceError(f"{self.path}: none of its {self.undecodable} pictures could be decoded; copy them again")


def list_pictures(folder: Path) -> list[Path]:
    """The pictures right in `folder`, in natural order, without hidden files such as `._001.jpg`.

    Raises:
        SourceError: the folder is missing or cannot be read.
    """
    return list_files(folder, PICTURE_SUFFIXES)


def list_files(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """The files right in `folder` whose ending in lower case is in `suffixes`; order and errors as above."""
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name
                for entry in entries
                if not entry.name.startswith(".") and Path(entry.name).suffix.lower() in suffixes and entry.is_file()
            ]
    except FileNotFoundError:
        raise SourceError(f"{folder}: no such folder; check the path") from None
    except NotADirectoryError:
        raise SourceError(f"{folder}: is a file; name a folder") from None
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read ({error.strerror}); check the permissions") from error
    return [folder / name for name in sorted(names, key=natural_key)]


def natural_key(text: str) -> tuple[list[str | int], str]:
    """Sort key that puts "frame 2" before "frame 10", without regard to case."""
    parts = re.split(r"([0-9]+)", text.casefold())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], text


def _read(path: Path) -> NDArray[np.uint8] | None:
    """The picture as H×W×3 RGB, or None where it cannot be decoded."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check disk and permissions") from error
    # Older OpenCV fills up a truncated JPEG with grey: without this, an end marker missing after the last
    # scan, it would pass for an anomaly.
    if data.startswith(b"\xff\xd8") and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        return None
    try:
        # Not cv2.imread, which cannot open every name on Windows.
        image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # empty, or larger than OpenCV takes
        return None
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"

"""Boxes in COCO's JSON: a list of results, or images with annotations.

An image belongs to a clip by `video_id` and `videos`, or else by the folder in its `file_name`; without `images`, by an
`image_id` such as "clip/000123". Its number is its `frame_id`, or else the last number in its name. Whether a clip's
frames are numbered from 0 or from 1 cannot be seen from one clip of which some images are listed, so:

* where any clip of the file has an image 0, numbers count from 0;
* where `images` lists those of every clip from 1 on without a gap, they count from 1;
* otherwise the caller must say it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isinf
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import DataError

_PICTURES = "img1"
"""The folder of pictures in a clip's own folder, by MOT's layout."""

_TRACKS = ("track_id", "instance_id")

_MOST_DIGITS = 15
"""Of a number in a name that is a frame's: float64 tells them all apart."""

_MISTAKES = (KeyError, TypeError, ValueError, OverflowError)
"""What a look into an entry that is not as it should be runs into."""


@dataclass(frozen=True, slots=True)
class CocoBoxes:
    """M boxes of one clip.

    Attributes:
        frames: M frame numbers, from 0.
        boxes: M×4, left, top, width and height in pixels.
        scores: M; NaN where there is none.
        tracks: M; NaN where there is none.
        labels: M names of categories; empty where there is none.
        entries: M places in the list of annotations.
    """

    frames: NDArray[np.float64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    tracks: NDArray[np.float64]
    labels: NDArray[np.str_]
    entries: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CocoFile:
    """What one file holds.

    Attributes:
        clips: boxes of each clip.
        lists_all: whether a clip without a box is named too.
    """

    clips: dict[str, CocoBoxes]
    lists_all: bool


Value = TypeVar("Value")

Image = tuple[str, int]
"""Clip and number, as the file counts."""


def read_coco(path: Path, first_frame: int | None = None) -> CocoFile:
    """The boxes of a file.

    Args:
        path: the file.
        first_frame: number of a clip's first frame; None = by the rule above.

    Raises:
        DataError: the file is missing or not such JSON, an image has no clip or number, or it is not clear whether
            numbers count from 0 or 1; names the entry.
    """
    found = _read_json(path)
    whole = found if isinstance(found, dict) else {"annotations": found}
    annotations = _listed(path, whole, "annotations")
    listed = "images" in whole
    images = _images(path, whole) if listed else _named_images(path, annotations)
    if first_frame is None:
        first_frame = _first_frame(path, images.values(), listed)
    for clip, number in images.values():
        if number < first_frame:
            raise DataError(
                f"{path}: image {number} of clip {clip} comes before the first frame, which is said to be "
                f"{first_frame}; say 0 where frames are numbered from 0"
            )
    categories = _categories(path, whole)
    rows: dict[str, list[tuple[Any, ...]]] = {clip: [] for clip, _ in images.values()}
    if listed:
        rows = {name: [] for name in _videos(path, whole).values()} | rows
    for entry, annotation in enumerate(annotations):
        try:
            image = annotation["image_id"]
            if image not in images:
                raise DataError(
                    f"{coco_entry(path, entry)}: image_id is {image!r}, which is none of the images; add the image"
                )
            box = [float(side) for side in annotation["bbox"]]
            score, track = _optional(annotation, "score"), _track(annotation)
            label = categories.get(annotation.get("category_id"), "")
        except _MISTAKES as error:
            raise DataError(
                f"{coco_entry(path, entry)}: {_missing(error)}; needs image_id and bbox, four numbers"
            ) from error
        if len(box) != 4 or not all(map(isfinite, box)):
            raise DataError(f"{coco_entry(path, entry)}: bbox is {box}; write left, top, width and height")
        if isinf(score) or isinf(track):
            raise DataError(f"{coco_entry(path, entry)}: a value is not finite; leave such annotations out")
        clip, number = images[image]
        rows[clip].append((number - first_frame, *box, score, track, entry, label))
    return CocoFile({clip: _pack(listed_rows) for clip, listed_rows in rows.items()}, listed)


def coco_entry(path: Path, entry: int) -> str:
    """For errors: one annotation of a file."""
    return f"{path}, annotation {entry} from 0"


def coco_text(boxes: Mapping[str, Sequence[tuple[int, list[float], dict[str, Any]]]]) -> str:
    """Images with annotations, as JSON.

    Of each clip frame 0 is listed and those with a box, so that it can be seen that frames count from 0.

    Args:
        boxes: for each clip frame, left, top, width and height, and what else an annotation is to have.
    """
    videos: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for video, (clip, rows) in enumerate(boxes.items(), 1):
        videos.append({"id": video, "name": clip})
        ids: dict[int, int] = {}
        for frame in sorted({0, *(frame for frame, _, _ in rows)}):
            ids[frame] = len(images) + 1
            name = f"{clip}/{frame:06d}"
            images.append({"id": ids[frame], "video_id": video, "frame_id": frame, "file_name": name})
        for frame, box, more in rows:
            number = len(annotations) + 1
            annotation = {"id": number, "image_id": ids[frame], "category_id": 1, "bbox": box}
            annotations.append({**annotation, "area": box[2] * box[3], "iscrowd": 0, **more})
    categories = [{"id": 1, "name": "object"}]
    return json.dumps({"videos": videos, "images": images, "annotations": annotations, "categories": categories}) + "\n"


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); name a file, and check its permissions") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not JSON ({error}); write it again") from error


def _listed(path: Path, whole: Any, name: str) -> list[dict[str, Any]]:
    """One of the file's lists, whose entries are dictionaries."""
    entries = whole.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DataError(
            f"{path}: has no list of {name}; write a list of results, or images and annotations, as COCO has them"
        )
    return entries


def _videos(path: Path, whole: dict[str, Any]) -> dict[Any, str]:
    """Names of the clips by their ids."""
    if "videos" not in whole:
        return {}
    try:
        pairs = [
            (video["id"], str(video.get("name") or video["file_name"])) for video in _listed(path, whole, "videos")
        ]
        return _once(path, "video", pairs)
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: a video's {_missing(error)}; each needs id and name") from error


def _categories(path: Path, whole: dict[str, Any]) -> dict[Any, str]:
    if "categories" not in whole:
        return {}
    try:
        pairs = [(category["id"], str(category["name"])) for category in _listed(path, whole, "categories")]
        return _once(path, "category", pairs)
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: a category's {_missing(error)}; each needs id and name") from error


def _images(path: Path, whole: dict[str, Any]) -> dict[Any, Image]:
    """Clip and number of each image by its id."""
    videos = _videos(path, whole)
    pairs: list[tuple[Any, Image]] = []
    for entry, image in enumerate(_listed(path, whole, "images")):
        where = f"{path}, image {entry} from 0"
        try:
            name = str(image.get("file_name", ""))
            clip = videos[image["video_id"]] if videos and "video_id" in image else _folder(where, name, path)
            number = int(image["frame_id"]) if "frame_id" in image else _number(where, name)
            if number != image.get("frame_id", number):
                raise ValueError(f"frame_id is {image['frame_id']!r}")
            if abs(number) >= 10**_MOST_DIGITS:
                raise ValueError(f"its number has more than {_MOST_DIGITS} digits")
            hash(image["id"])
            pairs.append((image["id"], (clip, number)))
        except _MISTAKES as error:
            raise DataError(f"{where}: {_missing(error)}; needs id, and file_name or video_id and frame_id") from error
    return _once(path, "image", pairs)


def _once(path: Path, what: str, pairs: Sequence[tuple[Any, Value]]) -> dict[Any, Value]:
    """The pairs by their ids: of two of one id, as when files are joined, one would take the other's boxes."""
    first: dict[Any, int] = {}
    for entry, (number, _) in enumerate(pairs):
        if first.setdefault(number, entry) != entry:
            raise DataError(
                f"{path}: {what} {first[number]} and {what} {entry} (from 0) have the id {number!r} both; give each "
                "its own"
            )
    return dict(pairs)


def _named_images(path: Path, annotations: Sequence[dict[str, Any]]) -> dict[Any, Image]:
    """The same by names such as "clip/000123" in place of ids."""
    images: dict[Any, Image] = {}
    for entry, annotation in enumerate(annotations):
        name = annotation.get("image_id")
        if not isinstance(name, str):
            raise DataError(
                f"{coco_entry(path, entry)}: image_id is {name!r}, and the file has no images; add the list of "
                'images, or write image_id as "clip/000123"'
            )
        if name not in images:
            where = coco_entry(path, entry)
            images[name] = _folder(where, name, path), _number(where, name)
    return images


def _folder(where: str, name: str, path: Path) -> str:
    """The clip of a picture; one without a folder is of the clip that the JSON file is named after."""
    parts = [part for part in re.split(r"[/\\]", name) if part not in {"", "."}]
    folders, last = parts[:-1], "".join(parts[-1:])
    if folders and folders[-1] == _PICTURES:
        folders.pop()
    if folders:
        return folders[-1]
    if re.fullmatch(r"[0-9]+(\.[A-Za-z]+)?", last):
        return path.stem
    raise DataError(f'{where}: its name {name!r} tells no clip; write it as "clip/000123", or add videos and video_id')


def _number(where: str, name: str) -> int:
    """The last number in a picture's name without its ending."""
    numbers = re.findall("[0-9]+", re.sub(r"\.[A-Za-z]+[0-9]?$", "", re.split(r"[/\\]", name)[-1]))
    if not numbers or len(numbers[-1]) > _MOST_DIGITS:
        raise DataError(f'{where}: its name {name!r} has no number; write it as "clip/000123", or add a frame_id')
    return int(numbers[-1])


def _first_frame(path: Path, images: Any, listed: bool) -> int:
    of: dict[str, set[int]] = {}
    for clip, number in images:
        of.setdefault(clip, set()).add(number)
    if not of or any(0 in numbers for numbers in of.values()):
        return 0
    if listed and all(min(numbers) == 1 and max(numbers) == len(numbers) for numbers in of.values()):
        return 1
    raise DataError(
        f"{path}: no clip has an image 0, and not all list theirs from 1 on without a gap, so that it is not clear "
        "which number a clip's first frame has; say it (first_frame, --first-frame: 0 or 1)"
    )


def _optional(entry: dict[str, Any], name: str) -> float:
    value = entry.get(name)
    return np.nan if value is None else float(value)


def _track(annotation: dict[str, Any]) -> float:
    return next((float(annotation[name]) for name in _TRACKS if annotation.get(name) is not None), np.nan)


def _missing(error: Exception) -> str:
    """What a look into an entry ran into."""
    return f"no {error}" if isinstance(error, KeyError) else str(error)


def _pack(rows: list[tuple[Any, ...]]) -> CocoBoxes:
    numbers = np.array([row[:8] for row in rows], np.float64).reshape(-1, 8)
    return CocoBoxes(
        numbers[:, 0],
        numbers[:, 1:5],
        numbers[:, 5],
        numbers[:, 6],
        np.array([row[8] for row in rows], np.str_),
        numbers[:, 7].astype(np.int64),
    )

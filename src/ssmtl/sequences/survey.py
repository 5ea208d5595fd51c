"""A first look over normal footage: is it grey, how long, and what does the fixed camera's scene look like?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import SourceError
from ssmtl.regions.background import Background, BackgroundSettings
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene, fit_heights, grey, median_background
from ssmtl.video.frame import Frame, FrameSource
from ssmtl.video.sources import Clip, open_source

Progress = Callable[[], None]
"""Called once a frame."""

PICTURES = 120
"""Pictures for the median: so many, and fewer than twice so many are kept, whatever the length of the footage."""

GREY = 2
"""Largest difference between the channels of a grey picture: its coding leaves small ones."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen: the scene (None where the footage shows several), whether all of it is grey, and each clip's
    frames, how many come in a second, and their height and width, or why it cannot be read, and how many damaged
    pictures it has where it has any.
    """

    scene: Scene | None
    is_grey: bool
    lengths: dict[Clip, int]
    rates: dict[Clip, float]
    declared_rates: list[float]
    shapes: dict[Clip, tuple[int, int]]
    unreadable: dict[Clip, str]
    undecodable: dict[Clip, int]


def survey(clips: Sequence[Clip], progress: Progress = lambda: None) -> Survey:
    """Look at pictures spread over all of the footage; clips that cannot be read are told, and left out.

    Raises:
        SourceError: no clip can be read.
    """
    each = max(3, PICTURES // max(1, len(clips)))
    pictures: list[NDArray[np.uint8]] = []
    lengths: dict[Clip, int] = {}
    rates: dict[Clip, float] = {}
    declared_rates: list[float] = []
    shapes: dict[Clip, tuple[int, int]] = {}
    unreadable: dict[Clip, str] = {}
    undecodable: dict[Clip, int] = {}
    is_grey = True
    found, step = 0, 1
    for clip in clips:
        try:
            source = open_source(clip)
            seen, coloured, length = _spread(source, each, progress)
        except SourceError as error:
            unreadable[clip] = str(error)
            continue
        lengths[clip] = length
        rates[clip] = source.rate
        declared_rates += [source.declared_rate] if source.declared_rate is not None else []
        shapes[clip] = (seen[0].shape[0], seen[0].shape[1])
        if source.undecodable:
            undecodable[clip] = source.undecodable
        is_grey = is_grey and coloured == 0
        for picture in seen:
            if found % step == 0:
                pictures.append(picture)
            found += 1
            if len(pictures) > 2 * PICTURES:
                # What follows is thinned alike, so that no part of the footage counts for more.
                pictures, step = pictures[::2], 2 * step
    if not lengths:
        raise SourceError("; ".join(unreadable.values()) or "no footage given; name files, folders or a data set")
    pictures = pictures[:: max(1, len(pictures) // PICTURES)]
    background = median_background(pictures)
    scene = None
    if background is not None:
        scene = Scene(background, *fit_heights(_whole_boxes(pictures, background)))
    return Survey(scene, is_grey, lengths, rates, declared_rates, shapes, unreadable, undecodable)


def _spread(source: FrameSource, limit: int, progress: Progress) -> tuple[list[NDArray[np.uint8]], int, int]:
    """Up to twice `limit` grey pictures, evenly over a clip; how many of them were coloured; the clip's length."""
    step = max(1, (source.expected_frames or 0) // limit)
    kept: list[NDArray[np.uint8]] = []
    length = coloured = 0
    for frame in source:
        length += 1
        progress()
        if frame.index % step == 0:
            coloured += bool(np.ptp(frame.image[::4, ::4].astype(np.int16), axis=2).max(initial=0) > GREY)
            kept.append(grey(frame.image))
            if len(kept) == 2 * limit:
                kept, step = kept[::2], 2 * step
    return kept, coloured, length


def _whole_boxes(pictures: list[NDArray[np.uint8]], background: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Boxes of what differs from the background, without those that the picture's edge cuts off."""
    detector = Background(BackgroundSettings(split=False, rate=0.0, rate_inside=0.0), Scene(background))
    height, width = background.shape
    nothing = Regions.make([], "")
    found = []
    for index, picture in enumerate(pictures):
        frame = Frame(index, 0.0, np.repeat(picture[..., None], 3, axis=2))
        boxes = detector.detect(frame, nothing).boxes
        inside = (boxes[:, :2] > 1).all(axis=1) & (boxes[:, 2] < width - 1) & (boxes[:, 3] < height - 1)
        found.append(boxes[inside])
    return np.concatenate(found)

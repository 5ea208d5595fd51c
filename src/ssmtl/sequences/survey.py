"""A first look over normal footage: is it grey, how long, and what does the fixed camera's scene look like?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmtl.regions.background import Background, BackgroundSettings
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene, fit_heights, grey, median_background
from ssmtl.video.frame import Frame, FrameSource

PICTURES = 120
"""Pictures kept in memory for the median, whatever the length of the footage."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen: the scene (None where the footage shows several), and whether all of it is grey."""

    scene: Scene | None
    is_grey: bool


def spread(source: FrameSource, limit: int) -> Iterator[NDArray[np.uint8]]:
    """About `limit` pictures, evenly over a clip whose length is not known for sure."""
    step = max(1, (source.expected_frames or 0) // limit)
    kept: list[NDArray[np.uint8]] = []
    for frame in source:
        if frame.index % step == 0:
            kept.append(frame.image)
            if len(kept) == 2 * limit:
                kept, step = kept[::2], 2 * step
    yield from kept


def survey(sources: Sequence[FrameSource]) -> Survey:
    """Look at pictures spread over all of the footage."""
    each = max(3, PICTURES // max(1, len(sources)))
    pictures: list[NDArray[np.uint8]] = []
    is_grey = True
    for source in sources:
        for image in spread(source, each):
            if is_grey:
                coarse = image[::4, ::4].astype(np.int16)
                is_grey = bool(np.ptp(coarse, axis=2).max(initial=0) <= 2)
            pictures.append(grey(image))
    if len(pictures) > 2 * PICTURES:
        pictures = pictures[:: len(pictures) // PICTURES]
    background = median_background(pictures)
    if background is None:
        return Survey(None, is_grey)
    slope, offset = fit_heights(_whole_boxes(pictures, background))
    return Survey(Scene(background, slope, offset), is_grey)


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

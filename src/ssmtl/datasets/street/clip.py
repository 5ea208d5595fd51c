"""Clips: the street, everybody on it, and the boxes of what is abnormal, frame by frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from ssmtl.datasets.street.actors import make_crowd, make_culprits
from ssmtl.datasets.street.camera import Image, exposure, place_camera
from ssmtl.datasets.street.config import ANOMALIES, LEAD_IN, StreetConfig
from ssmtl.datasets.street.drawing import draw
from ssmtl.datasets.street.scenery import empty_street


@dataclass(frozen=True, slots=True)
class AbnormalBox:
    """Bounding box of one abnormal object in one frame: pixels, half open, clipped to the picture."""

    track: int
    kind: str
    x_min: float
    y_min: float
    x_max: float
    y_max: float


def make_clip(
    config: StreetConfig, seed: int, frames: int, anomaly: str | None
) -> Iterator[tuple[Image, list[AbnormalBox]]]:
    """Footage of the street, the same for the same arguments, one frame at a time.

    The seed alone decides about place of the normal walkers, noise and light: a clip with an anomaly differs from
    the one without only where the abnormal object is.

    Args:
        config: what the street looks like.
        seed: at least 0.
        frames: length of the clip, at least 1; with an anomaly at least `LEAD_IN` + 2 seconds.
        anomaly: one of `ANOMALIES`, of which one or two appear after `LEAD_IN` frames; None for normal footage.

    Yields:
        The picture (H×W×3 uint8 RGB) and the boxes of what is abnormal in it.

    Raises:
        ValueError: an unknown anomaly, or too few frames.
    """
    if anomaly is not None and anomaly not in ANOMALIES:
        raise ValueError(f"anomaly is {anomaly!r}; choose one of {', '.join(ANOMALIES)}, or None")
    shortest = 1 if anomaly is None else LEAD_IN + ceil(2 * config.rate)
    if frames < shortest:
        raise ValueError(f"frames is {frames}; a clip with anomaly {anomaly} needs at least {shortest}")
    return _play(config, seed, frames, anomaly)


def _play(
    config: StreetConfig, seed: int, frames: int, anomaly: str | None
) -> Iterator[tuple[Image, list[AbnormalBox]]]:
    crowd_rng, culprit_rng, sensor_rng = (np.random.default_rng([seed, stream]) for stream in range(3))
    camera = place_camera(config)
    crowd = make_crowd(config, camera, crowd_rng, frames / config.rate)
    culprits = [] if anomaly is None else make_culprits(anomaly, config, camera, culprit_rng, frames)
    street, expose = empty_street(config, camera), exposure(config, sensor_rng)
    for index in range(frames):
        time = index / config.rate
        image = street(time)
        boxes = []
        present = [a for a in crowd + culprits if a.start_s <= time <= a.end_s()]
        for actor in sorted(present, key=lambda a: -a.depth(time)):
            box = draw(image, camera, actor, time)
            if box and actor.abnormal(time):
                boxes.append(AbnormalBox(culprits.index(actor), actor.kind, *map(float, box)))
        yield expose(image, time), boxes

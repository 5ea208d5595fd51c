"""Several detectors as one: each is asked for what the ones before it left over (SSMTL++, section 3.2)."""

import time
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from ssmtl.regions.background import Background, BackgroundSettings
from ssmtl.regions.boxes import Boxes, BoxesSettings
from ssmtl.regions.flow import Flow, FlowSettings
from ssmtl.regions.onnx import OnnxDetector, OnnxSettings
from ssmtl.regions.regions import RegionDetector, Regions
from ssmtl.regions.scene import Scene
from ssmtl.regions.torchvision import TorchvisionDetector, TorchvisionSettings
from ssmtl.regions.zones import Zone, keep_zones
from ssmtl.video.frame import Frame

DetectorSettings = Annotated[
    BackgroundSettings | BoxesSettings | FlowSettings | OnnxSettings | TorchvisionSettings,
    Field(discriminator="kind"),
]
"""Any detector's settings. A new detector adds its settings here and one line to `build_detector`."""


def build_detector(
    settings: Sequence[DetectorSettings], clip: str, scene: Scene | None, start: int = 0, zones: Sequence[Zone] = ()
) -> "Union":
    """The union of the detectors that `settings` describe, for one clip from its frame `start` on, in their order.

    Of what they find, that counts which the `zones` let count.

    Raises:
        DataError: the boxes of the clip cannot be read.
        ConfigError: an object detector's weights are not named, or what it needs is not installed.
        ModelError: its weights cannot be used.
    """
    detectors: list[RegionDetector] = []
    for part in settings:
        match part:
            case BackgroundSettings():
                detectors.append(Background(part, scene))
            case BoxesSettings():
                detectors.append(Boxes(part, clip, start))
            case FlowSettings():
                detectors.append(Flow(part, scene))
            case OnnxSettings():
                detectors.append(OnnxDetector(part))
            case TorchvisionSettings():
                detectors.append(TorchvisionDetector(part))
    return Union(detectors, zones)


class Union:
    """The union of detectors; regions found earlier are blacked out for later ones.

    Attributes:
        frames: how many frames were searched, over all resets.
        seconds: what each kind of detector ("flow", "onnx", ...) took for all of them together.
        zones: where regions count; may be changed between frames.
    """

    def __init__(self, detectors: Sequence[RegionDetector], zones: Sequence[Zone] = ()):
        self.detectors = list(detectors)
        self.zones = tuple(zones)
        self.frames = 0
        self.seconds = {kind_of(detector): 0.0 for detector in self.detectors}

    def reset(self) -> None:
        """Reset every detector."""
        for detector in self.detectors:
            detector.reset()

    def detect(self, frame: Frame, known: Regions | None = None) -> Regions:
        """All regions of `frame` beyond those `known`."""
        found: list[Regions] = []
        for detector in self.detectors:
            so_far = Regions.join(found if known is None else [known, *found])
            started = time.perf_counter()
            found.append(detector.detect(frame, so_far))
            self.seconds[kind_of(detector)] += time.perf_counter() - started
        self.frames += 1
        height, width = frame.image.shape[:2]
        return keep_zones(Regions.join(found), self.zones, height, width)


def kind_of(detector: RegionDetector) -> str:
    """The kind that a detector's settings name, or else its class."""
    return str(getattr(getattr(detector, "settings", None), "kind", type(detector).__name__.lower()))

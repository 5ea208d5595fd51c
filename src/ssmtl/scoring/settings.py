"""How scores of tasks become scores of objects and frames."""

from typing import Literal

from pydantic import Field, field_validator

from ssmtl.config import Settings


class ScoringSettings(Settings):
    """How parts become objects' scores and these frames'; widths are in frames. What chose them: docs/accuracy.md."""

    combine: Literal["calibrated", "plain"] = Field(
        "calibrated",
        description="calibrated: each part on the scale of held-out normal footage (median = 0, their mean at its most "
        "unusual 1 % = 1) before the mean; plain: the mean of the raw scores, as in the papers",
    )
    power: float = Field(
        1.0,
        ge=1,
        le=16,
        description="of the mean of calibrated parts: 1, the plain one; the higher, the more one part alone can do",
    )
    track_frames: int = Field(
        1,
        ge=1,
        description="frames along an object's track over which its scores are averaged; what is followed for fewer "
        "than half of them scores 0 in the rest of that half; frames are scored after it; odd; 1 = none",
    )
    mean_frames: int = Field(9, ge=1, description="width in time of the mean filter over the score volume; odd")
    mean_pixels: float = Field(0.0, ge=0, description="width in space of the same, pixels at 360x640; 0 = none")
    gaussian_frames: float = Field(8.0, ge=0, description="standard deviation of the Gaussian over frame scores")
    every: int = Field(
        1,
        ge=1,
        le=4,
        description="objects go through the network on every n-th frame; between those frames an object that is seen "
        "on either side takes the mean of its scores there",
    )
    batch: int = Field(16, ge=1, description="sequences that go through the network at once")
    max_wait: int = Field(8, ge=1, description="frames that may wait for a batch to fill")

    @field_validator("mean_frames", "track_frames")
    @classmethod
    def _odd(cls, frames: int) -> int:
        if frames % 2 == 0:
            raise ValueError("must be odd: as many frames before as after")
        return frames

    @property
    def mean_power(self) -> float | None:
        """The power of the mean that joins an object's parts; None for that of raw scores."""
        return None if self.combine == "plain" else self.power

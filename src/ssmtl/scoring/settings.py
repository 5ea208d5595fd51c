"""How scores of tasks become scores of objects and frames."""

from typing import Literal

from pydantic import Field, field_validator

from ssmtl.config import Settings


class ScoringSettings(Settings):
    """Widths are in frames, and chosen on no test footage."""

    combine: Literal["calibrated", "loudest", "plain"] = Field(
        "calibrated",
        description="calibrated: each task on the scale of held-out normal footage (median = 0, its most unusual "
        "1 % = 1) before the mean; loudest: the same, or a single task if it alone is more unusual still (its most "
        "unusual 0.1 % = 1); plain: the mean of the raw scores, as in the papers",
    )
    track_frames: int = Field(
        1, ge=1, description="frames along an object's track over which its scores are averaged; odd; 1 = none"
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

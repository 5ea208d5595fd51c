"""What the street looks like, and what can happen on it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ANOMALIES = ("running", "cycling", "cart", "backwards", "falling")
"""Kinds of anomaly that a clip can hold."""

LEAD_IN = 40
"""Frames of normal footage with which a clip begins."""


class StreetConfig(BaseModel):
    """What the street looks like.

    Attributes:
        width: pixels, even.
        height: pixels, even.
        rate: frames per second.
        colour: False makes R = G = B.
        camera: "side": people cross from left to right and back, in mild perspective; "oblique": they also come
            nearer and go away, in strong perspective.
        people_per_frame: mean number of people, those just entering or leaving the picture included.
        person_height_px: mean height of a person at mid depth.
        noise: standard deviation of the sensor's noise, in grey levels.
        drift: largest relative change of the illumination, over tens of seconds.
        sway: largest movement of the foliage, in pixels.
        background_seed: the same seed gives the same place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(320, ge=64, multiple_of=2)
    height: int = Field(240, ge=64, multiple_of=2)
    rate: float = Field(25.0, gt=0, le=240)
    colour: bool = True
    camera: Literal["side", "oblique"] = "side"
    people_per_frame: float = Field(4.0, ge=0, le=100)
    person_height_px: float = Field(48.0, ge=12, le=400)
    noise: float = Field(2.5, ge=0, le=30)
    drift: float = Field(0.06, ge=0, le=0.5)
    sway: float = Field(0.8, ge=0, le=5)
    background_seed: int = Field(0, ge=0)

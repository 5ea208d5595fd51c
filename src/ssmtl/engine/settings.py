"""Which engine runs the network when it scores."""

from typing import Literal

from pydantic import Field

from ssmtl.config import Settings

Kind = Literal["pytorch", "onnx", "openvino"]
Precision = Literal["float32", "bfloat16", "int8"]


class EngineSettings(Settings):
    """How the network is run. Nothing of it changes what is learnt."""

    kind: Literal["auto"] | Kind = Field(
        "auto", description="auto: the fastest on this machine that is within tolerance"
    )
    precision: Literal["auto"] | Precision = Field("auto", description="int8: OpenVINO's, calibrated on training crops")
    tolerance: float = Field(
        0.1,
        gt=0,
        le=10,
        description="largest difference of an object's score to float32, on the scale where 1 is the most unusual "
        "hundredth of normal footage, that auto accepts on the model's own training crops",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU where there is one")
    compiled: bool = Field(
        False, description="on a GPU: kernels made for this network; half a minute at first, then half as fast again"
    )
    threads: int = Field(0, ge=0, description="0: as many as PyTorch")
    samples: int = Field(
        128, ge=0, le=4096, description="training crops kept in the model to check and calibrate on; 0: float32 only"
    )


EXACT = {"kind": "pytorch", "precision": "float32"}
"""The same scores on every machine, up to rounding."""

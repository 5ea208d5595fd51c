"""How a network is trained."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from ssmtl.config import Settings


class ImitationSettings(Settings):
    """A training that learns what the heads of a trained model say (docs/lite.md; all of it ours)."""

    teacher: Path | None = Field(None, description="folder of the model to imitate, as `ssmtl fit` wrote it")
    own_loss: float = Field(0.1, ge=0, le=10, description="weight of the tasks' own losses beside the imitation")
    unusual: float = Field(0.5, ge=0, le=1, description="share of the sequences that are made unusual for it")


class TrainSettings(Settings):
    """Adam, its rate, 15 % held out and the choice of the best epoch are the papers'; the rest is ours."""

    epochs: int = Field(2, ge=1, description="20 in the papers, on networks and sets for a GPU")
    min_steps: int = Field(1000, ge=0, description="a small training set is gone through more often, up to this")
    batch_size: int = Field(32, ge=2, description="64 to 256 in the papers")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam, at the beginning")
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=100,
        description="each step shrinks weights by so much of the rate; 0: not at all, as in the papers",
    )
    schedule: Literal["constant", "cosine"] = Field("cosine", description="constant in the papers")
    average: float = Field(
        0.99,
        ge=0,
        lt=1,
        description="decay of the mean of the weights over the steps; 0: the last ones, as in the papers",
    )
    held_out: float = Field(0.15, gt=0, lt=0.9, description="share of the sequences, by clip or by time")
    flip: bool = Field(True, description="mirror half of the sequences left to right")
    brightness: float = Field(0.1, ge=0, lt=1, description="largest shift and gain of a sequence's grey levels")
    share_passes: bool = Field(
        False,
        description="what arrow of time and motion irregularity leave as it is goes through the backbone once for both",
    )
    imitation: ImitationSettings | None = Field(None, description="learn what another model says")
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="what it trains on")
    precision: Literal["auto", "32-true", "bf16-mixed"] = Field(
        "auto", description="auto: bfloat16 where the hardware has it and its gradients agree with float32's"
    )
    checkpoint_s: float = Field(60.0, ge=0, description="seconds between checkpoints; one more after each epoch")
    log_to: Literal["none", "tensorboard", "mlflow", "wandb"] = Field("none", description="where to watch the training")
    log_every: int = Field(10, ge=1, description="steps between logged losses; the means of an epoch are always logged")


WATCHING = {"log_to", "log_every"}
"""Fields that change nothing of what is learnt: a run may go on with others."""

"""Whole configurations: a recipe is a function that returns one."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field, field_validator

from ssmtl.config import Settings, merge, parse
from ssmtl.errors import ConfigError
from ssmtl.nets.cnn3d import CNN3DSettings
from ssmtl.regions.background import BackgroundSettings
from ssmtl.regions.flow import FlowSettings
from ssmtl.regions.union import DetectorSettings
from ssmtl.scoring.settings import ScoringSettings
from ssmtl.sequences.store import SequenceSettings
from ssmtl.tasks.arrow_of_time import ArrowOfTime
from ssmtl.tasks.middle_box import MiddleBox
from ssmtl.tasks.motion_irregularity import MotionIrregularity
from ssmtl.training.settings import TrainSettings

Task = Annotated[ArrowOfTime | MiddleBox | MotionIrregularity, Field(discriminator="kind")]
"""Any proxy task. A new task adds its class here."""


class Configuration(Settings):
    """All that decides a result, saved with every model, result and report."""

    recipe: str = Field("fast", description="the recipe that this began as")
    seed: int = Field(0, ge=0, lt=2**31)
    detectors: tuple[DetectorSettings, ...] = (BackgroundSettings(), FlowSettings())
    sequences: SequenceSettings = SequenceSettings()
    tasks: tuple[Task, ...] = (ArrowOfTime(), MotionIrregularity(), MiddleBox())
    backbone: CNN3DSettings = CNN3DSettings()
    train: TrainSettings = TrainSettings()
    scoring: ScoringSettings = ScoringSettings()

    @field_validator("detectors", "tasks")
    @classmethod
    def _some_and_once(cls, parts: tuple[Any, ...]) -> tuple[Any, ...]:
        kinds = [part.kind for part in parts]
        if not kinds or len(set(kinds)) < len(kinds):
            raise ValueError(f"name at least one, and each once; got {kinds}")
        return parts

    @property
    def reach(self) -> int:
        """Frames that training needs on either side of a sequence's middle frame."""
        return max(task.reach for task in self.tasks)


def fast() -> Configuration:
    """T1 + T2 + T3 on the smallest network, regions by motion alone, every third frame: for a CPU."""
    return Configuration(scoring=ScoringSettings(every=3))


RECIPES: dict[str, Callable[[], Configuration]] = {"fast": fast}


def configure(recipe: str, *changes: dict[str, Any]) -> Configuration:
    """The named recipe with nested `changes` laid over it, in order.

    Raises:
        ConfigError: an unknown recipe, or an unknown or out-of-range field.
    """
    if recipe not in RECIPES:
        raise ConfigError(f"recipe '{recipe}': unknown; known ones: {', '.join(sorted(RECIPES))}")
    values = RECIPES[recipe]().model_dump(mode="json")
    for change in changes:
        values = merge(values, change)
    return parse(Configuration, values)

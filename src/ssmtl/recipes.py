"""Whole configurations: a recipe is a function that returns one."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field, ValidationInfo, field_validator

from ssmtl.config import Settings, merge, parse
from ssmtl.engine.settings import EngineSettings
from ssmtl.errors import ConfigError
from ssmtl.nets.backbone import BackboneSettings
from ssmtl.nets.cvt import CvTSettings
from ssmtl.regions.background import BackgroundSettings
from ssmtl.regions.flow import FlowSettings
from ssmtl.regions.onnx import OnnxSettings
from ssmtl.regions.union import DetectorSettings
from ssmtl.regions.zones import Zone
from ssmtl.scoring.events import EventSettings
from ssmtl.scoring.pattern import PatternSettings
from ssmtl.scoring.settings import ScoringSettings
from ssmtl.scoring.speed import SpeedSettings
from ssmtl.scoring.stature import StatureSettings
from ssmtl.sequences.store import SequenceSettings
from ssmtl.tasks.arrow_of_time import ArrowOfTime
from ssmtl.tasks.distillation import Distillation
from ssmtl.tasks.inpainting import Inpainting
from ssmtl.tasks.jigsaw import Jigsaw
from ssmtl.tasks.middle_box import MiddleBox
from ssmtl.tasks.motion_irregularity import MotionIrregularity
from ssmtl.tasks.pose import Pose
from ssmtl.tasks.pseudo_anomalies import PseudoAnomalies
from ssmtl.tasks.segmentation import Segmentation
from ssmtl.teachers.build import Teachers
from ssmtl.teachers.teacher import TARGETS
from ssmtl.training.settings import ImitationSettings, TrainSettings

Task = Annotated[
    ArrowOfTime
    | MotionIrregularity
    | MiddleBox
    | Distillation
    | PseudoAnomalies
    | Inpainting
    | Segmentation
    | Jigsaw
    | Pose,
    Field(discriminator="kind"),
]
"""Any proxy task, T1 to T9. A new task adds its class here."""

Attribute = Annotated[SpeedSettings | PatternSettings | StatureSettings, Field(discriminator="kind")]
"""Any attribute: what scores beside the tasks."""

TASKS: tuple[str, ...] = tuple(task.model_fields["kind"].default for task in get_args(get_args(Task)[0]))
"""Kinds of all proxy tasks, T1 first."""


BLIND = (
    "distillation compares the classes that an object detector gives, and there is none: to it, everything is motion; "
    "name a detector (--regions yolox.onnx+flow), or leave the task out"
)
"""What to say of a `blind_distillation`."""


class Configuration(Settings):
    """All that decides a result, saved with every model, result and report."""

    recipe: str = Field("fast", description="the recipe that this began as")
    seed: int = Field(0, ge=0, lt=2**31, description="of all that training draws by chance")
    detectors: tuple[DetectorSettings, ...] = (BackgroundSettings(), FlowSettings())
    sequences: SequenceSettings = SequenceSettings()
    tasks: tuple[Task, ...] = (ArrowOfTime(), MotionIrregularity(), MiddleBox())
    attributes: tuple[Attribute, ...] = Field(
        (), description="what scores beside the tasks: plain properties of an object (ours)"
    )
    teachers: Teachers = Teachers()
    backbone: BackboneSettings = BackboneSettings()
    train: TrainSettings = TrainSettings()
    scoring: ScoringSettings = ScoringSettings()
    engine: EngineSettings = EngineSettings()
    events: EventSettings = EventSettings()
    zones: tuple[Zone, ...] = Field((), description="polygons: where to look, and where not to; drawn in `ssmtl serve`")

    @field_validator("detectors", "tasks", "attributes")
    @classmethod
    def _some_and_once(cls, parts: tuple[Any, ...], field: ValidationInfo) -> tuple[Any, ...]:
        kinds = [part.kind for part in parts]
        if len(set(kinds)) < len(kinds) or not (kinds or field.field_name == "attributes"):
            raise ValueError(f"name at least one, and each once; got {kinds}")
        return parts

    @field_validator("detectors")
    @classmethod
    def _motion_last(cls, detectors: tuple[DetectorSettings, ...]) -> tuple[DetectorSettings, ...]:
        motion = [detector.kind in ("background", "flow") for detector in detectors]
        if motion != sorted(motion):
            kinds = [detector.kind for detector in sorted(detectors, key=lambda d: d.kind in ("background", "flow"))]
            raise ValueError(
                f"motion is looked for outside the boxes that are known by then; name it last: {'+'.join(kinds)}"
            )
        return detectors

    @field_validator("tasks")
    @classmethod
    def _some_score(cls, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        if not any(task.scores for task in tasks):
            raise ValueError(f"none of {[task.kind for task in tasks]} gives a score; add one that does")
        return tasks

    @property
    def reach(self) -> int:
        """Frames that training needs on either side of a sequence's middle frame."""
        return max(task.reach for task in self.tasks)

    @property
    def scoring_tasks(self) -> tuple[Task, ...]:
        """The tasks that score, in the order of their scores."""
        return tuple(task for task in self.tasks if task.scores)

    @property
    def scoring_parts(self) -> tuple[Task | Attribute, ...]:
        """All that scores, in the order of an object's scores: the tasks that do, then the attributes."""
        return (*self.scoring_tasks, *self.attributes)

    @property
    def files(self) -> list[Path]:
        """The files and folders of pictures that its detectors, its tasks and the teachers in use read."""
        teachers = [getattr(self.teachers, name) for name in self.taught_by]
        return [file for part in (*self.detectors, *teachers, *self.tasks) for file in getattr(part, "files", ())]

    @property
    def blind_distillation(self) -> bool:
        """Whether T4 is to learn class probabilities that no detector gives: all regions are then "motion"."""
        kinds = {detector.kind for detector in self.detectors}
        return any(task.kind == "distillation" for task in self.tasks) and kinds <= {"background", "flow"}

    @property
    def taught_by(self) -> list[str]:
        """Names of the teachers that the tasks learn from."""
        return sorted({name for task in self.tasks for name in task.trains_on} & TARGETS.keys())

    @property
    def scored_by(self) -> list[str]:
        """Names of the teachers whose answers the scores need."""
        return sorted({name for task in self.scoring_tasks for name in task.scores_on} & TARGETS.keys())


def fast() -> Configuration:
    """T1 + T2 + T3 on the smallest network, regions by motion alone, every second frame: for a CPU.

    Scores are averaged along tracks, in the place of the mean of the score volume, which stands still.
    """
    return Configuration(scoring=ScoringSettings(every=2, track_frames=17, mean_frames=1, gaussian_frames=6.0))


def ssmtl() -> Configuration:
    """SSMTL (CVPR 2021): T1 + T2 + T3 + T4 on the deep and wide 3D CNN, an object detector's boxes alone."""
    return Configuration(
        recipe="ssmtl",
        detectors=(OnnxSettings(min_confidence=0.8),),
        # The papers do not limit them: in colour, the store takes 36 GB of disk for so many.
        sequences=SequenceSettings(padding=0, max_sequences=120_000),
        tasks=(ArrowOfTime(label_smoothing=0), MotionIrregularity(label_smoothing=0), MiddleBox(), Distillation()),
        backbone=BackboneSettings(depth="deep", width="wide"),
        train=TrainSettings(epochs=20, min_steps=300, batch_size=64, schedule="constant", average=0, brightness=0),
        scoring=ScoringSettings(combine="plain"),
    )


def ssmtlpp_v1() -> Configuration:
    """SSMTL++v1 (CVIU 2023): T1 + T2 + T3 + T5 on the 3D CNN with three 3D CvT blocks, detector and flow."""
    base = ssmtl()
    return base.model_copy(
        update={
            "recipe": "ssmtlpp-v1",
            "detectors": (*base.detectors, FlowSettings(min_area=1500, split=False, max_known=1)),
            "tasks": (*base.tasks[:3], PseudoAnomalies()),
            "backbone": base.backbone.model_copy(update={"transformer": "3d", "cvt": CvTSettings()}),
        }
    )


def ssmtlpp_v2() -> Configuration:
    """SSMTL++v2 (CVIU 2023): as v1, with T6 in the place of T5."""
    base = ssmtlpp_v1()
    return base.model_copy(update={"recipe": "ssmtlpp-v2", "tasks": (*base.tasks[:3], Inpainting())})


def ssmtlpp_lite() -> Configuration:
    """A narrow network that learns what a trained SSMTL++v1 or v2 says (ours; docs/lite.md). Needs its folder."""
    base = ssmtlpp_v1()
    return base.model_copy(
        update={
            "recipe": "ssmtlpp-lite",
            "tasks": base.scoring_tasks,
            "backbone": BackboneSettings(depth="deep", width="tapered", shrinking="stride"),
            "train": TrainSettings(epochs=1, min_steps=300, batch_size=16, average=0, imitation=ImitationSettings()),
            "scoring": base.scoring.model_copy(update={"every": 2}),
        }
    )


def ssmtl_plus() -> Configuration:
    """As `fast`, with what its proxy tasks do not see: how the parts of an object move, and how tall it is for its
    width, against what is usual at its place. Its arrow of time is asked both ways, and says something
    from even odds on; one part alone can do more (ours)."""
    base = fast()
    return base.model_copy(
        update={
            "recipe": "ssmtl-plus",
            "tasks": (ArrowOfTime(both_ways=True, floor="even"), *base.tasks[1:]),
            "attributes": (PatternSettings(weight=0.5), StatureSettings(weight=0.5)),
            "scoring": base.scoring.model_copy(update={"power": 1.5}),
        }
    )


RECIPES: dict[str, Callable[[], Configuration]] = {
    "fast": fast,
    "ssmtl": ssmtl,
    "ssmtlpp-v1": ssmtlpp_v1,
    "ssmtlpp-v2": ssmtlpp_v2,
    "ssmtlpp-lite": ssmtlpp_lite,
    "ssmtl-plus": ssmtl_plus,
}


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

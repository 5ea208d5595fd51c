"""What every attribute says of itself: a part of the score beside the proxy tasks, that no network learns (ours)."""

from typing import ClassVar

from pydantic import Field

from ssmtl.config import Settings
from ssmtl.scoring.score import Form
from ssmtl.tasks.task import LEAST_SPAN


class AttributeSettings(Settings):
    """Settings of an attribute; see `ProxyTask` for what both have.

    Attributes:
        sees: what it looks at, for people.
    """

    kind: str
    weight: float = Field(1.0, gt=0, le=100, description="against that of all tasks together, on the calibrated scale")
    title: ClassVar[str]
    sees: ClassVar[str]
    words: ClassVar[str]
    form: ClassVar[Form] = "linear"
    least_span: ClassVar[float] = LEAST_SPAN
    most: ClassVar[float | None] = None

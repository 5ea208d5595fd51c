"""How long work tells how far it is: a title, a number of steps, and one call per step."""

from collections.abc import Callable
from typing import Protocol

Step = Callable[[], None]
"""Called once per step done (a frame, a batch)."""


class Progress(Protocol):
    """Shows the stages of long work, one after the other."""

    def stage(self, title: str, steps: int | None) -> Step:
        """Begin a stage of `steps` steps (None = not known); the one before it is over."""
        ...

    def note(self, text: str) -> None:
        """Say something that stays to be read."""
        ...


class Silent:
    """Shows nothing."""

    def stage(self, title: str, steps: int | None) -> Step:
        """Show nothing."""
        return lambda: None

    def note(self, text: str) -> None:
        """Say nothing."""

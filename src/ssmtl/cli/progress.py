"""Progress bars with a rate and the time left."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.progress import TimeRemainingColumn as Remaining
from rich.text import Text

from ssmtl.progress import Step

SPOKEN_S = 30.0
"""Seconds between lines where there is no terminal for a bar."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Steps per second."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="progress.data.speed")


class Bars:
    """The stages of long work as bars on the terminal; where there is none, as lines now and then."""

    def __init__(self, console: Console):
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            Elapsed(),
            Remaining(),
            console=console,
            disable=not console.is_terminal,
        )
        self._current: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._bars.stop()

    def stage(self, title: str, steps: int | None) -> Step:
        """Begin a stage; the one before it is full."""
        self._finish()
        if not self._console.is_terminal:
            self._console.print(f"{title} ...", highlight=False)
        task = self._bars.add_task(title, total=steps)
        self._current = task
        return (lambda: self._bars.advance(task)) if self._console.is_terminal else self._spoken(title, steps)

    def _spoken(self, title: str, steps: int | None) -> Step:
        """A line every half a minute, for logs."""
        started = said = time.monotonic()
        done = 0

        def step() -> None:
            nonlocal done, said
            done += 1
            now = time.monotonic()
            if now - said < SPOKEN_S:
                return
            said = now
            rate = done / (now - started)
            left = "" if steps is None else f" of {steps}, {(steps - done) / rate / 60:.1f} min left"
            self._console.print(f"{title}: {done}{left}, {rate:.1f}/s", highlight=False)

        return step

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)

    def _finish(self) -> None:
        if self._current is not None:
            done = self._bars.tasks[self._current].completed
            self._bars.update(self._current, total=done, completed=done)
            self._current = None

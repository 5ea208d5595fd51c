"""A few of the user's own sequences, kept with the model: what engines are checked and calibrated on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GIVEN = "given."


@dataclass(frozen=True)
class Samples:
    """N held-out normal sequences.

    Attributes:
        pictures: N×C×7×64×64 uint8.
        given: what the tasks' scores need besides, by name, N×... float32.
    """

    pictures: NDArray[np.uint8]
    given: Mapping[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.pictures)

    def first(self, n: int) -> "Samples":
        """The first `n`, over and over where there are fewer."""
        index = np.arange(n) % len(self)
        return Samples(self.pictures[index], {name: rows[index] for name, rows in self.given.items()})

    def arrays(self) -> dict[str, NDArray]:
        """As arrays by name, for a file."""
        return {"pictures": self.pictures} | {GIVEN + name: rows for name, rows in self.given.items()}

    @staticmethod
    def of(arrays: Mapping[str, NDArray]) -> "Samples":
        """From what `arrays` gave."""
        given = {name.removeprefix(GIVEN): rows for name, rows in arrays.items() if name.startswith(GIVEN)}
        return Samples(arrays["pictures"], given)


def spread(n: int, most: int) -> NDArray[np.intp]:
    """At most `most` positions of `n`, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.intp)) if n and most else np.arange(0)

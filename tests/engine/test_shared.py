"""One engine for several callers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np

from ssmtl.engine.shared import SharedEngine


def test_callers_at_once_have_a_lane_each() -> None:
    """Two of four at once where there are two lanes; each lane has one at a time."""
    met = threading.Barrier(2, timeout=20)
    busy: list[int] = []

    class Lane:
        def __init__(self, number: int):
            self.number = number

        def scores(self, pictures: Any, given: Any) -> Any:
            assert self.number not in busy
            busy.append(self.number)
            met.wait()
            busy.remove(self.number)
            return np.full((1, 1), self.number, np.float32)

    shared = SharedEngine(SimpleNamespace(lanes=lambda: [Lane(0), Lane(1)]))  # type: ignore[arg-type]
    assert shared.at_once == 2
    with ThreadPoolExecutor(4) as callers:
        found = list(callers.map(lambda _: float(shared.scores(np.zeros(0, np.uint8), {})[0, 0]), range(8)))
    assert set(found) == {0.0, 1.0} and len(found) == 8

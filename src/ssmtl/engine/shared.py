"""One engine for several callers at once: the batches of a stream, and the cameras of a watch."""

from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.engine.engine import Engine, Given


class SharedEngine:
    """Each caller takes a lane of the engine that is free, or waits for one: no lane bears more than one caller.

    Attributes:
        at_once: how many callers are served at once.
    """

    def __init__(self, engine: Engine):
        lanes = engine.lanes()
        self.at_once = len(lanes)
        self._free: SimpleQueue[Engine] = SimpleQueue()
        for lane in lanes:
            self._free.put(lane)

    def scores(self, pictures: NDArray[np.uint8] | Tensor, given: Given) -> NDArray[np.float32]:
        """See `Engine`; from any thread."""
        lane = self._free.get()
        try:
            return lane.scores(pictures, given)
        finally:
            self._free.put(lane)


AnyEngine = Engine | SharedEngine
"""What scores, whoever else it serves."""

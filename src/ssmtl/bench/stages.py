"""The pipeline measured: each stage by itself, all of them overlapping, and live."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ssmtl.bench.peak import energy_j, percentiles
from ssmtl.model import Model
from ssmtl.regions.union import build_detector
from ssmtl.results import ResultWriter
from ssmtl.scoring.stream import Stage, delay_frames, score_stream
from ssmtl.video.frame import Frame

STAGES = ("decode", "regions", "crop", "network", "scores", "write")


class Clock:
    """A way to run the stages of `score_stream` one after the other, in one thread, that takes their times.

    Attributes:
        seconds: by stage, those of the stages before it not included.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside: list[float] = []

    def stage(self, make: Callable[[], Iterator[Any]], depth: int, name: str) -> Iterator[Any]:
        """See `ssmtl.scoring.stream.Stage`."""
        stream = make()
        while True:
            started = time.perf_counter()
            self._inside.append(0.0)
            item = next(stream, None)
            took = time.perf_counter() - started
            self.seconds[name] = self.seconds.get(name, 0.0) + took - self._inside.pop()
            if self._inside:
                self._inside[-1] += took
            if item is None:
                return
            yield item


def run(
    frames: Iterable[Frame], model: Model, folder: Path, clock: Clock | None = None, name: str = "bench"
) -> dict[str, float]:
    """Score the `frames` of the clip of that name and write the result as `detect` does: frames, objects, seconds.

    A `clock` takes the stages' seconds.
    """
    detector = build_detector(model.configuration.detectors, name, model.scene, zones=model.configuration.zones)
    options: dict[str, Stage] = {} if clock is None else {"stage": clock.stage}
    used, started = energy_j(), time.perf_counter()
    count = objects = 0
    write_s = 0.0
    with ResultWriter(folder, [part.kind for part in model.parts]) as writer:
        for result in score_stream(frames, model, detector, **options):
            before = time.perf_counter()
            writer.write(result)
            write_s += time.perf_counter() - before
            count += 1
            objects += len(result.regions)
    seconds = time.perf_counter() - started
    after = energy_j()
    if clock is not None:
        clock.seconds["write"] = write_s
        clock.seconds["scores"] = seconds - sum(s for name, s in clock.seconds.items() if name != "scores")
    facts = {"frames": count, "objects": objects, "seconds": seconds}
    # The counter starts anew now and then.
    return facts | ({"joule": after - used} if used is not None and after is not None and after >= used else {})


def live_delay_ms(frames: Iterable[Frame], model: Model, rate: float, name: str = "bench") -> dict[str, Any]:
    """From the moment a camera of `rate` frames per second gives a frame to its score, and what of it is waiting for
    later frames, which no machine can shorten; frames at the end of the clip, which need not wait, are left out."""
    given: list[float] = []

    def camera() -> Iterator[Frame]:
        started = time.perf_counter()
        for frame in frames:
            due = started + frame.index / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            given.append(time.perf_counter())
            yield frame

    detector = build_detector(model.configuration.detectors, name, model.scene, zones=model.configuration.zones)
    reach = delay_frames(model.configuration.scoring)
    delays: list[float] = []
    arrived: list[int] = []
    for result in score_stream(camera(), model, detector):
        delays.append(1000 * (time.perf_counter() - given[result.frame.index]))
        arrived.append(len(given))
    counted = [delay for delay, n in zip(delays, arrived, strict=True) if n < len(given)]
    return {
        "camera_frames_per_s": rate,
        "waits_for_frames": reach,
        "waiting_ms": round(1000 * reach / rate, 1),
        "delay_ms": percentiles(counted or delays),
    }

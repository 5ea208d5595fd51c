"""A watch's folder as it would be after some hours: two cameras, their scores, and events with pictures and clips.

`python -m tests.live.web.example DIR` makes one and serves its page.
"""

import json
import math
import sys
import tempfile
import threading
import time
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.atomic import atomic_file, write_json
from ssmtl.datasets.street.clip import AbnormalBox, make_clip
from ssmtl.datasets.street.config import LEAD_IN, StreetConfig
from ssmtl.live.records import Health, Kind, LiveEvent, State
from ssmtl.live.store import Store, open_store
from ssmtl.report.overlay import Drawing
from ssmtl.video.writer import VideoWriter

MACHINE = "shop-pc"
WORDS = ("moves backwards", "irregular motion", "does not look as expected")
STREETS = {
    "entrance": StreetConfig(width=640, height=360, rate=12.5, person_height_px=80, background_seed=3),
    "yard": StreetConfig(width=320, height=240, rate=12.5, camera="oblique", background_seed=5),
}
CLIP_S = 4.0

Image = NDArray[np.uint8]
Film = list[tuple[Image, list[AbnormalBox]]]


class Example:
    """The folder and its store, and what may happen to them while someone looks.

    Attributes:
        folder, store: as the page's server takes them.
        now: when it was made; the last score is of then.
    """

    def __init__(self, folder: Path, store: Store, hours: float = 2.0, events: int = 30):
        self.folder, self.store, self.now = folder, store, time.time()
        self._films = {name: film(street) for name, street in STREETS.items()}
        self._keys = 0
        for camera in STREETS:
            self.health(camera)
            self.picture(camera, 0)
            peaks = [self.now - 300 - 400 * i for i in range(events if camera == "entrance" else 3)]
            rows = [(t, score_at(t, peaks), score_at(t, peaks), 3) for t in seconds(self.now, hours)]
            store.add_scores(MACHINE, camera, rows)
            for i, peak in enumerate(peaks):
                self.event(camera, peak, strength(i))
        self.view_changed("yard", self.now - 5000)

    def health(self, camera: str, **changes: object) -> Health:
        """Write how a camera is, from now."""
        street = STREETS[camera]
        health = Health(
            camera=camera,
            machine=MACHINE,
            source=f"rtsp://viewer:***@192.168.0.{10 + len(camera)}/stream1",
            state=State.ONLINE,
            since=self.now - 26400,
            updated=time.time(),
            frames_in=330_120,
            frames_out=329_871,
            dropped=249,
            undecodable=4,
            rate_in=12.5,
            rate_out=12.4,
            reconnects=1,
            delay_s=0.84,
            objects=512_344,
            alarms=30,
            score=0.42,
            threshold=1.2,
            threshold_from="the model's false-alarm budget",
            size=(street.width, street.height),
        )
        health = replace(health, **changes)  # type: ignore[arg-type]
        write_json(self.folder / "live" / f"{camera}.json", asdict(health))
        return health

    def picture(self, camera: str, step: int) -> None:
        """Put the live picture of a moment in place."""
        image, boxes = self._films[camera][step % len(self._films[camera])]
        score = 0.4 + 0.2 * math.sin(step / 9)
        write_jpeg(self.folder / "live" / f"{camera}.jpg", drawn(image, boxes, score + 1.2 * bool(boxes)))

    def event(self, camera: str, peak: float, score: float, **changes: object) -> LiveEvent:
        """Something unusual, with its picture and clip, in the store."""
        self._keys += 1
        key = f"{camera}-{self._keys:04}"
        day = time.strftime("%Y-%m-%d", time.gmtime(peak))
        place = Path("media") / camera / day
        (self.folder / place).mkdir(parents=True, exist_ok=True)
        for suffix, content in made(camera).items():
            (self.folder / place / f"{key}{suffix}").write_bytes(content)
        street, track = STREETS[camera], self._track(camera, peak, score)
        event = LiveEvent(
            key=key,
            machine=MACHINE,
            camera=camera,
            kind=Kind.ANOMALY,
            start=peak - 2,
            end=peak + 3,
            peak=peak,
            score=score,
            threshold=1.2,
            size=(street.width, street.height),
            box=track[len(track) // 2][1],
            reasons=reasons(self._keys, score),
            track=track,
            picture=str(place / f"{key}.jpg"),
            clip=str(place / f"{key}.mp4"),
        )
        event = replace(event, **changes)  # type: ignore[arg-type]
        self.store.put(event)
        return event

    def view_changed(self, camera: str, when: float) -> None:
        """The camera was turned."""
        size = (STREETS[camera].width, STREETS[camera].height)
        event = LiveEvent(f"{camera}-view", MACHINE, camera, Kind.VIEW_CHANGED, when, when + 40, when, 0, 0, size)
        self.store.put(event)

    def _track(self, camera: str, peak: float, score: float) -> tuple[tuple[float, tuple[float, ...], float], ...]:
        seen = [boxes[0] for _, boxes in self._films[camera] if boxes]
        middle = len(seen) / 2
        return tuple(  # type: ignore[return-value]
            (
                peak + (i - middle) / STREETS[camera].rate,
                (box.x_min, box.y_min, box.x_max, box.y_max),
                score * (1 - abs(i - middle) / len(seen)),
            )
            for i, box in enumerate(seen)
        )


@cache
def film(street: StreetConfig) -> Film:
    """Footage with a cyclist, without its quiet beginning."""
    frames = LEAD_IN + int(CLIP_S * street.rate)
    return list(make_clip(street, 1, frames, "cycling"))[LEAD_IN - 5 :]


@cache
def made(camera: str) -> dict[str, bytes]:
    """The picture and the clip that all events of a camera show."""
    street = STREETS[camera]
    frames = film(street)
    drawing = Drawing(street.width, street.height, WORDS)
    with tempfile.TemporaryDirectory() as folder:
        clip, picture = Path(folder) / "made.mp4", Path(folder) / "made.jpg"
        write_jpeg(picture, best(frames)[0])
        with VideoWriter(clip, drawing.width, drawing.height, street.rate) as writer:
            for i, (image, boxes) in enumerate(frames[: int(CLIP_S * street.rate)]):
                writer.write(drawn(image, boxes, 0.4 + 1.3 * bool(boxes), drawing, i / street.rate))
        return {".jpg": picture.read_bytes(), ".mp4": clip.read_bytes()}


def best(frames: Film) -> tuple[Image, list[AbnormalBox]]:
    """In the middle of what happens."""
    seen = [frame for frame in frames if frame[1]]
    return seen[len(seen) // 2]


def drawn(
    image: Image, boxes: list[AbnormalBox], score: float, drawing: Drawing | None = None, time_s: float = 0.0
) -> Image:
    """A picture with its boxes, and the strip with the score below it."""
    drawing = drawing or Drawing(image.shape[1], image.shape[0], WORDS)
    places = np.array([(b.x_min, b.y_min, b.x_max, b.y_max) for b in boxes], np.float32).reshape(-1, 4)
    tasks = np.tile([0.3, score, 0.6], (len(boxes), 1))
    return drawing.draw(image, places, np.full(len(boxes), score), tasks, score, time_s)


def seconds(now: float, hours: float) -> range:
    """Whole seconds of the last hours."""
    return range(int(now - 3600 * hours), int(now))


def strength(i: int) -> float:
    """The score of the i-th event, all different."""
    return round(1.3 + 0.7 * (i * 0.618 % 1), 3)


def score_at(second: int, peaks: list[float]) -> float:
    """A quiet curve with a bump at each peak, as high as the event's score."""
    quiet = 0.45 + 0.15 * math.sin(second / 97) + 0.1 * math.sin(second / 23) + 0.05 * math.sin(second * 1.7)
    bumps = [strength(i) * math.exp(-(((second - peak) / 4) ** 2)) for i, peak in enumerate(peaks)]
    return max([quiet, *bumps])


def reasons(i: int, score: float) -> tuple[tuple[str, float], ...]:
    """Words and scores, loudest first."""
    order = [WORDS[(i + k) % 3] for k in range(3)]
    return (order[0], 1.4 * score), (order[1], 0.75 * score), (order[2], 0.3)


def write_jpeg(path: Path, image: Image) -> None:
    """Whole or not at all."""
    done, content = cv2.imencode(".jpg", image[..., ::-1])
    assert done
    with atomic_file(path) as temporary:
        temporary.write_bytes(content.tobytes())


def main() -> None:
    """Make one and serve its page until it is stopped."""
    import uvicorn

    from ssmtl.live.web.app import create_app

    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    example = Example(folder, open_store(folder, None), hours=26)
    print(json.dumps({"folder": str(folder), "events": len(example.store.events(limit=500))}))

    def live() -> None:
        for step in range(10**9):
            for camera in STREETS:
                example.picture(camera, step)
                if step % 8 == 0:
                    example.health(camera, score=0.4 + 0.2 * math.sin(step / 9))
                    example.store.add_scores(MACHINE, camera, [(int(time.time()), 0.5, 0.5, 3)])
            time.sleep(0.25)

    threading.Thread(target=live, daemon=True).start()
    uvicorn.run(create_app(folder, example.store, token=None), port=8123, log_level="warning")


if __name__ == "__main__":
    main()

"""A whole data set of the street, written as video files with their ground truth."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ssmtl.atomic import atomic_folder, claim_output, write_text
from ssmtl.datasets.street.clip import AbnormalBox, make_clip
from ssmtl.datasets.street.config import ANOMALIES, StreetConfig
from ssmtl.video.writer import VideoWriter


def write_street(
    root: Path,
    config: StreetConfig,
    seed: int,
    train_clips: int,
    train_frames: int,
    test_clips: int,
    test_frames: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a data set in the layout of `ssmtl.datasets.own`, whole or not at all.

    The test clips take the anomalies in turn.

    Besides that layout there is `tracks/<clip>.txt` for each test clip, with rows
    `track_id,frame_id,x_min,y_min,x_max,y_max` in inclusive pixels.

    Args:
        root: a folder that is new or empty.
        config: what the street looks like.
        seed: at least 0; each clip derives its own from it.
        train_clips: number of clips of normal footage.
        train_frames: length of each.
        test_clips: number of clips with an anomaly.
        test_frames: length of each.
        progress: called after each frame with the frames written so far and those of the whole data set.

    Raises:
        OutputError: `root` holds something already, or cannot be written.
        ValueError: too few frames, see `make_clip`.
    """
    claim_output(root, overwrite=False)
    plan: list[tuple[str, str, int, str | None]] = [
        ("normal", f"normal_{i + 1:02d}", train_frames, None) for i in range(train_clips)
    ]
    plan += [("test", f"test_{i + 1:02d}", test_frames, ANOMALIES[i % len(ANOMALIES)]) for i in range(test_clips)]
    seeds = np.random.SeedSequence(seed).generate_state(max(1, len(plan)))[: len(plan)]
    rows, done, total = ["clip,first,last,kind"], 0, sum(frames for _, _, frames, _ in plan)
    with atomic_folder(root) as folder:
        for (part, name, frames, anomaly), clip_seed in zip(plan, seeds, strict=True):
            (folder / part).mkdir(exist_ok=True)
            boxes: list[tuple[int, AbnormalBox]] = []
            with VideoWriter(folder / part / f"{name}.mp4", config.width, config.height, config.rate) as writer:
                for index, (image, found) in enumerate(make_clip(config, int(clip_seed), frames, anomaly)):
                    writer.write(image)
                    boxes += [(index, box) for box in found]
                    done += 1
                    if progress:
                        progress(done, total)
            if part == "test":
                write_text(folder / "tracks" / f"{name}.txt", "".join(map(_track_row, boxes)))
                rows += [f"{name},{first},{last},{kind}" for first, last, kind in _intervals(boxes)]
        write_text(folder / "abnormal.csv", "\n".join(rows) + "\n")


def _track_row(entry: tuple[int, AbnormalBox]) -> str:
    index, box = entry
    return f"{box.track},{index},{box.x_min:.0f},{box.y_min:.0f},{box.x_max - 1:.0f},{box.y_max - 1:.0f}\n"


def _intervals(boxes: list[tuple[int, AbnormalBox]]) -> list[tuple[int, int, str]]:
    """First frame, last frame and kind of each unbroken stretch of a track."""
    found: list[tuple[int, int, str]] = []
    for track in sorted({box.track for _, box in boxes}):
        indices = [(index, box.kind) for index, box in boxes if box.track == track]
        for index, kind in indices:
            if found and found[-1][1] == index - 1 and index != indices[0][0]:
                found[-1] = (found[-1][0], index, kind)
            else:
                found.append((index, index, kind))
    return found

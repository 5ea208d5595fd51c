"""What a teacher says of the sequences of a training set, asked once and kept beside them."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssmtl.atomic import atomic_file
from ssmtl.config import Settings
from ssmtl.sequences.store import ClipRegions, fingerprint
from ssmtl.teachers.teacher import TARGETS, Teacher
from ssmtl.video.sources import Clip, open_source


def answer_clips(
    clips: Sequence[Clip],
    regions: Sequence[ClipRegions],
    name: str,
    teacher: Teacher,
    settings: Settings,
    padding: float,
    folder: Path,
    progress: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Ask the teacher of the target `name` about each clip's regions; an .npy file per clip in `folder`, a row each.

    `settings` and `padding` are what the teacher was built from; files that the same ones made are not made again.
    Pictures in [0, 1] are kept as bytes, other values in half precision. `progress` is called once a region.
    """
    return [
        _answer_clip(clip, mine, name, teacher, settings, padding, folder, progress)
        for clip, mine in zip(clips, regions, strict=True)
    ]


def _answer_clip(
    clip: Clip,
    regions: ClipRegions,
    name: str,
    teacher: Teacher,
    settings: Settings,
    padding: float,
    folder: Path,
    progress: Callable[[], None],
) -> Path:
    digest = hashlib.sha256(regions.frames.tobytes() + regions.boxes.tobytes()).hexdigest()[:16]
    ages = [file.stat().st_mtime_ns for file in getattr(settings, "files", []) if file.is_file()]
    key = fingerprint(clip, [settings.model_dump(mode="json"), ages, padding, digest])
    file = folder / f"{clip.name}.{key}.{name}.npy"
    if file.is_file():
        for _ in regions.frames:
            progress()
        return file
    kind = np.uint8 if len(TARGETS[name]) == 3 else np.float16
    with atomic_file(file) as temporary, temporary.open("wb") as out:
        shape = (len(regions.frames), *TARGETS[name])
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(kind)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(out, header)
        last = int(regions.frames.max(initial=-1))
        for frame in open_source(clip) if last >= 0 else ():
            mine = regions.boxes[slice(*np.searchsorted(regions.frames, [frame.index, frame.index + 1]))]
            if len(mine):
                out.write(_packed(teacher.answer(frame.image, mine), kind).tobytes())
            for _ in mine:
                progress()
            if frame.index == last:
                break
    return file


def _packed(answers: NDArray[np.float32], kind: type) -> NDArray[np.generic]:
    if kind is np.uint8:
        return np.rint(answers.clip(0, 1) * 255).astype(np.uint8)
    return answers.clip(-60_000, 60_000).astype(np.float16)

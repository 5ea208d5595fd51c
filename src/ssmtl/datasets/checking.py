"""What is there of a data set, against what the official copy has, and what can be done with it.

Nothing here fails because of a bad copy: whatever a reader refuses becomes a line of the findings.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.dataset import Dataset, Item, Step, Use
from ssmtl.datasets.footage import count_frames, empty_pictures, missing_pictures
from ssmtl.datasets.layout import Matched, numbers_in
from ssmtl.datasets.track_files import TrackFiles
from ssmtl.errors import SsmtlError
from ssmtl.formats.clips import some
from ssmtl.formats.records import Tracks
from ssmtl.video.sources import Clip

Found = TypeVar("Found")

Annotation = Callable[[list[Clip]], list[Item]]
"""Says what files of annotation there are of the test clips."""


@dataclass(frozen=True, slots=True)
class Official:
    """What the official copy has; None where that is not known.

    Attributes:
        train_clips, train_frames: its normal footage.
        test_clips, test_frames: what is scored.
        abnormal_frames: those of all test clips.
        clip_frames: frames of every single clip, where they are equal.
        region_clips: how many test clips have regions, where not all have.
        numbered: the names of clips end in numbers from 1.
    """

    train_clips: int | None = None
    train_frames: int | None = None
    test_clips: int | None = None
    test_frames: int | None = None
    abnormal_frames: int | None = None
    clip_frames: int | None = None
    region_clips: int | None = None
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look at one clip found.

    Attributes:
        frames: how many it has, or why it cannot be read.
        faults: what is wrong with the pictures of its folder.
        labels, tracks: ground truth of a test clip, or why it has none; of no meaning for others.
    """

    name: str
    frames: int | str
    faults: list[str]
    labels: NDArray[np.bool_] | str
    tracks: Tracks | str | None


def inspect(
    data: Dataset,
    official: Official,
    annotation: Annotation,
    step: Step,
    without_regions: Collection[str] = (),
    track_files: Callable[[], TrackFiles | None] = lambda: None,
) -> list[Item]:
    """Look at all of a data set, footage first.

    Args:
        data: the data set.
        official: what it should have.
        annotation: looks at its files of annotation.
        step: called once per clip.
        without_regions: names of test clips that have no regions in the official copy either.
        track_files: finds the files of tracks that are used in place of its own annotation, if any are.
    """
    train, training_clips = _clips("training", data.train_clips, official.train_clips, official.numbered, Use.TRAINING)
    trained = [_look(clip, None, step) for clip in train]
    test, test_clips = _clips("test", data.test_clips, official.test_clips, official.numbered, Use.SCORING)
    tested = [_look(clip, data, step) for clip in test]
    files = attempt(lambda: annotation(test)) if test else []
    found = attempt(track_files) if test else None
    # Why tracks cannot be had is said of each clip.
    extra = found.extra if isinstance(found, TrackFiles) else []
    return [
        training_clips,
        _frames("training", trained, official.train_frames, official.clip_frames, Use.TRAINING),
        test_clips,
        _frames("test", tested, official.test_frames, official.clip_frames, Use.SCORING),
        *([Item("annotation", None, None, (files,), use=Use.FRAMES)] if isinstance(files, str) else files),
        _abnormal(tested, official),
        _tracks(tested, official, without_regions, extra),
    ]


def count_clips(data: Dataset) -> int:
    """How many steps `inspect` has."""
    parts = [attempt(part) for part in (data.train_clips, data.test_clips)]
    return sum(len(clips) for clips in parts if not isinstance(clips, str))


def attempt(do: Callable[[], Found]) -> Found | str:
    """What comes of it, or in words why nothing does."""
    try:
        return do()
    except (SsmtlError, OSError) as error:
        return str(error)


def annotation_item(what: str, names: Sequence[str], found: Matched, use: Use, official: int | None) -> Item:
    """The line about the files of one kind of annotation.

    Args:
        what: the kind.
        names: of the clips that should have one.
        found: the files.
        use: what they are needed for.
        official: how many the official copy has.
    """
    missing = [name for name in names if name not in found.of]
    problems = []
    if missing:
        problems.append(f"none of {some(missing)}" if found.of else "none at all")
    if found.extra:
        problems.append(f"of no clip here: {some([path.name for path in found.extra])}")
    return Item(what, len(found.of), official, tuple(problems), use=use)


def _clips(
    part: str, list_clips: Callable[[], list[Clip]], official: int | None, numbered: bool, use: Use
) -> tuple[list[Clip], Item]:
    what = f"{part} clips"
    clips = attempt(list_clips)
    if isinstance(clips, str):
        return [], Item(what, 0, official, (clips,), use=use, possible=False)
    problems = []
    if numbered and official is not None:
        there = {numbers_in(clip.name)[-1:] for clip in clips}
        missing = [str(number) for number in range(1, official + 1) if (number,) not in there]
        extra = [clip.name for clip in clips if not (1,) <= numbers_in(clip.name)[-1:] <= (official,)]
        problems += [f"missing: number {some(missing)}"] if missing else []
        problems += [f"not of the official set: {some(extra)}"] if extra else []
    return clips, Item(what, len(clips), official, tuple(problems), use=use, possible=bool(clips))


def _look(clip: Clip, data: Dataset | None, step: Step) -> _Seen:
    """Count the frames of a clip; of a test clip, whose data set is given, read the ground truth too."""
    frames = attempt(lambda: count_frames(clip))
    labels: NDArray[np.bool_] | str = str(frames)
    tracks: Tracks | str | None = str(frames)
    if data is not None and not isinstance(frames, str):
        labels = attempt(lambda: data.frame_labels(clip, frames))
        tracks = attempt(lambda: data.tracks(clip, frames))
    step()
    return _Seen(clip.name, frames, _faults(clip.path), labels, tracks)


def _faults(folder: Path) -> list[str]:
    """What is wrong with the pictures of a clip; nothing of a clip that is a file or cannot be read at all."""
    if not folder.is_dir():
        return []
    missing, empty = attempt(lambda: missing_pictures(folder)), attempt(lambda: empty_pictures(folder))
    faults = [f"number {some(missing)} missing"] if missing and not isinstance(missing, str) else []
    return faults + ([f"{some(empty)} empty (0 bytes)"] if empty and not isinstance(empty, str) else [])


def _frames(part: str, seen: Sequence[_Seen], official: int | None, each: int | None, use: Use) -> Item:
    counts = {clip.name: clip.frames for clip in seen if not isinstance(clip.frames, str)}
    unreadable = [clip.frames for clip in seen if isinstance(clip.frames, str)]
    faulty = [f"{clip.name}: {', '.join(clip.faults)}" for clip in seen if clip.faults]
    wrong = [f"{name}: {count}" for name, count in counts.items() if each is not None and count != each]
    problems = [f"unreadable: {some(unreadable)}"] if unreadable else []
    problems += [f"pictures of {some(faulty)}"] if faulty else []
    problems += [f"not {each} frames: {some(wrong)}"] if wrong else []
    return Item(f"{part} frames", sum(counts.values()), official, tuple(problems), use=use, possible=bool(counts))


def _abnormal(seen: Sequence[_Seen], official: Official) -> Item:
    labels = [clip.labels for clip in seen if not isinstance(clip.labels, str)]
    problems = _reasons([clip.labels for clip in seen if isinstance(clip.labels, str)])
    found = sum(int(each.sum()) for each in labels)
    possible = bool(labels) and len(labels) == len(seen)
    return Item("abnormal frames", found, official.abnormal_frames, tuple(problems), use=Use.FRAMES, possible=possible)


def _tracks(seen: Sequence[_Seen], official: Official, without: Collection[str], extra: Sequence[str]) -> Item:
    wanted = [clip for clip in seen if clip.name not in without]
    tracks = [clip.tracks for clip in wanted if isinstance(clip.tracks, Tracks)]
    problems = _reasons([clip.tracks for clip in wanted if isinstance(clip.tracks, str)])
    problems += [f"tracks of no clip here: {some(extra)}"] if extra else []
    notes = []
    if tracks:
        count = f"{sum(len(np.unique(each.ids)) for each in tracks)} tracks of {sum(map(len, tracks))} regions"
        derived = any(each.derived for each in tracks)
        notes.append(f"{count}, linked by us: published numbers may differ" if derived else count)
        disagreeing = [clip.name for clip in wanted if _has_unlabelled(clip)]
        notes += [f"regions in frames that are labelled normal: {some(disagreeing)}"] if disagreeing else []
    elif any(clip.tracks is None and not isinstance(clip.labels, str) for clip in seen):
        notes.append("no masks and no tracks: it is known when, but not where")
    if without:
        notes.append(f"the official copy has no regions of the other {len(without)} clips")
    possible = bool(seen) and all(isinstance(clip.tracks, Tracks) for clip in seen)
    count_of = official.test_clips if official.region_clips is None else official.region_clips
    return Item(
        "test clips with regions", len(tracks), count_of, tuple(problems), "; ".join(notes), Use.REGIONS, possible
    )


def _reasons(reasons: Sequence[str]) -> list[str]:
    """Two of the reasons why clips lack something, and how many more there are."""
    each = list(dict.fromkeys(reasons))
    more = len(each) - 2
    return each[:2] + ([f"and {more} more like this"] if more > 0 else [])


def _has_unlabelled(clip: _Seen) -> bool:
    """Whether a region lies in a frame that is labelled normal."""
    if isinstance(clip.labels, str) or not isinstance(clip.tracks, Tracks):
        return False
    return not clip.labels[clip.tracks.frames].all()


def status(item: Item) -> str:
    """In few words: "ok", or what is wrong."""
    words = list(item.problems)
    if not words and item.found is not None and item.official is not None and item.found != item.official:
        more = item.found - item.official
        words = [f"{more} too many" if more > 0 else f"{-more} missing"]
    if not words and not item.possible:
        words = [f"not enough for {item.use}"]
    return "; ".join(words) or "ok"


def verdict(data: Dataset, items: Sequence[Item]) -> str:
    """In plain sentences: whether all is there, what can be done with it, and where the rest is to be had."""
    can, cannot = [], []
    for use in Use:
        concerned = [item for item in items if item.use is use]
        if not all(item.possible for item in concerned):
            cannot.append(str(use))
        elif all(item.complete for item in concerned):
            can.append(str(use))
        else:
            can.append(f"{use} (on what is there)")
    complete = all(item.complete for item in items)
    text = f"{data.title}: complete" if complete else f"{data.title}: not complete"
    text += " and usable." if complete and not cannot else "."
    text += f" Possible: {', '.join(can) or 'nothing'}."
    if cannot:
        text += f" Not possible: {', '.join(cannot)}."
    if not complete and data.page:
        text += " Figures on a part of a data set do not compare with published ones." if can else ""
        text += f" The rest is at {data.page}"
    return text

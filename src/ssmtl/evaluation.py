"""`ssmtl evaluate`: how good scores are, ours and anyone's, on a data set or on two folders of text files."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import DataError
from ssmtl.formats.clips import clip_key, match_clips, names_clips, natural_order, some
from ssmtl.formats.frame_scores import read_frame_scores, split_joined
from ssmtl.formats.records import ScoredRegions, Tracks
from ssmtl.formats.regions import read_regions
from ssmtl.formats.tracks import read_tracks_folder
from ssmtl.metrics.frames import FrameMeasures, Roc, measure_frames, roc
from ssmtl.metrics.regions import MatchedVideo, RegionMeasures, match_video, measure_regions
from ssmtl.results import REGIONS, SUMMARY, check_whole, read_own_summary

if TYPE_CHECKING:
    from ssmtl.datasets.dataset import Dataset
    from ssmtl.video.sources import Clip

Labels = Mapping[str, NDArray[np.bool_]]
Scores = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measures of some scores, and all on which they depend.

    Attributes:
        dataset: title of the data set; empty where only files were compared.
        system: whose scores they are, for tables.
        clips: names of the clips, in the order of `frames.per_video`.
        frames: the frame-level measures; None without frame scores or labels.
        roc: the curve of `frames.micro`.
        regions: the region-level measures; None without regions or their ground truth.
        without_regions: why there are none.
        derived_tracks: the tracks are none that someone drew: they were linked from masks or boxes.
        settings: the configuration that scored the clips; empty for scores of another program.
        scores_sha256: hash of what was compared: clips, frame scores, regions and their scores.
    """

    dataset: str
    system: str
    clips: list[str]
    frames: FrameMeasures | None = None
    roc: Roc | None = None
    regions: RegionMeasures | None = None
    without_regions: str = ""
    derived_tracks: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    scores_sha256: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, without the curves; undefined areas are None."""
        frames = regions = None
        areas: dict[str, float | None] = dict.fromkeys(self.clips)
        if self.frames is not None:
            frames = {key: _defined(value) for key, value in asdict(self.frames).items() if key != "per_video"}
            areas = {name: _defined(area) for name, area in zip(self.clips, self.frames.per_video, strict=True)}
        if self.regions is not None:
            names = ("rbdc", "tbdc", "frames", "regions", "tracks", "detections")
            regions = {name: _defined(getattr(self.regions, name)) for name in names}
            regions["derived_tracks"] = self.derived_tracks
        return {
            "dataset": self.dataset,
            "system": self.system,
            "frames": frames,
            "regions": regions,
            "without_regions": self.without_regions,
            "clips": areas,
            "scores_sha256": self.scores_sha256,
            "settings": self.settings,
        }


def _defined(value: Any) -> Any:
    return None if value != value else value


_ADD = "add the truth, an empty file for a clip in which nothing is abnormal: its false positives count too"
"""What to do where files of tracks lack a clip."""

_LEAVE = "leave it out, or complete the copy of the data set"
"""The same where a data set does."""


def evaluate(
    dataset: "Dataset",
    scores: Path | str | None = None,
    *,
    regions: Path | str | None = None,
    first_frame: int | None = None,
    system: str = "ours",
) -> Evaluation:
    """Compare scores with the ground truth of every test clip of `dataset`.

    Args:
        dataset: has the ground truth.
        scores: frame scores, in any form that `ssmtl.formats.frame_scores` reads; None for regions alone.
        regions: scored regions, in any form that `ssmtl.formats.regions` reads; by default those in a result folder
            of ours.
        first_frame: number of a clip's first frame in COCO's JSON; None = as the file lets see.
        system: whose scores they are, for tables.

    Raises:
        DataError: a clip's scores or ground truth are missing or malformed, or their lengths differ.
    """
    if scores is None and regions is None:
        raise DataError("nothing to evaluate; name frame scores (--scores), regions (--regions) or both")
    clips = dataset.test_clips()
    names = [clip.name for clip in clips]
    for given in (Path(place) for place in (scores, regions) if place is not None):
        check_whole(given)
        own = read_own_summary(given)
        for name in names if own else []:
            _check(own, given, name)
    done = Evaluation(dataset.title, system, names, settings=_settings(scores, regions))
    values: Scores = {}
    if scores is not None:
        values = _frame_scores(Path(scores), clips)
        for clip in clips:
            _check_length(clip, values[clip.name], Path(scores))
        labels = {clip.name: dataset.frame_labels(clip, len(values[clip.name])) for clip in clips}
        done = _with_frames(done, labels, values)
    place = Path(regions) if regions is not None else _own_regions(scores)
    found: dict[str, ScoredRegions] = {}
    if place is None:
        done = replace(done, without_regions="no regions were given; name them with --regions")
    else:
        lengths = {clip.name: len(values[clip.name]) if values else _count(clip) for clip in clips}
        found = _regions(place, names, first_frame, _LEAVE)
        try:
            truth = _tracks(dataset, clips, lengths)
        except DataError as error:
            if regions is not None:
                raise
            truth, done = None, replace(done, without_regions=str(error))
        if truth is not None:
            done = _with_regions(done, truth, found, lengths, (place, dataset.name))
        elif not done.without_regions:
            reason = f"the data set {dataset.name} says when something is abnormal, not where; name tracks (--tracks)"
            if regions is not None:
                raise DataError(f"{place}: cannot be compared: {reason}")
            done = replace(done, without_regions=reason)
    return replace(done, scores_sha256=fingerprint(values, found))


def evaluate_files(
    tracks: Path | str | None = None,
    regions: Path | str | None = None,
    frames: int | None = None,
    *,
    labels: Path | str | None = None,
    scores: Path | str | None = None,
    first_frame: int | None = None,
    system: str = "ours",
) -> Evaluation:
    """Compare files with files, without a data set: regions with tracks, frame scores with frame labels, or both.

    Args:
        tracks: ground-truth tracks of every clip (`ssmtl.formats.tracks`).
        regions: scored regions of every clip (`ssmtl.formats.regions`).
        frames: frames of the whole test set; by default those of the labels.
        labels: a 0 or 1 for each frame of every clip, in the forms of frame scores.
        scores: frame scores of every clip (`ssmtl.formats.frame_scores`).
        first_frame: number of a clip's first frame in COCO's JSON; None = as the file lets see.
        system: whose scores they are, for tables.

    Raises:
        DataError: files are missing, malformed or of other clips.
    """
    if (tracks is None) != (regions is None) or (labels is None) != (scores is None) or not (tracks or labels):
        raise DataError("without a data set, give --tracks with --regions, or --labels with --scores, or all four")
    for given in (regions, scores):
        if given is not None:
            check_whole(Path(given))
    done = Evaluation("", system, [], settings=_settings(scores, regions))
    values: Scores = {}
    found: dict[str, ScoredRegions] = {}
    lengths: dict[str, int] | None = None
    if labels is not None and scores is not None:
        truth = {name: _as_labels(row, labels, name) for name, row in read_frame_scores(Path(labels)).items()}
        if not truth:
            raise DataError(f"{labels}: holds no clip; write the labels of every clip")
        own = read_frame_scores(Path(scores))
        if len(own) == len(truth) == 1 and not any(_says_clips(Path(place)) for place in (scores, labels)):
            own = dict(zip(truth, own.values(), strict=True))
        remedy = "add its labels, or leave it out; what all clips share is one file in both, joined in one order"
        _check_names(own, truth, scores, labels, remedy)
        names = match_clips(list(truth), own, str(scores))
        values = {name: own[names[name]] for name in truth}
        for name in truth:
            if len(truth[name]) != len(values[name]):
                raise DataError(
                    f"{scores}: {len(values[name])} scores of {name}, but {labels} has {len(truth[name])} labels; "
                    "write one for each frame"
                )
        done = _with_frames(replace(done, clips=list(truth)), truth, values)
        lengths = {name: len(row) for name, row in truth.items()}
        if frames not in (None, sum(lengths.values())):
            raise DataError(f"--frames {frames}: but {labels} has {sum(lengths.values())} labels; leave --frames out")
    if tracks is not None and regions is not None:
        wanted = read_tracks_folder(Path(tracks), first_frame)
        listed = not _names_only_some(Path(tracks))
        if lengths:
            _check_names(wanted, lengths, tracks, labels or "")
            if not listed:
                wanted |= {name: Tracks.none() for name in lengths if name not in _match_some(lengths, wanted)}
            names = match_clips(list(lengths), wanted, str(tracks))
            wanted = {name: wanted[names[name]] for name in lengths}
        elif not listed:
            seen = read_regions(Path(regions), first_frame)
            wanted |= {name: Tracks.none() for name in seen if not _match_some([name], wanted)}
        total = sum(lengths.values()) if lengths else frames
        if total is None or total < 1:
            raise DataError("--frames: give the number of frames of the whole test set, for false positives per frame")
        found = _regions(Path(regions), list(wanted), first_frame)
        places = (Path(regions), str(tracks))
        done = _with_regions(replace(done, clips=list(wanted)), wanted, found, lengths, places, total)
    return replace(done, scores_sha256=fingerprint(values, found))


def _settings(*places: Path | str | None) -> dict[str, Any]:
    """Those of the first of the places that is a result of ours."""
    summaries = (read_own_summary(Path(place)) for place in places if place is not None)
    return next((summary["configuration"] for summary in summaries if summary), {})


def _with_frames(done: Evaluation, labels: Labels, values: Scores) -> Evaluation:
    empty = [name for name in values if not len(values[name])]
    if empty:
        raise DataError(f"no scores of {some(empty)}: a clip without frames has no area; leave it out everywhere")
    truth, scores = [labels[name] for name in values], list(values.values())
    return replace(
        done,
        frames=measure_frames(truth, scores),
        roc=roc(np.concatenate(truth), np.concatenate(scores)),
    )


def _with_regions(
    done: Evaluation,
    truth: Mapping[str, Tracks],
    found: Mapping[str, ScoredRegions],
    lengths: Mapping[str, int] | None,
    places: tuple[Path, str],
    frames: int | None = None,
) -> Evaluation:
    """Add the region-level measures; `places` say where the regions and the ground truth are from."""
    total = frames if frames is not None else sum((lengths or {}).values())
    videos = [_match(truth[name], found[name], lengths[name] if lengths else total, places, name) for name in truth]
    derived = any(tracks.derived for tracks in truth.values())
    return replace(done, regions=measure_regions(videos, total), derived_tracks=derived)


def _match(tracks: Tracks, found: ScoredRegions, frames: int, places: tuple[Path, str], name: str) -> MatchedVideo:
    kinds = (("a region", found.frames), ("a ground-truth region", tracks.frames))
    for place, (what, numbers) in zip(places, kinds, strict=True):
        outside = numbers[(numbers < 0) | (numbers >= frames)]
        if len(outside):
            raise DataError(
                f"{place}: {name}: {what} lies in frame {outside[0]}, but there are {frames} frames, 0 to "
                f"{frames - 1}; frames count from 0 in every clip"
            )
    return match_video(tracks.frames, tracks.ids, tracks.boxes, found.frames, found.boxes, found.scores)


def _frame_scores(place: Path, clips: Sequence["Clip"]) -> dict[str, NDArray[np.float64]]:
    """The scores of every clip, be they joined in one file in the order of the clips."""
    found = read_frame_scores(place)
    names = [clip.name for clip in clips]
    if len(found) == 1 and place.suffix.lower() in _UNNAMED and place.is_file():
        # One array says nothing of clips: it is all of them, in order.
        return split_joined(next(iter(found.values())), {clip.name: _count(clip) for clip in clips}, str(place))
    _check_names(found, names, place, "the data set", _LEAVE)
    return {name: found[source] for name, source in match_clips(names, found, str(place)).items()}


def _check_length(clip: "Clip", scores: NDArray[np.float64], place: Path) -> None:
    """Refuse scores that are not one per frame of the footage: they would be compared with other frames' labels."""
    frames = _count(clip)
    if frames != len(scores) and clip.path.is_file():
        # What a damaged or odd video holds only decoding tells.
        from ssmtl.video.sources import open_source

        frames = sum(1 for _ in open_source(clip))
    if frames != len(scores):
        raise DataError(
            f"{place}: {len(scores)} scores of {clip.name}, which has {frames} frames; write one score for each, "
            "frame 0 first: repeat the nearest for frames that a method does not score"
        )


def _as_labels(values: NDArray[np.float64], place: Path | str, name: str) -> NDArray[np.bool_]:
    if not np.isin(values, (0, 1)).all():
        raise DataError(f"{place}: a label of {name} is neither 0 nor 1; write 1 for an abnormal frame")
    return values.astype(bool)


def _own_regions(scores: Path | str | None) -> Path | None:
    """The result folder itself where it holds regions of ours."""
    if scores is None or not Path(scores).is_dir():
        return None
    return Path(scores) if any(Path(scores).glob(f"*/{REGIONS}")) else None


def _regions(
    place: Path, names: Sequence[str], first_frame: int | None, remedy: str = _ADD
) -> dict[str, ScoredRegions]:
    """Regions of every clip. A table or a JSON of all clips does not name one without any."""
    found = read_regions(place, first_frame)
    if len(found) == len(names) == 1 and place.is_file() and not names_clips(place):
        return {names[0]: next(iter(found.values()))}
    if _names_only_some(place):
        found |= {name: ScoredRegions.none() for name in names if name not in _match_some(names, found)}
    _check_names(found, names, place, "the ground truth", remedy)
    return {name: found[source] for name, source in match_clips(names, found, str(place)).items()}


_UNNAMED = (".npy", ".txt")
"""Endings of files of scores that do not say which clip they are of."""


def _names_only_some(place: Path) -> bool:
    """Whether a clip of which there is nothing is not named there: so it is in a table or a JSON of all clips."""
    return place.is_file() and place.suffix.lower() in (".csv", ".json") and names_clips(place)


def _says_clips(place: Path) -> bool:
    """Whether a folder or a file of scores says which clips it is of."""
    return place.is_dir() or names_clips(place)


def _match_some(names: Iterable[str], found: Iterable[str]) -> set[str]:
    """Those of the names that `found` has, be they padded otherwise."""
    keys = {clip_key(name) for name in found}
    return {name for name in names if clip_key(name) in keys}


def _check_names(
    found: Iterable[str], wanted: Iterable[str], place: Path | str, truth: Path | str, remedy: str = _ADD
) -> None:
    """Refuse scores of clips without ground truth: their false positives would not be counted."""
    known = list(wanted)
    left = [name for name in natural_order(found) if not _match_some([name], known)]
    if left:
        raise DataError(f"{place}: has {some(left)}, of which {truth} knows nothing; {remedy}")


def _tracks(dataset: "Dataset", clips: Sequence["Clip"], lengths: Mapping[str, int]) -> dict[str, Tracks] | None:
    truth = {clip.name: dataset.tracks(clip, lengths[clip.name]) for clip in clips}
    known = {name: tracks for name, tracks in truth.items() if tracks is not None}
    return known if len(known) == len(truth) else None


def _count(clip: "Clip") -> int:
    from ssmtl.datasets.footage import count_frames

    return len(range(count_frames(clip))[clip.start : clip.stop])


def fingerprint(scores: Scores, regions: Mapping[str, ScoredRegions]) -> str:
    """SHA-256 of the numbers, in whatever order and form the files had them; of boxes, six decimals."""
    digest = hashlib.sha256()
    for name in natural_order({*scores, *regions}):
        digest.update(name.encode() + b"\0")
        if name in scores:
            digest.update(np.ascontiguousarray(scores[name], "<f8").tobytes())
        if name in regions:
            found = regions[name]
            rows = np.column_stack([found.frames, np.round(found.boxes, 6) + 0.0, found.scores])
            digest.update(np.ascontiguousarray(rows[np.lexsort(rows.T)], "<f8").tobytes())
    return digest.hexdigest()


def _check(summary: dict[str, Any], scores: Path, name: str) -> None:
    """Refuse scores that are not of the whole clip, or not of this run: their frames are not those of the labels."""
    facts = summary.get("clips", {}).get(name)
    if facts is None:
        why = summary.get("failed", {}).get(name, "it was not scored")
        raise DataError(f"{scores / name}: not among the clips of {SUMMARY} ({why}); score it with `ssmtl detect`")
    if facts.get("undecodable"):
        raise DataError(
            f"{scores / name}: {facts['undecodable']} pictures of {facts['source']} could not be read, so frames "
            "and labels do not match; mend the footage"
        )

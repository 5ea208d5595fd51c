"""Region-level measures: the region-based and the track-based detection criterion, RBDC and TBDC.

Ramachandra and Jones, "Street Scene" (WACV 2020). Found regions with a score of at least a threshold are detections.
A ground-truth region is detected when a detection in its frame overlaps it by an intersection over union of at least
0.1; a track when at least a tenth of its regions are. A detection that overlaps no ground-truth region of its frame so
much is a false positive. The threshold is swept; RBDC is the area under the rate of detected regions against false
positives per frame, for rates up to 1, and TBDC that of tracks.

What the definition leaves open, as the field has it, so that numbers compare: false positives are divided by all
frames of the test set; everything is counted over the whole set, not per video; a curve that ends before a rate of 1 is
extended flat. Regions of one score pass the threshold together, between two thresholds the curve is straight (the
trapezoidal rule, from 0 false positives and nothing detected on), and a curve that leaves the range is cut at 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmtl.metrics.boxes import intersection_over_union

LEAST_OVERLAP = 0.1
"""Intersection over union from which on a detection counts."""

LEAST_SHARE = 0.1
"""Share of its regions from which on a track counts as detected."""

_PAIRS_AT_ONCE = 1 << 18


@dataclass(frozen=True, slots=True)
class MatchedVideo:
    """At which thresholds the regions of one video are detected, and what its false positives score.

    Attributes:
        regions: R scores, one per ground-truth region: the highest threshold at which it is detected; -inf for never.
        tracks: T scores, one per track, likewise.
        false_positives: scores of the found regions that overlap no ground-truth region of their frame.
        detections: number of found regions.
    """

    regions: NDArray[np.float64]
    tracks: NDArray[np.float64]
    false_positives: NDArray[np.float64]
    detections: int


@dataclass(frozen=True, slots=True)
class RegionCurves:
    """P+1 points, from the highest threshold, where nothing is detected, to the lowest.

    Attributes:
        thresholds: the scores, falling; the first is infinite.
        false_positives: per frame; not limited to 1.
        regions: share of ground-truth regions detected, in [0, 1].
        tracks: share of tracks detected, in [0, 1].
    """

    thresholds: NDArray[np.float64]
    false_positives: NDArray[np.float64]
    regions: NDArray[np.float64]
    tracks: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RegionMeasures:
    """Measures over all videos of a test set.

    Attributes:
        rbdc: area under the curve of regions, in [0, 1]; NaN where the ground truth has no region.
        tbdc: that of tracks.
        frames: frames of the test set.
        regions: ground-truth regions.
        tracks: ground-truth tracks.
        detections: found regions.
        curves: what the areas are of.
    """

    rbdc: float
    tbdc: float
    frames: int
    regions: int
    tracks: int
    detections: int
    curves: RegionCurves


def match_video(
    truth_frames: ArrayLike,
    truth_tracks: ArrayLike,
    truth_boxes: ArrayLike,
    frames: ArrayLike,
    boxes: ArrayLike,
    scores: ArrayLike,
) -> MatchedVideo:
    """Compare the regions found in one video with its ground truth; rows may be in any order.

    Args:
        truth_frames: R frames, whole numbers, of the ground-truth regions.
        truth_tracks: R whole numbers; regions of one number are one track.
        truth_boxes: R×4 boxes, xyxy pixels, half open (inclusive boxes plus 1 on the right and below).
        frames: D frames of the regions that were found.
        boxes: D×4 boxes.
        scores: D finite anomaly scores, higher = more abnormal.

    Raises:
        ValueError: lengths differ, a score is not finite, or a box ends before it begins.
    """
    wanted, tracks = np.asarray(truth_frames, np.int64).ravel(), np.asarray(truth_tracks, np.int64).ravel()
    found, values = np.asarray(frames, np.int64).ravel(), np.asarray(scores, np.float64).ravel()
    wanted_boxes, found_boxes = _boxes(truth_boxes, "ground-truth box"), _boxes(boxes, "found box")
    if not len(wanted) == len(tracks) == len(wanted_boxes):
        raise ValueError(f"ground truth: {len(wanted)} frames, {len(tracks)} tracks, {len(wanted_boxes)} boxes")
    if not len(found) == len(values) == len(found_boxes):
        raise ValueError(f"found regions: {len(found)} frames, {len(found_boxes)} boxes, {len(values)} scores")
    if not np.isfinite(values).all():
        raise ValueError("a score is not finite")
    detected = np.full(len(wanted), -np.inf)
    false = np.ones(len(found), bool)
    for truth, guess in _pairs(wanted, found):
        hit = intersection_over_union(wanted_boxes[truth], found_boxes[guess]) >= LEAST_OVERLAP
        np.maximum.at(detected, truth[hit], values[guess[hit]])
        false[guess[hit]] = False
    return MatchedVideo(detected, _track_scores(tracks, detected), values[false], len(values))


def measure_regions(videos: Sequence[MatchedVideo], frames: int) -> RegionMeasures:
    """RBDC and TBDC of a whole test set of `frames` frames, those without any region included.

    Raises:
        ValueError: `frames` is not positive.
    """
    if frames < 1:
        raise ValueError(f"a test set of {frames} frames; give the number of all its frames")
    regions = np.sort(_joined([video.regions for video in videos]))
    tracks = np.sort(_joined([video.tracks for video in videos]))
    false_positives = np.sort(_joined([video.false_positives for video in videos]))
    thresholds = np.unique(np.concatenate([regions, tracks, false_positives]))[::-1]
    thresholds = np.append(np.inf, thresholds[np.isfinite(thresholds)])
    curves = RegionCurves(
        thresholds,
        _at_least(thresholds, false_positives) / frames,
        _at_least(thresholds, regions) / max(1, len(regions)),
        _at_least(thresholds, tracks) / max(1, len(tracks)),
    )
    return RegionMeasures(
        rbdc=area_to_one(curves.false_positives, curves.regions) if len(regions) else float("nan"),
        tbdc=area_to_one(curves.false_positives, curves.tracks) if len(tracks) else float("nan"),
        frames=frames,
        regions=len(regions),
        tracks=len(tracks),
        detections=sum(video.detections for video in videos),
        curves=curves,
    )


def area_to_one(x: ArrayLike, y: ArrayLike) -> float:
    """Area under the straight lines between P points, for x in [0, 1].

    Args:
        x: P values that never fall, the first 0; those beyond 1 only say how the curve leaves.
        y: P values.

    Returns:
        The area; a curve that ends before 1 is extended flat.
    """
    across, up = np.asarray(x, np.float64), np.asarray(y, np.float64)
    inside = int(np.searchsorted(across, 1, side="right"))
    end = up[inside - 1]
    if inside < len(across):
        a, b = across[inside - 1], across[inside]
        end = end + (up[inside] - end) * (1 - a) / (b - a)
    across, up = np.append(across[:inside], 1.0), np.append(up[:inside], end)
    return float(np.sum(np.diff(across) * (up[1:] + up[:-1]) / 2))


def _pairs(wanted: NDArray[np.int64], found: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Indices of all pairs of a ground-truth and a found region of one frame, some at a time to bound the memory."""
    order = np.argsort(wanted, kind="stable")
    first, end = (np.searchsorted(wanted[order], found, side=side) for side in ("left", "right"))
    some = np.flatnonzero(end > first)
    pairs_before = np.append(0, np.cumsum(end[some] - first[some]))
    start = 0
    while start < len(some):
        # At least one found region, whatever the number of its partners.
        stop = max(start + 1, int(np.searchsorted(pairs_before, pairs_before[start] + _PAIRS_AT_ONCE)) - 1)
        these = some[start:stop]
        counts = end[these] - first[these]
        place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        yield order[np.repeat(first[these], counts) + place], np.repeat(these, counts)
        start = stop


def _track_scores(tracks: NDArray[np.int64], detected: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each track the highest threshold at which enough of its regions are detected."""
    _, lengths = np.unique(tracks, return_counts=True)
    falling = np.lexsort((-detected, tracks))
    starts = np.cumsum(lengths) - lengths
    # The least count whose share is enough, by the same division as in the definition.
    needed = np.ceil(LEAST_SHARE * lengths).astype(np.int64)
    needed -= (needed - 1) / lengths >= LEAST_SHARE
    needed += needed / lengths < LEAST_SHARE
    return detected[falling][starts + needed - 1]


def _at_least(thresholds: NDArray[np.float64], rising: NDArray[np.float64]) -> NDArray[np.intp]:
    """How many of the values reach each threshold."""
    return len(rising) - np.searchsorted(rising, thresholds, side="left")


def _boxes(values: ArrayLike, what: str) -> NDArray[np.float64]:
    boxes = np.asarray(values, np.float64).reshape(-1, 4)
    if not (boxes[:, 2:] >= boxes[:, :2]).all():
        raise ValueError(f"a {what} ends before it begins, or is no number: write x_min, y_min, x_max, y_max")
    return boxes


def _joined(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate(parts) if parts else np.empty(0)

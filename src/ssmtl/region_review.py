"""`ssmtl regions`: where the detectors of a configuration look in footage, at what cost, and what they miss."""

import csv
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmtl import __version__
from ssmtl.atomic import atomic_folder, claim_output, write_json
from ssmtl.datasets.dataset import Dataset
from ssmtl.errors import DataError, SourceError
from ssmtl.metrics.recall import OVERLAPS, region_recall
from ssmtl.model import Model
from ssmtl.progress import Progress, Silent
from ssmtl.recipes import Configuration, fast
from ssmtl.regions.classes import MOTION
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene
from ssmtl.regions.union import build_detector
from ssmtl.report.region_film import RegionDrawing
from ssmtl.results import REGIONS, SUMMARY, check_boxes, claim_clips
from ssmtl.sequences.survey import survey
from ssmtl.video.frame import Frame, FrameSource
from ssmtl.video.sources import Clip, first_frame_size, open_source
from ssmtl.video.writer import VideoWriter

FILM = "regions.mp4"
COLUMNS = ("frame", "x_min", "y_min", "x_max", "y_max", "confidence", "origin", "label")

ORIGINS = {"onnx": "detector", "torchvision": "detector"}
"""What regions say of their origin where that is not the kind of the detector that found them."""

Boxes = list[NDArray[np.float32]]
"""N×4 boxes of each frame."""


@dataclass(frozen=True, slots=True)
class RegionFigures:
    """What the detectors found in some frames.

    Attributes:
        frames: how many there were.
        regions: regions of each origin.
        seconds: time that each detector took for all of the frames.
        truth: ground-truth regions in those frames whose ground truth is known.
        recall: share of them that is covered, in [0, 1] or NaN, for each overlap of `OVERLAPS`.
    """

    frames: int
    regions: dict[str, int]
    seconds: dict[str, float]
    truth: int
    recall: dict[float, float]

    @property
    def objects(self) -> int:
        """Regions of all origins."""
        return sum(self.regions.values())

    @property
    def seconds_per_frame(self) -> dict[str, float]:
        """Time that each detector took for a frame, on average."""
        return {name: seconds / max(1, self.frames) for name, seconds in self.seconds.items()}

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values for JSON; an undefined recall is None."""
        return {
            "frames": self.frames,
            "regions": self.regions,
            "regions_per_frame": round(self.objects / max(1, self.frames), 3),
            "ms_per_frame": {name: round(1000 * value, 3) for name, value in self.seconds_per_frame.items()},
            "ground_truth_regions": self.truth,
            "recall": {str(overlap): None if share != share else share for overlap, share in self.recall.items()},
        }


@dataclass(frozen=True, slots=True)
class RegionReview:
    """What a run over clips came to.

    Attributes:
        clips: figures of each clip.
        failed: why others failed.
        total: figures over all clips; its recall is over the regions of all clips whose ground truth is known.
    """

    clips: dict[str, RegionFigures]
    failed: dict[str, str]
    total: RegionFigures


@dataclass
class _Seen:
    """What was seen in one or several clips; boxes are kept only where there is ground truth to compare them with."""

    frames: int = 0
    regions: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    found: Boxes = field(default_factory=list)
    truth: Boxes = field(default_factory=list)

    def add(self, other: "_Seen") -> None:
        self.frames += other.frames
        self.regions.update(other.regions)
        self.seconds = {name: self.seconds.get(name, 0.0) + value for name, value in other.seconds.items()}
        self.found += other.found
        self.truth += other.truth

    def figures(self) -> RegionFigures:
        recall = {overlap: region_recall(self.truth, self.found, overlap) for overlap in OVERLAPS}
        return RegionFigures(self.frames, dict(self.regions), dict(self.seconds), sum(map(len, self.truth)), recall)


def review_regions(
    clips: Sequence[Clip],
    out: Path | str,
    used: Configuration | Model | None = None,
    *,
    normal: Sequence[Clip] | None = None,
    dataset: Dataset | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> RegionReview:
    """Find the regions of `clips`; write `out/<clip>/regions.mp4`, `regions.csv` and `out/summary.json`.

    The tables can be read back by the detector "boxes". A clip's folder appears when the clip is done. A clip that
    cannot be read is told, and the others go on.

    Args:
        clips: footage of one fixed camera.
        out: folder for the results.
        used: whose detectors are used; the recipe `fast` by default. A model brings the scene that it was trained in.
        normal: footage that the scene is learnt from; `clips` by default. Not looked at with a model.
        dataset: has the ground truth of the clips; those without it are told, and not counted in the recall.
        overwrite: write into a folder that holds something.
        progress: shows the stages.

    Raises:
        OutputError: `out` is taken or cannot be written.
        SourceError: no clips were given, or the scene cannot be learnt since none of them can be read.
    """
    progress = progress or Silent()
    out = Path(out)
    if not clips:
        raise SourceError("no footage given; name files, folders or a data set")
    configuration = used.configuration if isinstance(used, Model) else used or fast()
    check_boxes(configuration.detectors)
    claim_output(out, overwrite)
    claim_clips(out, clips)
    scene = used.scene if isinstance(used, Model) else _learn_scene(normal or clips, progress)
    detectors = configuration.detectors
    head = {"ssmtl": __version__, "detectors": [part.model_dump(mode="json") for part in detectors]}
    facts: dict[str, dict[str, Any]] = {}
    figures: dict[str, RegionFigures] = {}
    failed: dict[str, str] = {}
    total = _Seen()
    for clip in clips:
        shutil.rmtree(out / clip.name, ignore_errors=True)
        try:
            truth = _truth(clip, dataset, progress)
            with atomic_folder(out / clip.name) as folder:
                source = open_source(clip)
                seen = _review_clip(clip, source, configuration, scene, truth, folder, progress)
        except (SourceError, DataError) as error:
            failed[clip.name] = str(error)
            progress.note(f"left out: {error}")
        else:
            total.add(seen)
            figures[clip.name] = seen.figures()
            facts[clip.name] = {**_origin(clip, source), **figures[clip.name].as_dict()}
        write_json(out / SUMMARY, {**head, "clips": facts, "failed": failed, "total": total.figures().as_dict()})
    return RegionReview(figures, failed, total.figures())


def _learn_scene(clips: Sequence[Clip], progress: Progress) -> Scene | None:
    seen = survey(clips, progress.stage("looking at the footage", None))
    if seen.scene is None:
        progress.note("the footage shows several scenes or sizes: no common background is learnt, crowds stay together")
    return seen.scene


def _origin(clip: Clip, source: FrameSource) -> dict[str, Any]:
    place = str(clip.path.resolve())
    return {"source": place, "start": clip.start, "stop": clip.stop, "undecodable": source.undecodable}


def _truth(clip: Clip, dataset: Dataset | None, progress: Progress) -> Boxes | None:
    """Ground truth of the clip's frames, which are counted for it; regions are shown without it all the same."""
    if dataset is None:
        return None
    source = open_source(clip)
    frames = sum(1 for _ in source)
    try:
        if source.undecodable:
            raise DataError(f"{clip.path}: {source.undecodable} damaged pictures, so frames and truth do not match")
        tracks = dataset.tracks(clip, frames)
    except DataError as error:
        progress.note(f"{clip.name}: without ground truth: {error}")
        return None
    if tracks is None:
        progress.note(f"{clip.name}: without ground truth: the data set {dataset.name} has no regions")
        return None
    return [boxes.astype(np.float32) for boxes in tracks.by_frame(frames)]


def _review_clip(
    clip: Clip,
    source: FrameSource,
    configuration: Configuration,
    scene: Scene | None,
    truth: Boxes | None,
    folder: Path,
    progress: Progress,
) -> _Seen:
    step = progress.stage(clip.name, source.expected_frames)
    detectors = configuration.detectors
    detector = build_detector(detectors, clip.name, scene, clip.start, configuration.zones)
    height, width = first_frame_size(clip)
    origins = dict.fromkeys((ORIGINS.get(part.kind, part.kind) for part in detectors), 0)
    drawing = RegionDrawing(width, height, list(origins), truth is not None)
    seen = _Seen(regions=Counter(origins), truth=truth or [])
    with ExitStack() as stack:
        table = csv.writer(
            stack.enter_context((folder / REGIONS).open("w", newline="", encoding="utf-8")), lineterminator="\n"
        )
        table.writerow(COLUMNS)
        film = stack.enter_context(VideoWriter(folder / FILM, drawing.width, drawing.height, source.rate))
        for frame in source:
            regions = detector.detect(frame)
            table.writerows(_rows(clip.start + frame.index, regions))
            wanted = None if truth is None else truth[frame.index]
            film.write(_draw(drawing, frame, regions, wanted), frame.time_s)
            seen.frames += 1
            seen.regions.update(regions.origin.tolist())
            if truth is not None:
                seen.found.append(regions.boxes)
            step()
    seen.seconds = detector.seconds
    if source.undecodable:
        progress.note(f"{clip.path}: {source.undecodable} damaged packets or pictures left out")
    return seen


def _rows(frame: int, regions: Regions) -> Iterable[list[object]]:
    for i in range(len(regions)):
        # The shortest digits that read back as the same number.
        numbers = [np.format_float_positional(v, trim="-") for v in (*regions.boxes[i], regions.confidence[i])]
        yield [frame, *numbers, regions.origin[i], regions.label[i]]


def _draw(
    drawing: RegionDrawing, frame: Frame, regions: Regions, truth: NDArray[np.float32] | None
) -> NDArray[np.uint8]:
    labels = [
        "" if label == MOTION else f"{label} {confidence:.2f}"
        for label, confidence in zip(regions.label, regions.confidence, strict=True)
    ]
    return drawing.draw(frame.image, regions.boxes, regions.origin.tolist(), labels, truth, frame.index, frame.time_s)

"""Where detectors look, on footage in which a square moves: counts, cost, recall, and boxes that read back."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ssmtl.datasets.own import OwnDataset
from ssmtl.errors import ConfigError, OutputError, SourceError
from ssmtl.metrics.recall import region_recall
from ssmtl.model import Model, build_network
from ssmtl.recipes import Configuration, configure
from ssmtl.region_review import ORIGINS, RegionFigures, review_regions
from ssmtl.regions.boxes import read_boxes
from ssmtl.regions.decoders import to_regions
from ssmtl.regions.scene import Scene
from ssmtl.regions.union import DetectorSettings
from ssmtl.report.region_film import COLOURS
from ssmtl.video.sources import Clip, find_clips, open_source
from ssmtl.video.writer import VideoWriter

WIDTH, HEIGHT, FRAMES = 96, 64, 30
SQUARE = 20
BACKGROUND = configure("fast", {"detectors": [{"kind": "background"}]})


def square(index: int) -> list[int]:
    return [4 + 2 * index, 20, 4 + 2 * index + SQUARE, 20 + SQUARE]


def write_clip(path: Path, moving: bool = True) -> None:
    """A bright square that moves over a dark floor with a pattern, or the floor alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    floor = np.random.default_rng(0).integers(40, 60, (HEIGHT, WIDTH, 1)).astype(np.uint8).repeat(3, axis=2)
    with VideoWriter(path, WIDTH, HEIGHT, 25) as writer:
        for index in range(FRAMES):
            image = floor.copy()
            if moving:
                x_min, y_min, x_max, y_max = square(index)
                image[y_min:y_max, x_min:x_max] = 220
            writer.write(image)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set: a normal clip of the floor, two test clips; the square of `a` is abnormal from frame 10 to 19."""
    root = tmp_path_factory.mktemp("squares")
    write_clip(root / "normal" / "n.mp4", moving=False)
    for name in ("a", "b"):
        write_clip(root / "test" / f"{name}.mp4")
    rows = [f"a,{i},{i},square,{','.join(map(str, square(i)))}" for i in range(10, 20)]
    (root / "abnormal.csv").write_text("\n".join(["clip,first,last,kind,x_min,y_min,x_max,y_max", *rows]))
    return root


def boxes_file(folder: Path, boxes: dict[int, list[float]], clip: str = "a") -> Configuration:
    """Settings of a detector that finds exactly these boxes."""
    file = folder / f"{clip}.csv"
    rows = [f"{clip},{i},{','.join(map(str, box))}" for i, box in boxes.items()]
    file.write_text("\n".join(["clip,frame,x_min,y_min,x_max,y_max", *rows]))
    return configure("fast", {"detectors": [{"kind": "boxes", "path": str(file)}]})


def clips(root: Path) -> list[Clip]:
    return OwnDataset(root).test_clips()


def table(folder: Path, clip: str) -> dict[int, NDArray[np.float32]]:
    return {index: regions.boxes for index, regions in read_boxes(folder, clip).items()}


def test_each_clip_has_a_film_and_a_table_of_what_was_found(root: Path, tmp_path: Path) -> None:
    data = OwnDataset(root)
    review = review_regions(clips(root), tmp_path / "out", BACKGROUND, normal=data.train_clips(), dataset=data)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a", "b", "summary.json"]
    for name in ("a", "b"):
        found, figures = table(tmp_path / "out", name), review.clips[name]
        assert figures.frames == FRAMES and figures.objects == sum(map(len, found.values()))
        assert figures.regions == {"background": figures.objects} and figures.objects >= 25
        assert list(figures.seconds) == ["background"] and 0 < figures.seconds_per_frame["background"] < 1
        film = list(open_source(tmp_path / "out" / name / "regions.mp4"))
        assert len(film) == FRAMES and film[0].image.shape[1] == 4 * WIDTH
        assert np.allclose([frame.time_s for frame in film], np.arange(FRAMES) / 25, atol=1e-3)
    a, b = review.clips["a"], review.clips["b"]
    assert (a.truth, a.recall) == (10, {0.1: 1.0, 0.5: 1.0})
    assert b.truth == 0 and all(math.isnan(share) for share in b.recall.values())
    assert review.total.frames == 2 * FRAMES and review.total.objects == a.objects + b.objects
    assert review.total.recall == a.recall and not review.failed
    assert review.total.seconds["background"] == pytest.approx(a.seconds["background"] + b.seconds["background"])


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ({i: square(i) for i in range(FRAMES)}, {0.1: 1.0, 0.5: 1.0}),
        ({i: square(i) for i in range(15)}, {0.1: 0.5, 0.5: 0.5}),
        ({i: [square(i)[0], 20, square(i)[2], 24] for i in range(FRAMES)}, {0.1: 1.0, 0.5: 0.0}),
        ({i: square(i) for i in (*range(10), *range(20, 30))}, {0.1: 0.0, 0.5: 0.0}),
        ({}, {0.1: 0.0, 0.5: 0.0}),
    ],
    ids=["all", "half of the frames", "a fifth of the square", "other frames", "nothing"],
)
def test_recall_of_known_boxes(
    root: Path, tmp_path: Path, boxes: dict[int, list[float]], expected: dict[float, float]
) -> None:
    used = boxes_file(tmp_path, boxes)
    review = review_regions(clips(root)[:1], tmp_path / "out", used, dataset=OwnDataset(root))
    assert review.total.recall == pytest.approx(expected) and review.total.regions == {"boxes": len(boxes)}


def test_the_recall_of_a_part_is_of_its_frames(root: Path, tmp_path: Path) -> None:
    part = replace(clips(root)[0], start=12, stop=25)
    used = boxes_file(tmp_path, {i: square(i) for i in range(12, 16)})
    review = review_regions([part], tmp_path / "out", used, dataset=OwnDataset(root))
    assert review.total.truth == 8 and review.total.recall[0.5] == 0.5 and review.total.frames == 13
    facts = json.loads((tmp_path / "out" / "summary.json").read_text())["clips"]["a"]
    assert (facts["start"], facts["stop"]) == (12, 25)


def test_boxes_read_back_are_the_same_to_the_last_bit(root: Path, tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    file = tmp_path / "a.csv"
    rows = ["frame,x_min,y_min,x_max,y_max,confidence,label"]
    for index in range(FRAMES):
        low, confidence = chance.random(2) * 30, chance.random()
        sides = [*low, *(low + 1 + chance.random(2) * 30)]
        rows.append(f"{index},{','.join(map(repr, map(float, sides)))},{confidence},{chance.choice(['car', 'motion'])}")
    file.write_text("\n".join(rows))
    first = {"detectors": [{"kind": "boxes", "path": str(file)}]}
    review_regions(clips(root)[:1], tmp_path / "once", configure("fast", first))
    again = {"detectors": [{"kind": "boxes", "path": str(tmp_path / "once")}]}
    review_regions(clips(root)[:1], tmp_path / "twice", configure("fast", again))
    given, read = read_boxes(file, "a"), read_boxes(tmp_path / "twice", "a")
    assert list(given) == list(read) == list(range(FRAMES))
    for index, regions in given.items():
        assert np.array_equal(regions.boxes, read[index].boxes)
        assert np.array_equal(regions.confidence, read[index].confidence)
        assert regions.label.tolist() == read[index].label.tolist()
    texts = [(tmp_path / run / "a" / "regions.csv").read_text() for run in ("once", "twice")]
    assert texts[0] == texts[1] and texts[0].startswith("frame,x_min,y_min,x_max,y_max,confidence,origin,label\n")


def test_the_recall_is_what_table_and_truth_say(root: Path, tmp_path: Path) -> None:
    used = configure("fast", {"detectors": [{"kind": "flow", "min_area": 50}]})
    data = OwnDataset(root)
    review = review_regions(clips(root), tmp_path / "out", used, dataset=data)
    tracks = data.tracks(clips(root)[0], FRAMES)
    assert tracks is not None and len(tracks)
    found = table(tmp_path / "out", "a")
    per_frame = [found.get(index, np.zeros((0, 4))) for index in range(FRAMES)]
    for overlap, share in review.clips["a"].recall.items():
        assert share == region_recall(tracks.by_frame(FRAMES), per_frame, overlap)


def test_the_summary_holds_the_same_figures_as_plain_values(root: Path, tmp_path: Path) -> None:
    review = review_regions(clips(root), tmp_path / "out", BACKGROUND, dataset=OwnDataset(root))
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["detectors"] == BACKGROUND.model_dump(mode="json")["detectors"]
    assert summary["total"] == json.loads(json.dumps(review.total.as_dict()))
    for name, figures in review.clips.items():
        facts = summary["clips"][name]
        assert facts["regions"] == figures.regions and facts["source"].endswith(f"{name}.mp4")
        assert facts["ms_per_frame"]["background"] == pytest.approx(
            1000 * figures.seconds["background"] / FRAMES, abs=1e-3
        )
    assert summary["clips"]["b"]["recall"] == {"0.1": None, "0.5": None}


def test_every_detector_has_a_colour_by_the_name_that_its_regions_bear() -> None:
    union, _ = get_args(DetectorSettings)
    kinds = [settings.model_fields["kind"].default for settings in get_args(union)]
    assert {ORIGINS.get(kind, kind) for kind in kinds} == set(COLOURS)
    found = to_regions(np.array([[1, 1, 9, 9]], np.float32), np.ones((1, 1), np.float32), ["person"], (20, 20, 3), 0.5)
    assert set(found.origin) == set(ORIGINS.values())


def test_figures_of_no_frames() -> None:
    empty = RegionFigures(0, {"flow": 0}, {"flow": 0.0}, 0, {0.1: math.nan})
    assert empty.objects == 0 and empty.seconds_per_frame == {"flow": 0.0}
    assert empty.as_dict()["regions_per_frame"] == 0 and empty.as_dict()["recall"] == {"0.1": None}


def test_a_model_brings_its_detectors_and_its_scene(root: Path, tmp_path: Path) -> None:
    network = build_network(BACKGROUND, 1)
    scene = Scene(np.full((HEIGHT, WIDTH), 50, np.uint8))
    model = Model(BACKGROUND, network, 1, scene, {})
    with_model = review_regions(clips(root)[:1], tmp_path / "model", model, normal=[])
    assert with_model.total.regions["background"] == FRAMES, "in the first frame too: the scene is known"
    alone = configure("fast", {"detectors": [{"kind": "background", "warm_up": FRAMES}]})
    other = replace(model, configuration=alone, scene=None)
    without = review_regions(clips(root)[:1], tmp_path / "none", other)
    assert 0 not in table(tmp_path / "none", "a") and without.total.objects > 0


def test_a_zone_that_is_not_looked_at(root: Path, tmp_path: Path) -> None:
    """The square begins at the left and walks to the right; where its feet are decides."""
    left = {"name": "left", "kind": "ignore", "points": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}
    zoned = configure("fast", {"detectors": [{"kind": "background"}], "zones": [left]})
    review_regions(clips(root)[:1], tmp_path / "all", BACKGROUND)
    review_regions(clips(root)[:1], tmp_path / "part", zoned)
    every, part = table(tmp_path / "all", "a"), table(tmp_path / "part", "a")
    right = {i: boxes[boxes[:, [0, 2]].mean(axis=1) > WIDTH / 2] for i, boxes in every.items()}
    right = {i: boxes for i, boxes in right.items() if len(boxes)}
    assert 0 < len(right) < len(every) and list(part) == list(right)
    assert all(np.array_equal(part[i], right[i]) for i in part)


def test_footage_without_ground_truth_is_told_and_shown_all_the_same(root: Path, tmp_path: Path) -> None:
    notes: list[str] = []

    class Told:
        def stage(self, title: str, steps: int | None):
            return lambda: None

        def note(self, text: str) -> None:
            notes.append(text)

    copy = tmp_path / "data"
    write_clip(copy / "test" / "a.mp4")
    for text, message in [
        ("clip,first,last\na,3,5\n", "has no regions"),
        ("clip,first,last,x_min,y_min,x_max,y_max\na,3,500,1,2,3,4\n", "last is 500"),
    ]:
        (copy / "abnormal.csv").write_text(text)
        review = review_regions(
            clips(copy), tmp_path / "out", BACKGROUND, dataset=OwnDataset(copy), overwrite=True, progress=Told()
        )
        assert review.total.truth == 0 and review.total.frames == FRAMES
        assert len([note for note in notes if message in note]) == 1


def test_a_bad_clip_is_told_and_the_others_go_on(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    bad = Clip("bad", tmp_path / "bad.mp4")
    review = review_regions([bad, *clips(root)], tmp_path / "out", BACKGROUND)
    assert list(review.clips) == ["a", "b"] and "bad.mp4" in review.failed["bad"]
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["failed"] == review.failed
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a", "b", "summary.json"]


def test_boxes_of_another_clip_are_that_clips_failure(root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("frame,x_min,y_min,x_max,y_max\n0,1,1,9,9\n")
    used = configure("fast", {"detectors": [{"kind": "boxes", "path": str(tmp_path / "a.csv")}]})
    review = review_regions(clips(root), tmp_path / "out", used)
    assert list(review.clips) == ["a"] and "column 'clip'" in review.failed["b"]


def test_what_cannot_be_begun(root: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no footage"):
        review_regions([], tmp_path / "out")
    (tmp_path / "bad.mp4").write_text("no video")
    with pytest.raises(SourceError, match=r"bad\.mp4"):
        review_regions(find_clips(tmp_path / "bad.mp4"), tmp_path / "out")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        review_regions(clips(root), tmp_path / "taken")
    with pytest.raises(ConfigError, match="onnx"):
        review_regions(clips(root), tmp_path / "out", configure("fast", {"detectors": [{"kind": "onnx"}]}))
    assert not (tmp_path / "out" / "a").exists()


def test_footage_and_what_else_is_no_result_stays(root: Path, tmp_path: Path) -> None:
    """Whatever `--overwrite` says: a clip's folder has the name of its footage."""
    pictures = tmp_path / "data" / "walk"
    pictures.mkdir(parents=True)
    for i in range(9):
        Image.new("L", (64, 48), i).save(pictures / f"{i}.png")
    (own,) = find_clips(pictures)
    with pytest.raises(OutputError, match="holds the footage itself"):
        review_regions([own], tmp_path / "data", BACKGROUND, overwrite=True)
    with pytest.raises(OutputError, match="holds other things"):
        review_regions([Clip("walk", clips(root)[0].path)], tmp_path / "data", BACKGROUND, overwrite=True)
    assert len(list(pictures.iterdir())) == 9
    for _ in range(2):
        review_regions([own], tmp_path / "out", BACKGROUND, overwrite=True)
    assert (tmp_path / "out" / "walk" / "regions.csv").is_file()

"""The first look over footage."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ssmtl.errors import SourceError
from ssmtl.sequences import survey as survey_module
from ssmtl.sequences.survey import survey
from ssmtl.video.sources import Clip

from ..regions.pictures import texture, with_square
from ..video.clips import write_picture

HEIGHT, WIDTH = 90, 160


def make_clip(folder: Path, name: str, pictures: list[NDArray[np.uint8]]) -> Clip:
    (folder / name).mkdir()
    for i, picture in enumerate(pictures):
        write_picture(folder / name / f"{i:03}.png", picture)
    return Clip(name, folder / name)


def place(seed: int = 0, height: int = HEIGHT, width: int = WIDTH, low: int = 20, high: int = 150) -> NDArray[np.uint8]:
    return texture(height, width, seed, low, high)


@pytest.mark.parametrize(("tint", "is_grey"), [(0, True), (2, True), (3, False), (90, False)])
def test_grey_or_colour(tmp_path: Path, tint: int, is_grey: bool) -> None:
    """One patch of colour in one picture of one clip is enough."""
    tinted = np.repeat(place()[..., None], 3, axis=2)
    tinted[40:60, 40:60, 2] = tinted[40:60, 40:60, 0] + tint
    clips = [make_clip(tmp_path, "a", [place()] * 3), make_clip(tmp_path, "b", [place(), place(), tinted])]
    assert survey(clips).is_grey is is_grey


def test_the_scene_is_the_background_without_what_moves(tmp_path: Path) -> None:
    moving = [with_square(place(), 4 + 12 * i, 30) for i in range(10)]
    scene = survey([make_clip(tmp_path, "a", moving), make_clip(tmp_path, "b", [place()] * 3)]).scene
    assert scene is not None and np.array_equal(scene.background, place())


@pytest.mark.parametrize(
    ("first", "second"),
    [(place(), place(height=60)), (place(high=80), place(low=170, high=250))],
    ids=["two sizes", "two places"],
)
def test_no_single_scene(tmp_path: Path, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> None:
    clips = [make_clip(tmp_path, "a", [first] * 4), make_clip(tmp_path, "b", [second] * 4)]
    seen = survey(clips)
    assert seen.scene is None and seen.shapes == dict(zip(clips, (first.shape[:2], second.shape[:2]), strict=True))


def test_all_of_a_clip_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pictures of a long clip are kept, from its end too; every frame is counted."""
    monkeypatch.setattr(survey_module, "PICTURES", 4)
    calls = []
    clip = make_clip(tmp_path, "a", [np.full((HEIGHT, WIDTH), 0 if i < 15 else 200, np.uint8) for i in range(50)])
    seen = survey([clip], lambda: calls.append(1))
    assert seen.lengths == {clip: 50} and len(calls) == 50
    assert seen.scene is None, "neither of the two places fills nine tenths of the clip"


def test_heights_follow_the_row(tmp_path: Path) -> None:
    """Movers are half as high as the row of their feet; those that the picture's edge cuts off do not count."""
    pictures = []
    for i in range(60):
        picture = np.full((180, 320), 100, np.uint8)
        feet = 60 + 2 * (i % 50)
        picture[feet - feet // 2 : feet, 20 + 4 * i : 40 + 4 * i] = 220
        if i % 4 == 0:
            picture[165:180, 290:320] = 220
        pictures.append(picture)
    scene = survey([make_clip(tmp_path, "a", pictures)]).scene
    assert scene is not None
    for feet in (80, 110, 150):
        assert scene.typical_height(feet) == pytest.approx(feet / 2, rel=0.15)


def test_too_little_moves_to_tell_heights(tmp_path: Path) -> None:
    scene = survey([make_clip(tmp_path, "a", [place()] * 3)]).scene
    assert scene is not None and scene.typical_height(80) == 0


def test_clips_that_cannot_be_read_are_left_out_and_told(tmp_path: Path) -> None:
    good = make_clip(tmp_path, "good", [place()] * 2)
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    bad = Clip("bad", tmp_path / "bad.mp4")
    seen = survey([bad, good])
    assert (
        seen.lengths == {good: 2}
        and seen.rates == {good: 25}
        and list(seen.unreadable) == [bad]
        and "bad.mp4" in seen.unreadable[bad]
    )
    with pytest.raises(SourceError, match=r"bad\.mp4"):
        survey([bad])


def test_no_footage() -> None:
    with pytest.raises(SourceError, match="no footage"):
        survey([])


def test_no_part_of_many_clips_counts_for_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each clip is as bright as its number: what is kept is spread over all of them."""
    monkeypatch.setattr(survey_module, "PICTURES", 8)
    kept: list[int] = []

    def median(pictures: list[NDArray[np.uint8]]) -> None:
        kept.extend(int(picture[0, 0]) for picture in pictures)

    monkeypatch.setattr(survey_module, "median_background", median)
    survey([make_clip(tmp_path, f"{i:03}", [np.full((8, 8), i, np.uint8)] * 3) for i in range(100)])
    assert 8 <= len(kept) <= 16 and kept == sorted(kept)
    assert np.diff([0, *kept, 99]).max() <= 16, "no gap in it is much wider than others"

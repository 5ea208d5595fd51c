"""What is planted in normal footage, checked on squares that slide over a plain."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ssmtl.planting import MOST_FRAMES, Planting, Walk, choose_start, cut, find_walks, plant
from ssmtl.video.frame import Frame

COUNT, SIZE = 60, 20


def box(left: float, top: float = 40) -> NDArray[np.float32]:
    return np.array([left, top, left + SIZE, top + SIZE], np.float32)


def sliding(step: float = 2.0, top: float = 40, count: int = COUNT) -> list[NDArray[np.float32]]:
    return [box(step * i, top)[None] for i in range(count)]


def walk(count: int = COUNT) -> Walk:
    return Walk(np.arange(count), np.concatenate(sliding(count=count)))


def pictures() -> list[Frame]:
    """A square whose grey level is its frame's number."""
    found = []
    for i in range(COUNT):
        image = np.full((120, 200, 3), 200, np.uint8)
        image[40 : 40 + SIZE, 2 * i : 2 * i + SIZE] = i
        found.append(Frame(i, i / 25, image))
    return found


class TestWalks:
    def test_one_who_walks_alone(self) -> None:
        (found,) = find_walks(sliding())
        assert np.array_equal(found.frames, np.arange(COUNT))
        np.testing.assert_allclose(found.boxes[10:-10], walk().boxes[10:-10], atol=1e-4)

    @pytest.mark.parametrize(
        "boxes",
        [sliding(0.1), sliding(count=20), [np.concatenate([b, b + 3]) for b in sliding()], [np.zeros((0, 4))] * COUNT],
        ids=["stands", "too short", "not alone", "nobody"],
    )
    def test_who_cannot_be_planted(self, boxes: list[NDArray[np.float32]]) -> None:
        assert find_walks(boxes) == []

    def test_who_is_lost_for_a_while_is_two(self) -> None:
        boxes = sliding(count=80)
        boxes[40] = np.zeros((0, 4), np.float32)
        assert [len(found.frames) for found in find_walks(boxes)] == [40, 39]


class TestPlanting:
    def test_faster(self) -> None:
        planted = Planting(walk(), "faster", 7, 2.0)
        assert np.array_equal(np.diff(planted.places), np.full(len(planted.places) - 1, 2))
        assert planted.frames[0] == 7 and len(planted.frames) == len(planted.places) == 30
        assert planted.places.min() >= 0 and planted.places.max() < COUNT
        np.testing.assert_allclose(np.diff(planted.boxes[:, 0]), 4)

    def test_half_as_fast_again(self) -> None:
        assert set(np.diff(Planting(walk(), "faster", 0, 1.5).places)) == {1, 2}

    def test_backwards(self) -> None:
        planted = Planting(walk(30), "backwards", 0)
        assert np.array_equal(planted.places, np.arange(30)[::-1])

    def test_the_middle_of_a_long_walk(self) -> None:
        places = Planting(walk(), "as it was", 0).places
        assert len(places) == MOST_FRAMES and abs(places.mean() - (COUNT - 1) / 2) <= 0.5

    def test_half_a_box(self) -> None:
        whole, half = (Planting(walk(30), how, 0).boxes for how in ("as it was", "cut in half"))
        assert np.array_equal(half[:, :3], whole[:, :3]) and (half[:, 3] - half[:, 1] == SIZE / 2).all()


def planted_in(frames: list[Frame], planting: Planting) -> list[Frame]:
    (mine,) = cut(frames, [planting.walk])
    return list(plant(frames, planting, mine))


class TestPasting:
    def test_it_is_there_when_it_is_said_to_be_and_nowhere_else(self) -> None:
        frames = pictures()
        planted = Planting(walk(30), "backwards", 30)
        found = planted_in(frames, planted)
        for before, after in zip(frames, found, strict=True):
            assert (before.index, before.time_s) == (after.index, after.time_s)
            place = after.index - 30
            if place < 0:
                assert after.image is before.image
                continue
            x, y = (planted.boxes[place][[0, 1]] + SIZE / 2).astype(int)
            assert (after.image[y, x] == 29 - place).all()
            changed = np.argwhere((after.image != before.image).any(axis=2))
            assert (changed >= [36, x - 14]).all() and (changed <= [64, x + 14]).all()

    def test_of_half_of_it_the_rest_is_what_is_behind(self) -> None:
        image = planted_in(pictures(), Planting(walk(30), "cut in half", 30))[35].image
        assert (image[45, 20] == 5).all() and (image[55, 20] == 200).all()

    def test_each_walk_gets_its_own_pictures(self) -> None:
        """Of two walks that begin at different frames, from frames that pass once."""
        late = Walk(np.arange(20, 50), walk().boxes[20:50])
        early, later = cut(iter(pictures()), [walk(30), late])
        assert [len(early), len(later)] == [30, 30]
        assert [int(p[10, 10, 0]) for p in early] == list(range(30))
        assert [int(p[10, 10, 0]) for p in later] == list(range(20, 50))
        assert all(p.base is None for p in early + later), "no frame is kept"

    def test_frames_are_left_as_they_are(self) -> None:
        frames = pictures()
        copies = [frame.image.copy() for frame in frames]
        planted_in(frames, Planting(walk(), "faster", 0, 2.0))
        assert all(np.array_equal(frame.image, copy) for frame, copy in zip(frames, copies, strict=True))


class TestStart:
    def test_where_nobody_is_in_the_way(self) -> None:
        boxes = [box(20)[None] if i < 45 else np.zeros((0, 4), np.float32) for i in range(100)]
        start = choose_start(walk(30), "as it was", 1, boxes)
        assert start is not None and start >= 36

    def test_no_room(self) -> None:
        assert choose_start(walk(30), "as it was", 1, sliding(count=29)) is None

"""Short tracks, and scores averaged along them."""

import numpy as np
import pytest

from ssmtl.scoring.tracks import GAP, Followed, Tracker, average_along_tracks


def boxes(*left: float) -> np.ndarray:
    return np.array([[x, 10, x + 20, 50] for x in left], np.float32).reshape(-1, 4)


def seen(index: int, left: list[float], scores: list[list[float]]) -> Followed[int]:
    return Followed(index, boxes(*left), np.array(scores, np.float32).reshape(-1, 2))


class TestTracker:
    def test_who_walks_on_keeps_the_number(self) -> None:
        tracker = Tracker()
        found = [tracker.follow(boxes(3.0 * t, 100 - 3.0 * t)).tolist() for t in range(10)]
        assert found == [[0, 1]] * 10

    def test_order_does_not_matter(self) -> None:
        tracker = Tracker()
        assert tracker.follow(boxes(0, 100)).tolist() == [0, 1]
        assert tracker.follow(boxes(101, 1)).tolist() == [1, 0]

    @pytest.mark.parametrize("gone", [0, GAP - 1])
    def test_who_is_fast_is_looked_for_ahead(self, gone: int) -> None:
        """By half of its width a frame: boxes of successive frames overlap by a third, of later ones not at all."""
        tracker = Tracker()
        left = [1.0, 9.0, 19.0, 29.0, 39.0, 49.0]
        assert [tracker.follow(boxes(x)).tolist() for x in left] == [[0]] * 6
        for _ in range(gone):
            tracker.follow(boxes())
        assert tracker.follow(boxes(59 + 10 * gone)).tolist() == [0]

    @pytest.mark.parametrize("width", [0.1, 0.5, 0.55, 0.7, 1.0, 1.4])
    def test_the_second_box_may_be_anywhere_near(self, width: float) -> None:
        """By so much of its width a frame, from the first frame on, and another comes the other way."""
        tracker = Tracker()
        found = [tracker.follow(boxes(20 * width * t, 600 - 20 * width * t)).tolist() for t in range(8)]
        assert found == [[0, 1]] * 8

    def test_what_is_of_another_size_is_another(self) -> None:
        tracker = Tracker()
        tracker.follow(boxes(0))
        assert tracker.follow(np.array([[24, 10, 34, 30]], np.float32)).tolist() == [1]
        assert tracker.follow(boxes(60)).tolist() == [2], "1.8 widths from where anything was"

    def test_jitter_throws_no_one_off(self) -> None:
        tracker = Tracker()
        jitter = np.random.default_rng(0).uniform(-4, 4, 200)
        assert all(tracker.follow(boxes(2 * t + shift)).tolist() == [0] for t, shift in enumerate(jitter))

    @pytest.mark.parametrize(("missed", "same"), [(0, True), (GAP - 1, True), (GAP, False)])
    def test_one_that_is_lost_is_given_up(self, missed: int, same: bool) -> None:
        tracker = Tracker()
        tracker.follow(boxes(50))
        for _ in range(missed):
            assert len(tracker.follow(boxes())) == 0
        assert (tracker.follow(boxes(51)).tolist() == [0]) == same

    def test_no_two_boxes_share_a_track(self) -> None:
        tracker = Tracker()
        tracker.follow(boxes(0))
        assert sorted(tracker.follow(boxes(1, 2)).tolist()) == [0, 1]


@pytest.mark.parametrize("half", [0, 1, 3, 20])
def test_the_mean_over_the_frames_around(half: int) -> None:
    """By hand: one object that walks; every second score is high."""
    given = [[float(t % 2), 4.0] for t in range(9)]
    found = list(average_along_tracks((seen(t, [2.0 * t], [given[t]]) for t in range(9)), half))
    assert [one.item for one in found] == list(range(9))
    for t, one in enumerate(found):
        expected = np.mean(given[max(0, t - half) : t + half + 1], axis=0)
        assert one.scores[0] == pytest.approx(expected)


@pytest.mark.parametrize(("there", "expected"), [(1, 1.5), (2, 3.0), (3, 4.5), (4, 6.0), (5, 6.0)])
def test_who_comes_and_goes_counts_for_little(there: int, expected: float) -> None:
    """Of seven frames four are to show it; it is there in so many of them, the frame asked about among them."""
    middle = range(6, 6 + there)
    frames = [seen(t, [50.0] * (t in middle), [[6, 6]] * (t in middle)) for t in range(20)]
    assert list(average_along_tracks(frames, 3))[6].scores[0].tolist() == pytest.approx([expected] * 2, abs=1e-6)


def test_others_do_not_matter() -> None:
    frames = [seen(t, [0, 100], [[0, 1], [5, 6]]) for t in range(5)] + [seen(5, [], [])]
    found = list(average_along_tracks(frames, 4))
    assert all(one.scores.tolist() == [[0, 1], [5, 6]] for one in found[:5])
    assert found[5].scores.shape == (0, 2)


def test_nothing_comes_of_nothing() -> None:
    assert list(average_along_tracks([], 3)) == []

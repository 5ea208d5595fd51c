"""Holding out: whole clips or pieces of each, and never neighbouring frames in both parts."""

import numpy as np
import pytest

from ssmtl.training.split import MIN_CLIPS, hold_out


def footage(*lengths: int, per_frame: int = 1, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Clip and frame of sequences: `per_frame` in each frame of clips of these lengths."""
    clip = np.repeat(np.arange(len(lengths)), [n * per_frame for n in lengths])
    frame = np.concatenate([np.repeat(np.arange(first, first + n), per_frame) for n in lengths])
    return clip, frame.astype(np.int64)


@pytest.mark.parametrize("share", [0.05, 0.15, 0.3, 0.5])
@pytest.mark.parametrize("lengths", [[50] * 5, [50] * 16, [10, 20, 30, 40, 50, 60], [5] * 20 + [40]])
def test_whole_clips_where_there_are_many(lengths: list[int], share: float) -> None:
    clip, frame = footage(*lengths)
    train, held = hold_out(clip, frame, share, 3)
    assert sorted([*train, *held]) == list(range(len(clip))), "each sequence is in one part"
    assert not set(clip[train]) & set(clip[held])
    assert len(train) and len(held)
    # No closer than the clips allow, but no farther from the share than half the longest clip or one whole clip.
    assert abs(len(held) - share * len(clip)) <= max(lengths)


@pytest.mark.parametrize("share", [0.15, 0.5, 0.85])
@pytest.mark.parametrize("giant", range(5))
def test_clips_of_very_different_length(giant: int, share: float) -> None:
    """Whatever the order of the clips, something is left to train on and something is held out."""
    lengths = [1] * 5
    lengths[giant] = 96
    train, held = hold_out(*footage(*lengths), share, 3)
    assert len(train) and len(held) and len(train) + len(held) == 100


@pytest.mark.parametrize("share", [0.1, 0.15, 0.4])
@pytest.mark.parametrize("reach", [3, 12])
@pytest.mark.parametrize("per_frame", [1, 4])
@pytest.mark.parametrize("lengths", [[400], [300, 500], [200] * (MIN_CLIPS - 1)])
def test_by_time_no_frame_is_in_both_parts(lengths: list[int], per_frame: int, reach: int, share: float) -> None:
    clip, frame = footage(*lengths, per_frame=per_frame, first=reach)
    train, held = hold_out(clip, frame, share, reach)
    for number in range(len(lengths)):
        mine, theirs = frame[train][clip[train] == number], frame[held][clip[held] == number]
        apart = np.abs(np.unique(mine)[:, None] - np.unique(theirs))
        assert apart.min() > 2 * reach, "the last frame of one, the first frame of the other"
        assert apart.min() <= 2 * reach + 2, "the gap is no wider than it must be"
        assert abs(len(theirs) / (lengths[number] * per_frame) - share) < 0.02
    assert not set(train) & set(held)


def test_by_time_each_clip_gives_its_end() -> None:
    clip, frame = footage(100, 100, 100)
    _, held = hold_out(clip, frame, 0.15, 3)
    assert set(clip[held]) == {0, 1, 2}
    assert all(frame[held][clip[held] == number].max() == 99 for number in range(3))


@pytest.mark.parametrize(
    ("lengths", "per_frame"),
    [([1], 1), ([1], 5), ([2], 1), ([8], 1), ([2, 3], 2), ([1] * 5, 1)],
    ids=["one sequence", "one frame", "two frames", "short", "two short clips", "five of one"],
)
def test_both_parts_hold_something_however_short_the_footage(lengths: list[int], per_frame: int) -> None:
    train, held = hold_out(*footage(*lengths, per_frame=per_frame), 0.15, 12)
    assert len(train) and len(held)


@pytest.mark.parametrize(
    ("length", "reach", "share", "pieces"),
    [
        (500, 12, 0.15, 1),
        (1000, 3, 0.15, 1),
        (2400, 12, 0.15, 3),
        (2400, 3, 0.15, 3),
        (9000, 12, 0.15, 4),
        (960, 12, 0.5, 2),
    ],
)
def test_a_long_clip_gives_pieces_from_all_of_it(length: int, reach: int, share: float, pieces: int) -> None:
    """One where the gaps would be more than a tenth of it, or pieces shorter than 100 frames; the last is its end."""
    clip, frame = footage(length, per_frame=2)
    train, held = hold_out(clip, frame, share, reach)
    frames = np.unique(frame[held])
    starts = frames[np.flatnonzero(np.diff(frames, prepend=-9) > 1)]
    assert len(starts) == pieces and frames[-1] == length - 1
    assert np.allclose(starts, (np.arange(1, pieces + 1) - share) * length / pieces, atol=2)
    assert len(held) / len(clip) == pytest.approx(share, abs=0.01)
    assert np.abs(np.unique(frame[train])[:, None] - frames).min() == 2 * reach + 1
    assert len(train) >= (1 - share - 0.1) * len(clip)


def test_where_little_is_seen_but_in_one_hour_pieces_are_no_shorter() -> None:
    """All but two of the sequences are of 400 frames: four pieces of those would be of 15."""
    frame = np.concatenate([[0], np.repeat(np.arange(5000, 5400), 3), [9000]])
    train, held = hold_out(np.zeros(len(frame), int), frame, 0.15, 12)
    assert frame[held].min() > 5300 and len(held) == pytest.approx(0.15 * len(frame), abs=4)
    assert len(train) + len(held) >= 0.9 * len(frame)


def test_the_same_every_time() -> None:
    clip, frame = footage(*[30] * 12)
    first, again = hold_out(clip, frame, 0.15, 3), hold_out(clip, frame, 0.15, 3)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_what_a_network_was_trained_on_is_not_held_out() -> None:
    """Of many clips, the others; the same ones where there are no more, so that nothing changes."""
    clip, frame = footage(*[50] * 16)
    train, held = hold_out(clip, frame, 0.15, 3)
    learnt = set(clip[train])
    assert np.array_equal(hold_out(clip, frame, 0.15, 3, learnt)[1], held)
    clip, frame = footage(*[50] * 20)
    assert set(clip[hold_out(clip, frame, 0.15, 3)[1]]) & learnt, "chance would take some"
    train, held = hold_out(clip, frame, 0.15, 3, learnt)
    assert not set(clip[held]) & learnt and abs(len(held) - 0.15 * len(clip)) <= 50
    assert sorted([*train, *held]) == list(range(len(clip)))


def test_of_few_clips_only_the_new_ones_are_held_out() -> None:
    clip, frame = footage(400, 400, 400)
    train, held = hold_out(clip, frame, 0.15, 3, {0, 1})
    assert set(clip[held]) == {2} and {0, 1} < set(clip[train])
    same = hold_out(clip, frame, 0.15, 3)
    assert all(np.array_equal(*pair) for pair in zip(hold_out(clip, frame, 0.15, 3, {0, 1, 2}), same, strict=True))

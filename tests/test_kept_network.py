"""Which clips a network that is kept has learnt from; the rest is tested where commands are."""

from dataclasses import replace

from ssmtl.kept_network import learnt_clips

from .scoring.tiny import make_model


def test_whole_clips_that_were_held_out_are_not_learnt() -> None:
    facts = {"clips": ["a", "b", "c", "d", "e"], "held_out_clips": ["c"]}
    model = replace(make_model(), training=facts)
    assert learnt_clips(model, ["c", "new", "a", "e"]) == ([2, 3], True)


def test_clips_of_which_pieces_were_held_out_are_learnt() -> None:
    model = replace(make_model(), training={"clips": ["a", "b"], "held_out_clips": ["a", "b"]})
    assert learnt_clips(model, ["b", "new"]) == ([0], False)

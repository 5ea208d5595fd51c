"""Which clips a network that is kept has learnt from; the rest is tested where commands are."""

from dataclasses import replace
from pathlib import Path

from ssmtl.kept_network import learnt_clips, learnt_from, portrait
from ssmtl.video.sources import Clip

from .scoring.tiny import make_model


def clips_of(folder: Path, *names: str) -> list[Clip]:
    """Files that differ."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(f"{folder.name} {name[0]}".encode())
    return [Clip(name, folder / name) for name in names]


def learnt(clips: list[Clip], held_out: list[Clip]) -> dict[str, object]:
    return {"clips": [portrait(clip) for clip in clips], "held_out_clips": [portrait(clip) for clip in held_out]}


def test_whole_clips_that_were_held_out_are_not_learnt(tmp_path: Path) -> None:
    clips = clips_of(tmp_path / "old", "a", "b", "c", "d", "e")
    model = replace(make_model(), training={"learnt": learnt(clips, clips[2:3])})
    new = clips_of(tmp_path / "new", "n")
    assert learnt_clips(model, [clips[2], *new, clips[0], clips[4]]) == ([2, 3], True)


def test_clips_of_which_pieces_were_held_out_are_learnt(tmp_path: Path) -> None:
    a, b, new = clips_of(tmp_path / "old", "a", "b", "n")
    model = replace(make_model(), training={"learnt": learnt([a, b], [a, b])})
    assert learnt_clips(model, [b, new]) == ([0], False)


def test_a_clip_is_known_by_its_footage(tmp_path: Path) -> None:
    """With other footage beside it, it is called otherwise; other footage may be called as it was."""
    a, b = clips_of(tmp_path / "old", "a", "b")
    model = replace(make_model(), training={"learnt": learnt([a], [])})
    moved = (tmp_path / "moved.mp4").resolve()
    moved.write_bytes(a.path.read_bytes())
    same_name = Clip("a", clips_of(tmp_path / "other", "a")[0].path)
    part = replace(a, stop=100)
    assert learnt_clips(model, [Clip("old_a", moved), same_name, b, part]) == ([0], True)
    pictures = clips_of(tmp_path / "pictures", "1", "2")
    whole, less = Clip("x", tmp_path / "pictures"), portrait(Clip("x", tmp_path / "pictures"))
    pictures[1].path.unlink()
    assert portrait(whole) != less


def test_older_models_know_their_clips_by_name(tmp_path: Path) -> None:
    a, b = clips_of(tmp_path / "old", "a", "b")
    model = replace(make_model(), training={"clips": ["a"], "held_out_clips": [], "rate": 10.0})
    assert learnt_clips(model, [a, b]) == ([0], True)
    assert learnt_from(model) == {"clips": ["a"], "held_out_clips": [], "rate": 10.0}

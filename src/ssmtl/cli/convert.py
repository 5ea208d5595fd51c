"""`ssmtl convert`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ssmtl.cli import options
from ssmtl.errors import DataError, OutputError
from ssmtl.formats.box_files import REGIONS, TRACKS
from ssmtl.formats.frame_scores import INSIDE, read_frame_scores
from ssmtl.formats.regions import read_regions
from ssmtl.formats.tracks import read_tracks_folder, write_tracks
from ssmtl.formats.writing import SCORE_FORMS, Form, write_frame_scores, write_regions
from ssmtl.results import check_whole


class What(StrEnum):
    """What files hold."""

    REGIONS = "regions"
    SCORES = "scores"
    TRACKS = "tracks"


@dataclass(frozen=True, slots=True)
class _Way:
    """How one of them is read and written, what its parts are called, and its files in a folder per clip."""

    read: Callable[[Path, int | None], Mapping[str, Any]]
    write: Callable[[Any, Path, Form, bool], None]
    parts: str
    inside: tuple[str, ...]


_WAYS = {
    What.REGIONS: _Way(read_regions, write_regions, "regions", REGIONS.inside),
    What.TRACKS: _Way(read_tracks_folder, write_tracks, "regions of tracks", TRACKS.inside),
    What.SCORES: _Way(lambda path, first_frame: read_frame_scores(path), write_frame_scores, "frame scores", INSIDE),
}


def convert(
    source: Annotated[Path, typer.Argument(help="A file, or a folder of files, with regions, scores or tracks.")],
    to: Annotated[Form, typer.Option("--to", help="The form to write.")],
    out: Annotated[Path, typer.Option("--out", help="The folder, or for npz and coco the file, to write.")],
    what: Annotated[
        What | None, typer.Option("--what", help="What the files hold, where that cannot be told from them.")
    ] = None,
    first_frame: Annotated[
        int | None,
        typer.Option(
            "--first-frame", min=0, help="Number of a clip's first frame in COCO JSON, where it is not clear."
        ),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write regions, frame scores or ground-truth tracks, ours or another program's, in another form."""
    if not source.exists():
        raise DataError(f"{source}: no such file or folder; check the path")
    if source.resolve().is_relative_to(out.resolve()):
        raise OutputError(f"{out}: holds what is to be read; choose another place for the output")
    check_whole(source)
    found, clips = read_any(source, what, first_frame)
    if found is What.SCORES and to not in SCORE_FORMS:
        raise DataError(f"{source}: holds frame scores, which have no form {to}; choose {', '.join(SCORE_FORMS)}")
    if not clips:
        raise DataError(f"{source}: holds no clips; name a file or folder that holds some")
    way = _WAYS[found]
    way.write(clips, out, to, overwrite)
    count = sum(len(part) for part in clips.values())
    options.console.print(
        f"{count} {way.parts} of {len(clips)} clips written to {out}", highlight=False, markup=False, soft_wrap=True
    )


def read_any(source: Path, what: What | None, first_frame: int | None) -> tuple[What, Mapping[str, Any]]:
    """What a file or folder holds, told by how it can be read where `what` does not say it.

    The names of our own files and of MOT's tell it; otherwise it is what can be read. Tracks can often be read as
    regions too, with the last side of a box for a score: whole scores tell them.

    Raises:
        DataError: it holds none of them, or it is not clear which.
    """
    named = [kind for kind, way in _WAYS.items() if any(_there(source, place) for place in way.inside)]
    if what is None and len(named) == 1:
        what = named[0]
    if what is not None:
        return what, _WAYS[what].read(source, first_frame)
    if named:
        raise DataError(f"{source}: holds {' and '.join(named)}; say which with --what")
    readable: dict[What, Mapping[str, Any]] = {}
    errors: dict[What, DataError] = {}
    for kind, way in _WAYS.items():
        try:
            readable[kind] = way.read(source, first_frame)
        except DataError as error:
            errors[kind] = error
    if set(readable) == {What.REGIONS, What.TRACKS} and _whole_scores(readable[What.REGIONS]):
        del readable[What.REGIONS]
    # What holds no clip can be read as anything, and which makes no difference.
    if len(readable) == 1 or (readable and not any(readable.values())):
        return next(iter(readable.items()))
    if not readable:
        reasons = "; ".join(f"as {kind}: {error}" for kind, error in errors.items())
        raise DataError(f"{source}: cannot be read as anything that is known ({reasons}); say what it is with --what")
    raise DataError(f"{source}: may hold {' or '.join(readable)}; say which with --what")


def _there(source: Path, place: str) -> bool:
    """Whether a file, a clip's folder or a folder of such folders is or has the file `place`."""
    if source.is_file():
        return source.name == Path(place).name
    return (source / place).is_file() or any(source.glob(f"*/{place}"))


def _whole_scores(regions: Mapping[str, Any]) -> bool:
    """Whether there are regions, all with whole numbers for scores."""
    scores = np.concatenate([found.scores for found in regions.values()] or [np.empty(0)])
    return len(scores) > 0 and bool((scores == np.floor(scores)).all())

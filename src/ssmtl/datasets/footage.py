"""How many frames clips have and what is missing of them, without decoding them."""

from itertools import pairwise
from pathlib import Path

from av.error import FFmpegError

from ssmtl.datasets.layout import numbers_in
from ssmtl.errors import SourceError
from ssmtl.video.files import VideoFile, open_container, video_stream
from ssmtl.video.folders import list_pictures
from ssmtl.video.sources import Clip


def count_frames(clip: Clip) -> int:
    """Frames of a whole clip: pictures in its folder, or packets of its video.

    A packet of a damaged or oddly made file may hold no frame or several; only decoding tells.

    Raises:
        SourceError: it is missing, is no video, or holds nothing.
    """
    if clip.path.is_dir():
        count = len(list_pictures(clip.path))
    else:
        VideoFile(clip.path)  # says what is wrong with what is no video
        count = _packets(clip.path)
    if not count:
        raise SourceError(f"{clip.path}: holds no frames; copy it again")
    return count


def _packets(path: Path) -> int:
    try:
        with open_container(str(path.absolute())) as container:
            return sum(1 for packet in container.demux(video_stream(container, path)) if packet.size)
    except (FFmpegError, OSError) as error:
        raise SourceError(f"{path}: reading failed ({error.strerror}); copy it again") from error


def missing_pictures(folder: Path) -> list[str]:
    """Numbers that the pictures of a folder leave out between the first and the last of them, as "3" or "5 to 9".

    Empty where their names are not numbered one by one: every fifth frame of a video, say, leaves nothing out.
    """
    numbers = [numbers_in(path.stem)[-1:] for path in list_pictures(folder)]
    if not all(numbers):
        return []
    pairs = [(a, b) for (a,), (b,) in pairwise(numbers)]
    if 2 * sum(b == a + 1 for a, b in pairs) < len(pairs):
        return []
    gaps = [(a + 1, b - 1) for a, b in pairs if b > a + 1]
    return [str(first) if first == last else f"{first} to {last}" for first, last in gaps]


def empty_pictures(folder: Path) -> list[str]:
    """Names of the pictures of a folder that have no bytes, as copying leaves them that was broken off."""
    return [path.name for path in list_pictures(folder) if not path.stat().st_size]

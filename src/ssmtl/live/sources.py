"""What is to be watched: cameras and files, each with a name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ssmtl.errors import SourceError
from ssmtl.video.addresses import hide_password
from ssmtl.video.sources import Clip, find_clips
from ssmtl.video.streams import check_address, is_device, is_live


@dataclass(frozen=True, slots=True)
class Watched:
    """A camera, by its address, or a clip; its name is one of letters, digits, dot, dash and underscore."""

    name: str
    address: str
    clip: Clip | None = None

    @property
    def shown(self) -> str:
        """The address without a password."""
        return hide_password(self.address)


def read_watched(texts: Sequence[str]) -> list[Watched]:
    """The cameras and clips that texts name: addresses, devices, files, folders, globs; `NAME=` in front names one.

    Raises:
        SourceError: a device or file does not exist, an address cannot be one, or a name is taken twice.
    """
    found: list[Watched] = []
    for text in texts:
        match = re.fullmatch(r"([\w.-]+)=(.+)", text)
        name, address = (match[1], match[2]) if match else ("", text)
        if is_live(address):
            check_address(address)
            found.append(Watched(name or _free(_own_name(address), found), address))
            continue
        if "://" in address:
            raise SourceError(
                f"{hide_password(address)}: unknown kind of address; known: rtsp, rtsps, rtmp, http, https, udp, srt"
            )
        clips = find_clips(address)
        if name and len(clips) > 1:
            raise SourceError(f"{text}: is {len(clips)} clips, which cannot all be {name}; name them one by one")
        found += [Watched(name or _free(clip.name, found), str(clip.path), clip) for clip in clips]
    names = [watched.name for watched in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"{twice[0]}: names two sources; give each a name of its own: NAME=ADDRESS")
    if not found:
        raise SourceError("nothing to watch; name cameras (rtsp://..., 0 for the first webcam) or files")
    return found


def _own_name(address: str) -> str:
    if is_device(address):
        return f"video{address}" if address.isdigit() else address.rpartition("/")[2]
    return re.sub(r"[^\w.-]+", "_", urlsplit(address).hostname or "camera").strip("._") or "camera"


def _free(name: str, found: Sequence[Watched]) -> str:
    taken = {watched.name for watched in found}
    candidates = [name, *(f"{name}-{n}" for n in range(2, len(found) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)

"""The frame labels of the UCSD sets: a Matlab script with a line for each test clip, in their order.

TestVideoFile{end+1}.gt_frame = [60:152];
TestVideoFile{end+1}.gt_frame = [5:90, 140:200];

Frames count from 1; both ends of a range are abnormal.
"""

import re
from pathlib import Path

from ssmtl.errors import DataError

Ranges = list[tuple[int, int]]
"""First and last frames, from 1."""

# No clip has more than nine digits of frames, and Python refuses to read a number of thousands.
_LINE = re.compile(r"\{\s*(end\s*\+\s*1|[0-9]{1,9})\s*\}\s*\.\s*gt_frame\s*=\s*\[([^\]]*)\]", re.IGNORECASE)
_RANGE = re.compile(r"([0-9]{1,9})(?::([0-9]{1,9}))?")

_SHOWN = 80
"""Characters of a line that an error repeats."""


def read_label_file(path: Path) -> dict[int, Ranges]:
    """The abnormal frames of each test clip, by its number.

    Raises:
        DataError: the file cannot be read, or holds no such line or a malformed one, which it names.
    """
    try:
        # Only digits matter, so that the encoding of comments does not.
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    clips: dict[int, Ranges] = {}
    for number, line in enumerate(lines, 1):
        code = line.partition("%")[0]
        if "gt_frame" not in code.casefold():
            continue
        found = _LINE.search(code)
        if found is None:
            raise DataError(
                f"{path}, line {number}: {line.strip()[:_SHOWN]!r} is not of the form "
                "`TestVideoFile{end+1}.gt_frame = [60:152];`; copy the official file anew"
            )
        index = int(found[1]) if found[1].isdecimal() else max(clips, default=0) + 1
        clips[index] = _ranges(f"{path}, line {number}", found[2])
    if not clips:
        raise DataError(
            f"{path}: has no line such as `TestVideoFile{{end+1}}.gt_frame = [60:152];`; copy the official file anew, "
            "or take this one away to have labels from masks"
        )
    return clips


def _ranges(where: str, text: str) -> Ranges:
    ranges = []
    for part in re.sub(r"\s*:\s*", ":", text).replace(",", " ").replace(";", " ").split():
        found = _RANGE.fullmatch(part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last:
            raise DataError(
                f"{where}: {part[:_SHOWN]!r} is no range of frames; write first:last with 1 <= first <= last"
            )
        ranges.append((first, last))
    return ranges

"""The Matlab script of the UCSD sets' frame labels."""

from pathlib import Path

import pytest

from ssmtl.datasets.ucsd_labels import read_label_file
from ssmtl.errors import DataError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TestVideoFile{end+1}.gt_frame = [60:152];", {1: [(60, 152)]}),
        (
            "% comment\nTestVideoFile = {};\nTestVideoFile{end+1}.gt_frame = [5:90, 140:200];\n\n"
            "TestVideoFile{end+1}.gt_frame = [7];\n",
            {1: [(5, 90), (140, 200)], 2: [(7, 7)]},
        ),
        ("\ufeffTestVideoFile{ end + 1 } . gt_frame=[ 1 : 2 ;4 : 6  9];\r\n", {1: [(1, 2), (4, 6), (9, 9)]}),
        ("TestVideoFile{3}.gt_frame = [1:2]; % third\nTestVideoFile{end+1}.gt_frame = [];", {3: [(1, 2)], 4: []}),
        ("%TestVideoFile{end+1}.gt_frame = [1:2];\ntestvideofile{end+1}.GT_FRAME = [3:4]", {1: [(3, 4)]}),
    ],
)
def test_lines(tmp_path: Path, text: str, expected: dict[int, list[tuple[int, int]]]) -> None:
    (tmp_path / "a.m").write_bytes(text.encode())
    assert read_label_file(tmp_path / "a.m") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a\.m: has no line such as `TestVideoFile\{end\+1\}"),
        ("% TestVideoFile{end+1}.gt_frame = [1:2];", "has no line"),
        ("\nTestVideoFile{end+1}.gt_frame = 1:2;", r"a\.m, line 2: 'TestVideoFile.*is not of the form"),
        ("TestVideoFile{end+1}.gt_frame = [1:2, ...", r"line 1: .*is not of the form"),
        ("TestVideoFile{end+1}.gt_frame = [9:2];", r"a\.m, line 1: '9:2' is no range of frames"),
        ("TestVideoFile{end+1}.gt_frame = [0:2];", "'0:2' is no range"),
        ("TestVideoFile{end+1}.gt_frame = [1:2:9];", "'1:2:9' is no range"),
        ("TestVideoFile{end+1}.gt_frame = [a];", "'a' is no range"),
        (f"TestVideoFile{{end+1}}.gt_frame = [1:{'9' * 5000}];", "line 1: '1:9{78}' is no range"),
        (f"TestVideoFile{{{'9' * 5000}}}.gt_frame = [1:2];", "line 1: .{82} is not of the form"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.m").write_text(text)
    with pytest.raises(DataError, match=message):
        read_label_file(tmp_path / "a.m")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_label_file(tmp_path)

"""Text of numbers: what is read, and how a mistake is named."""

from pathlib import Path

import numpy as np
import pytest

from ssmtl.errors import DataError
from ssmtl.formats.tables import number_line, read_numbers, read_table

THREE = "three numbers"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "rows"),
        [
            ("", []),
            ("\n\n", []),
            ("# nothing\n", []),
            ("\ufeff", []),
            ("1,2,3", [[1, 2, 3]]),
            ("1,2,3\n4,5,6\n", [[1, 2, 3], [4, 5, 6]]),
            ("1, 2 , 3\n", [[1, 2, 3]]),
            ("1;2;3\n", [[1, 2, 3]]),
            ("1\t2\t3\n", [[1, 2, 3]]),
            ("  1 2   3  \n", [[1, 2, 3]]),
            ("1,2,3\r\n4,5,6\r\n\r\n\r\n", [[1, 2, 3], [4, 5, 6]]),
            ("\ufeff1,2,3\n", [[1, 2, 3]]),
            ("# a,b,c\n\n1,2,3 # the first\n   \n4,5,6\n", [[1, 2, 3], [4, 5, 6]]),
            ("-1.5e-3,0.1,1e300\n", [[-1.5e-3, 0.1, 1e300]]),
        ],
    )
    def test_good_files(self, tmp_path: Path, text: str, rows: list[list[float]]) -> None:
        found = read_numbers(write(tmp_path / "a.txt", text), {3}, THREE)
        assert found.shape == (len(rows), 3) and found.dtype == np.float64 and found.tolist() == rows

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("1,2,3\n4,x,6\n", "line 2: column 2 is 'x'; write a number"),
            ("frame,x,y\n", "line 1: column 1 is 'frame'"),
            ("1,2,3\n\n# more\n4,5\n", "line 4: has 2 columns, but the first row has 3"),
            ("1,2,3\n4,5,\n", "line 2: column 3 is ''"),
            ("1,2,3\n4;5;6\n", "line 2: column 1"),
            ("\n1,2\n", "line 2: has 2 columns; write three numbers"),
            ("1\n", "line 1: has 1 column; write three numbers"),
            ("1,2,3\n4,nan,6\n", "line 2: a value is not finite"),
            ("# head\n1,2,inf\n", "line 2: a value is not finite"),
            (b"1,2,3\n1,2,\xff\n", "is no text in UTF-8"),
            ("1,2,3\n".encode("utf-16"), "is no text in UTF-8"),
        ],
    )
    def test_bad_files_name_file_and_line(self, tmp_path: Path, text: str | bytes, message: str) -> None:
        with pytest.raises(DataError, match=rf"a\.txt.*{message}"):
            read_numbers(write(tmp_path / "a.txt", text), {3}, THREE)

    def test_what_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"a\.txt: no such file"):
            read_numbers(tmp_path / "a.txt", {3}, THREE)
        with pytest.raises(DataError, match="cannot be read"):
            read_numbers(tmp_path, {3}, THREE)

    @pytest.mark.parametrize(("text", "columns"), [("", 2), ("1,2\n", 2), ("1,2,3\n", 3)])
    def test_several_counts(self, tmp_path: Path, text: str, columns: int) -> None:
        assert read_numbers(write(tmp_path / "a.txt", text), {3, 2}, THREE).shape[1] == columns

    def test_the_line_of_a_row(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.txt", "# head\n1\n\n2\n")
        assert [number_line(path, row) for row in (0, 1)] == [f"{path}, line 2", f"{path}, line 4"]


class TestTable:
    @pytest.mark.parametrize(
        ("text", "a", "b", "words"),
        [
            ("a,b,w\n", [], [], []),
            ("a,b,w", [], [], []),
            ("a,b,w\n1,2,x\n", [1], [2], ["x"]),
            ("w;b;a\nx;2;1\n", [1], [2], ["x"]),
            ("a\tb\tw\n1\t2\tx y\n", [1], [2], ["x y"]),
            ("\ufeffa , b,w\r\n1, 2, x \r\n\r\n3,4,y\r\n\r\n", [1, 3], [2, 4], ["x", "y"]),
            ('n,w,a,b\n#,"x, ""y""",1,2\n', [1], [2], ['x, "y"']),
            ("a,b,w\n1,,x\n3,4,\n5\n", [1, 3, 5], [np.nan, 4, np.nan], ["x", "", ""]),
            ("a,b,w\n1,2,x\n , ,\n  \n3,4,y\n", [1, 3], [2, 4], ["x", "y"]),
            ("w,a,b\nx,1,2\n  \n,3,4\n", [1, 3], [2, 4], ["x", ""]),
        ],
    )
    def test_good_files(self, tmp_path: Path, text: str, a: list[float], b: list[float], words: list[str]) -> None:
        table = read_table(write(tmp_path / "t.csv", text), ("a",), ("b", "none"), ("w", "nothing"))
        assert set(table.numbers) == {"a", "b"} and set(table.texts) == {"w"}
        np.testing.assert_array_equal(table.numbers["a"], a)
        np.testing.assert_array_equal(table.numbers["b"], b)
        assert table.texts["w"].tolist() == words

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "no column 'a'; the first line must name a, b"),
            ("a,c\n1,2\n", "no column 'b'"),
            ("1,2\n3,4\n", r"no column 'a'.*numbers without a header go into a \.txt file"),
            ("a,b\n1,x\n", "line 2: b is 'x'; write a number"),
            ("a,b\n1,2\n\n1\n", "line 4: b is ''"),
            ("a,b\n1,2\n1,nan\n", "line 3: b is nan; write a finite number"),
            ("a,b\n1,2\n\n1,-inf\n", "line 4: b is -inf"),
            ("a,b,c\n1,2,\n1,inf,3\n", "line 3: b is inf"),
            ("a,b,c\n1,2,\n1,2,nan\n", "line 3: c is nan"),
            (b"a,b\n1,2\n\xff,3\n", "no text in UTF-8"),
        ],
    )
    def test_bad_files_name_file_and_line(self, tmp_path: Path, text: str | bytes, message: str) -> None:
        with pytest.raises(DataError, match=rf"t\.csv.*{message}"):
            read_table(write(tmp_path / "t.csv", text), ("a", "b"), ("c",))

    def test_the_line_of_a_row(self, tmp_path: Path) -> None:
        table = read_table(write(tmp_path / "t.csv", 'a,w\n\n1,"two\nlines"\n2,x\n'), ("a",), texts=("w",))
        assert table.texts["w"].tolist() == ["two\nlines", "x"]
        assert table.where(1) == f"{tmp_path / 't.csv'}, line 5"

    def test_more_rows_than_numpy_reads_at_once(self, tmp_path: Path) -> None:
        rows = "".join(f"{i},{'long' * (i // 30_000)}w{i}\n\n" for i in range(60_000))
        table = read_table(write(tmp_path / "t.csv", f"a,w\n{rows}"), ("a",), texts=("w",))
        assert np.array_equal(table.numbers["a"], np.arange(60_000))
        assert table.texts["w"][[0, 29_999, 30_000, 59_999]].tolist() == ["w0", "w29999", "longw30000", "longw59999"]

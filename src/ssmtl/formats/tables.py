"""Tables as text: numbers alone, and CSV whose first line names the columns.

Both are read by NumPy's compiled reader, a million rows of six numbers in a third of a second. It names neither the
file nor what is wrong, so where it fails the file is read again line by line, for the error.
"""

import csv
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import DataError
from ssmtl.formats.arrays import NOT_FINITE

G = TypeVar("G", np.float64, np.str_)

_ENCODING = "utf-8-sig"
"""With or without the mark that some editors put in front."""


def read_numbers(path: Path, counts: Collection[int], meaning: str) -> NDArray[np.float64]:
    """The numbers of a text without a header, separated by commas, semicolons, tabs or blanks.

    What follows a `#`, and empty lines, are left out. A file without rows is one of 0 rows.

    Args:
        path: the file.
        counts: how many columns it may have.
        meaning: for errors: what the columns are.

    Returns:
        N×K, finite; K is one of `counts`, the lowest where there are no rows.

    Raises:
        DataError: the file is missing or no text, or a value is no finite number; names the file and line.
    """
    first = next(_lines(path), None)
    if first is None:
        return np.empty((0, min(counts)))
    line, text = first
    separator = _separator(text)
    try:
        table = np.loadtxt(str(path), np.float64, delimiter=separator, ndmin=2, encoding=_ENCODING)
    except ValueError:
        table = _read_slowly(path, separator)
    if table.shape[1] not in counts:
        raise DataError(f"{path}, line {line}: {_columns(table.shape[1])}; write {meaning}")
    wrong = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(wrong):
        raise DataError(f"{number_line(path, int(wrong[0]))}: a value is not finite; {NOT_FINITE}")
    return table


def number_line(path: Path, row: int) -> str:
    """For errors: file and line of a row of `read_numbers`, which counts from 0."""
    return f"{path}, line {next(islice(_lines(path), row, None))[0]}"


@dataclass(frozen=True, slots=True)
class Table:
    """Some columns of a CSV file, N values each.

    Attributes:
        path: the file.
        names: all of its columns.
        numbers: the columns of numbers that were asked for and are there; NaN where an optional one is empty.
        texts: the columns of words that were asked for and are there, without blanks around; may be empty.
    """

    path: Path
    names: list[str]
    numbers: dict[str, NDArray[np.float64]]
    texts: dict[str, NDArray[np.str_]]

    def where(self, row: int) -> str:
        """For errors: file and line of a row, which counts from 0."""
        return f"{self.path}, line {next(islice(_rows(self.path), row + 1, None))[0]}"


def read_table(path: Path, required: Sequence[str], optional: Sequence[str] = (), texts: Sequence[str] = ()) -> Table:
    """Columns of a CSV file, which may lie in any order among others, separated by commas, semicolons or tabs.

    Args:
        path: the file.
        required: columns of finite numbers, at least one.
        optional: columns of numbers that the file may lack, and that may be empty in a row.
        texts: columns of words that the file may lack.

    Raises:
        DataError: the file is missing or no text, lacks a required column, or a value is no finite number; names the
            file and line.
    """
    header = next(_rows(path), (1, []))[1]
    missing = [name for name in required if name not in header]
    if missing:
        raise DataError(
            f"{path}: no column '{missing[0]}'; the first line must name {', '.join(required)}{_no_header(header)}"
        )
    numeric = [*required, *(name for name in optional if name in header)]
    words = [name for name in texts if name in header]
    try:
        numbers = _load(path, np.float64, [header.index(name) for name in numeric])
    except ValueError:
        numbers = _parse(path, header, numeric, len(required))
    else:
        _refuse_infinite(path, numeric, numbers)
    strings = _words(path, header, words, len(numbers)) if words else np.empty((len(numbers), 0), np.str_)
    return Table(
        path,
        header,
        {name: numbers[:, i] for i, name in enumerate(numeric)},
        {name: strings[:, i] for i, name in enumerate(words)},
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of every line that has more than a comment."""
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            text = line.partition("#")[0].strip()
            if text:
                yield number, text


def first_row(path: Path) -> list[str]:
    """The fields of a CSV file's header; none where it is empty.

    Raises:
        DataError: it cannot be read.
    """
    return next((fields for _, fields in _rows(path)), [])


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Last line and fields, without blanks around, of every row of a CSV file that is not empty, the header first."""
    with _opened(path, newline="") as file:
        separator = _separator(file.readline())
        file.seek(0)
        rows = csv.reader(file, delimiter=separator or ",")
        for row in rows:
            fields = [field.strip() for field in row]
            if any(fields):
                yield rows.line_num, fields


@contextmanager
def _opened(path: Path, newline: str | None = None) -> Iterator[TextIO]:
    try:
        with path.open(encoding=_ENCODING, newline=newline) as file:
            yield file
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); name a file, and check its permissions") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is no text in UTF-8 ({error}); save it as such") from error


def _separator(line: str) -> str | None:
    """What separates the fields of a line; None for blanks."""
    return next((mark for mark in ";,\t" if mark in line), None)


def _columns(count: int) -> str:
    return f"has {count} column{'' if count == 1 else 's'}"


def _no_header(header: list[str]) -> str:
    """A hint for files of numbers alone that are named as CSV."""
    try:
        [float(name) for name in header]
    except ValueError:
        return ""
    return "; numbers without a header go into a .txt file" if header else ""


def _read_slowly(path: Path, separator: str | None) -> NDArray[np.float64]:
    """What `read_numbers` reads, or an error that names the line."""
    rows: list[list[float]] = []
    for line, text in _lines(path):
        fields = text.split(separator)
        rows.append([_number(f"{path}, line {line}: column {i}", field) for i, field in enumerate(fields, 1)])
        if len(fields) != len(rows[0]):
            raise DataError(
                f"{path}, line {line}: {_columns(len(fields))}, but the first row has {len(rows[0])}; correct the row"
            )
    return np.array(rows)


def _number(what: str, field: str) -> float:
    try:
        return float(field)
    except ValueError:
        raise DataError(f"{what} is {field.strip()!r}; write a number") from None


def _load(path: Path, dtype: type[G], columns: Sequence[int]) -> NDArray[G]:
    """Columns of a CSV file below its header: N×K.

    Raises:
        ValueError: a value does not fit, a row is too short, or the file holds lines of blanks.
    """
    rows = _rows(path)
    header_end, _ = next(rows)
    if next(rows, None) is None:
        return np.empty((0, len(columns)), dtype)
    with _opened(path) as file:
        separator = _separator(file.readline())
    with warnings.catch_warnings():
        # Words are read in parts, of which NumPy tells that they do not count empty lines.
        warnings.simplefilter("ignore", UserWarning)
        return np.loadtxt(
            str(path),
            dtype,
            comments=None,
            delimiter=separator or ",",
            skiprows=header_end,
            usecols=columns,
            ndmin=2,
            encoding=_ENCODING,
            quotechar='"',
        )


def _refuse_infinite(path: Path, names: Sequence[str], numbers: NDArray[np.float64]) -> None:
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        row, column = (int(i) for i in wrong[0])
        line = next(islice(_rows(path), row + 1, None))[0]
        raise DataError(f"{path}, line {line}: {names[column]} is {numbers[row, column]:g}; write a finite number")


def _parse(path: Path, header: list[str], names: Sequence[str], required: int) -> NDArray[np.float64]:
    """The columns `names`, of which those after the first `required` may be empty, or an error that names the line."""
    places = [header.index(name) for name in names]
    table: list[list[float]] = []
    for line, fields in islice(_rows(path), 1, None):
        row = []
        for i, (name, place) in enumerate(zip(names, places, strict=True)):
            field = fields[place] if place < len(fields) else ""
            if not field and i >= required:
                row.append(np.nan)
                continue
            value = _number(f"{path}, line {line}: {name}", field)
            if not np.isfinite(value):
                raise DataError(f"{path}, line {line}: {name} is {field}; write a finite number")
            row.append(value)
        table.append(row)
    return np.array(table).reshape(-1, len(names))


def _words(path: Path, header: list[str], names: Sequence[str], rows: int) -> NDArray[np.str_]:
    """Columns of words: N×K, N = `rows`."""
    places = [header.index(name) for name in names]
    try:
        words = np.char.strip(_load(path, np.str_, places))
    except ValueError:  # a row is too short
        words = None
    if words is not None and len(words) == rows:
        return words
    # Lines of blanks and commas only are rows to NumPy.
    found = [[row[place] if place < len(row) else "" for place in places] for _, row in islice(_rows(path), 1, None)]
    return np.array(found, np.str_).reshape(-1, len(names))

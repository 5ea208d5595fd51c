"""Put the benchmarks' tables into the documentation: `python docs/fill_tables.py`, after benchmarks were run.

The table below a comment is that of benchmarks/results that the comment names:

    <!-- table of factors.md -->
    <!-- table 2 of accuracy.md: * alone | tasks, power 1* -->

its rows those whose first cell is like one of the patterns, in the order of the file; without patterns, all.
"""

import re
from fnmatch import fnmatchcase
from pathlib import Path

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results"

MARKED = re.compile(r"<!-- table(?: (\d+))? of (\S+?\.md)(?:: (.*?))? -->\n\n?((?:\|.*\n)*)")
"""Number, file and patterns of a comment, and the lines of the table below it."""

TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)


def filled(text: str) -> str:
    """A document with its tables as the results are.

    Raises:
        ValueError: there is no such table, or no such row in it.
    """
    return MARKED.sub(lambda found: f"{found[0][: found.start(4) - found.start()]}{_table(*found.groups()[:3])}", text)


def _table(number: str | None, name: str, patterns: str | None) -> str:
    tables = TABLE.findall((RESULTS / name).read_text(encoding="utf-8"))
    place = int(number or 1)
    if place > len(tables):
        raise ValueError(f"{name} has {len(tables)} tables, not {place}")
    lines = tables[place - 1].splitlines(keepends=True)
    if patterns is None:
        return "".join(lines)
    kept, wanted = lines[:2], [pattern.strip() for pattern in patterns.split(" | ")]
    firsts = {line: line.split("|")[1].strip() for line in lines[2:]}
    for pattern in wanted:
        if not any(fnmatchcase(first, pattern) for first in firsts.values()):
            raise ValueError(f"{name}: no row is like {pattern}")
    kept += [line for line, first in firsts.items() if any(fnmatchcase(first, pattern) for pattern in wanted)]
    return "".join(kept)


def main() -> None:
    """Fill the tables of all documents."""
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if (now := filled(text)) != text:
            path.write_text(now, encoding="utf-8")
            print(f"{path.name}: its tables are those of {RESULTS.parent.name}/{RESULTS.name} now")


if __name__ == "__main__":
    main()

"""What the documentation shows is what the package does."""

import doctest
import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
filled = runpy.run_path(str(DOCS / "fill_tables.py"))["filled"]
WITH_EXAMPLES = [path.name for path in sorted(DOCS.glob("*.md")) if ">>> " in path.read_text(encoding="utf-8")]


def test_there_are_examples() -> None:
    assert "metrics.md" in WITH_EXAMPLES


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_come_out_as_written(name: str, tmp_path: Path) -> None:
    # The fence after an example would be taken for a part of what it prints.
    text = (DOCS / name).read_text(encoding="utf-8").replace("```", "\n")
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = doctest.testfile(str(tmp_path / name), module_relative=False, encoding="utf-8")
    assert found.attempted > 3 and found.failed == 0


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_pictures_and_links_are_there(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert target.startswith("http") or (path.parent / target).exists(), target


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_tables_are_those_of_the_benchmarks(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert filled(text) == text, "python docs/fill_tables.py"


def test_a_table_is_filled() -> None:
    text = "<!-- table of factors.md: base | batch of* -->\n\n| changed | seeds |\n| base | 99 |\n\nSo it is.\n"
    lines = filled(text).splitlines()
    assert lines[0] == text.splitlines()[0] and lines[2].startswith("| changed | seeds | micro AUC")
    assert [line.split("|")[1].strip() for line in lines[4:-2]] == ["base", "batch of 16", "batch of 64"]
    assert lines[-2:] == ["", "So it is."] and filled(filled(text)) == filled(text)
    with pytest.raises(ValueError, match=r"factors\.md: no row is like wide?"):
        filled(text.replace("base", "wide?"))
    with pytest.raises(ValueError, match=r"factors\.md has 1 tables, not 3"):
        filled(text.replace("table of", "table 3 of"))

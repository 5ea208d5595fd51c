"""What the documentation shows is what the package does."""

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
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

"""What is typed or written in a file becomes a checked configuration, or an error that names the field."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from ssmtl.config import Settings, merge, parse, read_assignments, read_toml
from ssmtl.errors import ConfigError, SsmtlError


class Inner(Settings):
    rate: float = Field(0.5, ge=0, le=1)


class Outer(Settings):
    count: int = Field(3, ge=1)
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, Outer()),
        ({"count": 1}, Outer(count=1)),
        ({"inner": {"rate": 1}}, Outer(inner=Inner(rate=1.0))),
    ],
)
def test_parse(values: dict[str, Any], expected: Outer) -> None:
    assert parse(Outer, values) == expected


@pytest.mark.parametrize(
    ("values", "fragments"),
    [
        ({"counts": 1}, ["here: counts: unknown field"]),
        ({"count": 0}, ["here: count: ", "greater than or equal to 1", "(got 0)"]),
        ({"count": "many"}, ["here: count: ", "(got 'many')"]),
        ({"inner": {"rate": 1.5}}, ["here: inner.rate: ", "(got 1.5)"]),
        ({"inner": {"rate": float("nan")}}, ["here: inner.rate: "]),
        ({"inner": 3}, ["here: inner: "]),
        ({"count": 0, "inner": {"speed": 1}}, ["count: ", "; inner.speed: unknown field"]),
    ],
    ids=["unknown", "range", "kind", "nested range", "not a number", "no table", "two at once"],
)
def test_parse_names_each_wrong_field(values: dict[str, Any], fragments: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(Outer, values, "here")
    assert all(fragment in str(caught.value) for fragment in fragments), caught.value
    assert isinstance(caught.value, SsmtlError) and isinstance(caught.value, ValueError)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Outer().count = 4  # type: ignore[misc]


def test_defaults_are_checked() -> None:
    class Wrong(Settings):
        count: int = Field(0, ge=1)

    with pytest.raises(ConfigError, match="count"):
        parse(Wrong, {})


def test_read_toml(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('seed = 7\n[train]\nepochs = 2\n[detectors.flow]\npreset = "medium"\n', encoding="utf-8")
    assert read_toml(file) == {"seed": 7, "train": {"epochs": 2}, "detectors": {"flow": {"preset": "medium"}}}


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"train.epochs 5", "is not TOML"), (b"a = 1\na = 2", "is not TOML"), (b"\xff", "TOML")],
    ids=["missing", "no equals sign", "twice", "not UTF-8"],
)
def test_bad_toml_names_the_file(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "own.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"own.toml: .*{message}"):
        read_toml(file)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], {}),
        (["seed=5"], {"seed": 5}),
        ([" seed = 5 "], {"seed": 5}),
        (["train.learning_rate=1e-4"], {"train": {"learning_rate": 1e-4}}),
        (["train.flip=false"], {"train": {"flip": False}}),
        (["sequences.colour=grey"], {"sequences": {"colour": "grey"}}),
        (['sequences.colour="grey"'], {"sequences": {"colour": "grey"}}),
        (["path=a=b.csv"], {"path": "a=b.csv"}),
        (["name="], {"name": ""}),
        (["a=[1, 2]"], {"a": [1, 2]}),
        (["a.b=1", "a.c=2", "d=3"], {"a": {"b": 1, "c": 2}, "d": 3}),
        (["a.b.c=1", "a.b.d=2"], {"a": {"b": {"c": 1, "d": 2}}}),
        (["a.b=1", "a.b=2"], {"a": {"b": 2}}),
        (["a=1", "a.b=2"], {"a": {"b": 2}}),
    ],
)
def test_read_assignments(texts: list[str], expected: dict[str, Any]) -> None:
    assert read_assignments(texts) == expected


@pytest.mark.parametrize("text", ["train.epochs", "", "=5", " =5"])
def test_an_assignment_needs_a_name_and_an_equals_sign(text: str) -> None:
    with pytest.raises(ConfigError, match="field=value"):
        read_assignments([text])


PARTS = [{"kind": "a", "x": 1, "y": 2}, {"kind": "b", "x": 3}]


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    [
        ({}, {}, {}),
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": 3}, {"a": 3, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": 1}}, {"a": 5}, {"a": 5}),
        ({"p": PARTS}, {"p": {"a": {"x": 9}}}, {"p": [{"kind": "a", "x": 9, "y": 2}, {"kind": "b", "x": 3}]}),
        ({"p": tuple(PARTS)}, {"p": {"b": {"z": 0}}}, {"p": [PARTS[0], {"kind": "b", "x": 3, "z": 0}]}),
        ({"p": PARTS}, {"p": [{"kind": "c"}]}, {"p": [{"kind": "c"}]}),
        ({"p": PARTS}, {"p": {}}, {"p": PARTS}),
    ],
    ids=["empty", "no change", "flat", "nested", "a table replaced", "by kind", "tuple", "list replaced", "nothing"],
)
def test_merge(base: dict[str, Any], changes: dict[str, Any], expected: dict[str, Any]) -> None:
    before = repr(base)
    assert merge(base, changes) == expected
    assert repr(base) == before, "the base is left as it was"


@pytest.mark.parametrize(
    ("base", "changes", "message"),
    [
        ({"p": PARTS}, {"p": {"c": {"x": 1}}}, r"p\.c: .*there are: a, b"),
        ({"p": []}, {"p": {"c": {"x": 1}}}, r"p\.c"),
        ({"p": PARTS}, {"p": {"a": 3}}, r"p\.a"),
        ({"p": [{"x": 1}]}, {"p": {"a": {"x": 1}}}, r"p\.a"),
        ({"p": [1, 2]}, {"p": {"a": {"x": 1}}}, r"p\.a"),
    ],
    ids=["unknown kind", "empty list", "a number for a part", "parts without a kind", "no parts"],
)
def test_merge_refuses(base: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        merge(base, changes)

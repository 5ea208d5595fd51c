"""The base of all configuration, and how files and command lines fill it."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ssmtl.errors import ConfigError


class Settings(BaseModel):
    """A frozen part of the configuration: every field has a real default, an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


S = TypeVar("S", bound=Settings)


def parse(kind: type[S], values: dict[str, Any], where: str = "configuration") -> S:
    """Check `values` and make them a `kind`.

    Raises:
        ConfigError: an unknown or out-of-range field; the message names each of them.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            field = ".".join(str(part) for part in item["loc"]) or "(all)"
            message = item["msg"]
            if item["type"] == "extra_forbidden":
                message = "unknown field; see `ssmtl config` for the known ones"
            given = item.get("input")
            shown = f" (got {given!r})" if isinstance(given, str | int | float | bool) else ""
            problems.append(f"{field}: {message[0].lower() + message[1:]}{shown}")
        raise ConfigError(f"{where}: " + "; ".join(problems)) from error


def read_toml(path: Path) -> dict[str, Any]:
    """The nested values of a TOML file.

    Raises:
        ConfigError: the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML ({error})") from error


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with the nested `changes` laid over it.

    A list of parts that carry a `kind` (tasks, detectors) can be changed by it: `{"flow": {"rate": 1}}`. A part of
    another kind takes the place of the old one.
    """
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(value, dict) and isinstance(old, list | tuple):
            result[key] = _merge_parts(key, list(old), value)
        elif (
            isinstance(value, dict) and isinstance(old, dict) and value.get("kind", old.get("kind")) == old.get("kind")
        ):
            result[key] = merge(old, value)
        else:
            result[key] = value
    return result


def _merge_parts(key: str, parts: list[Any], changes: dict[str, Any]) -> list[Any]:
    kinds = [part.get("kind") if isinstance(part, dict) else None for part in parts]
    for name, change in changes.items():
        if name not in kinds:
            raise ConfigError(f"{key}.{name}: there is none here; there are: {', '.join(map(str, kinds))}")
        if not isinstance(change, dict):
            raise ConfigError(f"{key}.{name}: name one of its fields, such as {key}.{name}.FIELD=VALUE")
        place = kinds.index(name)
        parts[place] = merge(parts[place], change)
    return parts


def read_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """The nested values of `a.b=1` texts; values are read as TOML, bare words as text.

    Raises:
        ConfigError: a text without "=".
    """
    result: dict[str, Any] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"--set {text}: write it as field=value, for example train.epochs=5")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value.strip()
        change: Any = parsed
        for part in reversed(name.strip().split(".")):
            change = {part: change}
        result = merge(result, change)
    return result

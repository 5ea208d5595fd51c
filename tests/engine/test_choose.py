"""The choice of an engine: the fastest that is right, and never one that is not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssmtl.engine import choose
from ssmtl.engine.choose import Choice, choose_engine, score_difference
from ssmtl.engine.engine import Subject
from ssmtl.engine.settings import EngineSettings
from ssmtl.errors import ConfigError

from .test_engines import exact, subject

ORDER = ["pytorch float32", "pytorch bfloat16", "openvino float32", "openvino bfloat16", "openvino int8"]


class Fake:
    """Answers what float32 answers, plus an error, after a while."""

    device = torch.device("cpu")

    def __init__(self, of: Subject, kind: str, precision: str, ms: float, error: float):
        self.kind, self.precision, self.ms, self.error = kind, precision, ms, error
        self.answers = exact(of)

    def scores(self, pictures: Any, given: Any) -> np.ndarray:
        found = np.resize(self.answers, (len(pictures), self.answers.shape[1])).astype(np.float32)
        return found + np.float32(self.error)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """A machine on which each way has the given ms per sequence and error; a text is why it does not work."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(choose, "find_spec", lambda name: True)
    built: list[str] = []

    def make(ways: dict[str, tuple[float, float] | str]) -> list[str]:
        def build(
            of: Subject, kind: str, precision: str, threads: int, device: torch.device, compiled: bool = False
        ) -> Fake:
            built.append(f"{kind} {precision}")
            way = ways[f"{kind} {precision}"]
            if isinstance(way, str):
                raise ConfigError(way)
            return Fake(of, kind, precision, *way)

        monkeypatch.setattr(choose, "build_engine", build)
        monkeypatch.setattr(choose, "ms_per_sequence", lambda engine, samples, batch: engine.ms)
        return built

    return make


def chosen(settings: dict[str, Any] | None = None, of: Subject | None = None) -> Choice:
    return choose_engine(EngineSettings.model_validate(settings or {}), of or subject(), 4)[1]


ALL = {"pytorch float32": (9.0, 0.0), "pytorch bfloat16": (8.0, 1e-4), "openvino float32": (4.0, 0.0)}


@pytest.mark.parametrize(
    ("bfloat16", "int8", "expected"),
    [
        ((3.0, 1e-4), (2.0, 1e-4), "int8"),
        ((3.0, 1e-4), (2.0, 0.5), "bfloat16"),
        ((3.0, 0.5), (2.0, float("nan")), "float32"),
        ((3.0, 1e-4), (5.0, 0.0), "bfloat16"),
        ((3.0, 1e-4), "not installed", "bfloat16"),
    ],
    ids=["fastest", "int8 is off", "all but float32 are off", "int8 is slower", "int8 does not work"],
)
def test_the_fastest_within_tolerance(machine: Any, bfloat16: Any, int8: Any, expected: str) -> None:
    machine(ALL | {"openvino bfloat16": bfloat16, "openvino int8": int8})
    found = chosen()
    assert (found.kind, found.precision) == ("openvino", expected)
    assert [f"{trial.kind} {trial.precision}" for trial in found.trials] == ORDER
    if isinstance(int8, str):
        assert found.trials[-1].problem == "not installed" and found.trials[-1].ms is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"kind": "pytorch"}, "pytorch bfloat16"),
        ({"precision": "float32"}, "openvino float32"),
        ({"kind": "openvino", "precision": "int8"}, "openvino int8"),
    ],
)
def test_what_is_asked_for(machine: Any, settings: dict[str, Any], expected: str) -> None:
    """A way that is named in full is used as it is."""
    machine(ALL | {"openvino bfloat16": (3.0, 0.0), "openvino int8": (2.0, 9.0)})
    found = chosen(settings)
    assert f"{found.kind} {found.precision}" == expected


def test_of_what_is_named_in_part_none_that_is_off_is_taken(machine: Any) -> None:
    """Where one way is left, it is measured as any."""
    machine(ALL | {"openvino bfloat16": (3.0, 0.0), "openvino int8": (2.0, 9.0)})
    with pytest.raises(ConfigError, match=r"none can be used within engine\.tolerance"):
        chosen({"precision": "int8"})
    machine(ALL | {"openvino bfloat16": (3.0, 0.0), "openvino int8": (2.0, 1e-4)})
    assert chosen({"precision": "int8"}).difference is not None


def test_it_is_measured_once_for_a_model_and_its_settings(machine: Any) -> None:
    built = machine(ALL | {"openvino bfloat16": (3.0, 0.0), "openvino int8": (2.0, 0.0)})
    first = chosen()
    built.clear()
    assert chosen() == first and built == ["openvino int8"]
    built.clear()
    chosen({"tolerance": 0.2})
    assert len(built) > 1
    built.clear()
    stretched = {kind: replace(scale, high=scale.high + 1) for kind, scale in subject().scales.items()}
    chosen(of=replace(subject(), scales=stretched))
    assert len(built) > 1
    built.clear()
    chosen(of=replace(subject(), identity="another"))
    assert len(built) > 1


def test_a_damaged_note_is_measured_anew(machine: Any, tmp_path: Path) -> None:
    machine(ALL | {"openvino bfloat16": (3.0, 0.0), "openvino int8": (2.0, 0.0)})
    first = chosen()
    (note,) = (tmp_path / "ssmtl" / "engines").glob("*.json")
    note.write_text("{")
    assert chosen() == first and note.read_text() != "{"


def test_none_is_right(machine: Any) -> None:
    machine(dict.fromkeys(ORDER, "broken") | {"pytorch float32": (1.0, 0.0)})
    of = replace(subject(), identity="broken")
    with pytest.raises(ConfigError, match=r"none can be used within engine\.tolerance=0\.1: openvino float32: broken"):
        chosen({"kind": "openvino"}, of)


def test_without_crops_float32_alone_is_safe() -> None:
    bare = replace(subject(), samples=None)
    assert chosen(of=bare) == Choice("pytorch", "float32")
    with pytest.raises(ConfigError, match=r"engine\.precision: .*no training crops"):
        chosen({"precision": "bfloat16"}, bare)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu() -> None:
    with pytest.raises(ConfigError, match=r"engine\.device=cuda: .*choose auto or cpu"):
        chosen({"device": "cuda"})


def test_a_way_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="no onnx engine in int8"):
        chosen({"kind": "onnx", "precision": "int8"})


def test_difference_is_of_objects_on_the_scale_of_normal_footage() -> None:
    """T1's scale is 0.4 to 0.6, T2's 0.45 to 0.5, T3's 0.2 to 0.3; below the median nothing counts."""
    of = subject()
    one = np.array([[0.5, 0.5, 0.25], [0.1, 0.1, 0.1]], np.float32)
    other = one + np.array([[0.06, 0, 0], [0.2, 0.2, 0.05]], np.float32)
    assert score_difference(one, other, of) == pytest.approx(0.06 / 0.2 / 3, rel=1e-4)
    assert score_difference(one, one, of) == 0
    alone = [[0.5, 0.45, 0.2]], [[0.56, 0.45, 0.2]]
    squares = replace(of, power=2.0)
    found = score_difference(*(np.array(rows, np.float32) for rows in alone), squares)
    assert found == pytest.approx(0.06 / 0.2 / 3**0.5, rel=1e-4)
    assert score_difference(one, np.full_like(one, np.nan), of) == float("inf")

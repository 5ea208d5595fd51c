"""All engines: the scores of PyTorch in float32, from the same bytes."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ssmtl.engine.again import AskingAgain, once
from ssmtl.engine.build import build_engine
from ssmtl.engine.choose import WAYS
from ssmtl.engine.engine import Engine, Subject
from ssmtl.engine.graph import given_names, given_shape, prepared
from ssmtl.engine.samples import Samples, spread
from ssmtl.engine.settings import Kind, Precision
from ssmtl.errors import ConfigError
from ssmtl.hardware import computes_bfloat16
from ssmtl.scoring.score import raw_scores

from ..scoring.tiny import make_model

TASKS: dict[str, list[Any]] = {
    "T1-3": ["arrow_of_time", "motion_irregularity", "middle_box"],
    "given": ["distillation", "jigsaw", "segmentation"],
    "both ways": ["motion_irregularity", {"kind": "arrow_of_time", "both_ways": True}, "middle_box"],
    "rounds": ["arrow_of_time", {"kind": "inpainting", "rounds": 2}],
    "shuffled": ["arrow_of_time", {"kind": "jigsaw", "asked": "applied"}],
}
TRANSFORMER = {"transformer": "3d", "cvt": {"blocks": 1, "heads": 2, "head_size": 8}}
CPU = torch.device("cpu")


def subject(tasks: str = "T1-3", backbone: dict[str, Any] | None = None, n: int = 9) -> Subject:
    model = make_model(tasks=TASKS[tasks], backbone=backbone)
    chance = np.random.default_rng(1)
    pictures = chance.integers(0, 256, (n, 1, 7, 64, 64), np.uint8)
    given = {name: chance.random((n, *given_shape(name)), np.float32) for name in given_names(model.tasks)}
    of = replace(model.subject, samples=Samples(pictures, given), identity=f"{tasks}{backbone}")
    if tasks == "both ways":
        # Untrained, all get nearly the same answer: half of them shall look backward.
        backward = float(np.median(exact(replace(of, tasks=once(of.tasks)))[:, 1]))
        with torch.no_grad():
            of.network.heads["arrow_of_time"].get_submodule("linear").bias[0] += np.log(backward / (1 - backward))
    return of


def exact(of: Subject) -> np.ndarray:
    """By the network as it was trained, without an engine."""
    assert of.samples is not None
    with torch.no_grad():
        x = torch.from_numpy(of.samples.pictures).float() / 255
        known = {name: torch.from_numpy(rows) for name, rows in of.samples.given.items()}
        return raw_scores(of.network, of.tasks, x, known).numpy()


def make(of: Subject, kind: Kind, precision: Precision) -> Engine:
    if kind == "onnx":
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    if kind == "openvino":
        pytest.importorskip("openvino")
    if precision == "bfloat16" and not computes_bfloat16():
        pytest.skip("no bfloat16 in this processor")
    return build_engine(of, kind, precision, 0, CPU)


@pytest.mark.parametrize("tasks", TASKS)
@pytest.mark.parametrize(("kind", "precision"), WAYS)
def test_scores(kind: Kind, precision: Precision, tasks: str) -> None:
    """float32 to rounding; the others near enough that a mixed-up input or output would show."""
    of = subject(tasks)
    engine, expected = make(of, kind, precision), exact(of)
    assert of.samples is not None and (engine.kind, engine.precision) == (kind, precision)
    found = engine.scores(of.samples.pictures, of.samples.given)
    assert found.dtype == np.float32 and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-6 if precision == "float32" else 0.05)
    if precision == "float32":
        assert (np.ptp(expected, axis=0) > 5e-6).all(), "sequences differ, so that their order counts"


@pytest.mark.parametrize(("kind", "precision"), [way for way in WAYS if way[1] == "float32"])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_any_number_of_sequences(kind: Kind, precision: Precision, n: int) -> None:
    of = subject()
    assert of.samples is not None
    few = of.samples.first(n)
    engine = make(of, kind, precision)
    np.testing.assert_allclose(engine.scores(few.pictures, few.given), exact(of)[:n], atol=1e-5)


def test_a_transposed_view_of_crops_is_taken_as_it_is() -> None:
    """Crops come as N×T×H×W×C in memory."""
    of = subject()
    assert of.samples is not None
    turned = np.ascontiguousarray(of.samples.pictures.transpose(0, 2, 3, 4, 1)).transpose(0, 4, 1, 2, 3)
    for kind, precision in (("pytorch", "float32"), ("openvino", "float32")):
        engine = make(of, kind, precision)  # type: ignore[arg-type]
        np.testing.assert_allclose(engine.scores(turned, {}), exact(of), atol=1e-5)


@pytest.mark.parametrize("backbone", [{}, {"depth": "deep"}, TRANSFORMER, {"per_task": True}], ids=str)
def test_the_graph_is_the_network(backbone: dict[str, Any]) -> None:
    """With its batch norms folded, each length's own, and rectified before it is pooled."""
    of = subject(backbone=backbone)
    for module in of.network.modules():
        if hasattr(module, "variance"):
            module.variance.copy_(torch.rand(module.variance.shape) + 0.5)
            module.mean.copy_(torch.rand(module.mean.shape) - 0.5)
    assert of.samples is not None
    with torch.no_grad():
        found = prepared(of.network, of.tasks)(torch.from_numpy(of.samples.pictures)).numpy()
    np.testing.assert_allclose(found, exact(of), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "precision", "text"),
    [("pytorch", "int8", "pytorch has no int8"), ("onnx", "bfloat16", "onnx has no bfloat16")],
)
def test_what_an_engine_cannot_do(kind: Kind, precision: Precision, text: str) -> None:
    with pytest.raises(ConfigError, match=rf"engine\.precision: {text}"):
        build_engine(subject(), kind, precision, 0, CPU)


def test_pytorch_has_as_many_threads_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it scores, and as many as before afterwards."""
    engine = build_engine(subject(), "pytorch", "float32", 3, torch.device("cpu"))
    graph, seen = engine.graph, []  # type: ignore[attr-defined]
    monkeypatch.setattr(type(graph), "forward", lambda self, *rows: seen.append(torch.get_num_threads()) or rows[0])
    before = torch.get_num_threads()
    engine.scores(np.zeros((1, 3, 7, 64, 64), np.uint8), {})
    assert seen == [3] and torch.get_num_threads() == before


def test_only_what_looks_backward_is_asked_again() -> None:
    """Whether crops lie in memory or on a device."""
    of = subject("both ways")
    assert of.samples is not None
    pictures = of.samples.pictures
    backward = exact(replace(of, tasks=once(of.tasks)))[:, 1] > 0.5
    assert 0 < backward.sum() < len(pictures)
    shown = []

    def build(one: Subject) -> Engine:
        engine = build_engine(one, "pytorch", "float32", 0, CPU)
        if len(one.tasks) == 1:
            ask = engine.scores
            engine.scores = lambda x, given: shown.append(np.asarray(x)) or ask(x, given)  # type: ignore[method-assign]
        return engine

    engine = AskingAgain(of, build)
    for x in (pictures, torch.from_numpy(pictures)):
        np.testing.assert_allclose(engine.scores(x, {}), exact(of), atol=2e-6)
        np.testing.assert_array_equal(shown.pop(), pictures[backward][:, :, ::-1])
    assert not shown, "asked once"


@pytest.mark.parametrize("tasks", ["T1-3", "both ways"])
def test_two_lanes_of_openvino_at_once(tasks: str) -> None:
    """Of two threads each has one; with one thread there is one lane."""
    pytest.importorskip("openvino")
    of = subject(tasks)
    assert of.samples is not None
    lanes = build_engine(of, "openvino", "float32", 2, CPU).lanes()
    pictures, expected = of.samples.pictures, exact(of)

    def several(lane: Engine) -> list[np.ndarray]:
        return [lane.scores(pictures[k : k + 4], {}) for k in range(5)]

    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(several, lanes):
            for k, scores in enumerate(found):
                np.testing.assert_allclose(scores, expected[k : k + 4], atol=1e-5)
    assert len(lanes) == 2 and len(build_engine(of, "openvino", "float32", 1, CPU).lanes()) == 1


def test_int8_needs_crops() -> None:
    pytest.importorskip("openvino")
    with pytest.raises(ConfigError, match="no training crops"):
        build_engine(replace(subject(), samples=None, identity="none"), "openvino", "int8", 0, CPU)


def test_int8_is_calibrated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    from ssmtl.engine import openvino

    of = replace(subject(), identity="calibrated once")
    first = make(of, "openvino", "int8")
    monkeypatch.setattr(openvino, "quantize", lambda *_: pytest.fail("calibrated again"))
    again = make(of, "openvino", "int8")
    assert of.samples is not None
    np.testing.assert_array_equal(first.scores(of.samples.pictures, {}), again.scores(of.samples.pictures, {}))


def test_openvino_tells_nobody() -> None:
    """Its telemetry is not loaded; in a process of its own, since another test may have."""
    pytest.importorskip("openvino")
    code = (
        "from ssmtl.engine.openvino import import_openvino; import_openvino(); import nncf, openvino.tools.ovc as c; "
        "print(type(c.telemetry).__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "openvino.tools.ovc.telemetry_stub", done.stderr


@pytest.mark.parametrize(
    ("n", "most", "expected"), [(0, 4, []), (3, 0, []), (1, 4, [0]), (3, 5, [0, 1, 2]), (9, 3, [0, 4, 8])]
)
def test_spread(n: int, most: int, expected: list[int]) -> None:
    assert spread(n, most).tolist() == expected


def test_samples_go_over_and_over() -> None:
    few = Samples(np.arange(3, dtype=np.uint8)[:, None], {"classes": np.arange(3, dtype=np.float32)[:, None]})
    more = few.first(5)
    assert more.pictures[:, 0].tolist() == more.given["classes"][:, 0].tolist() == [0, 1, 2, 0, 1]
    again = Samples.of(few.arrays())
    assert np.array_equal(again.pictures, few.pictures) and again.given.keys() == {"classes"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("tasks", ["T1-3", "given", "rounds", "shuffled"])
def test_scores_are_captured_on_a_gpu(tasks: str) -> None:
    of = subject(tasks)
    assert of.samples is not None
    engine = build_engine(of, "pytorch", "float32", 0, torch.device("cuda"))
    assert engine.scores(of.samples.pictures, of.samples.given) == pytest.approx(exact(of), abs=1e-2)

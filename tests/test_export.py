"""`ssmtl export`: a folder that scores a clip as the model does, or a refusal."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssmtl import detect, load_model
from ssmtl.bench.footage import Walkers, write_footage
from ssmtl.bench.run import untrained
from ssmtl.engine.samples import Samples
from ssmtl.errors import ConfigError, ModelError, OutputError
from ssmtl.exporting import export
from ssmtl.model import Model, with_settings
from ssmtl.model_folder import save_model
from ssmtl.recipes import configure
from ssmtl.results import read_scores
from ssmtl.video.sources import Clip

PLAIN = {"engine": {"kind": "pytorch", "precision": "float32"}}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that asks the arrow of time both ways: an exported graph asks all, an engine those that look backward."""
    folder = tmp_path_factory.mktemp("model")
    changes = {"scoring": {"every": 4}, "tasks": {"arrow_of_time": {"both_ways": True}}}
    save_model(untrained(configure("fast", changes)), folder)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip("walkers", write_footage(tmp_path_factory.mktemp("clip") / "walkers.mp4", Walkers(30, 2)))


@pytest.mark.parametrize(
    ("to", "precision", "files", "tolerance"),
    [
        ("onnx", "float32", {"scores.onnx"}, 1e-4),
        ("openvino", "float32", {"scores.xml", "scores.bin"}, 1e-4),
        ("openvino", "int8", {"scores.xml", "scores.bin"}, 1.0),
    ],
)
def test_the_exported_model_scores_a_clip(
    model: Path, clip: Clip, tmp_path: Path, to: str, precision: str, files: set[str], tolerance: float
) -> None:
    pytest.importorskip("onnxscript" if to == "onnx" else "nncf")
    out = tmp_path / "exported"
    changed = with_settings(load_model(model), {"engine": {"tolerance": 10}})
    facts = export(changed, out, to, precision)
    names = {path.name for path in out.iterdir()}
    assert names == {"model.json", "model.safetensors", "samples.safetensors", "export.json"} | files
    assert facts == json.loads((out / "export.json").read_text()) and facts["largest_difference"] <= 10
    assert facts["inputs"] == {"pictures": ["n", 3, 7, 64, 64]} and facts["output"] == {"scores": ["n", 3]}

    exported = load_model(out)
    detect([clip], exported, tmp_path / "theirs")
    assert (exported.engine_choice.kind, exported.engine_choice.precision) == (to, precision)
    detect([clip], with_settings(load_model(model), PLAIN), tmp_path / "ours")
    ours, theirs = (read_scores(tmp_path / name / "walkers").scores for name in ("ours", "theirs"))
    np.testing.assert_allclose(theirs, ours, atol=tolerance)
    assert ours.max() > 0
    with pytest.raises(ConfigError, match="was exported for one engine"):
        with_settings(exported, PLAIN)
    with pytest.raises(ConfigError, match="is an exported model already"):
        export(out, tmp_path / "again", to)


def test_the_graph_is_the_one_that_runs(model: Path, tmp_path: Path) -> None:
    """Not the weights beside it."""
    pytest.importorskip("openvino")
    out = tmp_path / "exported"
    export(model, out, "openvino")
    (out / "scores.xml").write_text("no graph")
    with pytest.raises(ModelError, match=r"scores\.xml: OpenVINO cannot read it .*export it again"):
        _ = load_model(out).engine


@pytest.mark.parametrize(
    ("to", "precision", "text"),
    [
        ("torchscript", "float32", "--to torchscript: unknown; choose onnx, openvino"),
        ("openvino", "float16", "--precision float16: unknown; choose float32, bfloat16, int8"),
        ("onnx", "int8", "onnx has no int8"),
    ],
)
def test_what_cannot_be_exported(model: Path, tmp_path: Path, to: str, precision: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        export(model, tmp_path / "out", to, precision)
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_one_that_is_off_is_refused(model: Path, tmp_path: Path) -> None:
    """And leaves nothing behind."""
    pytest.importorskip("nncf")
    strict = with_settings(load_model(model), {"engine": {"tolerance": 1e-9}})
    with pytest.raises(ConfigError, match=r"scores differ from float32 by up to .*tolerance=1e-09"):
        export(strict, tmp_path / "out", "openvino", "int8")
    assert not (tmp_path / "out" / "model.json").exists()


def test_a_model_without_crops(model: Path, tmp_path: Path) -> None:
    bare: Model = replace(load_model(model), samples=None)
    with pytest.raises(ModelError, match="no training crops"):
        export(bare, tmp_path / "out", "openvino")


def test_a_folder_that_is_taken(model: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(OutputError):
        export(model, tmp_path, "openvino")
    for place in (tmp_path, model):
        with pytest.raises(OutputError, match="holds other things"):
            export(model, place, "openvino", overwrite=True)
    assert (tmp_path / "mine.txt").is_file() and load_model(model).exported is None


def test_an_export_that_is_made_anew_or_trained_over(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the folder where one is, by a link too; a model that is saved over one is no exported one any more."""
    (tmp_path / "place").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    export(model, ".", "openvino")
    export(model, tmp_path / "link", "openvino", overwrite=True)
    assert (tmp_path / "link").is_symlink() and load_model(tmp_path / "place").exported is not None
    save_model(load_model(model), tmp_path / "place")
    assert load_model(tmp_path / "place").exported is None


def test_crops_survive_saving(model: Path) -> None:
    first = load_model(model)
    assert isinstance(first.samples, Samples) and first.samples.pictures.shape[1:] == (3, 7, 64, 64)
    assert first.subject.identity == load_model(model).subject.identity

"""Imports run one way, from later steps to earlier ones, and nothing that can run code is ever loaded."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import ssmtl

ROOT = Path(ssmtl.__file__).parent
BASE = {"ssmtl", "errors", "atomic", "config", "hardware"}
FRAMES = {"video", "regions", "regions.classes", "sequences"}
LEARNING = {"nets", "tasks"}

# What each step may import besides itself and BASE. The longest name that fits a module counts.
MAY_IMPORT: dict[str, set[str]] = {
    "formats": set(),
    "video": set(),
    # Names alone: what detectors find and tasks learn.
    "regions.classes": set(),
    "regions": {"video", "formats", "regions.classes"},
    "sequences": {"video", "regions", "regions.classes"},
    "teachers": FRAMES,
    "nets": set(),
    "tasks": {"nets", "regions.classes"},
    "training": FRAMES | LEARNING | {"teachers"},
    "scoring": FRAMES | LEARNING,
    "metrics.boxes": set(),
    "metrics": {"metrics.boxes"},
    "datasets": {"video", "formats", "metrics.boxes"},
    "report": {"video", "metrics", "metrics.boxes"},
    "engine.settings": set(),
    "engine": FRAMES | LEARNING | {"teachers", "scoring", "engine.settings"},
    "recipes": FRAMES | LEARNING | {"teachers", "training", "scoring", "engine.settings"},
    "model": FRAMES | LEARNING | {"teachers", "scoring", "recipes", "engine", "engine.settings"},
    # The end of scoring is where a model, which holds a task's scale, meets frames.
    "scoring.cutting": FRAMES | LEARNING | {"scoring", "model"},
    "scoring.stream": FRAMES | LEARNING | {"scoring", "scoring.cutting", "model", "engine"},
    "scoring.event_stream": FRAMES | LEARNING | {"scoring", "scoring.stream", "model"},
    # Above all steps but the command line, the modules beside the packages ("") among them.
    "studies": FRAMES
    | LEARNING
    | {
        "teachers",
        "training",
        "scoring",
        "scoring.stream",
        "metrics",
        "formats",
        "datasets",
        "report",
        "recipes",
        "model",
        "engine",
        "engine.settings",
        "",
    },
    "bench": FRAMES
    | LEARNING
    | {
        "teachers",
        "training",
        "scoring",
        "scoring.stream",
        "report",
        "recipes",
        "model",
        "engine",
        "engine.settings",
        "",
    },
    "live": FRAMES
    | LEARNING
    | {"scoring", "scoring.stream", "scoring.event_stream", "report", "recipes", "model", "engine", ""},
    "cli": {"*"},
    "__main__": {"cli"},
}
BETWEEN_BASE = {"errors": set(), "atomic": {"errors"}, "config": {"errors"}, "hardware": set()}


def modules() -> dict[str, ast.Module]:
    """All modules of the package: "regions.flow" → its syntax tree; a package goes by its folder's name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name or "ssmtl"] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def imported(tree: ast.Module) -> Iterator[str]:
    """Absolute names of all that a module imports, inside functions too: "ssmtl.errors.SourceError", "numpy"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(name: str) -> str | None:
    """The module of ours that an imported name is of or in, or None."""
    package, _, rest = name.partition(".")
    if package != "ssmtl":
        return None
    while rest and rest not in MODULES:
        rest = rest.rpartition(".")[0]
    return rest or "ssmtl"


def row(module: str) -> str:
    """The row of the table for a module; a module beside the packages without one is a top-level module."""
    while module and module not in MAY_IMPORT:
        module = module.rpartition(".")[0]
    return module


def allowed(module: str, target: str) -> bool:
    if module in BASE:
        return target in BETWEEN_BASE[module]
    step = row(module)
    if target in BASE or step == "cli":
        return True
    if not step:
        return "." not in module and not target.startswith("cli")
    return step == row(target) or row(target) in MAY_IMPORT[step]


STEPS = [module for module in MODULES if module != "ssmtl"]
"""All modules but the face of the package, which names things of every step and loads none of them by itself."""


@pytest.mark.parametrize("module", STEPS)
def test_imports_point_to_earlier_steps(module: str) -> None:
    assert row(module) or "." not in module, f"{module}: give its step a row in MAY_IMPORT"
    targets = {target for name in imported(MODULES[module]) if (target := own(name)) is not None}
    assert [target for target in sorted(targets) if not allowed(module, target)] == []


def test_the_table_itself_points_one_way() -> None:
    graph = {step: targets - {step} for step, targets in MAY_IMPORT.items() if step != "cli"}
    list(TopologicalSorter(graph).static_order())


def test_no_cycles() -> None:
    graph = {
        module: {target for name in imported(MODULES[module]) if (target := own(name)) is not None} - {module, "ssmtl"}
        for module in STEPS
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize(
    ("module", "target", "fine"),
    [
        ("video.files", "regions.regions", False),
        ("regions.flow", "video.frame", True),
        ("regions.flow", "sequences.crop", False),
        ("nets.cnn3d", "config", True),
        ("nets.cnn3d", "tasks.task", False),
        ("training.train", "scoring.score", False),
        ("training.train", "metrics.frames", False),
        ("report.page", "scoring.stream", False),
        ("scoring.score", "model", False),
        ("scoring.score", "scoring.stream", False),
        ("scoring.stream", "scoring.score", True),
        ("model", "scoring.stream", False),
        ("anything", "scoring.stream", True),
        ("anything", "cli.main", False),
        ("cli.main", "cli.fit", True),
        ("config", "atomic", False),
    ],
)
def test_the_rule(module: str, target: str, fine: bool) -> None:
    assert allowed(module, target) is fine


def test_the_face_of_the_package_loads_nothing_by_itself() -> None:
    code = "import sys, ssmtl; sys.exit(', '.join(m for m in sys.modules if m.startswith('ssmtl.')) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_all_that_the_package_names_is_there() -> None:
    for name in ssmtl.__all__:
        assert getattr(ssmtl, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ssmtl.nothing  # noqa: B018


def test_tasks_do_not_know_each_other() -> None:
    for module, tree in MODULES.items():
        if module.startswith("tasks."):
            others = {own(name) for name in imported(tree) if name.startswith("ssmtl.tasks")}
            assert others <= {"tasks.task", "tasks.odds"}, f"{module} imports {others}"


def test_metrics_import_nothing_but_numpy() -> None:
    for module, tree in MODULES.items():
        if module.startswith("metrics"):
            outside = {name.partition(".")[0] for name in imported(tree)} - set(sys.stdlib_module_names)
            assert outside <= {"numpy", "ssmtl"}, module


def test_metrics_do_not_load_torch() -> None:
    names = ["ssmtl." + module for module in MODULES if module.startswith("metrics")]
    code = f"import sys, {', '.join(names)}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


UNSAFE = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}


def unsafe(tree: ast.Module) -> Iterator[str]:
    """Whatever in a module could read a pickle."""
    for name in imported(tree):
        if name.partition(".")[0] in UNSAFE or name in {"torch.load", "torch.serialization"}:
            yield name
    safe = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and reads_weights_only(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) == ("torch", "load") and id(node) not in safe:
                yield "torch.load"
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield "allow_pickle"


def reads_weights_only(call: ast.Call) -> bool:
    """Whether a call says weights_only=True, in so many words."""
    return any(word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in call.keywords)


@pytest.mark.parametrize("module", MODULES)
def test_no_pickle(module: str) -> None:
    assert list(unsafe(MODULES[module])) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib",
        "from torch import load",
        "x = torch.load(f)",
        "torch.load(f, weights_only=False)",
        "torch.load(f, weights_only=flag)",
        "torch.load(f, None, None, True)",
        "read(torch.load, weights_only=True)",
        "torch.load(torch.load(f), weights_only=True)",
        "np.load(f, allow_pickle=True)",
        "np.load(f, allow_pickle=flag)",
    ],
)
def test_a_pickle_would_be_found(code: str) -> None:
    assert len(list(unsafe(ast.parse(code)))) == 1
    assert list(unsafe(ast.parse("np.load(f, allow_pickle=False)"))) == []


def test_tensors_alone_may_be_loaded() -> None:
    assert list(unsafe(ast.parse("x = torch.load(f, map_location='cpu', weights_only=True)"))) == []

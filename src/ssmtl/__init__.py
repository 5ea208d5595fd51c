"""Video anomaly detection by self-supervised multi-task learning (SSMTL, SSMTL++).

Everything that the commands do is a call: `fit`, `detect`, `evaluate`, `review`, `review_regions`, `run_studies` and
`demo`; `find_clips` and `open_source` for footage, `load_model` and `score_stream` for scoring frame by frame,
`configure` for settings.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ssmtl.datasets.catalogue import open_dataset
    from ssmtl.demonstration import demo
    from ssmtl.detection import detect
    from ssmtl.evaluation import evaluate
    from ssmtl.fitting import fit
    from ssmtl.imitation import imitate
    from ssmtl.kept_network import keep_network
    from ssmtl.model_folder import load_model
    from ssmtl.recipes import configure
    from ssmtl.region_review import review_regions
    from ssmtl.regions.union import build_detector
    from ssmtl.result_page import review
    from ssmtl.scoring.stream import score_stream
    from ssmtl.studies.run import run_studies
    from ssmtl.video.sources import find_clips, open_source

# Read on first use: `import ssmtl.metrics` must not wait for PyTorch.
_HOMES = {
    "build_detector": "ssmtl.regions.union",
    "configure": "ssmtl.recipes",
    "demo": "ssmtl.demonstration",
    "detect": "ssmtl.detection",
    "evaluate": "ssmtl.evaluation",
    "find_clips": "ssmtl.video.sources",
    "fit": "ssmtl.fitting",
    "imitate": "ssmtl.imitation",
    "keep_network": "ssmtl.kept_network",
    "load_model": "ssmtl.model_folder",
    "open_dataset": "ssmtl.datasets.catalogue",
    "open_source": "ssmtl.video.sources",
    "review": "ssmtl.result_page",
    "review_regions": "ssmtl.region_review",
    "run_studies": "ssmtl.studies.run",
    "score_stream": "ssmtl.scoring.stream",
}

__all__ = [
    "build_detector",
    "configure",
    "demo",
    "detect",
    "evaluate",
    "find_clips",
    "fit",
    "imitate",
    "keep_network",
    "load_model",
    "open_dataset",
    "open_source",
    "review",
    "review_regions",
    "run_studies",
    "score_stream",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ssmtl' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

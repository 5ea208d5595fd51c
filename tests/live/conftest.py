"""What the tests of watches share: footage of a street, and a model to which some of it is unusual."""

from pathlib import Path

import numpy as np
import pytest

from ssmtl import detect
from ssmtl.datasets.street import StreetConfig, write_street
from ssmtl.model import Model, with_settings
from ssmtl.results import read_scores
from ssmtl.video.sources import Clip

from ..scoring.tiny import make_model


@pytest.fixture(scope="package")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated clip with people in it, eight seconds."""
    root = tmp_path_factory.mktemp("street")
    write_street(root, StreetConfig(), 3, 1, 30, 1, 200)
    return next((root / "test").glob("*.mp4"))


@pytest.fixture(scope="package")
def model(street: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """An untrained network, which finds other things unusual than people do, with a threshold that the clip crosses."""
    made = with_settings(
        make_model(picture_channels=3, every=3, gaussian_frames=2.0, mean_frames=3),
        {
            "engine": {"kind": "pytorch", "precision": "float32"},
            "events": {"merge_s": 0.1, "release": 0.98, "least_s": 0.12},
        },
    )
    out = tmp_path_factory.mktemp("scores")
    detect([Clip("street", street)], made, out)
    scores = read_scores(out / "street").scores
    return with_settings(made, {"events": {"threshold": float(np.quantile(scores, 0.8))}})

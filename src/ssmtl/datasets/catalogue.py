"""The data sets by name."""

from collections.abc import Callable
from pathlib import Path

from ssmtl.datasets.dataset import Dataset
from ssmtl.datasets.own import OwnDataset
from ssmtl.datasets.ucsd import UCSD
from ssmtl.errors import DataError

DATASETS: dict[str, Callable[[Path], Dataset]] = {"own": OwnDataset, "ucsd": UCSD}
"""A new data set adds its line here."""


def open_dataset(name: str, root: Path) -> Dataset:
    """The named data set at `root`.

    Raises:
        DataError: an unknown name, or no such folder.
    """
    if name not in DATASETS:
        raise DataError(f"data set '{name}': unknown; known ones: {', '.join(sorted(DATASETS))}")
    if not Path(root).is_dir():
        raise DataError(f"{root}: no such folder; --root is where the data set {name} lies")
    return DATASETS[name](Path(root))

"""The data sets by name."""

from collections.abc import Callable
from pathlib import Path

from ssmtl.datasets.avenue import Avenue
from ssmtl.datasets.dataset import Dataset
from ssmtl.datasets.own import OwnDataset
from ssmtl.datasets.shanghaitech import ShanghaiTech
from ssmtl.datasets.ubnormal import UBnormal
from ssmtl.datasets.ucsd import UCSD, Ped1, Ped2
from ssmtl.errors import DataError

DATASETS: dict[str, Callable[[Path, Path | None, int | None], Dataset]] = {
    "avenue": Avenue,
    "own": OwnDataset,
    "ped1": Ped1,
    "ped2": Ped2,
    "shanghaitech": ShanghaiTech,
    "ubnormal": UBnormal,
    "ucsd": UCSD,
}
"""A new data set adds its line here."""


def open_dataset(name: str, root: Path, tracks: Path | None = None, first_frame: int | None = None) -> Dataset:
    """The named data set at `root`, with the tracks in `tracks` in place of those found in `root`.

    Args:
        name: one of `DATASETS`.
        root: the folder of the data set.
        tracks: a folder or a file, in any form that `ssmtl.formats.tracks.read_tracks_folder` reads.
        first_frame: number of a clip's first frame in tracks of COCO's JSON; None = as the file lets see.

    Raises:
        DataError: an unknown name, or no such folder or file.
    """
    if name not in DATASETS:
        raise DataError(f"data set '{name}': unknown; known ones: {', '.join(sorted(DATASETS))}")
    if not Path(root).is_dir():
        raise DataError(f"{root}: no such folder; --root is where the data set {name} lies")
    if tracks is not None and not Path(tracks).exists():
        raise DataError(f"{tracks}: no such file or folder; name the one that holds the tracks of the test clips")
    return DATASETS[name](Path(root), None if tracks is None else Path(tracks), first_frame)

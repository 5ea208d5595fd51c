"""Numbers in NumPy's files: one array in an `.npy`, one per clip in an `.npz`. Python objects are never loaded."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmtl.errors import DataError

_DAMAGED = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, SyntaxError, MemoryError)
"""What NumPy raises for files that are no arrays or end too early."""

NOT_FINITE = "leave such boxes out, and give such frames the score of the nearest"
"""What to do about boxes and scores that are no numbers."""


def read_array(path: Path) -> NDArray[np.float64]:
    """The finite numbers of an `.npy` file, in any shape.

    Raises:
        DataError: the file is missing or damaged, holds Python objects, or a value is no finite number.
    """
    return _numbers(_load(path), str(path))


def read_arrays(path: Path) -> dict[str, NDArray[np.float64]]:
    """The arrays of an `.npz` file by their names, in the file's order; same errors."""
    loaded = _load(path)
    if not isinstance(loaded, np.lib.npyio.NpzFile):
        raise DataError(f"{path}: holds one array without a name; save it as {path.stem}.npy, or with np.savez")
    with loaded:
        arrays = {}
        for name in loaded.files:
            where = f"{path}, array {name!r}"
            try:
                arrays[name] = _numbers(loaded[name], where)
            except _DAMAGED as error:
                raise _explain(where, error) from error
        return arrays


def array_row(where: str, row: int) -> str:
    """For errors: a row of an array."""
    return f"{where}, row {row} from 0"


def write_array(path: Path, array: NDArray[np.generic]) -> None:
    """Write an `.npy` file."""
    with path.open("wb") as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write an `.npz` file. Not np.savez: that takes no array named as one of its own arguments."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def _load(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path}: cannot be read ({reason}); name a file, and check its permissions") from error
    except _DAMAGED as error:
        raise _explain(str(path), error) from error


def _explain(where: str, error: Exception) -> DataError:
    # NumPy takes whatever is not its own for a pickle.
    if "Object arrays" in str(error):
        return DataError(
            f"{where}: holds Python objects, which are not loaded since they could run code; save numbers: "
            "np.save(file, np.asarray(rows, float)), or one such array per clip: np.savez(file, **{clip: rows})"
        )
    return DataError(f"{where}: is no NumPy file of numbers, or damaged; write it again with np.save or np.savez")


def _numbers(array: Any, where: str) -> NDArray[np.float64]:
    if not isinstance(array, np.ndarray):
        array.close()
        raise DataError(f"{where}: holds several arrays; name the file .npz")
    if array.dtype.kind not in "buif":
        raise DataError(f"{where}: holds {array.dtype}, not numbers; save it as np.asarray(rows, float)")
    numbers = array.astype(np.float64)
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        place = array_row(where, int(wrong[0][0])) if numbers.ndim else where
        raise DataError(f"{place}: a value is not finite; {NOT_FINITE}")
    return numbers

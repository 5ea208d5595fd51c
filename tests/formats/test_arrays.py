"""NumPy's files: numbers come back as they were, and nothing that could run code is loaded."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from ssmtl.errors import DataError
from ssmtl.formats.arrays import read_array, read_arrays, write_array, write_arrays

OBJECTS = np.array([[1.0], [1.0, 2.0]], dtype=object)


@pytest.mark.parametrize(
    "array",
    [
        np.empty(0),
        np.empty((0, 6)),
        np.array([1.5]),
        np.arange(6, dtype=np.int16).reshape(2, 3),
        np.array([True, False]),
        np.array([0.1], np.float32),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_numbers(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    found = read_array(tmp_path / "a.npy")
    assert found.dtype == np.float64 and np.array_equal(found, array)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([1.0, np.nan]), "row 1 from 0: a value is not finite"),
        (np.array([[1, 2], [3, 4], [5, np.inf]]), "row 2 from 0"),
        (np.array(np.nan), "not finite"),
        (np.array(["a"]), "not numbers"),
        (np.array([1j]), "not numbers"),
        (np.zeros(2, [("x", float)]), "not numbers"),
    ],
)
def test_arrays_that_are_refused(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=rf"a\.npy.*{message}"):
        read_array(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", good=np.ones(1), bad=array)
    with pytest.raises(DataError, match=rf"a\.npz, array 'bad'.*{message}"):
        read_arrays(tmp_path / "a.npz")


def test_objects_are_refused_with_what_to_do(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", OBJECTS)
    with pytest.raises(DataError, match=r"a\.npy: holds Python objects.*np\.savez\("):
        read_array(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", clip=OBJECTS)
    with pytest.raises(DataError, match=r"a\.npz, array 'clip': holds Python objects"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("data", [b"", b"no array", b"\x93NUMPY", b"PK\x03\x04 no archive", b"\x80\x04K\x01."])
def test_what_is_no_array(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(data)
    for read in (read_array, read_arrays):
        with pytest.raises(DataError, match=r"a\.npz: is no NumPy file"):
            read(tmp_path / "a.npz")


def test_a_file_that_ends_too_early(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(100.0))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-8])
    with pytest.raises(DataError, match="damaged"):
        read_array(tmp_path / "a.npy")


def test_a_damaged_member(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("clip.npy", b"\x93NUMPY")
    with pytest.raises(DataError, match=r"array 'clip'.*damaged"):
        read_arrays(tmp_path / "a.npz")


def test_one_kind_for_the_other(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.ones(1))
    (tmp_path / "a.npz").rename(tmp_path / "many.npy")
    with pytest.raises(DataError, match=r"many\.npy: holds several arrays"):
        read_array(tmp_path / "many.npy")
    np.save(tmp_path / "a.npy", np.ones(1))
    (tmp_path / "a.npy").rename(tmp_path / "one.npz")
    with pytest.raises(DataError, match=r"one\.npz: holds one array"):
        read_arrays(tmp_path / "one.npz")


@pytest.mark.parametrize("read", [read_array, read_arrays])
def test_what_is_no_file(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "a.npy")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize(
    "arrays",
    [{}, {"file": np.ones(1)}, {"b": np.empty((0, 6)), "a/b": np.array([0.1, 1e300]), "allow_pickle": np.arange(3)}],
    ids=["none", "named as an argument", "three"],
)
def test_what_is_written_is_read(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    write_arrays(tmp_path / "a.npz", arrays)
    found = read_arrays(tmp_path / "a.npz")
    assert list(found) == list(arrays)
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    for array in arrays.values():
        write_array(tmp_path / "a.npy", array)
        assert np.array_equal(read_array(tmp_path / "a.npy"), array)


def test_no_objects_are_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        write_array(tmp_path / "a.npy", OBJECTS)

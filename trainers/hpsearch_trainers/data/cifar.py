"""CIFAR-10 and CIFAR-100 in their Python version: pickled batches (Krizhevsky 2009).

A pickle can call any function while it is read. This reader allows only the names that arrays
consist of, and maps them to plain records: no function of NumPy or any other module is called.
"""

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch_trainers.data.pictures import (
    Array,
    DataError,
    OptionError,
    Parts,
    Pictures,
    find,
    labelled,
)

SIDE = 32
VALUES = 3 * SIDE * SIDE  # a row: the red pixels row by row, then the green, then the blue
LABELS = ("fine", "coarse")  # CIFAR-100: 100 classes in 20 groups


def read_cifar10(folder: Path) -> Parts:
    batches = [_read(folder, f"data_batch_{i}", "labels") for i in range(1, 6)]
    train = Pictures(
        np.concatenate([batch.pixels for batch in batches]),
        np.concatenate([batch.labels for batch in batches]),
    )
    return {"train": train, "test": _read(folder, "test_batch", "labels")}


def read_cifar100(folder: Path, labels: str = "fine") -> Parts:
    """CIFAR-100 with its 100 fine or its 20 coarse labels.

    Raises:
        OptionError: there are no such labels.
        DataError: as `read_batch`.
    """
    if labels not in LABELS:
        raise OptionError(f"cifar100?labels={labels}: no such labels (has: {', '.join(LABELS)})")
    return {part: _read(folder, part, f"{labels}_labels") for part in ("train", "test")}


def _read(folder: Path, name: str, key: str) -> Pictures:
    return read_batch(find(folder, [name], ("", "cifar-10-batches-py", "cifar-100-python")), key)


def read_batch(file: Path, key: str) -> Pictures:
    """Pictures [n, 3, 32, 32] of one file, with the labels under `key`.

    Raises:
        DataError: the file is truncated, uses a forbidden name, or lacks pictures or labels.
    """
    try:
        with file.open("rb") as opened:
            batch = _Reader(opened, encoding="bytes").load()
        if not isinstance(batch, dict):
            raise DataError(f"expected a dict, got {type(batch).__name__}")
        held = {k.decode("latin1") if isinstance(k, bytes) else k: v for k, v in batch.items()}
        if missing := {"data", key} - held.keys():
            raise DataError(
                f"expected {' and '.join(sorted(missing))}, has {', '.join(map(str, held))}"
            )
        rows, labels = (_plain(held[name]) for name in ("data", key))
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    except Exception as error:  # a damaged pickle can raise anything
        raise DataError(
            f"{file}: expected a whole pickle of a CIFAR batch, got {file.stat().st_size} bytes "
            f"that end or break off ({type(error).__name__}: {error})"
        ) from None
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != VALUES:
        raise DataError(
            f"{file}: expected uint8 of shape [n, {VALUES}] as data, got {rows.dtype} of shape "
            f"{list(rows.shape)}"
        )
    return labelled(rows.reshape(-1, 3, SIDE, SIDE), labels, file)


def _plain(value: Any) -> Array:
    return value.array() if isinstance(value, _Array) else np.asarray(value)


class _Type:
    """A dtype: its code."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else str(code)

    def __setstate__(self, state: Any) -> None:
        """Ignore the byte order, which single bytes do not have."""


class _Array:
    """An array: its shape and bytes."""

    def __init__(self, *_: Any) -> None:
        self.shape: tuple[int, ...] = ()
        self.code = ""
        self.order = "C"
        self.data = b""

    def __setstate__(self, state: Any) -> None:
        _version, self.shape, kind, is_fortran, self.data = state
        self.code, self.order = kind.code, "F" if is_fortran else "C"

    def array(self) -> Array:
        if self.code != "u1" or len(self.data) != math.prod(self.shape):
            raise DataError(
                f"expected an array of u1, got {self.code or 'none'} of shape {self.shape} in "
                f"{len(self.data)} bytes"
            )
        plain = np.frombuffer(self.data, np.uint8)
        return plain.reshape(self.shape, order="F" if self.order == "F" else "C")


def _from_buffer(data: Any, kind: _Type, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, kind, order == "F", bytes(data)))
    return array


def _bytes(text: str, _encoding: str = "latin1") -> bytes:
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _bytes,
}
for _core in ("numpy.core", "numpy._core"):
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _Array
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = _from_buffer


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise DataError(
                f"the pickle asks for {module}.{name}, which no CIFAR batch needs; it was not read"
            )
        return _ALLOWED[module, name]

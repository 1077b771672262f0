"""The values that a checkpoint may hold: those that `torch.load(weights_only=True)` reads back.

NumPy's numbers and arrays are among them, because generators' states are made of them. Other types
are refused when they are saved: otherwise the trial's continuation would fail, a round later.
"""

import functools
import io
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

_ATOMS = (type(None), bool, int, float, complex, str, bytes, bytearray)
_TORCH = (torch.Tensor, torch.nn.Parameter, torch.Size, torch.dtype, torch.device)
_CURES = {
    "deque": "save list(...) of it",
    "HP": "save dict(...) of it",
    "Generator": "save its bit_generator.state, or get_state() of a torch generator",
    "RandomState": "save its get_state()",
    "Random": "save its getstate()",
}


def save_state(state: Mapping[str, Any], file: Any) -> None:
    """Write a checkpoint into a binary file.

    Raises:
        TypeError: a value could not be read back; names its key and the cure.
    """
    for path, value in _unknown_values(dict(state), "state"):
        if not _is_read_back(value):
            kind = type(value).__name__
            cure = _CURES.get(kind, "save numbers, strings, tensors, arrays, lists and dicts")
            if isinstance(value, Path):
                cure = "save str(...) of it"
            raise TypeError(f"run.save: {path} is a {kind}, which run.load cannot read; {cure}")
    torch.save(dict(state), file)


def load_state(path: Path) -> dict[str, Any]:
    """Read a checkpoint, on the CPU."""
    _allow_numpy()
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _unknown_values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The values inside that are of no type known to be readable, with their paths."""
    kind = type(value)
    if kind in (dict, OrderedDict, Counter):
        for key, item in value.items():
            yield from _unknown_values(item, f"{path}[{key!r}]")
    elif kind in (list, tuple, set):
        for index, item in enumerate(value):
            yield from _unknown_values(item, f"{path}[{index}]")
    elif isinstance(value, np.generic) or kind is np.ndarray:
        if value.dtype.hasobject:
            yield path, value
    elif kind not in _ATOMS and kind not in _TORCH:
        yield path, value


def _is_read_back(value: Any) -> bool:
    """Whether the value survives, for types such as those that a trainer has allowed itself."""
    _allow_numpy()
    file = io.BytesIO()
    try:
        torch.save(value, file)
        file.seek(0)
        torch.load(file, weights_only=True)
    except Exception:
        return False
    return True


@functools.cache
def _allow_numpy() -> None:
    """Let torch read NumPy's numbers and arrays, but not arrays of Python objects."""
    multiarray = _multiarray()
    dtypes = {type(np.dtype(code)) for code in np.typecodes["All"] if code != "O"}
    allowed = [multiarray._reconstruct, multiarray.scalar, np.ndarray, np.dtype, *dtypes]
    torch.serialization.add_safe_globals(allowed)


def _multiarray() -> Any:
    try:
        from numpy._core import multiarray
    except ImportError:  # NumPy 1
        from numpy.core import multiarray  # type: ignore[no-redef]
    return multiarray

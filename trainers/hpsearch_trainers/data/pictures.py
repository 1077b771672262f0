"""The common result and errors of all readers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class DataError(ValueError):
    """A data set's name is unknown, or a file is missing, truncated or invalid.

    Trying again helps once the file is as the message asks.
    """


class OptionError(DataError):
    """An option of a data set's name has an unknown value; trying again does not help."""


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures, in the order of their files.

    Attributes:
        pixels: [n, channels, height, width], uint8, or float32 in [-1, 1].
        labels: [n], int64, from 0; all 0 if there are none.
    """

    pixels: Array
    labels: Array


# The official parts by name: "train" and, if the set has them, "valid" and "test".
Parts = Mapping[str, Pictures]


def labelled(pixels: Array, labels: Array, file: Path | str, least: int = 0) -> Pictures:
    """Pictures with labels that start at `least` in the file.

    Args:
        pixels: [n, channels, height, width].
        labels: [n], integers.
        file: their source, for error messages.
        least: the label that becomes 0.

    Raises:
        DataError: there are no pictures, a label is below `least`, or the counts differ.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f"{file}: expected one integer a picture as labels, got {labels.dtype} of shape "
            f"{list(labels.shape)}"
        )
    if len(pixels) != len(labels):
        raise DataError(f"{file}: {len(pixels)} pictures, but {len(labels)} labels")
    if len(pixels) == 0:
        raise DataError(f"{file}: expected pictures, got none")
    if labels.min() < least:
        raise DataError(f"{file}: expected labels from {least} on, got {labels.min()}")
    return Pictures(np.ascontiguousarray(pixels), labels.astype(np.int64) - least)


def find(folder: Path, names: Sequence[str], within: Sequence[str] = ("",)) -> Path:
    """The first existing file with one of these names, in the folder or its subfolders `within`.

    Raises:
        DataError: there is none; the message lists the folder.
    """
    file = look(folder, names, within)
    if file is not None:
        return file
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected {names[0]} in it")
    there = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(there[:6]) + (", …" if len(there) > 6 else "")
    raise DataError(f"{folder}: expected {' or '.join(names)}, has {shown or 'nothing'}")


def look(folder: Path, names: Sequence[str], within: Sequence[str] = ("",)) -> Path | None:
    """As `find`, but None if there is no such file."""
    candidates = (folder / inner / name for inner in within for name in names)
    return next((path for path in candidates if path.is_file()), None)

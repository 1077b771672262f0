"""What a reader of any format gives, and how it says what is wrong with a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class DataError(ValueError):
    """A data set has no such name, or a file of it is missing, cut off or of another kind.

    Trying again helps once the file is as the message says that it should be.
    """


class OptionError(DataError):
    """An option of a data set's name has no such value; no file would mend that."""


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures, in the order of their files.

    Attributes:
        pixels: [n, channels, height, width], uint8, or float32 in [-1, 1].
        labels: [n], int64, from 0; all 0 where there are none.
    """

    pixels: Array
    labels: Array


# The official parts by name: "train", and where the set has them "valid" and "test".
Parts = Mapping[str, Pictures]


def labelled(pixels: Array, labels: Array, file: Path | str, least: int = 0) -> Pictures:
    """Pictures with their labels, the lowest of which is `least` in the file.

    Args:
        pixels: [n, channels, height, width].
        labels: [n], integers.
        file: what they were read from.
        least: the label that becomes 0.

    Raises:
        DataError: there are none, a label is below `least`, or the counts differ.
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
    """The first file of these names that there is, in the folder or one of those within it.

    Raises:
        DataError: there is none; says what there is instead.
    """
    found = look(folder, names, within)
    if found is not None:
        return found
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected {names[0]} in it")
    there = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(there[:6]) + (", …" if len(there) > 6 else "")
    raise DataError(f"{folder}: expected {' or '.join(names)}, has {shown or 'nothing'}")


def look(folder: Path, names: Sequence[str], within: Sequence[str] = ("",)) -> Path | None:
    """As `find`, but None where there is no such file."""
    candidates = (folder / inner / name for inner in within for name in names)
    return next((path for path in candidates if path.is_file()), None)

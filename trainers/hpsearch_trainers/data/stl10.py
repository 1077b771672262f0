"""STL-10 in its binary version (Coates, Ng & Lee 2011): 96x96 pictures in column order."""

from pathlib import Path

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

SIDE = 96
SIZE = 3 * SIDE * SIDE  # bytes of a picture
WITHIN = ("", "stl10_binary")


def read_stl10(folder: Path, unlabeled: str = "no") -> Parts:
    """The 5,000 training pictures, or the 100,000 unlabeled ones with the label 0.

    Raises:
        OptionError: `unlabeled` is neither yes nor no.
        DataError: as `read_pixels`.
    """
    if unlabeled == "yes":
        train, test = (
            read_pixels(find(folder, [f"{name}_X.bin"], WITHIN)) for name in ("unlabeled", "test")
        )
        return {
            part: Pictures(pixels, np.zeros(len(pixels), np.int64))
            for part, pixels in (("train", train), ("test", test))
        }
    if unlabeled != "no":
        raise OptionError(f"stl10?unlabeled={unlabeled}: expected yes or no")
    return {part: _read(folder, part) for part in ("train", "test")}


def _read(folder: Path, part: str) -> Pictures:
    pixels = read_pixels(find(folder, [f"{part}_X.bin"], WITHIN))
    file = find(folder, [f"{part}_y.bin"], WITHIN)
    pictures = labelled(pixels, np.fromfile(file, np.uint8), file, least=1)
    if pictures.labels.max() > 9:
        raise DataError(f"{file}: expected labels in 1..10, got {pictures.labels.max() + 1}")
    return pictures


def read_pixels(file: Path) -> Array:
    """[n, 3, 96, 96], uint8.

    Raises:
        DataError: the file's size is no multiple of a picture's.
    """
    size = file.stat().st_size
    if size == 0 or size % SIZE:
        raise DataError(f"{file}: expected a multiple of {SIZE} bytes (3x96x96), got {size}")
    columns_first = np.fromfile(file, np.uint8).reshape(-1, 3, SIDE, SIDE)
    return np.ascontiguousarray(columns_first.transpose(0, 1, 3, 2))

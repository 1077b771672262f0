"""IDX, the format of MNIST and similar sets, gzipped or not.

Two zero bytes, the type of the numbers, the count of dimensions, each dimension as a big-endian
int32, and the numbers, big-endian (LeCun, Cortes & Burges, "The MNIST database", file formats).
"""

import gzip
import math
import struct
import zlib
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
    look,
)

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
WITHIN = ("", "data", "raw", "gzip", "package/data")  # of npm, torchvision and NIST
PREFIXES = {"train": ("train",), "test": ("t10k", "test")}
# EMNIST's splits and their numbers of classes (Cohen et al. 2017, table II).
EMNIST = {"byclass": 62, "bymerge": 47, "balanced": 47, "letters": 26, "digits": 10, "mnist": 10}


def read_array(file: Path) -> Array:
    """The array of an IDX file in its shape and type.

    Raises:
        DataError: the header is not that of an IDX file, or the length does not match it.
    """
    data = _unpacked(file)
    zeros, code, dimensions = struct.unpack(">HBB", data[:4].ljust(4, b"\xff"))
    if zeros != 0 or code not in TYPES or dimensions == 0:
        raise DataError(
            f"{file}: expected an IDX file, whose first bytes are 00 00, a type in 08..0e and the "
            f"count of dimensions, got {data[:4].hex(' ') or 'nothing'}"
        )
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise DataError(f"{file}: expected a head of {start} bytes, got {len(data)} bytes in all")
    shape = struct.unpack(f">{dimensions}i", data[4:start])
    number = np.dtype(TYPES[code])
    size = start + math.prod(shape) * number.itemsize
    if min(shape) < 0 or len(data) != size:
        raise DataError(
            f"{file}: expected {size} bytes for numbers of shape {list(shape)}, got {len(data)}"
        )
    return np.frombuffer(data, number, offset=start).reshape(shape)


def _unpacked(file: Path) -> bytes:
    with file.open("rb") as opened:
        is_gzip = opened.read(2) == b"\x1f\x8b"
    if not is_gzip:
        return file.read_bytes()
    try:
        with gzip.open(file) as opened:
            return opened.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{file}: the gzip stream is cut off or damaged ({error})") from None


def read_folder(folder: Path) -> Parts:
    """A folder with MNIST's file names; the `t10k` files are optional."""
    parts = {"train": _part(folder, "", "train")}
    if look(folder, _names("", "test", "images"), WITHIN) is not None:
        parts["test"] = _part(folder, "", "test")
    return parts


def read_mnist(folder: Path) -> Parts:
    """MNIST, Fashion-MNIST, KMNIST: four files."""
    return {part: _part(folder, "", part) for part in PREFIXES}


def read_emnist(folder: Path, split: str = "balanced") -> Parts:
    """EMNIST, whose pictures are transposed (Cohen et al. 2017, sec. II).

    Raises:
        OptionError: there is no such split.
        DataError: as `read_array`.
    """
    if split not in EMNIST:
        raise OptionError(f"emnist?split={split}: no such split (has: {', '.join(EMNIST)})")
    least = 1 if split == "letters" else 0
    return {part: _part(folder, f"emnist-{split}-", part, least, turned=True) for part in PREFIXES}


def _part(
    folder: Path, prefix: str, part: str, least: int = 0, *, turned: bool = False
) -> Pictures:
    file = find(folder, _names(prefix, part, "images"), WITHIN)
    pixels = read_array(file)
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        raise DataError(
            f"{file}: expected pictures, numbers of type 08 in 3 dimensions, got {pixels.dtype} of "
            f"shape {list(pixels.shape)}"
        )
    labels = find(folder, _names(prefix, part, "labels"), WITHIN)
    if turned:
        pixels = pixels.transpose(0, 2, 1)
    return labelled(pixels[:, None], read_array(labels), labels, least)


def _names(prefix: str, part: str, what: str) -> list[str]:
    dimensions = 3 if what == "images" else 1
    return [
        f"{prefix}{name}-{what}{joint}idx{dimensions}-ubyte{suffix}"
        for suffix in ("", ".gz")
        for joint in ("-", ".")
        for name in PREFIXES[part]
    ]

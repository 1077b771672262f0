"""Data sets by name, with a fixed split.

The SHA-256 of a picture's pixels decides its part, so the split does not depend on order, seed or
version, and equal pictures are in the same part: 60 % train, 20 % valid, 20 % test. An official
test part is used as such; then valid is a fifth of the official training part.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from hpsearch_trainers.cache import remember
from hpsearch_trainers.data.pictures import Array, DataError, Parts
from hpsearch_trainers.data.readers import Source, find_source

Part = Literal["train", "valid", "test"]
PIXELS = 64
CLASSES = 10
BUCKETS = 5  # equal shares of the pictures, by their hashes
HELD_BACK: dict[int, Part] = {3: "valid", 4: "test"}  # of a set without official parts


@dataclass(frozen=True)
class Dataset:
    """A data set with its split.

    Attributes:
        name: the name in a study file.
        shape: of a picture: channels, height, width.
        classes: number of classes.
        part: pictures [n, channels, height, width], float32 in [-1, 1], and labels [n], int64, of
            a part; the same objects at each call, not to be written to.
    """

    name: str
    shape: tuple[int, int, int]
    classes: int
    part: Callable[[Part], tuple[Tensor, Tensor]]


def dataset(name: str, root: str | None = None) -> Dataset:
    """A data set by name; the same object at each call.

    Args:
        name: "digits", "mnist", "fashion", "emnist", "cifar10", "cifar100", "svhn", "stl10",
            "npz:PATH", "idx:FOLDER", "folder:FOLDER", "hf:NAME" or "torchvision:NAME", with
            options as in "folder:faces?size=64" (docs/data.md).
        root: the folder of its files; None for the default.

    Raises:
        DataError: there is no such data set, or a file is missing, truncated or invalid.
    """
    if name == "digits":  # they ship with scikit-learn
        return _DIGITS
    return _open(find_source(name, root))


@functools.cache
def _open(source: Source) -> Dataset:
    parts = source.read()
    shapes = {name: of_part.pixels.shape[1:] for name, of_part in parts.items()}
    expected = source.shape or shapes["train"]
    for name, shape in shapes.items():
        if shape != expected:
            raise DataError(
                f"{source.name}: expected {name} pictures of channels, height and width "
                f"{list(expected)}, got {list(shape)}"
            )
    most = max(int(of_part.labels.max()) for of_part in parts.values())
    classes = source.classes or most + 1
    if most >= classes:
        raise DataError(f"{source.name}: expected labels below {classes}, got {most}")
    rows = _split(source.name, parts)

    @functools.cache
    def part(name: Part) -> tuple[Tensor, Tensor]:
        if name not in rows:
            raise ValueError(f"{source.name}: no part {name!r} (has: {', '.join(rows)})")
        of_part = parts[name if name in parts else "train"]
        images = torch.from_numpy(of_part.pixels[rows[name]])
        return _scaled(images), torch.from_numpy(of_part.labels[rows[name]])

    return Dataset(source.name, expected, classes, part)


def _scaled(images: Tensor) -> Tensor:
    """Bytes 0..255 to float32 in [-1, 1]; floats are in it already."""
    return images.float().div_(127.5).sub_(1) if images.dtype == torch.uint8 else images


def _split(name: str, parts: Parts) -> dict[Part, Array]:
    """Which rows of the official part, or of train where there is none, a part consists of."""
    train = parts["train"].pixels
    held_back = {bucket: part for bucket, part in HELD_BACK.items() if part not in parts}
    buckets = np.array([_bucket_of(picture) for picture in train])
    rows: dict[Part, Array] = {"train": ~np.isin(buckets, list(held_back))}
    for bucket, part in HELD_BACK.items():
        rows[part] = np.ones(len(parts[part].pixels), bool) if part in parts else buckets == bucket
    for part, chosen in rows.items():
        if not chosen.any():
            raise DataError(
                f"{name}: {len(train)} pictures leave none for {part}; expected some hundreds"
            )
    return rows


def _bucket_of(pixels: Array) -> int:
    return int.from_bytes(hashlib.sha256(pixels.tobytes()).digest()[:8]) % BUCKETS


@functools.cache
def _digit_pictures(part: Part) -> tuple[Tensor, Tensor]:
    images, labels = digits(part)
    return images.view(-1, 1, 8, 8), labels


_DIGITS = Dataset("digits", (1, 8, 8), CLASSES, _digit_pictures)


@functools.cache
def digits(part: Part) -> tuple[Tensor, Tensor]:
    """scikit-learn's digits: pictures [n, 64], float32 in [-1, 1], and labels [n], int64.

    The same objects at each call, so that trials that are trained as one share them; not to be
    written to.
    """
    pixels, labels, parts = _split_digits()
    rows = parts == part
    images = torch.from_numpy(pixels[rows].astype(np.float32) / 8 - 1)
    return images, torch.from_numpy(labels[rows])


@remember
def _split_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels [1797, 64], uint8 in 0..16; labels [1797], int64; the part of each."""
    from sklearn.datasets import load_digits  # takes a second; only the first trial needs it

    bunch = load_digits()
    pixels = bunch.data.astype(np.uint8)
    parts = [HELD_BACK.get(_bucket_of(row), "train") for row in pixels]
    return pixels, bunch.target.astype(np.int64), np.array(parts)

"""scikit-learn's digits: 1,797 pictures of 8x8 pixels in ten classes, split once and for all.

A picture's place is decided by the SHA-256 of its own pixels, so the split depends on no order, no
seed and no version, and equal pictures never stand on two sides: 60 % train, 20 % valid, 20 % test.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from cache import remember

Part = Literal["train", "valid", "test"]
PIXELS = 64
CLASSES = 10


@dataclass(frozen=True)
class Dataset:
    """Pictures of one kind, split once and for all.

    Attributes:
        name: as a study says it.
        shape: of a picture: channels, height, width.
        classes: how many kinds the labels tell apart.
        part: pictures [n, channels, height, width], float32 in [-1, 1], and labels [n], int64, of
            a part; the same objects at each call, not to be written to.
    """

    name: str
    shape: tuple[int, int, int]
    classes: int
    part: Callable[[Part], tuple[Tensor, Tensor]]


def dataset(name: str, root: str | None = None) -> Dataset:
    """The data set of a name.

    Args:
        name: "digits".
        root: the folder with its files; None for where they lie by default.

    Raises:
        ValueError: there is no such data set.
    """
    if name != "digits":
        raise ValueError(f"no data set {name!r} (has: digits)")
    return Dataset("digits", (1, 8, 8), CLASSES, _digit_pictures)


@functools.cache
def _digit_pictures(part: Part) -> tuple[Tensor, Tensor]:
    images, labels = digits(part)
    return images.view(-1, 1, 8, 8), labels


@functools.cache
def digits(part: Part) -> tuple[Tensor, Tensor]:
    """Pictures [n, 64], float32 in [-1, 1], and labels [n], int64.

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
    from sklearn.datasets import load_digits  # a second, which only the first trial waits

    bunch = load_digits()
    pixels = bunch.data.astype(np.uint8)
    return pixels, bunch.target.astype(np.int64), np.array([_part_of(row) for row in pixels])


def _part_of(pixels: np.ndarray) -> Part:
    bucket = int.from_bytes(hashlib.sha256(pixels.tobytes()).digest()[:8]) % 5
    return "valid" if bucket == 3 else "test" if bucket == 4 else "train"

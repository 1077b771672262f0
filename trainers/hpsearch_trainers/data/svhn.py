"""SVHN, cropped digits of house numbers in MATLAB files (Netzer et al. 2011)."""

from pathlib import Path

import numpy as np

from hpsearch_trainers.data.pictures import DataError, OptionError, Parts, Pictures, find, labelled

SIDE = 32


def read_svhn(folder: Path, extra: str = "no") -> Parts:
    """The cropped digits; `extra` "yes" adds the 531,131 easier ones to the training set.

    Raises:
        OptionError: `extra` is neither yes nor no.
        DataError: as `read_file`.
    """
    if extra not in ("yes", "no"):
        raise OptionError(f"svhn?extra={extra}: expected yes or no")
    train = read_file(find(folder, ["train_32x32.mat"]))
    if extra == "yes":
        more = read_file(find(folder, ["extra_32x32.mat"]))
        train = Pictures(
            np.concatenate([train.pixels, more.pixels]), np.concatenate([train.labels, more.labels])
        )
    return {"train": train, "test": read_file(find(folder, ["test_32x32.mat"]))}


def read_file(file: Path) -> Pictures:
    """Pictures [n, 3, 32, 32] and labels; the file's label 10, the digit 0, becomes 0.

    Raises:
        DataError: the file is no complete MATLAB file with X [32, 32, 3, n], uint8, and y [n, 1].
    """
    from scipy.io import loadmat

    try:
        held = loadmat(file, variable_names=["X", "y"])
    except Exception as error:  # scipy raises many types for damaged files
        raise DataError(
            f"{file}: expected a whole MATLAB 5 file, got {file.stat().st_size} bytes that cannot "
            f"be read ({type(error).__name__}: {error})"
        ) from None
    if missing := {"X", "y"} - held.keys():
        raise DataError(f"{file}: expected X and y, has no {' and no '.join(sorted(missing))}")
    pixels, labels = held["X"], held["y"].reshape(-1)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[:3] != (SIDE, SIDE, 3):
        raise DataError(
            f"{file}: expected X of shape [32, 32, 3, n] in uint8, got {list(pixels.shape)} in "
            f"{pixels.dtype}"
        )
    pictures = labelled(pixels.transpose(3, 2, 0, 1), labels, file)
    if pictures.labels.max() > 10:
        raise DataError(f"{file}: expected labels in 0..10, got {pictures.labels.max()}")
    return Pictures(pictures.pixels, pictures.labels % 10)

"""NPZ: arrays of pictures and labels, as NumPy, Keras and MedMNIST write them."""

from pathlib import Path

import numpy as np

from hpsearch_trainers.data.pictures import Array, DataError, Parts, Pictures, labelled

# Known names of a part's arrays: pictures, labels.
NAMES = {
    "train": [("x_train", "y_train"), ("train_images", "train_labels"), ("images", "labels"),
              ("x", "y"), ("X", "y"), ("data", "target"), ("arr_0", "arr_1")],
    "valid": [("x_valid", "y_valid"), ("x_val", "y_val"), ("valid_images", "valid_labels"),
              ("val_images", "val_labels")],
    "test": [("x_test", "y_test"), ("test_images", "test_labels")],
}  # fmt: skip


def read_npz(file: Path) -> Parts:
    """The parts of an NPZ file; pictures without labels get the label 0.

    Pictures are [n, height, width], [n, height, width, channels] or [n, channels, height, width]
    with 1 or 3 channels; uint8, or floats in [-1, 1] or [0, 1].

    Raises:
        DataError: the file is missing or no NPZ file, or its arrays have other names or shapes.
    """
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
    except Exception as error:  # NumPy raises many types for damaged archives
        raise DataError(
            f"{file}: expected a whole .npz without pickled objects, got {file.stat().st_size} "
            f"bytes that cannot be read ({error})"
        ) from None
    parts = {}
    for part, names in NAMES.items():
        for pictures, labels in names:
            if pictures in arrays:
                place = f"{file}: {pictures}"
                parts[part] = _part(arrays[pictures], arrays.get(labels), place)
                break
    if "train" not in parts:
        expected = ", ".join(pictures for pictures, _ in NAMES["train"])
        raise DataError(
            f"{file}: expected pictures under one of {expected}, has {', '.join(arrays) or 'none'}"
        )
    return parts


def _part(pictures: Array, labels: Array | None, place: str) -> Pictures:
    pixels = _in_range(_channels_first(pictures, place), place)
    if labels is None:
        labels = np.zeros(len(pixels), np.int64)
    elif labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    return labelled(pixels, labels, place)


def _channels_first(pictures: Array, place: str) -> Array:
    shape = list(pictures.shape)
    if len(shape) == 3:
        return pictures[:, None]
    if len(shape) == 4 and (shape[1] in (1, 3)) != (shape[3] in (1, 3)):
        return pictures if shape[1] in (1, 3) else pictures.transpose(0, 3, 1, 2)
    raise DataError(
        f"{place}: expected shape [n, h, w], [n, h, w, c] or [n, c, h, w] with 1 or 3 channels c, "
        f"got {shape}"
    )


def _in_range(pixels: Array, place: str) -> Array:
    """Floats without negative values are in [0, 1], and are mapped to [-1, 1]."""
    if pixels.dtype == np.uint8:
        return pixels
    low, high = (float(pixels.min()), float(pixels.max())) if pixels.size else (0.0, 0.0)
    if pixels.dtype.kind != "f" or not -1 <= low <= high <= 1:
        raise DataError(
            f"{place}: expected uint8, or floats in [-1, 1], got {pixels.dtype} from {low:g} to "
            f"{high:g}"
        )
    return (pixels if low < 0 else pixels * 2 - 1).astype(np.float32)

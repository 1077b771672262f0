"""Picture files, read by Pillow: in one folder, a folder per class, or a folder per part."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpsearch_trainers.data.pictures import Array, DataError, OptionError, Parts, labelled

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
PARTS = {"train": "train", "valid": "valid", "val": "valid", "test": "test"}


def read_folder(folder: Path, size: str = "", channels: str = "") -> Parts:
    """The pictures of a folder, in the order of their names.

    FOLDER/*.png are pictures without labels; FOLDER/CLASS/*.png have labels in the alphabetical
    order of the classes; FOLDER/train, FOLDER/valid (or val) and FOLDER/test, each in either
    layout, are official parts.

    Args:
        size: pixels per side; pictures are cropped to a centred square and resized. By default all
            must have one size.
        channels: 1 or 3; by default 1 if all pictures are grey.

    Raises:
        DataError: there are no pictures, one cannot be read or has another size, or a part has
            other classes than train.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    if any(path.name == "train" for path in inner) and all(path.name in PARTS for path in inner):
        layouts = {PARTS[path.name]: _layout(path) for path in inner}
    else:
        layouts = {"train": _layout(folder)}
    for part, (classes, _) in layouts.items():
        if classes != layouts["train"][0]:
            raise DataError(
                f"{folder}/{part}: expected the classes of train, {_list(layouts['train'][0])}, "
                f"has {_list(classes)}"
            )
    # All parts together, so that one colour picture gives all of them three channels.
    files = [file for _, of_part in layouts.values() for file, _ in of_part]
    pixels = stacked(((str(file), _opened(file)) for file in files), size, channels)
    parts, start = {}, 0
    for part, (_, of_part) in layouts.items():
        labels = np.array([label for _, label in of_part], np.int64)
        parts[part] = labelled(pixels[start : start + len(labels)], labels, folder)
        start += len(labels)
    return parts


def _layout(folder: Path) -> tuple[list[str], list[tuple[Path, int]]]:
    """The names of the classes, if any; files with their labels."""
    flat = _pictures_in(folder)
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    inside = {path.name: _pictures_in(path) for path in inner}
    classes = [name for name, files in inside.items() if files]
    if flat and classes:
        raise DataError(
            f"{folder}: expected pictures either in it or in a folder a class, has both "
            f"({flat[0].name} and {classes[0]}/{inside[classes[0]][0].name})"
        )
    if not flat and not classes:
        raise DataError(
            f"{folder}: expected pictures ({', '.join(sorted(SUFFIXES))}), in it or in a folder a "
            "class, has none"
        )
    return classes, [(file, 0) for file in flat] + [
        (file, label) for label, name in enumerate(classes) for file in inside[name]
    ]


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.name[0] != "." and path.is_file()
    )


def _opened(file: Path) -> "Image":
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except Exception as error:  # Pillow raises many types for damaged files
        raise DataError(
            f"{file}: expected a whole picture, got {file.stat().st_size} bytes that cannot be "
            f"read ({error})"
        ) from None


def stacked(images: Iterable[tuple[str, "Image"]], size: str = "", channels: str = "") -> Array:
    """Pictures as [n, channels, height, width], uint8.

    Args:
        images: names and pictures; transparency is ignored.
        size: as in `read_folder`.
        channels: as in `read_folder`.

    Raises:
        DataError: sizes differ, a picture has 16 bits per channel, or an option is wrong.
    """
    if channels not in ("", "1", "3"):
        raise OptionError(f"channels={channels}: expected 1 or 3")
    if size and not (size.isdecimal() and int(size)):
        raise OptionError(f"size={size}: expected a count of pixels")
    arrays: list[Array] = []
    for name, image in images:
        array = np.asarray(_converted(name, image, int(size or 0), channels))
        if arrays and array.shape[:2] != arrays[0].shape[:2]:
            (h, w), (first_h, first_w) = array.shape[:2], arrays[0].shape[:2]
            raise DataError(
                f"{name}: expected {first_w}x{first_h} pixels, as the first has, got {w}x{h}; "
                "?size=64 makes all 64x64"
            )
        arrays.append(array)
    if not arrays:
        return np.zeros((0, 1, 1, 1), np.uint8)
    return _joined(arrays)


def _joined(arrays: Sequence[Array]) -> Array:
    """One channel if all pictures are grey, else three."""
    is_grey = all(array.ndim == 2 for array in arrays)
    joined = np.empty((len(arrays), 1 if is_grey else 3, *arrays[0].shape[:2]), np.uint8)
    for row, array in zip(joined, arrays, strict=True):
        row[:] = array if array.ndim == 2 else array.transpose(2, 0, 1)
    return joined


def _converted(name: str, image: "Image", size: int, channels: str) -> "Image":
    from PIL import Image, ImageOps

    if image.mode[0] in "IF":
        raise DataError(f"{name}: expected 8 bits a channel, got mode {image.mode}")
    is_grey = image.mode in ("1", "L", "LA")
    image = image.convert("L" if channels == "1" or (is_grey and not channels) else "RGB")
    if not size or image.size == (size, size):
        return image
    return ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "") or "none"

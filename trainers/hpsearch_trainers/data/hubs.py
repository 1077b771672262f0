"""Data sets from Hugging Face's `datasets` and from torchvision, both optional packages."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch_trainers.data.images import stacked
from hpsearch_trainers.data.pictures import DataError, Parts, Pictures, labelled

SPLITS = {"train": ("train",), "valid": ("validation", "valid", "val"), "test": ("test",)}


def read_hugging_face(
    place: Path | None,
    name: str,
    config: str = "",
    revision: str = "",
    image: str = "",
    label: str = "",
    size: str = "",
    channels: str = "",
) -> Parts:
    """A set of the Hugging Face hub, or a folder with Parquet files, by `datasets.load_dataset`.

    Args:
        place: cache folder for downloads; None for the package's own.
        name: of the set, or the folder.
        config: of a set with several configurations.
        revision: a tag, branch or commit of the set.
        image: the column of the pictures; by default the only one.
        label: the column of the labels; by default the only one of classes, or none.
        size: as in `images.read_folder`.
        channels: as in `images.read_folder`.

    Raises:
        DataError: the package is missing or cannot load the set, or the columns are ambiguous.
    """
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            f"hf:{name}: needs the package datasets, which cannot be imported ({error}): "
            "pip install datasets"
        ) from None
    try:
        loaded = datasets.load_dataset(
            name, config or None, revision=revision or None, cache_dir=place and str(place)
        )
    except Exception as error:  # network, hub and files raise many types
        raise DataError(f"hf:{name}: datasets.load_dataset says: {error}") from error
    splits = dict(loaded)
    if "train" not in splits and len(splits) == 1:
        splits = {"train": next(iter(splits.values()))}
    if "train" not in splits:
        raise DataError(f"hf:{name}: expected a split train, has {', '.join(splits)}")
    pictures, classes = _columns(name, splits["train"].features, datasets, image, label)
    parts = {}
    for part, names in SPLITS.items():
        split = next((splits[n] for n in names if n in splits), None)
        if split is None:
            continue
        labels = np.array(split[classes], np.int64) if classes else np.zeros(len(split), np.int64)
        if part != "train" and len(labels) and (labels == -1).all():
            continue  # withheld labels of a contest
        rows = split.select_columns([pictures])
        images = ((f"hf:{name} {part} {i}", row[pictures]) for i, row in enumerate(rows))
        parts[part] = labelled(stacked(images, size, channels), labels, f"hf:{name} {part}")
    return parts


def _columns(
    name: str, features: Any, datasets: Any, image: str, label: str
) -> tuple[str, str | None]:
    """The columns of the pictures and of the labels, None if there is none."""
    for column, option in ((image, "image"), (label, "label")):
        if column and column not in features:
            raise DataError(
                f"hf:{name}?{option}={column}: no such column (has: {', '.join(features)})"
            )
    images = [image] if image else [n for n, f in features.items() if type(f) is datasets.Image]
    labels = [n for n, f in features.items() if type(f) is datasets.ClassLabel]
    labels = [label] if label else labels or [n for n in features if n == "label"]
    for columns, option in ((images, "image"), (labels, "label")):
        if len(columns) > 1 or (option == "image" and not columns):
            raise DataError(
                f"hf:{name}: expected one column of {option}s, got {', '.join(columns) or 'none'} "
                f"of {', '.join(features)}; ?{option}=COLUMN names it"
            )
    return images[0], labels[0] if labels else None


def read_torchvision(
    place: Path, name: str, size: str = "", channels: str = "", **options: str
) -> Parts:
    """A set of `torchvision.datasets` in the folder `place`; nothing is downloaded.

    Args:
        place: torchvision's `root`.
        name: of the class, such as "CIFAR10".
        size: as in `images.read_folder`.
        channels: as in `images.read_folder`.
        options: further arguments of the class.

    Raises:
        DataError: torchvision cannot be imported, has no such set, or does not find its files.
    """
    sets = _torchvision_datasets(name)
    kind = getattr(sets, name, None)
    if not inspect.isclass(kind):
        raise DataError(f"torchvision:{name}: torchvision.datasets has no such class")
    given = {key: int(v) if v.isdecimal() else v for key, v in options.items()}
    # EMNIST passes MNIST's arguments on as **kwargs.
    parameters = {name for base in kind.__mro__[:-1] for name in _parameters_of(base)}
    if "root" in parameters:
        given["root"] = str(place)
    choices: dict[str, list[dict[str, Any]]]
    if "train" in parameters:
        choices = {part: [{"train": part == "train"}] for part in ("train", "test")}
    elif "split" in parameters and "split" not in given:
        choices = {part: [{"split": n} for n in names] for part, names in SPLITS.items()}
        choices["valid"] = [{"split": "valid"}, {"split": "val"}]
    else:
        choices = {"train": [{}]}
    parts: dict[str, Pictures] = {}
    for part, tries in choices.items():
        for choice in tries:
            try:
                items = kind(**given, **choice)
            except ValueError as error:
                if part == "train":
                    raise DataError(f"torchvision:{name}: {error}") from error
                continue  # no such split
            except (RuntimeError, OSError, TypeError) as error:
                raise DataError(
                    f"torchvision:{name}: {error}; to get it: python -c "
                    f"\"import torchvision; torchvision.datasets.{name}('{place}', download=True)\""
                ) from error
            parts[part] = _items(items, f"torchvision:{name} {part}", size, channels)
            break
    return parts


def _parameters_of(kind: type) -> list[str]:
    own = vars(kind).get("__init__")
    return [] if own is None else list(inspect.signature(own).parameters)


def _torchvision_datasets(name: str) -> Any:
    try:
        import torchvision.datasets
    except ModuleNotFoundError as error:
        if error.name != "torchvision":
            raise
        raise DataError(
            f"torchvision:{name}: needs the package torchvision: pip install torchvision"
        ) from None
    except (ImportError, OSError, RuntimeError) as error:
        import torch

        raise DataError(
            f"torchvision:{name}: torchvision cannot be imported ({error}); it must be the release "
            f"and the build (CPU or CUDA) that belong to torch {torch.__version__}: install both "
            "from the same index, or name the set another way (mnist, cifar10, folder:PATH, …)"
        ) from None
    return torchvision.datasets


def _items(items: Any, name: str, size: str, channels: str) -> Pictures:
    labels: list[int] = []

    def images() -> Iterator[tuple[str, Any]]:
        for i in range(len(items)):
            image, label = items[i]
            labels.append(int(label))
            yield f"{name} {i}", image

    pixels = stacked(images(), size, channels)
    return labelled(pixels, np.array(labels, np.int64), name)

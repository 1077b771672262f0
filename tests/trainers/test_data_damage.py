"""Files that are cut off or damaged anywhere: what is wrong is said, and nothing else is raised."""

from contextlib import suppress

import numpy as np
import pytest
from written_sets import (
    COUNT,
    class_labels,
    some,
    write_cifar100,
    write_mnist,
    write_pictures,
    write_svhn,
)

from hpsearch_trainers.data.cifar import read_cifar100
from hpsearch_trainers.data.idx import read_mnist
from hpsearch_trainers.data.images import read_folder
from hpsearch_trainers.data.npz import read_npz
from hpsearch_trainers.data.pictures import DataError
from hpsearch_trainers.data.svhn import read_svhn


def write_zipped(folder):
    write_mnist(folder, zipped=True)


def write_npz(folder):
    folder.mkdir()
    np.savez_compressed(folder / "a.npz", x_train=some(COUNT, 4, 4), y_train=class_labels(COUNT))


def write_images(folder):
    write_pictures(folder, 3)


FORMATS = {
    "idx": (write_mnist, read_mnist),
    "gzip": (write_zipped, read_mnist),
    "cifar": (write_cifar100, read_cifar100),
    "svhn": (write_svhn, read_svhn),
    "npz": (write_npz, lambda folder: read_npz(folder / "a.npz")),
    "png": (write_images, read_folder),
}
RNG_SEED = 0
TRIES = 15


@pytest.fixture(params=FORMATS)
def written(request, tmp_path):
    """A reader, its folder, and its files with their bytes."""
    write, read = FORMATS[request.param]
    write(tmp_path / "set")
    files = sorted(file for file in (tmp_path / "set").iterdir())
    return read, tmp_path / "set", [(file, file.read_bytes()) for file in files]


def test_a_file_that_ends_early_is_always_named(written):
    read, folder, files = written
    rng = np.random.default_rng(RNG_SEED)
    for _ in range(TRIES):
        file, whole = files[rng.integers(len(files))]
        # A PNG's last 12 bytes only say that it ends.
        file.write_bytes(whole[: rng.integers(len(whole) - 12)])
        with pytest.raises(DataError) as error:
            read(folder)
        assert str(error.value).startswith(f"{file}: ")
        file.write_bytes(whole)
    assert read(folder)["train"].labels.size


def test_wrong_bytes_are_said_or_are_pixels(written):
    read, folder, files = written
    rng = np.random.default_rng(RNG_SEED)
    for _ in range(TRIES):
        file, whole = files[rng.integers(len(files))]
        damaged = bytearray(whole)
        for place in rng.integers(min(len(whole), 300), size=3):
            damaged[place] = rng.integers(256)
        file.write_bytes(damaged)
        with suppress(DataError):
            assert read(folder)["train"].labels.size
        file.write_bytes(whole)

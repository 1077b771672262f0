"""Data sets by name: where they lie, how they are split, what is said of a wrong one."""

import hashlib
import os
import shutil

import numpy as np
import pytest
import torch
from written_sets import (
    COUNT,
    class_labels,
    some,
    write_cifar10,
    write_cifar100,
    write_idx,
    write_mnist,
    write_pictures,
    write_stl10,
    write_svhn,
)

from hpsearch_trainers.data.datasets import dataset
from hpsearch_trainers.data.pictures import DataError
from hpsearch_trainers.data.readers import FORMATS, data_folder, find_source

PARTS = ("train", "valid", "test")


def bucket(picture: np.ndarray) -> int:
    return int(hashlib.sha256(picture.tobytes()).hexdigest()[:16], 16) % 5


def write_emnist(folder):
    write_mnist(folder / "gzip", zipped=True, prefix="emnist-balanced-", test="test")


@pytest.mark.parametrize(
    ("name", "write", "shape", "classes"),
    [
        ("mnist", write_mnist, (1, 28, 28), 10),
        ("fashion", write_mnist, (1, 28, 28), 10),
        ("emnist", write_emnist, (1, 28, 28), 47),
        ("cifar10", write_cifar10, (3, 32, 32), 10),
        ("cifar100", write_cifar100, (3, 32, 32), 100),
        ("cifar100?labels=coarse", write_cifar100, (3, 32, 32), 20),
        ("svhn", write_svhn, (3, 32, 32), 10),
        ("stl10", write_stl10, (3, 96, 96), 10),
        ("stl10?unlabeled=yes", write_stl10, (3, 96, 96), 1),
    ],
)
def test_every_known_set_is_had_by_its_name(name, write, shape, classes, tmp_path, monkeypatch):
    monkeypatch.setenv("HPSEARCH_DATA", str(tmp_path))
    kind = name.partition("?")[0]
    write(tmp_path / kind)
    found = dataset(name)
    assert (found.name, found.shape, found.classes) == (name, shape, classes)
    for part in PARTS:
        images, labels = found.part(part)
        assert images.dtype == torch.float32 and labels.dtype == torch.int64
        assert images.shape == (len(labels), *shape) and int(labels.max()) < classes
        assert images.is_contiguous()
        assert found.part(part)[0] is images and dataset(name).part(part)[0] is images
    sizes = [len(found.part(part)[1]) for part in PARTS]
    official = {part: len(of.labels) for part, of in find_source(name).read().items()}
    assert sizes[0] + sizes[1] == official["train"] and sizes[2] == official["test"]


def test_an_official_test_part_is_the_test_part_and_a_fifth_of_train_is_valid(tmp_path):
    write_mnist(tmp_path)
    found = dataset("mnist", str(tmp_path))
    train = some(COUNT, 28, 28)
    in_valid = np.array([bucket(picture) == 3 for picture in train])
    for part, expected in (
        ("train", train[~in_valid]),
        ("valid", train[in_valid]),
        ("test", some(COUNT, 28, 28, seed=1)),
    ):
        images, _ = found.part(part)
        bytes_again = torch.round((images[:, 0] + 1) * 127.5).to(torch.uint8)
        np.testing.assert_array_equal(bytes_again, expected)
    np.testing.assert_array_equal(found.part("valid")[1], class_labels(COUNT)[in_valid])


def test_without_a_test_part_a_fifth_is_test_and_the_order_changes_nothing(tmp_path):
    pictures, labels = some(300, 4, 4), class_labels(300)
    np.savez(tmp_path / "a.npz", x=pictures, y=labels)
    backwards = np.arange(300)[::-1]
    np.savez(tmp_path / "b.npz", x=pictures[backwards], y=labels[backwards])
    split = []
    for name in ("a", "b"):
        found = dataset(f"npz:{name}.npz", str(tmp_path))
        split.append(
            {
                part: {
                    (x.numpy().tobytes(), int(y)) for x, y in zip(*found.part(part), strict=True)
                }
                for part in PARTS
            }
        )
    assert split[0] == split[1]
    sizes = {part: len(held) for part, held in split[0].items()}
    # Binomial, 300 of 0.2: beyond 33 and 91 with odds below 1 in 10,000; the pictures are fixed.
    assert sum(sizes.values()) == 300 and 33 < sizes["valid"] < 91 and 33 < sizes["test"] < 91


def test_an_official_validation_part_is_the_validation_part(tmp_path):
    arrays = {f"{part}_images": some(20, 4, 4, seed=i) for i, part in enumerate(("train", "val"))}
    np.savez(tmp_path / "a.npz", **arrays)
    found = dataset(f"npz:{tmp_path}/a.npz")
    assert len(found.part("valid")[0]) == 20
    assert len(found.part("train")[0]) + len(found.part("test")[0]) == 20


def test_bytes_fill_the_range_and_floats_stay(tmp_path):
    pictures = some(80, 3, 3)
    np.savez(tmp_path / "bytes.npz", x=pictures)
    np.savez(tmp_path / "floats.npz", x=pictures / np.float32(127.5) - 1)
    of_bytes, of_floats = (
        torch.cat([dataset(f"npz:{name}.npz", str(tmp_path)).part(part)[0] for part in PARTS])
        for name in ("bytes", "floats")
    )
    assert (float(of_bytes.min()), float(of_bytes.max())) == (-1.0, 1.0)
    assert (of_bytes.flatten().sort()[0] - of_floats.flatten().sort()[0]).abs().max() < 1e-6


def test_what_a_name_stands_for(tmp_path, monkeypatch):
    monkeypatch.setenv("HPSEARCH_DATA", str(tmp_path))
    assert find_source("mnist").place == tmp_path / "mnist"
    assert find_source("mnist", "/elsewhere").place.as_posix() == "/elsewhere"
    assert find_source("npz:a/b.npz").place == tmp_path / "a" / "b.npz"
    assert find_source("npz:/a/b.npz", "/elsewhere").place.as_posix() == "/a/b.npz"
    assert find_source("folder:faces?size=64&channels=1").options == (
        ("channels", "1"),
        ("size", "64"),
    )
    assert find_source("hf:owner/name").place is None
    assert find_source("torchvision:CIFAR10").place == tmp_path / "torchvision"
    monkeypatch.delenv("HPSEARCH_DATA")
    assert (data_folder().name, (data_folder().parent / "trainers").is_dir()) == ("data", True)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "mnits",
        "mnist:",
        "mnist:x",
        "npz",
        "npz:",
        "?",
        "digits?a=b",
    ],
)
def test_a_name_that_stands_for_nothing_is_said(name):
    with pytest.raises(DataError) as error:
        dataset(name)
    assert str(error.value).startswith(f"no data set {name!r} (has: digits, mnist, fashion, ")


def test_a_wrong_option_is_said_and_no_download_is_advised():
    for name, message in {
        "mnist?split=letters": "mnist?split=letters: no option 'split' (has: none)",
        "folder:a?sizes=3": "folder:a?sizes=3: no option 'sizes' (has: size, channels)",
        "hf:a?name=b": "hf:a?name=b: no option 'name' (has: config, revision, image, label, size, "
        "channels)",
        "svhn?extra": "svhn?extra: expected ?OPTION=VALUE&OPTION=VALUE, got ?extra",
        "emnist?split=a": "emnist?split=a: no such split (has: byclass, bymerge, balanced, "
        "letters, digits, mnist)",
    }.items():
        with pytest.raises(DataError) as error:
            dataset(name)
        assert str(error.value) == message


@pytest.mark.parametrize("name", [k for k, form in FORMATS.items() if not form.takes])
def test_a_missing_set_is_said_with_the_line_that_gets_it(name, tmp_path):
    place = tmp_path / "a b"
    with pytest.raises(DataError) as error:
        dataset(name, str(place))
    assert str(error.value).startswith(f"{place}: no such folder; expected ")
    assert str(error.value).endswith(
        f"; to get it: python trainers/get_data.py {name} --folder '{place}'"
    )


def test_a_test_part_that_is_cut_off_is_found_at_once(tmp_path):
    write_mnist(tmp_path)
    with (tmp_path / "t10k-images-idx3-ubyte").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(DataError, match=r"expected 47056 bytes .*\[60, 28, 28\], got 1000; to get"):
        dataset("mnist", str(tmp_path))


def test_pictures_of_another_shape_and_labels_of_other_classes_are_refused(tmp_path):
    write_mnist(tmp_path)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", class_labels(COUNT, 11))
    with pytest.raises(DataError, match=r"^mnist: expected labels below 10, got 10$"):
        dataset("mnist", str(tmp_path))
    assert dataset("idx:.", str(tmp_path)).classes == 11
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", some(COUNT, 32, 32))
        with pytest.raises(DataError, match=r"width \[1, 28, 28\], got \[1, 32, 32\]$"):
            dataset("mnist", str(tmp_path))


def test_a_set_too_small_to_be_split_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=some(2, 4, 4))
    with pytest.raises(DataError, match=r"2 pictures leave none for \w+; expected some"):
        dataset("npz:a.npz", str(tmp_path))


def test_a_folder_is_read_once_until_a_file_of_it_changes(tmp_path):
    write_pictures(tmp_path / "set", 40)
    source = find_source("folder:set", str(tmp_path))
    first = source.read()["train"].pixels
    assert source.read()["train"].pixels is first
    write_pictures(tmp_path / "set", 40, seed=1)
    os.utime(tmp_path / "set" / "000.png", ns=(0, 0))
    second = source.read()["train"].pixels
    assert second.shape == first.shape and (second != first).any()
    shutil.rmtree(tmp_path / "set")
    with pytest.raises(DataError, match="no such folder; FOLDER/CLASS/"):
        source.read()


@pytest.mark.skipif(
    not (data_folder() / "mnist").is_dir(), reason="python trainers/get_data.py mnist gets it"
)
def test_mnist_has_the_numbers_that_everyone_knows():
    found = dataset("mnist")
    images, labels = (
        torch.cat([found.part(part)[i] for part in ("train", "valid")]) for i in (0, 1)
    )
    pixels = images.double() / 2 + 0.5
    assert (round(float(pixels.mean()), 4), round(float(pixels.std()), 4)) == (0.1307, 0.3081)
    assert labels.bincount().tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949
    ]  # fmt: skip
    assert found.part("test")[1][:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]

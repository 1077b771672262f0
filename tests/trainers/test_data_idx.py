"""IDX: MNIST and the sets of its format."""

import gzip

import numpy as np
import pytest
from written_sets import COUNT, class_labels, some, write_idx, write_mnist

from hpsearch_trainers.data.idx import read_array, read_emnist, read_folder, read_mnist
from hpsearch_trainers.data.pictures import DataError, OptionError


def test_the_bytes_of_the_format_are_the_numbers_that_they_stand_for(tmp_path):
    file = tmp_path / "numbers"
    file.write_bytes(bytes.fromhex("0000 0b02 00000002 00000003 0001 0002 0003 ffff 0100 7fff"))
    np.testing.assert_array_equal(read_array(file), [[1, 2, 3], [-1, 256, 32767]])


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_type_is_read_zipped_or_not(tmp_path, kind, zipped):
    array = some(3, 4, 2).astype(kind)
    write_idx(tmp_path / "numbers", array, zipped=zipped)
    np.testing.assert_array_equal(read_array(tmp_path / "numbers"), array)


def said_of(data: bytes, tmp_path) -> str:
    (tmp_path / "wrong").write_bytes(data)
    with pytest.raises(DataError) as error:
        read_array(tmp_path / "wrong")
    assert str(error.value).startswith(f"{tmp_path}/wrong: ")
    return str(error.value).removeprefix(f"{tmp_path}/wrong: ")


def test_what_is_wrong_with_a_file_is_said(tmp_path):
    write_idx(tmp_path / "whole", some(5, 28, 28))
    whole = (tmp_path / "whole").read_bytes()
    assert said_of(whole[:-1], tmp_path) == (
        "expected 3936 bytes for numbers of shape [5, 28, 28], got 3935"
    )
    assert said_of(whole + b"\0", tmp_path).endswith("got 3937")
    assert said_of(whole[:9], tmp_path) == "expected a head of 16 bytes, got 9 bytes in all"
    assert said_of(b"\x89PNG", tmp_path).endswith("dimensions, got 89 50 4e 47")
    assert said_of(b"", tmp_path).endswith("got nothing")
    assert said_of(b"\0\0\x08", tmp_path).startswith("expected")
    for zipped in (gzip.compress(whole)[:-20], gzip.compress(whole)[:40], b"\x1f\x8bnonsense"):
        assert said_of(zipped, tmp_path).startswith("the gzip stream is cut off or damaged (")


@pytest.mark.parametrize("inner", ["", "package/data", "raw"])
@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_is_found_where_its_packages_unpack_it(tmp_path, inner, zipped):
    write_mnist(tmp_path / inner, zipped=zipped)
    parts = read_mnist(tmp_path)
    for seed, part in enumerate(("train", "test")):
        np.testing.assert_array_equal(parts[part].pixels[:, 0], some(COUNT, 28, 28, seed=seed))
        np.testing.assert_array_equal(parts[part].labels, class_labels(COUNT))
        assert parts[part].labels.dtype == np.int64


def test_a_folder_without_test_files_has_none(tmp_path):
    write_mnist(tmp_path)
    assert set(read_folder(tmp_path)) == {"train", "test"}
    for file in tmp_path.glob("t10k*"):
        file.unlink()
    assert set(read_folder(tmp_path)) == {"train"}
    with pytest.raises(DataError, match="expected t10k-images-idx3-ubyte or "):
        read_mnist(tmp_path)


def test_emnist_is_turned_upright_and_its_letters_begin_at_a(tmp_path):
    for split in ("balanced", "letters"):
        write_mnist(tmp_path / "gzip", zipped=True, prefix=f"emnist-{split}-", test="test")
    letters = class_labels(COUNT, 26, least=1)
    for part in ("train", "test"):
        write_idx(tmp_path / "gzip" / f"emnist-letters-{part}-labels-idx1-ubyte.gz", letters)
    np.testing.assert_array_equal(
        read_emnist(tmp_path)["train"].pixels[:, 0].transpose(0, 2, 1), some(COUNT, 28, 28)
    )
    found = read_emnist(tmp_path, split="letters")["test"].labels
    assert (found.min(), found.max()) == (0, 25)
    with pytest.raises(OptionError, match=r"split=symbols: no such split \(has: byclass"):
        read_emnist(tmp_path, split="symbols")


def test_pictures_and_labels_must_belong_together(tmp_path):
    write_mnist(tmp_path)
    labels = tmp_path / "train-labels-idx1-ubyte"
    write_idx(labels, class_labels(COUNT - 1))
    with pytest.raises(DataError, match=f"{labels}: 60 pictures, but 59 labels"):
        read_mnist(tmp_path)
    write_idx(labels, some(COUNT, 2))
    with pytest.raises(DataError, match=r"expected one integer a picture .* shape \[60, 2\]"):
        read_mnist(tmp_path)
    write_idx(labels, np.full(COUNT, -1, np.int8))
    with pytest.raises(DataError, match="expected labels from 0 on, got -1"):
        read_mnist(tmp_path)
    write_idx(tmp_path / "train-images-idx3-ubyte", class_labels(COUNT))
    with pytest.raises(DataError, match="expected pictures, numbers of type 08 in 3 dimensions"):
        read_mnist(tmp_path)

"""CIFAR's pickled batches, and pickles that are none."""

import io
import pickle
import pickletools

import numpy as np
import pytest
from written_sets import (
    COUNT,
    class_labels,
    pickled_by_python_2,
    some,
    write_cifar10,
    write_cifar100,
)

from hpsearch_trainers.data.cifar import read_batch, read_cifar10, read_cifar100
from hpsearch_trainers.data.pictures import DataError, OptionError


def test_the_five_batches_are_one_training_part(tmp_path):
    write_cifar10(tmp_path / "cifar-10-batches-py")
    parts = read_cifar10(tmp_path)
    rows = np.concatenate([some(COUNT // 5, 3072, seed=i) for i in range(5)])
    # Red row by row, then green, then blue.
    assert parts["train"].pixels[7, 1, 2, 3] == rows[7, 1024 + 2 * 32 + 3]
    np.testing.assert_array_equal(parts["train"].pixels.reshape(COUNT, 3072), rows)
    np.testing.assert_array_equal(parts["train"].labels, np.tile(class_labels(COUNT // 5), 5))
    np.testing.assert_array_equal(parts["test"].pixels.reshape(-1, 3072), some(12, 3072, seed=5))


def test_cifar_100_has_fine_and_coarse_labels(tmp_path):
    write_cifar100(tmp_path / "cifar-100-python")
    fine, coarse = (read_cifar100(tmp_path, labels=k)["train"].labels for k in ("fine", "coarse"))
    assert fine.max() == 59 and coarse.max() == 19
    np.testing.assert_array_equal(fine % 20, coarse)
    with pytest.raises(OptionError, match=r"labels=rough: no such labels \(has: fine, coarse"):
        read_cifar100(tmp_path, labels="rough")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_python_may_have_written_a_batch(tmp_path, protocol, order):
    rows = np.asarray(some(4, 3072), order=order)
    file = tmp_path / "batch"
    file.write_bytes(pickle.dumps({"data": rows, "labels": [3, 1, 2, 0]}, protocol))
    found = read_batch(file, "labels")
    np.testing.assert_array_equal(found.pixels.reshape(4, 3072), rows)
    np.testing.assert_array_equal(found.labels, [3, 1, 2, 0])


def test_the_written_batches_are_what_numpy_itself_reads():
    batch = {"data": some(2, 3072), "labels": [1, 7]}
    with io.StringIO() as unseen:
        pickletools.dis(pickled_by_python_2(batch), unseen)
    found = pickle.loads(pickled_by_python_2(batch), encoding="bytes")
    np.testing.assert_array_equal(found[b"data"], batch["data"])
    assert found[b"labels"] == [1, 7]


class Command:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (open, (str(self.file), "w"))


def test_a_pickle_that_calls_something_is_not_obeyed(tmp_path):
    file, victim = tmp_path / "batch", tmp_path / "made"
    for protocol in range(6):
        file.write_bytes(pickle.dumps({"data": Command(victim), "labels": [1]}, protocol))
        with pytest.raises(DataError, match=r"the pickle asks for (_?io|__builtin__|builtins)\."):
            read_batch(file, "labels")
    assert not victim.exists()


@pytest.mark.parametrize(
    "value",
    [np.dtype("O"), np.array([object], "O"), np.float64(1), np.zeros((2, 3072), "f4"), "none"],
)
def test_only_bytes_are_taken_for_pictures(tmp_path, value):
    file = tmp_path / "batch"
    file.write_bytes(pickle.dumps({"data": value, "labels": [1, 2]}, 2))
    with pytest.raises(DataError):
        read_batch(file, "labels")


def test_what_is_wrong_with_a_batch_is_said(tmp_path):
    file = tmp_path / "batch"

    def said() -> str:
        with pytest.raises(DataError) as error:
            read_batch(file, "labels")
        assert str(error.value).startswith(f"{file}: ")
        return str(error.value).removeprefix(f"{file}: ")

    whole = pickled_by_python_2({"data": some(2, 3072), "labels": [1, 7]})
    for size in (0, 1, 50, 3000, len(whole) - 1):
        file.write_bytes(whole[:size])
        assert said().startswith(f"expected a whole pickle of a CIFAR batch, got {size} bytes")
    file.write_bytes(pickle.dumps([1, 2]))
    assert said() == "expected a dict, got list"
    file.write_bytes(pickled_by_python_2({"data": some(2, 3072), "fine_labels": [1, 7]}))
    assert said() == "expected labels, has data, fine_labels"
    file.write_bytes(pickled_by_python_2({"data": some(2, 3071), "labels": [1, 7]}))
    assert said() == "expected uint8 of shape [n, 3072] as data, got uint8 of shape [2, 3071]"
    file.write_bytes(pickled_by_python_2({"data": [1], "labels": [1]}))
    assert said().endswith("as data, got int64 of shape [1]")
    file.write_bytes(pickled_by_python_2({"data": some(2, 3072), "labels": [1]}))
    assert said() == "2 pictures, but 1 labels"
    cut = whole.replace(b"J\x02\0\0\0", b"J\x03\0\0\0", 1)
    file.write_bytes(cut)
    assert said() == "expected an array of u1, got u1 of shape (3, 3072) in 6144 bytes"

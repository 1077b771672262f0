"""SVHN's MATLAB files."""

import numpy as np
import pytest
from scipy.io import savemat
from written_sets import COUNT, class_labels, some, write_svhn

from hpsearch_trainers.data.pictures import DataError, OptionError
from hpsearch_trainers.data.svhn import read_file, read_svhn


def test_the_zero_which_the_files_call_ten_is_zero(tmp_path):
    write_svhn(tmp_path)
    parts = read_svhn(tmp_path)
    np.testing.assert_array_equal(parts["train"].labels, (np.arange(COUNT) + 1) % 10)
    for seed, part in enumerate(("train", "test")):
        rows_first = some(COUNT, 32, 32, 3, seed=seed)
        np.testing.assert_array_equal(parts[part].pixels.transpose(0, 2, 3, 1), rows_first)


def test_the_extra_pictures_come_after_the_others(tmp_path):
    write_svhn(tmp_path, ("train", "test", "extra"))
    plain, more = (read_svhn(tmp_path, extra=answer)["train"] for answer in ("no", "yes"))
    assert len(more.labels) == 2 * COUNT
    np.testing.assert_array_equal(more.pixels[:COUNT], plain.pixels)
    with pytest.raises(OptionError, match="extra=perhaps: expected yes or no"):
        read_svhn(tmp_path, extra="perhaps")


def test_what_is_wrong_with_a_file_is_said(tmp_path):
    file = tmp_path / "train_32x32.mat"

    def said() -> str:
        with pytest.raises(DataError) as error:
            read_file(file)
        assert str(error.value).startswith(f"{file}: ")
        return str(error.value).removeprefix(f"{file}: ")

    write_svhn(tmp_path)
    whole = file.read_bytes()
    for size in (0, 60, 150, len(whole) // 2):
        file.write_bytes(whole[:size])
        assert said().startswith(f"expected a whole MATLAB 5 file, got {size} bytes that cannot")
    savemat(file, {"X": some(32, 32, 3, 5)})
    assert said() == "expected X and y, has no y"
    savemat(file, {"X": some(5, 32, 32, 3), "y": class_labels(5)})
    assert said() == "expected X of shape [32, 32, 3, n] in uint8, got [5, 32, 32, 3] in uint8"
    savemat(file, {"X": some(32, 32, 3, 5), "y": class_labels(4)[:, None]})
    assert said() == "5 pictures, but 4 labels"
    savemat(file, {"X": some(32, 32, 3, 5), "y": class_labels(5, least=7)[:, None]})
    assert said() == "expected labels in 0..10, got 11"

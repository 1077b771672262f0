"""STL-10's binary files."""

import numpy as np
import pytest
from written_sets import class_labels, some, write_stl10

from hpsearch_trainers.data.pictures import DataError, OptionError
from hpsearch_trainers.data.stl10 import read_stl10


def test_the_columns_of_the_files_stand_upright(tmp_path):
    write_stl10(tmp_path / "stl10_binary")
    parts = read_stl10(tmp_path)
    # The authors' description: red, green, blue, each column by column.
    place = ((7 * 3 + 1) * 96 + 50) * 96 + 4
    assert parts["train"].pixels[7, 1, 4, 50] == some(30, 3 * 96 * 96).reshape(-1)[place]
    np.testing.assert_array_equal(parts["test"].labels, class_labels(30))


def test_the_unlabeled_pictures_are_a_set_of_their_own(tmp_path):
    write_stl10(tmp_path)
    train = read_stl10(tmp_path, unlabeled="yes")["train"]
    np.testing.assert_array_equal(train.pixels.transpose(0, 1, 3, 2), some(30, 3, 96, 96, seed=2))
    assert not train.labels.any()
    with pytest.raises(OptionError, match="unlabeled=both: expected yes or no"):
        read_stl10(tmp_path, unlabeled="both")


def test_what_is_wrong_with_a_file_is_said(tmp_path):
    write_stl10(tmp_path)
    pixels, labels = tmp_path / "test_X.bin", tmp_path / "test_y.bin"
    labels.write_bytes(bytes(30))
    with pytest.raises(DataError, match=f"{labels}: expected labels from 1 on, got 0"):
        read_stl10(tmp_path)
    labels.write_bytes(bytes([11] * 30))
    with pytest.raises(DataError, match=f"{labels}: expected labels in 1..10, got 11"):
        read_stl10(tmp_path)
    labels.write_bytes(bytes([1] * 29))
    with pytest.raises(DataError, match=f"{labels}: 30 pictures, but 29 labels"):
        read_stl10(tmp_path)
    for size in (27647, 0):
        pixels.write_bytes(bytes(size))
        with pytest.raises(
            DataError, match=rf"expected a multiple of 27648 bytes \(3x96x96\), got {size}$"
        ):
            read_stl10(tmp_path)

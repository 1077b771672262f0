"""NPZ files of other people's making."""

import numpy as np
import pytest
from written_sets import class_labels, some

from hpsearch_trainers.data.npz import read_npz
from hpsearch_trainers.data.pictures import DataError


def test_the_names_of_keras_and_of_medmnist_are_known(tmp_path):
    keras = {"x_train": some(6, 5, 4), "y_train": class_labels(6), "x_test": some(3, 5, 4, seed=1)}
    np.savez_compressed(tmp_path / "keras.npz", **keras, y_test=class_labels(3))
    parts = read_npz(tmp_path / "keras.npz")
    np.testing.assert_array_equal(parts["train"].pixels, keras["x_train"][:, None])
    np.testing.assert_array_equal(parts["test"].labels, class_labels(3))
    med = {
        f"{part}_{what}": some(4, 6, 6, 3) if what == "images" else class_labels(4)[:, None]
        for part in ("train", "val", "test")
        for what in ("images", "labels")
    }
    np.savez(tmp_path / "med.npz", **med)
    parts = read_npz(tmp_path / "med.npz")
    assert list(parts) == ["train", "valid", "test"]
    np.testing.assert_array_equal(parts["valid"].pixels.transpose(0, 2, 3, 1), some(4, 6, 6, 3))
    np.testing.assert_array_equal(parts["valid"].labels, class_labels(4))


def test_arrays_without_names_or_labels_do(tmp_path):
    np.savez(tmp_path / "plain.npz", some(4, 3, 8, 9), class_labels(4))
    train = read_npz(tmp_path / "plain.npz")["train"]
    assert train.pixels.shape == (4, 3, 8, 9) and train.labels.tolist() == [0, 1, 2, 3]
    np.savez(tmp_path / "bare.npz", images=some(4, 8, 9))
    assert read_npz(tmp_path / "bare.npz")["train"].labels.tolist() == [0] * 4


def test_floats_lie_between_minus_one_and_one(tmp_path):
    file = tmp_path / "floats.npz"
    np.savez(file, x=np.array([[[-1, 0.5]]]))
    np.testing.assert_array_equal(read_npz(file)["train"].pixels, [[[[-1, 0.5]]]])
    np.savez(file, x=np.array([[[0, 0.75]]]))
    found = read_npz(file)["train"].pixels
    np.testing.assert_array_equal(found, [[[[-1, 0.5]]]])
    assert found.dtype == np.float32
    for wrong in ([[[0, 255.0]]], [[[0, np.nan]]], [[[3, 4]]]):
        np.savez(file, x=np.array(wrong))
        with pytest.raises(DataError, match=r"x: expected uint8, or floats in \[-1, 1\], got "):
            read_npz(file)


def test_what_is_wrong_with_a_file_is_said(tmp_path):
    file = tmp_path / "wrong.npz"

    def said() -> str:
        with pytest.raises(DataError) as error:
            read_npz(file)
        assert str(error.value).startswith(f"{file}: ")
        return str(error.value).removeprefix(f"{file}: ")

    assert said() == "no such file"
    np.savez(file, x=some(6, 5, 5))
    whole = file.read_bytes()
    for data in (b"", b"x", whole[:40], whole[:-30], whole[:60] + b"?" + whole[61:]):
        file.write_bytes(data)
        assert said().startswith(
            f"expected a whole .npz without pickled objects, got {len(data)} bytes"
        )
    np.savez(file, x=np.array([object()]))
    assert "Object arrays cannot be loaded" in said()
    with file.open("wb") as opened:
        np.save(opened, some(6, 5, 5))
    assert said().startswith("expected a whole .npz")
    np.savez(file, pixels=some(6, 5, 5))
    assert said() == (
        "expected pictures under one of x_train, train_images, images, x, X, data, arr_0, "
        "has pixels"
    )
    for shape in ((6, 25), (6, 5, 5, 2), (6, 3, 5, 3), (6, 1, 3, 5, 5)):
        np.savez(file, x=np.zeros(shape, np.uint8))
        assert said().endswith(f"with 1 or 3 channels c, got {list(shape)}")
    np.savez(file, x=some(6, 5, 5), y=some(6, 10))
    assert said().startswith("x: expected one integer a picture as labels, got uint8 of shape")
    np.savez(file, x=some(0, 5, 5), y=class_labels(0))
    assert said() == "x: expected pictures, got none"

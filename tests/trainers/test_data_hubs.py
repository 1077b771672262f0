"""Sets that other packages read, which may be there or not."""

import importlib.util
import sys

import numpy as np
import pytest
from written_sets import COUNT, class_labels, some, write_mnist, write_pictures

from hpsearch_trainers.data.datasets import dataset
from hpsearch_trainers.data.hubs import read_hugging_face, read_torchvision
from hpsearch_trainers.data.pictures import DataError


def imports(name: str) -> bool:
    try:
        importlib.import_module(name)
    except (ImportError, OSError, RuntimeError):
        return False
    return True


has_datasets, has_torchvision = imports("datasets"), imports("torchvision")
with_datasets = pytest.mark.skipif(not has_datasets, reason="needs datasets")
with_torchvision = pytest.mark.skipif(not has_torchvision, reason="needs a working torchvision")


def test_without_datasets_the_cure_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)  # as if it were not installed
    with pytest.raises(DataError, match=r"^hf:mnist: needs .*: pip install datasets$"):
        dataset("hf:mnist")


@pytest.mark.skipif(has_torchvision, reason="torchvision is there and works")
def test_without_a_torchvision_that_works_the_cure_is_said():
    with pytest.raises(DataError) as error:
        dataset("torchvision:MNIST")
    if importlib.util.find_spec("torchvision"):
        assert "the release and the build (CPU or CUDA) that belong to torch" in str(error.value)
    else:
        assert str(error.value).endswith("needs the package torchvision: pip install torchvision")


@pytest.fixture
def hugging(tmp_path, monkeypatch):
    """Writes a folder of Parquet files, as the hub keeps them; gives its path."""
    from datasets import ClassLabel, Dataset, Features, Image

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def write(labels=None, splits=("train", "test"), columns=("image", "label")) -> str:
        folder = tmp_path / "set"
        folder.mkdir()
        for seed, split in enumerate(splits):
            write_pictures(tmp_path / split, COUNT, seed=seed)
            files = [str(file) for file in sorted((tmp_path / split).iterdir())]
            given = class_labels(COUNT) if labels is None or split == "train" else labels
            features = Features({columns[0]: Image(), columns[1]: ClassLabel(num_classes=10)})
            rows = {columns[0]: files, columns[1]: np.asarray(given, int).tolist()}
            made = Dataset.from_dict(rows, features)
            made.to_parquet(folder / f"{split}-00000-of-00001.parquet")
        return str(folder)

    return write


@with_datasets
def test_a_set_of_the_hub_is_read_by_its_columns(hugging, tmp_path):
    parts = read_hugging_face(tmp_path / "cache", hugging(columns=("picture", "kind")))
    for seed, part in enumerate(("train", "test")):
        pixels = parts[part].pixels.transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(pixels, some(COUNT, 5, 6, 3, seed=seed))
        np.testing.assert_array_equal(parts[part].labels, class_labels(COUNT))


@with_datasets
def test_labels_that_the_hub_keeps_to_itself_make_no_part(hugging, tmp_path):
    assert set(read_hugging_face(tmp_path / "cache", hugging(labels=[-1] * COUNT))) == {"train"}


@with_datasets
def test_a_column_that_is_not_there_is_said(hugging, tmp_path):
    folder = hugging()
    with pytest.raises(DataError, match=r"\?image=photo: no such column \(has: image, label\)"):
        read_hugging_face(tmp_path / "cache", folder, image="photo")
    with pytest.raises(DataError, match=r"datasets.load_dataset says: .*nowhere"):
        read_hugging_face(tmp_path / "cache", str(tmp_path / "nowhere"))


@with_datasets
def test_a_set_of_the_hub_is_split_and_scaled_like_any(hugging, tmp_path):
    found = dataset(f"hf:{hugging(splits=('train',))}?size=4", str(tmp_path / "cache"))
    assert (found.shape, found.classes) == ((3, 4, 4), 10)
    assert sum(len(found.part(part)[1]) for part in ("train", "valid", "test")) == COUNT


@with_torchvision
def test_a_set_of_torchvision_is_read(tmp_path):
    write_mnist(tmp_path / "MNIST" / "raw")
    parts = read_torchvision(tmp_path, "MNIST")
    for seed, part in enumerate(("train", "test")):
        np.testing.assert_array_equal(parts[part].pixels[:, 0], some(COUNT, 28, 28, seed=seed))
        np.testing.assert_array_equal(parts[part].labels, class_labels(COUNT))
    write_mnist(tmp_path / "EMNIST" / "raw", prefix="emnist-digits-", test="test")
    assert len(read_torchvision(tmp_path, "EMNIST", split="digits")["test"].labels) == COUNT
    for part in ("train", "valid", "test"):
        write_pictures(tmp_path / "country211" / part / "AD", 2, end="jpg")
    parts = read_torchvision(tmp_path, "Country211", size="4")
    assert {part: found.pixels.shape for part, found in parts.items()} == dict.fromkeys(
        ("train", "valid", "test"), (2, 3, 4, 4)
    )


@with_torchvision
def test_torchvision_without_the_files_says_how_to_get_them(tmp_path):
    with pytest.raises(DataError, match=r"to get it: python -c .*MNIST.*download=True"):
        read_torchvision(tmp_path, "MNIST")
    with pytest.raises(DataError, match="SVHN"):
        read_torchvision(tmp_path, "SVHN")
    with pytest.raises(DataError, match="has no such class"):
        read_torchvision(tmp_path, "Nothing")

"""The digits' split."""

import torch

from hpsearch_trainers.data.datasets import dataset, digits


def test_the_split_is_what_it_was_and_every_class_is_on_every_side():
    parts = {part: digits(part) for part in ("train", "valid", "test")}
    assert {part: len(labels) for part, (_, labels) in parts.items()} == {
        "train": 1065,
        "valid": 367,
        "test": 365,
    }
    assert all(labels.bincount().min() > 20 for _, labels in parts.values())


def test_pictures_fill_the_range_from_minus_one_to_one():
    images, labels = digits("train")
    assert images.shape == (1065, 64) and images.dtype == torch.float32
    assert (float(images.min()), float(images.max())) == (-1.0, 1.0)
    assert labels.dtype == torch.int64


def test_no_picture_stands_on_two_sides():
    train, valid, test = (
        {image.numpy().tobytes() for image in digits(part)[0]}
        for part in ("train", "valid", "test")
    )
    assert not train & valid and not train & test and not valid & test


def test_the_digits_have_a_name():
    found = dataset("digits")
    assert (found.shape, found.classes) == ((1, 8, 8), 10)
    images, labels = found.part("valid")
    assert torch.equal(images.flatten(1), digits("valid")[0])
    assert labels is digits("valid")[1] and found.part("valid")[0] is images

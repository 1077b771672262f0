"""Folders of pictures."""

import numpy as np
import pytest
from PIL import Image
from written_sets import some, write_pictures

from hpsearch_trainers.data.images import read_folder
from hpsearch_trainers.data.pictures import DataError, OptionError


def test_a_folder_a_class_gives_labels_by_the_alphabet(tmp_path):
    write_pictures(tmp_path / "dog", 3, seed=1)
    write_pictures(tmp_path / "cat", 2)
    (tmp_path / "readme.txt").write_text("not a picture")
    (tmp_path / ".hidden").mkdir()
    parts = read_folder(tmp_path)
    assert list(parts) == ["train"]
    assert parts["train"].labels.tolist() == [0, 0, 1, 1, 1]
    np.testing.assert_array_equal(parts["train"].pixels[:2].transpose(0, 2, 3, 1), some(2, 5, 6, 3))


def test_a_flat_folder_has_no_labels_and_grey_stays_grey(tmp_path):
    write_pictures(tmp_path, 4, mode="L", end="bmp")
    parts = read_folder(tmp_path)
    np.testing.assert_array_equal(parts["train"].pixels[:, 0], some(4, 5, 6))
    assert parts["train"].labels.tolist() == [0] * 4
    write_pictures(tmp_path / "red", 1)


def test_folders_of_parts_are_the_parts_and_one_in_colour_is_enough(tmp_path):
    for part, mode in (("train", "L"), ("val", "L"), ("test", "RGB")):
        for name in ("a", "b"):
            write_pictures(tmp_path / part / name, 2, mode=mode)
    parts = read_folder(tmp_path)
    assert list(parts) == ["test", "train", "valid"]
    assert all(found.labels.tolist() == [0, 0, 1, 1] for found in parts.values())
    assert {found.pixels.shape for found in parts.values()} == {(4, 3, 5, 6)}
    (tmp_path / "test" / "b").rename(tmp_path / "test" / "c")
    with pytest.raises(DataError, match="test: expected the classes of train, a, b, has a, c"):
        read_folder(tmp_path)


def test_a_size_cuts_to_the_middle_and_resizes(tmp_path):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 4:8], pixels[:, 8:12] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    Image.fromarray(pixels.transpose(1, 0, 2)).save(tmp_path / "high.png")
    high, wide = read_folder(tmp_path, size="8")["train"].pixels
    np.testing.assert_array_equal(wide.transpose(1, 2, 0), pixels[:, 4:12])
    np.testing.assert_array_equal(high.transpose(1, 2, 0), pixels[:, 4:12].transpose(1, 0, 2))
    small = read_folder(tmp_path, size="2", channels="1")["train"].pixels
    assert small.shape == (2, 1, 2, 2) and small[1, 0, 0, 0] > small[1, 0, 0, 1]


def test_a_camera_that_was_turned_has_taken_an_upright_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row is the right side
    Image.fromarray(some(1, 5, 6)[0]).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(
        read_folder(tmp_path)["train"].pixels[0, 0], np.rot90(some(1, 5, 6)[0], -1)
    )


def test_transparency_is_ignored_and_jpeg_is_read(tmp_path):
    write_pictures(tmp_path / "clear", 2, mode="RGBA")
    found = read_folder(tmp_path / "clear")["train"].pixels
    np.testing.assert_array_equal(found.transpose(0, 2, 3, 1), some(2, 5, 6, 4)[..., :3])
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (16, 16), (200, 100, 50)).save(tmp_path / "photos" / "one.JPG", "jpeg")
    found = read_folder(tmp_path / "photos")["train"].pixels
    assert np.abs(found[0, :, 8, 8].astype(int) - [200, 100, 50]).max() <= 3


def test_what_is_wrong_with_a_folder_is_said(tmp_path):
    def said(**options) -> str:
        with pytest.raises(DataError) as error:
            read_folder(tmp_path / "set", **options)
        return str(error.value).replace(f"{tmp_path}/set", "SET")

    assert said() == "SET: no such folder"
    (tmp_path / "set").mkdir()
    assert said().endswith("in it or in a folder a class, has none")
    write_pictures(tmp_path / "set", 2)
    write_pictures(tmp_path / "set" / "cat", 1)
    assert said().endswith("has both (000.png and cat/000.png)")
    for file in (tmp_path / "set").glob("*.png"):
        file.unlink()
    write_pictures(tmp_path / "set" / "dog", 1, size=(7, 5))
    assert said() == (
        "SET/dog/000.png: expected 6x5 pixels, as the first has, got 7x5; ?size=64 makes all 64x64"
    )
    assert said(size="0") == "size=0: expected a count of pixels"
    with pytest.raises(OptionError, match="channels=2: expected 1 or 3"):
        read_folder(tmp_path / "set", channels="2")
    whole = (tmp_path / "set" / "dog" / "000.png").read_bytes()
    for size in (0, 20, len(whole) - 30):
        (tmp_path / "set" / "dog" / "000.png").write_bytes(whole[:size])
        assert said().startswith(f"SET/dog/000.png: expected a whole picture, got {size} bytes")
    Image.fromarray(some(1, 5, 6)[0].astype(np.uint16)).save(tmp_path / "set" / "dog" / "000.png")
    assert said() == "SET/dog/000.png: expected 8 bits a channel, got mode I;16"

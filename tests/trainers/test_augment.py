"""The operations of an augmentation policy, against Pillow's and SciPy's."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from scipy.ndimage import affine_transform

from hpsearch.trainer.run import HP
from hpsearch_trainers.classifier.augment import OPERATIONS, augmented, noise_shape, operated

STILL = torch.full((2,), 0.5)
WITHOUT_MAGNITUDE = {"invert", "mirror", "autocontrast", "equalize"}


def pixels(channels: int = 1, size: int = 20, count: int = 4) -> np.ndarray:
    """[count, size, size, channels], uint8, smooth enough to have many and few levels."""
    random = np.random.default_rng(0)
    of = random.integers(0, 256, (count, size, size, channels))
    of[1] = of[1] // 64 * 60 + 5  # few levels, and neither 0 nor 255
    of[2] = 77
    return of.astype(np.uint8)


def ours(of: np.ndarray, op: str, magnitude=0.5, sign=1.0, place=None) -> np.ndarray:
    """The operation on these pixels, in levels 0 to 255, not rounded."""
    images = torch.from_numpy(of).permute(0, 3, 1, 2).double() / 127.5 - 1
    n = len(images)
    place = torch.full((n, 2), 0.5) if place is None else place
    hp = HP({"op_1": op, "fill": -1.0})
    signs = torch.full((n,), sign, dtype=torch.float64)
    found = operated(images, "op_1", magnitude, signs, place, hp)
    assert found.shape == images.shape and found.dtype == images.dtype
    return ((found + 1) * 127.5).permute(0, 2, 3, 1).numpy()


def theirs(of: np.ndarray, change) -> np.ndarray:
    """Pillow's, a picture at a time."""
    pictures = [Image.fromarray(p[..., 0] if p.shape[-1] == 1 else p) for p in of]
    return np.stack([np.asarray(change(p)) for p in pictures]).reshape(of.shape).astype(float)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("op", "magnitude", "change", "slack"),
    [
        ("invert", 0.5, ImageOps.invert, 1e-9),
        ("posterize", 0.0, lambda p: ImageOps.posterize(p, 8), 1e-9),
        ("posterize", 0.5, lambda p: ImageOps.posterize(p, 6), 1e-9),
        ("posterize", 1.0, lambda p: ImageOps.posterize(p, 4), 1e-9),
        ("solarize", 0.0, lambda p: ImageOps.solarize(p, 256), 1e-9),
        ("solarize", 0.25, lambda p: ImageOps.solarize(p, 192), 1e-9),
        ("equalize", 0.5, ImageOps.equalize, 1e-9),
        # Pillow cuts the fraction off.
        ("autocontrast", 0.5, ImageOps.autocontrast, 1.001),
        ("brightness", 1.0, lambda p: ImageEnhance.Brightness(p).enhance(1.9), 1.001),
        ("sharpness", 1.0, lambda p: ImageEnhance.Sharpness(p).enhance(1.9), 1.5),
        ("color", 0.5, lambda p: ImageEnhance.Color(p).enhance(1.45), 1.5),
        # Its mean is rounded to a whole level too.
        ("contrast", 0.5, lambda p: ImageEnhance.Contrast(p).enhance(1.45), 1.5),
    ],
)
def test_an_operation_on_pixels_is_pillows(op, magnitude, change, slack, channels):
    of = pixels(channels, size=40)
    assert np.abs(ours(of, op, magnitude) - theirs(of, change)).max() <= slack


def test_an_enhancement_with_a_negative_sign_is_a_weakening():
    of = pixels(3)
    weak = theirs(of, lambda p: ImageEnhance.Contrast(p).enhance(0.1))
    assert np.abs(ours(of, "contrast", 1.0, sign=-1.0) - weak).max() <= 1.5


# By which matrix SciPy, which counts rows first, finds the pixel that stands at (row, column).
ANGLE = np.radians(30 * 0.5)
TURN = [[np.cos(ANGLE), np.sin(ANGLE)], [-np.sin(ANGLE), np.cos(ANGLE)]]
ONE = [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("op", "matrix", "offset"),
    [
        ("shear_x", [[1, 0], [0.15, 1]], (0, 0)),
        ("shear_y", [[1, 0.15], [0, 1]], (0, 0)),
        ("translate_x", ONE, (0, 0.15 * 13)),
        ("translate_y", ONE, (0.15 * 9, 0)),
        ("rotate", TURN, (0, 0)),
        ("mirror", [[1, 0], [0, -1]], (0, 0)),
    ],
)
def test_an_operation_on_places_is_scipys(op, matrix, offset):
    images = torch.randn(3, 2, 9, 13, dtype=torch.float64)
    hp = HP({"op_1": op, "fill": 0.25})
    found = operated(images, "op_1", 0.5, torch.ones(3, dtype=torch.float64), STILL, hp)
    matrix, centre = np.array(matrix), np.array([4.0, 6.0])
    start = centre - matrix @ centre + offset
    for ours, image in zip(found.flatten(0, 1), images.flatten(0, 1), strict=True):
        of = affine_transform(
            image.numpy(), matrix, start, order=1, mode="grid-constant", cval=0.25
        )
        np.testing.assert_allclose(ours, of, atol=1e-9)


def test_the_signs_of_pictures_are_their_own():
    image = torch.randn(1, 1, 6, 6).expand(2, 1, 6, 6)
    hp = HP({"op_1": "shear_x", "fill": 0.0})
    found = operated(image, "op_1", 1.0, torch.tensor([1.0, -1.0]), STILL, hp)
    upside_down = operated(image.flip(-2), "op_1", 1.0, torch.ones(2), STILL, hp).flip(-2)
    torch.testing.assert_close(found[1], upside_down[1])
    assert not torch.allclose(found[0], found[1])


@pytest.mark.parametrize("op", sorted({*OPERATIONS} - WITHOUT_MAGNITUDE))
def test_a_magnitude_of_0_is_no_change(op):
    of = pixels()
    np.testing.assert_allclose(ours(of, op, magnitude=0.0), of, atol=1e-6)


@pytest.mark.parametrize(
    ("place", "rows", "columns"),
    [((0.5, 0.5), slice(7, 13), slice(7, 13)), ((0.01, 0.99), slice(0, 3), slice(17, 20))],
)
def test_a_hole_lies_around_its_place_and_may_stick_out(place, rows, columns):
    of = np.full((1, 20, 20, 1), 200, np.uint8)
    found = ours(of, "cutout", 0.5, place=torch.tensor([place]))[0, ..., 0]
    expected = np.full((20, 20), 200.0)
    expected[rows, columns] = 0
    np.testing.assert_allclose(found, expected, atol=1e-9)


POLICY = {"fill": -1.0, **{f"magnitude_{i}": 0.5 for i in range(1, 5)}}


def after(images, subpolicies, operations, **of):
    torch.manual_seed(0)
    noise = torch.randn(noise_shape(subpolicies, operations, len(images)))
    hp = HP({**POLICY, "subpolicies": subpolicies, "operations": operations, **of})
    return augmented(images, noise, hp)


def test_a_picture_takes_one_sub_policy_and_its_operations_with_their_probabilities():
    """8,000 pictures: shares are within 5 standard errors but once in two million."""
    images = torch.full((8000, 1, 2, 2), 0.5)
    found = after(
        images, 2, 1, op_1="invert", probability_1=0.25, op_2="solarize", probability_2=1.0
    )
    inverted = (found == -0.5).all((1, 2, 3))
    assert bool((inverted | (found == 0.5).all((1, 2, 3))).all())
    share = 0.5 * 0.25 + 0.5  # solarize at 0.5 inverts what is above 128, as all pixels are
    error = (share * (1 - share) / 8000) ** 0.5
    assert abs(float(inverted.double().mean()) - share) < 5 * error


def test_operations_of_a_sub_policy_follow_one_another():
    images = torch.rand(6, 1, 5, 5) * 2 - 1
    twice = {"probability_1": 1.0, "probability_2": 1.0}
    same = after(images, 1, 2, op_1="invert", op_2="invert", **twice)
    torch.testing.assert_close(same, images)
    other = after(images, 1, 2, op_1="invert", op_2="mirror", **twice)
    torch.testing.assert_close(other, -images.flip(-1))


def test_pictures_stay_in_their_range():
    images = torch.rand(16, 3, 8, 8) * 2 - 1
    for op in OPERATIONS:
        found = after(images, 1, 1, op_1=op, probability_1=1.0, magnitude_1=1.0)
        assert float(found.abs().max()) <= 1 + 1e-6, op

"""Multi-scale structural similarity against torchmetrics and its own definition."""

import pytest
import torch
from torch.nn import functional as F
from torchmetrics.functional.image import structural_similarity_index_measure

from hpsearch_trainers.metrics import Pixels, measure
from hpsearch_trainers.metrics.ms_ssim import WEIGHTS, largest_scales, ms_ssim, self_similarity


def waves(count: int, size: int, channels: int = 1) -> torch.Tensor:
    """Smooth pictures in [-1, 1], each another."""
    place = torch.arange(size) / size
    rows, columns = torch.meshgrid(place, place, indexing="ij")
    turn = torch.arange(count * channels).view(count, channels, 1, 1)
    return torch.sin(5 * rows * (1 + turn % 3) + 7 * columns + turn).float()


def in_parts(a: torch.Tensor, b: torch.Tensor, exponents: torch.Tensor) -> torch.Tensor:
    """Wang's product of torchmetrics' similarities of each scale.

    Its own product has the coarsest similarity over a mirrored border too, which the authors'
    program has not: only windows that lie inside the picture count.
    """
    product = torch.ones(len(a), dtype=torch.float64)
    for exponent in exponents[:-1]:
        _, parts = structural_similarity_index_measure(
            a, b, data_range=2.0, reduction="none", return_contrast_sensitivity=True
        )
        product *= parts.clamp(min=0) ** exponent
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    _, whole = structural_similarity_index_measure(
        a, b, data_range=2.0, reduction="none", return_full_image=True
    )
    return product * whole[..., 5:-5, 5:-5].mean((1, 2, 3)).clamp(min=0) ** exponents[-1]


@pytest.mark.parametrize(("size", "scales"), [(176, 5), (60, 3), (28, 2), (32, 2), (11, 1)])
def test_the_similarity_is_that_of_torchmetrics(size, scales):
    a = waves(3, size, 2).double()
    b = 0.7 * a + 0.2 * torch.randn(a.shape, generator=torch.Generator().manual_seed(0))
    weights = torch.tensor(WEIGHTS[:scales], dtype=torch.float64)
    theirs = in_parts(a, b, weights / weights.sum())
    assert theirs.std() > 1e-4 and theirs.max() < 0.95
    torch.testing.assert_close(ms_ssim(a, b, scales), theirs, rtol=1e-9, atol=1e-9)


def test_equal_pictures_are_alike_wholly_and_negatives_not_at_all():
    images = waves(3, 32)
    torch.testing.assert_close(ms_ssim(images, images, 2), torch.ones(3).double())
    assert float(ms_ssim(images, -images, 2).max()) < 0.01


@pytest.mark.parametrize(
    ("size", "scales"), [(10, 0), (11, 1), (22, 2), (43, 2), (44, 3), (176, 5)]
)
def test_pictures_have_room_for_as_many_scales_as_their_halves_hold_the_window(size, scales):
    assert largest_scales(size, size + 9) == scales
    if scales:
        ms_ssim(waves(1, size), waves(1, size), scales)


def test_pictures_that_are_too_small_are_refused_with_the_cure():
    with pytest.raises(ValueError) as error:
        ms_ssim(waves(2, 28), waves(2, 28))
    assert str(error.value) == (
        "ms_ssim: pictures of 28x28 pixels are too small for 5 scales, which need 176; "
        "take scales=2"
    )
    with pytest.raises(ValueError, match=r"8x8 .* 11; measure their diversity by recall or"):
        ms_ssim(waves(2, 8), waves(2, 8), 1)
    with pytest.raises(ValueError, match=r"one shape, got \[2, 1, 28, 28\] and \[2, 28, 28\]"):
        ms_ssim(waves(2, 28), waves(2, 28)[:, 0], 1)


def test_the_metric_finds_pictures_of_one_kind_less_diverse():
    many, settings = waves(30, 32), {"ms_ssim": {"scales": 2, "pairs": 40}}
    few = many[:2].repeat(15, 1, 1, 1)
    found = [
        measure(["ms_ssim"], many, fake, Pixels(), settings=settings)["ms_ssim"]
        for fake in (many, few)
    ]
    assert found[0].better_than(found[1]) and found[0].extractor_sha256 == ""


def test_a_pair_is_never_a_picture_and_itself():
    noise = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    expected = float(ms_ssim(noise[:1], noise[1:], 2))
    assert expected < 0.3
    assert self_similarity(noise, pairs=30, scales=2) == pytest.approx(expected)

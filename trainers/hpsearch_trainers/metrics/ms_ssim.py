"""Diversity by structural similarity: pictures that are alike in pairs lack it."""

import torch
from torch import Tensor
from torch.nn import functional as F

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, the finest first
WINDOW = 11  # pixels
DEVIATION = 1.5  # of the window's normal weights, in pixels
RANGE = 2.0  # of pixels in [-1, 1]


def ms_ssim(a: Tensor, b: Tensor, scales: int = 5) -> Tensor:
    """Multi-scale structural similarity (Wang, Simoncelli & Bovik 2003).

    With fewer than five scales the finest ones' exponents are used, made to sum to 1. A negative
    mean counts as 0, whose power is defined.

    Args:
        a: pictures [n, channels, height, width] in [-1, 1].
        b: as a.
        scales: 1 to 5, each half as large as the one before.

    Returns:
        [n], at most 1, which equal pictures have.

    Raises:
        ValueError: the coarsest scale is smaller than the window.
    """
    if a.ndim != 4 or a.shape != b.shape:
        raise ValueError(
            "ms_ssim: expected two batches [n, channels, height, width] of one shape, got "
            f"{list(a.shape)} and {list(b.shape)}"
        )
    if not 1 <= scales <= len(WEIGHTS):
        raise ValueError(f"ms_ssim: scales must be 1 to {len(WEIGHTS)}, got {scales}")
    height, width = a.shape[2:]
    most = largest_scales(height, width)
    if scales > most:
        cure = f"take scales={most}" if most else "measure their diversity by recall or coverage"
        raise ValueError(
            f"ms_ssim: pictures of {height}x{width} pixels are too small for {scales} scales, "
            f"which need {WINDOW * 2 ** (scales - 1)}; {cure}"
        )
    exponents = torch.tensor(WEIGHTS[:scales], dtype=torch.float64)
    exponents = exponents / exponents.sum()
    a, b = a.double(), b.double()
    product = torch.ones(len(a), dtype=torch.float64, device=a.device)
    for scale, exponent in enumerate(exponents.tolist()):
        whole, contrast_structure = _similarity(a, b)
        last = scale + 1 == scales
        product = product * (whole if last else contrast_structure).clamp(min=0) ** exponent
        if not last:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return product


def largest_scales(height: int, width: int) -> int:
    """How many scales pictures of this size have room for, at most 5."""
    side, scales = min(height, width), 0
    while side >= WINDOW and scales < len(WEIGHTS):
        side, scales = side // 2, scales + 1
    return scales


def self_similarity(images: Tensor, pairs: int = 100, scales: int = 5, seed: int = 0) -> float:
    """Mean MS-SSIM of random pairs of generated pictures (Odena et al. 2017, sec. 4.2).

    The smaller, the more diverse; the goal is the real pictures' own value, since noise has a
    smaller one. The paper takes the pairs from one class at a time.

    Args:
        images: [n, channels, height, width] in [-1, 1], n at least 2.
        pairs: of unlike rows.
        scales: of `ms_ssim`.
        seed: of the choice of pairs.
    """
    if len(images) < 2:
        raise ValueError(f"ms_ssim: a pair needs 2 pictures, got {len(images)}")
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(len(images), (pairs,), generator=generator)
    step = torch.randint(1, len(images), (pairs,), generator=generator)
    return float(ms_ssim(images[first], images[(first + step) % len(images)], scales).mean())


def _similarity(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Means [n] of SSIM and of its contrast-structure part (Wang et al. 2004)."""
    c1, c2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
    moments = _blur(torch.cat([a, b, a * a, b * b, a * b]))
    mean_a, mean_b, square_a, square_b, product = moments.chunk(5)
    variances = square_a - mean_a**2 + square_b - mean_b**2
    contrast_structure = (2 * (product - mean_a * mean_b) + c2) / (variances + c2)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * contrast_structure).mean((1, 2, 3)), contrast_structure.mean((1, 2, 3))


def _blur(images: Tensor) -> Tensor:
    """Normal-weighted mean around each pixel whose window lies inside the picture."""
    place = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    weights = torch.exp(-(place**2) / (2 * DEVIATION**2))
    weights = weights / weights.sum()
    channels = images.shape[1]
    column = weights.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    row = weights.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    return F.conv2d(F.conv2d(images, column, groups=channels), row, groups=channels)

"""How a generator is judged at a report, and what is said when training has gone wrong."""

import functools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hpsearch_trainers import metrics as judges
from hpsearch_trainers.data.datasets import dataset
from hpsearch_trainers.metrics.distances import Array, frechet_distance, moments, share_covered
from hpsearch_trainers.metrics.features import REFERENCE, extractor, reference

SAMPLES = 1000  # generated pictures that a report judges, from latents that are always the same
WATCHED = 128  # real pictures on which the discriminator is watched, and as many generated ones
GRID = 8  # rows and columns of the sample sheet
FLAT = 1e-6  # a generator's gradient below which it learns no more


def judge(
    features: Array, part: str, name: str = "digits", root: str | None = None
) -> tuple[float, float, float]:
    """Fréchet distance, coverage, and total variance relative to real pictures of `part`.

    Args:
        features: of generated pictures, [n, 32], as `Extractor` gives them.
        part: "valid" or "test".
        name: of the data set.
        root: the folder with its files.
    """
    if not np.isfinite(features).all():
        return float("nan"), 0.0, float("nan")
    real = reference(part, name, root)
    mean, covariance = moments(features)
    fid = frechet_distance(real.mean, real.covariance, mean, covariance)
    spread = np.trace(covariance) / np.trace(real.covariance)
    return fid, share_covered(real.features, real.radii, features), float(spread)


def further(
    names: Sequence[str], features: Array, name: str = "digits", root: str | None = None
) -> tuple[dict[str, float], dict[str, str | int]]:
    """What more judges say of generated pictures, and what they were measured with.

    Args:
        names: of `judges.JUDGES`; those that look at features.
        features: as `judge` takes them.
        name: of the data set, with whose validation pictures they are compared.
        root: the folder with its files.
    """
    if not names:
        return {}, {}
    found = judges.judge(names, _real(name, root), features)
    return {judge: said.value for judge, said in found.items()}, judges.provenance(found.values())


@functools.cache
def _real(name: str, root: str | None) -> judges.Reference:
    pictures = dataset(name, root).part("valid")[0][:REFERENCE]
    return judges.Reference(pictures, extractor(name, root))


def why_collapsed(covered: float, spread: float) -> str | None:
    """Says so if the pictures are all but one and the same, near next to no real ones.

    Args:
        covered: coverage.
        spread: the features' total variance, real pictures' being 1.
    """
    if covered < 0.05 and spread < 0.1:
        return f"coverage {covered:.3f}, feature variance {spread:.3f} of the real pictures'"
    return None


def why_saturated(gap: float, slope: float) -> str | None:
    """Says so if the discriminator tells all pictures apart and gives the generator no gradient.

    Args:
        gap: the lowest score of a real picture less the highest of a generated one.
        slope: norm of the generator's gradient.
    """
    if gap > 0 and slope < FLAT:
        return f"scores {gap:.3g} apart, the generator's gradient is {slope:.1g}"
    return None


@functools.cache
def latents(z_dim: int) -> Tensor:
    """Normal, [SAMPLES, z_dim], the same at every report of every trial."""
    return torch.randn(SAMPLES, z_dim, generator=torch.Generator().manual_seed(0))


@functools.cache
def every_kind(classes: int) -> Tensor:
    """One-hot, [SAMPLES, classes]: one class after another."""
    return one_hot(torch.arange(SAMPLES) % classes, classes, torch.float32)


def one_hot(labels: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """Labels [n], whole numbers of any type, as [n, classes]; vmap takes it."""
    return (labels[:, None] == torch.arange(classes, device=labels.device)).to(dtype)


@functools.cache
def watched(name: str, root: str | None) -> tuple[Tensor, Tensor]:
    """Training pictures [WATCHED, ...], fewer if there are not so many, and one-hot kinds."""
    data = dataset(name, root)
    images, labels = data.part("train")
    return images[:WATCHED], one_hot(labels[:WATCHED], data.classes, torch.float32)


def sheet(images: Tensor) -> np.ndarray:
    """Pictures [GRID * GRID, channels, height, width] side by side, framed.

    A pixel of pictures below 32 x 32 is drawn as several.

    Returns:
        [rows, columns], or [rows, columns, 3] of colour pictures, in [0, 1].
    """
    pixels = images.detach().cpu() / 2 + 0.5
    scale = max(1, 32 // pixels.shape[-1])
    large = pixels.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    framed = F.pad(large, (2, 2, 2, 2)).unflatten(0, (GRID, GRID))
    whole = framed.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    return (whole[..., 0] if whole.shape[-1] == 1 else whole).numpy()

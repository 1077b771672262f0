"""The metrics of a generator at a report, and the signs of collapse and saturation."""

import functools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hpsearch_trainers import metrics
from hpsearch_trainers.data.datasets import dataset
from hpsearch_trainers.metrics.distances import Array, frechet_distance, moments, share_covered
from hpsearch_trainers.metrics.features import REFERENCE, extractor, reference

SAMPLES = 1000  # generated pictures that a report measures, always from the same latents
WATCHED = 128  # real pictures on which the discriminator is monitored, and as many generated ones
GRID = 8  # rows and columns of the sample sheet
FLAT = 1e-6  # norm of a generator's gradient below which it no longer learns


def fidelity(
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


def further_metrics(
    names: Sequence[str], features: Array, name: str = "digits", root: str | None = None
) -> tuple[dict[str, float], dict[str, str | int]]:
    """Further metrics of generated pictures, and their provenance.

    Args:
        names: of `metrics.METRICS`; those that look at features.
        features: as in `fidelity`.
        name: of the data set, with whose validation pictures they are compared.
        root: the folder with its files.
    """
    if not names:
        return {}, {}
    measured = metrics.measure(names, _real(name, root), features)
    values = {metric: measurement.value for metric, measurement in measured.items()}
    return values, metrics.provenance(measured.values())


@functools.cache
def _real(name: str, root: str | None) -> metrics.Reference:
    pictures = dataset(name, root).part("valid")[0][:REFERENCE]
    return metrics.Reference(pictures, extractor(name, root))


def why_collapsed(covered: float, spread: float) -> str | None:
    """The reason if the pictures are nearly identical and near hardly any real ones.

    Args:
        covered: coverage.
        spread: the features' total variance, real pictures' being 1.
    """
    if covered < 0.05 and spread < 0.1:
        return f"coverage {covered:.3f}, feature variance {spread:.3f} of the real pictures'"
    return None


def why_saturated(gap: float, gradient: float) -> str | None:
    """The reason if the discriminator separates all pictures and the generator gets no gradient.

    Args:
        gap: the lowest score of a real picture less the highest of a generated one.
        gradient: norm of the generator's gradient.
    """
    if gap > 0 and gradient < FLAT:
        return f"scores {gap:.3g} apart, the generator's gradient is {gradient:.1g}"
    return None


@functools.cache
def latents(z_dim: int) -> Tensor:
    """Normal, [SAMPLES, z_dim], the same at every report of every trial."""
    return torch.randn(SAMPLES, z_dim, generator=torch.Generator().manual_seed(0))


@functools.cache
def every_class(classes: int) -> Tensor:
    """One-hot, [SAMPLES, classes]: one class after another."""
    return one_hot(torch.arange(SAMPLES) % classes, classes, torch.float32)


def one_hot(labels: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """Labels [n], whole numbers of any type, as [n, classes]; vmap takes it."""
    return (labels[:, None] == torch.arange(classes, device=labels.device)).to(dtype)


@functools.cache
def watched(name: str, root: str | None) -> tuple[Tensor, Tensor]:
    """Training pictures [WATCHED, ...], fewer if there are not so many, and one-hot labels."""
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

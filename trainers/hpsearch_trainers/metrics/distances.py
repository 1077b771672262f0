"""Fréchet distance and coverage of features."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def moments(features: Array) -> tuple[Array, Array]:
    """Mean [d] and unbiased covariance [d, d] of features [n, d]."""
    return features.mean(0), np.cov(features, rowvar=False)


def frechet_distance(mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array) -> float:
    """Squared Fréchet distance of two Gaussians (Dowson & Landau 1982; Heusel et al. 2017).

    |m_a - m_b|² + tr(A + B - 2 (A^½ B A^½)^½). The inner matrix is symmetric, so symmetric
    eigen-decompositions suffice, and no root of A B can become complex.

    Args:
        mean_a, mean_b: [d].
        cov_a, cov_b: [d, d], symmetric, positive semi-definite.

    Returns:
        Squared units of the features, at least 0 up to rounding.
    """
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ cov_b @ root)
    cross = np.sqrt(np.clip(inner, 0, None)).sum()
    shift = mean_a - mean_b
    return float(shift @ shift + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def coverage(real: Array, fake: Array, k: int = 5) -> float:
    """Share of real samples [n > k, d] with a fake one within their k-th real neighbour's distance.

    Naeem et al. 2020, sec. 3; a sample is not its own neighbour.
    """
    return share_covered(real, squared_radii(real, k), fake)


def squared_radii(real: Array, k: int = 5) -> Array:
    """Squared distance [n] of each real sample [n, d] to its k-th real neighbour."""
    norms = (real**2).sum(1)
    distances = np.clip(norms[:, None] + norms - 2 * real @ real.T, 0, None)
    np.fill_diagonal(distances, 0)  # or rounding moves a sample away from itself
    return np.partition(distances, k, axis=1)[:, k]


def share_covered(real: Array, radii: Array, fake: Array) -> float:
    """`coverage` from the squared radii [n] of the real samples."""
    distances = real @ fake.T  # in place: large, and computed at every report
    distances *= -2
    distances += (fake**2).sum(1)
    nearest = np.clip(distances.min(1) + (real**2).sum(1), 0, None)
    return float((nearest <= radii).mean())

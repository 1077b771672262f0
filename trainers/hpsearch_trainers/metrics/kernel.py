"""Kernel distance: how far the means of two samples are apart in a kernel's space."""

import numpy as np

from hpsearch_trainers.metrics.extractors import Array


def kernel_distance(
    real: Array, fake: Array, degree: int = 3, within_real: float | None = None
) -> float:
    """Unbiased squared maximum mean discrepancy with a polynomial kernel.

    Gretton et al. 2012, sec. 2.2, with k(x, y) = (x·y / d + 1)^degree (Bińkowski et al. 2018).
    It is 0 on average where the two distributions agree in their first `degree` moments,
    and then negative as often as not.

    Args:
        real: features [n, d], n at least 2.
        fake: [m, d], m at least 2.
        degree: of the polynomial.
        within_real: `mean_kernel_within(real, degree)`, if it is known.

    Returns:
        Without unit if the features have none, which `standardised` ones do not.

    Raises:
        ValueError: fewer than 2 samples.
    """
    if min(len(real), len(fake)) < 2:
        raise ValueError(
            f"the kernel distance needs 2 samples of each, got {len(real)} real and {len(fake)} "
            "generated ones"
        )

    if within_real is None:
        within_real = mean_kernel_within(real, degree)
    within_fake = mean_kernel_within(fake, degree)
    return within_real + within_fake - 2 * float(_kernel(real, fake, degree).mean())


def mean_kernel_within(features: Array, degree: int) -> float:
    """Mean of the kernel over the pairs of unlike rows of [n, d]."""
    n, gram = len(features), _kernel(features, features, degree)
    return float((gram.sum() - np.trace(gram)) / (n * (n - 1)))


def _kernel(a: Array, b: Array, degree: int) -> Array:
    base = a @ b.T
    base /= a.shape[1]
    base += 1
    power = base.copy()
    for _ in range(degree - 1):
        power *= base
    return power


def standardised(features: Array, mean: Array, deviation: Array) -> Array:
    """(features - mean) / deviation by column; where the deviation is 0, 1 stands for it.

    Mean and deviation [d] are those of the real pictures, so that no generator changes the scale.
    """
    return (features - mean) / np.where(deviation > 0, deviation, 1.0)

"""Mixtures of Gaussians in the plane, and metrics of generators trained on them.

A grid of 25 and a ring of 8, the usual benchmarks of mode collapse, with the standard deviations of
Lin et al. 2018 (PacGAN), sec. 4.1, after Srivastava et al. 2017 (VEEGAN), sec. 4.1.
"""

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]

NEAR = 3.0  # a high-quality sample is within so many standard deviations of a mode
# Share of the mixture's own samples: squared distances are chi-square with 2 degrees of freedom.
SHARE_NEAR = 1 - math.exp(-(NEAR**2) / 2)
DRAWN = 20_000  # samples to train on


@dataclass(frozen=True)
class Mixture:
    """Equally likely isotropic Gaussians of one standard deviation.

    Attributes:
        name: the name in a study file.
        modes: means, [k, 2].
        deviation: standard deviation.
    """

    name: str
    modes: Array
    deviation: float

    def sample(self, n: int, seed: int) -> Array:
        """[n, 2], from each mode in turn, so that all have equal shares."""
        generator = np.random.default_rng(seed)
        centres = self.modes[np.arange(n) % len(self.modes)]
        return centres + self.deviation * generator.standard_normal((n, 2))

    @property
    def scale(self) -> float:
        """Root of the mean variance of the two coordinates over all modes."""
        return math.sqrt(self.modes.var(0).mean() + self.deviation**2)


GRID25 = Mixture(
    "grid25",
    np.array([(-4.0 + 2 * i, -4.0 + 2 * j) for i in range(5) for j in range(5)]),
    0.05,
)
RING8 = Mixture(
    "ring8",
    np.array([(math.cos(a), math.sin(a)) for a in 2 * math.pi / 8 * np.arange(8)]),
    0.01,
)
MIXTURES = {mixture.name: mixture for mixture in (GRID25, RING8)}


def mixture(name: str, deviation: float | None = None) -> Mixture:
    """A mixture by name, with its usual standard deviation or another.

    Raises:
        ValueError: there is no such mixture, or the discs of NEAR deviations would overlap.
    """
    if name not in MIXTURES:
        raise ValueError(f"no data set {name!r} (has: {', '.join(MIXTURES)})")
    if deviation is None:
        return MIXTURES[name]
    apart = np.hypot(*(MIXTURES[name].modes[1] - MIXTURES[name].modes[0]))
    most = float(apart / (2 * NEAR))
    if not 0 < deviation < most:
        raise ValueError(f"{name}: deviation must be above 0 and below {most:.3g}, got {deviation}")
    return replace(MIXTURES[name], deviation=deviation)


@functools.cache
def training_set(name: str, deviation: float | None = None) -> Tensor:
    """[DRAWN, 2], float32, divided by the mixture's scale; the same object at each call."""
    source = mixture(name, deviation)
    return torch.tensor(source.sample(DRAWN, seed=0) / source.scale, dtype=torch.float32)


@dataclass(frozen=True)
class Census:
    """Metrics of a generator's samples against a mixture (PacGAN, sec. 4.1).

    A high-quality sample is within NEAR deviations of a mode.

    Attributes:
        modes: number of modes with a high-quality sample.
        quality: share of high-quality samples.
        reverse_kl: Kullback-Leibler divergence in nats of the samples' shares of the modes (each
            sample counts for its nearest) from equal shares.
        jsd: Jensen-Shannon divergence in nats (Lin 1991, sec. IV) between generator and mixture,
            over the discs of NEAR deviations around the modes and the rest of the plane. 0 for the
            mixture itself, at most ln 2.
    """

    modes: int
    quality: float
    reverse_kl: float
    jsd: float


def census(samples: Array, of: Mixture) -> Census:
    """Metrics of samples [n, 2]; the discs of the mixture must not overlap."""
    squares = ((samples[:, None, :] - of.modes) ** 2).sum(2)
    nearest = squares.argmin(1)
    near = squares.min(1) <= (NEAR * of.deviation) ** 2
    k, n = len(of.modes), len(samples)
    shares = np.bincount(nearest, minlength=k) / n
    discs = np.bincount(nearest[near], minlength=k) / n
    generated = np.append(discs, 1 - near.mean())
    known = np.append(np.full(k, SHARE_NEAR / k), 1 - SHARE_NEAR)
    middle = (generated + known) / 2
    return Census(
        modes=int((discs > 0).sum()),
        quality=float(near.mean()),
        reverse_kl=relative_entropy(shares, np.full(k, 1 / k)),
        jsd=(relative_entropy(generated, middle) + relative_entropy(known, middle)) / 2,
    )


def relative_entropy(p: Array, q: Array) -> float:
    """Σ p log(p / q) in nats; q must be above 0 where p is."""
    support = p > 0
    return float((p[support] * np.log(p[support] / q[support])).sum())

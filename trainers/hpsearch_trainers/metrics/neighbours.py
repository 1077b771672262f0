"""Metrics from nearest neighbours in feature space: fidelity, diversity, a two-sample test."""

from functools import cached_property

import numpy as np

from hpsearch_trainers.metrics.extractors import Array


def squared_distances(a: Array, b: Array) -> Array:
    """[n, m] of samples [n, d] and [m, d]."""
    distances = a @ b.T  # in place: large
    distances *= -2
    distances += (a**2).sum(1)[:, None]
    distances += (b**2).sum(1)
    return np.maximum(distances, 0, out=distances)


class Sample:
    """Features [n, d], their distances and radii; each is computed once."""

    def __init__(self, features: Array) -> None:
        self.features = features
        self._radii: dict[int, Array] = {}

    @cached_property
    def distances(self) -> Array:
        """Squared, [n, n], with zeros on the diagonal in spite of rounding."""
        distances = squared_distances(self.features, self.features)
        np.fill_diagonal(distances, 0)
        return distances

    def radii(self, k: int) -> Array:
        """Squared distance [n] to the k-th neighbour other than the sample itself.

        Raises:
            ValueError: there are no k neighbours.
        """
        count = len(self.features)
        if not 1 <= k < count:
            raise ValueError(f"neighbour {k} of {count} samples: there must be more than k")
        if k not in self._radii:
            self._radii[k] = np.partition(self.distances, k, axis=1)[:, k]
        return self._radii[k]


class Neighbours:
    """Real [n, d] and generated [m, d] samples, and the distances between them."""

    def __init__(self, real: Sample, fake: Sample) -> None:
        self.real, self.fake = real, fake

    @cached_property
    def across(self) -> Array:
        """[n, m]."""
        return squared_distances(self.real.features, self.fake.features)

    @cached_property
    def _to_fake(self) -> Array:
        nearest: Array = self.across.min(1)
        return nearest

    def precision(self, k: int = 3) -> float:
        """Share of generated samples in a ball around a real one, up to its k-th neighbour.

        Kynkäänniemi et al. 2019, sec. 2.
        """
        return float((self.across <= self.real.radii(k)[:, None]).any(0).mean())

    def recall(self, k: int = 3) -> float:
        """Share of real samples in a ball around a generated one; same source."""
        return float((self.across <= self.fake.radii(k)).any(1).mean())

    def density(self, k: int = 5) -> float:
        """Mean number of real balls that contain a generated sample, over k (Naeem et al. 2020).

        Expected value 1 if the distributions agree; above 1 if the generator prefers dense regions.
        """
        inside = self.across <= self.real.radii(k)[:, None]
        return float(inside.sum() / (k * inside.shape[1]))

    def coverage(self, k: int = 5) -> float:
        """Share of real balls that contain a generated sample (Naeem et al. 2020, sec. 3).

        Expected value 1 - Π_{i=1..k} (n - i) / (n + m - i), about 1 - 2^-k, if the distributions
        agree (derived in the paper).
        """
        return float((self._to_fake <= self.real.radii(k)).mean())

    def accuracy(self) -> float:
        """Leave-one-out accuracy of a 1-nearest-neighbour classifier of real and generated.

        Lopez-Paz & Oquab 2017; Xu et al. 2018, sec. 2. About ½ if the distributions agree, 1 if
        they are disjoint, below ½ if generated samples are copies of real ones. The mean of the
        accuracies on real and on generated samples, so n and m may differ; a tie counts half.
        """
        nearest_real, nearest_fake = self.real.radii(1), self.fake.radii(1)
        to_fake, to_real = self._to_fake, self.across.min(0)
        of_real = (nearest_real < to_fake) + 0.5 * (nearest_real == to_fake)
        of_fake = (nearest_fake < to_real) + 0.5 * (nearest_fake == to_real)
        return float((of_real.mean() + of_fake.mean()) / 2)

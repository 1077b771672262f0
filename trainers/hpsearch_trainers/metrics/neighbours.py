"""Judges that count neighbours among the features: fidelity, diversity, and a two-sample test."""

from functools import cached_property

import numpy as np

from hpsearch_trainers.metrics.extractors import Array


def squared_distances(a: Array, b: Array) -> Array:
    """[n, m] of samples [n, d] and [m, d]."""
    distances = a @ b.T  # worked on in place: it is large
    distances *= -2
    distances += (a**2).sum(1)[:, None]
    distances += (b**2).sum(1)
    return np.maximum(distances, 0, out=distances)


class Sample:
    """Features and their neighbours among each other; each is computed once.

    Args:
        features: [n, d].
    """

    def __init__(self, features: Array) -> None:
        self.features = features
        self._radii: dict[int, Array] = {}

    @cached_property
    def distances(self) -> Array:
        """Squared, [n, n]; rounding moves no sample away from itself."""
        distances = squared_distances(self.features, self.features)
        np.fill_diagonal(distances, 0)
        return distances

    def radii(self, k: int) -> Array:
        """Squared distance [n] to the k-th neighbour, the sample itself not among them.

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
    """Real and generated samples, and the distances between them.

    Args:
        real: of features [n, d].
        fake: of features [m, d].
    """

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
        """Share of generated samples inside a real one's ball (Kynkäänniemi et al. 2019, sec. 2).

        A ball ends at its centre's k-th neighbour.
        """
        return float((self.across <= self.real.radii(k)[:, None]).any(0).mean())

    def recall(self, k: int = 3) -> float:
        """Share of real samples inside a generated one's ball; the same source."""
        return float((self.across <= self.fake.radii(k)).any(1).mean())

    def density(self, k: int = 5) -> float:
        """Real balls around a generated sample, over k (Naeem et al. 2020, sec. 3).

        1 on average where the distributions agree, above it where the generator keeps to the
        dense places.
        """
        inside = self.across <= self.real.radii(k)[:, None]
        return float(inside.sum() / (k * inside.shape[1]))

    def coverage(self, k: int = 5) -> float:
        """Share of real balls with a generated sample inside (Naeem et al. 2020, sec. 3).

        Where the distributions agree it is 1 - Π_{i=1..k} (n - i) / (n + m - i) on average (derived
        in the paper), about 1 - 2^-k.
        """
        return float((self._to_fake <= self.real.radii(k)).mean())

    def accuracy(self) -> float:
        """Leave-one-out accuracy of a 1-nearest-neighbour classifier of real and generated.

        Lopez-Paz & Oquab 2017; Xu et al. 2018, sec. 2. About ½ where the distributions agree, 1
        where they are apart, below ½ where generated samples are copies of real ones. It is the
        mean of the two kinds' accuracies, so that their numbers may differ; a tie counts half.
        """
        nearest_real, nearest_fake = self.real.radii(1), self.fake.radii(1)
        to_fake, to_real = self._to_fake, self.across.min(0)
        of_real = (nearest_real < to_fake) + 0.5 * (nearest_real == to_fake)
        of_fake = (nearest_fake < to_real) + 0.5 * (nearest_fake == to_real)
        return float((of_real.mean() + of_fake.mean()) / 2)

"""What is learned of a table of trained configurations, as arrays: a forest and a Gaussian process.

The two are averaged, so that a searcher that believes in either sees a function that is not quite
of its own kind. A prediction takes 0.15 ms, knows NumPy alone, and is the same wherever it is made.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.space import Choice, Scalar, Space


def features(space: Space, params: Any) -> np.ndarray:
    """[features], float64: numbers in the unit interval, 0.5 while inactive; choices one-hot."""
    found: list[float] = []
    for parameter in space:
        value: Scalar = params.get(parameter.name)
        is_active = parameter.name in params
        if isinstance(parameter.domain, Choice):
            options = parameter.domain.options
            found += [float(is_active and option == value) for option in options]
        else:
            found.append(parameter.domain.encode(value) if is_active else 0.5)
    return np.array(found)


@dataclass(frozen=True)
class Forest:
    """Regression trees (Geurts et al. 2006), T of them of at most N nodes and D levels.

    Attributes:
        feature: [T, N], uint8; of a leaf, 0.
        threshold: [T, N], float32; of a leaf, infinity.
        children: [T, N, 2], uint16; the second beyond the threshold; a leaf is its own.
        leaf: [T, N], float32.
        depth: D.
    """

    feature: np.ndarray
    threshold: np.ndarray
    children: np.ndarray
    leaf: np.ndarray
    depth: int

    @classmethod
    def of(cls, fitted: Any) -> "Forest":
        """The arrays of scikit-learn's forest."""
        trees = [estimator.tree_ for estimator in fitted.estimators_]
        shape = (len(trees), max(tree.node_count for tree in trees))
        feature, leaf = np.zeros(shape, np.uint8), np.zeros(shape, np.float32)
        threshold = np.full(shape, np.inf, np.float32)
        children = np.zeros((*shape, 2), np.uint16)
        for t, tree in enumerate(trees):
            n, inner = tree.node_count, tree.children_left >= 0
            own = np.arange(n)
            feature[t, :n] = np.where(inner, tree.feature, 0)
            threshold[t, :n] = np.where(inner, tree.threshold, np.inf)
            children[t, :n, 0] = np.where(inner, tree.children_left, own)
            children[t, :n, 1] = np.where(inner, tree.children_right, own)
            leaf[t, :n] = tree.value[:, 0, 0]
        return cls(feature, threshold, children, leaf, max(tree.max_depth for tree in trees))

    def flat(self) -> "FlatForest":
        trees, nodes = self.feature.shape
        roots = np.arange(trees) * nodes
        children = self.children.astype(np.int64) + roots[:, None, None]
        return FlatForest(
            self.feature.astype(np.int64).ravel(),
            self.threshold.ravel(),
            children.ravel(),
            self.leaf.astype(np.float64).ravel(),
            roots,
            self.depth,
        )


@dataclass(frozen=True)
class FlatForest:
    """The nodes of all trees in one row."""

    feature: np.ndarray
    threshold: np.ndarray
    children: np.ndarray  # of node k at 2k and 2k + 1
    leaf: np.ndarray
    roots: np.ndarray
    depth: int

    def __call__(self, x: np.ndarray) -> float:
        """The mean of the trees at [features]; like scikit-learn's, they see float32."""
        x, node = x.astype(np.float32), self.roots
        for _ in range(self.depth):
            beyond = x[self.feature[node]] > self.threshold[node]
            node = self.children[2 * node + beyond]
        return float(self.leaf[node].mean())


@dataclass(frozen=True)
class Process:
    """Mean of a Gaussian process, Matérn-5/2 kernel (Rasmussen & Williams 2006, eq. 4.17, 2.23).

    Attributes:
        scales: [features], lengthscales.
        points: [n, features], in lengthscales.
        weights: [n], the inverse of the noisy covariance times the centred values.
        mean: prior mean.
    """

    scales: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    mean: float

    def __call__(self, x: np.ndarray) -> float:
        points, norms = self._rows
        scaled = x / self.scales
        squares = norms - 2 * (points @ scaled)
        squares += scaled @ scaled
        r = np.sqrt(5 * np.maximum(squares, 0, out=squares), out=squares)
        return self.mean + float(self.weights @ ((1 + r * (1 + r / 3)) * np.exp(-r)))

    @cached_property
    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Points in float64, and their squared norms."""
        points = self.points.astype(np.float64)
        return points, (points**2).sum(1)


@dataclass(frozen=True)
class Noise:
    """Deviations of single seeds from their configuration's mean, by how good it is.

    Attributes:
        levels: [n], means of configurations, ascending.
        deviations: [n, seeds], with the variance of one seed's value.
    """

    levels: np.ndarray
    deviations: np.ndarray

    def __call__(self, truth: float, first: float, second: float) -> float:
        """One of the deviations seen at about this level, chosen by two uniforms."""
        count, seeds = self.deviations.shape
        near = count // 5  # configurations whose deviations a value may have
        centre = int(np.searchsorted(self.levels, truth)) - near // 2
        row = min(max(centre, 0), count - near) + int(first * near)
        return float(self.deviations[row, int(second * seeds)])


def noise_of(values: np.ndarray) -> Noise:
    """From values under several seeds, [n, seeds]; deviations times √(seeds/(seeds - 1))."""
    values = values[np.argsort(values.mean(1), kind="stable")]
    means, seeds = values.mean(1), values.shape[1]
    return Noise(means, (values - means[:, None]) * math.sqrt(seeds / (seeds - 1)))


def save(path: Path, parts: Sequence[tuple[str, Any]]) -> None:
    """The arrays of several of these dataclasses, by a name each."""
    arrays = {f"{name}_{key}": v for name, part in parts for key, v in asdict(part).items()}
    np.savez_compressed(path, **arrays)


def load(path: Path) -> tuple[FlatForest, Process, Noise]:
    kinds = {"forest": Forest, "process": Process, "noise": Noise}
    found: dict[str, Any] = {}
    with np.load(path) as arrays:
        for name, kind in kinds.items():
            own = {k.removeprefix(f"{name}_"): arrays[k] for k in arrays if k.startswith(name)}
            found[name] = kind(**{k: v if v.ndim else v.item() for k, v in own.items()})
    return found["forest"].flat(), found["process"], found["noise"]

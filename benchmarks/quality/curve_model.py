"""What is learned of trained curves: the average of a forest and a Gaussian process."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import spearmanr

from .chance import uniforms
from .curve_tables import TRAINED, path_of, read, steps, unit
from .curved import Array, Curved, Unit
from .fit_surrogates import FOLDS, LEAF, TREES, Hyper, likeliest
from .surrogate import features
from .train_tables import SEEDS

FAMILIES = {"digits-classifier": "classifier", "ring-gan": "gan", "lqg-gan": "gan"}


@dataclass(frozen=True)
class Table:
    """Trained curves.

    Attributes:
        x: features, [n, f].
        y: values of seed 0 at the checkpoints, [n, steps].
        repeated: values of some points under all seeds, [m, SEEDS, steps].
    """

    x: Array
    y: Array
    repeated: Array


class Model:
    """Curves as a function of features.

    The process has one set of hyperparameters, fitted to the ends of the curves.
    """

    def __init__(self, x: Array, y: Array, hyper: Hyper) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        forest = ExtraTreesRegressor(TREES, min_samples_leaf=LEAF, max_depth=16, random_state=0)
        self._forest: Any = forest.fit(x, y)
        self._scales, signal, noise = hyper
        self._points, self._means = x / self._scales, y.mean(0)
        kernel = self._kernel(self._points)
        kernel[np.diag_indices_from(kernel)] += noise / signal
        self._weights = cho_solve(cho_factor(kernel, lower=True), y - self._means)

    def __call__(self, x: Array) -> Array:
        """Shape [points, steps]."""
        process = self._means + self._kernel(x / self._scales) @ self._weights
        return np.asarray(0.5 * (self._forest.predict(x) + process))

    def _kernel(self, points: Array) -> Array:
        """Matérn-5/2 (Rasmussen & Williams 2006, eq. 4.17), of scaled points and the data."""
        squares = (points**2).sum(1)[:, None] + (self._points**2).sum(1)
        squares -= 2 * points @ self._points.T
        r = np.sqrt(5 * np.maximum(squares, 0))
        return np.asarray((1 + r + r * r / 3) * np.exp(-r))


def table(name: str) -> Table:
    """The rows of a table.

    Raises:
        FileNotFoundError: there are none.
    """
    rows, space = read(path_of(name)), TRAINED[name].task.space
    if not rows:
        raise FileNotFoundError(f"{path_of(name)}: missing; python -m quality.curve_tables {name}")
    numbers = sorted(index for index, seed in rows if seed == 0)
    x = np.array([features(space, space.decode(unit(name, index))) for index in numbers])
    many = [index for index in numbers if (index, SEEDS - 1) in rows]
    repeated = np.array([[rows[index, seed] for seed in range(SEEDS)] for index in many])
    return Table(x, np.array([rows[index, 0] for index in numbers]), repeated)


def deviations_of(repeated: Array) -> tuple[Array, Array]:
    """Ends of curves, ascending, [m], and their seeds' deviations, [m, SEEDS, steps].

    The deviations are from the mean of the seeds, times √(seeds/(seeds - 1)) so that their variance
    is one seed's.
    """
    means = repeated.mean(1)
    order = np.argsort(means[:, -1], kind="stable")
    seeds = repeated.shape[1]
    scaled = (repeated - means[:, None]) * math.sqrt(seeds / (seeds - 1))
    return means[order, -1], scaled[order]


def learned(name: str) -> Curved:
    """A task of a table, its model fitted here, in a few seconds."""
    known = table(name)
    model = Model(known.x, known.y, likeliest(known.x, known.y[:, -1]))
    ends, deviations = deviations_of(known.repeated)
    one = TRAINED[name]
    space, full = one.task.space, one.task.full
    grid = np.log(steps(full))

    @lru_cache(maxsize=2)  # a value needs the curves twice
    def remembered(units: tuple[tuple[float, ...], ...]) -> Array:
        return model(np.array([features(space, space.decode(u)) for u in units]))

    def predicted(units: Sequence[Unit]) -> Array:
        return remembered(tuple(tuple(u) for u in units))

    def between(curves: Array, budgets: Sequence[int]) -> Array:
        """Linear in the logarithm of the steps."""
        at = np.log(budgets)
        return np.array([np.interp(at, grid, curve) for curve in curves])

    def of(units: Sequence[Unit], budgets: Sequence[int]) -> Array:
        return between(predicted(units), budgets)

    def drawn(units: Sequence[Unit], budgets: Sequence[int], seed: int) -> Array:
        near = max(1, len(ends) // 5)  # curves whose deviations a trial may have
        rows = []
        for u, end in zip(units, predicted(units)[:, -1], strict=True):
            first, second = uniforms(name, space.decode(u), seed)
            centre = int(np.searchsorted(ends, end)) - near // 2
            row = min(max(centre, 0), len(ends) - near) + int(first * near)
            rows.append(deviations[row, int(second * deviations.shape[1])])
        return between(np.array(rows), budgets)

    about = f"{one.task.file.name}, {full} steps, {len(known.x)} trained"
    return Curved(name, FAMILIES[name], space, full, of, drawn, about)


def cross_validated(known: Table) -> tuple[float, float]:
    """Spearman's correlations at the ends: of predictions with unseen curves, and of two seeds."""
    fold = np.random.default_rng(1).permutation(len(known.x)) % FOLDS
    hyper = likeliest(known.x, known.y[:, -1])
    told = np.zeros(len(known.x))
    for k in range(FOLDS):
        seen = fold != k
        told[~seen] = Model(known.x[seen], known.y[seen], hyper)(known.x[~seen])[:, -1]
    ends = known.repeated[:, :, -1]
    pairs = [(a, b) for a in range(SEEDS) for b in range(a)]
    between = [float(spearmanr(ends[:, a], ends[:, b])[0]) for a, b in pairs]
    return float(spearmanr(told, known.y[:, -1])[0]), float(np.mean(between))

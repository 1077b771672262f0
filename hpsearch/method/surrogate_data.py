"""The data that the Gaussian process is fitted to, and whether it predicts any of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hpsearch.method.encoding import Encoding
from hpsearch.method.gp import Likelihood, Posterior, one_thread
from hpsearch.method.ranking import Row, ranked

Array = NDArray[np.float64]

MIN_SKILL = 0.0  # the surrogate selects draws only above it
# Rows that the process is fitted to; its cost grows with the cube of their number.
BEST, RECENT, FILLING = 100, 100, 100


@dataclass(frozen=True)
class SurrogateData:
    """Data of a process.

    Attributes:
        x: features, shape [n, columns]; the last is the logarithm of the budget, if budgets differ.
        owners: the parameter of each column, shape [columns], int.
        z: targets, shape [n].
        target_budget: the budget column of all points to select, shape [1, 0 or 1].
    """

    x: Array
    owners: NDArray[np.int_]
    z: Array
    target_budget: Array

    @property
    def at_target_budget(self) -> Array:
        """The features of the same parameters at the target budget; shape [n, columns]."""
        own = self.x[:, : self.x.shape[1] - self.target_budget.shape[1]]
        return np.concatenate([own, np.repeat(self.target_budget, len(own), axis=0)], axis=1)


def surrogate_data(encoding: Encoding, rows: Sequence[Row], budget: int) -> SurrogateData | None:
    """The data of a table; None if all its trials failed.

    Args:
        rows: in the order of their numbers, failures included.
        budget: training steps of the trials to select.
    """
    if not any(_is_finite(row) for row in rows):
        return None
    rows = representative(encoding, rows)
    x, owners = encoding.features([row.unit for row in rows]), encoding.owners
    budgets, target_budget = _budget_columns([row.budget for row in rows], budget)
    if target_budget.shape[1]:
        owners = np.append(owners, owners.max(initial=-1) + 1)
    z = targets([row.value for row in rows])
    return SurrogateData(np.concatenate([x, budgets], axis=1), owners, z, target_budget)


def fit_hyperparameters(data: SurrogateData) -> Array | None:
    """The most probable hyperparameters, as `Likelihood` has them; None without enough `skill`."""
    with one_thread():
        if skill(data.x, data.owners, data.z) <= MIN_SKILL:
            return None
        return Likelihood(data.x, data.owners, data.z).maximum()


def _is_finite(row: Row) -> bool:
    return row.value is not None and math.isfinite(row.value)


def _budget_columns(budgets: Sequence[int], target: int) -> tuple[Array, Array]:
    """The logarithms of the data's budgets and of the target budget, scaled to [0, 1].

    Returns:
        Shapes [n, 1] and [1, 1]; without the column where all data have one budget.
    """
    if len(set(budgets)) == 1:
        return np.empty((len(budgets), 0)), np.empty((1, 0))
    logs = np.log(np.array([*budgets, target], dtype=np.float64))
    scaled = ((logs - logs.min()) / (logs.max() - logs.min()))[:, None]
    return scaled[:-1], scaled[-1:]


def skill(x: Array, owners: NDArray[np.int_], z: Array) -> float:
    """The correlation of left-out targets with their predictions, from -1 to 1.

    Each row is left out in turn, under hyperparameters fitted to the half of the rows without it.
    With hyperparameters fitted to all rows, pure noise would look predictable: the process then
    beats the median in most tables of noise.

    Returns:
        0 for fewer than 4 rows, and where predictions or targets are constant.
    """
    if len(z) < 4:
        return 0.0
    predicted = np.empty_like(z)
    half = np.arange(len(z)) % 2 == 0
    for seen in (half, ~half):
        theta = Likelihood(x[seen], owners, z[seen]).maximum()
        predicted[~seen] = Posterior(theta, x, owners, z).leave_one_out()[~seen]
    p, q = predicted - predicted.mean(), z - z.mean()
    size = math.sqrt(float(p @ p) * float(q @ q))
    return float(p @ q) / size if size > 1e-12 else 0.0


def targets(values: Sequence[float | None]) -> Array:
    """The process's targets, from values of which lower is better; shape [n].

    Above the median the normal quantile of the rank, z = Φ⁻¹((rank - 0.5)/n), so that outliers
    among the bad trials have no more influence than their rank. Below it (value - median)/rms of
    that half, so that good trials keep their distances. Failures have the worst finite value;
    equal values share a mean rank.
    """
    finite = [v for v in values if v is not None and math.isfinite(v)]
    worst = max(finite)
    y = np.array([v if v is not None and math.isfinite(v) else worst for v in values], dtype=float)
    _, which, counts = np.unique(y, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    z = np.asarray(ndtri((ranks - 0.5) / len(y)), dtype=np.float64)
    y = y / max(np.abs(y).max(), 1e-300)  # so that squares cannot overflow
    below = y - np.median(y)
    good = below < 0
    scale = math.sqrt(float(np.mean(below[good] ** 2))) if good.any() else 0.0
    # Values equal to the median may share a rank below the middle one; they are not good.
    return np.where(good, below / scale, np.maximum(z, 0.0)) if scale > 0 else z


def representative(encoding: Encoding, rows: Sequence[Row]) -> list[Row]:
    """At most 300 of the rows, by number: the best, the latest, and others that fill the space.

    The last are taken one by one, each the farthest from all taken before (Gonzalez 1985). Rows are
    given and returned in the order of their numbers.
    """
    if len(rows) <= BEST + RECENT + FILLING:
        return list(rows)
    good = {row.number for row in ranked([row for row in rows if _is_finite(row)])[:BEST]}
    late = {row.number for row in [r for r in rows if r.number not in good][-RECENT:]}
    taken = np.array([row.number in good or row.number in late for row in rows])
    x = np.ascontiguousarray(encoding.features([row.unit for row in rows]).T)
    distances = np.full(len(rows), np.inf)  # squared, to the nearest row taken
    for k in np.flatnonzero(taken):
        distances = np.minimum(distances, np.square(x - x[:, k, None]).sum(0))
    for _ in range(FILLING):
        distances[taken] = -np.inf
        farthest = int(np.argmax(distances))  # the oldest of equals
        taken[farthest] = True
        distances = np.minimum(distances, np.square(x - x[:, farthest, None]).sum(0))
    return [row for row, on in zip(rows, taken, strict=True) if on]

"""What the judge's Gaussian process is fitted to, and whether it has learnt anything from it."""

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

TRUST = 0.0  # the skill above which the judge is asked
# Rows that the process is fitted to, whose cost grows with their cube.
BEST, RECENT, FILLING = 100, 100, 100


@dataclass(frozen=True)
class SurrogateData:
    """Data of a process.

    Attributes:
        x: features, shape [n, columns]; the last is the logarithm of the budget, if budgets differ.
        owners: of each column its parameter, shape [columns], int.
        z: targets, shape [n].
        asked: the columns that all points to come have in common, shape [1, 0 or 1].
    """

    x: Array
    owners: NDArray[np.int_]
    z: Array
    asked: Array

    @property
    def here(self) -> Array:
        """The same parameters at the budget that is asked for."""
        own = self.x[:, : self.x.shape[1] - self.asked.shape[1]]
        return np.concatenate([own, np.repeat(self.asked, len(own), axis=0)], axis=1)


def surrogate_data(features: Encoding, rows: Sequence[Row], budget: int) -> SurrogateData | None:
    """The data of a table; none if all in it has failed.

    Args:
        features: of the space.
        rows: in the order of their numbers, failures included.
        budget: that is asked for.
    """
    if not any(_is_finite(row) for row in rows):
        return None
    rows = representative(features, rows)
    x, owners = features.of([row.unit for row in rows]), features.owners
    budgets, asked = _budget_columns([row.budget for row in rows], budget)
    if asked.shape[1]:
        owners = np.append(owners, owners.max(initial=-1) + 1)
    z = targets([row.value for row in rows])
    return SurrogateData(np.concatenate([x, budgets], axis=1), owners, z, asked)


def hyperparameters(lesson: SurrogateData) -> Array | None:
    """The most probable ones, as `Likelihood` has them; none if they would tell no good from bad.

    That is where the `skill` is not above TRUST.
    """
    with one_thread():
        if skill(lesson.x, lesson.owners, lesson.z) <= TRUST:
            return None
        return Likelihood(lesson.x, lesson.owners, lesson.z).maximum()


def _is_finite(row: Row) -> bool:
    return row.value is not None and math.isfinite(row.value)


def _budget_columns(budgets: Sequence[int], asked: int) -> tuple[Array, Array]:
    """The logarithms of the data's budgets and of the one asked for, in their common range.

    Returns:
        Shapes [n, 1] and [1, 1]; without the column where all data have one budget.
    """
    if len(set(budgets)) == 1:
        return np.empty((len(budgets), 0)), np.empty((1, 0))
    logs = np.log(np.array([*budgets, asked], dtype=np.float64))
    scaled = ((logs - logs.min()) / (logs.max() - logs.min()))[:, None]
    return scaled[:-1], scaled[-1:]


def skill(x: Array, owners: NDArray[np.int_], z: Array) -> float:
    """How the process predicts targets that it has not seen: their correlation, from -1 to 1.

    Each row is left out in turn, under hyperparameters fitted to the half of the rows that it is
    not in. Were it in, pure noise would look predictable: fitted to all rows, the process beats the
    median in most tables of noise.

    Args:
        x: features, shape [n, columns].
        owners: of each column its parameter.
        z: targets, shape [n].

    Returns:
        0 where there is nothing to correlate, as for the median, which is the same everywhere.
    """
    if len(z) < 4:
        return 0.0
    predicted = np.empty_like(z)
    half = np.arange(len(z)) % 2 == 0
    for seen in (half, ~half):
        theta = Likelihood(x[seen], owners, z[seen]).maximum()
        predicted[~seen] = Posterior(theta, x, owners, z).left_out()[~seen]
    p, q = predicted - predicted.mean(), z - z.mean()
    size = math.sqrt(float(p @ p) * float(q @ q))
    return float(p @ q) / size if size > 1e-12 else 0.0


def targets(values: Sequence[float | None]) -> Array:
    """What the process is fitted to, from values of which lower is better; shape [n].

    Above the median the normal quantile of the rank, z = Φ⁻¹((rank - 0.5)/n), so that no bad trial
    counts for more than its rank. Below it (value - median)/rms of that half, so that good trials
    keep their distances. Failures have the worst finite value; equal values share a mean rank.
    """
    finite = [v for v in values if v is not None and math.isfinite(v)]
    worst = max(finite)
    y = np.array([v if v is not None and math.isfinite(v) else worst for v in values], dtype=float)
    _, which, counts = np.unique(y, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    z = np.asarray(ndtri((ranks - 0.5) / len(y)), dtype=np.float64)
    y = y / max(np.abs(y).max(), 1e-300)  # nothing overflows
    below = y - np.median(y)
    good = below < 0
    scale = math.sqrt(float(np.mean(below[good] ** 2))) if good.any() else 0.0
    # Many that equal the median may share a rank below the middle one, but are none of the good.
    return np.where(good, below / scale, np.maximum(z, 0.0)) if scale > 0 else z


def representative(features: Encoding, rows: Sequence[Row]) -> list[Row]:
    """At most 300 of the rows, by number: the best, the latest, and others that fill the space.

    The last are taken one by one, each the farthest from all that are taken (Gonzalez 1985).

    Args:
        features: of their space.
        rows: in the order of their numbers.
    """
    if len(rows) <= BEST + RECENT + FILLING:
        return list(rows)
    good = {row.number for row in ranked([row for row in rows if _is_finite(row)])[:BEST]}
    late = {row.number for row in [r for r in rows if r.number not in good][-RECENT:]}
    taken = np.array([row.number in good or row.number in late for row in rows])
    x = np.ascontiguousarray(features.of([row.unit for row in rows]).T)
    far = np.full(len(rows), np.inf)
    for k in np.flatnonzero(taken):
        far = np.minimum(far, np.square(x - x[:, k, None]).sum(0))
    for _ in range(FILLING):
        far[taken] = -np.inf
        farthest = int(np.argmax(far))  # the oldest of equals
        taken[farthest] = True
        far = np.minimum(far, np.square(x - x[:, farthest, None]).sum(0))
    return [row for row, on in zip(rows, taken, strict=True) if on]

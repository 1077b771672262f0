"""The judge: a Gaussian process that picks one among several random draws.

Every candidate is a draw from the tightened distribution, so what a round can propose stays what
the method says; the judge only says which of them to train. It is fitted once, to the table that
the round was drawn from, and then picks place by place: each pick joins the data as a pending
point at its believed mean, so later places look elsewhere. All is a pure function of the table and
the places' generators.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, ndtr, ndtri

from hpsearch.features import Features
from hpsearch.gp import Likelihood, Posterior, one_thread
from hpsearch.ranking import Row, ranked
from hpsearch.space import Space

Array = NDArray[np.float64]
Point = tuple[float, ...]

CANDIDATES = 512.0  # of the last place, nearly; the first has one
REDRAWS = 20  # candidates of a place at most, if only because all before were repeats
TRUST = 0.0  # the skill above which the judge is asked
# Rows that the process is fitted to, whose cost grows with their cube.
BEST, RECENT, FILLING = 100, 100, 100


def candidates(place: int, places: int) -> int:
    """How many draws a place of a round chooses from: 1 for the first, about 450 for the last."""
    return round(float(CANDIDATES ** ((place + 0.5) / places)))


class Judge:
    """Picks the draws of one round, in order.

    Args:
        space: of the study.
        rows: all that has finished, at whatever budget, failures included, in any order.
        budget: of the trials to pick, in steps.

    Attributes:
        is_trusted: whether it tells good rows from bad that it has not seen. One that does not
            picks the first candidate, which is a plain draw.
    """

    def __init__(self, space: Space, rows: Sequence[Row], *, budget: int) -> None:
        rows = sorted(rows, key=lambda row: row.number)
        self._features = Features(space)
        self._known = set(self._features.keys([row.unit for row in rows]))
        self._posterior: Posterior | None = None  # none without trust
        self._budget_columns = np.empty((1, 0))
        self.is_trusted = False
        if any(_is_finite(row) for row in rows):
            self._fit(representative(self._features, rows), budget)

    def _fit(self, rows: Sequence[Row], budget: int) -> None:
        z = targets([row.value for row in rows])
        x = self._features.of([row.unit for row in rows])
        owners = self._features.owners
        budgets, self._budget_columns = _budget_columns([row.budget for row in rows], budget)
        if budgets.shape[1]:
            owners = np.append(owners, owners.max(initial=-1) + 1)
        with one_thread():
            data = np.concatenate([x, budgets], axis=1)
            self.is_trusted = skill(data, owners, z) > TRUST
            if not self.is_trusted:
                return
            theta = Likelihood(data, owners, z).maximum()
            self._posterior = Posterior(theta, data, owners, z)
            # Of the same parameters at the budget that is asked for.
            self._incumbent = float(self._posterior.mean(self._at_budget(x)).min())

    def _at_budget(self, x: Array) -> Array:
        return np.concatenate([x, np.repeat(self._budget_columns, len(x), axis=0)], axis=1)

    def is_repeat(self, point: Point) -> bool:
        """Whether a finished or pending point has the same parameters."""
        return self._features.keys([point])[0] in self._known

    def pick(self, candidates: Sequence[Point], place: int, generator: np.random.Generator) -> int:
        """The index of the candidate that a place keeps; it is pending from then on.

        Even places keep the highest expected improvement, odd ones the lowest of one joint sample
        of the function (Thompson 1933). Repeats are out, unless all are.

        Args:
            candidates: at least one; the first is the plain draw.
            place: in the round.
            generator: the place's, as the candidates have left it.
        """
        kept = 0
        if self._posterior is not None and len(candidates) > 1:
            keys = self._features.keys(candidates)
            repeats = np.array([key in self._known for key in keys])
            with one_thread():
                score = self._score(self._posterior, candidates, place, generator)
            kept = int(np.argmin(np.where(repeats & ~repeats.all(), np.inf, score)))
        self.wait(candidates[kept])
        return kept

    def _score(
        self,
        posterior: Posterior,
        candidates: Sequence[Point],
        place: int,
        generator: np.random.Generator,
    ) -> Array:
        """Lower is better."""
        x = self._at_budget(self._features.of(candidates))
        if place % 2:
            return posterior.sample(x, generator.standard_normal(len(x)))
        mean, variance = posterior.moments(x)
        return -log_expected_improvement(mean, np.sqrt(variance), self._incumbent)

    def wait(self, point: Point) -> None:
        """A point that is pending without having been picked: a running trial, a continuation."""
        self._known.update(self._features.keys([point]))
        if self._posterior is not None:
            with one_thread():
                self._posterior.expect(self._at_budget(self._features.of([point]))[0])


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


def representative(features: Features, rows: Sequence[Row]) -> list[Row]:
    """At most 300 of the rows, by number: the best, the latest, and others that fill the space.

    The last are taken one by one, each the farthest from all that are taken (Gonzalez 1985).

    Args:
        features: of their space.
        rows: in the order of their numbers.
    """
    if len(rows) <= BEST + RECENT + FILLING:
        return list(rows)
    good = {row.number for row in ranked([row for row in rows if _is_finite(row)])[:BEST]}
    late = [row.number for row in rows if row.number not in good][-RECENT:]
    taken = np.array([row.number in good or row.number in late for row in rows])
    x = features.of([row.unit for row in rows])
    far = np.full(len(rows), np.inf)
    for k in np.flatnonzero(taken):
        far = np.minimum(far, ((x - x[k]) ** 2).sum(1))
    for _ in range(FILLING):
        far[taken] = -np.inf
        farthest = int(np.argmax(far))  # the oldest of equals
        taken[farthest] = True
        far = np.minimum(far, ((x - x[farthest]) ** 2).sum(1))
    return [row for row, on in zip(rows, taken, strict=True) if on]


def log_expected_improvement(mean: Array, deviation: Array, incumbent: float) -> Array:
    """The logarithm of E[max(incumbent - f, 0)] for normal f; finite however small that is.

    It is log σ + log(φ(t) + t·Φ(t)) with t = (incumbent - mean)/σ (Jones et al. 1998, eq. 15; its
    logarithm as in Ament et al. 2023). Below -1 the second term is log φ(t) + log(1 - |t|·m(|t|))
    with Mills' ratio m, and far below, where that difference loses digits, its asymptotic series.
    """
    t = (incumbent - mean) / deviation
    log_density = -0.5 * t * t - 0.5 * math.log(2 * math.pi)
    near = np.maximum(t, -1.0)
    direct = np.exp(-0.5 * near * near) / math.sqrt(2 * math.pi) + near * ndtr(near)
    middle = np.clip(-t, 1.0, 50.0)
    mills = math.sqrt(math.pi / 2) * erfcx(middle / math.sqrt(2))
    far = np.maximum(-t, 50.0) ** -2
    # 1 - |t|·m(|t|) = 1/t² - 3/t⁴ + 15/t⁶ - 105/t⁸ + ...
    series = far * (1 - far * (3 - far * (15 - far * (105 - far * 945))))
    tail = log_density + np.where(t > -50, np.log1p(-middle * mills), np.log(series))
    return np.asarray(np.log(deviation) + np.where(t > -1, np.log(direct), tail))

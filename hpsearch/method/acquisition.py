"""The acquisition: scores of random draws under a Gaussian process, the surrogate.

The process is fitted once, to the table that a round was drawn from. Each selected point joins the
data as a pending point at its predicted mean, so later slots look elsewhere. All is a pure function
of the table and the slots' generators.
"""

import copy
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, ndtr

from hpsearch.method.encoding import Encoding
from hpsearch.method.gp import Posterior, one_thread
from hpsearch.method.ranking import Row
from hpsearch.method.surrogate_data import SurrogateData, fit_hyperparameters, surrogate_data
from hpsearch.space import Space

Array = NDArray[np.float64]
Point = tuple[float, ...]


class Acquisition:
    """Selects the draws of one round, slot by slot.

    Args:
        rows: all trials that have finished, at any budget, failures included, in any order.
        budget: training steps of the trials to select.
    """

    def __init__(self, space: Space, rows: Sequence[Row], *, budget: int) -> None:
        self._encoding = Encoding(space)
        self._budget = budget
        data = self._read(rows)
        self._theta = None if data is None else fit_hyperparameters(data)
        self._fit_posterior(data)

    def with_rows(self, rows: Sequence[Row]) -> "Acquisition":
        """An acquisition of other rows, all of one budget, with the hyperparameters of this one.

        It is predictive if this one is.
        """
        other = copy.copy(self)
        other._fit_posterior(other._read(rows))
        return other

    def copy(self) -> "Acquisition":
        """A copy that can be given pending points independently."""
        other = copy.copy(self)
        other._known_keys = set(self._known_keys)
        other._posterior = copy.copy(self._posterior)  # which replaces its arrays
        return other

    def _read(self, rows: Sequence[Row]) -> SurrogateData | None:
        rows = sorted(rows, key=lambda row: row.number)
        self._known_keys = set(self._encoding.keys([row.unit for row in rows]))
        return surrogate_data(self._encoding, rows, self._budget)

    def _fit_posterior(self, data: SurrogateData | None) -> None:
        self._posterior: Posterior | None = None  # none if it is not predictive
        if data is not None and self._theta is not None:
            self._budget_columns = data.target_budget
            with one_thread():
                self._posterior = Posterior(self._theta, data.x, data.owners, data.z)
                self._incumbent = float(self._posterior.mean(data.at_target_budget).min())

    @property
    def is_predictive(self) -> bool:
        """Whether the process predicts rows that it has not seen.

        If not, `select` takes the first candidate, which is a plain draw.
        """
        return self._posterior is not None

    @property
    def noise_ratio(self) -> float:
        """The noise's variance over the signal's; infinite if it is not predictive."""
        return math.inf if self._posterior is None else self._posterior.noise_ratio

    def are_repeats(self, points: Sequence[Point]) -> NDArray[np.bool_]:
        """Whether a finished or pending point has the same parameters, by point."""
        return np.array([key in self._known_keys for key in self._encoding.keys(points)])

    def select(self, candidates: Sequence[Point], slot: int, generator: np.random.Generator) -> int:
        """The index of the candidate that a slot trains.

        Even slots take the highest expected improvement, odd ones the lowest of one joint sample
        of the function (Thompson 1933). Repeats are excluded, unless all are.

        Args:
            candidates: at least one; the first is the plain draw.
            slot: the slot's index in the round.
            generator: the slot's, after the candidates were drawn.
        """
        if self._posterior is None or len(candidates) == 1:
            return 0
        repeats = self.are_repeats(candidates)
        is_odd = slot % 2 == 1
        scores = self.sample(candidates, generator) if is_odd else -self.improvement(candidates)
        return int(np.argmin(np.where(repeats & ~repeats.all(), np.inf, scores)))

    def improvement(self, points: Sequence[Point]) -> Array:
        """The logarithm of the expected improvement at points; only if it is predictive."""
        assert self._posterior is not None
        with one_thread():
            mean, variance = self._posterior.moments(self._features(points))
            return log_expected_improvement(mean, np.sqrt(variance), self._incumbent)

    def sample(self, points: Sequence[Point], generator: np.random.Generator) -> Array:
        """The function at points, drawn jointly; only if it is predictive."""
        assert self._posterior is not None
        with one_thread():
            x = self._features(points)
            return self._posterior.sample(x, generator.standard_normal(len(x)))

    def add_pending(self, point: Point) -> None:
        """Add a point whose outcome is pending: of a selected draw, a running trial or the like."""
        self._known_keys.update(self._encoding.keys([point]))
        if self._posterior is not None:
            with one_thread():
                self._posterior.add_pending(self._features([point])[0])

    def _features(self, points: Sequence[Point]) -> Array:
        """The encoded points at the budget of the trials to select."""
        x = self._encoding.features(points)
        return np.concatenate([x, np.repeat(self._budget_columns, len(x), axis=0)], axis=1)


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

"""The judge: a Gaussian process that picks one among several random draws.

Every candidate is a draw from the tightened distribution, so what a round can propose stays what
the method says; the judge only says which of them to train. It is fitted once, to the table that
the round was drawn from, and then picks place by place: each pick joins the data as a pending
point at its believed mean, so later places look elsewhere. All is a pure function of the table and
the places' generators.
"""

import copy
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, ndtr

from hpsearch.method.encoding import Encoding
from hpsearch.method.gp import Posterior, one_thread
from hpsearch.method.ranking import Row
from hpsearch.method.surrogate_data import SurrogateData, hyperparameters, surrogate_data
from hpsearch.space import Space

Array = NDArray[np.float64]
Point = tuple[float, ...]

MAX_CANDIDATES = 512.0  # of the last place, nearly; the first has one
REDRAWS = 20  # candidates of a place at most, if only because all before were repeats
# A pick is refined by moves around it, the best of each width's, where little of a value is noise.
REFINE_WIDTHS = (0.1, 0.05, 0.025, 0.0125, 0.00625)
REFINE_DRAWS = 40  # of each width
REFINE_FROM = 0.3  # of a round's places: the first remain as they were drawn
REFINE_NOISE = 0.1  # at most; the noise's variance over the signal's


def candidate_count(place: int, places: int) -> int:
    """How many draws a place of a round chooses from: 1 for the first, about 450 for the last."""
    return round(float(MAX_CANDIDATES ** ((place + 0.5) / places)))


class Acquisition:
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
        self._features = Encoding(space)
        self._budget = budget
        data = self._read(rows)
        self._theta = None if data is None else hyperparameters(data)
        self._believe(data)

    def with_rows(self, rows: Sequence[Row]) -> "Acquisition":
        """A judge of these rows with the hyperparameters, and the trust, of this one.

        Args:
            rows: as at the start; all of one budget.
        """
        other = copy.copy(self)
        other._believe(other._read(rows))
        return other

    def copy(self) -> "Acquisition":
        """One that knows the same, and whose pending points to come are its own."""
        other = copy.copy(self)
        other._known = set(self._known)
        other._posterior = copy.copy(self._posterior)  # which replaces its arrays
        return other

    def _read(self, rows: Sequence[Row]) -> SurrogateData | None:
        rows = sorted(rows, key=lambda row: row.number)
        self._known = set(self._features.keys([row.unit for row in rows]))
        return surrogate_data(self._features, rows, self._budget)

    def _believe(self, data: SurrogateData | None) -> None:
        self._posterior: Posterior | None = None  # none without trust
        if data is not None and self._theta is not None:
            self._asked = data.asked
            with one_thread():
                self._posterior = Posterior(self._theta, data.x, data.owners, data.z)
                self._incumbent = float(self._posterior.mean(data.here).min())

    @property
    def is_trusted(self) -> bool:
        return self._posterior is not None

    def _at_budget(self, x: Array) -> Array:
        return np.concatenate([x, np.repeat(self._asked, len(x), axis=0)], axis=1)

    def is_repeat(self, point: Point) -> bool:
        """Whether a finished or pending point has the same parameters."""
        return self._features.keys([point])[0] in self._known

    def pick(self, candidates: Sequence[Point], place: int, generator: np.random.Generator) -> int:
        """The index of the candidate that a place keeps.

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
        return kept

    def refined(
        self, pick: Point, place: int, places: int, near: Callable[[Point, float], Point]
    ) -> Point:
        """A pick moved to where more improvement is expected.

        Places that keep the lowest of a sample are left, since the sample is not known elsewhere.

        Args:
            pick: of the place.
            place: in the round.
            places: of the round.
            near: a random move of a point with a width.
        """
        posterior = self._posterior
        if posterior is None or posterior.noise_ratio > REFINE_NOISE:
            return pick
        if place % 2 or place + 0.5 < REFINE_FROM * places:
            return pick
        with one_thread():
            most = self._improvement(posterior, [pick])[0]
            for width in REFINE_WIDTHS:
                moved = [near(pick, width) for _ in range(REFINE_DRAWS)]
                improvement = self._improvement(posterior, moved)
                improvement[[key in self._known for key in self._features.keys(moved)]] = -np.inf
                best = int(np.argmax(improvement))
                if improvement[best] > most:
                    pick, most = moved[best], improvement[best]
        return pick

    def _improvement(self, posterior: Posterior, points: Sequence[Point]) -> Array:
        mean, variance = posterior.moments(self._at_budget(self._features.of(points)))
        return log_expected_improvement(mean, np.sqrt(variance), self._incumbent)

    def _score(
        self,
        posterior: Posterior,
        candidates: Sequence[Point],
        place: int,
        generator: np.random.Generator,
    ) -> Array:
        """Lower is better."""
        if place % 2:
            x = self._at_budget(self._features.of(candidates))
            return posterior.sample(x, generator.standard_normal(len(x)))
        return -self._improvement(posterior, candidates)

    def wait(self, point: Point) -> None:
        """A point that is pending: a pick, a running trial, a continuation."""
        self._known.update(self._features.keys([point]))
        if self._posterior is not None:
            with one_thread():
                self._posterior.expect(self._at_budget(self._features.of([point]))[0])


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

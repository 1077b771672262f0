"""What a search may learn of failed trials: one class or function an idea.

Each is a variant of what hpsearch does, which is "ignored" without a surrogate (failures have no
part in the ranking) and "worst" with it (the process sees them at the worst finite value).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch import method
from hpsearch.method.acquisition import Acquisition
from hpsearch.method.encoding import Encoding
from hpsearch.method.gp import Likelihood, Posterior, one_thread
from hpsearch.method.ranking import Row
from hpsearch.space import Space

from .failing import Failing

Array = NDArray[np.float64]
Point = tuple[float, ...]
Draws = Callable[..., list[Point]]

TRIALS, PLACES, SURVIVORS = 100, 25, 3
POINTS = (50, 100)  # numbers of trials after which the result is kept
NEIGHBOUR = 3  # whose distance, in the median, is the bandwidth of a share of successes
PRIOR = 0.5  # weight of the share of all trials in it
LIKELY = 0.5  # a probability of success below which a sampled place does not look


def search(task: Failing, seed: int, draws: Draws) -> tuple[list[float], float]:
    """One search in batches.

    Returns:
        The truth of the trial that looks best after each of POINTS, and the share of trials from
        round 1 on that failed.
    """
    space = task.task.space
    rows: list[Row] = []
    found, best, truth, failed = [], np.inf, np.nan, 0
    for r in range(TRIALS // PLACES):
        tightening = method.tighten(space, rows, round=r, survivors=SURVIVORS)
        if r == 0 or not tightening.survivors:
            proposed = method.propose(
                space,
                replace(tightening, survivors=()),
                method.RoundPlan(seed=seed, round=0, trials=PLACES),
            )
            units = [place.unit for place in proposed]
        else:
            slots = method.round_slots(
                space, tightening, method.RoundPlan(seed=seed, round=r, trials=PLACES)
            )
            units = draws(space, rows, slots)
        for unit in units:
            params = space.decode(unit)
            value = task.value(params, seed)
            failed += r > 0 and value is None
            if value is not None and value < best:
                best, truth = value, task.task.truth(params)
            rows.append(Row(len(rows), value, unit, 1))
        if len(rows) in POINTS:
            found.append(float(truth))
    return found, failed / (TRIALS - PLACES)


def ignored(space: Space, rows: Sequence[Row], slots: Sequence[method.Slot]) -> list[Point]:
    return [slot.plain.unit for slot in slots]


def redrawn(
    redraws: int, space: Space, rows: Sequence[Row], slots: Sequence[method.Slot]
) -> list[Point]:
    """A draw is made again while the trial that is nearest to it has failed."""
    encoding = Encoding(space)
    known = encoding.features([row.unit for row in rows])
    bad = np.array([row.value is None for row in rows])
    found = []
    for slot in slots:
        unit = slot.plain.unit
        for _ in range(redraws):
            distances = ((known - encoding.features([unit])) ** 2).sum(1)
            if not bad[int(np.argmin(distances))]:
                break
            unit = slot.draw().unit
        found.append(unit)
    return found


def selected(
    make: Callable[..., Acquisition],
    space: Space,
    rows: Sequence[Row],
    slots: Sequence[method.Slot],
) -> list[Point]:
    acquisition = make(space, rows, budget=1)
    return [method.select_draw(slot, PLACES, acquisition).unit for slot in slots]


def told(value: Callable[[Array], float]) -> Callable[..., Acquisition]:
    """An acquisition for which failures have a value, a function of the finite ones."""

    def make(space: Space, rows: Sequence[Row], *, budget: int) -> Acquisition:
        filled = value(np.array([row.value for row in rows if row.value is not None]))
        seen = [row if row.value is not None else replace(row, value=filled) for row in rows]
        return Acquisition(space, seen, budget=budget)

    return make


class Blind(Acquisition):
    """Does not see failures, but repeats none of them."""

    def __init__(self, space: Space, rows: Sequence[Row], *, budget: int) -> None:
        super().__init__(space, [row for row in rows if row.value is not None], budget=budget)
        self._known_keys.update(self._encoding.keys([row.unit for row in rows]))


class Successful(Blind):
    """Weighs expected improvement with a probability of success (Gardner et al. 2014, eq. 6).

    Places that keep the lowest of a sample keep one of those that are likely to succeed. The
    process sees no failures.
    """

    def __init__(self, space: Space, rows: Sequence[Row], *, budget: int) -> None:
        super().__init__(space, rows, budget=budget)
        x = self._encoding.features([row.unit for row in rows])
        self._success = self.success(x, np.array([row.value is not None for row in rows], float))

    def success(self, x: Array, succeeded: Array) -> Callable[[Array], Array]:
        """Probabilities of success at features: the share of successes near them.

        Trials weigh by a Gaussian of their distance (Nadaraya 1964; Watson 1964).
        """
        squares = ((x[:, None] - x[None]) ** 2).sum(2)
        near = np.sort(squares, axis=1)[:, min(NEIGHBOUR, len(x) - 1)]
        width = max(float(np.median(near)), 1e-6)  # squared
        share = float(succeeded.mean())

        def probability(at: Array) -> Array:
            weights = np.exp(-0.5 * ((at[:, None] - x[None]) ** 2).sum(2) / width)
            return np.asarray((weights @ succeeded + PRIOR * share) / (weights.sum(1) + PRIOR))

        return probability

    def improvement(self, points: Sequence[Point]) -> Array:
        likely = self._success(self._encoding.features(points))
        return super().improvement(points) + np.log(np.clip(likely, 1e-6, 1))

    def sample(self, points: Sequence[Point], generator: np.random.Generator) -> Array:
        sampled = super().sample(points, generator)
        bad = self._success(self._encoding.features(points)) < LIKELY
        return np.where(bad & ~bad.all(), np.inf, sampled)


class Believed(Successful):
    """The probability is the mean of a second process, fitted to success and failure.

    Least squares in place of a likelihood of classes (Rasmussen & Williams 2006, sec. 6.5).
    """

    def success(self, x: Array, succeeded: Array) -> Callable[[Array], Array]:
        centre, spread = float(succeeded.mean()), float(succeeded.std())
        if spread == 0:
            return lambda at: np.full(len(at), centre)
        z = (succeeded - centre) / spread
        owners = self._encoding.owners
        with one_thread():
            posterior = Posterior(Likelihood(x, owners, z).maximum(), x, owners, z)
        return lambda at: np.clip(centre + spread * posterior.mean(at), 0.0, 1.0)


class Wary(Believed):
    """As `Believed`, and its process sees failures at the worst value too."""

    def __init__(self, space: Space, rows: Sequence[Row], *, budget: int) -> None:
        Acquisition.__init__(self, space, rows, budget=budget)
        x = self._encoding.features([row.unit for row in rows])
        self._success = self.success(x, np.array([row.value is not None for row in rows], float))


PLAIN: dict[str, Draws] = {
    "ignored": ignored,
    "one redraw": partial(redrawn, 1),
    "five redraws": partial(redrawn, 5),
}
SELECTED: dict[str, Draws] = {
    "worst": partial(selected, Acquisition),
    "unseen": partial(selected, Blind),
    "median": partial(selected, told(lambda values: float(np.median(values)))),
    "share of success": partial(selected, Successful),
    "process of success": partial(selected, Believed),
    "worst, and process of success": partial(selected, Wary),
}
ARMS: dict[str, Any] = PLAIN | SELECTED

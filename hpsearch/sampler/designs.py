"""Space-filling points for trials before the first round has finished."""

from collections.abc import Mapping

import numpy as np
from optuna.distributions import BaseDistribution

from hpsearch.method import initial_points
from hpsearch.sampler.axes import axes
from hpsearch.space import Parameter, Space

_COORDINATE = 2**31 + 3  # first word of spawn keys, above every round's number

Point = tuple[float, ...]


class Designs:
    """Scrambled Sobol' sequences (Owen 1998) of one seed, cached."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._points: dict[int, list[Point]] = {}
        self._coordinates: dict[int, list[float]] = {}

    def point(self, space: Mapping[str, BaseDistribution], number: int) -> Point:
        """Point `number` of the controller's initial design in this space."""
        known = self._points.get(len(space), [])
        if number >= len(known):
            domains = {name: axis.domain for name, axis in axes(space).items()}
            parameters = tuple(Parameter(name, domain) for name, domain in domains.items())
            known = initial_points(Space(parameters), self._seed, _sequence_length(number))
            self._points[len(space)] = known
        return known[number]

    def coordinate(self, order: int, number: int) -> float:
        """Coordinate `order` of point `number`, of a sequence whose dimension is not known yet.

        Owen's scrambling treats every dimension independently, so these coordinates form one
        scrambled sequence, though not that of `point`.
        """
        known = self._coordinates.get(order, [])
        if number >= len(known):
            from scipy.stats import qmc  # takes 0.5 s to import

            words = np.random.SeedSequence(self._seed, spawn_key=(_COORDINATE, order))
            sobol = qmc.Sobol(order + 1, scramble=True, rng=np.random.default_rng(words))
            known = sobol.random_base2(_sequence_length(number).bit_length() - 1)[:, order].tolist()
            self._coordinates[order] = known
        return known[number]


def _sequence_length(number: int) -> int:
    """A power of 2 above the number, and at least 32; the first points do not depend on it."""
    return max(32, 1 << number.bit_length())

"""Optuna's distributions as coordinates of the unit cube.

A step becomes an int that counts steps, a category the number of its choice; the rest is a domain
of `space` as it stands. So the method sees nothing that it does not know.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hpsearch.space import Choice, Domain, Int, Logint, Loguniform, Uniform

ABSENT = math.nan  # the coordinate of a parameter that a trial does not have


@dataclass(frozen=True)
class Axis:
    """One parameter: its distribution, and the domain that the method works with."""

    distribution: BaseDistribution
    domain: Domain

    def value(self, u: float) -> Any:
        """The parameter's value at a coordinate, of the type that Optuna gives."""
        level = self.domain.decode(u)
        distribution = self.distribution
        if isinstance(distribution, CategoricalDistribution):
            assert isinstance(level, int)
            return distribution.choices[level]
        assert isinstance(distribution, (FloatDistribution, IntDistribution))
        if distribution.single():
            return distribution.low
        assert isinstance(level, (int, float))
        if _counts_steps(distribution):
            assert distribution.step is not None
            return min(distribution.low + level * distribution.step, distribution.high)
        return level

    def unit(self, value: Any, drawn: float | None = None) -> float:
        """The coordinate of a value; `ABSENT` if the distribution does not have it.

        Args:
            value: of the parameter.
            drawn: the coordinate that it was drawn at, which counts if it gives this value.
        """
        if drawn is not None:
            same = self.value(drawn)
            if type(same) is type(value) and same == value:
                return drawn
        level = self._level(value)
        return ABSENT if level is None else self.domain.encode(level)

    def _level(self, value: Any) -> float | None:
        """The value as the domain has it."""
        distribution = self.distribution
        try:
            number = distribution.to_internal_repr(value)
        except (ValueError, TypeError):
            return None
        if not distribution._contains(number):
            return None
        if distribution.single():
            return 0
        if isinstance(distribution, CategoricalDistribution):
            return int(number)
        assert isinstance(distribution, (FloatDistribution, IntDistribution))
        if _counts_steps(distribution):
            assert distribution.step is not None
            return round((number - distribution.low) / distribution.step)
        return int(number) if isinstance(distribution, IntDistribution) else number


def axis(distribution: BaseDistribution) -> Axis:
    """The axis of a distribution.

    Raises:
        ValueError: it is no float, int or categorical one.
    """
    return Axis(distribution, _domain(distribution))


def axes(distributions: Mapping[str, BaseDistribution]) -> dict[str, Axis]:
    return {name: axis(distribution) for name, distribution in distributions.items()}


def _domain(distribution: BaseDistribution) -> Domain:
    if isinstance(distribution, CategoricalDistribution):
        return Choice(tuple(range(len(distribution.choices))))
    if not isinstance(distribution, (FloatDistribution, IntDistribution)):
        raise ValueError(
            f"TighteningSampler: expected a FloatDistribution, IntDistribution or "
            f"CategoricalDistribution, got {distribution!r}; use one of the three"
        )
    if distribution.single():
        return Choice((0,))
    low, high = distribution.low, distribution.high
    if _counts_steps(distribution):
        assert distribution.step is not None
        return Int(0, round((high - low) / distribution.step))
    if isinstance(distribution, IntDistribution):
        return (Logint if distribution.log else Int)(int(low), int(high))
    return (Loguniform if distribution.log else Uniform)(low, high)


def _counts_steps(distribution: FloatDistribution | IntDistribution) -> bool:
    if isinstance(distribution, IntDistribution):
        return distribution.step != 1
    return distribution.step is not None

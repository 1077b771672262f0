"""Optuna's distributions as coordinates of the unit cube.

A step becomes an int that counts steps, a category the index of its choice; all others are domains
of `space` already. So the method needs nothing of Optuna.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
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

    # Cached, since a table needs them for every value of every trial.
    @cached_property
    def _choices(self) -> tuple[CategoricalChoiceType, ...] | None:
        if not isinstance(self.distribution, CategoricalDistribution):
            return None
        return self.distribution.choices

    @cached_property
    def _is_single(self) -> bool:
        return self.distribution.single()

    @cached_property
    def _is_int(self) -> bool:
        return isinstance(self.distribution, IntDistribution)

    @cached_property
    def _steps(self) -> tuple[float, float, float] | None:
        """Low, high and step, if the domain counts steps."""
        distribution = self.distribution
        if not isinstance(distribution, (FloatDistribution, IntDistribution)):
            return None
        if self._is_single or not _counts_steps(distribution):
            return None
        assert distribution.step is not None
        return distribution.low, distribution.high, distribution.step

    def value(self, u: float) -> Any:
        """The parameter's value at a coordinate, of the type that Optuna gives."""
        level = self.domain.decode(u)
        if self._choices is not None:
            assert isinstance(level, int)
            return self._choices[level]
        if self._is_single:
            assert isinstance(self.distribution, (FloatDistribution, IntDistribution))
            return self.distribution.low
        assert isinstance(level, (int, float))
        if self._steps is not None:
            low, high, step = self._steps
            return min(low + level * step, high)
        return level

    def unit(self, value: Any, drawn: float | None = None) -> float:
        """The coordinate of a value; `ABSENT` if the distribution does not contain it.

        Args:
            drawn: the coordinate that it was drawn at, returned if it gives this value.
        """
        if drawn is not None:
            same = self.value(drawn)
            if type(same) is type(value) and same == value:
                return drawn
        level = self._level(value)
        return ABSENT if level is None else self.domain.encode(level)

    def _level(self, value: Any) -> float | None:
        """The value in the domain; None if the distribution does not contain it."""
        for index, choice in enumerate(self._choices or ()):
            if type(choice) is type(value) and choice == value:
                return index
        try:
            number = self.distribution.to_internal_repr(value)
        except (ValueError, TypeError):
            return None
        if not self.distribution._contains(number):
            return None
        if self._is_single:
            return 0
        if self._choices is not None:
            return int(number)
        if self._steps is not None:
            low, _, step = self._steps
            return round((number - low) / step)
        return int(number) if self._is_int else number


def axis(distribution: BaseDistribution) -> Axis:
    """The axis of a distribution.

    Raises:
        ValueError: it is not a float, int or categorical distribution.
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

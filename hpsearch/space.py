"""The space of a study: parameters, their scales, and the conditions under which they exist.

The search works in the unit cube; a study and a trainer see values. A domain maps between the two
so that equal volumes of the cube are equally likely under the prior: floats and ints by their
(log) scale, choices as equal bins.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

Scalar = bool | int | float | str | None


@dataclass(frozen=True)
class Uniform:
    low: float
    high: float

    def decode(self, u: float) -> float:
        return min(max(self.low + u * (self.high - self.low), self.low), self.high)

    def encode(self, value: Scalar) -> float:
        return (_number(value) - self.low) / (self.high - self.low)

    def contains(self, value: Scalar) -> bool:
        return _is_number(value) and self.low <= _number(value) <= self.high


@dataclass(frozen=True)
class Loguniform:
    low: float  # above 0
    high: float

    def decode(self, u: float) -> float:
        value = math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))
        return min(max(value, self.low), self.high)

    def encode(self, value: Scalar) -> float:
        return math.log(_number(value) / self.low) / math.log(self.high / self.low)

    def contains(self, value: Scalar) -> bool:
        return _is_number(value) and self.low <= _number(value) <= self.high


@dataclass(frozen=True)
class Int:
    """Integers low..high, both included; each owns a bucket of width 1 around itself."""

    low: int
    high: int

    def decode(self, u: float) -> int:
        return _clip_int(math.floor(self.low + u * (self.high - self.low + 1)), self.low, self.high)

    def encode(self, value: Scalar) -> float:
        """The centre of the bucket."""
        return (_number(value) - self.low + 0.5) / (self.high - self.low + 1)

    def contains(self, value: Scalar) -> bool:
        return type(value) is int and self.low <= value <= self.high

    def half_step(self, u: float) -> float:
        """Half the width of the bucket that holds `u`, in the unit interval."""
        return 0.5 / (self.high - self.low + 1)


@dataclass(frozen=True)
class Logint:
    """Integers low..high; k owns [k - 1/2, k + 1/2] on the log scale, so 1..10 favours 1."""

    low: int  # at least 1
    high: int

    @property
    def _log_ends(self) -> tuple[float, float]:
        return math.log(self.low - 0.5), math.log(self.high + 0.5)

    def _unit(self, value: float) -> float:
        start, end = self._log_ends
        return (math.log(value) - start) / (end - start)

    def decode(self, u: float) -> int:
        start, end = self._log_ends
        return _clip_int(math.floor(math.exp(start + u * (end - start)) + 0.5), self.low, self.high)

    def encode(self, value: Scalar) -> float:
        """The centre of the bucket."""
        number = _number(value)
        return (self._unit(number - 0.5) + self._unit(number + 0.5)) / 2

    def contains(self, value: Scalar) -> bool:
        return type(value) is int and self.low <= value <= self.high

    def half_step(self, u: float) -> float:
        """Half the width of the bucket that holds `u`, in the unit interval."""
        number = self.decode(u)
        return (self._unit(number + 0.5) - self._unit(number - 0.5)) / 2


@dataclass(frozen=True)
class Choice:
    options: tuple[Scalar, ...]

    def decode(self, u: float) -> Scalar:
        return self.options[_clip_int(math.floor(u * len(self.options)), 0, len(self.options) - 1)]

    def encode(self, value: Scalar) -> float:
        """The centre of the option's bin."""
        return (self._index(value) + 0.5) / len(self.options)

    def contains(self, value: Scalar) -> bool:
        return any(same(value, option) for option in self.options)

    def _index(self, value: Scalar) -> int:
        return next(i for i, option in enumerate(self.options) if same(option, value))


Domain = Uniform | Loguniform | Int | Logint | Choice


@dataclass(frozen=True)
class Condition:
    """Holds when the parent is active and has one of the values."""

    parent: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class Parameter:
    name: str
    domain: Domain
    when: tuple[Condition, ...] = ()  # all must hold


@dataclass(frozen=True)
class Space:
    """The parameters of a study, in the file's order; conditions form no cycle."""

    parameters: tuple[Parameter, ...]

    def __len__(self) -> int:
        return len(self.parameters)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)

    @cached_property
    def parents_first(self) -> tuple[int, ...]:
        """Indices of the parameters, every parent before its children."""
        index = {name: i for i, name in enumerate(self.names)}
        order: list[int] = []

        def visit(i: int) -> None:
            if i not in order:
                for condition in self.parameters[i].when:
                    visit(index[condition.parent])
                order.append(i)

        for i in range(len(self)):
            visit(i)
        return tuple(order)

    def decode(self, point: Sequence[float]) -> dict[str, Scalar]:
        """The active parameters' values at a point of the unit cube, in the file's order."""
        values: dict[str, Scalar] = {}
        for i in self.parents_first:
            parameter = self.parameters[i]
            if holds(parameter.when, values):
                values[parameter.name] = parameter.domain.decode(point[i])
        return {name: values[name] for name in self.names if name in values}

    @cached_property
    def _deciding(self) -> frozenset[str]:
        """The parameters that others depend on."""
        return frozenset(c.parent for parameter in self for c in parameter.when)

    def active(self, point: Sequence[float]) -> tuple[bool, ...]:
        """Which parameters exist at a point of the unit cube."""
        found = [True] * len(self)
        if not self._deciding:
            return tuple(found)
        values: dict[str, Scalar] = {}
        for i in self.parents_first:
            parameter = self.parameters[i]
            found[i] = holds(parameter.when, values)
            if found[i] and parameter.name in self._deciding:
                values[parameter.name] = parameter.domain.decode(point[i])
        return tuple(found)


def holds(conditions: Sequence[Condition], values: Mapping[str, Scalar]) -> bool:
    """Whether every condition holds; an inactive parent is absent from `values`."""
    return all(
        condition.parent in values
        and any(same(values[condition.parent], value) for value in condition.values)
        for condition in conditions
    )


def same(a: Scalar, b: Scalar) -> bool:
    """Equality that tells True from 1, but not 1 from 1.0."""
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def _number(value: Scalar) -> float:
    assert _is_number(value), value
    return value  # type: ignore[return-value]


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _clip_int(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)

"""The space of a study: parameters, their scales, and the conditions under which they exist.

The search works in the unit cube; a study and a trainer see values. A domain maps between the two
so that equal volumes of the cube are equally likely under the prior: floats and ints by their
(log) scale, choices as equal bins. A number that may leave its range does so on the same scale.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Generic, TypeGuard, TypeVar

Scalar = bool | int | float | str | None


Number = TypeVar("Number", int, float)
Ends = tuple[float, float]


@dataclass(frozen=True, repr=False)
class _Range(Generic[Number]):
    """A range of numbers. The search begins in low..high, the coordinates from 0 to 1.

    With `within` it may continue to coordinates below 0 and above 1, on the same scale.
    """

    low: Number
    high: Number
    within: tuple[Number, Number] | None = None  # contains low..high; None: no wider

    @cached_property
    def ends(self) -> tuple[Number, Number]:
        """The smallest and the largest value of a trial."""
        return self.within or (self.low, self.high)

    @cached_property
    def limits(self) -> Ends:
        """The coordinates of `ends`, an int's with its whole bucket; (0, 1) without `within`."""
        return (0.0, 1.0) if self.within is None else self._limits()

    def _limits(self) -> Ends:
        raise NotImplementedError

    def __repr__(self) -> str:
        beyond = "" if self.within is None else f", within={self.within!r}"
        return f"{type(self).__name__}(low={self.low!r}, high={self.high!r}{beyond})"


class _Float(_Range[float]):
    def encode(self, value: Scalar) -> float:
        raise NotImplementedError

    def contains(self, value: Scalar) -> bool:
        return is_number(value) and self.ends[0] <= value <= self.ends[1]

    def _clip(self, value: float) -> float:
        least, most = self.ends
        return min(max(value, least), most)

    def _limits(self) -> Ends:
        return self.encode(self.ends[0]), self.encode(self.ends[1])


class Uniform(_Float):
    def decode(self, u: float) -> float:
        return self._clip(self.low + u * (self.high - self.low))

    def encode(self, value: Scalar) -> float:
        return (_number(value) - self.low) / (self.high - self.low)


class Loguniform(_Float):
    """Uniform on a log scale; low, and the lower end of `within`, are above 0."""

    def decode(self, u: float) -> float:
        return self._clip(
            math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))
        )

    def encode(self, value: Scalar) -> float:
        return math.log(_number(value) / self.low) / math.log(self.high / self.low)


class _Whole(_Range[int]):
    def contains(self, value: Scalar) -> bool:
        return type(value) is int and self.ends[0] <= value <= self.ends[1]


class Int(_Whole):
    """Integers low..high, both included; each owns a bucket of width 1 around itself."""

    def decode(self, u: float) -> int:
        return _clip_int(math.floor(self.low + u * (self.high - self.low + 1)), *self.ends)

    def encode(self, value: Scalar) -> float:
        """The centre of the bucket."""
        return (_number(value) - self.low + 0.5) / (self.high - self.low + 1)

    def half_step(self, u: float) -> float:
        """Half the width of the bucket that holds `u`, in the unit interval."""
        return 0.5 / (self.high - self.low + 1)

    def _limits(self) -> Ends:
        least, most = self.ends
        count = self.high - self.low + 1
        return (least - self.low) / count, (most - self.low + 1) / count


class Logint(_Whole):
    """Integers low..high; k owns [k - 1/2, k + 1/2] on the log scale, so 1..10 favours 1.

    low, and the lower end of `within`, are at least 1.
    """

    @property
    def _log_ends(self) -> Ends:
        return math.log(self.low - 0.5), math.log(self.high + 0.5)

    def _unit(self, value: float) -> float:
        start, end = self._log_ends
        return (math.log(value) - start) / (end - start)

    def decode(self, u: float) -> int:
        start, end = self._log_ends
        return _clip_int(math.floor(math.exp(start + u * (end - start)) + 0.5), *self.ends)

    def encode(self, value: Scalar) -> float:
        """The centre of the bucket."""
        number = _number(value)
        return (self._unit(number - 0.5) + self._unit(number + 0.5)) / 2

    def half_step(self, u: float) -> float:
        """Half the width of the bucket that holds `u`, in the unit interval."""
        number = self.decode(u)
        return (self._unit(number + 0.5) - self._unit(number - 0.5)) / 2

    def _limits(self) -> Ends:
        return self._unit(self.ends[0] - 0.5), self._unit(self.ends[1] + 0.5)


@dataclass(frozen=True)
class Choice:
    options: tuple[Scalar, ...]
    limits: ClassVar[Ends] = (0.0, 1.0)

    def decode(self, u: float) -> Scalar:
        return self.options[_clip_int(math.floor(u * len(self.options)), 0, len(self.options) - 1)]

    def encode(self, value: Scalar) -> float:
        """The centre of the option's bin."""
        return (self.index(value) + 0.5) / len(self.options)

    def contains(self, value: Scalar) -> bool:
        return any(same(value, option) for option in self.options)

    def index(self, value: Scalar) -> int:
        """The index of an option; True is not 1 and False is not 0, as in the study file."""
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
        return frozenset(c.parent for parameter in self for c in parameter.when)

    def active(self, point: Sequence[float]) -> tuple[bool, ...]:
        """Which parameters exist at a point of the unit cube."""
        is_active = [True] * len(self)
        if not self._deciding:
            return tuple(is_active)
        values: dict[str, Scalar] = {}
        for i in self.parents_first:
            parameter = self.parameters[i]
            is_active[i] = holds(parameter.when, values)
            if is_active[i] and parameter.name in self._deciding:
                values[parameter.name] = parameter.domain.decode(point[i])
        return tuple(is_active)


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
    kind = type(value)  # faster than isinstance; nearly always one of the two
    assert kind is float or kind is int or is_number(value), value
    return value  # type: ignore[return-value]


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _clip_int(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)

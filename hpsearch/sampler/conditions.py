"""Conditions of parameters, inferred from the trials of a define-by-run objective.

A parameter that some complete trials lack is conditional. Its condition is inferred from the
choices and small ints: one that every trial with the parameter has, and whose values in those
trials never occur in a trial without it. If several qualify, the one with the fewest values is
taken, since it is the least likely to fit by chance; if none does, the parameter counts as active
in every draw, and as absent in the trials that lack it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hpsearch.sampler.axes import Axis
from hpsearch.space import Choice, Condition, Domain, Int, Logint, Parameter, Scalar, Space, holds

MAX_VALUES = 32  # of a parameter on which another may depend


@dataclass(frozen=True)
class SeenSpace(Space):
    """A space whose points may lack parameters; their coordinates are NaN."""

    def decode(self, point: Sequence[float]) -> dict[str, Scalar]:
        values: dict[str, Scalar] = {}
        for i in self.parents_first:
            parameter, u = self.parameters[i], point[i]
            if u == u and holds(parameter.when, values):
                values[parameter.name] = parameter.domain.decode(u)
        return {name: values[name] for name in self.names if name in values}

    def active(self, point: Sequence[float]) -> tuple[bool, ...]:
        if not self.has_conditions:
            return tuple([u == u for u in point])
        values = self.decode(point)
        return tuple([name in values for name in self.names])

    @cached_property
    def has_conditions(self) -> bool:
        return any(parameter.when for parameter in self.parameters)


class ConditionLearner:
    """Infers from complete trials which parameter depends on which."""

    def __init__(self, axes: Mapping[str, Axis]) -> None:
        self._axes = axes
        self._names = tuple(axes)
        self._deciders = {
            j: options for j, axis in enumerate(axes.values()) if (options := _options(axis.domain))
        }
        # By the set of parameters that trials have: the values of the deciders in them.
        self._seen: dict[tuple[bool, ...], dict[int, set[Scalar]]] = {}

    def add(self, point: Sequence[float]) -> bool:
        """Add a complete trial; returns whether the conditions may have changed."""
        has = tuple([u == u for u in point])
        is_new = has not in self._seen
        values = self._seen.setdefault(has, {j: set() for j in self._deciders if has[j]})
        for j, known in values.items():
            value = self._axes[self._names[j]].domain.decode(point[j])
            if value not in known:
                known.add(value)
                is_new = True
        return is_new and len(self._seen) > 1

    def space(self) -> SeenSpace:
        """The space with the conditions that hold in all trials added."""
        return SeenSpace(
            tuple(
                Parameter(name, axis.domain, self._condition(j))
                for j, (name, axis) in enumerate(self._axes.items())
            )
        )

    def _condition(self, child: int) -> tuple[Condition, ...]:
        """At most one condition; none if no trial has the parameter, or all do."""
        having = [has for has in self._seen if has[child]]
        lacking = [has for has in self._seen if not has[child]]
        if not having or not lacking:
            return ()
        fitting = []
        for j, options in self._deciders.items():
            apart = [has for has in lacking if has[j]]
            # Some trial has `j` without the child, so dependencies cannot form a cycle.
            if j == child or not apart or not all(has[j] for has in having):
                continue
            without = set().union(*(self._seen[has][j] for has in apart))
            if without.isdisjoint(set().union(*(self._seen[has][j] for has in having))):
                # A value that no trial has had yet may come with the child.
                values = tuple(option for option in options if option not in without)
                fitting.append((len(options), j, Condition(self._names[j], values)))
        return (min(fitting, key=lambda fit: fit[:2])[2],) if fitting else ()


def _options(domain: Domain) -> tuple[Scalar, ...]:
    """The values of a parameter on which another may depend; empty if it has too many."""
    if isinstance(domain, Choice):
        return domain.options
    if isinstance(domain, Int | Logint) and domain.high - domain.low < MAX_VALUES:
        return tuple(range(domain.low, domain.high + 1))
    return ()

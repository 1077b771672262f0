"""Which parameters a trial has, learnt from the trials: conditions that nobody wrote down.

A define-by-run objective asks for what it needs, so a parameter that some finished trials lack is
conditional. Its condition is looked for among the choices and small ints: one that every trial with
the parameter has, and whose values in those trials never occur in a trial without it. Where several
qualify the one with the fewest values wins, whose chance to fit by accident is the smallest; where
none does the parameter counts as active in every draw, and as absent in the trials that lack it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hpsearch.sampler.axes import Axis
from hpsearch.space import Choice, Condition, Domain, Int, Logint, Parameter, Scalar, Space, holds

MOST_VALUES = 32  # of a parameter on which another may depend


@dataclass(frozen=True)
class SeenSpace(Space):
    """A space of which a point may lack parameters: those whose coordinate is NaN."""

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
    """What the completed trials say about who depends on whom.

    Args:
        axes: of the space's parameters, in its order.
    """

    def __init__(self, axes: Mapping[str, Axis]) -> None:
        self._axes = axes
        self._names = tuple(axes)
        self._deciders = {
            j: options for j, axis in enumerate(axes.values()) if (options := _options(axis.domain))
        }
        # By the parameters that a trial has: the values that it gives to the deciders.
        self._seen: dict[tuple[bool, ...], dict[int, set[Scalar]]] = {}

    def note(self, point: Sequence[float]) -> bool:
        """Take a completed trial in; whether the conditions may be others now."""
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
        """The space with the conditions that hold in all that was taken in."""
        return SeenSpace(
            tuple(
                Parameter(name, axis.domain, self._condition(j))
                for j, (name, axis) in enumerate(self._axes.items())
            )
        )

    def _condition(self, child: int) -> tuple[Condition, ...]:
        """At most one; none if no trial has the parameter, or all have."""
        having = [has for has in self._seen if has[child]]
        lacking = [has for has in self._seen if not has[child]]
        if not having or not lacking:
            return ()
        fitting = []
        for j, options in self._deciders.items():
            apart = [has for has in lacking if has[j]]
            # Some trial has it without the child, so who depends on whom can form no cycle.
            if j == child or not apart or not all(has[j] for has in having):
                continue
            without = set().union(*(self._seen[has][j] for has in apart))
            if without.isdisjoint(set().union(*(self._seen[has][j] for has in having))):
                # A value that no trial had yet may have the child.
                values = tuple(option for option in options if option not in without)
                fitting.append((len(options), j, Condition(self._names[j], values)))
        return (min(fitting, key=lambda fit: fit[:2])[2],) if fitting else ()


def _options(domain: Domain) -> tuple[Scalar, ...]:
    """The values of a parameter on which another may depend; none of one with too many."""
    if isinstance(domain, Choice):
        return domain.options
    if isinstance(domain, Int | Logint) and domain.high - domain.low < MOST_VALUES:
        return tuple(range(domain.low, domain.high + 1))
    return ()

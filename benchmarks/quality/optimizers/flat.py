"""For packages without conditions: all parameters' values, the inactive dropped."""

from collections.abc import Mapping

from hpsearch.space import Scalar, Space, holds

from . import Params


def active_only(space: Space, values: Mapping[str, Scalar]) -> Params:
    """The active parameters of a full assignment, in the space's order."""
    kept: Params = {}
    for i in space.parents_first:
        parameter = space.parameters[i]
        if holds(parameter.when, kept):
            kept[parameter.name] = values[parameter.name]
    return {name: kept[name] for name in space.names if name in kept}

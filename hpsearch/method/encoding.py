"""Points of a space as features of the Gaussian process.

A point of the unit cube says more than its trial's parameters: an int's position in its bucket, and
the coordinates of inactive parameters. Neither may change a distance, so both are removed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpsearch.space import Choice, Domain, Int, Logint, Parameter, Space

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_INACTIVE = 0.5  # the column of an inactive number
_RESOLUTION = 1e10  # keys distinguish coordinates that differ by 1e-10


class Encoding:
    """The features of a space's points.

    A number has one column: its coordinate, an int's at the centre of its bucket, 0.5 while it is
    inactive. A choice has one column per option, 1/√2 for the chosen one, so that unlike options
    are at distance 1; all are 0 while it is inactive.

    Attributes:
        owners: the parameter's index of each column, shape [columns], int.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._index = {name: j for j, name in enumerate(space.names)}
        widths = [
            len(p.domain.options) if isinstance(p.domain, Choice) else 1 for p in space.parameters
        ]
        self.owners = np.repeat(np.arange(len(space)), widths)

    def features(self, points: Sequence[Sequence[float]]) -> Array:
        """Features, shape [points, columns], of points in the unit cube."""
        levels, active = self._decoded(points)
        columns: list[Array] = []
        for j, parameter in enumerate(self._space):
            domain, on = parameter.domain, active[:, j]
            if isinstance(domain, Choice):
                chosen = levels[:, j, None] == np.arange(len(domain.options))
                columns.append(np.where(chosen & on[:, None], np.sqrt(0.5), 0.0))
            else:
                columns.append(np.where(on, _centre(domain, levels[:, j]), _INACTIVE)[:, None])
        return np.concatenate(columns, axis=1)

    def keys(self, points: Sequence[Sequence[float]]) -> list[bytes]:
        """Equal for points of equal parameters, floats to 1e-10 of their range."""
        levels, active = self._decoded(points)
        for j, parameter in enumerate(self._space):
            if not isinstance(parameter.domain, Choice | Int | Logint):
                levels[:, j] = np.rint(levels[:, j] * _RESOLUTION)
        return [row.tobytes() for row in np.where(active, levels, np.nan)]

    def _decoded(self, points: Sequence[Sequence[float]]) -> tuple[Array, Mask]:
        """`Space.decode` of all points at once, and which parameters are active.

        A choice gives the index of its option, an int itself, a float its coordinate.
        """
        units = np.array(points, dtype=np.float64).reshape(-1, len(self._space))
        levels = np.empty_like(units)
        active = ~np.isnan(units)  # an Optuna trial may lack parameters without a condition
        for j in self._space.parents_first:
            parameter = self._space.parameters[j]
            levels[:, j] = _level(parameter.domain, units[:, j])
            for condition in parameter.when:
                k = self._index[condition.parent]
                wanted = [_level_of(self._space.parameters[k], v) for v in condition.values]
                active[:, j] &= active[:, k] & np.isin(levels[:, k], wanted)
        return levels, active


def _level(domain: Domain, u: Array) -> Array:
    if isinstance(domain, Choice):
        count = len(domain.options)
        return np.asarray(np.clip(np.floor(u * count), 0, count - 1))
    if isinstance(domain, Int):
        k = np.floor(domain.low + u * (domain.high - domain.low + 1))
        return np.asarray(np.clip(k, *domain.ends))
    if isinstance(domain, Logint):
        start, end = np.log(domain.low - 0.5), np.log(domain.high + 0.5)
        k = np.floor(np.exp(start + u * (end - start)) + 0.5)
        return np.asarray(np.clip(k, *domain.ends))
    return u


def _level_of(parameter: Parameter, value: object) -> float:
    domain = parameter.domain
    return float(_level(domain, np.array([domain.encode(value)]))[0])  # type: ignore[arg-type]


def _centre(domain: Domain, level: Array) -> Array:
    """A number's coordinate, at the centre of its bucket if it has one."""
    if isinstance(domain, Int):
        return (level - domain.low + 0.5) / (domain.high - domain.low + 1)
    if isinstance(domain, Logint):
        start, end = np.log(domain.low - 0.5), np.log(domain.high + 0.5)
        middle = (np.log(level - 0.5) + np.log(level + 0.5)) / 2
        return np.asarray((middle - start) / (end - start))
    return level

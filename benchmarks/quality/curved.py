"""A space with a learning curve at each of its points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hpsearch.space import Space

Array = NDArray[np.float64]
Unit = Sequence[float]


@dataclass(frozen=True)
class Curved:
    """A space with a learning curve at each of its points.

    Attributes:
        name: of the task.
        family: classifier, gan or function.
        space: of the parameters.
        full: steps of a whole training.
        curves: without noise, [points, budgets], of units and budgets.
        deviations: what noise adds, [points, budgets], of units, budgets and a seed.
        about: where it comes from.
    """

    name: str
    family: str
    space: Space
    full: int
    curves: Callable[[Sequence[Unit], Sequence[int]], Array] = field(repr=False)
    deviations: Callable[[Sequence[Unit], Sequence[int], int], Array] = field(repr=False)
    about: str = ""

    def values(self, units: Sequence[Unit], budget: int, seed: int) -> Array:
        """What a search is told, [points], lower is better; a function of its arguments alone."""
        found = self.curves(units, [budget]) + self.deviations(units, [budget], seed)
        return np.asarray(found[:, 0])

    def truths(self, units: Sequence[Unit]) -> Array:
        """After a whole training, without noise, [points]."""
        return np.asarray(self.curves(units, [self.full])[:, 0])

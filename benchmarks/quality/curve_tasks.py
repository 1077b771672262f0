"""Tasks whose trials can be trained for longer: what a study of budgets compares searches on.

    task = load("digits-classifier")
    values = task.values(units, budget=120, seed=0)     # what a search is told after 120 steps
    truths = task.truths(units)                         # after a whole training, without noise

All are for development alone. Three are learned of curves that `curve_tables.py` has really
trained; their noise is that of whole curves, so a trial that is trained on keeps its luck. Two are
Branin's and Hartmann's functions with the fidelities of Kandasamy et al. 2017, and one is made to
mislead: what learns fast ends worse.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from hpsearch.space import Space, Uniform

from . import functions
from .chance import normal, uniforms
from .curve_model import learned
from .curve_tables import TRAINED
from .curved import Array, Curved, Unit
from .optimum import space_of
from .problem import DATA

LEVELS = DATA / "curves.json"
FULL = 480  # steps of a whole training, of the functions


@dataclass(frozen=True)
class Levels:
    """Between which regrets are measured, as of `tasks.Task`."""

    best: float
    median: float

    def regret(self, truths: Array) -> Array:
        """0 at the best known truth, 1 at the median draw, clipped there."""
        return np.clip((truths - self.best) / (self.median - self.best), 0, 1)


def names() -> list[str]:
    return [*TRAINED, *FUNCTIONS]


@cache
def load(name: str) -> Curved:
    """A task by its name.

    Raises:
        KeyError: there is none of that name.
        FileNotFoundError: its curves are not here; python -m quality.curve_tables trains them.
    """
    if name in FUNCTIONS:
        return FUNCTIONS[name]()
    if name in TRAINED:
        return learned(name)
    raise KeyError(f"no task {name!r}; there are: {', '.join(names())}")


def levels(name: str) -> Levels:
    """Of a task, from data/curves.json, which `python -m quality.curve_levels` writes."""
    return Levels(**json.loads(LEVELS.read_text())[name]["levels"])


def _cube(parameters: int) -> Space:
    return space_of({f"x{i}": Uniform(0, 1) for i in range(1, parameters + 1)})


def _gaussian(
    name: str, space: Space, deviation: float
) -> Callable[[Sequence[Unit], Sequence[int], int], Array]:
    """Half of the variance is the trial's, at every budget; half is the report's."""

    def drawn(units: Sequence[Unit], budgets: Sequence[int], seed: int) -> Array:
        found = np.empty((len(units), len(budgets)))
        for i, unit in enumerate(units):
            params = space.decode(unit)
            luck = normal(*uniforms(name, params, seed))
            for k, budget in enumerate(budgets):
                own = normal(*uniforms(f"{name} {budget}", params, seed))
                found[i, k] = deviation * math.sqrt(0.5) * (luck + own)
        return found

    return drawn


def _function(
    name: str,
    parameters: int,
    deviation: float,
    about: str,
    at: Callable[[Unit, float], float],
) -> Curved:
    """A function of a point and of the share of a whole training."""
    space = _cube(parameters)

    def curves(units: Sequence[Unit], budgets: Sequence[int]) -> Array:
        return np.array([[at(unit, budget / FULL) for budget in budgets] for unit in units])

    return Curved(name, "function", space, FULL, curves, _gaussian(name, space, deviation), about)


def branin_at(unit: Unit, share: float) -> float:
    """Branin's function at a fidelity z (Kandasamy et al. 2017, with Dragonfly's constants), all
    three z's equal: b is less by 0.01 (1 - z), c by 0.1 (1 - z), t is more by 0.005 (1 - z).
    """
    x, y, lack = 15 * unit[0] - 5, 15 * unit[1], 1 - share
    b = 5.1 / (4 * math.pi**2) - 0.01 * lack
    c = 5 / math.pi - 0.1 * lack
    t = 1 / (8 * math.pi) + 0.005 * lack
    return (y - b * x * x + c * x - 6) ** 2 + 10 * (1 - t) * math.cos(x) + 10


def hartmann6_at(unit: Unit, share: float) -> float:
    """Hartmann's function with its heights lower by 0.1 (1 - z) (Kandasamy et al. 2017)."""
    return functions.hartmann6(unit, lack=0.1 * (1 - share))


def hurried_at(unit: Unit, share: float) -> float:
    """Hartmann's function of six numbers, and of a seventh, v, how fast a trial learns.

    v adds v/2 in the end. All trials have 2 at 1/32 of the training, and go from there to their
    ends by a power law (Domhan et al. 2015, "pow3"), of which (s^-α - 1)/(32^α - 1) is left at the
    share s, with α = 0.1 + 1.4 v.
    """
    v = unit[6]
    power, end = 0.1 + 1.4 * v, functions.hartmann6(unit[:6]) + 0.5 * v
    return end + (2 - end) * (share**-power - 1) / (32**power - 1)


FUNCTIONS: dict[str, Callable[[], Curved]] = {
    "branin": lambda: _function(
        "branin", 2, 1.0, "Kandasamy et al. 2017, Branin with fidelities", branin_at
    ),
    "hartmann6": lambda: _function(
        "hartmann6", 6, 0.05, "Kandasamy et al. 2017, Hartmann with a fidelity", hartmann6_at
    ),
    "hurried": lambda: _function(
        "hurried", 7, 0.05, "Hartmann; power laws, and who learns fast ends worse", hurried_at
    ),
}

"""Tasks of which a region fails, as one where training diverges: the same for all searches.

    task = failing("synthetic/tree", "near")
    task.value(params, seed=0)      # None in the region

A region is a box in one or two parameters, of about a quarter of the prior; of parameters that
every trial has, if there are two such. It is a function of the task's name. "near" adjoins the
best point that is known, as a learning rate does that is best just below where it diverges; "far"
lies at a side of the cube, away from it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal
from zlib import crc32

import numpy as np

from hpsearch.space import Parameter

from .problem import Params
from .tasks import Task, load

Where = Literal["near", "far"]

MASS = (0.18, 0.34)  # of a region, under the prior
GAP, AWAY = 0.02, 0.15  # from the best point: of a near region at most, of a far one at least
DRAWS = 2000
TRIES = 5000  # of boxes


@dataclass(frozen=True)
class Box:
    """Fails where the coordinates of all its parameters are between its bounds.

    Attributes:
        names: of the parameters.
        low, high: of their coordinates, at the centres of an int's buckets and a choice's bins.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def holds(self, of: Sequence[float]) -> bool:
        """Whether a point fails, from its coordinates of `names`."""
        return all(a <= u <= b for a, u, b in zip(self.low, of, self.high, strict=True))  # not NaN


@dataclass(frozen=True)
class Failing:
    """A task and the region of it that fails."""

    task: Task
    where: Where
    box: Box

    @property
    def name(self) -> str:
        return f"{self.task.name}, {self.where}"

    def fails(self, params: Params) -> bool:
        return self.box.holds(coordinates(self.task, self.box.names, params))

    def value(self, params: Params, seed: int) -> float | None:
        """As of the task; None for a failure."""
        return None if self.fails(params) else self.task.value(params, seed)


def coordinates(task: Task, names: Sequence[str], params: Params) -> list[float]:
    """Of some parameters, in the unit interval; NaN where they are inactive."""
    domains = {parameter.name: parameter.domain for parameter in task.space}
    return [domains[n].encode(params[n]) if n in params else math.nan for n in names]


@cache
def failing(name: str, where: Where) -> Failing:
    """A task with its region.

    Raises:
        ValueError: none of the boxes that were tried is of the right size and place.
    """
    task = load(name)
    random = np.random.default_rng(np.random.SeedSequence(crc32(name.encode()), spawn_key=(1,)))
    drawn = [task.space.decode(unit) for unit in random.random((DRAWS, len(task.space)))]
    best = task.problem.optimum or min(drawn, key=task.truth)
    roots = [p for p in task.space if not p.when]
    if len(roots) < 2:
        roots = [p for p in task.space if p.name in best]
    names = tuple(p.name for p in roots)
    points = np.array([coordinates(task, names, params) for params in drawn])
    centre = np.array(coordinates(task, names, best))
    for _ in range(TRIES):
        which = random.choice(len(roots), int(random.integers(1, 3)), replace=False)
        present = float((~np.isnan(points[:, which])).all(1).mean())
        width = min(0.25 / max(present, 0.25), 0.8) ** (1 / len(which))
        low, high = _sides(width, centre[which], where, random)
        inside = ((points[:, which] >= low) & (points[:, which] <= high)).all(1)
        off = np.maximum(np.maximum(low - centre[which], centre[which] - high), 0).max()
        is_placed = 0 < off <= _gap(roots, which) if where == "near" else off >= AWAY
        if MASS[0] <= inside.mean() <= MASS[1] and is_placed:
            box = Box(tuple(names[j] for j in which), tuple(low.tolist()), tuple(high.tolist()))
            return Failing(task, where, box)
    raise ValueError(f"{name}: no {where} region of {TRIES} boxes has a mass in {MASS}")


def _gap(roots: Sequence[Parameter], which: np.ndarray) -> float:
    """The least distance of a region that does not hold the best point: a bin of a coarse one."""
    steps = []
    for j in which:
        domain = roots[j].domain
        if hasattr(domain, "options"):
            steps.append(1 / len(domain.options))
        elif hasattr(domain, "half_step"):
            steps.append(2 * domain.half_step(0.5))
    return max([GAP, *steps])


def _sides(
    width: float, centre: np.ndarray, where: Where, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of a box, [parameters of it] each, about the coordinates of the best point."""
    if where == "far":
        at_top = random.random(len(centre)) < 0.5
        low = np.where(at_top, 1 - width, 0.0)
        return low, low + width
    # In the first parameter beside the best point; in the other around it.
    low = np.clip(centre - width * random.random(len(centre)), 0, 1 - width)
    gap = GAP * random.uniform(0.25, 1)
    low[0] = centre[0] + gap if random.random() < 0.5 else centre[0] - gap - width
    return low, low + width

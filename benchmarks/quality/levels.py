"""Writes levels.json: the best known truth of each task, and the median of plain random draws.

    python -m quality.levels [NAME ...]       # from benchmarks/, with the extra [bench] installed

The median is of 10,000 draws from the prior. The best is the least of the known optimum, where
there is one, of those draws and of local searches from the best of them; where no optimum is known
it is an upper bound of the true one.
"""

import json
import sys
from collections.abc import Sequence

import numpy as np

from hpsearch.space import Choice, Space

from .problem import Problem
from .tasks import LEVELS, names, problem_of

DRAWS, STARTS, STEPS = 10_000, 12, 600


def levels(problem: Problem) -> dict[str, float]:
    """`best` and `median` of a problem."""
    random = np.random.default_rng(0)
    units = random.random((DRAWS, len(problem.space)))
    truths = np.array([truth_at(problem, unit) for unit in units])
    order = np.argsort(truths, kind="stable")
    best = float(truths[order[0]])
    if problem.optimum is not None:
        best = min(best, float(problem.truth(problem.optimum)))
    for start in order[:STARTS]:
        best = min(best, descend(problem, units[start], float(truths[start]), random))
    return {"best": best, "median": float(np.median(truths))}


def truth_at(problem: Problem, unit: Sequence[float]) -> float:
    return float(problem.truth(problem.space.decode(unit)))


def descend(
    problem: Problem, unit: Sequence[float], value: float, random: np.random.Generator
) -> float:
    """The value that random steps of many lengths reach from a point; only better ones count."""
    point = np.array(unit)
    for _ in range(STEPS):
        tried = step(problem.space, point, random)
        found = truth_at(problem, tried)
        if found <= value:
            point, value = tried, found
    return value


def step(space: Space, point: np.ndarray, random: np.random.Generator) -> np.ndarray:
    moves = random.random(len(space)) < random.choice([1.5 / len(space), 0.5])
    moves[random.integers(len(space))] = True
    tried = point.copy()
    length = 10 ** random.uniform(-5, -0.3)
    for j in np.flatnonzero(moves):
        if isinstance(space.parameters[j].domain, Choice):
            tried[j] = random.random()
        else:
            tried[j] = np.clip(tried[j] + length * random.standard_normal(), 0, 1)
    return tried


def main(chosen: Sequence[str]) -> None:
    known = json.loads(LEVELS.read_text()) if LEVELS.exists() else {}
    for name in chosen or names():
        known[name] = levels(problem_of(name))
        print(name, known[name], flush=True)
        ordered = {name: known[name] for name in names() if name in known}
        LEVELS.write_text(json.dumps(ordered, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

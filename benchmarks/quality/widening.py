"""Writes results/widening.md: what `within:` gives a search that began in the wrong range.

    python -m quality.widening      # from benchmarks/, with the extra [bench] installed

On the development tasks that are functions over their whole range, every numeric range is cut to a
third of itself. One or two of the thirds, of parameters that matter, do not hold the best known
point; the others do. What is searched is the cut range alone, the cut range with the whole one as
`within:`, and the whole range from the start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

from hpsearch.space import Choice, Domain, Int, Logint, Parameter, Scalar, Space

from .levels import DRAWS, STARTS, STEPS, step, truth_at
from .optimizers.ours import Judge
from .tasks import Params, Problem, Task, load

PAGE = Path(__file__).parents[1] / "results" / "widening.md"
FAMILIES = ("synthetic", "trained")
SEEDS = 20
SHARE = 1 / 3  # of a range that is searched
APART = 0.02  # of the whole range: the best known point is at least so far outside
MATTERS = 0.05  # of the way from the best to the median, for a third of the range
ARMS = ("cut", "within", "whole")
SETTINGS: tuple[tuple[str, Judge], ...] = (
    ("batch-100", None),
    ("batch-250", None),
    ("batch-100", "gp"),
)


@dataclass(frozen=True)
class Case:
    """A task with its ranges cut.

    Attributes:
        task: the whole one.
        cut: its space, every numeric range a third of itself.
        missed: by parameter whose third does not hold the best point, how far outside that is, in
            ranges of the third.
    """

    task: Task
    cut: Space
    missed: Mapping[str, float]

    def space(self, arm: str) -> Space:
        if arm == "whole":
            return self.task.space
        return widened(self.cut, self.task.space) if arm == "within" else self.cut


@dataclass(frozen=True)
class _Cut:
    """The task of a run: the function of one, the space of another."""

    task: Task
    space: Space

    def value(self, params: Mapping[str, Scalar], seed: int) -> float:
        return self.task.value(params, seed)

    def truth(self, params: Mapping[str, Scalar]) -> float:
        return self.task.truth(params)


def widened(cut: Space, whole: Space) -> Space:
    """The cut ranges, with the whole ones as limits."""
    parameters = []
    for narrow, wide in zip(cut, whole, strict=True):
        domain = narrow.domain
        if not isinstance(domain, Choice):
            assert not isinstance(wide.domain, Choice)
            domain = replace(domain, within=wide.domain.ends)  # type: ignore[type-var]
        parameters.append(replace(narrow, domain=domain))
    return Space(tuple(parameters))


@cache
def best_point(name: str) -> Params:
    """The known optimum of a task, or the best that random steps from random draws find."""
    problem = load(name).problem
    if problem.optimum is not None:
        return problem.optimum
    random = np.random.default_rng(0)
    points = random.random((DRAWS, len(problem.space)))
    truths = np.array([truth_at(problem, point) for point in points])
    found = [
        _descend(problem, points[i], float(truths[i]), random)
        for i in np.argsort(truths, kind="stable")[:STARTS]
    ]
    point, _ = min(found, key=lambda pair: pair[1])
    return problem.space.decode(point.tolist())


def _descend(
    problem: Problem, point: np.ndarray, value: float, random: np.random.Generator
) -> tuple[np.ndarray, float]:
    for _ in range(STEPS):
        tried = step(problem.space, point, random)
        found = truth_at(problem, tried)
        if found <= value:
            point, value = tried, found
    return point, value


def case(name: str, seed: int) -> Case:
    """A task with ranges that are drawn for a seed."""
    task, best = load(name), best_point(name)
    random = np.random.default_rng(np.random.SeedSequence([crc32(name.encode()), seed]))
    able = [p.name for p in task.space if p.name in best and _matters(task, best, p)]
    count = min(len(able), int(random.integers(1, 3)))
    chosen = {able[i] for i in random.choice(len(able), count, replace=False)}
    parameters, missed = [], {}
    for parameter in task.space:
        name_, domain = parameter.name, parameter.domain
        if not isinstance(domain, Choice):
            u = domain.encode(best[name_]) if name_ in best else None
            start = _start(u, name_ in chosen, random)
            domain = _third(domain, start)
            if name_ in chosen:
                at = domain.encode(best[name_])
                missed[name_] = max(-at, at - 1)
        parameters.append(replace(parameter, domain=domain))
    return Case(task, Space(tuple(parameters)), missed)


def _matters(task: Task, best: Params, parameter: Parameter) -> bool:
    """Whether a third of the range, from the best point, costs something whichever way."""
    if isinstance(parameter.domain, Choice):
        return False
    u = parameter.domain.encode(best[parameter.name])
    moved = [u + step for step in (-SHARE, SHARE) if 0 <= u + step <= 1]
    values = [best | {parameter.name: parameter.domain.decode(v)} for v in moved]
    return all(task.regret(task.truth(v)) - task.regret(task.truth(best)) > MATTERS for v in values)


def _start(u: float | None, is_missed: bool, random: np.random.Generator) -> float:
    """Where a third begins that holds a coordinate, or does not."""
    last = 1 - SHARE
    if u is None:
        return float(random.uniform(0, last))
    if not is_missed:
        return float(random.uniform(max(0.0, u - SHARE), min(u, last)))
    below, above = max(0.0, u - SHARE - APART), max(0.0, last - u - APART)  # lengths to choose from
    place = random.uniform(0, below + above)
    return float(place if place < below else u + APART + place - below)


def _third(domain: Domain, start: float) -> Domain:
    assert not isinstance(domain, Choice)
    low, high = domain.decode(start), domain.decode(start + SHARE)
    if isinstance(domain, Int | Logint) and low == high:
        low, high = (low, high + 1) if high < domain.high else (low - 1, high)
    return type(domain)(low, high)  # type: ignore[arg-type]

"""The tasks that optimizers are compared on, one interface to all of them.

    task = load("synthetic/branin-log")
    value = task.value(params, seed=0)      # what an optimizer is told
    truth = task.truth(params)              # what it is judged by

A task is a space and a function of its active parameters, lower is better. `split.toml` says which
tasks a default may be chosen by and which are held out. `levels.json` keeps the best known truth
of a task and the median of plain random draws, between which regrets are measured; `levels.py`
writes it.
"""

import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from hpsearch.space import Scalar, Space, holds

from . import smooth, synthetic, tables, trained
from .chance import uniforms
from .problem import DATA, Params, Problem

Split = Literal["development", "held_out"]

LEVELS = DATA / "levels.json"


@dataclass(frozen=True)
class Task:
    name: str  # family/space
    family: str  # hpobench, hpolib, nasbench201, synthetic, trained
    split: Split
    space: Space
    best: float  # the best known truth
    median: float  # truth of a plain random draw, in the median of 10,000
    problem: Problem = field(repr=False)

    def truth(self, params: Params) -> float:
        """Without noise, lower is better.

        Args:
            params: values of all active parameters; others are ignored.
        """
        return float(self.problem.truth(params))

    def value(self, params: Params, seed: int) -> float:
        """What an optimizer is told: finite, lower is better, with the task's noise.

        Args:
            params: as of `truth`.
            seed: of the noise, which is a function of task, params and seed alone.
        """
        truth = self.truth(params)
        if self.problem.noise is None:
            return truth
        active = self._active(params)
        return truth + self.problem.noise(active, truth, *uniforms(self.name, active, seed))

    def _active(self, params: Params) -> Params:
        found: dict[str, Scalar] = {}
        for i in self.space.parents_first:
            parameter = self.space.parameters[i]
            if holds(parameter.when, found):
                found[parameter.name] = params[parameter.name]
        return found

    def regret(self, truth: float) -> float:
        """0 at the best known truth, 1 at the median of plain random draws; may be beyond both."""
        return (truth - self.best) / (self.median - self.best)


def names(split: Split | None = None) -> list[str]:
    """Of the tasks of one side, or of all."""
    sides = splits()
    return [name for side in sides if split in (None, side) for name in sides[side]]


@cache
def splits() -> dict[Split, list[str]]:
    """The content of split.toml."""
    return tomllib.loads(Path(__file__).with_name("split.toml").read_text())  # type: ignore[return-value]


@cache
def load(name: str) -> Task:
    """A task by its name.

    Raises:
        KeyError: there is no task of that name.
        ModuleNotFoundError: a table's package is not installed (pip install 'hpsearch[bench]').
    """
    side = next((side for side, names in splits().items() if name in names), None)
    if side is None:
        raise KeyError(f"no task {name!r}; split.toml has: {', '.join(names())}")
    levels = json.loads(LEVELS.read_text())
    if name not in levels:
        raise KeyError(f"data/levels.json has no {name!r}; python -m quality.levels makes it")
    problem = problem_of(name)
    family = name.split("/")[0]
    return Task(name, family, side, problem.space, **levels[name], problem=problem)


def problem_of(name: str) -> Problem:
    """The space and function of a task."""
    family, _, space = name.partition("/")
    if family == "synthetic":
        return (synthetic.PROBLEMS | smooth.PROBLEMS)[space]()
    if family == "trained":
        return trained.problem(space)
    return tables.problem(family, space)

"""Whole searches on learning curves, at equal steps of training: ours, and others for reference.

    found = ours(task, seed=0, total=50, growth=2, rounds=4)
    found.truth       # of the trial that looks best at the highest budget seen
    found.steps       # spent, at most total · task.full

A trial that trains on from b to b' costs b' - b steps. A round of ours has as many places as the
total allows; what is left over makes the last round larger.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hpsearch import method
from hpsearch.method.seeds import draw_generator
from hpsearch.space import Space

from .curved import Curved, Unit

ETA, RUNGS = 3, 4  # of successive halving, from 1/27 of a whole training on


@dataclass
class Ledger:
    """What a search has spent and seen."""

    task: Curved
    seed: int
    steps: int = 0
    trials: int = 0  # configurations that were begun
    _best: dict[int, tuple[float, Unit]] = field(default_factory=dict)  # by budget

    def train(self, units: Sequence[Unit], budget: int, since: int = 0) -> list[float]:
        """Values at a budget, of trials that have been trained to `since`."""
        if not units:
            return []
        self.steps += len(units) * (budget - since)
        self.trials += len(units) if since == 0 else 0
        values = self.task.values(units, budget, self.seed).tolist()
        for value, unit in zip(values, units, strict=True):
            # A tie stays with the older trial.
            if budget not in self._best or value < self._best[budget][0]:
                self._best[budget] = value, unit
        return [float(value) for value in values]

    @property
    def truth(self) -> float:
        """Of the trial that looks best at the highest budget seen, had it a whole training."""
        _, unit = self._best[max(self._best)]
        return float(self.task.truths([unit])[0])


def budgets(full: int, growth: float, count: int) -> list[int]:
    """Of the rounds; the last is a whole training."""
    return [round(full / growth ** (count - 1 - r)) for r in range(count)]


def places(at: Sequence[int], continued: int, total: int) -> tuple[int, int]:
    """Places of a round within a total of steps, and of the last round.

    Args:
        at: budgets of the rounds.
        continued: trials that train on, from each round to the next.
        total: steps.
    """
    saved = continued * sum(at[:-1])
    each = (total + saved) // sum(at)
    left = total + saved - each * sum(at)
    return each, each + left // at[-1]


def ours(
    task: Curved,
    seed: int,
    total: int,
    *,
    growth: float = 1.0,
    rounds: int = 4,
    survivors: int = 3,
    continued: int | None = None,
    surrogate: Literal["gp"] | None = None,
) -> Ledger | None:
    """The method, with the rows that the controller would compare.

    Args:
        task: what is searched.
        seed: of the search and of the noise.
        total: whole trainings that it may cost.
        growth: of the budget, a round.
        rounds: of the search.
        survivors: K.
        continued: best trials that train on; the survivors if nobody says, none without growth.
        surrogate: what selects draws.

    Returns:
        None where a round would have too few places to draw anything new.
    """
    kept = 0 if growth == 1 else survivors if continued is None else continued
    at = budgets(task.full, growth, rounds)
    each, last = places(at, kept, total * task.full)
    if each < max(kept + 1, survivors):
        return None
    ledger, rows = Ledger(task, seed), list[_Row]()
    for r, budget in enumerate(at):
        _round(
            ledger, rows, r, budget, last if r == rounds - 1 else each, survivors, kept, surrogate
        )
    return ledger


_Row = method.Row


def _round(
    ledger: Ledger,
    rows: list[_Row],
    r: int,
    budget: int,
    count: int,
    survivors: int,
    kept: int,
    surrogate: Literal["gp"] | None,
) -> None:
    space, seed = ledger.task.space, ledger.seed
    before = rows[-1].budget if rows else 0
    comparable = [row for row in rows if row.budget == before]
    tightening = method.tighten(space, comparable, round=r, survivors=survivors)
    if r == 0:
        proposed = method.propose(
            space, tightening, method.RoundPlan(seed=seed, round=0, trials=count)
        )
        drawn: list[Unit] = [place.unit for place in proposed]
        going: list[Unit] = []
    else:
        going = [row.unit for row in method.best_distinct(space, comparable, kept)]
        drawn = draws(space, tightening, rows, seed, r, count, going, budget, surrogate)
    values = ledger.train(going, budget, before) + ledger.train(drawn, budget)
    for value, unit in zip(values, [*going, *drawn], strict=True):
        rows.append(_Row(len(rows), value, tuple(unit), budget))


def draws(
    space: Space,
    tightening: method.Tightening,
    rows: Sequence[_Row],
    seed: int,
    r: int,
    count: int,
    going: Sequence[Unit],
    budget: int,
    surrogate: Literal["gp"] | None,
) -> list[Unit]:
    """The new draws of a round from 1 on, as `method.propose` makes them after continuations.

    It is written out here because any number of trials may train on, and not only the survivors.
    """
    slots = [
        method.round_slot(space, tightening, seed=seed, round=r, index=i)
        for i in range(len(going), count)
    ]
    if surrogate is None:
        return [slot.plain.unit for slot in slots]
    acquisition = method.Acquisition(space, rows, budget=budget)
    for unit in going:
        acquisition.add_pending(tuple(unit))
    return [method.select_draw(slot, count, acquisition).unit for slot in slots]


def random_search(task: Curved, seed: int, total: int) -> Ledger:
    """Every draw of the prior gets a whole training (Bergstra & Bengio 2012)."""
    ledger = Ledger(task, seed)
    ledger.train(_prior(task, seed, total), task.full)
    return ledger


def successive_halving(task: Curved, seed: int, total: int) -> Ledger:
    """One bracket of random draws, as large as the total allows (Jamieson & Talwalkar 2016)."""
    ledger, at = Ledger(task, seed), budgets(task.full, ETA, RUNGS)
    count = 1
    while bracket_steps(at, count + 1) <= total * task.full:
        count += 1
    _bracket(ledger, _prior(task, seed, count), at)
    return ledger


def hyperband(task: Curved, seed: int, total: int) -> Ledger:
    """Brackets one after another, over and over while they fit (Li et al. 2018, alg. 1).

    Brackets that do not fit are passed over; what is left then goes to whole trainings.
    """
    ledger, at, limit = Ledger(task, seed), budgets(task.full, ETA, RUNGS), total * task.full
    most = RUNGS - 1
    prior = _prior(task, seed, total * ETA**most)
    taken, fits = 0, True
    while fits:
        fits = False
        for s in range(most, -1, -1):
            count = math.ceil((most + 1) / (s + 1) * ETA**s)
            if ledger.steps + bracket_steps(at[most - s :], count) <= limit:
                _bracket(ledger, prior[taken : taken + count], at[most - s :])
                taken, fits = taken + count, True
    ledger.train(prior[taken : taken + (limit - ledger.steps) // task.full], task.full)
    return ledger


def bracket_steps(at: Sequence[int], count: int) -> int:
    """What a bracket of so many draws costs."""
    steps = [b - a for a, b in zip([0, *at], at, strict=False)]
    return sum(count // ETA**rung * step for rung, step in enumerate(steps))


def _bracket(ledger: Ledger, units: Sequence[Unit], at: Sequence[int]) -> None:
    since, count = 0, len(units)
    for rung, budget in enumerate(at):
        units = units[: count // ETA**rung]
        values = ledger.train(units, budget, since)
        units = [units[i] for i in np.argsort(values, kind="stable")]
        since = budget


def _prior(task: Curved, seed: int, count: int) -> list[Unit]:
    return list(draw_generator(seed, 0, 1).random((count, len(task.space))).tolist())

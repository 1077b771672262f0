"""What the cache has of a set of cells, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import tasks
from .cache import Cache, Cell, Record
from .optimizers import spec
from .regimes import REGIMES
from .runner import Keys, left_out
from .stats import Array, ranks, wins


@dataclass
class Results:
    """The runs of one regime.

    Args:
        regime: of REGIMES.
        optimizers: specs.
        tasks: names.
        records: by optimizer and task, then by seed; only runs that ended well.
        missing: cells that are not there, with the reason.
    """

    regime: str
    optimizers: tuple[str, ...]
    tasks: tuple[str, ...]
    records: dict[tuple[str, str], dict[int, Record]]
    missing: dict[Cell, str]

    @property
    def families(self) -> dict[str, str]:
        return {task: tasks.load(task).family for task in self.tasks}

    def seeds(self, optimizer: str, task: str) -> set[int]:
        return set(self.records.get((optimizer, task), {}))

    def complete(self) -> tuple[str, ...]:
        """The optimizers that have at least one run on every task."""
        return tuple(o for o in self.optimizers if all(self.seeds(o, t) for t in self.tasks))

    def truths(self, optimizer: str, task: str, seeds: Sequence[int]) -> Array:
        """Shape [seeds, points of the regime]."""
        runs = self.records[optimizer, task]
        return np.array([runs[seed].truths for seed in seeds])

    def shared_seeds(self, ours: str, theirs: str, task: str) -> list[int]:
        """The seeds that both have."""
        return sorted(self.seeds(ours, task) & self.seeds(theirs, task))

    def wins(self, ours: str, theirs: str, n: int) -> dict[str, Array]:
        """By task, over the seeds that both have, after n trials; no task without such."""
        point = REGIMES[self.regime].points.index(n)
        found = {}
        for task in self.tasks:
            if seeds := self.shared_seeds(ours, theirs, task):
                pair = [self.truths(o, task, seeds)[:, point] for o in (ours, theirs)]
                found[task] = wins(*pair)
        return found

    def ranks(self, optimizers: Sequence[str], n: int) -> dict[str, Array]:
        """By task, shape [seeds, optimizers], over the seeds that all of them have."""
        point = REGIMES[self.regime].points.index(n)
        found = {}
        for task in self.tasks:
            seeds = sorted(set.intersection(*(self.seeds(o, task) for o in optimizers)))
            if seeds:
                columns = [self.truths(o, task, seeds)[:, point] for o in optimizers]
                found[task] = ranks(np.column_stack(columns))
        return found

    def regrets(self, optimizer: str) -> dict[str, Array]:
        """By task, shape [seeds, points]: 0 the best known, 1 the median draw, clipped there."""
        found = {}
        for task in self.tasks:
            if seeds := sorted(self.seeds(optimizer, task)):
                found[task] = self.regret(optimizer, task, seeds)
        return found

    def regret(self, optimizer: str, task: str, seeds: Sequence[int]) -> Array:
        """Of one task, shape [seeds, points]; as `regrets`."""
        known = tasks.load(task)
        truths = self.truths(optimizer, task, seeds)
        return np.clip((truths - known.best) / (known.median - known.best), 0, 1)

    def cost_ms(self, optimizer: str) -> float:
        """CPU milliseconds of asking and telling, a trial, in the median of the runs."""
        trials = REGIMES[self.regime].trials * spec(optimizer).entry.factor
        spent = [
            (record.ask_s + record.tell_s) / trials
            for (name, _), runs in self.records.items()
            if name == optimizer
            for record in runs.values()
        ]
        return 1000 * float(np.median(spent)) if spent else float("nan")


def collect(wanted: Sequence[Cell], cache: Cache, keys: Keys | None = None) -> Results:
    """What the cache has of these cells of one regime.

    A package that is not installed here counts as it was when its runs were made.
    """
    keys = keys or Keys()
    records: dict[tuple[str, str], dict[int, Record]] = {}
    missing: dict[Cell, str] = {}
    for cell in wanted:
        found = keys.of(cell)
        record = cache.latest(cell) if found is None else cache.get(cell, found[0])
        if reason := left_out(cell):
            missing[cell] = reason
        elif record is None:
            package = spec(cell.optimizer).entry.package
            missing[cell] = "not run yet" if found else f"{package} is not installed"
        elif record.missing:
            missing[cell] = record.missing
        else:
            records.setdefault((cell.optimizer, cell.task), {})[cell.seed] = record
    optimizers = tuple(dict.fromkeys(cell.optimizer for cell in wanted))
    names = tuple(dict.fromkeys(cell.task for cell in wanted))
    return Results(wanted[0].regime, optimizers, names, records, missing)

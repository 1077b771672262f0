"""Runs of optimizers on tasks: those that the cache has not, in processes, in an order that lets
one stop at any time: all optimizers' first seeds come before all second ones.
"""

import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from . import tasks
from .cache import Cache, Cell, Record, key, task_key
from .optimizers import Setting, identity, installed, make, spec, with_constants
from .pool import Failed, answers
from .regimes import REGIMES, run

TOO_LONG = "more than"  # begins the reason of a cell that ran into the limit
GIVE_UP = 2  # tasks that ran into the limit end an optimizer's runs in a regime


def one(job: tuple[Cell, str, str]) -> Record:
    """Run a cell here, with its key and its package. An error is a record that says so."""
    cell, key, package = job
    try:
        return measured(cell, key, package)
    except Exception as error:
        text = " ".join(str(error).split())
        return Record(cell, key, package, missing=f"{type(error).__name__}: {text}"[:120])


def measured(cell: Cell, key: str, package: str) -> Record:
    """Run a cell here.

    Raises:
        Exception: whatever the optimizer raises.
    """
    chosen, regime, task = spec(cell.optimizer), REGIMES[cell.regime], tasks.load(cell.task)
    factor = chosen.entry.factor
    # Some packages draw from the processes' own generators too.
    random.seed(cell.seed)
    np.random.seed(cell.seed)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(cell.seed)
        torch.set_num_threads(1)
    with with_constants(chosen):
        optimizer = make(
            chosen,
            Setting(
                task.space, cell.seed, regime.trials * factor, regime.workers, regime.asynchronous
            ),
        )
        trace = run(task, optimizer, regime, cell.seed, factor)
    truths = tuple(trace.truths[n * factor - 1] for n in regime.points)
    return Record(cell, key, package, truths, trace.ask_s, trace.tell_s)


def left_out(cell: Cell) -> str:
    """Why a cell is not to be run at all; empty where it is."""
    if spec(cell.optimizer).entry.batches_only and not cell.regime.startswith("batch"):
        return "not run, a proposal takes seconds"
    return ""


class Keys:
    """The keys of cells, with the present code, packages and tasks."""

    def __init__(self) -> None:
        self._identities: dict[str, tuple[str, str] | None] = {}
        self._tasks: dict[str, str] = {}

    def of(self, cell: Cell) -> tuple[str, str] | None:
        """Key and package; None where the package is absent."""
        if cell.optimizer not in self._identities:
            chosen = spec(cell.optimizer)
            package = installed(chosen.entry)
            if package is None:
                self._identities[cell.optimizer] = None
            else:
                whole = identity(chosen, package)
                # Of ours the code is what has a version.
                shown = whole if chosen.entry.ours else package
                self._identities[cell.optimizer] = whole, shown
        found = self._identities[cell.optimizer]
        if found is None:
            return None
        if cell.task not in self._tasks:
            self._tasks[cell.task] = task_key(cell.task)
        return key(found[0], self._tasks[cell.task]), found[1]


def loadable(names: Sequence[str], say: Callable[[str], None] = print) -> list[str]:
    """The tasks whose data and packages are here; `say` is told why others are not."""
    found = []
    for name in names:
        try:
            tasks.load(name)
            found.append(name)
        except (ImportError, LookupError, OSError) as error:
            say(f"missing task {name}: {error}")
    return found


def cells(
    regimes: Sequence[str], optimizers: Sequence[str], names: Sequence[str], seeds: int, dear: int
) -> list[Cell]:
    """All cells, seed by seed.

    Args:
        regimes: of REGIMES.
        optimizers: specs.
        names: of tasks.
        seeds: of a cheap optimizer.
        dear: seeds of a dear one.
    """
    return [
        Cell(regime, optimizer, task, seed)
        for seed in range(max(seeds, dear))
        for regime in regimes
        for task in names
        for optimizer in optimizers
        if seed < (dear if spec(optimizer).entry.dear else seeds)
    ]


def fill(
    wanted: Sequence[Cell],
    cache: Cache,
    *,
    processes: int,
    limit_s: float,
    until: float | None = None,
    again: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Run what the cache has not.

    Args:
        wanted: cells, in the order in which to run them.
        cache: gets every run as it ends.
        processes: that run at a time.
        limit_s: for one run.
        until: a time of `time.monotonic` after which no run begins.
        again: also what has failed before.
        say: is told of progress.
    """
    keys = Keys()
    waiting: list[tuple[Cell, str, str]] = []
    absent: Counter[str] = Counter()
    late: dict[tuple[str, str], set[str]] = defaultdict(set)
    for cell in wanted:
        found = keys.of(cell)
        if left_out(cell):
            continue
        if found is None:
            absent[cell.optimizer] += 1
            continue
        known = cache.get(cell, found[0])
        if known is None or (again and known.missing):
            waiting.append((cell, *found))
        elif known.missing.startswith(TOO_LONG):
            late[cell.regime, cell.optimizer].add(cell.task)
    for name, count in absent.items():
        say(f"{name}: {spec(name).entry.package} is not installed, {count} runs are missing")
    if waiting:
        progress = Progress(waiting, cache, processes, say)
        _fill(waiting, late, cache, progress, processes, limit_s, until)


def _fill(
    waiting: Sequence[tuple[Cell, str, str]],
    late: dict[tuple[str, str], set[str]],
    cache: Cache,
    progress: "Progress",
    processes: int,
    limit_s: float,
    until: float | None,
) -> None:
    def following() -> Iterator[tuple[Cell, str, str]]:
        for job in waiting:
            cell, key, package = job
            if until is not None and time.monotonic() > until:
                progress.stopped()
                return
            over = late[cell.regime, cell.optimizer]
            if cell.task in over or len(over) >= GIVE_UP:
                reason = f"not run: {TOO_LONG} {limit_s:g} s on {', '.join(sorted(over))}"
                progress.done(_kept(cache, Record(cell, key, package, missing=reason)))
            else:
                yield job

    jobs = following()
    for job, answer in answers(one, lambda: next(jobs, None), processes=processes, limit_s=limit_s):
        cell, key, package = job
        if isinstance(answer, Failed):
            if answer.startswith(TOO_LONG):
                late[cell.regime, cell.optimizer].add(cell.task)
            answer = Record(cell, key, package, missing=str(answer))
        progress.done(_kept(cache, answer))


def _kept(cache: Cache, record: Record) -> Record:
    cache.put(record)
    return record


class Progress:
    """Says every half minute how far the runs are, and when they should end."""

    EVERY_S = 30.0

    def __init__(
        self,
        waiting: Sequence[tuple[Cell, str, str]],
        cache: Cache,
        processes: int,
        say: Callable[[str], None],
    ) -> None:
        self._left = Counter((cell.regime, cell.optimizer) for cell, _, _ in waiting)
        self._total = len(waiting)
        self._processes = processes
        self._say = say
        self._missing = 0
        self._started = self._said = time.monotonic()
        # Seconds of runs by regime and optimizer: those that are known from before count too.
        self._seconds: dict[tuple[str, str], list[float]] = {
            where: [r.ask_s + r.tell_s for r in cache.all(*where) if not r.missing]
            for where in self._left
        }
        say(f"{self._total} runs on {processes} processes")

    def done(self, record: Record) -> None:
        where = record.cell.regime, record.cell.optimizer
        self._left[where] -= 1
        if record.missing:
            self._missing += 1
            self._say(
                f"missing: {record.cell.optimizer} {record.cell.regime} {record.cell.task} "
                f"seed {record.cell.seed}: {record.missing}"
            )
        else:
            self._seconds[where].append(record.ask_s + record.tell_s)
        left = sum(self._left.values())
        now = time.monotonic()
        if left == 0 or now - self._said > self.EVERY_S:
            self._said = now
            self._say(
                f"{self._total - left} of {self._total} runs in {_clock(now - self._started)}, "
                f"{self._missing} missing; {self._estimate()} left"
            )

    def stopped(self) -> None:
        self._say(f"time is up: {sum(self._left.values())} runs not made or still running")

    def _estimate(self) -> str:
        known = 0.0
        unknown = set()
        for where, count in self._left.items():
            if count and self._seconds[where]:
                known += count * sum(self._seconds[where]) / len(self._seconds[where])
            elif count:
                unknown.add(where[1])
        text = f"about {_clock(known / self._processes)}"
        return text + (f" and what {', '.join(sorted(unknown))} takes" if unknown else "")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"

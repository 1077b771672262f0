"""A search that trains real trials: its budget of steps, what it has seen, and who drives whom.

A search is a generator. It yields the trainings that it waits for and is resumed when they have
been made, so the trials of many searches train in one loop, while each search sees and pays only
what it asked for. Time inside a search goes by in ticks: in one tick each of its workers trains
for one interval between two reports.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hpsearch.method.seeds import confirm_seed, training_seed
from hpsearch.space import Scalar

from .task import Task
from .training import Order, Trainings

WORKERS = 25
TOP, SEEDS = 3, 5  # candidates that are confirmed, and the fresh seeds of each

Params = Mapping[str, Scalar]
Wanted = Mapping[Order, int]
Search = Generator[Wanted, None, "Log"]


@dataclass(frozen=True)
class Candidate:
    """A trial that was trained in full."""

    number: int
    params: Params
    value: float


@dataclass
class Log:
    """What a search has spent and found.

    Attributes:
        trials: begun so far.
        steps: trained so far, by all workers together.
        ticks: gone by.
        curve: (steps, ticks, best value seen so far), a row for each better one.
        finished: trials that were trained in full.
        proposing: seconds spent outside training.
    """

    trials: int = 0
    steps: int = 0
    ticks: int = 0
    curve: list[tuple[int, int, float]] = field(default_factory=list)
    finished: list[Candidate] = field(default_factory=list)
    proposing: float = 0.0

    def see(self, values: Sequence[float | None], steps: int) -> None:
        """A tick has gone by, in which these values were reported and so many steps trained."""
        self.steps += steps
        self.ticks += 1
        best = self.curve[-1][2] if self.curve else float("inf")
        found = min((value for value in values if value is not None), default=best)
        if found < best:
            self.curve.append((self.steps, self.ticks, found))

    def candidates(self) -> list[Candidate]:
        """The best few, which are to be confirmed; ties go to the older trial."""
        return sorted(self.finished, key=lambda c: (c.value, c.number))[:TOP]


class Peer(Protocol):
    """An asynchronous optimizer that may stop a trial at any report."""

    def ask(self) -> tuple[int, Params]:
        """A new trial's number and parameters."""
        ...

    def goes_on(self, number: int, unit: int, value: float) -> bool:
        """Whether the trial trains on after its report number `unit`, counted from 1."""
        ...

    def end(self, number: int, unit: int, value: float | None) -> None:
        """The trial was trained in full (with its value) or broke down (None)."""
        ...

    def next_look(self, unit: int) -> int:
        """The first report after number `unit` at which it may stop a trial."""
        ...


@dataclass
class _Live:
    number: int
    params: Params
    order: Order
    unit: int = 0


def asynchronous(
    peer: Peer, task: Task, seed: int, trainings: Trainings, workers: int = WORKERS
) -> Search:
    """Workers, each of which gets a new trial as soon as its own has ended.

    No trial begins that could not be trained in full, so that no step is spent on trials that the
    end of the budget cuts off.
    """
    log, live = Log(), list[_Live]()
    while True:
        began = time.perf_counter()
        while len(live) < workers and _reserved(live, task) + task.full <= task.total - log.steps:
            number, params = peer.ask()
            order = Order.of(params, training_seed(seed, 0, number))
            live.append(_Live(number, params, order))
            log.trials += 1
        log.proposing += time.perf_counter() - began
        if not live:
            return log
        wanted = {
            each.order: min(peer.next_look(each.unit), task.units) * task.interval
            for each in live
            if not trainings.curve(each.order).reaches((each.unit + 1) * task.interval)
        }
        if wanted:
            yield wanted
        for each in live:
            each.unit += 1
        values = [trainings.curve(e.order).at(e.unit * task.interval) for e in live]
        log.see(values, len(live) * task.interval)
        began = time.perf_counter()
        goes_on = [_report(peer, e, v, task, log) for e, v in zip(live, values, strict=True)]
        log.proposing += time.perf_counter() - began
        trainings.forget([e.order for e, stays in zip(live, goes_on, strict=True) if not stays])
        live = [e for e, stays in zip(live, goes_on, strict=True) if stays]


def _reserved(live: Sequence[_Live], task: Task) -> int:
    return sum(task.full - each.unit * task.interval for each in live)


def _report(peer: Peer, each: _Live, value: float | None, task: Task, log: Log) -> bool:
    """Tell the peer of a trial's report; whether the trial trains on."""
    if value is None or each.unit == task.units:
        peer.end(each.number, each.unit, value)
        if value is not None:
            log.finished.append(Candidate(each.number, each.params, value))
        return False
    return peer.goes_on(each.number, each.unit, value)


def drive(searches: Mapping[Any, Search], trainings: Trainings) -> dict[Any, Log]:
    """Run searches side by side; what several wait for is trained together."""
    logs: dict[Any, Log] = {}
    waiting: dict[Any, Wanted] = {}

    def resume(key: Any) -> None:
        try:
            waiting[key] = next(searches[key])
        except StopIteration as end:
            waiting.pop(key, None)
            logs[key] = end.value

    for key in searches:
        resume(key)
    while waiting:
        together: dict[Order, int] = {}
        for wanted in waiting.values():
            for order, step in wanted.items():
                together[order] = max(step, together.get(order, 0))
        trainings.train(together)
        for key in list(waiting):
            resume(key)
    return logs


def confirmations(task: Task, seed: int, candidates: Sequence[Candidate]) -> list[list[Order]]:
    """The trainings that confirm each candidate: in full, from scratch, the same seeds for all."""
    seeds = [confirm_seed(seed, repeat) for repeat in range(SEEDS)]
    return [[Order.of(c.params, s, is_confirmation=True) for s in seeds] for c in candidates]

"""How trials are asked for and told: in batches, by asynchronous workers, or one at a time.

The result of a run is the truth of the trial that looks best so far, after a number of trials: what
somebody would have who stopped there and took the best that they had seen.
"""

import heapq
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from hpsearch.space import Scalar, Space

from .optimizers import Optimizer, Params

T = TypeVar("T")

SPREAD = 0.5  # standard deviation of the log of an asynchronous trial's duration


class Task(Protocol):
    """What of a task a run needs (`tasks.Task`)."""

    @property
    def space(self) -> Space: ...
    def value(self, params: Mapping[str, Scalar], seed: int) -> float: ...
    def truth(self, params: Mapping[str, Scalar]) -> float: ...


@dataclass(frozen=True)
class Regime:
    trials: int
    workers: int
    asynchronous: bool
    points: tuple[int, ...]  # numbers of trials after which the result is kept


_UP_TO_100 = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 100)
_UP_TO_250 = (1, 5, 10, 15, 20, 25, 50, 75, 100, 125, 150, 175, 200, 225, 250)
REGIMES = {
    "batch-100": Regime(100, 25, False, _UP_TO_100),
    "batch-250": Regime(250, 25, False, _UP_TO_250),
    "async-100": Regime(100, 25, True, _UP_TO_100),
    "single-100": Regime(100, 1, False, _UP_TO_100),
}


class InvalidParams(ValueError):
    """An optimizer's proposal is not in the space. Trying again does not help."""


@dataclass
class Trace:
    """A run as it goes."""

    task: Task
    seed: int
    truths: list[float] = field(default_factory=list)  # of the best seen, after each trial
    ask_s: float = 0.0  # CPU seconds
    tell_s: float = 0.0
    _best: float = math.inf

    def evaluate(self, params: Params) -> float:
        check(self.task.space, params)
        value = self.task.value(params, self.seed)
        # A tie stays with the older trial.
        if value < self._best:
            self._best = value
            self.truths.append(self.task.truth(params))
        else:
            self.truths.append(self.truths[-1])
        return value


def run(task: Task, optimizer: Optimizer, regime: Regime, seed: int, factor: int = 1) -> Trace:
    """One run.

    Args:
        task: what is minimized.
        optimizer: fresh.
        regime: see REGIMES.
        seed: of the task's noise and of the trials' durations.
        factor: trials in place of one.
    """
    trace = Trace(task, seed)
    trials = regime.trials * factor
    (_workers if regime.asynchronous else _batches)(trace, optimizer, trials, regime.workers)
    return trace


def _batches(trace: Trace, optimizer: Optimizer, trials: int, size: int) -> None:
    while len(trace.truths) < trials:
        params = _ask(trace, optimizer, min(size, trials - len(trace.truths)))
        _tell(trace, optimizer, params, [trace.evaluate(p) for p in params])


def _workers(trace: Trace, optimizer: Optimizer, trials: int, workers: int) -> None:
    """The i-th trial that starts takes the same time under every optimizer."""
    generator = np.random.default_rng(np.random.SeedSequence(trace.seed, spawn_key=(25,)))
    durations = generator.lognormal(0.0, SPREAD, trials)
    running: list[tuple[float, int, Params]] = []
    started = 0
    now, free = 0.0, min(workers, trials)
    while True:
        for params in _ask(trace, optimizer, free) if free else ():
            heapq.heappush(running, (now + float(durations[started]), started, params))
            started += 1
        if not running:
            return
        now, _, params = heapq.heappop(running)
        _tell(trace, optimizer, [params], [trace.evaluate(params)])
        free = 1 if started < trials else 0


def _ask(trace: Trace, optimizer: Optimizer, count: int) -> list[Params]:
    params, seconds = _timed(lambda: optimizer.ask(count))
    if len(params) != count:
        raise InvalidParams(f"asked for {count} trials, got {len(params)}")
    trace.ask_s += seconds
    return params


def _tell(
    trace: Trace, optimizer: Optimizer, params: Sequence[Params], values: Sequence[float]
) -> None:
    trace.tell_s += _timed(lambda: optimizer.tell(params, values))[1]


def _timed(act: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    return act(), time.process_time() - start


def check(space: Space, params: Params) -> None:
    """Refuse parameters that are not exactly the active ones, each in its domain.

    Raises:
        InvalidParams: naming the first that is wrong.
    """
    unit = [
        parameter.domain.encode(params[parameter.name])
        if parameter.name in params and parameter.domain.contains(params[parameter.name])
        else 0.5
        for parameter in space
    ]
    active = space.active(unit)
    for parameter, on in zip(space, active, strict=True):
        name = parameter.name
        if on and name not in params:
            raise InvalidParams(f"{name} is active and has no value")
        if not on and name in params:
            raise InvalidParams(f"{name} is inactive and has the value {params[name]!r}")
        if on and not parameter.domain.contains(params[name]):
            raise InvalidParams(f"{name}: {params[name]!r} is not in {parameter.domain}")
    if unknown := params.keys() - set(space.names):
        raise InvalidParams(f"unknown: {', '.join(sorted(unknown))}")

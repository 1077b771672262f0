"""The peers on real trainers: each with its own defaults, resources counted in reports.

Random search, Optuna's TPE, successive halving and Hyperband, and Ray Tune's ASHA, whose scheduler
is Ray's own code, asked in this process without a cluster: it decides by trial names, report
numbers and values alone.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from hpsearch.space import Choice, Condition, Domain, Int, Logint, Loguniform, Scalar, Space

from .search import Params, Peer
from .task import Task


class Random:
    """Uniform draws of the unit cube, each trained in full."""

    def __init__(self, task: Task, seed: int) -> None:
        self._task, self._random, self._asked = task, np.random.default_rng(seed), 0

    def ask(self) -> tuple[int, Params]:
        self._asked += 1
        space = self._task.space
        return self._asked - 1, space.decode(self._random.random(len(space)).tolist())

    def goes_on(self, number: int, unit: int, value: float) -> bool:
        return True

    def end(self, number: int, unit: int, value: float | None) -> None:
        pass

    def next_look(self, unit: int) -> int:
        return self._task.units


class Asha(Random):
    """Ray Tune's ASHA over random draws, as `tune.Tuner` does it by default."""

    def __init__(self, task: Task, seed: int) -> None:
        from ray.tune.schedulers import ASHAScheduler, TrialScheduler

        super().__init__(task, seed)
        # The default of max_t is 100 reports; it is to be the length of a whole training.
        self._scheduler = ASHAScheduler(
            time_attr="training_iteration", metric="value", mode="min", max_t=task.units
        )
        self._continue = TrialScheduler.CONTINUE
        self._trials: dict[int, Any] = {}

    def ask(self) -> tuple[int, Params]:
        number, params = super().ask()
        self._trials[number] = _RayTrial(str(number))
        self._scheduler.on_trial_add(None, self._trials[number])
        return number, params

    def goes_on(self, number: int, unit: int, value: float) -> bool:
        result = {"training_iteration": unit, "value": value}
        said = self._scheduler.on_trial_result(None, self._trials[number], result)
        return bool(said == self._continue)

    def end(self, number: int, unit: int, value: float | None) -> None:
        if value is not None:
            result = {"training_iteration": unit, "value": value}
            self._scheduler.on_trial_complete(None, self._trials[number], result)

    def next_look(self, unit: int) -> int:
        return _next_rung(unit, 1, 4)


@dataclass(frozen=True)
class _RayTrial:
    """What Ray's scheduler looks at in a trial."""

    trial_id: str
    evaluated_params: dict[str, Any] = field(default_factory=dict)


class Optuna:
    """An Optuna study through ask and tell.

    Args:
        task: to search.
        seed: of the sampler, and in the study's name, by which Hyperband assigns brackets.
        sampler: made of a seed.
        pruner: made of the reports of a whole training.
        factor: by which the pruner's rungs lie apart; None if it never stops a trial.
    """

    def __init__(
        self,
        task: Task,
        seed: int,
        sampler: Callable[[int], optuna.samplers.BaseSampler],
        pruner: Callable[[int], optuna.pruners.BasePruner],
        factor: int | None,
    ) -> None:
        optuna.logging.set_verbosity(logging.WARNING)
        self._task, self._factor = task, factor
        self._study = optuna.create_study(
            study_name=f"{task.name}-{seed}", sampler=sampler(seed), pruner=pruner(task.units)
        )
        self._trials: dict[int, optuna.Trial] = {}

    def ask(self) -> tuple[int, Params]:
        trial = self._study.ask()
        self._trials[trial.number] = trial
        return trial.number, suggest(trial, self._task.space)

    def goes_on(self, number: int, unit: int, value: float) -> bool:
        trial = self._trials[number]
        trial.report(value, unit)
        if not trial.should_prune():
            return True
        self._study.tell(trial, state=TrialState.PRUNED)
        return False

    def end(self, number: int, unit: int, value: float | None) -> None:
        trial = self._trials[number]
        if value is None:
            self._study.tell(trial, state=TrialState.FAIL)
            return
        trial.report(value, unit)
        self._study.tell(trial, value)

    def next_look(self, unit: int) -> int:
        return self._task.units if self._factor is None else _next_rung(unit, 1, self._factor)


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Scalar]:
    """Parameters in the space's order of conditions, each asked for only while it is active."""
    params: dict[str, Scalar] = {}
    left = list(space)
    while left:
        ready = [p for p in left if not any(c.parent in {q.name for q in left} for c in p.when)]
        for parameter in ready:
            if all(_holds(condition, params) for condition in parameter.when):
                params[parameter.name] = _suggest(trial, parameter.name, parameter.domain)
        left = [parameter for parameter in left if parameter not in ready]
    return params


def _holds(condition: Condition, params: Params) -> bool:
    return condition.parent in params and params[condition.parent] in condition.values


def _suggest(trial: optuna.Trial, name: str, domain: Domain) -> Scalar:
    if isinstance(domain, Choice):
        found: Scalar = trial.suggest_categorical(name, list(domain.options))
        return found
    if isinstance(domain, Int | Logint):
        return trial.suggest_int(name, domain.low, domain.high, log=isinstance(domain, Logint))
    return trial.suggest_float(name, domain.low, domain.high, log=isinstance(domain, Loguniform))


def _next_rung(unit: int, first: int, factor: int) -> int:
    """The least `first * factor**k` above `unit`."""
    while first <= unit:
        first *= factor
    return first


def _tpe(task: Task, seed: int) -> Peer:
    return Optuna(task, seed, _tpe_sampler, lambda _units: optuna.pruners.NopPruner(), None)


def _halving(task: Task, seed: int) -> Peer:
    # min_resource: "auto" would come to 1 as well, but only once a trial has been trained in full.
    return Optuna(
        task,
        seed,
        lambda s: optuna.samplers.RandomSampler(seed=s),
        lambda _units: optuna.pruners.SuccessiveHalvingPruner(min_resource=1),
        4,
    )


def _hyperband(task: Task, seed: int) -> Peer:
    # max_resource: "auto" would be found once a trial has been trained in full.
    return Optuna(
        task,
        seed,
        _tpe_sampler,
        lambda units: optuna.pruners.HyperbandPruner(max_resource=units),
        3,
    )


def _tpe_sampler(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.TPESampler(seed=seed)


PEERS: dict[str, Callable[[Task, int], Peer]] = {
    "random search": Random,
    "TPE (Optuna)": _tpe,
    "successive halving (Optuna)": _halving,
    "Hyperband with TPE (Optuna)": _hyperband,
    "ASHA (Ray Tune)": Asha,
}

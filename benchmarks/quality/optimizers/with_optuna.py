"""Optuna's samplers, by ask and tell on a study in memory."""

import warnings
from collections.abc import Sequence

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hpsearch.space import Choice, Int, Logint, Loguniform, Parameter, Space, Uniform, holds

from . import Optimizer, Params, Setting
from .flat import active_only
from .pending import Pending


class Study:
    """A study of one sampler.

    Args:
        space: of the task.
        sampler: any of Optuna's.
        conditional: parameters are asked for one by one, the active alone; else all at once.
    """

    def __init__(
        self, space: Space, sampler: optuna.samplers.BaseSampler, *, conditional: bool
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = space
        self._conditional = conditional
        self._distributions = distributions(space)
        self._study = optuna.create_study(sampler=sampler)
        self._pending: Pending[optuna.Trial] = Pending()

    def ask(self, count: int) -> list[Params]:
        return [self._ask() for _ in range(count)]

    def _ask(self) -> Params:
        with warnings.catch_warnings():
            # A choice of other than text, and experimental samplers: no news for a benchmark.
            warnings.simplefilter("ignore")
            if self._conditional:
                trial = self._study.ask()
                params = self._suggest(trial)
            else:
                trial = self._study.ask(self._distributions)
                params = active_only(self._space, trial.params)
        self._pending.put(params, trial)
        return params

    def _suggest(self, trial: optuna.Trial) -> Params:
        values: Params = {}
        for i in self._space.parents_first:
            parameter = self._space.parameters[i]
            if holds(parameter.when, values):
                values[parameter.name] = suggest(trial, parameter)
        return {name: values[name] for name in self._space.names if name in values}

    def tell(self, params: Sequence[Params], values: Sequence[float]) -> None:
        for told, value in zip(params, values, strict=True):
            self._study.tell(self._pending.take(told), value)


def suggest(trial: optuna.Trial, parameter: Parameter) -> float | int | str | bool | None:
    name, domain = parameter.name, parameter.domain
    if isinstance(domain, Choice):
        return trial.suggest_categorical(name, domain.options)
    if isinstance(domain, Int | Logint):
        return trial.suggest_int(name, domain.low, domain.high, log=isinstance(domain, Logint))
    return trial.suggest_float(name, domain.low, domain.high, log=isinstance(domain, Loguniform))


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space in Optuna's terms, without its conditions."""
    return {parameter.name: _distribution(parameter) for parameter in space}


def _distribution(parameter: Parameter) -> BaseDistribution:
    domain = parameter.domain
    if isinstance(domain, Choice):
        return CategoricalDistribution(domain.options)
    if isinstance(domain, Int | Logint):
        return IntDistribution(domain.low, domain.high, log=isinstance(domain, Logint))
    assert isinstance(domain, Uniform | Loguniform)
    return FloatDistribution(domain.low, domain.high, log=isinstance(domain, Loguniform))


def make(kind: str, setting: Setting) -> Optimizer:
    samplers = optuna.samplers
    seed = setting.seed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "random":
            return Study(setting.space, samplers.RandomSampler(seed=seed), conditional=True)
        if kind == "tpe":
            return Study(setting.space, samplers.TPESampler(seed=seed), conditional=True)
        flat = {
            "qmc": lambda: samplers.QMCSampler(seed=seed, scramble=True),
            "cmaes": lambda: samplers.CmaEsSampler(seed=seed),
            "gp": lambda: samplers.GPSampler(seed=seed),
        }[kind]()
    return Study(setting.space, flat, conditional=False)

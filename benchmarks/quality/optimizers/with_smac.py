"""SMAC3's facade for hyperparameters, by ask and tell.

Trials that were asked for run on in its history, and its selector hands out configurations in
blocks of eight a model, by its default. Its space has the conditions.
"""

import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ConfigSpace import (
    AndConjunction,
    Categorical,
    ConfigurationSpace,
    Float,
    InCondition,
    Integer,
)
from smac import HyperparameterOptimizationFacade, Scenario
from smac.runhistory import TrialInfo, TrialValue

from hpsearch.space import Choice, Int, Logint, Loguniform, Parameter, Space, same

from . import Optimizer, Params, Setting
from .flat import active_only
from .pending import Pending


class Facade:
    """One facade; what it writes goes to a folder that is gone with it."""

    def __init__(self, setting: Setting) -> None:
        logging.getLogger("smac").setLevel(logging.CRITICAL)
        self._space = setting.space
        self._folder = tempfile.TemporaryDirectory(prefix="smac-")
        scenario = Scenario(
            configuration_space(setting.space),
            deterministic=True,
            n_trials=setting.trials,
            seed=setting.seed,
            output_directory=Path(self._folder.name),
        )
        self._facade = HyperparameterOptimizationFacade(
            scenario, target_function=None, overwrite=True, logging_level=False
        )
        self._pending: Pending[TrialInfo] = Pending()

    def ask(self, count: int) -> list[Params]:
        made = []
        with warnings.catch_warnings():
            # Its forest would like processes, which a process of a pool may not have.
            warnings.simplefilter("ignore")
            for _ in range(count):
                info = self._facade.ask()
                params = self._params(dict(info.config))
                self._pending.put(params, info)
                made.append(params)
        return made

    def _params(self, values: dict[str, Any]) -> Params:
        plain: Params = {}
        for parameter in self._space:
            if parameter.name in values:
                value, domain = values[parameter.name], parameter.domain
                if isinstance(domain, Choice):
                    plain[parameter.name] = domain.options[int(value)]
                else:
                    is_int = isinstance(domain, Int | Logint)
                    plain[parameter.name] = int(value) if is_int else float(value)
        return active_only(self._space, plain)

    def tell(self, params: Sequence[Params], values: Sequence[float]) -> None:
        for told, value in zip(params, values, strict=True):
            self._facade.tell(self._pending.take(told), TrialValue(cost=value), save=False)


def configuration_space(space: Space) -> ConfigurationSpace:
    """The space in ConfigSpace's terms; a choice's values are its options' places."""
    made = ConfigurationSpace()
    domains = {parameter.name: parameter.domain for parameter in space}
    for parameter in space:
        made.add(_hyperparameter(parameter))
    for parameter in space:
        conditions = []
        for condition in parameter.when:
            domain, values = domains[condition.parent], list(condition.values)
            if isinstance(domain, Choice):
                values = [
                    str(i)
                    for i, option in enumerate(domain.options)
                    if any(same(option, value) for value in values)
                ]
            conditions.append(InCondition(made[parameter.name], made[condition.parent], values))
        if conditions:
            made.add(AndConjunction(*conditions) if len(conditions) > 1 else conditions[0])
    return made


def _hyperparameter(parameter: Parameter) -> Any:
    name, domain = parameter.name, parameter.domain
    if isinstance(domain, Choice):
        return Categorical(name, [str(i) for i in range(len(domain.options))])
    ends = (domain.low, domain.high)
    if isinstance(domain, Int | Logint):
        return Integer(name, ends, log=isinstance(domain, Logint))
    return Float(name, ends, log=isinstance(domain, Loguniform))


def make(kind: str, setting: Setting) -> Optimizer:
    assert kind == "hpo"
    return Facade(setting)

"""Nevergrad's optimizers, which know the number of trials and of workers beforehand."""

import warnings
from collections.abc import Sequence
from typing import Any

import nevergrad as ng
import numpy as np
from nevergrad.optimization import metamodel

from hpsearch.space import Choice, Int, Logint, Loguniform, Parameter

from . import Optimizer, Params, Setting
from .flat import active_only
from .pending import Pending

# Nevergrad 1.0.12 makes a float of an array of one number, which the NumPy of today refuses.
metamodel.float = lambda number: np.asarray(number).item()


class Registered:
    """An optimizer of its registry, by name."""

    def __init__(self, name: str, setting: Setting) -> None:
        self._space = setting.space
        parameters = ng.p.Dict(**{p.name: _parameter(p) for p in setting.space})
        parameters.random_state = np.random.RandomState(setting.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._optimizer = ng.optimizers.registry[name](
                parametrization=parameters, budget=setting.trials, num_workers=setting.workers
            )
        self._pending: Pending[Any] = Pending()

    def ask(self, count: int) -> list[Params]:
        made = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(count):
                candidate = self._optimizer.ask()
                plain = {p.name: _plain(p, candidate.value[p.name]) for p in self._space}
                params = active_only(self._space, plain)
                self._pending.put(params, candidate)
                made.append(params)
        return made

    def tell(self, params: Sequence[Params], values: Sequence[float]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for told, value in zip(params, values, strict=True):
                self._optimizer.tell(self._pending.take(told), float(value))


def _parameter(parameter: Parameter) -> Any:
    domain = parameter.domain
    if isinstance(domain, Choice):
        return ng.p.Choice(range(len(domain.options)))
    shape = ng.p.Log if isinstance(domain, Loguniform | Logint) else ng.p.Scalar
    made = shape(lower=domain.low, upper=domain.high)
    return made.set_integer_casting() if isinstance(domain, Int | Logint) else made


def _plain(parameter: Parameter, value: Any) -> Any:
    domain = parameter.domain
    if isinstance(domain, Choice):
        return domain.options[int(value)]
    # Its logarithms are rounded: an end may be just outside.
    inside = min(max(value, domain.low), domain.high)
    return int(inside) if isinstance(domain, Int | Logint) else float(inside)


def make(kind: str, setting: Setting) -> Optimizer:
    return Registered(kind, setting)

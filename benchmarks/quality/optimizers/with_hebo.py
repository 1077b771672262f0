"""HEBO, with the defaults of its class. It does not know of pending trials."""

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO

from hpsearch.space import Choice, Int, Logint, Loguniform, Parameter

from . import Optimizer, Params, Setting
from .flat import active_only
from .pending import Pending


class Suggested:
    """Suggestions in the number that is asked for."""

    def __init__(self, setting: Setting) -> None:
        self._space = setting.space
        design = DesignSpace().parse([_record(parameter) for parameter in setting.space])
        self._hebo = HEBO(design, scramble_seed=setting.seed)
        self._pending: Pending[pd.DataFrame] = Pending()

    def ask(self, count: int) -> list[Params]:
        with _quiet():
            suggested = self._hebo.suggest(n_suggestions=count)
        made = []
        for i in range(len(suggested)):
            row = suggested.iloc[[i]]
            plain = {p.name: _plain(p, row[p.name].iloc[0]) for p in self._space}
            params = active_only(self._space, plain)
            self._pending.put(params, row)
            made.append(params)
        return made

    def tell(self, params: Sequence[Params], values: Sequence[float]) -> None:
        rows = pd.concat([self._pending.take(told) for told in params], ignore_index=True)
        with _quiet():
            self._hebo.observe(rows, np.array(values, dtype=float).reshape(-1, 1))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """It prints the jitter that it adds to matrices."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _record(parameter: Parameter) -> dict[str, Any]:
    name, domain = parameter.name, parameter.domain
    if isinstance(domain, Choice):
        options = [str(i) for i in range(len(domain.options))]
        return {"name": name, "type": "cat", "categories": options}
    if isinstance(domain, Logint):
        kind = "pow_int"
    elif isinstance(domain, Int):
        kind = "int"
    else:
        kind = "pow" if isinstance(domain, Loguniform) else "num"
    return {"name": name, "type": kind, "lb": domain.low, "ub": domain.high}


def _plain(parameter: Parameter, value: Any) -> Any:
    domain = parameter.domain
    if isinstance(domain, Choice):
        return domain.options[int(value)]
    # It computes powers in single precision: an end may be just outside.
    inside = min(max(value, domain.low), domain.high)
    return round(inside) if isinstance(domain, Int | Logint) else float(inside)


def make(kind: str, setting: Setting) -> Optimizer:
    assert kind == "hebo"
    return Suggested(setting)

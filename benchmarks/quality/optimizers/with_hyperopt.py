"""hyperopt's TPE. Trials wait in its queue, as its own loop lets them with `max_queue_len`."""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from hyperopt import STATUS_OK, Trials, hp, tpe
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_RUNNING, Domain

from hpsearch.space import Choice, Int, Logint, Loguniform, Parameter, Space, same

from . import Optimizer, Params, Setting
from .flat import active_only
from .pending import Pending


class Queue:
    """A queue of hyperopt's documents."""

    def __init__(self, setting: Setting) -> None:
        logging.getLogger("hyperopt").setLevel(logging.ERROR)
        self._space = setting.space
        self._random = np.random.default_rng(setting.seed)
        self._domain = Domain(lambda values: 0.0, nested(setting.space))
        self._trials = Trials()
        self._pending: Pending[int] = Pending()

    def ask(self, count: int) -> list[Params]:
        made: list[Params] = []
        while len(made) < count:
            # After its first 20 trials it answers with one document, however many are asked for.
            numbers = self._trials.new_trial_ids(count - len(made))
            self._trials.refresh()
            seed = int(self._random.integers(2**31 - 1))
            documents = tpe.suggest(numbers, self._domain, self._trials, seed)
            for document in documents:
                document["state"] = JOB_STATE_RUNNING
                params = self._params(document)
                self._pending.put(params, document["tid"])
                made.append(params)
            self._trials.insert_trial_docs(documents)
            self._trials.refresh()
        return made

    def _params(self, document: Mapping[str, Any]) -> Params:
        labels = document["misc"]["vals"]
        given = {name: values[0] for name, values in labels.items() if values}
        values: Params = {
            parameter.name: _plain(parameter, given[parameter.name])
            for parameter in self._space
            if parameter.name in given
        }
        return active_only(self._space, values)

    def tell(self, params: Sequence[Params], values: Sequence[float]) -> None:
        documents = {document["tid"]: document for document in self._trials._dynamic_trials}
        for told, value in zip(params, values, strict=True):
            document = documents[self._pending.take(told)]
            document["state"] = JOB_STATE_DONE
            document["result"] = {"loss": float(value), "status": STATUS_OK}
        self._trials.refresh()


def nested(space: Space) -> dict[str, Any]:
    """The space in hyperopt's terms; what depends on a choice stands under its options.

    A parameter with several conditions stands under the first choice among them, and one that
    depends on an int stands alone; it is dropped while inactive.
    """
    nodes: dict[str, Any] = {}
    under: dict[str, list[tuple[Parameter, Sequence[Any]]]] = {name: [] for name in space.names}
    domains = {parameter.name: parameter.domain for parameter in space}
    top = []
    for parameter in space:
        choices = [c for c in parameter.when if isinstance(domains[c.parent], Choice)]
        if choices:
            under[choices[0].parent].append((parameter, choices[0].values))
        else:
            top.append(parameter.name)
    for i in reversed(space.parents_first):
        parameter = space.parameters[i]
        branches = None
        if isinstance(parameter.domain, Choice):
            branches = [
                {
                    child.name: nodes[child.name]
                    for child, values in under[parameter.name]
                    if any(same(option, value) for value in values)
                }
                for option in parameter.domain.options
            ]
        nodes[parameter.name] = _node(parameter, branches)
    return {name: nodes[name] for name in top}


def _node(parameter: Parameter, branches: Sequence[Mapping[str, Any]] | None) -> Any:
    name, domain = parameter.name, parameter.domain
    if branches is not None:
        return hp.choice(name, list(enumerate(branches)))
    assert not isinstance(domain, Choice)
    if isinstance(domain, Int):
        return hp.uniformint(name, domain.low, domain.high)
    if isinstance(domain, Logint):
        return hp.qloguniform(name, math.log(domain.low - 0.5), math.log(domain.high + 0.5), 1)
    if isinstance(domain, Loguniform):
        return hp.loguniform(name, math.log(domain.low), math.log(domain.high))
    return hp.uniform(name, domain.low, domain.high)


def _plain(parameter: Parameter, value: Any) -> Any:
    domain = parameter.domain
    if isinstance(domain, Choice):
        return domain.options[int(value)]
    inside = min(max(value, domain.low), domain.high)  # a rounded end may be just outside
    return round(inside) if isinstance(domain, Int | Logint) else float(inside)


def make(kind: str, setting: Setting) -> Optimizer:
    assert kind == "tpe"
    return Queue(setting)

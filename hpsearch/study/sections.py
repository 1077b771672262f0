"""The sections that pydantic checks: every section but `space`, `start`, `fixed` and the trainer.

The frozen dataclasses of `schema` are the schema: pydantic reads their fields, types, bounds and
defaults. It checks in its JSON mode, which is strict about types but takes a list for a tuple.
"""

import json
import re
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from hpsearch.study.renamed_keys import RENAMED
from hpsearch.study.schema import Budget, MlflowSettings, Objective, Search, TensorboardSettings
from hpsearch.study.source_map import Faults, KeyPath, describe_unknown, did_you_mean, dotted
from hpsearch.trial import Direction

T = TypeVar("T")

_RULES = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must be text, or be left out",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
}
_AUTO_OR_NUMBER = 'must be "auto" or a whole number of at least 1'
_FIELD_RULES = {
    "parallel": _AUTO_OR_NUMBER,
    "trials_per_group": _AUTO_OR_NUMBER,
    "structures": "must be a whole number of at least 1, or a list with one for each round",
}
_MISSING = {"steps": 'missing; say how many steps a trial trains for, as in "steps: 1000"'}
_OBJECTIVE = "must be {minimize: METRIC} or {maximize: METRIC}"
_LOGGERS: dict[str, Any] = {kind.name: kind for kind in (TensorboardSettings, MlflowSettings)}
_LOGGER_FORMS = "[tensorboard], [mlflow], or [mlflow: {uri: ..., experiment: ...}]"


def read(kind: type[T], raw: Any, path: KeyPath, faults: Faults) -> T | None:
    """The value at `path` as a dataclass or another type; None, and faults, if it is wrong."""
    try:
        value: T = _adapter(kind).validate_json(  # type: ignore[arg-type]  # a class is hashable
            json.dumps(raw), strict=True, extra="forbid"
        )
        return value
    except ValidationError as error:
        names = [field.name for field in fields(kind)] if is_dataclass(kind) else []
        for detail in error.errors(include_url=False):
            _add(detail, names, path, faults)
        return None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _add(detail: Any, names: list[str], section: KeyPath, faults: Faults) -> None:
    """Report one error of pydantic at the key that it concerns."""
    path = (*section, *detail["loc"][:1])
    name = str(path[-1])
    match detail["type"]:
        case "dataclass_type" | "unexpected_keyword_argument" if not names:
            faults.add(path, f"{section[-1]} has no settings; drop it")
        case "dataclass_type":
            faults.got(path, f"must be a mapping of {', '.join(names)}")
        case "unexpected_keyword_argument" if path in RENAMED:
            faults.add(path, f"is now called {dotted((*section, RENAMED[path]))}")
        case "unexpected_keyword_argument":
            faults.add(path, describe_unknown(name, names))
        case "missing":
            faults.add(path, _MISSING[name])
        case "literal_error" if name not in _FIELD_RULES:
            expected, value = detail["ctx"]["expected"], detail["input"]
            options = re.findall("'(.*?)'", expected)
            near = did_you_mean(value, options) if isinstance(value, str) else ""
            rule = f"must be {expected.replace(chr(39), '')}"
            faults.add(path, f"{rule}, got {faults.shown(path)}{near}")
        case kind:
            rule = _FIELD_RULES.get(name) or _RULES[kind].format(**detail.get("ctx", {}))
            faults.got(path, rule)


def search(raw: Any, faults: Faults) -> Search | None:
    """The section `search`, in which `structures: 5` is short for `structures: [5]`."""
    if isinstance(raw, dict) and type(raw.get("structures")) is int:
        raw = raw | {"structures": [raw["structures"]]}
    return read(Search, raw, ("search",), faults)


def objective(raw: Any, faults: Faults) -> Objective | None:
    path = ("objective",)
    if not isinstance(raw, dict) or len(raw) != 1:
        faults.got(path, _OBJECTIVE)
        return None
    [(direction, metric)] = raw.items()
    if direction not in list(Direction):
        faults.add((*path, direction), describe_unknown(direction, list(Direction)))
    elif not isinstance(metric, str) or not metric:
        faults.got((*path, direction), "must be the name of a metric that the trainer reports")
    elif metric.startswith("test_"):
        faults.got(
            (*path, direction), "test data must not steer the search; name a validation metric"
        )
    else:
        return Objective(metric, Direction(direction))
    return None


def loggers(raw: Any, faults: Faults) -> tuple[TensorboardSettings | MlflowSettings, ...]:
    """The loggers in the file's order; wrong ones are left out and reported."""
    if not isinstance(raw, list):
        faults.got(("loggers",), f"must be a list, as in {_LOGGER_FORMS}")
        return ()
    settings_by_name: dict[str, TensorboardSettings | MlflowSettings | None] = {}
    for i, entry in enumerate(raw):
        named = {entry: None} if isinstance(entry, str) else entry
        if not isinstance(named, dict) or len(named) != 1:
            faults.got(("loggers", i), f"must be one name, as in {_LOGGER_FORMS}")
            continue
        [(name, settings)] = named.items()
        if name not in _LOGGERS:
            faults.add(
                ("loggers", i), describe_unknown(name, list(_LOGGERS), f"unknown logger {name}")
            )
        elif name in settings_by_name:
            faults.add(("loggers", i), f"{name} is written twice; keep one")
        else:
            settings_by_name[name] = read(
                _LOGGERS[name], {} if settings is None else settings, ("loggers", i, name), faults
            )
    return tuple(settings for settings in settings_by_name.values() if settings is not None)


def check_relations(
    search: Search | None, budget: Budget | None, starts: Any, faults: Faults
) -> None:
    """Cross-section checks of numbers that are valid one by one."""
    if search is None:
        return
    trials = f"search.trials ({search.trials})"
    survivors = ("search", "survivors")
    path = survivors if faults.source_map.has(survivors) else ("search", "trials")
    if search.survivors > search.trials:
        faults.add(path, f"survivors ({search.survivors}) must be at most {trials}")
    elif search.survivors == search.trials and budget is not None and budget.growth > 1:
        message = f"survivors ({search.survivors}) must be below {trials}"
        faults.add(path, f"{message} when budget.growth is above 1, or there would be no new draws")
    if isinstance(starts, list) and len(starts) > search.trials:
        faults.add(("start",), f"{len(starts)} configurations must be at most {trials}; drop some")

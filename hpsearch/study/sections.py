"""The sections that pydantic checks: every section but `space`, `start`, `fixed` and the trainer.

The frozen dataclasses are the schema: a strict model is made of each, which knows its fields,
types, bounds and defaults.
"""

import dataclasses
from typing import Any, TypeVar, get_args, get_type_hints

import pydantic

from hpsearch.study.renamed_keys import RENAMED
from hpsearch.study.schema import Budget, Fuse, Objective, Search
from hpsearch.study.source_map import Faults, Path, did_you_mean, dotted

Section = TypeVar("Section")

_MESSAGES = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "literal_error": "must be {expected}",
}
_AUTO_OR_NUMBER = 'must be "auto" or a whole number of at least 1'
_EITHER = {
    "parallel": _AUTO_OR_NUMBER,
    "trials_per_group": _AUTO_OR_NUMBER,
    "structures": "must be a whole number of at least 1, or a list of them, one a round",
}
_MISSING = {"steps": 'missing; say how many steps a trial trains for, as in "steps: 1000"'}


def read(kind: type[Section], raw: Any, section: Path, faults: Faults) -> Section | None:
    """A section as its dataclass; None, and faults, if anything in it is wrong."""
    if not isinstance(raw, dict):
        names = ", ".join(field.name for field in dataclasses.fields(kind))  # type: ignore[arg-type]
        faults.got(section, f"must be a mapping of {names}")
        return None
    try:
        values = _model(kind).model_validate(raw).model_dump(exclude_unset=True)
    except pydantic.ValidationError as error:
        for detail in error.errors(include_url=False):
            _add(detail, section, list(_model(kind).model_fields), faults)
        return None
    return kind(**values)


def _model(kind: type[Any]) -> type[pydantic.BaseModel]:
    hints = get_type_hints(kind, include_extras=True)
    columns: dict[str, Any] = {
        field.name: (
            hints[field.name],
            ... if field.default is dataclasses.MISSING else field.default,
        )
        for field in dataclasses.fields(kind)
    }
    config = pydantic.ConfigDict(strict=True, extra="forbid")
    return pydantic.create_model(kind.__name__, __config__=config, **columns)


def _add(detail: Any, section: Path, known: list[str], faults: Faults) -> None:
    name = detail["loc"][0]
    path = (*section, name)
    match detail["type"]:
        case "extra_forbidden" if path in RENAMED:
            faults.add(path, f"is now called {dotted((*section, RENAMED[path]))}")
        case "extra_forbidden":
            faults.add(path, f"unknown (has: {', '.join(known)}){did_you_mean(name, known)}")
        case "missing":
            faults.add(path, _MISSING[name])
        case kind:
            rule = _EITHER.get(name) or _MESSAGES[kind].format(**detail.get("ctx", {}))
            faults.got(path, rule)


def objective(raw: Any, faults: Faults) -> Objective | None:
    path = ("objective",)
    cure = "{minimize: METRIC} or {maximize: METRIC}"
    if not isinstance(raw, dict) or len(raw) != 1:
        faults.got(path, f"must be {cure}")
        return None
    [(direction, metric)] = raw.items()
    if direction not in ("minimize", "maximize"):
        near = did_you_mean(direction, ["minimize", "maximize"])
        faults.add((*path, direction), f"unknown (has: minimize, maximize){near}")
    elif not isinstance(metric, str) or not metric:
        faults.got((*path, direction), "must be the name of a metric that the trainer reports")
    elif metric.startswith("test_"):
        faults.got(
            (*path, direction), "test data must not steer the search; name a validation metric"
        )
    else:
        return Objective(metric, direction)
    return None


def fuse(raw: Any, faults: Faults) -> Fuse:
    words: tuple[Fuse, ...] = get_args(Fuse)
    for word in words:
        if raw == word:
            return word
    near = did_you_mean(raw, words) if isinstance(raw, str) else ""
    *others, last = words
    faults.add(
        ("fuse",), f"must be {', '.join(others)} or {last}, got {faults.shown('fuse')}{near}"
    )
    return "auto"


def relations(search: Search | None, budget: Budget | None, starts: Any, faults: Faults) -> None:
    """What only holds between numbers that are right each by itself."""
    if search is None:
        return
    trials = f"search.trials ({search.trials})"
    where = ("search", "survivors") if faults.has("search", "survivors") else ("search", "trials")
    if search.survivors > search.trials:
        faults.add(where, f"survivors ({search.survivors}) must be at most {trials}")
    elif search.survivors == search.trials and budget is not None and budget.growth > 1:
        message = f"survivors ({search.survivors}) must be below {trials}"
        faults.add(
            where, f"{message} when budget.growth is above 1, or no place is left for new draws"
        )
    if isinstance(starts, list) and len(starts) > search.trials:
        faults.add(("start",), f"{len(starts)} configurations must be at most {trials}; drop some")

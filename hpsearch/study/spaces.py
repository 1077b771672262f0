"""The sections about parameters: `space`, and `fixed` and `start`, which must agree with it."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from hpsearch.space import (
    Choice,
    Condition,
    Domain,
    Loguniform,
    Parameter,
    Scalar,
    Space,
    Uniform,
    holds,
    same,
)
from hpsearch.study import ranges
from hpsearch.study.source_map import Faults, KeyPath, describe_unknown, did_you_mean

KINDS = ("uniform", "loguniform", "int", "logint", "choice")
Domains = Mapping[str, Domain | None]  # by parameter; None for one that is wrong
_KEYS = (*KINDS, "when", "within")


def read_domains(raw: Any, fixed: Mapping[str, Any], faults: Faults) -> Domains:
    """Each parameter's domain, without its conditions."""
    if not isinstance(raw, dict) or not raw:
        faults.got(
            ("space",), "must hold at least one parameter, as in {lr: {loguniform: [1e-5, 1e-2]}}"
        )
        return {}
    domains = {name: _domain(name, entry, faults) for name, entry in raw.items()}
    _check_names(raw, "space", faults)
    for name in raw:
        if name in fixed:
            other = faults.source_map.location(("fixed", name))
            faults.add(("space", name), f"also under fixed, at {other}; keep one")
    return domains


def read_space(raw: Any, domains: Domains, faults: Faults) -> Space | None:
    """The space; None, and faults, if anything in it is wrong."""
    conditions = {name: _conditions(name, raw[name], domains, faults) for name in domains}
    _refuse_cycles({name: [c.parent for c in conditions[name]] for name in domains}, faults)
    if not domains or faults.within(("space",)):
        return None
    return Space(
        tuple(Parameter(name, d, conditions[name]) for name, d in domains.items() if d is not None)
    )


def read_fixed(raw: Any, faults: Faults) -> dict[str, Any]:
    if not isinstance(raw, dict):
        faults.got(("fixed",), "must be a mapping of names to values, as in {data: digits}")
        return {}
    _check_names(raw, "fixed", faults)
    return raw


def _check_names(raw: Mapping[str, Any], section: str, faults: Faults) -> None:
    for name in raw:
        if not name.isidentifier():
            faults.add((section, name), "must be a name of letters, digits and _, as in Python")


def _domain(name: str, entry: Any, faults: Faults) -> Domain | None:
    path: KeyPath = ("space", name)
    if isinstance(entry, list):
        return _choice(path, entry, faults)
    if not isinstance(entry, dict):
        faults.got(
            path,
            "must be a distribution such as {uniform: [0, 1]}, or a list of choices"
            " (a constant goes under fixed)",
        )
        return None
    unknown_keys = [key for key in entry if key not in _KEYS]
    for key in unknown_keys:
        has = f"unknown distribution (has: {', '.join(KINDS)})"
        faults.add((*path, key), f"{has}{did_you_mean(key, _KEYS)}")
    kinds = [key for key in entry if key in KINDS]
    if unknown_keys:
        return None
    if len(kinds) != 1:
        faults.got(path, f"must hold exactly one of {', '.join(KINDS)}")
        return None
    [kind] = kinds
    if kind != "choice":
        return ranges.read(path, kind, entry, faults)
    if entry.get("within") is not None:
        faults.add((*path, "within"), "a choice cannot widen; name all options under choice")
    return _choice((*path, kind), entry[kind], faults)


def _choice(path: KeyPath, options: Any, faults: Faults) -> Domain | None:
    if not isinstance(options, list) or not options:
        faults.got(path, "must be a list of at least one choice")
        return None
    for i, option in enumerate(options):
        if isinstance(option, list | dict):
            faults.got((*path, i), "a choice must be text, a number, true, false or null")
        elif any(same(option, other) for other in options[:i]):
            shown = faults.shown((*path, i))
            faults.add((*path, i), f"{shown} is written twice; keep one")
    return None if faults.within(path) else Choice(tuple(options))


def _conditions(name: str, entry: Any, domains: Domains, faults: Faults) -> tuple[Condition, ...]:
    path: KeyPath = ("space", name, "when")
    if not isinstance(entry, dict) or "when" not in entry:
        return ()
    when = entry["when"]
    if not isinstance(when, dict) or not when:
        faults.got(path, "must map parameters to their values, as in {penalty: [gradient, r1]}")
        return ()
    conditions = []
    for parent, wanted in when.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        if _is_possible((*path, parent), parent, values, domains, faults):
            conditions.append(Condition(parent, tuple(values)))
    return tuple(conditions)


def _is_possible(
    path: KeyPath, parent: str, values: list[Any], domains: Domains, faults: Faults
) -> bool:
    """Whether `parent` can have the values; False, and a fault, if not."""
    domain = domains.get(parent)
    if parent not in domains:
        faults.add(path, _no_such_parameter(parent, domains))
    elif isinstance(domain, Uniform | Loguniform):
        rule = f"{parent} is continuous and never equals a value; ask for a choice or an int"
        faults.add(path, rule)
    elif not values:
        faults.got(path, f"must name at least one value of {parent}")
    elif domain is not None and not all(map(domain.contains, values)):
        shown = faults.shown(("space", parent))
        faults.got(path, f"{parent} can never have that value: it is {shown}")
    return domain is not None and not faults.within(path)


def _no_such_parameter(name: str, domains: Domains) -> str:
    return describe_unknown(name, list(domains), "no such parameter in the space")


def _refuse_cycles(parents: Mapping[str, list[str]], faults: Faults) -> None:
    remaining = dict(parents)
    while True:
        try:
            TopologicalSorter(remaining).prepare()
            return
        except CycleError as error:
            cycle = error.args[1][:0:-1]  # each parameter before its parent, the first once
        start = min(range(len(cycle)), key=lambda i: list(parents).index(cycle[i]))
        cycle = [*cycle[start:], *cycle[:start]]
        shown = " -> ".join([*cycle, cycle[0]])
        faults.add(("space", cycle[0], "when"), f"circular conditions ({shown}); drop one of them")
        remaining[cycle[0]] = []


def read_starts(
    raw: Any, domains: Domains, space: Space | None, faults: Faults
) -> tuple[Mapping[str, Scalar], ...]:
    """The configurations to start from; each may leave parameters out."""
    if not isinstance(raw, list):
        faults.got(("start",), "must be a list of configurations, as in [{lr: 1e-3}]")
        return ()
    for i, entry in enumerate(raw):
        _check_values(("start", i), entry, domains, faults)
    if space is None:
        return ()
    return tuple(_active(("start", i), entry, space, faults) for i, entry in enumerate(raw))


def _check_values(path: KeyPath, entry: Any, domains: Domains, faults: Faults) -> None:
    if not isinstance(entry, dict) or not entry:
        faults.got(path, "must be a configuration, as in {lr: 1e-3}")
        return
    for name, value in entry.items():
        domain = domains.get(name)
        if name not in domains:
            faults.add((*path, name), _no_such_parameter(name, domains))
        elif domain is not None and not domain.contains(value):
            faults.got((*path, name), f"must lie in the space, {faults.shown(('space', name))}")


def _active(path: KeyPath, entry: Any, space: Space, faults: Faults) -> Mapping[str, Scalar]:
    """The entry with parents first; a fault for each parameter that is inactive in it."""
    values: dict[str, Scalar] = {}
    if faults.within(path):
        return values
    for i in space.parents_first:
        parameter = space.parameters[i]
        if parameter.name not in entry:
            continue
        value = entry[parameter.name]
        if not holds(parameter.when, values):
            needs = " and ".join(f"{c.parent}: {_alternatives(c.values)}" for c in parameter.when)
            message = f"is inactive here; give {needs} beside it, or drop it"
            faults.add((*path, parameter.name), message)
        else:
            is_float = isinstance(parameter.domain, Uniform | Loguniform)
            values[parameter.name] = float(value) if is_float else value
    return values


def _alternatives(values: tuple[Scalar, ...]) -> str:
    yaml_words = {None: "null", True: "true", False: "false"}
    return " or ".join(
        yaml_words[v] if v is None or isinstance(v, bool) else str(v) for v in values
    )

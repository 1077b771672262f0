"""The sections about parameters: `space`, and `fixed` and `start`, which must agree with it."""

from collections.abc import Mapping
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
from hpsearch.study.source_map import Faults, Path, did_you_mean

KINDS = ("uniform", "loguniform", "int", "logint", "choice")
_KEYS = (*KINDS, "when", "within")


def domains(raw: Any, fixed: Mapping[str, Any], faults: Faults) -> dict[str, Domain | None]:
    """Each parameter's domain; None, and faults, for one that is wrong."""
    if not isinstance(raw, dict) or not raw:
        faults.got(
            ("space",), "must hold at least one parameter, as in {lr: {loguniform: [1e-5, 1e-2]}}"
        )
        return {}
    found = {name: _domain(name, entry, faults) for name, entry in raw.items()}
    _names(raw, "space", faults)
    for name in raw:
        if name in fixed:
            also = faults.place("fixed", name)
            faults.add(("space", name), f"also under fixed, at {also}; keep one")
    return found


def read(raw: Any, domains: Mapping[str, Domain | None], faults: Faults) -> Space | None:
    """The space; None, and faults, if anything in it is wrong."""
    parameters = [
        (name, domain, _conditions(name, raw[name], domains, faults))
        for name, domain in domains.items()
    ]
    _refuse_cycles({name: [c.parent for c in when] for name, _, when in parameters}, faults)
    if not parameters or faults.within("space"):
        return None
    return Space(tuple(Parameter(name, d, when) for name, d, when in parameters if d is not None))


def fixed(raw: Any, faults: Faults) -> dict[str, Any]:
    """The values that every trial shares."""
    if not isinstance(raw, dict):
        faults.got(("fixed",), "must be a mapping of names to values, as in {data: digits}")
        return {}
    _names(raw, "fixed", faults)
    return raw


def _names(raw: Mapping[str, Any], section: str, faults: Faults) -> None:
    for name in raw:
        if not name.isidentifier():
            faults.add((section, name), "must be a name of letters, digits and _, as in Python")


def _domain(name: str, entry: Any, faults: Faults) -> Domain | None:
    path: Path = ("space", name)
    if isinstance(entry, list):
        return _choice(path, entry, faults)
    if not isinstance(entry, dict):
        faults.got(
            path,
            "must be a distribution such as {uniform: [0, 1]}, or a list of choices"
            " (a constant goes under fixed)",
        )
        return None
    unknown = [key for key in entry if key not in _KEYS]
    for key in unknown:
        near = did_you_mean(key, _KEYS)
        faults.add((*path, key), f"unknown distribution (has: {', '.join(KINDS)}){near}")
    kinds = [key for key in entry if key in KINDS]
    if unknown:
        return None
    if len(kinds) != 1:
        faults.got(path, f"must hold exactly one of {', '.join(KINDS)}")
        return None
    [kind] = kinds
    if kind != "choice":
        return ranges.read(path, kind, entry, faults)
    if entry.get("within") is not None:
        faults.add((*path, "within"), "a choice is never left; name all options under choice")
    return _choice((*path, kind), entry[kind], faults)


def _choice(path: Path, options: Any, faults: Faults) -> Domain | None:
    if not isinstance(options, list) or not options:
        faults.got(path, "must be a list of at least one choice")
        return None
    sound = True
    for i, option in enumerate(options):
        if isinstance(option, list | dict):
            faults.got((*path, i), "a choice must be text, a number, true, false or null")
            sound = False
        elif any(
            same(option, other) for other in options[:i] if not isinstance(other, list | dict)
        ):
            faults.add((*path, i), f"{faults.shown(*path, i)} is there twice; keep one")
            sound = False
    return Choice(tuple(options)) if sound else None


def _conditions(
    name: str, entry: Any, domains: Mapping[str, Domain | None], faults: Faults
) -> tuple[Condition, ...]:
    path: Path = ("space", name, "when")
    if not isinstance(entry, dict) or "when" not in entry:
        return ()
    when = entry["when"]
    if not isinstance(when, dict) or not when:
        faults.got(path, "must map parameters to their values, as in {penalty: [gradient, r1]}")
        return ()
    conditions = []
    for parent, wanted in when.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        if _can_hold((*path, parent), values, domains, faults):
            conditions.append(Condition(parent, tuple(values)))
    return tuple(conditions)


def _can_hold(
    path: Path, values: list[Any], domains: Mapping[str, Domain | None], faults: Faults
) -> bool:
    parent = str(path[-1])
    if parent not in domains:
        has = f"(has: {', '.join(domains)})"
        faults.add(path, f"no such parameter in the space {has}{did_you_mean(parent, domains)}")
        return False
    domain = domains[parent]
    if domain is None:
        return False
    if isinstance(domain, Uniform | Loguniform):
        faults.add(
            path, f"{parent} is continuous and never equals a value; ask for a choice or an int"
        )
        return False
    if not values:
        faults.got(path, f"must name at least one value of {parent}")
    for value in values:
        if isinstance(value, list | dict) or not domain.contains(value):
            can = faults.shown("space", parent)
            faults.got(path, f"{parent} can never be that: it is {can}")
    return bool(values)


def _refuse_cycles(parents: Mapping[str, list[str]], faults: Faults) -> None:
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> None:
        if name in trail:
            cycle = " -> ".join([*trail[trail.index(name) :], name])
            first = next(n for n in parents if n in trail[trail.index(name) :])
            faults.add(
                ("space", first, "when"), f"conditions in a circle ({cycle}); drop one of them"
            )
        elif name not in done:
            for parent in parents.get(name, ()):
                visit(parent, [*trail, name])
            done.add(name)

    for name in parents:
        visit(name, [])


def starts(
    raw: Any, domains: Mapping[str, Domain | None], space: Space | None, faults: Faults
) -> tuple[Mapping[str, Scalar], ...]:
    """The configurations to start from; each may leave parameters out."""
    if not isinstance(raw, list):
        faults.got(("start",), "must be a list of configurations, as in [{lr: 1e-3}]")
        return ()
    for i, entry in enumerate(raw):
        _in_domains(("start", i), entry, domains, faults)
    if space is None:
        return ()
    return tuple(_active(("start", i), entry, space, faults) for i, entry in enumerate(raw))


def _in_domains(
    path: Path, entry: Any, domains: Mapping[str, Domain | None], faults: Faults
) -> None:
    if not isinstance(entry, dict) or not entry:
        faults.got(path, "must be a configuration, as in {lr: 1e-3}")
        return
    for name, value in entry.items():
        if name not in domains:
            has = f"(has: {', '.join(domains)})"
            message = f"no such parameter in the space {has}{did_you_mean(name, domains)}"
            faults.add((*path, name), message)
            continue
        domain = domains[name]
        if domain is not None and (isinstance(value, list | dict) or not domain.contains(value)):
            faults.got((*path, name), f"must lie in the space, {faults.shown('space', name)}")


def _active(path: Path, entry: Any, space: Space, faults: Faults) -> Mapping[str, Scalar]:
    values: dict[str, Scalar] = {}
    if faults.within(*path):
        return values
    for i in space.parents_first:
        parameter = space.parameters[i]
        if parameter.name not in entry:
            continue
        value = entry[parameter.name]
        if not holds(parameter.when, values):
            faults.add((*path, parameter.name), _inactive(parameter))
        elif isinstance(parameter.domain, Uniform | Loguniform):
            values[parameter.name] = float(value)
        else:
            values[parameter.name] = value
    return values


def _inactive(parameter: Parameter) -> str:
    needs = " and ".join(f"{c.parent}: {_listed(c.values)}" for c in parameter.when)
    return f"is inactive here; give {needs} beside it, or drop it"


def _listed(values: tuple[Scalar, ...]) -> str:
    return " or ".join(
        "null" if v is None else str(v).lower() if v is True or v is False else str(v)
        for v in values
    )

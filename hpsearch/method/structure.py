"""Which trials can train in one loop.

A trainer names the hyperparameters in which the trials of a fused group must agree: its structure.
The trials of a group have one `Shape`, a function of a trial and its study alone, so that a trial's
numbers do not depend on the other members of its group. Everything here is pure and free of torch.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from hpsearch.method.padding import padded_size, padded_sizes
from hpsearch.space import Choice, Domain, Int, Logint, Parameter, Scalar, Space, is_number, same


@dataclass(frozen=True)
class Padded:
    """A whole-number hyperparameter that only sizes tensors, such as a width.

    Trials of different values share a group; their tensors are padded with zeros to one of a few
    sizes, which depend on the study's space and not on the group's members. Padding is exact if
    units with zero weights have no effect, which does not hold for a mean over units (LayerNorm).
    """

    name: str
    sizes: int = 2  # how many, evenly spaced on the parameter's scale; the last is its upper bound


@dataclass(frozen=True)
class Alike:
    """Choices of a hyperparameter that need no different structure, as `HP.pick` handles them.

    Trials with any of `choices` share a group; each other choice is a structure of its own.
    """

    name: str
    choices: tuple[str, ...]


Structure = tuple[str | Padded | Alike, ...]


@dataclass(frozen=True)
class Shape:
    """What the trials of a fused group have in common.

    Attributes:
        values: the structural hyperparameters' values; the group's size for a padded one.
        varying: the other hyperparameters that the study searches: None for a number, else the
            choices that a trial of the group may have. A choice among numbers is a number.
    """

    values: Mapping[str, Scalar]
    varying: Mapping[str, tuple[Scalar, ...] | None]

    @cached_property
    def key(self) -> str:
        """Equal for equal shapes; unlike `==`, it distinguishes 1, True and 1.0."""
        return json.dumps(asdict(self), sort_keys=True)

    def to_record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self.key)
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Shape":
        varying = {
            name: None if choices is None else tuple(choices)
            for name, choices in record["varying"].items()
        }
        return cls(dict(record["values"]), varying)


def structure_from_record(record: Iterable[Any]) -> Structure:
    """A structure that was written as JSON, its dataclasses as mappings."""
    return tuple(
        entry
        if isinstance(entry, str)
        else Padded(entry["name"], entry["sizes"])
        if "sizes" in entry
        else Alike(entry["name"], tuple(entry["choices"]))
        for entry in record
    )


def entry_name(entry: str | Padded | Alike) -> str:
    return entry if isinstance(entry, str) else entry.name


def shape_of(
    params: Mapping[str, Scalar],
    fixed: Mapping[str, Any],
    defaults: Mapping[str, Any],
    structure: Structure,
    space: Space,
) -> Shape:
    """The shape of the groups that a trial with these active parameters can train in.

    Defaults that JSON cannot hold may be absent.
    """
    known = {**defaults, **fixed, **params}
    parts = {entry_name(entry): entry for entry in structure}
    searched = {parameter.name: parameter for parameter in space}
    values: dict[str, Scalar] = {}
    varying: dict[str, tuple[Scalar, ...] | None] = {}
    for name in [*searched, *(name for name in parts if name not in searched)]:
        if name not in known or not isinstance(known[name], Scalar):
            continue  # it is the same for all trials that do not search it
        value, parameter, part = known[name], searched.get(name), parts.get(name)
        if parameter is not None and _may_vary(value, parameter, part):
            varying[name] = _possible(parameter, defaults.get(name), part)
        elif isinstance(part, Padded) and parameter is not None:
            values[name] = padded_size(value, padded_sizes(parameter.domain, part.sizes))
        else:
            values[name] = value
    return Shape(values, varying)


def _may_vary(value: Scalar, parameter: Parameter, part: str | Padded | Alike | None) -> bool:
    """Whether other members of the trial's group may have another value."""
    if isinstance(part, Alike):
        return value in part.choices
    # An inactive number may have a default that is no number, which a tensor cannot hold.
    return part is None and (not _is_numeric(parameter.domain) or is_number(value))


def _possible(
    parameter: Parameter, default: Any, part: str | Padded | Alike | None
) -> tuple[Scalar, ...] | None:
    domain = parameter.domain
    if _is_numeric(domain):
        return None
    assert isinstance(domain, Choice), domain
    options = list(domain.options)
    if parameter.when and isinstance(default, Scalar) and not domain.contains(default):
        options.append(default)  # its value while it is inactive
    return tuple(o for o in options if not isinstance(part, Alike) or o in part.choices)


def _is_numeric(domain: Domain) -> bool:
    return not isinstance(domain, Choice) or all(map(is_number, domain.options))


def structure_faults(structure: Iterable[Any], defaults: Mapping[str, Any]) -> list[str]:
    """The errors of a trainer's structure, one sentence each."""
    faults: list[str] = []
    seen: set[str] = set()
    for entry in structure:
        if not isinstance(entry, str | Padded | Alike):
            faults.append(f"{entry!r} must be a name, Padded(name) or Alike(name, choices)")
            continue
        name = entry_name(entry)
        if name not in defaults:
            faults.append(f"{name!r} is not among the defaults (has: {', '.join(defaults)})")
        elif name in seen:
            faults.append(f"{name!r} is listed twice")
        elif isinstance(entry, Padded):
            faults += _padding_faults(entry, defaults[name])
        elif isinstance(entry, Alike) and (isinstance(entry.choices, str) or not entry.choices):
            faults.append(f"Alike({name!r}): choices must be a non-empty tuple of choices")
        seen.add(name)
    return faults


def _padding_faults(entry: Padded, default: Any) -> list[str]:
    faults = []
    if not (isinstance(default, int) and not isinstance(default, bool)):
        faults.append(f"Padded({entry.name!r}): only whole numbers can be padded, not {default!r}")
    if not isinstance(entry.sizes, int) or entry.sizes < 1:
        faults.append(f"Padded({entry.name!r}): sizes must be at least 1, not {entry.sizes!r}")
    return faults


def structure_space_faults(structure: Structure, space: Space) -> dict[str, str]:
    """Parameters of a study's space that do not fit the structure, each with the reason."""
    domains = {parameter.name: parameter.domain for parameter in space}
    faults: dict[str, str] = {}
    for entry in structure:
        domain = domains.get(entry_name(entry))
        if domain is None or isinstance(entry, str):
            continue
        if isinstance(entry, Padded) and not _is_whole(domain):
            faults[entry.name] = (
                "the trainer pads it, so it must be of whole numbers: int, logint or a list of them"
            )
        if isinstance(entry, Alike) and not _has_any(domain, entry.choices):
            has = ", ".join(entry.choices)
            faults[entry.name] = f"must have one of the trainer's choices (has: {has})"
    return faults


def _is_whole(domain: Domain) -> bool:
    if isinstance(domain, Choice):
        return all(isinstance(o, int) and not isinstance(o, bool) for o in domain.options)
    return isinstance(domain, Int | Logint)


def _has_any(domain: Domain, choices: Sequence[str]) -> bool:
    options = domain.options if isinstance(domain, Choice) else ()
    return any(same(option, choice) for option in options for choice in choices)

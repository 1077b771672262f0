"""Trials of a round that share a structure, as `search: {structures: N}` asks.

A space with depth, width and batch size as parameters makes nearly as many structures as draws, and
trials of unlike structures cannot train in one loop. So N of a round's structures lead, each in a
block of trials: a follower takes its leader's coordinate of every structural parameter and keeps
its own of all others. Where the trainer pads a parameter, or takes some choices as alike, a
follower keeps its own place within its leader's class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.method.padding import padded_size, padded_sizes
from hpsearch.method.structure import Padded, Structure, entry_name
from hpsearch.space import Choice, Int, Logint, Parameter, Scalar, Space

Point = tuple[float, ...]
Intervals = list[tuple[float, float]]


@dataclass(frozen=True)
class Blocks:
    """How a round's trials share structures.

    Attributes:
        count: of structures; 0 leaves every draw its own.
        shared: what the trials of a block have in common, from `shared_structure`.
    """

    count: int = 0
    shared: Structure = ()

    def __bool__(self) -> bool:
        return self.count > 0 and len(self.shared) > 0


NO_BLOCKS = Blocks()


def shared_structure(structure: Structure, space: Space, defaults: Mapping[str, Any]) -> Structure:
    """The part of a trainer's structure that a study searches, and what decides on it.

    Trials of which one lacks a structural parameter have unlike structures, so the parameters on
    which its existence depends are shared as they are. So it is with a number whose default is
    none: see `groups.shape_of`.
    """
    entries = {entry_name(entry): entry for entry in structure}
    parameters = {parameter.name: parameter for parameter in space}
    exact: list[str] = []
    for parameter in space:
        domain, default = parameter.domain, defaults.get(parameter.name)
        is_number = not isinstance(domain, Choice)
        lacks_number = is_number and not isinstance(default, int | float)
        if parameter.name in entries or lacks_number:
            exact += _ancestors(parameter, parameters)
    found: list[Any] = []
    for parameter in space:
        if parameter.name in exact:
            found.append(parameter.name)
        elif parameter.name in entries:
            found.append(entries[parameter.name])
    return tuple(found)


def _ancestors(parameter: Parameter, parameters: Mapping[str, Parameter]) -> list[str]:
    found: list[str] = []
    for condition in parameter.when:
        found += [condition.parent, *_ancestors(parameters[condition.parent], parameters)]
    return found


def signature(space: Space, shared: Structure, point: Sequence[float]) -> tuple[Any, ...]:
    """Equal for points of one structure."""
    values = space.decode(point)
    found: list[Any] = []
    for entry in shared:
        name = entry_name(entry)
        parameter = space.parameters[space.names.index(name)]
        # The type tells True from 1.
        found.append(
            (type(values[name]), _class_of(entry, parameter, values[name]))
            if name in values
            else None
        )
    return tuple(found)


def led_by(
    space: Space, blocks: Blocks, survivors: Sequence[Point], kept: int, drawn: Sequence[Point]
) -> list[int]:
    """Whose structure each draw of a round from 1 on takes.

    The best survivor's structure leads one block, if there are several. Each other block is led by
    the first draw of a structure that does not lead yet. All other draws join the block that then
    has fewest trials.

    Args:
        space: of the study.
        blocks: of the round.
        survivors: their points, best first.
        kept: so many of them train on in this round.
        drawn: the draws as they would be by themselves.

    Returns:
        For each draw an index into `[*survivors, *drawn]`; its own if it leads.
    """
    keys = [signature(space, blocks.shared, point) for point in (*survivors, *drawn)]
    first, end = len(survivors), len(keys)
    leaders = [0] if blocks.count > 1 else []
    for i in range(first, end):
        if len(leaders) < blocks.count and keys[i] not in [keys[leader] for leader in leaders]:
            leaders.append(i)
    sizes = {leader: keys[:kept].count(keys[leader]) + (leader >= first) for leader in leaders}
    found = []
    for i in range(first, end):
        leader = i if i in sizes else min(sizes, key=lambda leader: sizes[leader])
        sizes[leader] += leader != i
        found.append(leader)
    return found


def follow(space: Space, shared: Structure, point: Sequence[float], lead: Sequence[float]) -> Point:
    """`point` with the structure of `lead`."""
    moved = list(point)
    for entry in shared:
        j = space.names.index(entry_name(entry))
        if isinstance(entry, str):
            moved[j] = lead[j]
        else:
            moved[j] = _within(entry, space.parameters[j], point[j], lead[j])
    return tuple(moved)


def _within(entry: Any, parameter: Parameter, u: float, lead: float) -> float:
    """`u` itself if it is of the class of `lead`, else the like place in that class."""
    domain = parameter.domain
    own = _class_of(entry, parameter, domain.decode(u))
    wanted = _class_of(entry, parameter, domain.decode(lead))
    if own == wanted:
        return u
    place = _place(_intervals(entry, parameter, own), u)
    least, most = domain.limits
    there = _at(_intervals(entry, parameter, wanted), 1e-9 + (1 - 2e-9) * place)
    there = min(max(there, least), most)
    # On the edge between two classes rounding may tell otherwise all the same.
    return there if _class_of(entry, parameter, domain.decode(there)) == wanted else lead


def _class_of(entry: Any, parameter: Parameter, value: Scalar) -> Any:
    """What values that share a group have in common."""
    if isinstance(entry, str):
        return value
    if isinstance(entry, Padded):
        return padded_size(value, padded_sizes(parameter.domain, entry.sizes))
    return entry.choices if value in entry.choices else value


def _intervals(entry: Any, parameter: Parameter, of: Any) -> Intervals:
    """Where in its limits the values of a class lie."""
    domain = parameter.domain
    if isinstance(domain, Choice):
        n = len(domain.options)
        return [
            (k / n, (k + 1) / n)
            for k, option in enumerate(domain.options)
            if _class_of(entry, parameter, option) == of
        ]
    assert isinstance(domain, Int | Logint), domain
    below = [size for size in padded_sizes(domain, entry.sizes) if size < of]
    low, high = domain.encode(below[-1] + 1 if below else domain.ends[0]), domain.encode(of)
    return [(low - domain.half_step(low), high + domain.half_step(high))]


def class_interval(entry: Padded, parameter: Parameter, u: float) -> tuple[float, float]:
    """From where to where the coordinates lie that share a size with `u`; of a whole number."""
    [interval] = _intervals(
        entry, parameter, _class_of(entry, parameter, parameter.domain.decode(u))
    )
    return interval


def _place(intervals: Intervals, u: float) -> float:
    """How much of the intervals lies below `u`, from 0 to 1."""
    total = sum(high - low for low, high in intervals)
    return sum(min(max(u - low, 0.0), high - low) for low, high in intervals) / total


def _at(intervals: Intervals, place: float) -> float:
    """The point below which such a share of the intervals lies."""
    left = place * sum(high - low for low, high in intervals)
    for low, high in intervals:
        if left <= high - low:
            return low + left
        left -= high - low
    return intervals[-1][1]

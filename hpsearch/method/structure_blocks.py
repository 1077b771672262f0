"""Trials of a round that share a structure, as `search: {structures: N}` asks.

In a space with depth, width and batch size nearly every draw has a structure of its own, and trials
of different structures cannot train in one loop. So N draws of a round are leaders, each of one
block of trials: a follower takes its leader's coordinate of every structural parameter and keeps
its own of all others. If the trainer pads a parameter, or treats some choices as alike, a follower
keeps its own position within its leader's class.
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
        count: number of structures; 0 leaves every draw its own.
        shared: the structure that the trials of a block have in common, from `shared_structure`.
    """

    count: int = 0
    shared: Structure = ()

    def __bool__(self) -> bool:
        return self.count > 0 and len(self.shared) > 0


NO_BLOCKS = Blocks()


def shared_structure(structure: Structure, space: Space, defaults: Mapping[str, Any]) -> Structure:
    """The part of a trainer's structure that a study searches, and the ancestors of its parameters.

    Two trials of which only one has a structural parameter have different structures, so the
    parameters that it depends on are shared exactly. The same holds for a number without a numeric
    default: see `structure.shape_of`.
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
    shared: list[Any] = []
    for parameter in space:
        if parameter.name in exact:
            shared.append(parameter.name)
        elif parameter.name in entries:
            shared.append(entries[parameter.name])
    return tuple(shared)


def _ancestors(parameter: Parameter, parameters: Mapping[str, Parameter]) -> list[str]:
    names: list[str] = []
    for condition in parameter.when:
        names += [condition.parent, *_ancestors(parameters[condition.parent], parameters)]
    return names


def signature(space: Space, shared: Structure, point: Sequence[float]) -> tuple[Any, ...]:
    """A key that is equal for points of equal structure."""
    values = space.decode(point)
    parts: list[Any] = []
    for entry in shared:
        name = entry_name(entry)
        parameter = space.parameters[space.names.index(name)]
        # The type distinguishes True from 1.
        parts.append(
            (type(values[name]), _class_of(entry, parameter, values[name]))
            if name in values
            else None
        )
    return tuple(parts)


def assign_leaders(
    space: Space, blocks: Blocks, survivors: Sequence[Point], continued: int, draws: Sequence[Point]
) -> list[int]:
    """The leader of each draw of a round from 1 on.

    The best survivor leads one block, if there are several. Each other block is led by the first
    draw whose structure no leader has yet. Each other draw joins the block that has the fewest
    trials so far.

    Args:
        survivors: the survivors' points, best first.
        continued: the number of survivors that train on in this round.
        draws: the draws' points, each with a structure of its own.

    Returns:
        For each draw an index into `[*survivors, *draws]`; its own if it is a leader.
    """
    keys = [signature(space, blocks.shared, point) for point in (*survivors, *draws)]
    first, end = len(survivors), len(keys)
    leaders = [0] if blocks.count > 1 else []
    for i in range(first, end):
        if len(leaders) < blocks.count and keys[i] not in [keys[leader] for leader in leaders]:
            leaders.append(i)
    sizes = {leader: keys[:continued].count(keys[leader]) + (leader >= first) for leader in leaders}
    assigned = []
    for i in range(first, end):
        leader = i if i in sizes else min(sizes, key=lambda leader: sizes[leader])
        sizes[leader] += leader != i
        assigned.append(leader)
    return assigned


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
    """`u` itself if it is in the class of `lead`, else the same relative position in that class."""
    domain = parameter.domain
    own = _class_of(entry, parameter, domain.decode(u))
    wanted = _class_of(entry, parameter, domain.decode(lead))
    if own == wanted:
        return u
    share = _share_below(_intervals(entry, parameter, own), u)
    least, most = domain.limits
    moved = _quantile(_intervals(entry, parameter, wanted), 1e-9 + (1 - 2e-9) * share)
    moved = min(max(moved, least), most)
    # At the edge of a class rounding can still put it into the next one.
    return moved if _class_of(entry, parameter, domain.decode(moved)) == wanted else lead


def _class_of(entry: Any, parameter: Parameter, value: Scalar) -> Any:
    """A key that is equal for values that can share a group."""
    if isinstance(entry, str):
        return value
    if isinstance(entry, Padded):
        return padded_size(value, padded_sizes(parameter.domain, entry.sizes))
    return entry.choices if value in entry.choices else value


def _intervals(entry: Any, parameter: Parameter, class_: Any) -> Intervals:
    """The coordinates of a class's values, as intervals."""
    domain = parameter.domain
    if isinstance(domain, Choice):
        n = len(domain.options)
        return [
            (k / n, (k + 1) / n)
            for k, option in enumerate(domain.options)
            if _class_of(entry, parameter, option) == class_
        ]
    assert isinstance(domain, Int | Logint), domain
    below = [size for size in padded_sizes(domain, entry.sizes) if size < class_]
    low, high = domain.encode(below[-1] + 1 if below else domain.ends[0]), domain.encode(class_)
    return [(low - domain.half_step(low), high + domain.half_step(high))]


def class_interval(entry: Padded, parameter: Parameter, u: float) -> tuple[float, float]:
    """The interval of the coordinates that are padded to the same size as `u`."""
    [interval] = _intervals(
        entry, parameter, _class_of(entry, parameter, parameter.domain.decode(u))
    )
    return interval


def _share_below(intervals: Intervals, u: float) -> float:
    """The share of the intervals' length that lies below `u`, from 0 to 1."""
    total = sum(high - low for low, high in intervals)
    return sum(min(max(u - low, 0.0), high - low) for low, high in intervals) / total


def _quantile(intervals: Intervals, share: float) -> float:
    """The inverse of `_share_below`."""
    left = share * sum(high - low for low, high in intervals)
    for low, high in intervals:
        if left <= high - low:
            return low + left
        left -= high - low
    return intervals[-1][1]

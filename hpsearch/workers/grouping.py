"""Trials into groups that train in one loop, and what a fused step costs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from hpsearch.method import Shape

SMALLEST = 4  # members that a group keeps when it is cut only to give another place work


def plan_groups(shapes: Mapping[int, Shape], *, places: int, largest: int) -> list[tuple[int, ...]]:
    """Trials into groups of one shape each, the largest groups first.

    Trials of a shape are cut evenly into groups of at most `largest`, and into more while places
    would be without work and no group falls below `SMALLEST`. The order of `shapes` does not
    matter.

    Args:
        shapes: of each trial, by its number.
        places: where groups can train at a time.
        largest: members that a group may have.
    """
    buckets: dict[str, list[int]] = {}
    for number in sorted(shapes):
        buckets.setdefault(shapes[number].key, []).append(number)
    sizes = {key: len(numbers) for key, numbers in buckets.items()}
    parts = {key: math.ceil(size / largest) for key, size in sizes.items()}
    while sum(parts.values()) < places:
        able = [key for key in parts if sizes[key] // (parts[key] + 1) >= SMALLEST]
        if not able:
            break
        widest = max(able, key=lambda key: sizes[key] / parts[key])  # the first of equals
        parts[widest] += 1
    groups = [group for key, numbers in buckets.items() for group in _cut(numbers, parts[key])]
    return sorted(groups, key=len, reverse=True)


def _cut(numbers: Sequence[int], parts: int) -> list[tuple[int, ...]]:
    """Consecutive pieces whose lengths differ by one at most, longer ones first."""
    length, longer = divmod(len(numbers), parts)
    ends = [0]
    for i in range(parts):
        ends.append(ends[-1] + length + (i < longer))
    return [tuple(numbers[a:b]) for a, b in pairwise(ends)]


def fused_step_cost(members: int) -> float:
    """What a fused step on a CPU takes, in lone trials' steps.

    A line through what was measured for an MLP 64-128-10 at batches of 32 and 2 to 100 members
    (benchmarks/results/fusion.md). Larger networks gain less.
    """
    return 0.7 + 0.19 * members


def mean_group_size(sizes: Iterable[int]) -> float:
    """The size of the group that the average trial finds itself in."""
    found = list(sizes)
    return sum(n * n for n in found) / sum(found) if found else 0.0

"""Forms groups of trials that train in one loop, and estimates the cost of a fused step."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from hpsearch.method import Shape

SMALLEST = 4  # members of a group that is split only to keep another device slot busy


def plan_groups(shapes: Mapping[int, Shape], *, slots: int, largest: int) -> list[tuple[int, ...]]:
    """Form groups of trials of equal shape, the largest groups first.

    Trials of a shape are split evenly into groups of at most `largest`, and into more groups while
    device slots would be idle and no group falls below `SMALLEST`. The order of `shapes` does not
    matter.
    """
    buckets: dict[str, list[int]] = {}
    for number in sorted(shapes):
        buckets.setdefault(shapes[number].key, []).append(number)
    sizes = {key: len(numbers) for key, numbers in buckets.items()}
    parts = {key: math.ceil(size / largest) for key, size in sizes.items()}
    while sum(parts.values()) < slots:
        splittable = [key for key in parts if sizes[key] // (parts[key] + 1) >= SMALLEST]
        if not splittable:
            break
        widest = max(splittable, key=lambda key: sizes[key] / parts[key])  # the first of equals
        parts[widest] += 1
    groups = [group for key, numbers in buckets.items() for group in _split(numbers, parts[key])]
    return sorted(groups, key=len, reverse=True)


def _split(numbers: Sequence[int], parts: int) -> list[tuple[int, ...]]:
    """Consecutive pieces whose lengths differ by at most one, longer ones first."""
    length, longer = divmod(len(numbers), parts)
    ends = [0]
    for i in range(parts):
        ends.append(ends[-1] + length + (i < longer))
    return [tuple(numbers[a:b]) for a, b in pairwise(ends)]


def fused_step_cost(members: int) -> float:
    """Duration of a fused step of `members` trials on a CPU, in steps of a lone trial.

    A line through measurements of an MLP 64-128-10 at batch size 32 with 2 to 100 members
    (benchmarks/results/fusion.md). Larger networks gain less from fusion.
    """
    return 0.7 + 0.19 * members


def mean_group_size(sizes: Iterable[int]) -> float:
    """Mean group size over trials, so a group counts once per member; 0 without groups."""
    sizes = list(sizes)
    return sum(size * size for size in sizes) / sum(sizes) if sizes else 0.0

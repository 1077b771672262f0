"""Intervals of a parameter's coordinate: bins, buckets of values, and their overlaps."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpsearch.space import Choice, Domain, Int, Logint, Scalar

BINS = 64  # over the range of a number; fewer for ints of few values
_NEAR = 2.0  # distance from an end, in ranges, up to which bins are as fine as inside
_MIN_LENGTH = 1e-9  # in ranges; below it there are no bins beyond an end

Interval = tuple[float, float]
Intervals = tuple[Interval, ...]


def bin_edges(domain: Domain) -> tuple[float, ...]:
    """The edges of a parameter's bins, ascending, over its whole limits.

    The ends of a number's range are always edges. Beyond an end, up to _NEAR, the bins are as wide
    as inside and even in number; two more bins cover the rest.
    """
    if isinstance(domain, Choice):
        return tuple((np.arange(len(domain.options) + 1) / len(domain.options)).tolist())
    if isinstance(domain, Int | Logint) and domain.ends[1] - domain.ends[0] < BINS:
        whole = range(domain.ends[0], domain.ends[1] + 1)
        return (*(bucket(domain, k)[0] for k in whole), domain.limits[1])
    least, most = domain.limits
    below = [-far for far in reversed(_beyond(-least))]
    above = [1 + far for far in _beyond(most - 1)]
    return (*below, *np.linspace(0, 1, BINS + 1).tolist(), *above)


def _beyond(length: float) -> list[float]:
    """Distances of the bins' edges from an end outwards; an even number of them."""
    if length <= _MIN_LENGTH:
        return []
    near = min(length, _NEAR)
    edges = np.linspace(0, near, 2 * int(np.ceil(near * BINS / 2)) + 1)[1:].tolist()
    return edges if length == near else [*edges, (near + length) / 2, length]


def bucket(domain: Domain, value: Scalar) -> Interval:
    """The interval of the coordinates that decode to an option or a whole number."""
    centre = domain.encode(value)
    assert isinstance(domain, Choice | Int | Logint), "a float has no bucket"
    half = 0.5 / len(domain.options) if isinstance(domain, Choice) else domain.half_step(centre)
    least, most = domain.limits
    return max(least, centre - half), min(most, centre + half)


def overlaps(source: Interval, intervals: Sequence[Interval]) -> NDArray[np.float64]:
    """The share of the source that lies in each interval; 0 or 1 if the source is a point."""
    low, high = source
    if low == high:
        ends = [b for _, b in intervals]
        return np.array([float(a <= low < b or (low == b == max(ends))) for a, b in intervals])
    shared = [max(0.0, min(high, b) - max(low, a)) for a, b in intervals]
    return np.array(shared) / (high - low)

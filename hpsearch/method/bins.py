"""Intervals of a parameter's coordinate: its bins, its values' buckets, and what lies in them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpsearch.space import Choice, Domain, Int, Logint, Scalar

BINS = 64  # over the range of a number; fewer for ints of few values
_NEAR = 2.0  # ranges beyond an end that have bins as fine as those within
_NOTHING = 1e-9  # so few ranges beyond an end are no bin

Interval = tuple[float, float]
Intervals = tuple[Interval, ...]


def bin_edges(domain: Domain) -> tuple[float, ...]:
    """Bins in which a parameter is counted, over all that it may go to.

    An end of a number's range is always an edge. Beyond it the bins are as wide, in pairs; far
    beyond, where no search gets soon, two bins hold the rest.
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
    """Edges of the bins from an end outwards, by their distances; an even number of them."""
    if length <= _NOTHING:
        return []
    near = min(length, _NEAR)
    edges = np.linspace(0, near, 2 * int(np.ceil(near * BINS / 2)) + 1)[1:].tolist()
    return edges if length == near else [*edges, (near + length) / 2, length]


def bucket(domain: Domain, value: Scalar) -> Interval:
    """The coordinates that are an option or a whole number."""
    centre = domain.encode(value)
    assert isinstance(domain, Choice | Int | Logint), "a float owns no bucket"
    half = 0.5 / len(domain.options) if isinstance(domain, Choice) else domain.half_step(centre)
    least, most = domain.limits
    return max(least, centre - half), min(most, centre + half)


def overlaps(source: Interval, intervals: Sequence[Interval]) -> NDArray[np.float64]:
    """The share of a source that lies in each interval; of a point it is 0 or 1."""
    low, high = source
    if low == high:
        ends = [b for _, b in intervals]
        return np.array([float(a <= low < b or (low == b == max(ends))) for a, b in intervals])
    shared = [max(0.0, min(high, b) - max(low, a)) for a, b in intervals]
    return np.array(shared) / (high - low)

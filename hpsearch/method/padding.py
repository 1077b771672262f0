"""The sizes that whole numbers such as widths are padded to; they depend on the space alone."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from hpsearch.space import Choice, Domain, Int, Logint


def padded_sizes(domain: Domain, count: int) -> tuple[int, ...]:
    """The sizes of a padded parameter, ascending.

    They lie at 1/count, 2/count, ... 1 of the way from its lower to its upper bound, on its scale
    (of its sorted options, if it is a list), rounded up; beyond 32 to a multiple of 8, for vector
    units. Two sizes of a logint [32, 128] are 64 and 128, of an int [1, 6] 4 and 6. A domain of few
    values has fewer sizes. If its limits lie beyond its bounds, sizes double above the upper bound
    and halve below the lower one, so each bound separates two sizes.
    """
    sizes: set[int] = set()
    for k in range(1, count + 1):
        if isinstance(domain, Choice):
            options = sorted(int(option) for option in domain.options)  # type: ignore[arg-type]
            sizes.add(options[math.ceil(k * len(options) / count) - 1])
        elif isinstance(domain, Logint):
            sizes.add(_rounded(domain.low * (domain.high / domain.low) ** (k / count), domain.high))
        else:
            sizes.add(_rounded(domain.low + (domain.high - domain.low) * k / count, domain.high))
    if isinstance(domain, Int | Logint):
        sizes.update(_beyond(domain))
    return tuple(sorted(sizes))


def _beyond(domain: Int | Logint) -> Iterator[int]:
    least, most = domain.ends
    size = domain.high
    while size < most:
        size = _rounded(max(2 * size, 1), most)
        yield size
    size = domain.low - 1
    while size >= least:
        yield size
        size = size // 2 if size > 0 else least - 1


def _rounded(size: float, bound: float) -> int:
    whole = math.ceil(round(size, 6))  # 64.00000000000001 is 64
    return min(int(bound), whole if whole <= 32 else math.ceil(whole / 8) * 8)


def padded_size(value: Any, sizes: Sequence[int]) -> int:
    """The smallest size not below the value; the value itself if it is above all sizes."""
    return next((size for size in sizes if value <= size), value)

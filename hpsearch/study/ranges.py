"""Ranges of numbers in a study file: where a search begins, and `within`, how far it may go."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from hpsearch.space import Domain, Int, Logint, Loguniform, Uniform
from hpsearch.study.source_map import Faults, Path

WIDEST = 10**12  # of an integer: beyond it a bucket of the unit interval drowns in rounding
FARTHEST = 10**6  # ranges beyond an end: farther no search gets, and coordinates lose their digits
_Made = Uniform | Loguniform | Int | Logint
_RANGES: Mapping[str, Callable[..., _Made]] = {
    "uniform": Uniform,
    "loguniform": Loguniform,
    "int": Int,
    "logint": Logint,
}


def read(path: Path, kind: str, entry: Mapping[str, Any], faults: Faults) -> Domain | None:
    """A parameter's range; None, and faults, if anything in it is wrong.

    Args:
        path: of the parameter.
        kind: uniform, loguniform, int or logint.
        entry: what stands there.
        faults: gets them.
    """
    where = (*path, kind)
    low_high = _pair(where, kind, entry[kind], "low and high", faults)
    beyond = entry.get("within")
    if low_high is None or beyond is None:
        return _RANGES[kind](*low_high) if low_high else None
    limits = _pair((*path, "within"), kind, beyond, "its ends", faults)
    if limits is None:
        return None
    found = _RANGES[kind](*low_high, limits if limits != low_high else None)
    if not limits[0] <= low_high[0] or not low_high[1] <= limits[1]:
        faults.got((*path, "within"), f"must hold all of {kind}: {faults.shown(*where)}")
    elif not _reached(found):
        faults.got(
            (*path, "within"),
            f"must end within {FARTHEST:.0e} times the range of {kind}: {faults.shown(*where)};"
            " give that a wider one",
        )
    else:
        return found
    return None


def _pair(path: Path, kind: str, ends: Any, named: str, faults: Faults) -> tuple[Any, Any] | None:
    """Numbers are compared as written, so that nothing is rounded before it is judged."""
    whole = kind in ("int", "logint")
    rule = ""
    if not isinstance(ends, list) or len(ends) != 2:
        rule = "must be [low, high]"
    elif not all(type(end) is int or (type(end) is float and not whole) for end in ends):
        rule = f"{named} must be whole numbers" if whole else f"{named} must be numbers"
    elif kind == "loguniform" and ends[0] <= 0:
        rule = "low must be above 0"
    elif kind == "logint" and ends[0] < 1:
        rule = "low must be at least 1"
    elif ends[0] >= ends[1]:
        rule = "low must be below high"
    elif whole and max(abs(end) for end in ends) > WIDEST:
        rule = f"{named} must lie within {WIDEST:.0e} of 0"
    elif not whole and not _resolved(kind, float(ends[0]), float(ends[1])):
        rule = "the range is too wide or too narrow for floating point"
    if rule:
        faults.got(path, rule)
        return None
    return (ends[0], ends[1]) if whole else (float(ends[0]), float(ends[1]))


def _resolved(kind: str, low: float, high: float) -> bool:
    if not math.isfinite(high - low) or high - low <= 0:
        return False
    return kind == "uniform" or (1 < high / low < math.inf)


def _reached(domain: _Made) -> bool:
    least, most = domain.limits
    return least >= -FARTHEST and most <= FARTHEST

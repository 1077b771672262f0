"""Ranges of numbers in a study file, and `within`, the limits to which a search may widen one."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from hpsearch.space import Domain, Int, Logint, Loguniform, Uniform
from hpsearch.study.source_map import Faults, KeyPath

MAX_INT = 10**12  # beyond it an integer's bucket of the unit interval is lost in rounding
MAX_COORDINATE = 10**6  # in ranges; beyond it a coordinate loses too many digits
_Range = Uniform | Loguniform | Int | Logint
_RANGES: Mapping[str, Callable[..., _Range]] = {
    "uniform": Uniform,
    "loguniform": Loguniform,
    "int": Int,
    "logint": Logint,
}


def read(path: KeyPath, kind: str, entry: Mapping[str, Any], faults: Faults) -> Domain | None:
    """A parameter's range; None, and faults, if anything in it is wrong."""
    kind_path, within_path = (*path, kind), (*path, "within")
    ends = _pair(kind_path, kind, entry[kind], "low and high", faults)
    if ends is None or entry.get("within") is None:
        return _RANGES[kind](*ends) if ends else None
    limits = _pair(within_path, kind, entry["within"], "its ends", faults)
    if limits is None:
        return None
    domain = _RANGES[kind](*ends, limits if limits != ends else None)
    written = f"{kind}: {faults.shown(kind_path)}"
    if not limits[0] <= ends[0] < ends[1] <= limits[1]:
        faults.got(within_path, f"must contain all of {written}")
    elif not all(abs(u) <= MAX_COORDINATE for u in domain.limits):
        rule = f"must end within {MAX_COORDINATE:.0e} times the range of {written}"
        faults.got(within_path, f"{rule}; widen that range")
    else:
        return domain
    return None


def _pair(path: KeyPath, kind: str, ends: Any, name: str, faults: Faults) -> tuple[Any, Any] | None:
    """Two numbers; they are compared as written, before any rounding to a float."""
    is_whole = kind in ("int", "logint")
    rule = ""
    if not isinstance(ends, list) or len(ends) != 2:
        rule = "must be [low, high]"
    elif not all(type(end) is int or (type(end) is float and not is_whole) for end in ends):
        rule = f"{name} must be whole numbers" if is_whole else f"{name} must be numbers"
    elif kind == "loguniform" and ends[0] <= 0:
        rule = "low must be above 0"
    elif kind == "logint" and ends[0] < 1:
        rule = "low must be at least 1"
    elif ends[0] >= ends[1]:
        rule = "low must be below high"
    elif is_whole and max(map(abs, ends)) > MAX_INT:
        rule = f"{name} must lie within {MAX_INT:.0e} of 0"
    elif not is_whole and not _is_resolved(kind, float(ends[0]), float(ends[1])):
        rule = "the range is too wide or too narrow for floating point"
    if rule:
        faults.got(path, rule)
        return None
    return (ends[0], ends[1]) if is_whole else (float(ends[0]), float(ends[1]))


def _is_resolved(kind: str, low: float, high: float) -> bool:
    """Whether a float can hold the width of the range, and for "loguniform" its ratio."""
    if not 0 < high - low < math.inf:
        return False
    return kind == "uniform" or 1 < high / low < math.inf

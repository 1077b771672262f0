"""A parameter's range as an axis: log ranges on log axes, options and ints in equal places."""

import math
import re
from collections.abc import Iterable, Sequence

from hpsearch.space import Choice, Domain, Int, Logint, Loguniform, Scalar
from hpsearch.ui.figures.style import Figure, escaped, superscript, tick, wide

_GOLDEN = 0.6180339887498949
_ROUNDING = 1e-9
Reach = tuple[float, float]  # what of a parameter is shown, in coordinates
RANGE: Reach = (0.0, 1.0)


def at(domain: Domain, u: float) -> float:
    """Where a coordinate of the unit interval lies on the parameter's axis."""
    if isinstance(domain, Choice):
        return u * len(domain.options)
    low, high = ends(domain)
    if isinstance(domain, Loguniform | Logint):
        return float(low * (high / low) ** u)
    return low + u * (high - low)


def ends(domain: Domain, reach: Reach = RANGE) -> tuple[float, float]:
    """The axis's ends; an int's own half a step more on both sides, as it is drawn."""
    if isinstance(domain, Choice):
        return 0.0, float(len(domain.options))
    half = 0.5 if isinstance(domain, Int | Logint) else 0.0
    low, high = domain.low - half, domain.high + half
    return (
        at(domain, reach[0]) if reach[0] < 0 else low,
        at(domain, reach[1]) if reach[1] > 1 else high,
    )


def reach(domain: Domain, values: Iterable[Scalar]) -> Reach:
    """The range and whatever lies beyond it, an int with its whole bucket."""
    low, high = RANGE
    least, most = domain.limits
    for u in (domain.encode(value) for value in values if domain.contains(value)):
        half = domain.half_step(u) if isinstance(domain, Int | Logint) else 0.0
        low, high = min(low, max(u - half, least)), max(high, min(u + half, most))
    return (low if low < -_ROUNDING else 0.0, high if high > 1 + _ROUNDING else 1.0)


def spread(domain: Domain, value: Scalar, number: int) -> float:
    """A trial's coordinate in the unit interval, equal options and ints side by side.

    So none hides another.
    """
    u = domain.encode(value)
    if isinstance(domain, Choice):
        half = 0.5 / len(domain.options)
    elif isinstance(domain, Int | Logint):
        half = domain.half_step(u)
    else:
        return u
    return u + 1.4 * half * ((number * _GOLDEN) % 1 - 0.5)


def place(domain: Domain, value: Scalar, number: int) -> float | None:
    """Where a trial's value lies; None if an accepted change of the study has put it outside."""
    return at(domain, spread(domain, value, number)) if domain.contains(value) else None


def axis(domain: Domain, reach: Reach = RANGE, pad: float = 0.02) -> Figure:
    """The axis of a parameter, a little wider than its reach so that its bounds are seen."""
    low, high = ends(domain, reach)
    values, texts = ticks(domain, reach=reach)
    shape: Figure = {"tickvals": values, "ticktext": texts, "zeroline": False, "showgrid": False}
    if isinstance(domain, Loguniform | Logint):
        a, b = math.log10(low), math.log10(high)
        return {"type": "log", "range": [a - pad * (b - a), b + pad * (b - a)]} | shape
    return {
        "type": "linear",
        "range": [low - pad * (high - low), high + pad * (high - low)],
    } | shape


def ticks(domain: Domain, most: int = 4, reach: Reach = RANGE) -> tuple[list[float], list[str]]:
    if isinstance(domain, Choice):
        options = [_label(option, max(6, 40 // len(domain.options))) for option in domain.options]
        return [i + 0.5 for i in range(len(options))], options
    low, high = ends(domain, reach)
    if isinstance(domain, Int | Logint):
        low, high = round(low + 0.5), round(high - 0.5)
    if isinstance(domain, Int) and high - low < 8:
        whole = range(int(low), int(high) + 1)
        return [float(k) for k in whole], [str(k) for k in whole]
    if isinstance(domain, Loguniform | Logint):
        values = _decades(low, high, most)
        if isinstance(domain, Logint):
            values = [float(v) for v in dict.fromkeys(round(v) for v in values)]
        return values, decade_texts(values)
    values = steps(low, high, most)
    if isinstance(domain, Int):
        values = [v for v in values if v == int(v)]
    return values, [tick(value) for value in values]


def _label(option: Scalar, width: int) -> str:
    """An option in at most two lines, broken after an underscore, a hyphen or a space."""
    parts = re.split(r"(?<=[-_ ])", str(option))
    first = ""
    while parts and len(first + parts[0]) <= width:
        first += parts.pop(0)
    rest = escaped("".join(parts), width)
    return f"{escaped(first)}<br>{rest}" if first and rest else escaped(first) or rest


def decade_texts(values: Sequence[float]) -> list[str]:
    """Powers of ten as such where any of them is far from 1, so that they look alike."""
    exponents = [math.log10(value) for value in values]
    powers = all(abs(e - round(e)) < 1e-9 for e in exponents)
    if powers and (min(exponents) < -2 or max(exponents) > 3):
        return ["10" + superscript(round(e)) for e in exponents]
    return [tick(value) for value in values]


def value_axis(values: Iterable[float | None], title: str) -> Figure:
    """An axis of a metric: logarithmic where its values need that, with 1-2-5 ticks."""
    known = [v for v in values if v is not None]
    shape: Figure = {"title": {"text": title}, "zeroline": False}
    if not wide(known):
        return shape | {"type": "linear", "nticks": 6, "tickformat": ".4~g"}
    low, high = min(known), max(known)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    within = last - first
    factors = (1, 2, 5) if within <= 3 else (1,)
    stride = max(1, math.ceil(within / 6))
    marks = [f * 10.0**e for e in range(first, last + 1, stride) for f in factors]
    pad = 0.05 * math.log10(high / low)
    ends = [math.log10(low) - pad, math.log10(high) + pad]
    marks = [mark for mark in marks if ends[0] <= math.log10(mark) <= ends[1]]
    return shape | {
        "type": "log",
        "range": ends,
        "tickvals": [float(f"{mark:.12g}") for mark in marks],
        "ticktext": decade_texts(marks) if marks else [],
    }


def _decades(low: float, high: float, most: int) -> list[float]:
    """Powers of ten inside, thinned; where there are fewer than two, the ends and between."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = list(range(first, last + 1))
    if len(powers) < 2:
        return [float(f"{low * (high / low) ** (i / 2):.3g}") for i in range(3)]
    stride = math.ceil(len(powers) / most)
    return [10.0**power for power in powers[::stride]]


def steps(low: float, high: float, most: int) -> list[float]:
    """Round numbers, 1, 2, 2.5 or 5 times a power of ten apart."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]

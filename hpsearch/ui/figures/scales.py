"""A parameter's range as an axis: log ranges on log axes, options and ints evenly spaced."""

import math
import re
from collections.abc import Iterable, Sequence

from hpsearch.space import Choice, Domain, Int, Logint, Loguniform, Scalar
from hpsearch.ui.figures.style import Figure, escaped, needs_log, superscript, tick

_GOLDEN = 0.6180339887498949
_ROUNDING = 1e-9
Extent = tuple[float, float]  # the shown part of a parameter, in coordinates
UNIT: Extent = (0.0, 1.0)


def to_axis(domain: Domain, u: float) -> float:
    """The position on the parameter's axis of a coordinate; 0 and 1 are the ends of the range."""
    if isinstance(domain, Choice):
        return u * len(domain.options)
    low, high = limits(domain)
    if isinstance(domain, Loguniform | Logint):
        return float(low * (high / low) ** u)
    return low + u * (high - low)


def limits(domain: Domain, extent: Extent = UNIT) -> tuple[float, float]:
    """The ends of the axis; the bucket of an int extends half a step beyond its value."""
    if isinstance(domain, Choice):
        return 0.0, float(len(domain.options))
    half = 0.5 if isinstance(domain, Int | Logint) else 0.0
    low, high = domain.low - half, domain.high + half
    return (
        to_axis(domain, extent[0]) if extent[0] < 0 else low,
        to_axis(domain, extent[1]) if extent[1] > 1 else high,
    )


def extent(domain: Domain, values: Iterable[Scalar]) -> Extent:
    """The range, widened to contain the values; an int with its whole bucket."""
    low, high = UNIT
    least, max_count = domain.limits
    for u in (domain.encode(value) for value in values if domain.contains(value)):
        half = domain.half_step(u) if isinstance(domain, Int | Logint) else 0.0
        low, high = min(low, max(u - half, least)), max(high, min(u + half, max_count))
    return (low if low < -_ROUNDING else 0.0, high if high > 1 + _ROUNDING else 1.0)


def jittered(domain: Domain, value: Scalar, number: int) -> float:
    """A trial's coordinate; equal options and ints get a jitter, so that no trial hides another."""
    u = domain.encode(value)
    if isinstance(domain, Choice):
        half = 0.5 / len(domain.options)
    elif isinstance(domain, Int | Logint):
        half = domain.half_step(u)
    else:
        return u
    return u + 1.4 * half * ((number * _GOLDEN) % 1 - 0.5)


def position(domain: Domain, value: Scalar, number: int) -> float | None:
    """The position of a trial's value on the axis; None if a change of the study excludes it."""
    return to_axis(domain, jittered(domain, value, number)) if domain.contains(value) else None


def axis(domain: Domain, extent: Extent = UNIT, pad: float = 0.02) -> Figure:
    """The axis of a parameter, slightly wider than its extent, so that the bounds are visible."""
    low, high = limits(domain, extent)
    values, texts = ticks(domain, extent=extent)
    shape: Figure = {"tickvals": values, "ticktext": texts, "zeroline": False, "showgrid": False}
    kind = "linear"
    if isinstance(domain, Loguniform | Logint):
        kind, low, high = "log", math.log10(low), math.log10(high)
    margin = pad * (high - low)
    return {"type": kind, "range": [low - margin, high + margin]} | shape


def ticks(
    domain: Domain, max_count: int = 4, extent: Extent = UNIT
) -> tuple[list[float], list[str]]:
    if isinstance(domain, Choice):
        options = [_label(option, max(6, 40 // len(domain.options))) for option in domain.options]
        return [i + 0.5 for i in range(len(options))], options
    low, high = limits(domain, extent)
    if isinstance(domain, Int | Logint):
        low, high = round(low + 0.5), round(high - 0.5)
    if isinstance(domain, Int) and high - low < 8:
        whole = range(int(low), int(high) + 1)
        return [float(k) for k in whole], [str(k) for k in whole]
    if isinstance(domain, Loguniform | Logint):
        values = _decades(low, high, max_count)
        if isinstance(domain, Logint):
            values = [float(v) for v in dict.fromkeys(round(v) for v in values)]
        return values, decade_texts(values)
    values = steps(low, high, max_count)
    if isinstance(domain, Int):
        values = [v for v in values if v == int(v)]
    return values, [tick(value) for value in values]


def _label(option: Scalar, width: int) -> str:
    """An option in at most two lines, split after an underscore, a hyphen or a space."""
    parts = re.split(r"(?<=[-_ ])", str(option))
    first = ""
    while parts and len(first + parts[0]) <= width:
        first += parts.pop(0)
    rest = escaped("".join(parts), width)
    return f"{escaped(first)}<br>{rest}" if first and rest else escaped(first) or rest


def decade_texts(values: Sequence[float]) -> list[str]:
    """Tick labels; all as powers of ten if one of them is far from 1."""
    exponents = [math.log10(value) for value in values]
    powers = all(abs(e - round(e)) < 1e-9 for e in exponents)
    if powers and (min(exponents) < -2 or max(exponents) > 3):
        return ["10" + superscript(round(e)) for e in exponents]
    return [tick(value) for value in values]


def value_axis(values: Iterable[float | None], title: str) -> Figure:
    """The axis of a metric: logarithmic if its values need it, with 1-2-5 ticks."""
    known = [v for v in values if v is not None]
    shape: Figure = {"title": {"text": title}, "zeroline": False}
    if not needs_log(known):
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


def count_axis(title: str, nticks: int = 6) -> Figure:
    """The axis of a count: of steps or trials."""
    return {"title": {"text": title}, "zeroline": False, "tickformat": ",", "nticks": nticks}


def _decades(low: float, high: float, max_count: int) -> list[float]:
    """Powers of ten inside, subsample; where there are fewer than two, the ends and between."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = list(range(first, last + 1))
    if len(powers) < 2:
        return [float(f"{low * (high / low) ** (i / 2):.3g}") for i in range(3)]
    stride = math.ceil(len(powers) / max_count)
    return [10.0**power for power in powers[::stride]]


def steps(low: float, high: float, max_count: int) -> list[float]:
    """Multiples of 1, 2, 2.5 or 5 times a power of ten."""
    raw = (high - low) / max_count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]

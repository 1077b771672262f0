"""Parallel coordinates: a line per trial through its parameters to its value.

The axes are stacked vertically, so that names are horizontal and fit a phone's width. The lines are
scatter traces: Plotly's parallel coordinates need WebGL, support neither log axes nor options, and
compile code, which the pages' Content-Security-Policy forbids.
"""

import math

from hpsearch.space import Choice, Domain, Logint, Loguniform
from hpsearch.storage import Snapshot, value_of
from hpsearch.trial import Trial
from hpsearch.ui.figures import scales, style
from hpsearch.ui.figures.bounds import searched_extent
from hpsearch.ui.figures.style import PALETTE, Figure, rounded, tick

_TITLE = "Parallel coordinates"
_LINES, _POINTS = 300, 3600
_BEST = 5
_PARAMETERS = 12
_ROW_PX = 46
_MARK = 0.12  # half the height of the marks at the ends of a range, in rows

Axes = dict[str, tuple[Domain, scales.Extent]]


def parallel(s: Snapshot) -> Figure:
    """The trials at the largest budget; the best few in colour."""
    done = [t for t in s.searched if value_of(t) is not None]
    if not done:
        return style.empty(_TITLE, "No trial has finished yet.")
    budget = max(t.spec.budget for t in done)
    equal = [t for t in done if t.spec.budget == budget]
    equal.sort(key=s.result.direction.key)
    domains = {p.name: (p.domain, searched_extent(s, p)) for p in list(s.space)[:_PARAMETERS]}
    best, rest = equal[:_BEST], equal[_BEST:]
    subset = style.subsample(rest, min(_LINES, _POINTS // (len(domains) + 1)))
    values = [value_of(t) or 0.0 for t in equal]
    ends, log = (min(values), max(values)), style.needs_log(values)
    data = [_axes(domains)]
    if subset:
        many = style.joined((p for t in subset for p in _trial_line(t, domains, ends, log)), 3)
        line = style.lines(style.muted(len(subset)), 1) | many
        data.append(line | {"name": f"{len(subset)} others", "hoverinfo": "skip"})
    data += [_coloured(i, t, domains, ends, log) for i, t in reversed(list(enumerate(best)))]
    data.append(_tick_labels(domains, ends, log))
    notes = [
        f"Trials of {budget:,} steps." if len({t.spec.budget for t in done}) > 1 else "",
        style.part(len(subset) + len(best), len(equal), "trials are shown"),
        style.part(len(domains), len(s.space), "parameters"),
    ]
    height = _ROW_PX * (len(domains) + 1)
    frame = style.layout(_TITLE, notes, height=height, legend=True, left=110)
    frame["xaxis"] = {"range": [-0.04, 1.04], "visible": False}
    objective = f"<b>{style.name(s.result.metric)}</b><br>{style.direction(s.result.direction)}"
    frame["yaxis"] = style.row_axis([*map(style.name, domains), objective], top=-0.4)
    return {"data": data, "layout": frame}


def _trial_line(
    trial: Trial, domains: Axes, ends: tuple[float, float], log: bool
) -> list[list[tuple[float | None, float | None]]]:
    """A trial's line, interrupted where it lacks a parameter."""
    pieces: list[list[tuple[float | None, float | None]]] = [[]]
    for row, (key, (domain, extent)) in enumerate(domains.items()):
        value = trial.spec.params.get(key)
        if key in trial.spec.params and domain.contains(value):
            u = scales.jittered(domain, value, trial.spec.number)
            pieces[-1].append((_on(extent, u), float(row)))
        elif pieces[-1]:
            pieces.append([])
    pieces[-1].append((_share(value_of(trial) or 0.0, ends, log), float(len(domains))))
    return pieces


def _share(value: float, ends: tuple[float, float], log: bool) -> float:
    """A value's position between the smallest and the largest, 0 to 1."""
    low, high = ends
    if log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return float(f"{(value - low) / (high - low):.3f}") if high > low else 0.5


def _on(extent: scales.Extent, u: float) -> float:
    """A coordinate's position on the axis of an extent, 0 to 1."""
    return u if extent == scales.UNIT else (u - extent[0]) / (extent[1] - extent[0])


def _axes(domains: Axes) -> Figure:
    """The axes' lines; if the search has left a range, its ends are marked."""
    lines = [[(0.0, float(row)), (1.0, float(row))] for row in range(len(domains) + 1)]
    for row, (_, extent) in enumerate(domains.values()):
        for end, far in zip(scales.UNIT, extent, strict=True):
            if end != far:
                x = _on(extent, end)
                lines.append([(x, row - _MARK), (x, row + _MARK)])
    return style.lines(style.GREY, 1) | style.joined(lines) | style.NO_HOVER


def _coloured(i: int, trial: Trial, domains: Axes, ends: tuple[float, float], log: bool) -> Figure:
    pieces = _trial_line(trial, domains, ends, log)
    label = f"trial {trial.spec.number}: {tick(value_of(trial) or 0.0)}"
    params = trial.spec.params
    texts: list[str] = []
    for piece in pieces:
        keys = [list(domains)[int(row or 0)] for _, row in piece if (row or 0) < len(domains)]
        texts += [f"{label}<br>{style.name(key)} = {style.shown(params[key])}" for key in keys]
        texts += [label] * (len(piece) - len(keys)) + [""]
    colour = PALETTE[i % len(PALETTE)]
    line = style.lines(colour, 2.2) | style.joined(pieces, 3) | style.hover(texts[:-1])
    marker = {"size": 5, "color": colour}
    return line | {"mode": "lines+markers", "marker": marker, "name": label, "legendrank": i}


def _tick_labels(domains: Axes, ends: tuple[float, float], log: bool) -> Figure:
    """The tick labels, as text below each axis."""
    x: list[float | None] = []
    y: list[float] = []
    texts: list[str] = []
    for row, (domain, extent) in enumerate(domains.values()):
        low, high = scales.limits(domain, extent)
        for value, label in zip(*scales.ticks(domain, 3, extent), strict=True):
            if isinstance(domain, Loguniform | Logint):
                x.append(rounded(math.log(value / low) / math.log(high / low), 3))
            else:
                x.append(rounded((value - low) / (high - low), 3))
            y.append(row + 0.08)
            texts.append(label.replace("<br>", "") if isinstance(domain, Choice) else label)
    low, high = ends
    middle = math.sqrt(low * high) if log else (low + high) / 2
    for value in dict.fromkeys((low, middle, high)):
        x.append(_share(value, ends, log))
        y.append(len(domains) + 0.08)
        texts.append(tick(float(f"{value:.3g}")))
    return {
        "type": "scatter",
        "mode": "text",
        "x": x,
        "y": y,
        "text": texts,
        "textposition": [_text_position(at) for at in x],
        "textfont": {"size": 10},
    } | style.NO_HOVER


def _text_position(at: float | None) -> str:
    """Labels at an axis's ends are aligned inwards."""
    if at is None or 0.04 < at < 0.96:
        return "bottom center"
    return "bottom right" if at <= 0.04 else "bottom left"

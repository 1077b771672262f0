"""The densities that rounds draw a parameter from, one above the other, within its bounds."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from hpsearch.method import Marginal
from hpsearch.space import Choice, Domain, Int, Logint
from hpsearch.ui.figures import scales
from hpsearch.ui.figures.bounds import AtBound
from hpsearch.ui.figures.style import MUTED, PALETTE, SILENT, WARNING, Figure, rgba, rounded

_TALL = 0.72  # of a ridge, in rounds
_STALKS = 6  # of a ridge, the likeliest
_BARS = 16  # whole numbers that get a bar each
_ROUNDING = 1e-9


def continuous(domain: Domain) -> bool:
    if isinstance(domain, Int | Logint):
        return domain.ends[1] - domain.ends[0] >= _BARS
    return not isinstance(domain, Choice)


def bounds(
    domain: Domain, reach: scales.Reach, count: int, warning: AtBound | None
) -> Iterable[Figure]:
    """The ends of the range, dotted where the search may go on beyond; and where it may not."""
    for i, side in enumerate(("low", "high")):
        begun, limit = scales.RANGE[i], domain.limits[i]
        ends = [begun] if limit == begun or limit != reach[i] else [begun, limit]
        for u in ends:
            hit = warning is not None and warning.side == side and u == limit
            line: Figure = {"color": WARNING if hit else MUTED, "width": 3 if hit else 1}
            if u != limit:
                line["dash"] = "dot"
            x = scales.at(domain, u) if u != begun else scales.ends(domain)[i]
            y = [-0.95, count - 0.6]
            yield {"type": "scatter", "mode": "lines", "x": [x, x], "y": y, "line": line} | SILENT


def ridges(
    domain: Domain, reach: scales.Reach, drawn: dict[int, Marginal], *, root: bool
) -> Figure:
    """The densities within reach, closed shapes with gaps between them; all to one scale."""
    fine = continuous(domain)
    shown = {row: _within(reach, m, paired=fine) for row, m in drawn.items()}
    heights = {row: _heights(domain, marginal, root=root) for row, marginal in shown.items()}
    tallest = max((max(h) for h, _ in heights.values()), default=0.0) or 1.0
    x: list[float | None] = []
    y: list[float | None] = []
    for row, (tall, edges) in heights.items():
        up = [row - _TALL * h / tallest for h in tall]
        for shape in _shapes(domain, edges, up, row):
            x += [*(rounded(scales.at(domain, u), 4) for u, _ in shape), None]
            y += [*(rounded(v, 4) for _, v in shape), None]
    return {
        "type": "scatter",
        "mode": "lines",
        "fill": "toself",
        "fillcolor": rgba(PALETTE[5], 0.4),
        "line": {"color": PALETTE[5], "width": 1},
        "x": x[:-1],
        "y": y[:-1],
    } | SILENT


def peak(marginal: Marginal) -> float:
    """The highest density of the values that move; 1 for the prior."""
    return float((np.array(marginal.spread) / np.diff(marginal.edges)).max())


def _within(reach: scales.Reach, marginal: Marginal, *, paired: bool) -> Marginal:
    """The bins that are shown, an even number of them where they are paired off later."""
    edges = np.array(marginal.edges)
    first = int(np.searchsorted(edges, reach[0] + _ROUNDING, side="right")) - 1
    last = int(np.searchsorted(edges, reach[1] - _ROUNDING, side="left"))
    if paired and len(marginal.spread) % 2 == 0:
        first, last = first - first % 2, last + last % 2
    return replace(
        marginal, edges=marginal.edges[first : last + 1], spread=marginal.spread[first:last]
    )


def _heights(domain: Domain, marginal: Marginal, *, root: bool) -> tuple[list[float], list[float]]:
    """Probabilities of values with a bar each, else densities; and the bins."""
    if not continuous(domain):
        return list(marginal.mass), list(marginal.edges)
    mass, edges = np.array(marginal.spread), np.array(marginal.edges)
    if len(mass) % 2 == 0:  # half as fine is fine enough to look at
        mass, edges = mass.reshape(-1, 2).sum(axis=1), edges[::2]
    density = mass / np.diff(edges)
    # The flat prior would vanish beside the peak of a late round.
    return (np.sqrt(density) if root else density).tolist(), edges.tolist()


def _shapes(
    domain: Domain, edges: Sequence[float], up: Sequence[float], base: float
) -> list[list[tuple[float, float]]]:
    if continuous(domain):
        centres = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
        start, end = edges[0], edges[-1]
        points = [(start, up[0]), *zip(centres, up, strict=True), (end, up[-1])]
        return [[(start, base), *points, (end, base), (start, base)]]
    inset = 0.06
    bars = []
    for low, high, top in zip(edges[:-1], edges[1:], up, strict=True):
        a, b = low + inset * (high - low), high - inset * (high - low)
        bars.append([(a, base), (a, top), (b, top), (b, base), (a, base)])
    return bars


def stalks(domain: Domain, drawn: dict[int, Marginal]) -> Figure:
    """Values that stay just as a survivor has them; no density, as each has a probability."""
    x: list[float | None] = []
    y: list[float | None] = []
    chances: list[float | None] = []
    for row, marginal in drawn.items():
        likely = sorted(marginal.kept, key=lambda pair: -pair[1])[:_STALKS]
        for u, probability in likely:
            place = rounded(scales.at(domain, u), 5)
            x += [place, place, None]
            y += [row, row - 0.85, None]
            chances += [rounded(probability, 2)] * 2 + [None]
    return {
        "type": "scatter",
        "mode": "lines",
        "line": {"color": rgba(PALETTE[0], 0.8), "width": 1},
        "x": x,
        "y": y,
        "customdata": chances,
        "hovertemplate": "kept as it is with probability %{customdata}<extra></extra>",
        "showlegend": False,
    }

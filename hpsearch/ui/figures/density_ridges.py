"""Ridge plot of the densities that the rounds sample a parameter from, within its bounds."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from hpsearch.method import Marginal
from hpsearch.space import Choice, Domain, Int, Logint
from hpsearch.ui.figures import scales, style
from hpsearch.ui.figures.bounds import AtBound
from hpsearch.ui.figures.style import PALETTE, Figure, rounded

_HEIGHT = 0.72  # of the highest ridge, in rows
_MAX_STEMS = 6  # of a ridge, the most probable
_MAX_BARS = 16  # integers drawn as a bar each
_ROUNDING = 1e-9


def has_density(domain: Domain) -> bool:
    if isinstance(domain, Int | Logint):
        return domain.ends[1] - domain.ends[0] >= _MAX_BARS
    return not isinstance(domain, Choice)


def bounds(
    domain: Domain, extent: scales.Extent, count: int, warning: AtBound | None
) -> Iterable[Figure]:
    """The ends of the range, dotted where the search may go beyond, and the limits."""
    for i, side in enumerate(("low", "high")):
        initial, limit = scales.UNIT[i], domain.limits[i]
        ends = [initial] if limit == initial or limit != extent[i] else [initial, limit]
        for u in ends:
            is_hit = warning is not None and warning.side == side and u == limit
            look = {"dash": "dot"} if u != limit else {}
            line = style.lines(style.WARNING, 3) if is_hit else style.lines(style.MUTED, 1, **look)
            x = scales.to_axis(domain, u) if u != initial else scales.limits(domain)[i]
            yield line | {"x": [x, x], "y": [-0.95, count - 0.6]} | style.NO_HOVER


def ridges(
    domain: Domain, extent: scales.Extent, marginals: dict[int, Marginal], *, root: bool
) -> Figure:
    """The densities within the extent as closed shapes, all on one scale."""
    paired = has_density(domain)
    shown = {row: _within(extent, m, paired=paired) for row, m in marginals.items()}
    heights = {row: _heights(domain, marginal, root=root) for row, marginal in shown.items()}
    tallest = max((max(h) for h, _ in heights.values()), default=0.0) or 1.0
    shapes = [
        [(scales.to_axis(domain, u), v) for u, v in shape]
        for row, (height, edges) in heights.items()
        for shape in _shapes(domain, edges, [row - _HEIGHT * h / tallest for h in height], row)
    ]
    fill = {"fill": "toself", "fillcolor": style.rgba(PALETTE[5], 0.4)}
    return style.lines(PALETTE[5], 1) | fill | style.joined(shapes, 4) | style.NO_HOVER


def peak(marginal: Marginal) -> float:
    """The highest density of the perturbed values; 1 for the prior."""
    return float((np.array(marginal.spread) / np.diff(marginal.edges)).max())


def _within(extent: scales.Extent, marginal: Marginal, *, paired: bool) -> Marginal:
    """The bins within the extent; whole pairs of bins if `_heights` merges pairs."""
    edges = np.array(marginal.edges)
    first = int(np.searchsorted(edges, extent[0] + _ROUNDING, side="right")) - 1
    last = int(np.searchsorted(edges, extent[1] - _ROUNDING, side="left"))
    if paired and len(marginal.spread) % 2 == 0:
        first, last = first - first % 2, last + last % 2
    return replace(
        marginal, edges=marginal.edges[first : last + 1], spread=marginal.spread[first:last]
    )


def _heights(domain: Domain, marginal: Marginal, *, root: bool) -> tuple[list[float], list[float]]:
    """Probabilities of values drawn as bars, else densities; and the edges of the bins."""
    if not has_density(domain):
        return list(marginal.mass), list(marginal.edges)
    mass, edges = np.array(marginal.spread), np.array(marginal.edges)
    if len(mass) % 2 == 0:
        mass, edges = mass.reshape(-1, 2).sum(axis=1), edges[::2]
    density = mass / np.diff(edges)
    # Beside the peak of a late round the flat prior would be invisible.
    return (np.sqrt(density) if root else density).tolist(), edges.tolist()


def _shapes(
    domain: Domain, edges: Sequence[float], up: Sequence[float], base: float
) -> list[list[tuple[float, float]]]:
    if has_density(domain):
        centres = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
        start, end = edges[0], edges[-1]
        points = [(start, up[0]), *zip(centres, up, strict=True), (end, up[-1])]
        return [[(start, base), *points, (end, base), (start, base)]]
    bars = []
    for low, high, top in zip(edges[:-1], edges[1:], up, strict=True):
        gap = 0.06 * (high - low)
        a, b = low + gap, high - gap
        bars.append([(a, base), (a, top), (b, top), (b, base), (a, base)])
    return bars


def stems(domain: Domain, marginals: dict[int, Marginal]) -> Figure:
    """Values copied unchanged from a survivor: point masses, drawn as stems."""
    x: list[float | None] = []
    y: list[float | None] = []
    probabilities: list[float | None] = []
    for row, marginal in marginals.items():
        likeliest = sorted(marginal.unmoved, key=lambda pair: -pair[1])[:_MAX_STEMS]
        for u, probability in likeliest:
            position = rounded(scales.to_axis(domain, u), 5)
            x += [position, position, None]
            y += [row, row - 0.85, None]
            probabilities += [rounded(probability, 2)] * 2 + [None]
    return style.lines(style.rgba(PALETTE[0], 0.8), 1) | {
        "x": x,
        "y": y,
        "customdata": probabilities,
        "hovertemplate": "copied unchanged with probability %{customdata}<extra></extra>",
        "showlegend": False,
    }

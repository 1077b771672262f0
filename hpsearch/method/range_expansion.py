"""Long steps for a number whose survivors lie at the edge of the explored range.

Only for parameters with `within`, which may leave their range. A round's own width shrinks, so a
search that began far from the optimum would stop before it reaches it.
"""

from collections.abc import Sequence

from hpsearch.method.ranking import Row
from hpsearch.space import Choice, Domain, Space

STRIDE = 0.40  # standard deviation of a move, in ranges
FRONTIER = 0.3  # in ranges: survivors so near the outermost trial, or the range's end, expand it


def expanded_step_sizes(
    space: Space,
    rows: Sequence[Row],
    survivors: Sequence[Row],
    *,
    width: float,
    step_sizes: Sequence[float],
) -> tuple[float, ...]:
    """The factors on a round's width, with those of expanding parameters raised to STRIDE.

    A parameter expands while most of its survivors, and at least two, lie near the outermost trial
    on a side on which its limits are farther out. Once trials beyond them are worse, it tightens.
    """
    if all(isinstance(p.domain, Choice) or p.domain.within is None for p in space):
        return tuple(step_sizes)
    active = {row.number: space.active(row.unit) for row in rows}
    expanded = list(step_sizes)
    for j, parameter in enumerate(space):
        tried = [row.unit[j] for row in rows if active[row.number][j]]
        best = [row.unit[j] for row in survivors if active[row.number][j]]
        if _expands(parameter.domain, tried, best):
            expanded[j] = max(STRIDE / width, step_sizes[j])
    return tuple(expanded)


def _expands(domain: Domain, tried: Sequence[float], best: Sequence[float]) -> bool:
    least, most = domain.limits
    low, high = min([0.0, *tried]) + FRONTIER, max([1.0, *tried]) - FRONTIER
    below = sum(u < low for u in best) if least < 0 else 0
    above = sum(u > high for u in best) if most > 1 else 0
    return any(count > 1 and 2 * count > len(best) for count in (below, above))

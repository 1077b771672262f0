"""Long steps for a number whose survivors lie where the search has hardly been: it walks outward.

Only for parameters with `within`, which may leave their range. A round's own width shrinks, so a
search that began far from the optimum would stop on the way there.
"""

from collections.abc import Sequence

from hpsearch.method.ranking import Row
from hpsearch.space import Choice, Domain, Space

STRIDE = 0.40  # standard deviation of a move, in ranges
FRONTIER = 0.3  # ranges from the outermost trial, or from the range's end, in which survivors press


def expanded_step_sizes(
    space: Space,
    rows: Sequence[Row],
    survivors: Sequence[Row],
    *,
    width: float,
    evidence: Sequence[float],
) -> tuple[float, ...]:
    """The factors on a round's width, those of parameters that walk outward raised to the stride.

    A parameter does while most of its survivors, and at least two, lie near the outermost trial on
    a side on which it may go on. Once trials beyond them have turned out worse, it tightens.

    Args:
        space: of the study.
        rows: that the survivors were chosen from.
        survivors: best first.
        width: of the round.
        evidence: the factor of each parameter.
    """
    if all(isinstance(p.domain, Choice) or p.domain.within is None for p in space):
        return tuple(evidence)
    active = {row.number: space.active(row.unit) for row in rows}
    found = list(evidence)
    for j, parameter in enumerate(space):
        tried = [row.unit[j] for row in rows if active[row.number][j]]
        best = [row.unit[j] for row in survivors if active[row.number][j]]
        if _walks(parameter.domain, tried, best):
            found[j] = max(STRIDE / width, evidence[j])
    return tuple(found)


def _walks(domain: Domain, tried: Sequence[float], best: Sequence[float]) -> bool:
    least, most = domain.limits
    low, high = min([0.0, *tried]) + FRONTIER, max([1.0, *tried]) - FRONTIER
    below = sum(u < low for u in best) if least < 0 else 0
    above = sum(u > high for u in best) if most > 1 else 0
    return any(count > 1 and 2 * count > len(best) for count in (below, above))

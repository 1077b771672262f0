"""What the draws of a round are made around, and how far they move."""

from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.method.range_expansion import expanded_step_sizes
from hpsearch.method.ranking import Ranking, Row
from hpsearch.space import Space

WIDTH = 0.20  # of a numeric move in round 1
SHRINK = 0.80  # of the width, a round
WIDTH_FLOOR = 0.01


@dataclass(frozen=True)
class Tightening:
    """The distribution that a round draws from."""

    survivors: tuple[Row, ...]  # best first; none in round 0
    width: float  # standard deviation of a numeric move, in the unit cube
    step_sizes: tuple[float, ...]  # factor on the width per parameter; 1 for choices


def round_width(round: int) -> float:
    """Standard deviation of a numeric move in a round from 1 on, in the unit cube."""
    return max(WIDTH_FLOOR, WIDTH * SHRINK ** (round - 1))


def tighten(space: Space, rows: Sequence[Row], *, round: int, survivors: int) -> Tightening:
    """The distribution of a round, from the trials that may be compared with each other.

    Args:
        rows: finished trials of one budget, failures included, in any order.
    """
    if round == 0:
        return Tightening((), 1.0, (1.0,) * len(space))
    ranking, width = Ranking(space, rows), round_width(round)
    chosen = ranking.best_distinct(survivors)
    sizes = expanded_step_sizes(
        space, rows, chosen, width=width, step_sizes=ranking.relative_step_sizes()
    )
    return Tightening(chosen, width, sizes)

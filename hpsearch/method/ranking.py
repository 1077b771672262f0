"""The table of finished trials and their order; values are "lower is better"."""

from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.space import Scalar, Space


@dataclass(frozen=True)
class Row:
    """A finished trial as the method sees it."""

    number: int
    value: float | None  # lower is better; None for a failure
    unit: tuple[float, ...]
    budget: int


def ranked(rows: Sequence[Row]) -> list[Row]:
    """Finished rows, best first.

    Ties go to the older trial, so the order of completion cannot change the survivors.
    """
    return sorted(
        (row for row in rows if row.value is not None), key=lambda row: (row.value, row.number)
    )


def best_distinct(space: Space, rows: Sequence[Row], count: int) -> list[Row]:
    """The best `count` finished rows, of those with equal parameters only the best."""
    chosen: list[Row] = []
    seen: list[dict[str, Scalar]] = []
    for row in ranked(rows):
        if len(chosen) == count:
            break
        params = space.decode(row.unit)
        if params not in seen:
            seen.append(params)
            chosen.append(row)
    return chosen

"""The table of finished trials and their order; values are "lower is better"."""

import bisect
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpsearch.space import Choice, Scalar, Space

STEP_FLOOR = 0.3  # of a parameter's step size, before the geometric mean is divided out
STEP_TRIALS = 6  # that step sizes are measured on, or a fifth of the ranked ones if that is more


@dataclass(frozen=True)
class Row:
    """A finished trial as the method sees it."""

    number: int
    value: float | None  # lower is better; None for a failure
    unit: tuple[float, ...]
    budget: int


def ranked(rows: Iterable[Row]) -> list[Row]:
    """Rows that did not fail, best first.

    Ties go to the older trial, so the order of completion cannot change the survivors.
    """
    return sorted(
        (row for row in rows if row.value is not None), key=lambda row: (row.value, row.number)
    )


def best_distinct(space: Space, rows: Iterable[Row], count: int) -> list[Row]:
    """The best `count` ranked rows, of those with equal parameters only the best."""
    return list(Ranking(space, rows).best_distinct(count))


class Ranking:
    """Rows in order, best first, with what a round draws from; rows may be added at any time.

    Results are cached until a row is added that can change them. Failures are left out.
    """

    def __init__(self, space: Space, rows: Iterable[Row] = ()) -> None:
        self.space = space
        self.entries: list[tuple[Any, int, Row]] = []  # key, number, row; sorted
        self._numeric = [
            j for j, p in enumerate(space.parameters) if not isinstance(p.domain, Choice)
        ]
        self._coordinates = np.empty((0, len(space)))  # in order of arrival; NaN while inactive
        self._arrival: dict[int, int] = {}  # by number, the index of its coordinates
        self._best: dict[int, tuple[Row, ...]] = {}
        self._best_depth = 0  # entries from the best on that `_best` depends on
        self._step_sizes: tuple[float, ...] | None = None
        for row in rows:
            if row.value is not None:
                self.add(row, row.value)

    def add(self, row: Row, key: Any) -> None:
        """Add a row with its rank, of which lower is better; ties go to the lower number."""
        self._store_coordinates(row)
        measured = self._measured_count
        entry = (key, row.number, row)
        index = bisect.bisect_left(self.entries, entry)
        self.entries.insert(index, entry)
        if index < self._best_depth:
            self._best, self._best_depth = {}, 0
        if index < measured or self._measured_count != measured:
            self._step_sizes = None

    def _store_coordinates(self, row: Row) -> None:
        count = len(self._arrival)
        if count == len(self._coordinates):
            larger = np.empty((max(64, 2 * count), len(self.space)))
            larger[:count] = self._coordinates
            self._coordinates = larger
        active = self.space.active(row.unit)
        self._coordinates[count] = [
            u if on else math.nan for u, on in zip(row.unit, active, strict=True)
        ]
        self._arrival[row.number] = count

    @property
    def _measured_count(self) -> int:
        """How many of the best rows the step sizes are measured on."""
        return max(STEP_TRIALS, len(self.entries) // 5)

    def best_distinct(self, count: int) -> tuple[Row, ...]:
        """The best `count` rows, of those with equal parameters only the best."""
        if count not in self._best:
            chosen: list[Row] = []
            seen: list[dict[str, Scalar]] = []
            depth = 0
            for _, _, row in self.entries:
                if len(chosen) == count:
                    break
                depth += 1
                params = self.space.decode(row.unit)
                if params not in seen:
                    seen.append(params)
                    chosen.append(row)
            else:
                depth += 1  # a row at the end can change a result that is short
            self._best[count] = tuple(chosen)
            self._best_depth = max(self._best_depth, depth)
        return self._best[count]

    def relative_step_sizes(self) -> tuple[float, ...]:
        """How much wider or narrower than average each parameter is drawn; 1 for choices.

        A parameter on which the good trials agree is tightened more: √12 times the standard
        deviation of its coordinates (1 for a uniform spread), clipped, over the geometric mean for
        the numeric parameters.
        """
        if self._step_sizes is None:
            self._step_sizes = self._measure_step_sizes()
        return self._step_sizes

    def _measure_step_sizes(self) -> tuple[float, ...]:
        good = [self._arrival[number] for _, number, _ in self.entries[: self._measured_count]]
        # Each parameter's coordinates contiguous: the sums do not depend on the other parameters.
        coordinates = np.ascontiguousarray(self._coordinates[good].T)
        deviations = np.std(coordinates, axis=1) if len(good) > 1 else np.zeros(len(self.space))
        sizes: dict[int, float] = {}
        for j in self._numeric:
            present = coordinates[j][~np.isnan(coordinates[j])]
            sizes[j] = 1.0  # fewer than two trials cannot agree
            if len(present) > 1:
                deviation = deviations[j] if len(present) == len(good) else np.std(present)
                sizes[j] = min(max(math.sqrt(12) * float(deviation), STEP_FLOOR), 1.0)
        if not sizes:
            return (1.0,) * len(self.space)
        mean = math.exp(sum(math.log(size) for size in sizes.values()) / len(sizes))
        return tuple(sizes[j] / mean if j in sizes else 1.0 for j in range(len(self.space)))

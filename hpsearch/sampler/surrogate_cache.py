"""The surrogate between asks.

Fitting hyperparameters costs most, so they are fitted only after every fifth of a round, in a large
table after every round; a trial that finishes in between only joins the data. If trials are asked
for in whole rounds, this is the controller's surrogate.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpsearch.method import Slot
from hpsearch.sampler.table import BUDGET, Point, Table
from hpsearch.space import Space

if TYPE_CHECKING:
    from hpsearch.method import Acquisition

FITS = 5  # of hyperparameters per round
LARGE = 4  # rounds after which they are fitted once per round


class SurrogateCache:
    """The acquisition of one table at a time, with the study's running trials as pending points."""

    def __init__(self) -> None:
        self._fitted: Acquisition | None = None  # whose hyperparameters were fitted last
        self._fitted_to: tuple[Table, Space, int] | None = None  # the last is a number of rows
        self._current: Acquisition | None = None  # of all finished trials
        self._current_of: tuple[Table, int] | None = None  # the last is a number of rows
        self._with_pending: Acquisition | None = None  # `_current` with pending points
        self._pending: list[Point] = []

    def select(self, slot: Slot, trials: int, table: Table, running: Sequence[Point]) -> Point:
        """The point that a slot trains; `running` are those of the other trials, by number."""
        from hpsearch.method import select_draw  # scipy takes 0.5 s to import

        acquisition = self._acquisition(table, trials, running)
        point = select_draw(slot, trials, acquisition).unit
        self._pending.append(point)
        return point

    def _acquisition(self, table: Table, trials: int, running: Sequence[Point]) -> "Acquisition":
        if self._current is None or self._current_of != (table, table.count):
            self._current = self._fit(table, trials)
            self._current_of, self._with_pending = (table, table.count), None
        acquisition = self._with_pending
        if acquisition is None or self._pending != list(running[: len(self._pending)]):
            # A pending point cannot be taken back, so start again without any.
            acquisition, self._pending = self._current.copy(), []
        for point in running[len(self._pending) :]:
            acquisition.add_pending(point)
            self._pending.append(point)
        self._with_pending = acquisition
        return acquisition

    def _fit(self, table: Table, trials: int) -> "Acquisition":
        """The acquisition of all finished trials, with hyperparameters fitted to the first ones."""
        from hpsearch.method import Acquisition

        first = _rows_to_fit(table.count, trials)
        fit = table, table.space, first
        if self._fitted is None or self._fitted_to != fit:
            self._fitted = Acquisition(table.space, table.rows(first), budget=BUDGET)
            self._fitted_to = fit
        return self._fitted if first == table.count else self._fitted.with_rows(table.rows())


def _rows_to_fit(finished: int, trials: int) -> int:
    """The number of trials that hyperparameters are fitted to: at first all, later whole rounds."""
    if finished < trials:
        return finished
    step = max(1, trials // FITS) if finished < LARGE * trials else trials
    rest = finished % trials
    return finished - rest % step

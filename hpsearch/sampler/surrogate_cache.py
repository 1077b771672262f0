"""The judge between asks.

Hyperparameters cost most, so they are fitted now and then, in a large table once a round; a trial
that finishes in between only joins the data. In whole batches that is the controller's judge.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpsearch.method import Candidates
from hpsearch.sampler.table import BUDGET, Point, Table
from hpsearch.space import Space

if TYPE_CHECKING:
    from hpsearch.method import Acquisition

PARTS = 5  # of a round after each of which the judge is taught anew
MANY = 4  # rounds after which it is only after whole ones


class SurrogateCache:
    """A judge of one table at a time, whose pending points are the study's running trials."""

    def __init__(self) -> None:
        self._taught: tuple[Table, Space, int] | None = None  # by what, and by how many rows
        self._learned: Acquisition | None = None
        self._of: tuple[Table, int] | None = None  # the table that it knows, and its version
        self._fitted: Acquisition | None = None
        self._judge: Acquisition | None = None  # the fitted one, with pending points
        self._pending: list[Point] = []

    def pick(self, offer: Candidates, trials: int, table: Table, running: Sequence[Point]) -> Point:
        """The point that the judge keeps of what a place is offered.

        Args:
            offer: of the place.
            trials: places of the round.
            table: the finished trials.
            running: points of the running ones, by number, the asking one's not among them.
        """
        judge = self._expecting(table, trials, running)
        kept = offer.judged(judge, trials).unit
        self._pending.append(kept)
        return kept

    def _expecting(self, table: Table, trials: int, running: Sequence[Point]) -> "Acquisition":
        if self._fitted is None or self._of != (table, table.version):
            self._fitted = self._knowing(table, trials)
            self._of, self._judge = (table, table.version), None
        judge = self._judge
        if judge is None or self._pending != list(running[: len(self._pending)]):
            # Some that it waited for has ended or was another: from the beginning.
            judge, self._pending = self._fitted.copy(), []
        for point in running[len(self._pending) :]:
            judge.wait(point)
            self._pending.append(point)
        self._judge = judge
        return judge

    def _knowing(self, table: Table, trials: int) -> "Acquisition":
        """The judge of all finished trials, taught by the first of them."""
        from hpsearch.method import Acquisition  # scipy: half a second that only a judge needs

        finished = table.taken
        first = _teaching(finished, trials)
        taught = table, table.space, first
        if self._learned is None or self._taught != taught:
            self._learned = Acquisition(table.space, table.rows(first), budget=BUDGET)
            self._taught = taught
        return self._learned if first == finished else self._learned.with_rows(table.rows())


def _teaching(finished: int, trials: int) -> int:
    """By how many trials the judge of a table is taught: at first all, later whole rounds.

    Args:
        finished: trials of the table.
        trials: places of a round.
    """
    if finished < trials:
        return finished
    step = max(1, trials // PARTS) if finished < MANY * trials else trials
    rest = finished % trials
    return finished - rest % step

"""The judge between asks: fitted once a table, however many trials ask while it stays."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpsearch.rounds import Offer
from hpsearch.sampler.table import BUDGET, Point, Table

if TYPE_CHECKING:
    from hpsearch.judge import Judge


class Mind:
    """A judge of one table at a time, whose pending points are the study's running trials."""

    def __init__(self) -> None:
        self._of: tuple[Table, int] | None = None  # what it is fitted to, and its version
        self._fitted: Judge | None = None
        self._judge: Judge | None = None  # the fitted one, with pending points
        self._pending: list[Point] = []

    def pick(self, offer: Offer, trials: int, table: Table, running: Sequence[Point]) -> Point:
        """The point that the judge keeps of what a place is offered.

        Args:
            offer: of the place.
            trials: places of the round.
            table: the finished trials.
            running: points of the running ones, by number, the asking one's not among them.
        """
        judge = self._expecting(table, running)
        kept = offer.judged(judge, trials).unit
        self._pending.append(kept)
        return kept

    def _expecting(self, table: Table, running: Sequence[Point]) -> "Judge":
        if self._fitted is None or self._of != (table, table.version):
            from hpsearch.judge import Judge  # scipy: half a second that only a judge needs

            self._fitted = Judge(table.space, table.rows(), budget=BUDGET)
            self._of, self._judge = (table, table.version), None
        judge = self._judge
        if judge is None or self._pending != list(running[: len(self._pending)]):
            # Some that it waited for has ended or was another: from the beginning.
            judge, self._pending = copy.deepcopy(self._fitted), []
        for point in running[len(self._pending) :]:
            judge.wait(point)
            self._pending.append(point)
        self._judge = judge
        return judge

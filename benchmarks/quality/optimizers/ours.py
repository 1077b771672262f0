"""The method itself: rounds where trials come in batches, the sampler elsewhere."""

from collections.abc import Sequence
from typing import Literal

from hpsearch.method import rounds
from hpsearch.space import Space

from . import Optimizer, Params, Setting
from .pending import Pending

PLACES, SURVIVORS = 25, 3
Judge = Literal["gp"] | None


class Rounds:
    """Every `ask` is a round, as the controller makes it without growth."""

    def __init__(self, space: Space, seed: int, survivors: int, judge: Judge) -> None:
        self._space = space
        self._seed = seed
        self._survivors = survivors
        self._judge = judge
        self._round = 0
        self._asked = 0
        self._rows: list[rounds.Row] = []
        self._pending: Pending[rounds.Row] = Pending()

    def ask(self, count: int) -> list[Params]:
        # A run may have told in any order; the method's table is in the order of the numbers.
        rows = sorted(self._rows, key=lambda row: row.number)
        tightening = rounds.tighten(self._space, rows, round=self._round, survivors=self._survivors)
        places = rounds.propose(
            self._space,
            tightening,
            seed=self._seed,
            round=self._round,
            trials=count,
            continued=False,
            judge=self._judge,
            rows=rows,
        )
        self._round += 1
        made = []
        for place in places:
            params = self._space.decode(place.unit)
            self._pending.put(params, rounds.Row(self._asked, None, place.unit, 1))
            self._asked += 1
            made.append(params)
        return made

    def tell(self, params: Sequence[Params], values: Sequence[float]) -> None:
        for told, value in zip(params, values, strict=True):
            row = self._pending.take(told)
            self._rows.append(rounds.Row(row.number, value, row.unit, row.budget))


def make(kind: str, setting: Setting, *, survivors: int = SURVIVORS) -> Optimizer:
    judge: Judge = "gp" if kind == "gp" else None
    if setting.in_batches:
        return Rounds(setting.space, setting.seed, survivors, judge)
    from hpsearch import TighteningSampler

    from .with_optuna import Study, distributions

    sampler = TighteningSampler(
        seed=setting.seed,
        trials=PLACES,
        survivors=survivors,
        judge=judge,
        space=distributions(setting.space),
    )
    return Study(setting.space, sampler, conditional=True)

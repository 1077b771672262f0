"""The method itself: rounds where trials come in batches, the sampler elsewhere."""

from collections.abc import Sequence
from typing import Literal

from hpsearch import method
from hpsearch.space import Space

from . import Optimizer, Params, Setting
from .pending import Pending

PLACES, SURVIVORS = 25, 3
Surrogate = Literal["gp"] | None


class Rounds:
    """Every `ask` is a round, as the controller makes it without growth."""

    def __init__(self, space: Space, seed: int, survivors: int, surrogate: Surrogate) -> None:
        self._space = space
        self._seed = seed
        self._survivors = survivors
        self._surrogate = surrogate
        self._round = 0
        self._asked = 0
        self._rows: list[method.Row] = []
        self._pending: Pending[method.Row] = Pending()

    def ask(self, count: int) -> list[Params]:
        # A run may have told in any order; the method's table is in the order of the numbers.
        rows = sorted(self._rows, key=lambda row: row.number)
        tightening = method.tighten(self._space, rows, round=self._round, survivors=self._survivors)
        places = method.propose(
            self._space,
            tightening,
            method.RoundPlan(seed=self._seed, round=self._round, trials=count),
            method.Acquisition(self._space, rows, budget=1) if self._surrogate else None,
        )
        self._round += 1
        made = []
        for place in places:
            params = self._space.decode(place.unit)
            self._pending.put(params, method.Row(self._asked, None, place.unit, 1))
            self._asked += 1
            made.append(params)
        return made

    def tell(self, params: Sequence[Params], values: Sequence[float]) -> None:
        for told, value in zip(params, values, strict=True):
            row = self._pending.take(told)
            self._rows.append(method.Row(row.number, value, row.unit, row.budget))


def make(kind: str, setting: Setting, *, survivors: int = SURVIVORS) -> Optimizer:
    surrogate: Surrogate = "gp" if kind == "gp" else None
    if setting.in_batches:
        return Rounds(setting.space, setting.seed, survivors, surrogate)
    from hpsearch import TighteningSampler

    from .with_optuna import Study, distributions

    sampler = TighteningSampler(
        seed=setting.seed,
        trials=PLACES,
        survivors=survivors,
        surrogate=surrogate,
        space=distributions(setting.space),
    )
    return Study(setting.space, sampler, conditional=True)

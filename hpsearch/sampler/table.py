"""The finished trials of an Optuna study in one space, as the method's rows."""

import bisect
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from hpsearch.method import Ranking, Row, Tightening, round_width
from hpsearch.sampler.axes import ABSENT, axes
from hpsearch.sampler.conditions import ConditionLearner, SeenSpace

DRAWN = "tightening:drawn"  # a trial's system attribute: the coordinates that it was drawn at
BUDGET = 1  # Optuna's trials do not record theirs

Key = tuple[int, float, float]  # smaller is better
Point = tuple[float, ...]

_COMPLETE, _PRUNED, _INFEASIBLE = range(3)


class Table:
    """Finished trials in one space.

    Args:
        distributions: the space, by name, in its order.
        sign: 1 to minimize, -1 to maximize.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], sign: int) -> None:
        self.distributions = dict(distributions)
        self.axes = axes(distributions)
        self.count = 0  # trials read from the list that `update` gets
        self._sign = sign
        self._conditions = ConditionLearner(self.axes)
        self._ranking = Ranking(self._conditions.space())
        self._failed: list[Row] = []
        self._ended: list[tuple[datetime, int]] = []  # end time and number, sorted

    @property
    def space(self) -> SeenSpace:
        space = self._ranking.space
        assert isinstance(space, SeenSpace)
        return space

    def update(self, finished: Sequence[FrozenTrial]) -> None:
        """Add the trials that were appended to the list since the last call."""
        new = finished[self.count :]
        self.count = len(finished)
        has_new_condition = False
        for trial in new:
            point = self.point(trial)
            if trial.state == TrialState.COMPLETE:
                has_new_condition |= self._conditions.add(point)
            bisect.insort(self._ended, (trial.datetime_complete or datetime.min, trial.number))
            key = _key(trial, self._sign)
            if key is None:
                self._failed.append(Row(trial.number, None, point, BUDGET))
            else:
                self._ranking.add(Row(trial.number, key[1], point, BUDGET), key)
        if has_new_condition and (space := self._conditions.space()) != self.space:
            entries, self._ranking = self._ranking.entries, Ranking(space)
            for key, _, row in entries:
                self._ranking.add(row, key)

    def point(self, trial: FrozenTrial) -> Point:
        """A trial's point; NaN for parameters that it lacks or that are outside their range."""
        drawn = _drawn(trial)
        is_running = not trial.state.is_finished()
        coordinates = []
        for name, axis in self.axes.items():
            u = drawn.get(name)
            if name in trial.params:
                coordinates.append(axis.unit(trial.params[name], u))
            else:
                # A running trial may still ask for a parameter that was drawn for it.
                coordinates.append(u if is_running and u is not None else ABSENT)
        return tuple(coordinates)

    def tighten(self, round: int, survivors: int) -> Tightening:
        """The same as `method.tighten` of `rows`, for a round from 1 on.

        A survivor's value is comparable only with those of trials of the same state.
        """
        return Tightening(
            self._ranking.best_distinct(survivors),
            round_width(round),
            self._ranking.relative_step_sizes(),
        )

    def rows(self, first: int | None = None) -> list[Row]:
        """The finished trials by number, failed ones with no value.

        Pruned and infeasible trials, and infinite values, get finite values of their own, in order:
        worse (for an infinitely good one better) than all that are complete and feasible.

        Args:
            first: only this many, those that ended first; None for all.
        """
        wanted = {number for _, number in self._ended[:first]}
        entries = [entry for entry in self._ranking.entries if entry[1] in wanted]
        values = _finite_values([key for key, _, _ in entries])
        rows = [
            replace(row, value=value) for (_, _, row), value in zip(entries, values, strict=True)
        ]
        rows += [row for row in self._failed if row.number in wanted]
        return sorted(rows, key=lambda row: row.number)


def _drawn(trial: FrozenTrial) -> Mapping[str, float]:
    drawn: Any = trial.system_attrs.get(DRAWN)
    return drawn if isinstance(drawn, dict) else {}


def _key(trial: FrozenTrial, sign: int) -> Key | None:
    """The sort key of a finished trial; None for a failed one.

    Complete trials come first, by value; then pruned ones, by their last step (later is better) and
    the value at it, as in Optuna's TPE; then infeasible ones, by the sum of their violations.
    """
    if trial.state not in (TrialState.COMPLETE, TrialState.PRUNED):
        return None
    if (violation := sum(v for v in trial.constraints.values() if v > 0)) > 0:
        return (_INFEASIBLE, violation, 0.0)
    if trial.state == TrialState.COMPLETE:
        assert trial.value is not None
        return (_COMPLETE, sign * trial.value, 0.0)
    if not trial.intermediate_values:
        return (_PRUNED, math.inf, 0.0)
    step, value = max(trial.intermediate_values.items())
    return (_PRUNED, float(-step), math.inf if math.isnan(value) else sign * value)


def _finite_values(keys: Iterable[Key]) -> list[float]:
    """A finite value for each key, in their order; complete trials keep finite values.

    Args:
        keys: sorted.
    """
    keys = list(keys)
    finite = [key[1] for key in keys if key[0] == _COMPLETE and math.isfinite(key[1])]
    best, worst = (finite[0], finite[-1]) if finite else (0.0, 0.0)
    spacing = float(np.spacing(max(abs(best), abs(worst))))
    step = max((worst - best) / max(1, len(finite) - 1), spacing)
    step = step if finite and math.isfinite(step) else 1.0
    values: list[float] = []
    rank, last = 0, None
    for key in keys:
        if key[0] == _COMPLETE and math.isfinite(key[1]):
            values.append(key[1])
        elif key[0] == _COMPLETE and key[1] < 0:
            values.append(best - step)
        else:
            rank += key != last
            last = key
            values.append(worst + rank * step)
    return values

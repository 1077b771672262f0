"""The table of an Optuna study: its finished trials as the method's rows, kept in order.

A study grows by a trial at a time, so the order and what a round draws from are kept and brought up
to date; they are what `rounds` makes of the same rows.
"""

import bisect
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from hpsearch.method import (
    Row,
    Tightening,
    best_distinct,
    evidence_trials,
    relative_widths,
    round_width,
)
from hpsearch.sampler.axes import ABSENT, axes
from hpsearch.sampler.conditions import ConditionLearner, SeenSpace
from hpsearch.space import Choice

DRAWN = "tightening:drawn"  # a trial's system attribute: the coordinates that it was drawn at
BUDGET = 1  # Optuna's trials say nothing about theirs

Key = tuple[int, float, float]  # smaller is better
Point = tuple[float, ...]

_COMPLETE, _PRUNED, _INFEASIBLE = range(3)


class Table:
    """Finished trials in one space.

    Args:
        distributions: the space, by name, in its order.
        sign: 1 where lower is better, -1 where higher is.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], sign: int) -> None:
        self.distributions = dict(distributions)
        self.axes = axes(distributions)
        self.taken = 0  # trials, of the list that `catch_up` is given
        self.version = 0  # counts what `catch_up` has brought
        self._sign = sign
        self._activity = ConditionLearner(self.axes)
        self.space: SeenSpace = self._activity.space()
        self._numeric = [
            j for j, a in enumerate(self.axes.values()) if not isinstance(a.domain, Choice)
        ]
        self._points: list[Point] = []
        self._ended: list[tuple[datetime, int]] = []  # when, and the number, in that order
        self._masked = np.empty((0, len(self.axes)))  # NaN where a point's parameter is inactive
        self._order: list[tuple[Key, int, int]] = []  # key, number and index of the point
        self._failed: list[tuple[int, int]] = []
        self._forget()

    def _forget(self) -> None:
        self._survivors: dict[int, tuple[Row, ...]] = {}
        self._looked_at = 0  # places of the order that the survivors depend on
        self._evidence: tuple[float, ...] | None = None

    def catch_up(self, finished: Sequence[FrozenTrial]) -> None:
        """Take in what has been appended to the list since the last call."""
        new = finished[self.taken :]
        if not new:
            return
        self.taken = len(finished)
        self.version += 1
        is_other = False
        self._reserve(len(self._points) + len(new))
        for trial in new:
            point = self.point(trial)
            if trial.state == TrialState.COMPLETE:
                is_other |= self._activity.note(point)
            self._put(trial, point)
        if is_other:
            space = self._activity.space()
            if space != self.space:
                self.space = space
                for index, point in enumerate(self._points):
                    self._masked[index] = self._mask(point)
                self._forget()

    def _reserve(self, count: int) -> None:
        if count > len(self._masked):
            larger = np.full((max(64, 2 * count), len(self.axes)), np.nan)
            larger[: len(self._points)] = self._masked[: len(self._points)]
            self._masked = larger

    def _put(self, trial: FrozenTrial, point: Point) -> None:
        index = len(self._points)
        self._points.append(point)
        bisect.insort(self._ended, (trial.datetime_complete or datetime.min, trial.number))
        key = _key(trial, self._sign)
        if key is None:
            self._failed.append((trial.number, index))
            return
        self._masked[index] = self._mask(point)
        before = evidence_trials(len(self._order))
        entry = (key, trial.number, index)
        place = bisect.bisect_left(self._order, entry)
        self._order.insert(place, entry)
        if place < self._looked_at:
            self._survivors = {}
            self._looked_at = 0
        if place < before or evidence_trials(len(self._order)) != before:
            self._evidence = None

    def _mask(self, point: Point) -> Point:
        if not self.space.has_conditions:
            return point
        return tuple(
            u if on else ABSENT for u, on in zip(point, self.space.active(point), strict=True)
        )

    def point(self, trial: FrozenTrial) -> Point:
        """A trial's point; NaN for the parameters that it does not have, or not in their range."""
        drawn = _drawn(trial)
        running = not trial.state.is_finished()
        coordinates = []
        for name, axis in self.axes.items():
            u = drawn.get(name)
            if name in trial.params:
                coordinates.append(axis.unit(trial.params[name], u))
            else:
                # A running trial may not have asked yet for what was drawn for it.
                coordinates.append(u if running and u is not None else ABSENT)
        return tuple(coordinates)

    def tighten(self, round: int, survivors: int) -> Tightening:
        """As `rounds.tighten` of `rows`, for a round from 1 on.

        The survivors' values are their places in the order.
        """
        if survivors not in self._survivors:
            self._survivors[survivors] = self._best(survivors)
        if self._evidence is None:
            self._evidence = self._measured()
        return Tightening(self._survivors[survivors], round_width(round), self._evidence)

    def _best(self, count: int) -> tuple[Row, ...]:
        looked_at = 4 * count
        while True:
            head = [
                Row(number, float(place), self._points[index], BUDGET)
                for place, (_, number, index) in enumerate(self._order[:looked_at])
            ]
            best = tuple(best_distinct(self.space, head, count))
            if len(best) == count or len(head) == len(self._order):
                self._looked_at = max(self._looked_at, looked_at)
                return best
            looked_at *= 2

    def _measured(self) -> tuple[float, ...]:
        good = self._order[: evidence_trials(len(self._order))]
        # A row a parameter, contiguous: the same sums as of each parameter's own list.
        units = np.ascontiguousarray(self._masked[[index for _, _, index in good]].T)
        deviations: dict[int, float | None] = {}
        spread = np.std(units, axis=1) if len(good) > 1 else np.zeros(len(units))
        for j in self._numeric:
            present = units[j][~np.isnan(units[j])]
            if len(present) < 2:
                deviations[j] = None
            else:
                is_whole = len(present) == len(good)
                deviations[j] = float(spread[j] if is_whole else np.std(present))
        return relative_widths(deviations, len(self.axes))

    def rows(self, first: int | None = None) -> list[Row]:
        """The finished trials by number, failed ones with no value.

        Pruned and infeasible trials, and infinite values, have finite ones of their own, in order,
        worse than (an infinitely good one better than) all that is complete and feasible.

        Args:
            first: only so many, those that ended first; all of them unless given.
        """
        wanted = {number for _, number in self._ended[:first]}
        order = [entry for entry in self._order if entry[1] in wanted]
        failed = [entry for entry in self._failed if entry[0] in wanted]
        values = _finite_values([key for key, _, _ in order])
        rows = [
            Row(number, value, self._points[index], BUDGET)
            for (_, number, index), value in zip(order, values, strict=True)
        ]
        rows += [Row(number, None, self._points[index], BUDGET) for number, index in failed]
        return sorted(rows, key=lambda row: row.number)


def _drawn(trial: FrozenTrial) -> Mapping[str, float]:
    found: Any = trial.system_attrs.get(DRAWN)
    return found if isinstance(found, dict) else {}


def _key(trial: FrozenTrial, sign: int) -> Key | None:
    """Where a finished trial stands; none for a failed one.

    Complete trials by value; after them the pruned ones, those that came farther first and then by
    their last value, as Optuna's TPE ranks them; after them the infeasible ones, by how much they
    violate in total.
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
    """A finite value for each key, in their order; the finite ones of complete trials as they are.

    Args:
        keys: sorted.
    """
    keys = list(keys)
    own = [key[1] for key in keys if key[0] == _COMPLETE and math.isfinite(key[1])]
    best, worst = (own[0], own[-1]) if own else (0.0, 0.0)
    step = max((worst - best) / max(1, len(own) - 1), float(np.spacing(max(abs(best), abs(worst)))))
    step = step if own and math.isfinite(step) else 1.0
    values: list[float] = []
    place, last = 0, None
    for key in keys:
        if key[0] == _COMPLETE and math.isfinite(key[1]):
            values.append(key[1])
        elif key[0] == _COMPLETE and key[1] < 0:
            values.append(best - step)
        else:
            place += key != last
            last = key
            values.append(worst + place * step)
    return values

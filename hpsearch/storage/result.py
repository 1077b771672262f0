"""The result of a search: trials, rounds and the confirmed winners."""

import hashlib
import heapq
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hpsearch.space import Scalar
from hpsearch.storage.display import html_of
from hpsearch.storage.round_record import RoundRecord
from hpsearch.trial import Direction, Trial


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a metric over seeds."""

    mean: float
    sd: float | None  # sample standard deviation; None for a single seed
    count: int

    def __str__(self) -> str:
        return f"{self.mean:.4g}" + ("" if self.sd is None else f" ± {self.sd:.2g}")


@dataclass(frozen=True)
class Winner:
    """A candidate and its confirmation under fresh seeds.

    Attributes:
        number: the candidate's trial in the search.
        params: active hyperparameters.
        searched: its value in the search; optimistic, because the candidate was selected by it.
        confirmed: the objective over the confirmation seeds.
        metrics: every metric over the same seeds, test metrics included.
        failures: confirmations without a value.
        trials: numbers of the confirmations.
    """

    number: int
    params: Mapping[str, Scalar]
    searched: float
    confirmed: Spread
    metrics: Mapping[str, Spread]
    failures: int
    trials: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """The trials and rounds of a study, finished or not."""

    name: str
    folder: Path
    metric: str
    direction: Direction
    records: tuple[Trial, ...] = field(repr=False)
    rounds: tuple[RoundRecord, ...] = field(repr=False)

    @cached_property
    def winners(self) -> tuple[Winner, ...]:
        """Confirmed candidates, best mean first; those with a failed seed after those without."""
        return winners(self.records, self.metric, self.direction)

    @property
    def best(self) -> Winner | None:
        """The confirmed winner; None before a confirmation has ended."""
        return self.winners[0] if self.winners else None

    @property
    def best_trial(self) -> Trial | None:
        """The best single trial at the largest budget; its value is optimistic (see `Winner`)."""
        return next(iter(self.leaders(1)), None)

    def leaders(self, count: int) -> tuple[Trial, ...]:
        """The best finished trials of the search at the largest budget reached, best first."""
        finished = [t for t in self.records if t.spec.searched and value_of(t) is not None]
        budget = max((t.spec.budget for t in finished), default=0)
        comparable = [t for t in finished if t.spec.budget == budget]
        return tuple(heapq.nsmallest(count, comparable, key=self.direction.key))

    @property
    def trials(self) -> Any:
        """One row per trial: a pandas DataFrame where pandas is installed, else a list of dicts."""
        rows = [trial_row(trial) for trial in self.records]
        try:
            import pandas
        except ImportError:
            return rows
        return pandas.DataFrame(rows)

    @property
    def digest(self) -> str:
        """SHA-256 over parameters, seeds, budgets and metrics of all trials, without timings."""
        lines = [json.dumps(_identity(trial), sort_keys=True) for trial in self.records]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _repr_html_(self) -> str | None:
        """The current state of the study, for a notebook."""
        return html_of(self)


def value_of(trial: Trial) -> float | None:
    return trial.outcome.value if trial.outcome is not None else None


def state_of(trial: Trial) -> str:
    return trial.outcome.state if trial.outcome is not None else "running"


def trial_row(trial: Trial) -> dict[str, Any]:
    """A trial as one flat row, with the columns params.* and metrics.*."""
    spec, outcome = trial.spec, trial.outcome
    flat: dict[str, Any] = {
        "number": spec.number,
        "round": spec.round,
        "index": spec.index,
        "role": spec.role,
        "state": state_of(trial),
        "value": value_of(trial),
        "reason": outcome.reason if outcome else None,
        "budget": spec.budget,
        "seed": spec.seed,
        "parent": spec.parent,
        "seconds": outcome.seconds if outcome else None,
    }
    if spec.weights_of is not None:
        flat["weights_of"] = spec.weights_of
    flat |= {f"params.{name}": value for name, value in spec.params.items()}
    return flat | {f"metrics.{k}": v for k, v in (outcome.metrics if outcome else {}).items()}


def winners(trials: Sequence[Trial], metric: str, direction: Direction) -> tuple[Winner, ...]:
    by_number = {trial.spec.number: trial for trial in trials}
    confirmations: dict[int, list[Trial]] = {}
    for trial in trials:
        if trial.spec.role == "confirm" and trial.outcome is not None:
            assert trial.spec.parent is not None
            confirmations.setdefault(trial.spec.parent, []).append(trial)
    if confirmations:  # an extended search confirms once more, at its larger budget
        latest = max(group[0].spec.budget for group in confirmations.values())
        confirmations = {
            parent: group
            for parent, group in confirmations.items()
            if group[0].spec.budget == latest
        }
    confirmed = [
        _winner(by_number[parent], group, metric)
        for parent, group in confirmations.items()
        if any(value_of(trial) is not None for trial in group)
    ]
    sign = direction.sign
    return tuple(
        sorted(confirmed, key=lambda w: (w.failures > 0, sign * w.confirmed.mean, w.number))
    )


def _winner(candidate: Trial, group: Sequence[Trial], metric: str) -> Winner:
    finished = [trial.outcome for trial in group if trial.outcome and value_of(trial) is not None]
    names = list(finished[0].metrics)
    metrics = {}
    for name in names:
        values = [outcome.metrics.get(name) for outcome in finished]
        numbers = [value for value in values if value is not None]
        if len(numbers) == len(values):
            metrics[name] = spread(numbers)
    searched = value_of(candidate)
    assert searched is not None
    return Winner(
        number=candidate.spec.number,
        params=candidate.spec.params,
        searched=searched,
        confirmed=metrics[metric],
        metrics=metrics,
        failures=len(group) - len(finished),
        trials=tuple(trial.spec.number for trial in group),
    )


def spread(values: Sequence[float]) -> Spread:
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Spread(math.fsum(values) / len(values), sd, len(values))


def _identity(trial: Trial) -> dict[str, Any]:
    spec = trial.spec
    return {
        "number": spec.number,
        "role": "again" if spec.role == "rerun" else spec.role,  # the digest keeps the old word
        "params": dict(spec.params),
        "seed": spec.seed,
        "budget": spec.budget,
        "state": state_of(trial),
        "value": value_of(trial),
        "metrics": dict(trial.outcome.metrics) if trial.outcome else {},
    }

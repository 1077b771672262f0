"""One state of a study: its definition, its progress, its trials and their outcomes."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from hpsearch.space import Space
from hpsearch.storage.display import html_of
from hpsearch.storage.lineage import Lineage, trace_lineage
from hpsearch.storage.requests import PendingRequests
from hpsearch.storage.result import Result, value_of
from hpsearch.storage.round_record import SearchPlan
from hpsearch.storage.run_folder import RunFolder
from hpsearch.study import Study, training_stages
from hpsearch.trial import Folder, Report, Trial

SearchState = Literal["running", "paused", "finished", "interrupted", "failed"]


@dataclass(frozen=True)
class RunningTrial:
    """A trial that is training."""

    number: int
    step: int  # of its last report
    budget: int
    metrics: Mapping[str, float | None]
    device: str
    started: datetime  # of this attempt
    group: tuple[int, ...] = ()  # numbers of the trials in its fused group, its own included


@dataclass(frozen=True)
class RoundSummary:
    """A round that has started.

    Attributes:
        parents: survivors of the round before, best first; none in round 0.
        survivors: trials that were chosen after it, best first; none while it runs.
        best, median: over its finished trials, in the user's direction; None while there are none.
        done: trials that have ended, failures included.
        surrogate: the model that chose among candidate draws; None where the first was taken.
    """

    round: int
    budget: int
    width: float
    parents: tuple[int, ...]
    survivors: tuple[int, ...]
    best: float | None
    median: float | None
    trials: int
    done: int
    failed: int
    surrogate: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """One state of a study.

    Attributes:
        result: trials, rounds and winners.
        plan: how far the search is to go.
        study: as it is frozen in the run folder.
        holder: process, host and start of the controller at work; None when there is none.
        pending: requests that have not been carried out.
        running: trials in training.
        version: increases with every change, within one `epoch`.
        epoch: identifies the view that counts the versions.
        stamps: version of the last change of each trial, by number.
        read_reports: reads a trial's reports.
        foreign: trials in the database that another program added, which nothing else shows.
    """

    result: Result
    plan: SearchPlan
    study: Study
    holder: Mapping[str, Any] | None
    pending: PendingRequests
    running: tuple[RunningTrial, ...]
    version: int
    epoch: str
    stamps: Mapping[int, int] = field(repr=False)
    read_reports: Callable[[int], tuple[Report, ...]] = field(repr=False, compare=False)
    foreign: int = 0

    def _repr_html_(self) -> str | None:
        """This state of the study, for a notebook."""
        return html_of(self)

    @property
    def state(self) -> SearchState:
        if self.holder is not None:
            return "paused" if self.pending.paused else "running"
        if self.finished:
            return "finished"
        return "failed" if self._has_failed else "interrupted"

    @property
    def finished(self) -> bool:
        records = self.result.records
        enough = len(self.searched) >= self.plan.rounds * self.plan.trials
        confirmed = bool(self.result.winners) or self.plan.candidates * self.plan.seeds == 0
        return enough and confirmed and all(t.outcome is not None for t in records)

    @property
    def _has_failed(self) -> bool:
        """Whether every trial of the last round, or every confirmation, failed."""
        confirmations = [t for t in self.result.records if t.spec.role == "confirm"]
        last = confirmations or (self.members(len(self._rounds) - 1) if self._rounds else ())
        ended = all(t.outcome is not None for t in last)
        return bool(last) and ended and all(value_of(t) is None for t in last)

    @property
    def space(self) -> Space:
        return self.study.space

    @cached_property
    def running_groups(self) -> tuple[tuple[RunningTrial, ...], ...]:
        """The running trials, those of a fused group together."""
        groups: dict[tuple[int, ...], list[RunningTrial]] = defaultdict(list)
        for running in self.running:
            groups[running.group or (running.number,)].append(running)
        return tuple(tuple(members) for members in groups.values())

    @cached_property
    def searched(self) -> tuple[Trial, ...]:
        """The trials of the rounds, without confirmations and reruns."""
        return tuple(t for t in self.result.records if t.spec.searched)

    @cached_property
    def _by_number(self) -> Mapping[int, Trial]:
        return {trial.spec.number: trial for trial in self.result.records}

    @cached_property
    def _rounds(self) -> Mapping[int, tuple[Trial, ...]]:
        members: dict[int, list[Trial]] = defaultdict(list)
        for trial in self.searched:
            members[trial.spec.round].append(trial)
        return {r: tuple(sorted(m, key=lambda t: t.spec.index)) for r, m in members.items()}

    def trial(self, number: int) -> Trial:
        """The trial of this number.

        Raises:
            KeyError: there is none.
        """
        return self._by_number[number]

    def members(self, round: int) -> tuple[Trial, ...]:
        """The trials of a round, in order."""
        return self._rounds.get(round, ())

    @cached_property
    def rounds(self) -> tuple[RoundSummary, ...]:
        """The rounds that have started."""
        return tuple(self.round(number) for number in range(len(self.result.rounds)))

    def round(self, number: int) -> RoundSummary:
        records = self.result.rounds
        record, members = records[number], self.members(number)
        values = [v for t in members if (v := value_of(t)) is not None]
        done = sum(t.outcome is not None for t in members)
        last = number + 1 == len(records)
        return RoundSummary(
            round=record.round,
            budget=record.budget,
            width=record.width,
            parents=record.survivors,
            survivors=self._candidates if last else records[number + 1].survivors,
            best=self.result.direction.best(values) if values else None,
            median=statistics.median(values) if values else None,
            trials=len(members),
            done=done,
            failed=done - len(values),
            surrogate=record.surrogate,
        )

    @cached_property
    def _candidates(self) -> tuple[int, ...]:
        """Numbers of the trials that are confirmed at the largest budget, best first."""
        trials = [t.spec for t in self.result.records if t.spec.role == "confirm"]
        latest = max((spec.budget for spec in trials), default=0)
        parents = [spec.parent for spec in trials if spec.budget == latest]
        return tuple(dict.fromkeys(number for number in parents if number is not None))

    def folder(self, number: int) -> Folder:
        return RunFolder(self.result.folder).trial(number)

    def reports(self, number: int) -> tuple[Report, ...]:
        """A trial's own reports, all metrics."""
        return self.read_reports(number)

    def curve(self, number: int, metric: str | None = None) -> list[tuple[int, float | None]]:
        """A metric (by default the objective) by step, from the first ancestor's first report on.

        Returns:
            (step, value) pairs; None where the value was not finite.
        """
        name = metric or self.result.metric
        points: dict[int, float | None] = {}
        for ancestor in self.ancestors(number):
            reports = self.reports(ancestor)
            points |= {r.step: r.metrics[name] for r in reports if name in r.metrics}
        return sorted(points.items())

    def ancestors(self, number: int) -> list[int]:
        """The trial and the trials that it continues, oldest first."""
        chain = [number]
        while (spec := self.trial(chain[0]).spec).role == "continue" and spec.parent is not None:
            chain.insert(0, spec.parent)
        return chain

    def lineage(self, number: int) -> Lineage:
        """The origin of a trial's parameters."""
        trial = self.trial(number)
        records = [r for r in self.result.rounds if r.round == trial.spec.round]
        record = records[0] if records else None
        parents = [self.trial(n) for n in record.survivors] if record else []
        return trace_lineage(self.study, record, parents, trial)

    def failures(self) -> Mapping[str, tuple[Trial, ...]]:
        """Failed trials by reason, the most frequent first."""
        groups: dict[str, list[Trial]] = defaultdict(list)
        for trial in self.result.records:
            if trial.outcome is not None and trial.outcome.state == "fail":
                groups[str(trial.outcome.reason)].append(trial)
        ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
        return {reason: tuple(trials) for reason, trials in ordered}

    def own_steps(self, trial: Trial) -> int:
        """Planned steps of a trial without those of its parent; 0 for a rerun."""
        spec = trial.spec
        if spec.role == "rerun":
            return 0
        if spec.role != "continue" or spec.parent is None:
            return spec.budget
        return spec.budget - self.trial(spec.parent).spec.budget

    @cached_property
    def _since(self) -> datetime | None:
        """Start of the running controller."""
        try:
            return datetime.fromisoformat(str(self.holder["since"])) if self.holder else None
        except ValueError:
            return None

    @property
    def seconds_gone(self) -> float | None:
        """Seconds since the running controller started; None when there is none."""
        return None if self._since is None else (datetime.now() - self._since).total_seconds()

    @cached_property
    def seconds_left(self) -> float | None:
        """Seconds to the end, extrapolated from the mean time of a step in this session.

        None when no controller runs, or no trial has ended since it started.
        """
        since, gone = self._since, self.seconds_gone
        if since is None or gone is None:
            return None
        ended = [(t.ended, self.own_steps(t)) for t in self.result.records if t.outcome is not None]
        done = sum(steps for _, steps in ended)
        now_done = sum(steps for end, steps in ended if end is not None and end >= since)
        if not now_done:
            return None
        partly = 0
        for running in self.running:
            own = self.own_steps(self.trial(running.number))
            partly += min(own, max(0, running.step - (running.budget - own)))
        search = replace(self.study.search, rounds=self.plan.rounds)
        total = sum(stage.steps for stage in training_stages(replace(self.study, search=search)))
        return max(0, total - done - partly) * gone / (now_done + partly)

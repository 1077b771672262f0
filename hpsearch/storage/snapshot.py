"""One state of a study: what it is, where it stands, and what its trials were and gave."""

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
    """A trial that has begun and not ended."""

    number: int
    step: int  # of its last report
    budget: int
    metrics: Mapping[str, float | None]
    device: str
    started: datetime  # this attempt
    group: tuple[int, ...] = ()  # the trials that it is fused with, and itself


@dataclass(frozen=True)
class RoundSummary:
    """A round that has begun.

    Attributes:
        parents: the survivors that it drew from, best first; none in round 0.
        survivors: the trials that were chosen after it, best first; none while it is open.
        best, median: over its finished trials, in the user's direction; None while there are none.
        done: trials that have ended, failures included.
        judge: who picked its draws among several; None where the first was taken.
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
    judge: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """One state of a study.

    Attributes:
        result: trials, rounds and winners.
        plan: how far the search is to go.
        study: as it is frozen in the run folder.
        holder: process, host and start of the controller at work; None when there is none.
        pending: what people have asked for and has not happened yet.
        running: what is being trained at the moment.
        version: grows with every change, within one `epoch`.
        epoch: differs when the versions have begun anew.
        stamps: the version in which each trial changed last.
        read_reports: reads a trial's reports.
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
        """Whether the search has nothing to go on with: a whole round, or all confirmations."""
        confirmations = [t for t in self.result.records if t.spec.role == "confirm"]
        last = confirmations or (self.members(len(self._rounds) - 1) if self._rounds else ())
        ended = all(t.outcome is not None for t in last)
        return bool(last) and ended and all(value_of(t) is None for t in last)

    @property
    def space(self) -> Space:
        return self.study.space

    @cached_property
    def places(self) -> tuple[tuple[RunningTrial, ...], ...]:
        """What is being trained, the trials of a fused group together."""
        places: dict[tuple[int, ...], list[RunningTrial]] = defaultdict(list)
        for running in self.running:
            places[running.group or (running.number,)].append(running)
        return tuple(tuple(members) for members in places.values())

    @cached_property
    def searched(self) -> tuple[Trial, ...]:
        """The trials of the rounds, without confirmations and repeats."""
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
        """Raises KeyError if there is none."""
        return self._by_number[number]

    def members(self, round: int) -> tuple[Trial, ...]:
        """The trials of a round, in order."""
        return self._rounds.get(round, ())

    @cached_property
    def rounds(self) -> tuple[RoundSummary, ...]:
        """The rounds that have begun."""
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
            judge=record.judge,
        )

    @cached_property
    def _candidates(self) -> tuple[int, ...]:
        """The trials that are confirmed at the largest budget, best first."""
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
        """A metric (the objective unless given) by step; a continuation's begins with its parent's.

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
        """The trial and those that it continues, oldest first."""
        chain = [number]
        while (spec := self.trial(chain[0]).spec).role == "continue" and spec.parent is not None:
            chain.insert(0, spec.parent)
        return chain

    def lineage(self, number: int) -> Lineage:
        """Where a trial's parameters come from."""
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
        """Steps of the plan that a trial trains for itself, without those of its parent."""
        spec = trial.spec
        if spec.role == "rerun":
            return 0
        if spec.role != "continue" or spec.parent is None:
            return spec.budget
        return spec.budget - self.trial(spec.parent).spec.budget

    @cached_property
    def _since(self) -> datetime | None:
        """When the controller at work began."""
        try:
            return datetime.fromisoformat(str(self.holder["since"])) if self.holder else None
        except ValueError:
            return None

    @property
    def seconds_gone(self) -> float | None:
        """Since the controller at work began; None when there is none."""
        return None if self._since is None else (datetime.now() - self._since).total_seconds()

    @cached_property
    def seconds_left(self) -> float | None:
        """Until the end, if the steps to come cost what those of this session did.

        None when nobody is at work, or nothing has ended since the controller began.
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

"""Which trials of a study would train as one, round by round, before they do.

Round 0 is as it will be. What the later rounds draw depends on who survives, which nobody knows
yet, so they are drawn around survivors of random rankings, several times over.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hpsearch.controller.trial_table import TrialTable
from hpsearch.method import Shape, entry_name, shape_of, shared_structure
from hpsearch.study import Study, TrainerDescription
from hpsearch.trial import Outcome, Spec, Trial
from hpsearch.workers import mean_group_size

RANKINGS = 20
_RANKING = 2**31 + 2  # first word of their spawn keys; no round has this number


@dataclass(frozen=True)
class ForecastGroup:
    """Trials of one shape."""

    shape: Shape
    specs: tuple[Spec, ...]


@dataclass(frozen=True)
class RoundForecast:
    """A round's groups.

    Attributes:
        round: its number.
        source: "sure" for one that is drawn from the study alone, "recorded" for one that was run,
            "random" for one drawn around survivors of random rankings.
        trials: in the round.
        groups: of the first ranking, the largest first.
        count: of groups, in the mean over the rankings.
        mean: the size of the group that the average trial finds itself in, over the rankings.
        without: that size if a structural parameter split nothing, for each that splits anything.
    """

    round: int
    source: Literal["sure", "recorded", "random"]
    trials: int
    groups: tuple[ForecastGroup, ...]
    count: float
    mean: float
    without: Mapping[str, float]


def forecast_groups(
    study: Study, description: TrainerDescription, recorded: Sequence[Trial] = ()
) -> list[RoundForecast]:
    """The rounds of a study.

    Args:
        study: to look at.
        description: of its trainer.
        recorded: trials of a run folder of the study; rounds that it has are as it has them.
    """
    # Of values without a meaning a judge would make nothing but work.
    study = replace(study, search=replace(study.search, surrogate="none"))
    began = {trial.spec.round for trial in recorded if trial.spec.searched}
    rankings = [_search(study, description, recorded, n) for n in range(RANKINGS)]
    rounds = []
    for number in range(study.search.rounds):
        source: Literal["sure", "recorded", "random"] = "random"
        if number in began:
            source = "recorded"
        elif number == 0:
            source = "sure"
        rounds.append(_summary(number, source, description, [found[number] for found in rankings]))
    return rounds


def _search(
    study: Study, description: TrainerDescription, recorded: Iterable[Trial], ranking: int
) -> list[list[ForecastGroup]]:
    """The groups of each round; trials without a value get a random one."""
    key = np.random.SeedSequence(study.search.seed, spawn_key=(_RANKING, ranking))
    random = np.random.default_rng(key)
    shared = shared_structure(description.structure, study.space, description.defaults)
    table = TrialTable(study, recorded, shared)
    found = []
    for round in range(study.search.rounds):
        if not table.members(round):
            for spec in table.round_specs(round)[1]:
                table.put(Trial(spec))
        for trial in table.members(round):
            if trial.outcome is None:
                table.put(replace(trial, outcome=Outcome("complete", random.random(), {})))
        specs = [trial.spec for trial in table.members(round)]
        found.append(_groups(study, description, specs))
    return found


def _groups(
    study: Study, description: TrainerDescription, specs: Sequence[Spec]
) -> list[ForecastGroup]:
    """By shape, the largest first; how many of one shape train at a time is the launcher's."""
    found: dict[str, ForecastGroup] = {}
    for spec in specs:
        shape = shape_of(
            spec.params, study.fixed, description.defaults, description.structure, study.space
        )
        known = found.get(shape.key, ForecastGroup(shape, ()))
        found[shape.key] = ForecastGroup(shape, (*known.specs, spec))
    return sorted(found.values(), key=lambda group: -len(group.specs))


def _summary(
    number: int,
    source: Literal["sure", "recorded", "random"],
    description: TrainerDescription,
    rankings: Sequence[Sequence[ForecastGroup]],
) -> RoundForecast:
    mean = statistics.fmean(mean_group_size(_sizes(groups)) for groups in rankings)
    without = {}
    for name in map(entry_name, description.structure):
        size = statistics.fmean(mean_group_size(_sizes(groups, name)) for groups in rankings)
        if size > mean + 1e-9:
            without[name] = size
    return RoundForecast(
        round=number,
        source=source,
        trials=sum(_sizes(rankings[0])),
        groups=tuple(rankings[0]),
        count=statistics.fmean(len(groups) for groups in rankings),
        mean=mean,
        without=dict(sorted(without.items(), key=lambda item: -item[1])),
    )


def _sizes(groups: Sequence[ForecastGroup], ignored: str | None = None) -> list[int]:
    """Members of each group, were it not for one parameter."""
    merged: dict[str, int] = {}
    for group in groups:
        values = {k: v for k, v in group.shape.values.items() if k != ignored}
        varying = {k: v for k, v in group.shape.varying.items() if k != ignored}
        key = Shape(values, varying).key
        merged[key] = merged.get(key, 0) + len(group.specs)
    return list(merged.values())

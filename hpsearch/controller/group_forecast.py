"""Forecasts the fused groups of each round before any trial runs.

Round 0 is drawn as the search will draw it. Later rounds depend on the survivors, which are not
known yet, so they are drawn around the survivors of several random rankings.
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
_RANKING = 2**31 + 2  # first word of the spawn keys; no round has this number


@dataclass(frozen=True)
class ForecastGroup:
    """Trials of one shape."""

    shape: Shape
    specs: tuple[Spec, ...]


@dataclass(frozen=True)
class RoundForecast:
    """A round's groups.

    Attributes:
        round: the round's number.
        source: "sure" for a round drawn from the study alone, "recorded" for one that was run,
            "random" for one drawn around survivors of random rankings.
        trials: number of trials.
        groups: those of the first ranking, the largest first.
        count: mean number of groups over the rankings.
        mean: mean group size over trials and rankings.
        without: `mean` if a structural parameter split no group, for each that splits one.
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
    """Forecast every round of a study.

    Args:
        study: the study.
        description: the description of its trainer.
        recorded: trials of the study's run folder; their rounds are taken from there.
    """
    # The values are random, so fitting a surrogate to them would be wasted time.
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
        rounds.append(
            _summary(number, source, description, [ranking[number] for ranking in rankings])
        )
    return rounds


def _search(
    study: Study, description: TrainerDescription, recorded: Iterable[Trial], ranking: int
) -> list[list[ForecastGroup]]:
    """The groups of each round; trials without a value get a random one."""
    key = np.random.SeedSequence(study.search.seed, spawn_key=(_RANKING, ranking))
    random = np.random.default_rng(key)
    shared = shared_structure(description.structure, study.space, description.defaults)
    table = TrialTable(study, recorded, shared)
    rounds = []
    for round in range(study.search.rounds):
        if not table.members(round):
            for spec in table.round_specs(round)[1]:
                table.put(Trial(spec))
        for trial in table.members(round):
            if trial.outcome is None:
                table.put(replace(trial, outcome=Outcome("complete", random.random(), {})))
        specs = [trial.spec for trial in table.members(round)]
        rounds.append(_groups(study, description, specs))
    return rounds


def _groups(
    study: Study, description: TrainerDescription, specs: Sequence[Spec]
) -> list[ForecastGroup]:
    """Trials by shape, the largest group first; group size limits are not applied."""
    groups: dict[str, ForecastGroup] = {}
    for spec in specs:
        shape = shape_of(
            spec.params, study.fixed, description.defaults, description.structure, study.space
        )
        known = groups.get(shape.key, ForecastGroup(shape, ()))
        groups[shape.key] = ForecastGroup(shape, (*known.specs, spec))
    return sorted(groups.values(), key=lambda group: -len(group.specs))


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
    """Group sizes; groups that differ only in the `ignored` parameter are merged."""
    merged: dict[str, int] = {}
    for group in groups:
        values = {k: v for k, v in group.shape.values.items() if k != ignored}
        varying = {k: v for k, v in group.shape.varying.items() if k != ignored}
        key = Shape(values, varying).key
        merged[key] = merged.get(key, 0) + len(group.specs)
    return list(merged.values())

"""Importance of the parameters: Optuna's PED-ANOVA (Watanabe et al. 2023).

A parameter is important if its distribution among the good trials differs from that among all
trials. Values enter as ranks among the trials of equal budget: budgets grow while the parameters
tighten, so the effect of the budget on raw values would be attributed to the parameters.
"""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import create_trial

from hpsearch.space import Choice, Domain, Parameter, Scalar, Space
from hpsearch.storage import optuna_distribution, value_of
from hpsearch.trial import Direction, Trial

LATEST = 1000  # trials
_MIN_TRIALS = 10
_GOOD = 0.2  # quantile of the good trials


@dataclass(frozen=True)
class Importance:
    """Importance of one parameter.

    Attributes:
        share: of the sum over all parameters, 0 to 1.
        trials: number of trials that have the parameter.
    """

    share: float
    trials: int


def importance(
    space: Space, trials: Sequence[Trial], direction: Direction
) -> Mapping[str, Importance]:
    """The importance of each parameter, the highest first.

    Failed and unfinished trials are left out, and parameters with fewer than ten trials or two
    distinct values.
    """
    finished = [t for t in trials if value_of(t) is not None][-LATEST:]
    study = _study(space, finished, _ranks(finished, direction))
    evaluator = PedAnovaImportanceEvaluator(target_quantile=_GOOD)
    raw: dict[str, tuple[float, int]] = {}
    for name in space.names:
        values = [t.params[name] for t in study.get_trials(deepcopy=False) if name in t.params]
        if len(values) < _MIN_TRIALS or len(set(map(str, values))) < 2:
            continue
        # One parameter per call, so that Optuna uses all trials that have it. Not by
        # `get_param_importances`, which would normalize each to 1.
        score = evaluator.evaluate(study, params=[name])[name]
        raw[name] = (score if math.isfinite(score) else 0.0, len(values))
    total = sum(value for value, _ in raw.values())
    shares = {name: Importance(v / total if total else 0.0, n) for name, (v, n) in raw.items()}
    return dict(sorted(shares.items(), key=lambda item: (-item[1].share, item[0])))


def _ranks(trials: Sequence[Trial], direction: Direction) -> dict[int, float]:
    """0 for the best to 1 for the worst among the trials of equal budget; ties share a rank."""
    groups: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for trial in trials:
        groups[trial.spec.budget].append(direction.key(trial))
    ranks = {}
    for group in groups.values():
        ordered = sorted(value for value, _ in group)
        for value, number in group:
            middle = (bisect_left(ordered, value) + bisect_right(ordered, value)) / 2
            ranks[number] = middle / len(group)
    return ranks


def _searched_domain(parameter: Parameter, trials: Sequence[Trial]) -> Domain:
    """The domain, cut to the trials: the evaluator's grid has few points."""
    name, domain = parameter.name, parameter.domain
    if isinstance(domain, Choice) or domain.within is None:
        return domain
    values = [t.spec.params[name] for t in trials if domain.contains(t.spec.params.get(name))]
    ends = (min([domain.low, *values]), max([domain.high, *values]))  # type: ignore[type-var]
    return replace(domain, within=ends)  # type: ignore[arg-type]


def _optuna_range(domain: Domain) -> BaseDistribution:
    """As the database's, but an option is its index: Optuna cannot tell True from 1."""
    if isinstance(domain, Choice):
        return CategoricalDistribution(tuple(range(len(domain.options))))
    return optuna_distribution(domain)


def _optuna_value(domain: Domain, value: Scalar) -> Scalar:
    return domain.index(value) if isinstance(domain, Choice) else value


def _study(space: Space, trials: Sequence[Trial], ranks: Mapping[int, float]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize")
    ranges = {p.name: _optuna_range(_searched_domain(p, trials)) for p in space}
    for trial in trials:
        values = trial.spec.params
        active = [p for p in space if p.name in values and p.domain.contains(values[p.name])]
        params = {p.name: _optuna_value(p.domain, values[p.name]) for p in active}
        bases = {p.name: ranges[p.name] for p in active}
        rank = ranks[trial.spec.number]
        study.add_trial(create_trial(value=rank, params=params, distributions=bases))
    return study

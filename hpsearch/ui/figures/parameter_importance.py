"""Which parameters matter: Optuna's PED-ANOVA over the trials that may be compared.

A parameter matters as far as the good trials agree on it and all trials do not. Values enter as
ranks among the trials of equal budget, so that a budget that grows from round to round is not taken
for an effect of the parameters, which tighten in the same rounds.
"""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import optuna
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import create_trial

from hpsearch.space import Choice, Domain, Parameter, Space
from hpsearch.storage import optuna_distribution, value_of
from hpsearch.trial import Direction, Trial

LATEST = 1000  # trials
_FEWEST = 10
_GOOD = 0.2  # the share of the trials whose agreement counts


@dataclass(frozen=True)
class Importance:
    """Of one parameter.

    Attributes:
        share: of the sum over all parameters.
        trials: that have the parameter, and that it was judged by.
    """

    share: float
    trials: int


def importance(
    space: Space, trials: Sequence[Trial], direction: Direction
) -> Mapping[str, Importance]:
    """How much each parameter matters, the most important first.

    Args:
        space: of the study.
        trials: of the search; failed ones and those not ended are left out.
        direction: of the objective.

    Returns:
        Parameters that at least ten trials have and that took two values among them.
    """
    finished = [t for t in trials if value_of(t) is not None][-LATEST:]
    study = _study(space, finished, _ranks(finished, direction))
    evaluator = PedAnovaImportanceEvaluator(target_quantile=_GOOD)
    raw: dict[str, tuple[float, int]] = {}
    for name in space.names:
        values = [t.params[name] for t in study.get_trials(deepcopy=False) if name in t.params]
        if len(values) < _FEWEST or len(set(map(str, values))) < 2:
            continue
        # One at a time, so that Optuna takes all trials that have it; and from the evaluator, as
        # `get_param_importances` would make each one's share of itself 1.
        found = evaluator.evaluate(study, params=[name])
        raw[name] = (found[name] if math.isfinite(found[name]) else 0.0, len(values))
    total = sum(value for value, _ in raw.values())
    shares = {name: Importance(v / total if total else 0.0, n) for name, (v, n) in raw.items()}
    return dict(sorted(shares.items(), key=lambda item: (-item[1].share, item[0])))


def _ranks(trials: Sequence[Trial], direction: Direction) -> dict[int, float]:
    """0 for the best to 1 for the worst among the trials of equal budget; ties share a rank."""
    groups: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for trial in trials:
        groups[trial.spec.budget].append(direction.key(trial))
    found = {}
    for group in groups.values():
        ordered = sorted(value for value, _ in group)
        for value, number in group:
            middle = (bisect_left(ordered, value) + bisect_right(ordered, value)) / 2
            found[number] = middle / len(group)
    return found


def _reached(parameter: Parameter, trials: Sequence[Trial]) -> Domain:
    """The range and what trials lie beyond it: the grid of the evaluator has few points."""
    name, domain = parameter.name, parameter.domain
    if isinstance(domain, Choice) or domain.within is None:
        return domain
    values = [t.spec.params[name] for t in trials if domain.contains(t.spec.params.get(name))]
    ends = (min([domain.low, *values]), max([domain.high, *values]))  # type: ignore[type-var]
    return replace(domain, within=ends)  # type: ignore[arg-type]


def _study(space: Space, trials: Sequence[Trial], ranks: Mapping[int, float]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize")
    ranges = {p.name: optuna_distribution(_reached(p, trials)) for p in space}
    for trial in trials:
        params = {
            parameter.name: trial.spec.params[parameter.name]
            for parameter in space
            if parameter.name in trial.spec.params
            and parameter.domain.contains(trial.spec.params[parameter.name])
        }
        bases = {name: ranges[name] for name in params}
        rank = ranks[trial.spec.number]
        study.add_trial(create_trial(value=rank, params=params, distributions=bases))
    return study

"""Between the method and the study: trials as rows of its table, its proposals as trials."""

import math
from collections.abc import Iterable, Mapping, Sequence

from hpsearch import rounds
from hpsearch.result import value_of
from hpsearch.space import Scalar, Space
from hpsearch.store import RoundRecord
from hpsearch.study import Study
from hpsearch.trial import Spec, Trial


def comparable(study: Study, trials: Iterable[Trial], number: int) -> list[rounds.Row]:
    """What round `number` may compare: the trials measured at the budget before it."""
    if number == 0:
        return []
    budget = study.budget.at(number - 1)
    sign = 1 if study.objective.direction == "minimize" else -1
    rows = []
    for trial in trials:
        spec = trial.spec
        if spec.role == "confirm" or spec.round >= number or spec.budget != budget:
            continue
        point = unit(study.space, spec)
        if point is not None:
            value = value_of(trial)
            rows.append(
                rounds.Row(spec.number, None if value is None else sign * value, point, budget)
            )
    return rows


def round_specs(
    study: Study, trials: Mapping[int, Trial], number: int
) -> tuple[RoundRecord, list[Spec]]:
    """The trials of round `number`, and what they were drawn from.

    Args:
        study: the study.
        trials: by number, all that were recorded in the rounds before.
        number: of the round.
    """
    budget = study.budget.at(number)
    tightening = rounds.tighten(
        study.space,
        comparable(study, trials.values(), number),
        round=number,
        survivors=study.search.survivors,
    )
    proposals = rounds.propose(
        study.space,
        tightening,
        seed=study.search.seed,
        round=number,
        trials=study.search.trials,
        continued=number > 0 and budget > study.budget.at(number - 1),
        start=study.start,
    )
    record = RoundRecord(
        round=number,
        budget=budget,
        width=tightening.width,
        evidence=dict(zip(study.space.names, tightening.evidence, strict=True)),
        survivors=tuple(row.number for row in tightening.survivors),
    )
    return record, [_spec(study, trials, record, proposal) for proposal in proposals]


def _spec(
    study: Study, trials: Mapping[int, Trial], record: RoundRecord, proposal: rounds.Proposal
) -> Spec:
    params: Mapping[str, Scalar] = study.space.decode(proposal.unit)
    seed = proposal.seed
    if proposal.parent is not None:
        # A continuation is its parent's training, longer: the same seed, the same streams.
        parent = trials[proposal.parent].spec
        params, seed = parent.params, parent.seed
    return Spec(
        number=len(trials) + proposal.index,
        round=record.round,
        index=proposal.index,
        role=proposal.role,
        params=params,
        unit=proposal.unit,
        seed=seed,
        budget=record.budget,
        parent=proposal.parent,
        threads=study.resources.threads,
    )


def confirm_specs(
    study: Study, trials: Mapping[int, Trial], candidates: Sequence[rounds.Row], last: int
) -> list[Spec]:
    """Every candidate under every fresh seed, those that have been recorded already included."""
    budget = study.budget.at(last)
    known = {
        (trial.spec.parent, trial.spec.seed): trial.spec
        for trial in trials.values()
        if trial.spec.role == "confirm" and trial.spec.budget == budget
    }
    specs: list[Spec] = []
    new = len(trials)
    for row in candidates:
        for repeat in range(study.confirm.seeds):
            seed = rounds.confirm_seed(study.search.seed, repeat)
            spec = known.get((row.number, seed))
            if spec is None:
                spec = Spec(
                    number=new,
                    round=last,
                    index=len(specs),
                    role="confirm",
                    params=trials[row.number].spec.params,
                    unit=row.unit,
                    seed=seed,
                    budget=budget,
                    parent=row.number,
                    threads=study.resources.threads,
                )
                new += 1
            specs.append(spec)
    return specs


def unit(space: Space, spec: Spec) -> tuple[float, ...] | None:
    """A trial's point in the study's space; None if an accepted change left it no place there."""
    if len(spec.unit) == len(space) and space.decode(spec.unit) == dict(spec.params):
        return spec.unit
    domains = {parameter.name: parameter.domain for parameter in space}
    if not all(n in domains and domains[n].contains(v) for n, v in spec.params.items()):
        return None
    point = tuple(
        domain.encode(spec.params[name]) if name in spec.params else 0.5
        for name, domain in domains.items()
    )
    active = {name for name, on in zip(space.names, space.active(point), strict=True) if on}
    return point if active == set(spec.params) and all(map(math.isfinite, point)) else None

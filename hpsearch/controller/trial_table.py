"""Translates between trials and the method: trials to rows, proposals to trials."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from hpsearch.method import (
    NO_BLOCKS,
    Blocks,
    Proposal,
    RoundPlan,
    Row,
    Structure,
    best_distinct,
    confirm_seed,
    propose,
    rerun_seed,
    tighten,
)
from hpsearch.space import Scalar, Space, same
from hpsearch.storage import RoundRecord, value_of
from hpsearch.study import Study
from hpsearch.trial import Spec, Trial


class TrialTable:
    """The trials of a study, as rows for the method.

    Args:
        study: the study.
        trials: the recorded trials, finished or not.
        shared: the structure that trials of a block share, from `method.shared_structure`.
    """

    def __init__(self, study: Study, trials: Iterable[Trial], shared: Structure = ()) -> None:
        self._study = study
        self._shared = shared
        self._trials: dict[int, Trial] = {}
        self._points: dict[int, tuple[float, ...] | None] = {}
        for trial in trials:
            self.put(trial)

    def __len__(self) -> int:
        return len(self._trials)

    def __contains__(self, number: int) -> bool:
        return number in self._trials

    def __getitem__(self, number: int) -> Trial:
        return self._trials[number]

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials.values())

    def put(self, trial: Trial) -> None:
        """Add a trial, or replace it by its state with an outcome."""
        number = trial.spec.number
        self._trials[number] = trial
        if number not in self._points:
            self._points[number] = unit_point(self._study.space, trial.spec)

    def members(self, round: int) -> list[Trial]:
        """The trials that the method drew for a round, in the order in which they were added."""
        return [t for t in self if t.spec.round == round and t.spec.searched]

    def comparable(self, round: int) -> list[Row]:
        """The rows that round `round` ranks: trials at the budget of the round before it."""
        if round == 0:
            return []
        budget = self._study.budget.at(round - 1)
        return [row for row in self.before(round) if row.budget == budget]

    def before(self, round: int) -> list[Row]:
        """The finished trials of the rounds before `round`, at any budget."""
        sign = self._study.objective.direction.sign
        rows = []
        for trial in self:
            spec = trial.spec
            point = self._points[spec.number]
            if trial.outcome is None or point is None or not spec.searched:
                continue
            if spec.round < round:
                value = value_of(trial)
                signed = None if value is None else sign * value
                rows.append(Row(spec.number, signed, point, spec.budget))
        return rows

    def best(self, round: int, count: int) -> list[Row]:
        """The best distinct trials after round `round`."""
        return best_distinct(self._study.space, self.comparable(round + 1), count)

    def round_specs(self, round: int) -> tuple[RoundRecord, list[Spec]]:
        """The trials of a new round, and the record of the ranges that they are drawn from."""
        study = self._study
        budget = study.budget.at(round)
        tightening = tighten(
            study.space,
            self.comparable(round),
            round=round,
            survivors=study.search.survivors,
        )
        surrogate = study.search.surrogate if round > 0 else "none"
        acquisition = None
        if surrogate == "gp":
            from hpsearch.method import Acquisition  # scipy takes 0.5 s to import

            acquisition = Acquisition(study.space, self.before(round), budget=budget)
        plan = RoundPlan(
            seed=study.search.seed,
            round=round,
            trials=study.search.trials,
            continued=round > 0 and budget > study.budget.at(round - 1),
            start=study.start,
            blocks=Blocks(study.search.structures_in(round), self._shared),
        )
        proposals = propose(study.space, tightening, plan, acquisition)
        record = RoundRecord(
            round=round,
            budget=budget,
            width=tightening.width,
            step_sizes=dict(zip(study.space.names, tightening.step_sizes, strict=True)),
            survivors=tuple(row.number for row in tightening.survivors),
            blocks=plan.blocks if plan.blocks else NO_BLOCKS,
            surrogate=None if surrogate == "none" else surrogate,
        )
        return record, [self._spec(record, proposal) for proposal in proposals]

    def _spec(self, record: RoundRecord, proposal: Proposal) -> Spec:
        params: Mapping[str, Scalar] = self._study.space.decode(proposal.unit)
        seed = proposal.seed
        if proposal.parent is not None:
            # A continuation is a longer training of its parent: the same seed, the same streams.
            parent = self[proposal.parent].spec
            params, seed = parent.params, parent.seed
        return Spec(
            number=len(self) + proposal.index,
            round=record.round,
            index=proposal.index,
            role=proposal.role,
            params=params,
            unit=proposal.unit,
            seed=seed,
            budget=record.budget,
            parent=proposal.parent,
            threads=self._study.resources.threads,
            candidate=proposal.candidate,
            weights_of=proposal.origin if self._study.search.inherit == "weights" else None,
        )

    def confirm_specs(self, candidates: Sequence[Row], last: int) -> list[Spec]:
        """Each candidate under each confirmation seed; recorded trials keep their numbers."""
        budget = self._study.budget.at(last)
        known = {
            (trial.spec.parent, trial.spec.seed): trial.spec
            for trial in self
            if trial.spec.role == "confirm" and trial.spec.budget == budget
        }
        specs: list[Spec] = []
        number = len(self)
        for row in candidates:
            for repeat in range(self._study.confirm.seeds):
                seed = confirm_seed(self._study.search.seed, repeat)
                spec = known.get((row.number, seed))
                if spec is None:
                    spec = Spec(
                        number=number,
                        round=last,
                        index=len(specs),
                        role="confirm",
                        params=self[row.number].spec.params,
                        unit=row.unit,
                        seed=seed,
                        budget=budget,
                        parent=row.number,
                        threads=self._study.resources.threads,
                    )
                    number += 1
                specs.append(spec)
        return specs

    def rerun_spec(self, parent: int, repeat: int) -> Spec | None:
        """Rerun number `repeat` of `parent`: its parameters from scratch under a fresh seed.

        Returns:
            The recorded spec, if there is one, or a new one; None if there is no such trial, or an
            accepted change of the study left its parameters outside the space.
        """
        seed = rerun_seed(self._study.search.seed, parent, repeat)
        for trial in self:
            if (trial.spec.role, trial.spec.parent, trial.spec.seed) == ("rerun", parent, seed):
                return trial.spec
        point = self._points.get(parent)
        if point is None:
            return None
        return replace(
            self[parent].spec,
            unit=point,
            number=len(self),
            index=repeat,
            role="rerun",
            seed=seed,
            parent=parent,
            group=(),
            weights_of=None,
            candidate=0,
            threads=self._study.resources.threads,
        )


def _are_same(a: Mapping[str, Scalar], b: Mapping[str, Scalar]) -> bool:
    return a.keys() == b.keys() and all(same(value, b[name]) for name, value in a.items())


def unit_point(space: Space, spec: Spec) -> tuple[float, ...] | None:
    """A trial's point in the unit cube; None if an accepted change left it outside the space."""
    if len(spec.unit) == len(space) and _are_same(space.decode(spec.unit), spec.params):
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

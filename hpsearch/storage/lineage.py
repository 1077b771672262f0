"""Where a trial's parameters come from: recomputed, like everything in a round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpsearch.method import (
    Candidates,
    Draw,
    Row,
    Tightening,
    entry_name,
    round_candidates,
    round_candidates_at,
)
from hpsearch.storage.result import value_of
from hpsearch.storage.round_record import RoundRecord
from hpsearch.study import Study
from hpsearch.trial import Spec, Trial


@dataclass(frozen=True)
class Lineage:
    """A trial's ancestors.

    Attributes:
        parent: the trial that it continues, repeats or was drawn around; None for a draw from the
            prior, and where an accepted change of the study has made it unknowable.
        donors: of a draw around survivors, the trial whose value each parameter had before it
            moved; a parameter that nobody had is absent. Where blocks share structures, a
            structural parameter's is that of the draw, or the survivor, that leads the block.
    """

    parent: int | None
    donors: Mapping[str, int] = field(default_factory=dict)


def trace_lineage(
    study: Study, record: RoundRecord | None, survivors: Sequence[Trial], trial: Trial
) -> Lineage:
    """The lineage of a trial.

    Args:
        study: that the trial is of.
        record: of the trial's round; None if there is none.
        survivors: the trials that the round drew from, in the record's order.
        trial: the trial.
    """
    spec = trial.spec
    if spec.role != "draw" or record is None or not survivors:
        return Lineage(spec.parent)
    rows = tuple(Row(t.spec.number, value_of(t), t.spec.unit, t.spec.budget) for t in survivors)
    names = study.space.names
    evidence = tuple(record.evidence.get(name, 1.0) for name in names)
    shared = {entry_name(entry) for entry in record.blocks.shared}
    if any(len(row.unit) != len(names) for row in rows) or not shared <= set(names):
        return Lineage(None)
    tightening = Tightening(rows, record.width, evidence)
    drawn = _drawn(study, record, tightening, spec)
    if drawn is None:
        return Lineage(None)
    donors = {
        name: donor
        for name, donor in zip(names, drawn.donors, strict=True)
        if donor is not None and name in spec.params
    }
    return Lineage(drawn.parent, donors)


def _drawn(study: Study, record: RoundRecord, tightening: Tightening, spec: Spec) -> Draw | None:
    """The draw that the trial is, or was before a judge moved it."""
    offer = _offer(study, record, tightening, spec)
    if offer is None:
        return None
    drawn = offer.plain
    if record.judge is None:
        return drawn if drawn.unit == spec.unit else None
    for _ in range(spec.candidate):
        drawn = offer.another()
    return drawn


def _offer(
    study: Study, record: RoundRecord, tightening: Tightening, spec: Spec
) -> Candidates | None:
    space, seed = study.space, study.search.seed
    if not record.blocks:
        return round_candidates_at(space, tightening, seed=seed, round=spec.round, place=spec.index)
    continued = spec.round > 0 and record.budget > study.budget.at(spec.round - 1)
    kept = len(tightening.survivors) if continued else 0
    made = round_candidates(
        space,
        tightening,
        seed=seed,
        round=spec.round,
        trials=study.search.trials,
        kept=kept,
        blocks=record.blocks,
    )
    return made[spec.index - kept] if spec.index < kept + len(made) else None

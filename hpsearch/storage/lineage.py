"""Where a trial's parameters come from: recomputed, like everything in a round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpsearch.method import (
    Draw,
    RoundPlan,
    Row,
    Slot,
    Tightening,
    entry_name,
    round_slot,
    round_slots,
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
    step_sizes = tuple(record.step_sizes.get(name, 1.0) for name in names)
    shared = {entry_name(entry) for entry in record.blocks.shared}
    if any(len(row.unit) != len(names) for row in rows) or not shared <= set(names):
        return Lineage(None)
    tightening = Tightening(rows, record.width, step_sizes)
    draw = _draw_of(study, record, tightening, spec)
    if draw is None:
        return Lineage(None)
    donors = {
        name: donor
        for name, donor in zip(names, draw.donors, strict=True)
        if donor is not None and name in spec.params
    }
    return Lineage(draw.parent, donors)


def _draw_of(study: Study, record: RoundRecord, tightening: Tightening, spec: Spec) -> Draw | None:
    """The draw of a trial, before refinement moved it."""
    slot = _slot_of(study, record, tightening, spec)
    if slot is None:
        return None
    draw = slot.plain
    if record.surrogate is None:
        return draw if draw.unit == spec.unit else None
    for _ in range(spec.candidate):
        draw = slot.draw()
    return draw


def _slot_of(study: Study, record: RoundRecord, tightening: Tightening, spec: Spec) -> Slot | None:
    space, seed, round = study.space, study.search.seed, spec.round
    if not record.blocks:
        return round_slot(space, tightening, seed=seed, round=round, index=spec.index)
    is_continued = round > 0 and record.budget > study.budget.at(round - 1)
    plan = RoundPlan(seed, round, study.search.trials, continued=is_continued, blocks=record.blocks)
    slots = round_slots(space, tightening, plan)
    return next((slot for slot in slots if slot.index == spec.index), None)

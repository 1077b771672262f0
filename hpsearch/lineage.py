"""Where a trial's parameters come from: recomputed, like everything in a round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpsearch import rounds
from hpsearch.record import RoundRecord
from hpsearch.result import value_of
from hpsearch.study import Study
from hpsearch.trial import Trial


@dataclass(frozen=True)
class Lineage:
    """A trial's ancestors.

    Attributes:
        parent: the trial that it continues, repeats or was drawn around; None for a draw from the
            prior, and where an accepted change of the study has made it unknowable.
        donors: of a draw around survivors, the trial whose value each parameter had before it
            moved; a parameter that nobody had is absent.
    """

    parent: int | None
    donors: Mapping[str, int] = field(default_factory=dict)


def lineage(
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
    rows = tuple(
        rounds.Row(t.spec.number, value_of(t), t.spec.unit, t.spec.budget) for t in survivors
    )
    names = study.space.names
    evidence = tuple(record.evidence.get(name, 1.0) for name in names)
    if any(len(row.unit) != len(names) for row in rows):
        return Lineage(None)
    tightening = rounds.Tightening(rows, record.width, evidence)
    generator = rounds.draw_generator(study.search.seed, spec.round, spec.index)
    drawn = rounds.draw(study.space, tightening, generator)
    if drawn.unit != spec.unit:
        return Lineage(None)
    donors = {
        name: donor
        for name, donor in zip(names, drawn.donors, strict=True)
        if donor is not None and name in spec.params
    }
    return Lineage(drawn.parent, donors)

"""The method: rounds of random draws whose distributions tighten around the best.

Everything here is a pure function of the study's seed and the table of finished trials, so a round
is recomputed, never remembered. Points live in the unit cube (see `space`); values are "lower is
better" whatever the user's direction.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpsearch.method.draws import RoundPlan, round_slots
from hpsearch.method.initial_design import initial_points
from hpsearch.method.seeds import training_seed
from hpsearch.method.tightening import Tightening
from hpsearch.space import Space
from hpsearch.trial import Role

if TYPE_CHECKING:
    from hpsearch.method.acquisition import Acquisition


@dataclass(frozen=True)
class Proposal:
    """A trial of a round, before it has a number."""

    index: int
    role: Role
    unit: tuple[float, ...]
    seed: int
    parent: int | None = None  # of a continuation
    origin: int | None = None  # of a draw: the survivor that it was made around
    candidate: int = 0  # of a draw: its index among the slot's candidates


def propose(
    space: Space,
    tightening: Tightening,
    plan: RoundPlan,
    acquisition: "Acquisition | None" = None,
) -> list[Proposal]:
    """The trials of a round, in the order of their slots.

    Args:
        acquisition: selects each slot's draw among several, in rounds from 1 on; None takes the
            first. It is fitted to all trials that finished in the rounds before, at every budget,
            and gets the round's trials as pending points.
    """
    seed, round = plan.seed, plan.round
    if round == 0:
        points = initial_points(space, seed, plan.trials, plan.start, plan.blocks)
        return [Proposal(i, "draw", u, training_seed(seed, 0, i)) for i, u in enumerate(points)]
    continued = tightening.survivors if plan.continued else ()
    # A continuation is its parent's training, longer; its seed is therefore the parent's, which
    # only the controller's table knows: -1 is a placeholder that it replaces.
    proposals = [
        Proposal(i, "continue", row.unit, -1, row.number) for i, row in enumerate(continued)
    ]
    slots = round_slots(space, tightening, plan)
    if acquisition is None:
        draws = [slot.plain for slot in slots]
    else:
        from hpsearch.method.selection import select_draw  # scipy takes 0.5 s to import

        for row in continued:
            acquisition.add_pending(row.unit)
        draws = [select_draw(slot, plan.trials, acquisition) for slot in slots]
    for slot, draw in zip(slots, draws, strict=True):
        own_seed = training_seed(seed, round, slot.index)
        proposals.append(
            Proposal(
                slot.index,
                "draw",
                draw.unit,
                own_seed,
                origin=draw.parent,
                candidate=draw.candidate,
            )
        )
    return proposals

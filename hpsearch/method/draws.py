"""Random draws from a tightened distribution, and the slots of a round that they fill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hpsearch.method.ranking import Row
from hpsearch.method.seeds import draw_generator
from hpsearch.method.structure import Structure, entry_name
from hpsearch.method.structure_blocks import NO_BLOCKS, Blocks, Point, assign_leaders, follow
from hpsearch.method.tightening import WIDTH, Tightening
from hpsearch.space import Choice, Domain, Int, Logint, Scalar, Space

WIDTH_SPREAD = 0.7  # standard deviation of log2 of a draw's own width multiplier
PRIOR_SHARE = 0.08  # draws that ignore the survivors
MIX = 0.80  # probability that a parameter comes from another survivor than the parent
MOVE_FLOOR = 0.3  # the share of parameters that a draw moves is uniform in [MOVE_FLOOR, 1]
CHOICE_MOVE = 0.4  # at width WIDTH, in proportion to it, and never below CHOICE_FLOOR
CHOICE_FLOOR = 0.1


@dataclass(frozen=True)
class RoundPlan:
    """The settings of one round.

    Attributes:
        continued: whether the survivors take the first slots and train on to a larger budget.
        start: known-good configurations for the first slots of round 0. Parameters that one leaves
            open come from the slot's own point.
    """

    seed: int
    round: int
    trials: int
    continued: bool = False
    start: Sequence[Mapping[str, Scalar]] = ()
    blocks: Blocks = NO_BLOCKS


@dataclass(frozen=True)
class Draw:
    unit: Point  # in the unit cube, inactive coordinates included
    parent: int | None  # a survivor's number; None for a draw from the whole prior
    donors: tuple[int | None, ...]  # the trial whose value each parameter had before it moved
    candidate: int = 0  # the index of the selected draw among its slot's candidates


@dataclass(frozen=True)
class Slot:
    """One slot of a round from 1 on: its plain draw, and a generator for further ones.

    Attributes:
        first: the plain draw, before it takes the structure of a leader.
        generator: the slot's generator, after the plain draw.
        leader: the draw whose structure all draws of the slot take; None without blocks.
    """

    space: Space
    tightening: Tightening
    index: int
    first: Draw
    generator: np.random.Generator
    shared: Structure = ()
    leader: Draw | None = None

    @property
    def plain(self) -> Draw:
        return self._with_structure(self.first)

    def draw(self) -> Draw:
        """One more draw; advances the generator."""
        return self._with_structure(draw_point(self.space, self.tightening, self.generator))

    def move(self, point: Point, width: float) -> Point:
        """A random move of a point with a width; advances the generator."""
        tightening = replace(self.tightening, width=width)
        moved = move_point(self.space, tightening, point, self.generator)
        if self.leader is None:
            return moved
        return follow(self.space, self.shared, moved, self.leader.unit)

    def _with_structure(self, draw: Draw) -> Draw:
        """The draw with the structure and the structural donors of the leader."""
        if self.leader is None:
            return draw
        unit = follow(self.space, self.shared, draw.unit, self.leader.unit)
        donors = list(draw.donors)
        for entry in self.shared:
            j = self.space.names.index(entry_name(entry))
            if isinstance(entry, str) or unit[j] != draw.unit[j]:
                donors[j] = self.leader.donors[j]
        return replace(draw, unit=unit, donors=tuple(donors))


def round_slot(space: Space, tightening: Tightening, *, seed: int, round: int, index: int) -> Slot:
    """A slot that shares no structure; arguments as in `RoundPlan`."""
    generator = draw_generator(seed, round, index)
    first = draw_point(space, tightening, generator)
    return Slot(space, tightening, index, first, generator)


def round_slots(space: Space, tightening: Tightening, plan: RoundPlan) -> list[Slot]:
    """The slots of a round from 1 on, without those of continuations.

    With blocks, the draws take the structures of the best survivor and of the first draws that
    bring others (`structure_blocks.assign_leaders`).
    """
    continued = len(tightening.survivors) if plan.continued else 0
    slots = [
        round_slot(space, tightening, seed=plan.seed, round=plan.round, index=i)
        for i in range(continued, plan.trials)
    ]
    if not plan.blocks:
        return slots
    survivors = [Draw(r.unit, r.number, (r.number,) * len(r.unit)) for r in tightening.survivors]
    draws = [*survivors, *(slot.first for slot in slots)]
    units, first = [draw.unit for draw in draws], len(survivors)
    leaders = assign_leaders(space, plan.blocks, units[:first], continued, units[first:])
    return [
        replace(slot, shared=plan.blocks.shared, leader=draws[leader])
        for slot, leader in zip(slots, leaders, strict=True)
    ]


def draw_point(space: Space, tightening: Tightening, generator: np.random.Generator) -> Draw:
    """One random draw from the tightened distribution; needs a survivor (docs/method.md)."""
    prior = generator.random(len(space)).tolist()
    if generator.random() < PRIOR_SHARE:
        return Draw(tuple(prior), None, (None,) * len(space))
    parent, donors = _recombine(space, tightening.survivors, generator)
    point = [prior[j] if donor is None else donor.unit[j] for j, donor in enumerate(donors)]
    numbers = tuple(None if donor is None else donor.number for donor in donors)
    return Draw(move_point(space, tightening, point, generator), parent.number, numbers)


def move_point(
    space: Space, tightening: Tightening, start: Sequence[float], generator: np.random.Generator
) -> Point:
    """A point after a move of the tightening's width; steps 3 to 5 of a draw."""
    point = list(start)
    share = generator.uniform(MOVE_FLOOR, 1)
    moves = [j for j, u in enumerate(generator.random(len(space)).tolist()) if u < share]
    active = space.active(point)
    if not any(active[j] for j in moves):
        moves = sorted([*moves, int(generator.choice(np.flatnonzero(active)))])
    multiplier = 2.0 ** (WIDTH_SPREAD * generator.standard_normal())
    for j in moves:
        step = tightening.width * multiplier * tightening.step_sizes[j]
        domain = space.parameters[j].domain
        point[j] = _move_coordinate(domain, point[j], step, tightening.width, generator)
    return tuple(point)


def _recombine(
    space: Space, survivors: Sequence[Row], generator: np.random.Generator
) -> tuple[Row, list[Row | None]]:
    """A parent, and the donor of each parameter: it, another survivor, or None for the prior."""
    active = [space.active(row.unit) for row in survivors]
    parent = int(generator.integers(len(survivors)))
    rivals = [i for i in range(len(survivors)) if i != parent]
    chances = generator.random((len(space), 2)).tolist()
    donors: list[Row | None] = []
    for j, (mixes, pick) in enumerate(chances):
        others = [i for i in rivals if active[i][j]]
        if others and mixes < MIX:
            donors.append(survivors[others[int(pick * len(others))]])
        else:
            donors.append(survivors[parent] if active[parent][j] else None)
    return survivors[parent], donors


def _move_coordinate(
    domain: Domain, u: float, step: float, round_width: float, generator: np.random.Generator
) -> float:
    """A coordinate after a move: choices jump, numbers take a normal step inside their limits."""
    if isinstance(domain, Choice):
        if generator.random() < max(CHOICE_MOVE * round_width / WIDTH, CHOICE_FLOOR):
            return float((generator.integers(len(domain.options)) + 0.5) / len(domain.options))
        return u
    if isinstance(domain, Int | Logint):
        step = max(step, domain.half_step(u))
    least, most = domain.limits
    while True:
        moved = u + step * generator.standard_normal()
        if least <= moved <= most:
            return float(moved)

"""The method: rounds of random draws whose distributions tighten around the best.

Everything here is a pure function of the study's seed and the table of finished trials, so a round
is recomputed, never remembered. Points live in the unit cube (see `space`); values are "lower is
better" whatever the user's direction.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from hpsearch.method.candidates import Candidates, Draw
from hpsearch.method.initial_design import initial_points
from hpsearch.method.range_expansion import expanded_step_sizes
from hpsearch.method.ranking import Row, best_distinct, ranked
from hpsearch.method.seeds import draw_generator, training_seed
from hpsearch.method.structure_blocks import NO_BLOCKS, Blocks, Point, led_by
from hpsearch.space import Choice, Domain, Int, Logint, Scalar, Space
from hpsearch.trial import Role

WIDTH = 0.20  # of a numeric move in round 1
SHRINK = 0.80  # of the width, a round
WIDTH_FLOOR = 0.01
WIDTH_SPREAD = 0.7  # standard deviation of log2 of a draw's own width multiplier
PRIOR_SHARE = 0.08  # draws that ignore the survivors
MIX = 0.80  # probability that a parameter comes from another survivor than the parent
MOVE_FLOOR = 0.3  # the share of parameters that a draw moves is uniform in [MOVE_FLOOR, 1]
CHOICE_MOVE = 0.4  # at width WIDTH, in proportion to it, and never below CHOICE_FLOOR
CHOICE_FLOOR = 0.1
EVIDENCE_FLOOR = 0.3
EVIDENCE_TRIALS = 6  # or a fifth of the finished ones, if that is more


@dataclass(frozen=True)
class Proposal:
    """A place of a round, before it has a number."""

    index: int
    role: Role
    unit: tuple[float, ...]
    seed: int
    parent: int | None = None  # of a continuation
    origin: int | None = None  # of a draw: the survivor that it was made around
    candidate: int = 0  # of a draw: which of its place's it is


@dataclass(frozen=True)
class Tightening:
    """What a round draws from."""

    survivors: tuple[Row, ...]  # best first; none in round 0
    width: float  # standard deviation of a numeric move, in the unit cube
    evidence: tuple[float, ...]  # factor on the width per parameter; 1 for choices


def round_width(round: int) -> float:
    """Standard deviation of a numeric move in a round from 1 on, in the unit cube."""
    return max(WIDTH_FLOOR, WIDTH * SHRINK ** (round - 1))


def relative_step_sizes(space: Space, rows: Sequence[Row]) -> tuple[float, ...]:
    """How much wider or narrower than average each parameter is drawn.

    A parameter on which the good trials agree is tightened more: sqrt(12) times their standard
    deviation (1 for a uniform spread), clipped, over its geometric mean for the numeric parameters.
    """
    finished = ranked(rows)
    good = finished[: evidence_trials(len(finished))]
    active = [space.active(row.unit) for row in good]
    deviations: dict[int, float | None] = {}
    for j, parameter in enumerate(space):
        if isinstance(parameter.domain, Choice):
            continue
        units = [row.unit[j] for row, mask in zip(good, active, strict=True) if mask[j]]
        deviations[j] = float(np.std(units)) if len(units) > 1 else None
    return relative_widths(deviations, len(space))


def evidence_trials(finished: int) -> int:
    """How many of the best trials are evidence."""
    return max(EVIDENCE_TRIALS, finished // 5)


def relative_widths(deviations: Mapping[int, float | None], parameters: int) -> tuple[float, ...]:
    """A factor on the width per parameter, from what the good trials agree on.

    Args:
        deviations: by the index of each numeric parameter, the standard deviation of its
            coordinates in the good trials; None where fewer than two have it.
        parameters: of the space, choices included.
    """
    # One trial alone agrees with itself on everything, which is no evidence.
    raw = {j: 1.0 if std is None else math.sqrt(12) * std for j, std in deviations.items()}
    spread = {j: min(max(value, EVIDENCE_FLOOR), 1.0) for j, value in raw.items()}
    if not spread:
        return (1.0,) * parameters
    mean = math.exp(sum(math.log(value) for value in spread.values()) / len(spread))
    return tuple(spread[j] / mean if j in spread else 1.0 for j in range(parameters))


def tighten(space: Space, rows: Sequence[Row], *, round: int, survivors: int) -> Tightening:
    """What round `round` draws from, given the rows that may be compared with each other."""
    if round == 0:
        return Tightening((), 1.0, (1.0,) * len(space))
    chosen = tuple(best_distinct(space, rows, survivors))
    factors = expanded_step_sizes(
        space, rows, chosen, width=round_width(round), evidence=relative_step_sizes(space, rows)
    )
    return Tightening(chosen, round_width(round), factors)


def propose(
    space: Space,
    tightening: Tightening,
    *,
    seed: int,
    round: int,
    trials: int,
    continued: bool,
    start: Sequence[Mapping[str, Scalar]] = (),
    blocks: Blocks = NO_BLOCKS,
    judge: Literal["gp"] | None = None,
    rows: Sequence[Row] = (),
    budget: int = 1,
) -> list[Proposal]:
    """The places of a round, in order.

    Args:
        space: of the study.
        tightening: from `tighten` for this round.
        seed: of the study.
        round: 0 is the space-filling one, in which nobody judges.
        trials: places.
        continued: the first places go to the survivors, which train on to a larger budget.
        start: known-good configurations for the first places of round 0; what one leaves open
            comes from the place's own point.
        blocks: how the trials share structures.
        judge: who picks each draw among several; none takes the first.
        rows: what the judge knows: all that was finished in the rounds before, at every budget.
        budget: of the round, in steps; for the judge.
    """
    if round == 0:
        points = initial_points(space, seed, trials, start, blocks)
        return [Proposal(i, "draw", points[i], training_seed(seed, 0, i)) for i in range(trials)]
    kept = tightening.survivors if continued else ()
    # A continuation is its parent's training, longer; its seed is therefore the parent's, which
    # only the controller's table knows: `seed` here is a placeholder that it replaces.
    places = [Proposal(i, "continue", row.unit, -1, row.number) for i, row in enumerate(kept)]
    offered = round_candidates(
        space, tightening, seed=seed, round=round, trials=trials, kept=len(kept), blocks=blocks
    )
    made = [offer.plain for offer in offered]
    if judge is not None:
        from hpsearch.method.acquisition import (
            Acquisition,  # scipy: half a second that only a judged search needs
        )

        mind = Acquisition(space, rows, budget=budget)
        for row in kept:
            mind.wait(row.unit)
        made = [offer.judged(mind, trials) for offer in offered]
    for i, drawn in enumerate(made, start=len(kept)):
        own_seed = training_seed(seed, round, i)
        places.append(
            Proposal(
                i,
                "draw",
                drawn.unit,
                own_seed,
                origin=drawn.parent,
                candidate=drawn.candidate,
            )
        )
    return places


def round_candidates_at(
    space: Space, tightening: Tightening, *, seed: int, round: int, place: int
) -> Candidates:
    """What a place takes that shares no structure."""
    generator = draw_generator(seed, round, place)
    draws = partial(draw_point, space, tightening)

    def move(point: Point, width: float, generator: np.random.Generator) -> Point:
        return move_point(space, replace(tightening, width=width), point, generator)

    return Candidates(space, place, draws(generator), generator, draws, move)


def round_candidates(
    space: Space,
    tightening: Tightening,
    *,
    seed: int,
    round: int,
    trials: int,
    kept: int,
    blocks: Blocks = NO_BLOCKS,
) -> list[Candidates]:
    """What the places of a round from 1 on can take, from place `kept` on.

    With blocks, they take the structures of the best survivor and of the first draws that bring
    others (`blocks.led_by`).
    """
    made = [
        round_candidates_at(space, tightening, seed=seed, round=round, place=i)
        for i in range(kept, trials)
    ]
    if not blocks:
        return made
    survivors = [Draw(r.unit, r.number, (r.number,) * len(r.unit)) for r in tightening.survivors]
    known = [*survivors, *(one.drawn for one in made)]
    units, first = [drawn.unit for drawn in known], len(survivors)
    leaders = led_by(space, blocks, units[:first], kept, units[first:])
    return [
        replace(one, shared=blocks.shared, leader=known[leader])
        for one, leader in zip(made, leaders, strict=True)
    ]


def draw_point(space: Space, tightening: Tightening, generator: np.random.Generator) -> Draw:
    """One random draw from the tightened distribution (docs/method.md, "A draw").

    Args:
        space: of the study.
        tightening: with at least one survivor.
        generator: the draw's own, from `draw_generator`.
    """
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
        step = tightening.width * multiplier * tightening.evidence[j]
        point[j] = _move(space.parameters[j].domain, point[j], step, tightening.width, generator)
    return tuple(point)


def _recombine(
    space: Space, survivors: Sequence[Row], generator: np.random.Generator
) -> tuple[Row, list[Row | None]]:
    """A parent, and who gives each parameter: it, another survivor, or nobody (the prior)."""
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


def _move(
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

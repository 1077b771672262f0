"""Which of several random draws a slot trains: the one that the acquisition scores best.

Every candidate is a draw from the tightened distribution, so a surrogate does not change what a
round can propose; it only selects.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpsearch.method.acquisition import Acquisition
from hpsearch.method.draws import Draw, Slot
from hpsearch.method.structure_blocks import Point

MAX_CANDIDATES = 512.0  # the limit towards the last slot; the first has one
REDRAWS = 20  # the most candidates of a slot, if it has more only because all were repeats
# A selected draw is refined by moves around it, keeping the best of each width, if noise is small.
REFINE_WIDTHS = (0.1, 0.05, 0.025, 0.0125, 0.00625)
REFINE_DRAWS = 40  # of each width
REFINE_FROM = 0.3  # of a round's slots; those before are not refined
REFINE_NOISE = 0.1  # upper limit of the noise's variance over the signal's


def candidate_count(slot: int, slots: int) -> int:
    """The number of draws that a slot selects from: 1 for the first, about 450 for the last."""
    return round(float(MAX_CANDIDATES ** ((slot + 0.5) / slots)))


def select_draw(slot: Slot, slots: int, acquisition: Acquisition) -> Draw:
    """The draw that a slot trains, added to the acquisition as a pending point.

    The slot's generator advances.
    """
    candidates = [slot.plain]
    if acquisition.is_predictive:
        candidates += [slot.draw() for _ in range(candidate_count(slot.index, slots) - 1)]
        while len(candidates) < REDRAWS and acquisition.are_repeats(_units(candidates)).all():
            candidates.append(slot.draw())
    index = acquisition.select(_units(candidates), slot.index, slot.generator)
    point = refine_point(candidates[index].unit, slot, slots, acquisition)
    acquisition.add_pending(point)
    return replace(candidates[index], unit=point, candidate=index)


def refine_point(point: Point, slot: Slot, slots: int, acquisition: Acquisition) -> Point:
    """The selected point of a slot, moved to where more improvement is expected.

    Odd slots are not refined: the joint sample that they minimize is known only at the candidates.
    """
    if slot.index % 2 == 1 or slot.index + 0.5 < REFINE_FROM * slots:
        return point
    if acquisition.noise_ratio > REFINE_NOISE:
        return point
    highest = acquisition.improvement([point])[0]
    for width in REFINE_WIDTHS:
        moved = [slot.move(point, width) for _ in range(REFINE_DRAWS)]
        improvement = np.where(
            acquisition.are_repeats(moved), -np.inf, acquisition.improvement(moved)
        )
        best = int(np.argmax(improvement))
        if improvement[best] > highest:
            point, highest = moved[best], improvement[best]
    return point


def _units(draws: Sequence[Draw]) -> list[Point]:
    return [draw.unit for draw in draws]
